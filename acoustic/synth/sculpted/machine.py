"""A machine, drawn: the pump's colour and strokes, how both change under pressure, its switches and its release.

The first three colours are those of three recordings of real pumps. Nearly everything else is assumed: ranges are wide,
and shares of kinds are guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .release import Release, draw_release
from .signals import (
    BAND_WIDTHS_HZ,
    BANDS,
    F32,
    F64,
    RATE_HZ,
    Floats,
    gain,
    log_uniform,
    log_uniforms,
    pick,
    unit_peak,
    unit_rms,
)
from .strikes import bubbles, modal, ticks

__all__ = ["Colour", "Machine", "Strokes", "Switches", "Timing", "Tone", "Undertones", "draw_machine"]

Pump = Literal["vib50", "vib60", "rotary", "gear"]
QuietingShape = Literal["fast", "medium", "slide", "two"]

_PUMPS: Final[dict[Pump, float]] = {"vib50": 0.47, "vib60": 0.28, "rotary": 0.15, "gear": 0.10}
# Levels of the bands while the pump fills, dB: as in three recordings, and two invented ones. A pump mixes them.
_FILL_COLOURS_DB: Final = np.array(
    [
        [-18, 0, -13, -20, -25, -29, -42],
        [-6, -4, -5, -13, -22, -24, -37],
        [-11, -14, -9, -5, -5.5, -6.5, -9],
        [-8, 0, -4, -14, -24, -32, -45],
        [-12, -5, -2, -7, -12, -16, -24],
    ],
    float,
)
# What turns instead of striking is half this (assumed).
_MOTOR_COLOUR_DB: Final = np.array([-3, -3, -4, -8, -14, -19, -27])
# How each band changes until the pressure is up, dB, after its weight (assumed).
_QUIETINGS_DB: Final[dict[str, tuple[float, list[float]]]] = {
    "dark": (2, [0, 0, -4, -10, -13, -16, -14]),
    "deeper": (2, [2, 3, -3, -10, -12, -12, -10]),
    "higher": (1.3, [-8, -9, -7, -3, -2, -4, -5]),
    "soft": (0.9, [-4, -5, -5, -6, -6, -6, -6]),
    "muffled": (1.5, [-7, -9, -13, -18, -22, -24, -22]),
    "hiss": (1.3, [-5, -6, -9, -9, -5, -4, -4]),
    "midhole": (1, [-2, -3, -9, -14, -11, -5, -3]),
    "blind": (2, [-4, -4, -9, -14, -16, -18, -16]),
}
# Some band sinks by at least so much; less where a rotary pump hardly changes.
_LEAST_QUIETING_DB: Final = -6.5
_LEAST_ROTARY_QUIETING_DB: Final = -4.5
# Turns a second of motors with four poles at 50 and 60 Hz, and with two at 50 Hz.
_ROTARY_HZ: Final = (24.3, 29.2, 24.6, 28.9, 47.5)
_QUIETING_SHAPES: Final[dict[QuietingShape, float]] = {"fast": 0.3, "medium": 0.35, "slide": 0.2, "two": 0.15}
_QUIETING_S: Final[dict[QuietingShape, tuple[float, float]]] = {
    "fast": (0.2, 0.5),
    "medium": (0.6, 1.3),
    "slide": (1.5, 2.6),
    "two": (1.2, 2.4),
}


@dataclass(frozen=True, slots=True)
class Colour:
    """Spectral density of the pump's sound.

    `fill_db` and `change_db`, shape (bands,), are its levels with free flow and what the final pressure adds to them.
    """

    fill_db: F64
    quieting: str
    change_db: F64


@dataclass(frozen=True, slots=True)
class Strokes:
    """What excites the pump, once a stroke or turn.

    Its events come at `offsets` (in turns) with these `levels`; all but the first move by `shift` under pressure.
    `kept_share` is below 1 behind a dimmer that skips strokes. `sag` is the share of the rate that pressure takes.
    """

    rate_hz: float
    mains_hz: int
    offsets: F64
    levels: F64
    shift: float
    jitter_s: float
    level_jitter: float
    sag: float
    kept_share: float


@dataclass(frozen=True, slots=True)
class Tone:
    """How the strokes ring, and their part beside noise.

    `fill_share` and `pressed_share`, shape (bands,), are the tone's shares of the power. The noise pulses with the
    strokes to the depths `fill_pulse` and `pressed_pulse`, for `pulse_width` of a stroke.
    """

    fill_share: F64
    pressed_share: F64
    fill_pulse: float
    pressed_pulse: float
    pulse_width: float
    fill_body: F32
    pressed_body: F32


@dataclass(frozen=True, slots=True)
class Undertones:
    """What sounds along with the pump; factors are relative to its fill, 0 for what is not there.

    `whines` are orders of the turns and their factors. `valve_hiss` is the over-pressure valve's. `rise_db` comes just
    before the quieting, and `air` is how much of it the water carries, 0 to 1.
    """

    hum: float
    hum_harmonics: F64
    whines: tuple[tuple[float, float], ...]
    rattle: float
    rattle_response: Floats
    pressed_rattle: float
    wander_db: float
    rise_db: float
    air: float
    valve_hiss: float
    valve_hiss_hz: float
    trickle: float


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take. Low bands quieten `lag_s` after the high ones."""

    fill_s: float
    shape: QuietingShape
    quieting_s: float
    lag_s: float
    attack_s: float
    decay_s: float


@dataclass(frozen=True, slots=True)
class Switches:
    """Clicks of the switch and of the valve; a machine with a lever hardly has any. `lead_s` is from click to stop."""

    lever: bool
    click: F32
    valve: F32
    click_db: float
    valve_db: float
    lead_s: float


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. `drops` fall into its tray, `spits` are the release's; `splash` is water from an open group."""

    pump: Pump
    colour: Colour
    strokes: Strokes
    tone: Tone
    undertones: Undertones
    timing: Timing
    switches: Switches
    release: Release
    drops: tuple[F32, ...]
    spits: tuple[F32, ...]
    splash: float

    @property
    def vibratory(self) -> bool:
        """Whether a piston moves with the mains."""
        return _is_vibratory(self.pump)

    @property
    def name(self) -> str:
        """Pump, kind of quieting, and its shape."""
        return f"{self.pump}-{self.colour.quieting}-{self.timing.shape}"


def draw_machine(rng: np.random.Generator) -> Machine:
    """Draw a machine."""
    pump = pick(rng, list(_PUMPS), list(_PUMPS.values()))
    colour = _draw_colour(rng, pump)
    strokes = _draw_strokes(rng, pump)
    tone = _draw_tone(rng, pump)
    undertones = _draw_undertones(rng, pump, colour.quieting)
    timing = _draw_timing(rng, pump)
    switches = _draw_switches(rng)
    release = draw_release(rng, switches.lever)
    drops = bubbles(rng, 14, rng.uniform(300, 900), rng.uniform(1500, 4500))
    spits = ticks(rng, 14, 600, 6500)
    splash = gain(rng.uniform(-26, -8))
    return Machine(pump, colour, strokes, tone, undertones, timing, switches, release, drops, spits, splash)


def _is_vibratory(pump: Pump) -> bool:
    return pump in ("vib50", "vib60")


def _draw_colour(rng: np.random.Generator, pump: Pump) -> Colour:
    shares = rng.dirichlet(np.full(len(_FILL_COLOURS_DB), 0.5))
    levels_db = shares @ _FILL_COLOURS_DB + rng.normal(0, 3.0, BANDS) + np.linspace(0, rng.normal(0, 5), BANDS)
    if not _is_vibratory(pump):
        levels_db = 0.5 * levels_db + 0.5 * _MOTOR_COLOUR_DB + rng.normal(0, 2.5, BANDS)
    fill_db = levels_db - 10 * np.log10(BAND_WIDTHS_HZ)
    quieting = pick(rng, list(_QUIETINGS_DB), [weight for weight, _ in _QUIETINGS_DB.values()])
    change_db = np.array(_QUIETINGS_DB[quieting][1], float) * rng.uniform(0.75, 1.3)
    change_db = change_db + gaussian_filter1d(rng.normal(0, 3.0, BANDS), 0.7)
    if pump == "rotary":
        change_db *= rng.uniform(0.35, 0.75)
    elif pump == "gear":
        change_db *= rng.uniform(0.5, 1.0)
    change_db = np.clip(change_db, -27, 5)
    least_db = _LEAST_ROTARY_QUIETING_DB if pump == "rotary" else _LEAST_QUIETING_DB
    if change_db.min() > least_db:
        change_db += least_db - change_db.min()
    return Colour(fill_db, quieting, change_db)


def _draw_strokes(rng: np.random.Generator, pump: Pump) -> Strokes:
    vibratory = _is_vibratory(pump)
    rate_hz: float
    if pump == "vib50":
        rate_hz = 50 + rng.normal(0, 0.04)
    elif pump == "vib60":
        rate_hz = 60 + rng.normal(0, 0.03)
    elif pump == "rotary":
        rate_hz = rng.choice(_ROTARY_HZ) + rng.normal(0, 0.15)
    else:
        rate_hz = rng.uniform(18, 55)
    mains_hz = 60 if (pump == "vib60" or (not vibratory and rng.random() < 0.35)) else 50
    if vibratory:
        # Piston, spring and valves strike one after the other.
        events = 1 + int(rng.integers(1, 4))
        offsets = np.r_[0, np.sort(rng.uniform(0.12, 0.85, events - 1))]
        levels = np.r_[1, rng.uniform(0.08, 0.8, events - 1) * rng.choice([-1, 1], events - 1)]
    else:
        # Vanes, or teeth, that are not quite alike.
        events = int(rng.integers(5, 12)) if pump == "rotary" else int(rng.integers(9, 18))
        offsets = np.arange(events) / events + rng.normal(0, 0.006, events)
        levels = 1 + rng.normal(0, rng.uniform(0.05, 0.45), events)
    shift = rng.uniform(-0.16, 0.16) if vibratory else 0.0
    jitter_s = log_uniform(rng, 0.00003, 0.0004) if vibratory else log_uniform(rng, 0.00002, 0.0003)
    level_jitter = rng.uniform(0.03, 0.25)
    if vibratory:
        sag = rng.uniform(0, 0.0006)
    elif pump == "rotary":
        sag = rng.uniform(0.003, 0.03)
    else:
        sag = pick(rng, [rng.uniform(0.02, 0.15), rng.uniform(0.25, 0.6)])
    kept_share = float(rng.uniform(0.35, 0.85)) if vibratory and rng.random() < 0.07 else 1.0
    return Strokes(rate_hz, mains_hz, offsets, levels, shift, jitter_s, level_jitter, sag, kept_share)


def _draw_tone(rng: np.random.Generator, pump: Pump) -> Tone:
    vibratory = _is_vibratory(pump)
    low: float
    high: float
    low, high = rng.uniform(0.9, 0.985), log_uniform(rng, 0.01, 0.16)
    if not vibratory:
        low, high = rng.uniform(0.5, 0.9), log_uniform(rng, 0.02, 0.2)
    between = 0.25 * low + 0.75 * high
    fill_share = np.interp(np.arange(BANDS), [0, 1, 2, 3, 4, 6], [low, low, low * 0.85, between, high, high])
    # Less flow, less noise: the strokes stand out.
    more = rng.uniform(0.1, 0.6) * vibratory
    pressed_share = np.clip(
        np.interp(np.arange(BANDS), [0, 2, 6], [min(low + 0.01, 0.99), low, high + more]), 0.01, 0.99
    )
    if vibratory:
        fill_pulse, pressed_pulse = rng.uniform(0.03, 0.22), rng.uniform(0.3, 0.9)
    else:
        fill_pulse, pressed_pulse = rng.uniform(0, 0.2), rng.uniform(0.0, 0.35)
    pulse_width = rng.uniform(0.12, 0.35)
    bodies = _draw_bodies(rng)
    return Tone(fill_share, pressed_share, fill_pulse, pressed_pulse, pulse_width, *bodies)


def _draw_bodies(rng: np.random.Generator) -> tuple[F32, F32]:
    """Responses of the case to a stroke, while filling and under pressure, when its resonances lie elsewhere."""
    modes = int(rng.integers(5, 14))
    modes_hz, qs = log_uniforms(rng, 90, 4500, modes), log_uniforms(rng, 3, 22, modes)
    levels, phases, direct = gain(rng.normal(0, 5, modes)), rng.uniform(0, 6.28, modes), rng.uniform(0.15, 1.0)

    def body(shift: float) -> F32:
        t = np.arange(int(0.1 * RATE_HZ)) / RATE_HZ
        response = np.zeros(len(t))
        response[0] = direct
        for mode_hz, q, level, phase in zip(modes_hz, qs, levels, phases, strict=True):
            hz = mode_hz * shift
            if hz < 7500:
                ringing = np.exp(-np.pi * hz * t / q) * np.sin(2 * np.pi * hz * t + phase)
                response += level * np.sqrt(hz) * 0.02 * ringing
        return np.asarray(response / np.sqrt(np.sum(response * response)), np.float32)

    return body(1.0), body(log_uniform(rng, 0.82, 1.22))


def _draw_undertones(rng: np.random.Generator, pump: Pump, quieting: str) -> Undertones:
    hum = gain(rng.uniform(-38, -12))
    hum_harmonics = rng.uniform(0, 1, 5) * np.array([0.3, 1, 0.3, 0.5, 0.15])
    whines: tuple[tuple[float, float], ...] = ()
    if not _is_vibratory(pump):
        count = int(rng.integers(1, 5))
        whines = tuple((log_uniform(rng, 8, 90), gain(rng.uniform(-40, -15))) for _ in range(count))
    rattle = gain(rng.uniform(-34, -14)) if rng.random() < 0.4 else 0.0
    modes = int(rng.integers(2, 6))
    modes_hz, decays_s = log_uniforms(rng, 700, 5200, modes), log_uniforms(rng, 0.004, 0.03, modes)
    rattle_response = unit_rms(modal(rng, modes_hz, decays_s, rng.uniform(0.3, 1, modes), 0.06)) * 0.2
    pressed_rattle = rng.uniform(0.05, 1.3)
    wander_db = rng.uniform(0.3, 1.7)
    rise_db = rng.uniform(-0.5, 4.5)
    air = rng.uniform(0, 1) ** 2
    valve_hiss = gain(rng.uniform(-34, -17)) if (quieting == "hiss" or rng.random() < 0.2) else 0.0
    valve_hiss_hz = log_uniform(rng, 1800, 6000)
    trickle = gain(rng.uniform(-36, -20)) if rng.random() < 0.35 else 0.0
    return Undertones(
        hum,
        hum_harmonics,
        whines,
        rattle,
        rattle_response,
        pressed_rattle,
        wander_db,
        rise_db,
        air,
        valve_hiss,
        valve_hiss_hz,
        trickle,
    )


def _draw_timing(rng: np.random.Generator, pump: Pump) -> Timing:
    fill_s = float(np.clip(np.exp(rng.normal(np.log(5.2), 0.45)), 2.0, 12.0))
    shape = pick(rng, list(_QUIETING_SHAPES), list(_QUIETING_SHAPES.values()))
    # One draw a shape, whichever it is.
    quieting_s = {name: rng.uniform(*limits_s) for name, limits_s in _QUIETING_S.items()}[shape]
    lag_s = rng.uniform(0, 0.12)
    if _is_vibratory(pump):
        attack_s, decay_s = rng.uniform(0.012, 0.09), rng.uniform(0.02, 0.08)
    elif pump == "rotary":
        attack_s, decay_s = rng.uniform(0.08, 0.3), rng.uniform(0.08, 0.3)
    else:
        attack_s, decay_s = rng.uniform(0.15, 0.7), rng.uniform(0.06, 0.25)
    return Timing(fill_s, shape, quieting_s, lag_s, attack_s, decay_s)


def _draw_click(rng: np.random.Generator, lowest_hz: float) -> F32:
    modes = int(rng.integers(3, 9))
    modes_hz, decays_s = log_uniforms(rng, lowest_hz, 6500, modes), log_uniforms(rng, 0.008, 0.09, modes)
    ringing = modal(rng, modes_hz, decays_s, rng.uniform(0.2, 1, modes), 0.15)
    burst = rng.standard_normal(len(ringing))
    burst = burst * np.exp(-np.arange(len(ringing)) / RATE_HZ / log_uniform(rng, 0.001, 0.006)) * rng.uniform(0.1, 0.9)
    return unit_peak(ringing + burst).astype(np.float32)


def _draw_switches(rng: np.random.Generator) -> Switches:
    lever = bool(rng.random() < 0.15)
    click, valve = _draw_click(rng, 500), _draw_click(rng, 150)
    click_db = rng.uniform(-25, -8) if lever else rng.uniform(-12, 9)
    valve_db = rng.uniform(-22, -6) if lever else rng.uniform(-10, 8)
    return Switches(lever, click, valve, click_db, valve_db, rng.uniform(0.06, 0.28))
