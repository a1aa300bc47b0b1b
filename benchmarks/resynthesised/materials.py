"""Which recordings are used for what: beginnings of their file names.

Which sound can stand for which is assumed. What is named more than once is drawn more often.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "APPLIANCES",
    "BEDS",
    "BOILING",
    "CLICKS",
    "CLOTHS",
    "DRIPS",
    "GEAR_PUMPS",
    "HISSES",
    "HUMS",
    "KNOCKS",
    "METAL",
    "MUSIC",
    "PUMPS",
    "ROOM_GRAINS",
    "ROTARY_PUMPS",
    "SELF_NOISE",
    "SPEECH",
    "STROKES",
    "WATER",
]

# Recordings of machines.
PUMPS: Final = ("espresso", "capsule")
# Strokes of vibratory pumps: two machines, and appliances that pulse with the mains.
STROKES: Final = (
    "espresso",
    "espresso",
    "espresso",
    "grind-then-pump",
    "grind-then-pump",
    "juicer-0-220774",
    "juicer-2-M",
    "juicer-3-M2",
    "juicer-4-Black",
)
ROTARY_PUMPS: Final = (
    "blender-2-31633",
    "blender-0-158737",
    "blender-1-220806",
    "stove-fan-0-137248-B",
    "stove-fan-0-168477-A",
    "stove-fan-0-168477-B",
    "dishwasher-0-20025",
    "dishwasher-2-267516",
    "microwave-2-185883",
    "microwave-1-166926",
    "juicer-1-46221",
)
GEAR_PUMPS: Final = (
    "juicer-1-46221",
    "juicer-4-Black",
    "blender-0-158737",
    "blender-2-31633",
    "grinder",
    "juicer-0-220774",
    "juicer-2-M",
    "blender-0-181625",
)
HUMS: Final = ("microwave-0-101477", "microwave-2-185883", "juicer-3-M2", "microwave-1-171450")
KNOCKS: Final = (
    "book-0-158765",
    "book-0-120782",
    "drawer-0-131772",
    "drawer-0-167167",
    "drawer-0-119725",
    "cupboard-0-133823",
    "cupboard-0-320610",
    "cupboard-0-179295",
    "chopping-0-149276",
    "chopping-0-181612",
    "plates-0-214440",
    "footsteps",
)
METAL: Final = (
    "cutlery-0-101478",
    "cutlery-0-124432",
    "cutlery-1-206144",
    "cup_clinks",
    "plates-0-144185",
    "plates-1-275954",
    "clean-dishes-3-50703",
)
CLICKS: Final = (
    "typing",
    "macbook_typing",
    "microwave-0-149276",
    "cutlery-0-101478",
    "stove-burner-0-181627",
    "door_open",
    "book-0-164806",
)
HISSES: Final = (
    "steam_milk",
    "water-flowing-1-181629",
    "water-flowing-5-433994-D",
    "water-flowing-5-433994-E",
    "frying-pan-0-109091",
    "frying-pan-1-210023",
    "clean-dishes-2-424680",
    "pour",
    "water-flowing-0-168651",
    "sweep-1-20286",
    "clean-dishes-1-238396",
    "stove-burner-0-166921",
)
WATER: Final = (
    "pour",
    "water-flowing-0-152977",
    "water-flowing-1-181629",
    "water-flowing-0-168651",
    "clean-dishes-0-149276",
    "water-flowing-1-172726",
)
BOILING: Final = (
    "boiling-water-0-116219",
    "boiling-water-1-19842",
    "boiling-water-2-251398",
    "boiling-water-0-181614",
    "boiling-water-1-212179",
)
DRIPS: Final = ("pour", "boiling-water-1-19842", "eat-0-106261", "water-flowing-0-155306")
CLOTHS: Final = ("sweep-0-122815", "sweep-1-20286", "peel-0-110105", "page_turn", "eat-0-126315", "peel-1-429887")
_BOOK: Final = "sense_and_sensibility_01_austen_64kb"
SPEECH: Final = (
    *("001", "002", "003", "004", "005"),
    *(f"{_BOOK}-{number}" for number in ("0870", "0880", "0890", "0920", "0930")),
)
MUSIC: Final = (
    "ambi_choir",
    "ambi_piano",
    "loop_breakbeat",
    "loop_electric",
    "loop_mehackit2",
    "loop_perc2",
    "loop_tabla",
    "loop_industrial",
    "ambi_haunted_hum",
)
# Out of these rooms' echoes are made.
ROOM_GRAINS: Final = ("frying-pan-0-109091", "steam_milk", "water-flowing-5-433994-D")
SELF_NOISE: Final = "frying-pan-0-109091"
# What is always there in a room.
BEDS: Final = {
    "home": (
        "fridge-0-155302",
        "fridge-0-202896",
        "fridge-1-220790",
        "fridge-1-340847",
        "fridge-0-181617",
        "dishwasher-1-207428",
        "dishwasher-0-123443",
        "traffic_day",
        "no-pump",
        "door_open",
    ),
    "kitchen": (
        "fridge-1-220790",
        "dishwasher-0-20025",
        "dishwasher-3-341383",
        "stove-fan-0-168477-B",
        "stove-fan-0-137248-A",
        "boiling-water-0-116219",
        "frying-pan-0-156973",
        "water-flowing-0-155306",
        "microwave-1-171450",
        "fridge-0-155302",
    ),
    "hard": (
        "stove-fan-0-137248-B",
        "stove-fan-0-168477-A",
        "dishwasher-2-267516",
        "dishwasher-0-20025",
        "traffic_day",
        "frying-pan-0-109091",
        "water-flowing-5-433994-E",
        "boiling-water-1-212179",
        "microwave-0-101477",
        "clean-dishes-2-424680",
    ),
    "cafe": ("chatter", "chatter2", "chatter_busy", "traffic_day"),
}
# Where nobody uses a machine these are heard in every room.
APPLIANCES: Final = ("juicer-2-M", "juicer-3-M2", "microwave-0-101477", "blender-1-220806")
