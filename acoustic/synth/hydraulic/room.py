"""Rooms, and microphones with what laptops do to their sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from ...config import RATE_HZ
from .draws import chance, log_uniform, uniform
from .signals import F32, F64, colour, convolve, gain

__all__ = ["Microphone", "draw_microphone", "ride_gain", "room", "suppress"]

# Above this the reverberation dies away faster.
_DULL_HZ: Final = 900
# Of the noise suppressor: its frames, half over each other.
_FRAME, _HOP = 512, 256
# Of the gain rider: its blocks, 10 ms, and how far it goes, dB.
_BLOCK, _RIDES_DB = 160, 8


def room(rng: np.random.Generator, t60_s: float, direct_db: float) -> F32:
    """Draw an impulse response: direct sound, some reflections, a tail whose highs die first.

    Parameters
    ----------
    rng
        Where reflections and tail come from.
    t60_s
        Time of reverberation.
    direct_db
        How much louder the direct sound is than the tail.
    """
    count = int(min(t60_s * 0.9, 1.0) * RATE_HZ)
    t = np.arange(count) / RATE_HZ
    white = rng.standard_normal(count)
    low = lfilter(*butter(1, _DULL_HZ / (RATE_HZ / 2)), white)
    high_t60_s = t60_s * uniform(rng, 0.5, 0.85)
    tail = low * 2 * np.exp(-6.9 * t / t60_s) + (white - low) * np.exp(-6.9 * t / high_t60_s)
    tail[: int(0.004 * RATE_HZ)] = 0
    response = tail / np.sqrt((tail**2).sum()) * gain(-direct_db)
    response[0] += 1
    for _ in range(int(rng.integers(3, 8))):
        at = int(log_uniform(rng, 0.0008, 0.025) * RATE_HZ)
        response[at] += rng.choice([-1, 1]) * uniform(rng, 0.1, 0.55)
    return np.asarray((response / np.sqrt((response**2).sum())).astype(np.float32))


@dataclass(frozen=True, slots=True)
class Microphone:
    """A microphone and its processing.

    `noise_dbfs` is its own noise; `suppression_db` and `rides_gain` how far noise suppression and gain control go, 0
    where there are none.
    """

    highpass: F64
    colour: F32
    noise_dbfs: float
    suppression_db: float
    rides_gain: float
    clips: bool

    def hear(self, sound: F32) -> F32:
        """Give the sound this microphone's colour."""
        return np.asarray(sosfilt(self.highpass, convolve(sound, self.colour)).astype(np.float32))


def draw_microphone(rng: np.random.Generator, condition: str) -> Microphone:
    """Draw one; in `hard` it is in a bad place."""
    hard = condition == "hard"
    highpass_hz = log_uniform(rng, 60, 200)
    lowpass_hz = uniform(rng, *((2800, 6500) if hard and chance(rng, 0.6) else (6000, 7900)))
    tilt_db = uniform(rng, -2, 2) - (2 if hard else 0)
    ripple_db = uniform(rng, 0.5, 4)
    return Microphone(
        highpass=butter(2, highpass_hz / (RATE_HZ / 2), "high", output="sos"),
        noise_dbfs=uniform(rng, -82, -62),
        suppression_db=uniform(rng, 4, 8 if condition == "home" else 14) if chance(rng, 0.16) else 0.0,
        rides_gain=uniform(rng, 0.15, 0.4) if chance(rng, 0.2) else 0.0,
        clips=chance(rng, 0.04),
        colour=colour(rng, 30, lowpass_hz, tilt_db, ripple_db),
    )


def suppress(sound: F32, depth_db: float, rng: np.random.Generator) -> F32:
    """Suppress what is stationary, as laptops do: follow the minima, and take at most so much."""
    window = np.sqrt(np.hanning(_FRAME + 1)[:_FRAME]).astype(np.float32)
    count = (len(sound) - _FRAME) // _HOP + 1
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[::_HOP][:count] * window
    spectra = np.fft.rfft(frames, axis=1).astype(np.complex64)
    power = np.asarray(spectra.real**2 + spectra.imag**2)
    rising = 10 ** (uniform(rng, 1.0, 4.0) / 10 * _HOP / RATE_HZ)
    kept = _kept(power, rising, gain(-depth_db))
    # What rises and falls at once would sound like bubbles.
    kept[1:] = 0.5 * kept[1:] + 0.5 * kept[:-1]
    halves = np.fft.irfft(spectra * kept, _FRAME, axis=1).astype(np.float32) * window
    first, second = halves[:, :_HOP].ravel(), halves[:, _HOP:].ravel()
    out = np.zeros(len(sound), np.float32)
    out[: len(first)] += first
    out[_HOP : _HOP + len(second)] += second[: len(out) - _HOP]
    return out


def _kept(power: F32, rising: float, least: float) -> F32:
    """Share of each band that is kept, frame by frame, where the noise is thought to rise by a factor a frame."""
    kept = np.empty_like(power)
    stationary = power[:10].mean(0)
    smooth = stationary.copy()
    for frame, now in enumerate(power):
        smooth += 0.25 * (now - smooth)
        below = smooth < stationary
        stationary = np.where(below, stationary + 0.2 * (smooth - stationary), stationary * rising)
        kept[frame] = np.maximum(1 - 1.2 * stationary / (smooth + 1e-12), least)
    return kept


def ride_gain(sound: F32, strength: float, rng: np.random.Generator) -> F32:
    """Turn the gain down where it is loud and up where it is not, slowly."""
    count = len(sound) // _BLOCK
    level = np.sqrt((sound[: count * _BLOCK].reshape(count, _BLOCK) ** 2).mean(1)) + 1e-5
    up, down = 0.01 / uniform(rng, 0.15, 0.6), 0.01 / uniform(rng, 2, 5)
    followed = level[:50].mean()
    course = np.empty(count)
    for block, now in enumerate(level):
        followed += (up if now > followed else down) * (now - followed)
        course[block] = followed
    turned = np.clip((np.median(level) * 3 / course) ** strength, gain(-_RIDES_DB), gain(_RIDES_DB))
    middles = np.arange(count) * _BLOCK + _BLOCK / 2
    return np.asarray((sound * np.interp(np.arange(len(sound)), middles, turned)).astype(np.float32))
