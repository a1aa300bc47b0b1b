"""Machines as they are drawn: pump, water, over-pressure valve, release valve, and what they sound like.

All ranges are assumptions. Levels are dB beside a vibratory pump's magnet, or a motor, at free flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Final, Literal, NamedTuple

import numpy as np
from scipy.signal import butter, lfilter, oaconvolve

from ...config import RATE_HZ
from .draws import chance, log_uniform, uniform
from .signals import F32, F64, Plate, colour, gain, pulses, ringing, rms

__all__ = [
    "Chamber",
    "Machine",
    "Motor",
    "Order",
    "Pump",
    "ReleaseValve",
    "Relief",
    "Vibrator",
    "Water",
    "draw_machine",
]

Pump = Literal["vib", "rotary", "gear"]

# How often each pump comes: five vibratory and two rotary ones to a gear pump.
_PUMPS: Final[tuple[Pump, ...]] = ("vib", "vib", "vib", "vib", "vib", "rotary", "rotary", "gear")
# What sheet metal rattles like.
_PANEL: Final = Plate(20, 1200, 7000, (10, 60), -2, 0.05)


class Chamber(NamedTuple):
    """A pre-infusion chamber: opens at a pressure, and takes so much water within a bar."""

    opens_bar: float
    takes_ml_bar: float


@dataclass(frozen=True, slots=True)
class Water:
    """The water's way from the pump to the group.

    Parameters
    ----------
    free_ml_s, stall_bar
        Flow of the pump against no pressure, and the pressure that stops it.
    jet
        Pressure that the flow itself costs, bar / (mL/s)^2.
    yields_ml_bar
        How far hoses and boiler give way.
    air_ml
        Air that is trapped, from the second cycle on.
    chamber
        None where there is no pre-infusion.
    skips_bar
        Near this pressure strokes of the vibratory pump are left out; None where none are.
    rises_s, stops_s
        How fast the pump comes up and runs out.
    fill_s, first_fill
        How long the basket takes to fill, and how many times as long when it is the first of a session.
    """

    free_ml_s: float
    stall_bar: float
    jet: float
    yields_ml_bar: float
    air_ml: float
    chamber: Chamber | None
    skips_bar: float | None
    rises_s: float
    stops_s: float
    fill_s: float
    first_fill: float


@dataclass(frozen=True, slots=True)
class Relief:
    """An over-pressure valve: how it works, and how it sounds. It may run into the tray, and may squeal."""

    opens_bar: float
    ml_s_bar: float
    into_tray: bool
    squeal_hz: float | None
    colour: F32
    level_db: float


@dataclass(frozen=True, slots=True)
class ReleaseValve:
    """What lets the pressure out, a solenoid or by hand (`lever`: late, and without its click), and its whoosh.

    `decay_s` is the time to a tenth; `slug_s` how long water comes before air; `spit` and `pop` how strongly it spits
    and begins.
    """

    lever: bool
    delay_s: float
    decay_s: float
    level_db: float
    attack_s: float
    slug_s: float
    spit: float
    pop: float
    gurgle: float
    drips: bool
    bright: F32
    dull: F32


@dataclass(frozen=True, slots=True)
class Vibrator:
    """A vibratory pump's sound: kernels of its magnet, free and pressed, and of its piston's blows, hard and soft.

    `return_share` of a period after a blow comes a second one, `return_gain` times as strong. The blows fall with the
    stroke to the power of `blow_power`; `alternation` is how much every other is weaker.
    """

    magnet_free: F32
    magnet_pressed: F32
    hard: F32
    soft: F32
    return_share: float
    return_gain: float
    blow_power: float
    blow_db: float
    jitter: float
    alternation: float
    rattle_db: float | None
    rattle: F64


class Order(NamedTuple):
    """A multiple of the shaft's turning that is heard, and how many dB louder it is at full pressure."""

    order: int
    height: float
    pressed_db: float


@dataclass(frozen=True, slots=True)
class Motor:
    """A motor with a rotary or a gear pump.

    `sag` is how far the speed falls under load; `regulated_bar` where a controller slows the motor, `chopped_hz` what
    its current whistles at; None where they do not.
    """

    shaft_hz: float
    sag: float
    orders: tuple[Order, ...]
    hum: tuple[tuple[float, float], ...]
    chopped_hz: float | None
    regulated_bar: float | None
    roughness: float
    colour: F32


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine.

    Parameters
    ----------
    floor
        Share of the blows and of the water's noise that is left where nothing flows.
    pressed_db
        How much louder the lowest tones are at full pressure.
    wander_db, crackle, bump_db
        How restless the fill is, how much the air in it crackles, and how much brighter it is just before the pressure
        comes.
    stream_db, stream_power, stream_colour
        Noise of the streaming water, which falls with the flow to a power.
    coil_db
        Buzz of the release valve's coil, None where there is none.
    """

    name: str
    pump: Pump
    mains_hz: float
    water: Water
    relief: Relief | None
    valve: ReleaseValve
    sound: Vibrator | Motor
    floor: float
    pressed_db: float
    wander_db: float
    crackle: float
    bump_db: float
    stream_db: float
    stream_power: float
    stream_colour: F32
    coil_db: float | None
    click_db: float


def draw_machine(rng: np.random.Generator) -> Machine:
    """Draw a machine. The order of the draws is what makes it: nothing here can change places."""
    pump = _PUMPS[int(rng.integers(len(_PUMPS)))]
    mains_hz = float(rng.choice([50.0, 60.0])) + uniform(rng, -0.08, 0.08)
    water, relief = _draw_water(rng, pump)
    valve = _draw_valve(rng)
    stream_colour = colour(
        rng, uniform(rng, 250, 900), uniform(rng, 3000, 7900), uniform(rng, -6, 0), 4, int(rng.integers(0, 4))
    )
    relief_colour = colour(rng, uniform(rng, 700, 2500), 7900, uniform(rng, -2, 3), 3, int(rng.integers(0, 3)))
    wander_db = uniform(rng, 0.3, 1.5)
    crackle = uniform(rng, 0, 1) ** 2
    bump_db = uniform(rng, 0, 4) if chance(rng, 0.5) else 0.0
    # From 0, a rumbling box, to 1, a naked pump on thin sheet.
    brightness = uniform(rng, 0, 1)
    sound: Vibrator | Motor
    if pump == "vib":
        sound, pressed_db, stream_db, floor = _draw_vibrator(rng, mains_hz, brightness)
        loudest_db = sound.blow_db
    else:
        sound, pressed_db, stream_db, floor = _draw_motor(rng, pump, mains_hz)
        loudest_db = stream_db
    stream_power = uniform(rng, 0.9, 2.0)
    relief_db = uniform(rng, -32, -8)
    if chance(rng, 0.6):
        relief_db = min(relief_db, loudest_db - uniform(rng, 0, 8))
    coil_db = uniform(rng, -40, -22) if not valve.lever and chance(rng, 0.6) else None
    click_db = uniform(rng, -6, 14)
    parts = (
        (relief is not None, "opv"),
        (water.chamber is not None, "pi"),
        (water.skips_bar is not None, "psm"),
        (valve.lever, "lever"),
    )
    return Machine(
        name="-".join([f"{pump}{mains_hz:.0f}", *(part for there, part in parts if there)]),
        pump=pump,
        mains_hz=mains_hz,
        water=water,
        relief=None if relief is None else Relief(*relief, relief_colour, relief_db),
        valve=valve,
        sound=sound,
        floor=floor,
        pressed_db=pressed_db,
        wander_db=wander_db,
        crackle=crackle,
        bump_db=bump_db,
        stream_db=stream_db,
        stream_power=stream_power,
        stream_colour=stream_colour,
        coil_db=coil_db,
        click_db=click_db,
    )


def _draw_water(rng: np.random.Generator, pump: Pump) -> tuple[Water, tuple[float, float, bool, float | None] | None]:
    """Draw the water's way, and how the over-pressure valve works if there is one."""
    free_ml_s = uniform(rng, *{"vib": (6, 11), "rotary": (7, 14), "gear": (5, 10)}[pump])
    stall_bar = uniform(rng, 13.5, 18)
    jet = log_uniform(rng, 0.002, 0.025)
    yields_ml_bar = log_uniform(rng, 0.06, 0.8)
    air_ml = log_uniform(rng, 4, 25)
    # A rotary pump cannot be stalled, so it always has one.
    opens_bar = uniform(rng, 8, 12.5) if chance(rng, 0.65) or pump == "rotary" else None
    ml_s_bar = log_uniform(rng, 1.5, 12)
    into_tray = chance(rng, 0.5)
    squeal_hz = log_uniform(rng, 900, 3500) if chance(rng, 0.12) else None
    relief = None if opens_bar is None else (opens_bar, ml_s_bar, into_tray, squeal_hz)
    chamber = Chamber(uniform(rng, 2.5, 5), log_uniform(rng, 4, 22)) if chance(rng, 0.22) else None
    skips_bar = uniform(rng, 7, 9.5) if pump == "vib" and chance(rng, 0.08) else None
    water = Water(
        free_ml_s=free_ml_s,
        stall_bar=stall_bar,
        jet=jet,
        yields_ml_bar=yields_ml_bar,
        air_ml=air_ml,
        chamber=chamber,
        skips_bar=skips_bar,
        rises_s=uniform(rng, 0.01, 0.06) if pump == "vib" else uniform(rng, 0.08, 0.35),
        stops_s=uniform(rng, 0.005, 0.03) if pump == "vib" else uniform(rng, 0.03, 0.14),
        fill_s=log_uniform(rng, 2.2, 12),
        first_fill=uniform(rng, 1.15, 2.0),
    )
    return water, relief


def _draw_valve(rng: np.random.Generator) -> ReleaseValve:
    lever = chance(rng, 0.25)
    # Now and then one is far later than the others.
    late = chance(rng, 0.05)
    delay_s = uniform(rng, *((0.7, 2.0) if late else (0.15, 0.6) if lever else (0.01, 0.25)))
    decay_s = log_uniform(rng, 0.14, 1.5)
    level_db = uniform(rng, -15, 2)
    muffled = chance(rng, 0.25)
    return ReleaseValve(
        lever=lever,
        delay_s=delay_s,
        decay_s=decay_s,
        level_db=level_db,
        attack_s=log_uniform(rng, 0.003, 0.06),
        slug_s=uniform(rng, 0, 0.25) if chance(rng, 0.4) else 0.0,
        spit=uniform(rng, 0, 1),
        pop=uniform(rng, 0.2, 2.2) if chance(rng, 0.7) else 0.0,
        gurgle=uniform(rng, 0, 1) ** 2,
        drips=chance(rng, 0.6),
        bright=colour(
            rng,
            uniform(rng, 250, 900),
            uniform(rng, *((1400, 2600) if muffled else (4000, 7900))),
            uniform(rng, -4, 1.5),
            3,
            int(rng.integers(0, 4)),
        ),
        dull=colour(rng, uniform(rng, 120, 300), uniform(rng, 700, 1800), -3, 4, int(rng.integers(0, 3))),
    )


def _draw_vibrator(
    rng: np.random.Generator, mains_hz: float, brightness: float
) -> tuple[Vibrator, float, float, float]:
    """Draw the sound of a vibratory pump; with it what it does at pressure, the water's level, and the floor."""
    width = int(RATE_HZ / mains_hz * uniform(rng, 0.25, 0.55))
    push = np.sin(np.linspace(0, pi, width)) ** uniform(rng, 1, 3)
    # The same modes, free and pressed, at other pitches.
    shift = uniform(rng, 0.85, 1.25)
    # Not used, but what is drawn from here on hangs on its being drawn.
    rng.integers(1 << 31)
    seed = int(rng.integers(1 << 31))
    magnet = []
    for pitch in (1.0, shift):
        plate = Plate(9, 95 * pitch, 750 * pitch, (3, 14), -7, 0.16, 5)
        pushed = np.convolve(push, ringing(np.random.default_rng(seed), plate))
        magnet.append(pushed / np.sqrt((pushed**2).sum()))
    pressed_db = uniform(rng, -4.5, 4.0)
    lowest_hz, modes = log_uniform(rng, 380, 900), int(rng.integers(18, 46))
    seed, tilt_db = int(rng.integers(1 << 31)), uniform(rng, -9, -1.5) + 2.5 * brightness
    hard = ringing(np.random.default_rng(seed), Plate(modes, lowest_hz, 7400, (6, 45), tilt_db, 0.06))
    soft = lfilter(*butter(1, log_uniform(rng, 700, 2500) / (RATE_HZ / 2)), hard)
    soft = soft / np.sqrt((soft**2).sum())
    return_share, return_gain = uniform(rng, 0.35, 0.6), uniform(rng, 0.1, 0.8)
    blow_power = uniform(rng, 0.7, 2.2)
    blow_db = uniform(rng, -20, -7) + 13 * brightness
    stream_db = blow_db - uniform(rng, 2, 16)
    floor = gain(-uniform(rng, *((5, 22) if chance(rng, 0.85) else (4, 7))))
    sound = Vibrator(
        magnet_free=_of_unit_level(magnet[0], mains_hz),
        magnet_pressed=_of_unit_level(magnet[1], mains_hz),
        hard=_of_unit_level(hard, mains_hz),
        soft=_of_unit_level(soft, mains_hz),
        return_share=return_share,
        return_gain=return_gain,
        blow_power=blow_power,
        blow_db=blow_db,
        jitter=uniform(rng, 0.01, 0.08),
        alternation=uniform(rng, 0, 0.25) if chance(rng, 0.3) else 0.0,
        rattle_db=uniform(rng, -24, -8) if chance(rng, 0.3) else None,
        rattle=ringing(rng, _PANEL),
    )
    return sound, pressed_db, stream_db, floor


def _of_unit_level(kernel: F64, mains_hz: float) -> F32:
    """Scale a stroke's sound so that a train of strokes of full strength has RMS 1."""
    places = np.arange(0, RATE_HZ, RATE_HZ / mains_hz)
    train = pulses(RATE_HZ, places, np.ones(len(places)))
    # Behind its beginning, where not all strokes ring yet.
    level = rms(oaconvolve(train, kernel)[RATE_HZ // 4 : RATE_HZ])
    return np.asarray((kernel / level).astype(np.float32))


def _draw_motor(rng: np.random.Generator, pump: Pump, mains_hz: float) -> tuple[Motor, float, float, float]:
    """Draw the sound of a motor; with it what it does at pressure, the water's level, and the floor."""
    rotary = pump == "rotary"
    # An induction motor of four poles, which slips; or a small one at any speed.
    shaft_hz = mains_hz / 2 * uniform(rng, 0.955, 0.985) if rotary else uniform(rng, 28, 65)
    sag = uniform(rng, *((0.003, 0.02) if rotary else (0.03, 0.25)))
    teeth = int(rng.integers(4, 9) if rotary else rng.integers(8, 15))
    # Shaft, vanes or teeth, and slots; with their mean levels.
    heights_db = (
        (1, -16),
        (2, -12),
        (teeth, -2),
        (2 * teeth, -5),
        (3 * teeth, -10),
        (5 * teeth, -15),
        (int(rng.integers(28, 46)), -13 if rotary else -8),
        (int(rng.integers(46, 90)), -16),
    )
    orders = tuple(
        Order(order, gain(height_db + rng.normal(0, 5)), uniform(rng, -6, 3))
        for order, height_db in heights_db
        if order * shaft_hz < 7000
    )
    hum = tuple((2 * k * mains_hz, gain(-5 * k + 2 + rng.normal(0, 5))) for k in range(1, 6)) if rotary else ()
    pressed_db = uniform(rng, -3, 3)
    chopped_hz = uniform(rng, 2500, 7000) if not rotary and chance(rng, 0.3) else None
    regulated_bar = uniform(rng, 7.5, 10) if not rotary and chance(rng, 0.6) else None
    stream_db = uniform(rng, -10, 3)
    floor = gain(-uniform(rng, *((4, 11) if rotary else (5, 16))))
    roughness = uniform(rng, 0.05, 0.3)
    sound = Motor(
        shaft_hz=shaft_hz,
        sag=sag,
        orders=orders,
        hum=hum,
        chopped_hz=chopped_hz,
        regulated_bar=regulated_bar,
        roughness=roughness,
        colour=colour(rng, 90, 6500, -4, 5, 3),
    )
    return sound, pressed_db, stream_db, floor
