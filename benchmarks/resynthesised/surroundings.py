"""What else is heard: what is always there in a room, what passes, and the user's hands; how often is assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from .endless import cloud, looped
from .materials import (
    APPLIANCES,
    BEDS,
    BOILING,
    CLOTHS,
    GEAR_PUMPS,
    HISSES,
    KNOCKS,
    METAL,
    MUSIC,
    ROTARY_PUMPS,
    SPEECH,
    WATER,
)
from .recordings import excerpt, knock, recording, steadiest
from .signals import F32, RATE_HZ, Floats, add, colour, curve_db, gain, pick, unit, wander

__all__ = ["bed", "hands", "passing"]

_BED_S: Final = 25
_MUSIC_SHARES: Final = {"cafe": 0.6, "kitchen": 0.3, "hard": 0.3}
_RADIO_SHARES: Final = {"kitchen": 0.3}
_RADIO_SENTENCES: Final = 6
# As a small loudspeaker sounds, at the knots.
_RADIO_DB: Final = curve_db([-25, -12, -2, 0, 0, 0, -10, -25])
# Levels wander by so much in six seconds.
_WANDER_DB: Final = {"home": 0.8, "kitchen": 0.8, "hard": 0.8, "cafe": 1.5}
# How often hands are heard in three seconds of a pause, and how many threes of it count at most.
_HANDS: Final = {"home": 0.5, "kitchen": 0.7, "hard": 0.8, "cafe": 0.8}
_MOST_HANDS: Final = 3
_HANDS_DB: Final = (-16, 2)
_HAND_KINDS: Final = ("handle", "handle", "cloth", "cup", "water")

# Names, one of which is drawn, and for how long it is heard, s.
_Passing = tuple[tuple[str, ...], float, float]


@dataclass(frozen=True, slots=True)
class _Room:
    """How often something passes, a minute, its level relative to the pump, and what it may be."""

    per_minute: float
    low_db: float
    high_db: float
    kinds: tuple[_Passing, ...]


_ROOMS: Final = {
    "home": _Room(
        1.2,
        -22,
        -8,
        (
            (SPEECH, 2, 5),
            (METAL, 0.5, 2),
            (("fridge-1-220790", "cough", "door_open", "footsteps", "chair_scrape"), 1, 4),
            (CLOTHS, 1, 3),
        ),
    ),
    "kitchen": _Room(
        6,
        -15,
        0,
        (
            ((*METAL, "dishes", "clean-dishes-0-198956", "clean-dishes-3-65791"), 1, 5),
            (WATER, 2, 6),
            (SPEECH, 2, 6),
            (KNOCKS, 0.3, 1.5),
            (
                (
                    "microwave-0-149276",
                    "microwave-1-166926",
                    "blender-1-220806",
                    "juicer-3-M2",
                    "stove-burner-0-181627",
                ),
                3,
                5,
            ),
            (BOILING, 3, 5),
            (("chopping-0-149276", "chopping-0-181612"), 2, 5),
        ),
    ),
    "hard": _Room(
        8,
        -9,
        6,
        (
            ((*METAL, "clean-dishes-0-149276", "clean-dishes-2-424680"), 1, 5),
            (WATER, 2, 7),
            (SPEECH, 2, 6),
            (KNOCKS, 0.3, 2),
            (
                (
                    "blender-0-158737",
                    "blender-2-31633",
                    "juicer-0-220774",
                    "juicer-2-M",
                    "juicer-4-Black",
                    "grinder",
                    "microwave-0-101477",
                ),
                3,
                5,
            ),
            (HISSES, 1, 4),
            (MUSIC, 2, 8),
            (("drawer-0-119725", "chair_scrape", "cough"), 1, 3),
        ),
    ),
    "cafe": _Room(
        8,
        -10,
        4,
        (
            (("grinder",), 4, 10),
            (("steam_milk",), 1.5, 4.4),
            (("dishes", "cup_clinks", "plates-0-144185"), 1, 6),
            (SPEECH, 2, 6),
            (("door_bell", "door_open", "chair_scrape", "cough", "footsteps"), 1, 4),
            (KNOCKS, 0.3, 1.2),
            (("pour", *WATER), 1.5, 5),
        ),
    ),
}
# Where there is no machine more is heard, and louder, and what may be taken for one.
_IDLE_KINDS: Final[tuple[_Passing, ...]] = (
    (ROTARY_PUMPS + GEAR_PUMPS, 3, 5),
    (HISSES, 0.5, 3),
    (APPLIANCES, 4, 5),
)
_IDLE_LOUDER_DB: Final = 3
# Some of it thrice as long, forth and back.
_LONGER_SHARE, _LONG_S = 0.25, 2


def bed(corpus: Path, condition: str, count: int, rng: np.random.Generator) -> Floats:
    """What is always there, at an RMS of 1."""
    names = [pick(rng, BEDS[condition])]
    if rng.random() < 0.6:
        names.append(pick(rng, BEDS[condition]))
    mix = np.zeros(count, np.float32)
    for number, name in enumerate(names):
        factor = rng.uniform(0.2, 0.9) if number else 1
        mix += factor * unit(_lasting(corpus, condition, name, count, rng))
    if condition in _MUSIC_SHARES and rng.random() < _MUSIC_SHARES[condition]:
        mix += _music(corpus, count, rng)
    if condition in _RADIO_SHARES and rng.random() < _RADIO_SHARES[condition]:
        mix += _radio(corpus, count, rng)
    mix *= gain(wander(rng, count, 6.0, _WANDER_DB[condition]))
    return unit(mix)


def _lasting(corpus: Path, condition: str, name: str, count: int, rng: np.random.Generator) -> Floats:
    # Cafes are long recordings already.
    if condition == "cafe":
        return looped(recording(corpus, name), count, rng, rng.uniform(0.88, 1.12))
    return looped(cloud(steadiest(corpus, name, loud=False), _BED_S * RATE_HZ, rng, 0.2, 0.8), count, rng)


def _music(corpus: Path, count: int, rng: np.random.Generator) -> Floats:
    music = unit(looped(recording(corpus, pick(rng, MUSIC)), count, rng, rng.uniform(0.85, 1.15)))
    levels_db = curve_db([-25, -8, 0, 0, 0, rng.uniform(-8, 0), rng.uniform(-20, -3), -20])
    return unit(colour(music, levels_db)) * rng.uniform(0.2, 0.8)


def _radio(corpus: Path, count: int, rng: np.random.Generator) -> Floats:
    spoken: list[F32] = []
    for _ in range(_RADIO_SENTENCES):
        spoken.append(recording(corpus, pick(rng, SPEECH)))
        spoken.append(np.zeros(int(rng.uniform(0.1, 0.8) * RATE_HZ), np.float32))
    return unit(colour(looped(np.concatenate(spoken), count, rng), _RADIO_DB)) * rng.uniform(0.2, 0.6)


def passing(corpus: Path, condition: str, count: int, rng: np.random.Generator, *, idle: bool) -> F32:
    """What passes, relative to the pump."""
    room, mix = _ROOMS[condition], np.zeros(count, np.float32)
    per_minute, high_db, kinds = room.per_minute, room.high_db, room.kinds
    if idle:
        per_minute, high_db, kinds = per_minute * 1.5 + 1, high_db + _IDLE_LOUDER_DB, kinds + _IDLE_KINDS
    for _ in range(rng.poisson(per_minute * count / RATE_HZ / 60)):
        names, low_s, high_s = pick(rng, kinds)
        sound = excerpt(corpus, pick(rng, names), rng, low_s, high_s)
        if idle and rng.random() < _LONGER_SHARE and len(sound) > _LONG_S * RATE_HZ:
            sound = np.concatenate([sound, sound[::-1], sound])
        at_s = rng.uniform(0, count / RATE_HZ - 1)
        add(mix, sound * gain(rng.uniform(room.low_db, high_db)), at_s)
    return mix


def hands(
    corpus: Path, condition: str, pauses_s: Sequence[tuple[float, float]], count: int, rng: np.random.Generator
) -> F32:
    """What a user does beside the machine in the pauses, relative to the pump."""
    mix, level_db = np.zeros(count, np.float32), rng.uniform(*_HANDS_DB)
    for begin_s, end_s in pauses_s:
        length_s = end_s - begin_s
        if length_s < 1.0:
            continue
        for _ in range(rng.poisson(_HANDS[condition] * min(_MOST_HANDS, length_s / 3))):
            sound = _by_hand(corpus, pick(rng, _HAND_KINDS), rng)[: int((length_s - 0.4) * RATE_HZ)].copy()
            fade = min(len(sound), 400)
            sound[-fade:] *= np.linspace(1, 0, fade)
            sound = sound * gain(level_db + rng.uniform(-6, 3))
            add(mix, sound, rng.uniform(begin_s + 0.1, max(begin_s + 0.11, end_s - 0.2 - len(sound) / RATE_HZ)))
    return mix


def _by_hand(corpus: Path, kind: str, rng: np.random.Generator) -> F32:
    if kind == "handle":
        return 3 * knock(corpus, pick(rng, KNOCKS + METAL), rng, rng.uniform(0.08, 0.4), rng.uniform(0.6, 1.3))
    if kind == "cloth":
        return 0.3 * excerpt(corpus, pick(rng, CLOTHS), rng, 0.4, 1.5)
    if kind == "cup":
        return 0.6 * excerpt(corpus, pick(rng, METAL), rng, 0.3, 1.2)
    return 0.5 * excerpt(corpus, pick(rng, WATER), rng, 0.8, 3.5)
