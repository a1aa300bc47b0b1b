"""Strokes of vibratory pumps: cut out of recordings, laid again at another rate, and what happens once a stroke."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from scipy.fft import rfft
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from scipy.signal import oaconvolve

from .recordings import recording, steadiest
from .signals import F32, RATE_HZ, Floats, gain

__all__ = ["Strokes", "hammered", "laid", "pulsed", "strokes"]

# Their tone and their noise, at exactly `_PERIOD` samples a stroke.
Strokes = tuple[F32, F32]

_RECORDED_HZ: Final = 50
_PERIOD: Final = RATE_HZ // _RECORDED_HZ
# Where these pumps fill, and where they hold pressure. Of the second only one of the two is known.
_SPANS_S: Final = {"espresso": ((0.1, 4.2), (5.2, 27.5)), "grind-then-pump": ((12.4, 16.5),)}
_STRETCH_S: Final = 3.0
# The rate is where the harmonics stand out most.
_RATES_HZ: Final = np.arange(49.8, 50.2, 0.005)
_HARMONICS: Final = np.arange(2, 21)
_TRANSFORM: Final = 1 << 20
_LOWEST_HZ: Final = 80
# What so many neighbouring strokes have in common is tone.
_ALIKE_STROKES: Final = 11
# In shares of a stroke: how fast a pulse fades, and how long it rises.
_PULSE_FADE, _PULSE_RISE = 0.25, 0.04


@cache
def strokes(corpus: Path, name: str) -> tuple[Strokes, Strokes]:
    """Strokes of a recording, while filling and under pressure; the same twice where only one is known."""
    if name in _SPANS_S:
        whole = recording(corpus, name)
        stretches: list[Floats] = [
            whole[int(start_s * RATE_HZ) : int(stop_s * RATE_HZ)] for start_s, stop_s in _SPANS_S[name]
        ]
    else:
        stretches = [steadiest(corpus, name, length_s=_STRETCH_S)]
    cut = [_cut(each) for each in stretches]
    return cut[0], cut[-1]


def _cut(sound: Floats) -> Strokes:
    sound = np.interp(np.arange(0, len(sound) - 1, _RECORDED_HZ / _rate_hz(sound)), np.arange(len(sound)), sound)
    each = sound[: len(sound) // _PERIOD * _PERIOD].reshape(-1, _PERIOD)
    tone = uniform_filter1d(each, _ALIKE_STROKES, axis=0, mode="nearest")
    # The stroke itself, where most happens, comes to the middle.
    changes = gaussian_filter1d(np.mean(np.diff(tone, axis=1) ** 2, axis=0), 12, mode="wrap")
    shift = _PERIOD // 2 - int(np.argmax(changes))
    rolled = [np.roll(part.ravel(), shift).astype(np.float32) for part in (tone, each - tone)]
    return rolled[0], rolled[1]


def _rate_hz(sound: Floats) -> float:
    spectrum = np.abs(rfft(sound * np.hanning(len(sound)), _TRANSFORM))
    spectrum[: int(_LOWEST_HZ / RATE_HZ * _TRANSFORM)] = 0
    bins = np.rint(_RATES_HZ[:, None] * _HARMONICS * _TRANSFORM / RATE_HZ).astype(int)
    return float(_RATES_HZ[int(np.argmax(np.log(spectrum[bins] + 1e-3).sum(1)))])


def laid(
    part: Floats, count: int, rate_hz: float, size: float, rng: np.random.Generator, jump_share: float = 0.05
) -> F32:
    """Strokes laid again at another rate, in their order but for `jump_share` of them.

    A `size` above 1 makes the body that rings larger and deeper; it leaves the rate as it is.
    """
    if size != 1.0:
        part = np.interp(np.arange(0, len(part) - 1, 1 / size), np.arange(len(part)), part).astype(np.float32)
    period, laid_period = _PERIOD * size, round(RATE_HZ / rate_hz)
    grain = 2 * laid_period
    number = int(count / laid_period * 1.01) + 6
    have = int((len(part) - grain) / period) - 1
    jumps = rng.random(number) < jump_share
    order = np.where(jumps, rng.integers(0, have, number), 1)
    order[0] = rng.integers(0, have)
    numbers = np.arange(number)
    latest = np.maximum.accumulate(np.where(jumps | (numbers == 0), numbers, 0))
    order = (order[latest] + numbers - latest) % have
    starts = np.rint(order * period).astype(int)
    grains = part[starts[:, None] + np.arange(grain)] * np.hanning(grain + 1)[:-1].astype(np.float32)
    even, odd = grains[0::2].reshape(-1), grains[1::2].reshape(-1)
    both = min(len(even) - laid_period, len(odd))
    sound = even[laid_period : laid_period + both] + odd[:both]
    # A whole number of samples a stroke is not quite the rate.
    step = laid_period * rate_hz / RATE_HZ
    return np.asarray(np.interp(np.arange(count) * step, np.arange(both), sound), np.float32)


def hammered(
    count: int,
    rate_hz: float,
    knock: F32,
    rng: np.random.Generator,
    jitter: float = 0.15,
    factor: Floats | None = None,
) -> F32:
    """One knock, struck at every stroke; `factor` is of its level, a value a sample."""
    struck = np.zeros(count, np.float32)
    at = np.arange(rng.uniform(0, RATE_HZ / rate_hz), count - 2, RATE_HZ / rate_hz)
    before, share = at.astype(int), at % 1
    levels = 1 + jitter * rng.normal(0, 1, len(at))
    if factor is not None:
        levels = levels * factor[before]
    struck[before] += levels * (1 - share)
    struck[before + 1] += levels * share
    return np.asarray(oaconvolve(struck, knock)[:count], np.float32)


def pulsed(sound: Floats, rate_hz: float, depth_db: float) -> Floats:
    """Let a sound breathe with the strokes."""
    phase = (np.arange(len(sound)) * rate_hz / RATE_HZ) % 1
    pulse = np.exp(-phase / _PULSE_FADE) * np.minimum(1, phase / _PULSE_RISE)
    pulse = pulse / pulse.max()
    return sound * np.asarray(gain(-depth_db) + (1 - gain(-depth_db)) * pulse, np.float32)
