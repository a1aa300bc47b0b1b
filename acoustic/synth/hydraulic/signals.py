"""What all sounds are made of: noise, colours, resonances, pulses, and curves of level.

Samples are float32; where float64 comes in, it stays until the sound is added to a track.
"""

from __future__ import annotations

from math import log, pi
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import oaconvolve

from ...config import RATE_HZ
from .draws import log_uniform, uniform

__all__ = [
    "F32",
    "F64",
    "Floats",
    "Plate",
    "add",
    "colour",
    "convolve",
    "fade",
    "gain",
    "noise",
    "pulses",
    "ringing",
    "rms",
    "samples",
    "seconds",
    "wander",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]

# Of the filters that colour noise: points of their spectrum, taps, and the frequency that a tilt turns about.
_COLOUR_POINTS: Final = 1024
_COLOUR_TAPS: Final = 511
_COLOUR_CENTRE_HZ: Final = 1000.0
# How steeply they fall below and above their band, dB per octave, and where that ends.
_BELOW_DB, _ABOVE_DB, _DEEPEST_DB = 24, 24, -90
# Knots of their ripple, from six octaves below the centre to three above.
_RIPPLE_OCTAVES: Final = np.linspace(-6, 3, 19)


def gain(level_db: float) -> float:
    """Return the factor that so many decibels are."""
    return float(10.0 ** (level_db / 20.0))


def rms(sound: Floats) -> float:
    """Root of the mean square, never quite 0."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def samples(duration_s: float) -> int:
    """Return how many whole samples a duration has."""
    return int(duration_s * RATE_HZ)


def seconds(count: int) -> F64:
    """Return the time of each of so many samples."""
    return np.arange(count) / RATE_HZ


def noise(rng: np.random.Generator, count: int) -> F32:
    """White noise of RMS 1, one sample at least."""
    return rng.standard_normal(max(int(count), 1), dtype=np.float32)


def wander(rng: np.random.Generator, count: int, speed_hz: float, spread: float) -> F32:
    """Draw a slow curve around 0 that turns about `speed_hz` times a second."""
    knots = max(int(count / RATE_HZ * speed_hz * 2) + 4, 4)
    heights = rng.normal(0, spread, knots)
    places = np.arange(knots) * (count / (knots - 3.0))
    # Smoothed over three knots; 1.6 makes up for what that takes.
    smooth = np.convolve(heights, [0.25, 0.5, 0.25], "same") * 1.6
    return np.interp(np.arange(count), places, smooth).astype(np.float32)


def fade(count: int, rise_s: float, fall_s: float) -> F32:
    """Curve of level that rises from 0 to 1 and falls again, each by half a cosine."""
    level = np.ones(count, np.float32)
    rise, fall = min(int(rise_s * RATE_HZ), count // 2), min(int(fall_s * RATE_HZ), count // 2)
    if rise > 1:
        level[:rise] = 0.5 - 0.5 * np.cos(np.linspace(0, pi, rise))
    if fall > 1:
        level[-fall:] = 0.5 + 0.5 * np.cos(np.linspace(0, pi, fall))
    return level


def convolve(sound: Floats, kernel: Floats) -> F32:
    """Convolve, and cut to the length of the sound."""
    whole = oaconvolve(sound.astype(np.float32), kernel.astype(np.float32))
    return np.asarray(whole[: len(sound)].astype(np.float32))


def colour(
    rng: np.random.Generator,
    low_hz: float,
    high_hz: float,
    tilt_db: float = 0.0,
    ripple_db: float = 3.0,
    bumps: int = 0,
) -> F32:
    """Draw a smooth filter of unit energy.

    Parameters
    ----------
    rng
        Where the ripple and the bumps come from.
    low_hz, high_hz
        Its band.
    tilt_db
        Slope within the band, per octave.
    ripple_db
        Spread of the knots of the ripple, half an octave apart.
    bumps
        How many resonances stand out.
    """
    hz = np.fft.rfftfreq(_COLOUR_POINTS, 1 / RATE_HZ)
    octaves = np.log2(np.maximum(hz, 20) / _COLOUR_CENTRE_HZ)
    level_db = tilt_db * octaves
    level_db = level_db + np.interp(octaves, _RIPPLE_OCTAVES, rng.normal(0, ripple_db, len(_RIPPLE_OCTAVES)))
    for _ in range(bumps):
        height_db = uniform(rng, 4, 12)
        centre = np.log2(log_uniform(rng, max(low_hz, 80), min(high_hz, 7000)) / _COLOUR_CENTRE_HZ)
        level_db = level_db + height_db * np.exp(-0.5 * ((octaves - centre) / uniform(rng, 0.05, 0.25)) ** 2)
    level_db = level_db - _BELOW_DB * np.maximum(0, np.log2(low_hz / np.maximum(hz, 10)))
    level_db = level_db - _ABOVE_DB * np.maximum(0, np.log2(np.maximum(hz, 10) / high_hz))
    response = np.fft.fftshift(np.fft.irfft(10 ** (np.maximum(level_db, _DEEPEST_DB) / 20)))
    middle, half = _COLOUR_POINTS // 2, _COLOUR_TAPS // 2
    taps = response[middle - half : middle + half + 1] * np.hanning(_COLOUR_TAPS)
    return np.asarray((taps / (np.sqrt((taps**2).sum()) + 1e-12)).astype(np.float32))


class Plate(NamedTuple):
    """Something that rings when it is struck: how many modes between which frequencies, and how they die away."""

    modes: int
    low_hz: float
    high_hz: float
    q: tuple[float, float]
    tilt_db: float
    ring_s: float
    spread_db: float = 6.0


def ringing(rng: np.random.Generator, plate: Plate) -> F64:
    """Draw the impulse response of a plate, of unit energy."""
    t = np.arange(int(plate.ring_s * RATE_HZ)) / RATE_HZ
    hz = np.exp(rng.uniform(log(plate.low_hz), log(plate.high_hz), plate.modes))
    q = np.exp(rng.uniform(log(plate.q[0]), log(plate.q[1]), plate.modes))
    height_db = plate.tilt_db * np.log2(hz / plate.low_hz) + rng.normal(0, plate.spread_db, plate.modes)
    height = 10 ** (height_db / 20)
    phase = rng.uniform(0, 6.28, plate.modes)
    tones = height[:, None] * np.sin(2 * pi * hz[:, None] * t + phase[:, None])
    response = np.asarray((tones * np.exp(-pi * hz[:, None] / q[:, None] * t)).sum(0))
    # A blow takes some samples, and nothing stops at once.
    response *= np.minimum(1, np.arange(len(response)) / 3.0)
    last = response[-len(response) // 8 :]
    last *= np.linspace(1, 0, len(last))
    return np.asarray(response / (np.sqrt((response**2).sum()) + 1e-12))


def pulses(count: int, places: F64, heights: Floats) -> F32:
    """Single impulses at fractional sample positions; what lies outside is left out."""
    out = np.zeros(count + 2, np.float32)
    index = np.floor(places).astype(int)
    inside = (index >= 0) & (index < count)
    share = (places - np.floor(places))[inside]
    index, height = index[inside], heights[inside]
    np.add.at(out, index, (height * (1 - share)).astype(np.float32))
    np.add.at(out, index + 1, (height * share).astype(np.float32))
    return out[:count]


def add(track: F32, sound: Floats, at_s: float) -> None:
    """Add a sound to a track from a time on, as far as they overlap."""
    start = round(at_s * RATE_HZ)
    if start < 0:
        sound, start = sound[-start:], 0
    count = min(len(sound), len(track) - start)
    if count > 0:
        track[start : start + count] += sound[:count]
