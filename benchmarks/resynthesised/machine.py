"""A machine, drawn: its pump, the case round it, how it goes quiet under pressure, its water, switch and release.

Machines have no pressure in bar: what pressure does is a filter. Limits and shares are assumptions throughout; they are
wide, so that machines differ more than real ones may.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeVar

import numpy as np
from scipy.fft import irfft, rfft
from scipy.ndimage import gaussian_filter1d
from scipy.signal import oaconvolve

from .materials import CLICKS, GEAR_PUMPS, HISSES, HUMS, KNOCKS, METAL, PUMPS, ROTARY_PUMPS, WATER
from .recordings import knock, recording, steadiest
from .release import Release, draw_release
from .signals import F32, F64, KNOTS, RATE_HZ, Floats, colour, curve_db, draw_one, pick, rms, spectrum_db
from .source import (
    BODY,
    RATTLE,
    TEST_RUN,
    Kind,
    Layers,
    Source,
    draw_excitation,
    draw_motor,
    endless_hiss,
)

__all__ = ["Case", "Machine", "Quieting", "Switch", "Water", "draw_machine"]

QuietingShape = Literal["fast", "slide", "exp", "two"]
_Name = TypeVar("_Name", bound=str)

_KINDS: Final[dict[Kind, float]] = {"vib": 0.62, "rotary": 0.2, "gear": 0.18}
_MAINS_HZ: Final = (50, 50, 60)
# Behind a dimmer every second, third or fourth stroke is weak; most machines have none.
_WEAK_EVERY: Final = (*[0] * 8, 2, 3, 4)
# What full pressure does to low, middle and high frequencies, dB, after its weights for vibratory and other pumps.
_Limits = tuple[float, float]
_QUIETINGS: Final[dict[str, tuple[float, float, tuple[_Limits, _Limits, _Limits]]]] = {
    "highs": (0.28, 0.1, ((-5, 3), (-13, -6), (-18, -9))),
    "deep": (0.2, 0.15, ((-13, -6), (-19, -9), (-24, -12))),
    "soft": (0.1, 0.35, ((-6, -3.5), (-7, -4), (-7, -3))),
    "thin": (0.14, 0.1, ((-15, -8), (-6, -1), (-2, 4))),
    "boomy": (0.14, 0.1, ((1, 5), (-11, -5), (-16, -8))),
    "hissy": (0.14, 0.2, ((-10, -4), (-10, -4), (-6, 0))),
}
# Its noise rises at the upper knots where it gains a hiss.
_HISS_RISES_DB: Final[tuple[_Limits, ...]] = ((-2, 2), (1, 4), (1, 6), (0, 5))
# Pumps that turn change less, but for the kinds that change little anyway.
_LITTLE_CHANGING: Final = ("soft", "thin")
_QUIETING_SHAPES: Final[dict[QuietingShape, float]] = {"fast": 0.4, "slide": 0.25, "exp": 0.2, "two": 0.15}
_QUIETING_S: Final[dict[QuietingShape, tuple[float, float]]] = {
    "fast": (0.15, 0.6),
    "slide": (1.0, 2.3),
    "exp": (0.5, 1.6),
    "two": (0.9, 2.4),
}
_TEST_S: Final = 3
# Recordings of pumps are steady here.
_STEADY_PUMP: Final = slice(8 * RATE_HZ, 12 * RATE_HZ)
_RATTLE_S, _RATTLE_PITCH = 0.05, 1.1
# How far strokes under pressure take on the spectrum of those of the fill.
_LIKENESS: Final = 0.85


@dataclass(frozen=True, slots=True)
class Case:
    """What the pump's sound goes through, and what rattles at it; mixes are 0 where there is none of it."""

    rattle: F32
    rattle_mix: float
    body: F32
    body_mix: float
    equaliser_db: Floats

    def heard(self, sound: Floats) -> Floats:
        """Sound outside of it."""
        if self.body_mix:
            ringing = oaconvolve(sound, self.body)[: len(sound)]
            sound = (1 - self.body_mix) * sound + self.body_mix * ringing
        return colour(sound, self.equaliser_db)


@dataclass(frozen=True, slots=True)
class Quieting:
    """What full pressure does to tone and noise, dB a bin, and how the sound gets there.

    `body_change` is by how much the body then sounds smaller; `first_share` is what the first of two steps does.
    """

    tone_db: F32
    noise_db: F32
    name: str
    body_change: float
    shape: QuietingShape
    duration_s: float
    first_share: float

    def share(self, since_s: F64) -> F64:
        """How far it has come, 0 to 1, so long after it began."""
        done = np.clip(since_s / self.duration_s, 0, 1)
        if self.shape == "exp":
            return np.where(done >= 1, 1, (1 - np.exp(-4 * done)) / (1 - np.exp(-4)))
        if self.shape == "two":
            first, second = _smooth_step(done / 0.3), _smooth_step((done - 0.7) / 0.3)
            return self.first_share * first + (1 - self.first_share) * second
        return _smooth_step(done)


@dataclass(frozen=True, slots=True)
class Water:
    """What water and air do to the sound; levels are relative to the fill's, 0 for what is not there.

    The first fill takes `first_factor` times as long as others. The sound rises by `swell_db` before the quieting and
    wanders by `wander_db`. `air` splutters at the start. `valve_hiss` is the over-pressure valve's, `trickle` is heard
    under pressure, and there the level flutters.
    """

    fill_s: float
    first_factor: float
    swell_db: float
    wander_db: float
    air: float
    valve_hiss: Floats
    valve_hiss_mix: float
    trickle: str
    trickle_mix: float
    flutter_hz: float
    flutter_db: float


@dataclass(frozen=True, slots=True)
class Switch:
    """Its click, of two parts if `gap_s` is not 0; a machine with a lever has none."""

    recording: str
    level: float
    pitch: float
    gap_s: float
    lever: bool

    def click(self, corpus: Path, rng: np.random.Generator) -> F32:
        """Switch once."""
        if self.lever or not self.level:
            return np.zeros(1, np.float32)
        struck = knock(corpus, self.recording, rng, rng.uniform(0.02, 0.12), self.pitch)
        struck = struck * self.level * rng.uniform(0.6, 1.3)
        if not self.gap_s:
            return struck
        both = np.zeros(int(self.gap_s * RATE_HZ) + len(struck), np.float32)
        both[: len(struck)] += struck * rng.uniform(0.3, 1)
        both[-len(struck) :] += struck
        return both


@dataclass(frozen=True, slots=True)
class Likeness:
    """Filters that bring strokes under pressure to the spectrum of those of the fill.

    With them the quieting alone makes the difference.
    """

    tone_db: Floats
    noise_db: Floats

    def worn(self, pressed: Layers) -> Layers:
        """Strokes under pressure, filtered."""
        return Layers(colour(pressed.tone, self.tone_db), colour(pressed.noise, self.noise_db))


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. `scale` brings its fill to an RMS of 1; only a vibratory pump has a likeness."""

    source: Source
    case: Case
    quieting: Quieting
    water: Water
    switch: Switch
    release: Release
    scale: float
    likeness: Likeness | None

    @property
    def name(self) -> str:
        """Kind of pump, and what it is made of."""
        source = self.source
        made_of = source.excitation.recording if source.vibratory else source.motor.recording
        return f"{source.kind}-{made_of}".lower()


def draw_machine(rng: np.random.Generator, corpus: Path) -> Machine:
    """Draw a machine."""
    kind = _choose(rng, _KINDS)
    seed = int(rng.integers(1 << 31))
    mains_hz = pick(rng, _MAINS_HZ)
    rate_hz = mains_hz * (1 + rng.normal(0, 0.0006))
    size = float(np.exp(rng.normal(0, 0.22)))
    excitation = draw_excitation(rng)
    rattle, rattle_mix = pick(rng, METAL), rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0
    body, body_mix = pick(rng, KNOCKS + METAL), pick(rng, (0, rng.uniform(0.2, 0.6), rng.uniform(0.4, 0.9)))
    body_s = rng.uniform(0.02, 0.08)
    weak_every = pick(rng, _WEAK_EVERY)
    motor = draw_motor(rng, kind, mains_hz)
    # Some pumps wear some of another sound's spectrum.
    cloak = pick(rng, ROTARY_PUMPS + GEAR_PUMPS + HUMS + PUMPS)
    cloak_share = pick(rng, (0, 0, rng.uniform(0.2, 0.6)))
    equaliser_db = curve_db(rng.normal(0, 3.5, KNOTS)) + curve_db(np.linspace(0, rng.uniform(-20, 8), KNOTS))
    quieting = _draw_quieting(rng, vibratory=kind == "vib")
    water = _draw_water(rng, corpus, seed, quieting)
    switch = _draw_switch(rng)
    release = draw_release(rng, lever=switch.lever)
    source = Source(
        corpus=corpus,
        kind=kind,
        seed=seed,
        mains_hz=mains_hz,
        rate_hz=rate_hz,
        size=size,
        pressed_size=size / quieting.body_change,
        weak_every=weak_every,
        excitation=excitation,
        motor=motor,
        noise_recording=motor.other_recording if cloak_share else motor.recording,
        hiss=endless_hiss(corpus, excitation.hiss, seed),
    )
    case = Case(
        rattle=knock(corpus, rattle, np.random.default_rng(seed + RATTLE), _RATTLE_S, _RATTLE_PITCH),
        rattle_mix=rattle_mix,
        body=_body(corpus, body, np.random.default_rng(seed + BODY), body_s),
        body_mix=body_mix,
        equaliser_db=equaliser_db,
    )
    cloak_db = _cloak_db(corpus, cloak) * cloak_share if cloak_share else None
    return _levelled(source, case, cloak_db, quieting, water, switch, release)


def _choose(rng: np.random.Generator, weights: dict[_Name, float]) -> _Name:
    shares = np.array(list(weights.values()))
    return list(weights)[int(rng.choice(len(shares), p=shares / shares.sum()))]


def _smooth_step(x: F64) -> F64:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)


def _draw_quieting(rng: np.random.Generator, *, vibratory: bool) -> Quieting:
    name = _choose(rng, {each: row[0] if vibratory else row[1] for each, row in _QUIETINGS.items()})
    # One draw a kind, whichever it is; the same below.
    drawn = {each: [rng.uniform(*limits) for limits in row[2]] for each, row in _QUIETINGS.items()}
    low, middle, high = drawn[name]
    tone_db = np.array([low, low, low, (low + middle) / 2, middle, high, high, high])
    noise_db = tone_db + rng.uniform(-5, 2)
    if name == "hissy":
        noise_db = np.array([low, low, low, middle, *(rng.uniform(*limits) for limits in _HISS_RISES_DB)])
    if not vibratory and name not in _LITTLE_CHANGING:
        tone_db, noise_db = tone_db * rng.uniform(0.55, 0.9), noise_db * rng.uniform(0.55, 0.9)
    tone_curve_db, noise_curve_db = (curve_db(each + rng.normal(0, 1.2, KNOTS)) for each in (tone_db, noise_db))
    body_change = rng.uniform(0.88, 1.15) if rng.random() < 0.4 else 1.0
    shape = _choose(rng, _QUIETING_SHAPES)
    duration_s = draw_one(rng, _QUIETING_S, shape)
    return Quieting(tone_curve_db, noise_curve_db, name, body_change, shape, duration_s, rng.uniform(0.35, 0.65))


def _draw_water(rng: np.random.Generator, corpus: Path, seed: int, quieting: Quieting) -> Water:
    fill_s = float(np.clip(np.exp(rng.normal(np.log(5.0), 0.5)), 2.0, 12.0))
    first_factor = rng.uniform(1.15, 1.9)
    swell_db = rng.uniform(0, 4) if rng.random() < 0.6 else 0.0
    wander_db = rng.uniform(0.3, 1.8)
    air = rng.uniform(0, 0.7) if rng.random() < 0.4 else 0.05
    valve_hiss_mix = rng.uniform(0.02, 0.12) if quieting.name == "hissy" or rng.random() < 0.2 else 0.0
    valve_hiss = endless_hiss(corpus, pick(rng, HISSES), seed)
    trickle_mix = rng.uniform(0.02, 0.15) if rng.random() < 0.35 else 0.0
    trickle = pick(rng, WATER)
    flutter_hz, flutter_db = (rng.uniform(2, 8), rng.uniform(0.3, 1.2)) if rng.random() < 0.2 else (0.0, 0.0)
    return Water(
        fill_s,
        first_factor,
        swell_db,
        wander_db,
        air,
        valve_hiss,
        valve_hiss_mix,
        trickle,
        trickle_mix,
        flutter_hz,
        flutter_db,
    )


def _draw_switch(rng: np.random.Generator) -> Switch:
    recording, level = pick(rng, CLICKS), 0.0 if rng.random() < 0.15 else rng.uniform(0.4, 4)
    pitch, gap_s = rng.uniform(0.6, 1.6), pick(rng, (0, rng.uniform(0.05, 0.25)))
    return Switch(recording, level, pitch, gap_s, lever=rng.random() < 0.15)


def _body(corpus: Path, name: str, rng: np.random.Generator, length_s: float) -> F32:
    """Response of a case: a knock whose resonances stand out less."""
    struck = knock(corpus, name, rng, length_s, rng.uniform(0.6, 1.6))
    size = 2048
    spectrum = rfft(struck, size)
    spectrum *= (np.abs(spectrum) + 1e-3 * np.abs(spectrum).max()) ** -0.4
    response = irfft(spectrum, size)[: int(length_s * RATE_HZ)]
    return np.asarray(response / np.sqrt(np.sum(response**2)), np.float32)


def _cloak_db(corpus: Path, name: str) -> F64:
    """What stands out of a sound's spectrum."""
    sound = recording(corpus, name)[_STEADY_PUMP] if name in PUMPS else steadiest(corpus, name)
    levels_db = spectrum_db(sound)
    standing_out_db = levels_db - gaussian_filter1d(levels_db, 30) * 0.5 - np.median(levels_db) * 0.5
    return np.asarray(np.clip(standing_out_db, -15, 15))


def _levelled(
    source: Source,
    case: Case,
    cloak_db: Floats | None,
    quieting: Quieting,
    water: Water,
    switch: Switch,
    release: Release,
) -> Machine:
    """Let the pump run for a moment, so that all machines are as loud."""
    count = _TEST_S * RATE_HZ
    fill, pressed = source.layers(count, np.ones(count), np.random.default_rng(source.seed + TEST_RUN))
    whole = fill.tone + fill.noise
    scale = 1 / (rms(case.heard(whole)) + 1e-9)
    if cloak_db is not None:
        case = replace(case, equaliser_db=case.equaliser_db + cloak_db)
        scale /= rms(case.heard(whole)) * scale
    likeness = None
    if pressed is not None:
        likeness = Likeness(_likeness_db(fill.tone, pressed.tone), _likeness_db(fill.noise, pressed.noise))
    return Machine(source, case, quieting, water, switch, release, scale, likeness)


def _likeness_db(like: Floats, sound: Floats) -> F64:
    return _LIKENESS * np.clip(spectrum_db(like) - spectrum_db(sound), -30, 30)
