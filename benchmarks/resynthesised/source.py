"""What a pump's sound is laid from: strokes and knocks of a vibratory one, appliances at another speed for others.

It comes in two layers, tone and noise. Vibratory pumps have these once as they fill and once under pressure. All
limits here, and how often what occurs, are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from .endless import TAPE_HZ, cloud, extended, looped, read_at_speed
from .materials import GEAR_PUMPS, HISSES, HUMS, KNOCKS, METAL, ROTARY_PUMPS, STROKES
from .recordings import knock, steadiest, tone_and_noise
from .signals import F32, RATE_HZ, Floats, pick, unit
from .strokes import hammered, laid, pulsed, strokes

__all__ = [
    "BODY",
    "RATTLE",
    "TEST_RUN",
    "Excitation",
    "Kind",
    "Layers",
    "Motor",
    "Source",
    "draw_excitation",
    "draw_motor",
    "endless_hiss",
]

Kind = Literal["vib", "rotary", "gear"]

# What of a machine has draws of its own, so that it sounds alike in every run: added to its seed.
BODY, TEST_RUN, RATTLE = 0, 1, 5
_HAMMER, _HISS = 3, 7
_HISS_S: Final = 7
_HAMMER_S: Final = 0.03
_FAINTEST_HUM: Final = 0.1
# Strokes that a dimmer weakens.
_WEAK_STROKE: Final = 0.25
# Strokes' noise follows the order of the recording less than their tone.
_NOISE_JUMPS: Final = 0.3
_MOTOR_TONE: Final = 1.3
_RECORDED_MAINS_HZ: Final = 50
# Tape beyond what is read, so that there is enough for all speeds.
_SPARE: Final = 4000


@dataclass(frozen=True, slots=True)
class Layers:
    """Tone and noise of the same sound."""

    tone: Floats
    noise: Floats


@dataclass(frozen=True, slots=True)
class Excitation:
    """What is laid, and how much of each; but for the mixes and the hiss it is a vibratory pump's.

    `hammer` is a recording of knocks, one of which is struck at every stroke. Noise breathes with the strokes by
    `fill_pulse_db` and `pressed_pulse_db`.
    """

    recording: str
    tone_mix: float
    noise_mix: float
    hammer_mix: float
    hammer: str
    hammer_pitch: float
    hiss: str
    hiss_mix: float
    fill_pulse_db: float
    pressed_pulse_db: float


@dataclass(frozen=True, slots=True)
class Motor:
    """What turns; the hum, and how the pump starts and stops, are any pump's.

    `speed` and `whine_speed` are relative to the recordings. The level swings with the shaft by `shaft_swing`; `sag` is
    the share of the speed that pressure takes.
    """

    recording: str
    other_recording: str
    speed: float
    whine: str
    whine_speed: float
    whine_mix: float
    hum: str
    hum_mix: float
    shaft_hz: float
    shaft_swing: float
    sag: float
    rise_s: float
    run_down_s: float


def draw_excitation(rng: np.random.Generator) -> Excitation:
    """Draw what is laid."""
    return Excitation(
        recording=pick(rng, STROKES),
        tone_mix=rng.uniform(0.5, 1),
        noise_mix=rng.uniform(0.15, 0.7),
        hammer_mix=pick(rng, (0, rng.uniform(0.1, 0.5), rng.uniform(0.3, 1.0))),
        hammer=pick(rng, KNOCKS + METAL),
        hammer_pitch=rng.uniform(0.6, 1.6),
        hiss=pick(rng, HISSES),
        hiss_mix=rng.uniform(0.03, 0.3),
        fill_pulse_db=rng.uniform(1, 4),
        pressed_pulse_db=rng.uniform(5, 12),
    )


def draw_motor(rng: np.random.Generator, kind: Kind, mains_hz: int) -> Motor:
    """Draw what turns."""
    vibratory = kind == "vib"
    recording = pick(rng, ROTARY_PUMPS if kind == "rotary" else GEAR_PUMPS)
    other_recording = pick(rng, ROTARY_PUMPS + GEAR_PUMPS)
    speed = float(np.exp(rng.normal(-0.1 if kind == "rotary" else 0.12, 0.25)))
    whine, whine_speed = pick(rng, GEAR_PUMPS + HUMS), rng.uniform(1.2, 2.6)
    whine_mix = rng.uniform(0.1, 0.6) if kind == "gear" or rng.random() < 0.3 else 0.0
    hum, hum_mix = pick(rng, HUMS), rng.uniform(0, 0.3) if vibratory else rng.uniform(0.2, 1.0)
    # Slip takes a little of half the mains' frequency.
    shaft_hz, shaft_swing = mains_hz * rng.uniform(0.47, 0.495), rng.uniform(0, 0.2)
    if vibratory:
        sag, rise_s, run_down_s = 0.0, rng.uniform(0.02, 0.1), rng.uniform(0.03, 0.09)
    else:
        sag, rise_s, run_down_s = rng.uniform(0.0, 0.1), rng.uniform(0.08, 0.35), rng.uniform(0.06, 0.3)
    return Motor(
        recording,
        other_recording,
        speed,
        whine,
        whine_speed,
        whine_mix,
        hum,
        hum_mix,
        shaft_hz,
        shaft_swing,
        sag,
        rise_s,
        run_down_s,
    )


def endless_hiss(corpus: Path, name: str, seed: int) -> Floats:
    """Some seconds of a machine's hiss, to be looped."""
    return unit(cloud(steadiest(corpus, name), _HISS_S * RATE_HZ, np.random.default_rng(seed + _HISS)))


@dataclass(frozen=True, slots=True)
class Source:
    """A pump, before its case and the pressure filter it.

    `size` is the body's while filling and `pressed_size` under pressure, 1 as recorded. A dimmer weakens every
    `weak_every`th stroke, none if 0. `noise_recording` is a motor's.
    """

    corpus: Path
    kind: Kind
    seed: int
    mains_hz: int
    rate_hz: float
    size: float
    pressed_size: float
    weak_every: int
    excitation: Excitation
    motor: Motor
    noise_recording: str
    hiss: Floats

    @property
    def vibratory(self) -> bool:
        """Whether a piston moves with the mains."""
        return self.kind == "vib"

    @property
    def events_hz(self) -> float:
        """How often something strikes."""
        return self.rate_hz if self.vibratory else self.motor.shaft_hz * 2

    def layers(self, count: int, speed: Floats, rng: np.random.Generator) -> tuple[Layers, Layers | None]:
        """Tone and noise while filling, and under pressure if these are others; `speed` is a motor's, one a sample."""
        if self.vibratory:
            return self._strokes(count, rng, pressed=False), self._strokes(count, rng, pressed=True)
        return self._turns(count, speed, rng), None

    def _strokes(self, count: int, rng: np.random.Generator, *, pressed: bool) -> Layers:
        made, size = self.excitation, self.pressed_size if pressed else self.size
        recorded_tone, recorded_noise = strokes(self.corpus, made.recording)[pressed]
        tone: Floats = made.tone_mix * laid(unit(recorded_tone), count, self.rate_hz, size, rng)
        noise: Floats = made.noise_mix * laid(unit(recorded_noise), count, self.rate_hz, size, rng, _NOISE_JUMPS)
        if made.hammer_mix:
            struck = self._hammer(made.hammer_pitch / (size / self.size))
            tone = tone + made.hammer_mix * unit(hammered(count, self.rate_hz, struck, rng))
        if self.motor.hum_mix > _FAINTEST_HUM:
            tone = tone + self._hum(count, 2 * int(count * self.mains_hz / _RECORDED_MAINS_HZ), rng)
        if self.weak_every:
            numbers = (np.arange(count) * self.rate_hz / RATE_HZ) // 1
            factor = np.where(numbers % self.weak_every == self.weak_every - 1, _WEAK_STROKE, 1.0)
            factor = gaussian_filter1d(factor, 30)
            tone, noise = tone * factor, noise * factor
        noise = noise + made.hiss_mix * looped(self.hiss, count, rng)
        noise = pulsed(noise, self.rate_hz, made.pressed_pulse_db if pressed else made.fill_pulse_db)
        if pressed:
            tone = pulsed(tone, self.rate_hz, 0.5 * made.pressed_pulse_db)
        return Layers(tone, noise)

    def _turns(self, count: int, speed: Floats, rng: np.random.Generator) -> Layers:
        made, motor = self.excitation, self.motor
        recorded_tone, _ = tone_and_noise(self.corpus, motor.recording, TAPE_HZ)
        _, recorded_noise = tone_and_noise(self.corpus, self.noise_recording, TAPE_HZ)
        need = int(2 * motor.speed * np.sum(speed)) + _SPARE
        tone, noise = (
            mix * unit(read_at_speed(extended(part, need, rng, TAPE_HZ), motor.speed * speed))
            for mix, part in ((made.tone_mix * _MOTOR_TONE, recorded_tone), (made.noise_mix, recorded_noise))
        )
        if motor.whine_mix:
            whine, _ = tone_and_noise(self.corpus, motor.whine, TAPE_HZ)
            need = int(2 * motor.whine_speed * np.sum(speed)) + _SPARE
            whine = read_at_speed(extended(whine, need, rng, TAPE_HZ), motor.whine_speed * speed)
            tone = tone + motor.whine_mix * unit(whine)
        # As for the highest mains frequency.
        tone = tone + self._hum(count, int(2.4 * count), rng)
        swing = 1 + motor.shaft_swing * np.sin(2 * np.pi * np.cumsum(motor.shaft_hz * speed) / RATE_HZ)
        return Layers(tone * swing, noise * swing + made.hiss_mix * looped(self.hiss, count, rng))

    def _hammer(self, pitch: float) -> F32:
        rng = np.random.default_rng(self.seed + _HAMMER)
        return knock(self.corpus, self.excitation.hammer, rng, _HAMMER_S, pitch)

    def _hum(self, count: int, need: int, rng: np.random.Generator) -> Floats:
        recorded, _ = tone_and_noise(self.corpus, self.motor.hum, TAPE_HZ)
        tape = extended(recorded, need + _SPARE, rng, TAPE_HZ)
        return self.motor.hum_mix * unit(read_at_speed(tape, np.full(count, self.mains_hz / _RECORDED_MAINS_HZ)))
