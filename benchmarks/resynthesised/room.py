"""The room's echo and the laptop's microphone. Limits are assumed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, sosfilt

from .endless import cloud, extended
from .materials import ROOM_GRAINS, SELF_NOISE
from .recordings import steadiest, tone_and_noise
from .signals import BINS_HZ, F32, F64, KNOTS, RATE_HZ, Floats, curve_db, draw_one, gain, pick, unit, whiten

__all__ = ["Place", "draw_place", "echo", "self_noise"]

# Until an echo has sunk by 60 dB, and by how much the direct sound is louder than it.
_ECHO_S: Final = {"home": (0.15, 0.7), "kitchen": (0.3, 0.9), "hard": (0.4, 1.2), "cafe": (0.3, 1.0)}
_DIRECT_DB: Final = {"home": (3, 14), "kitchen": (0, 12), "hard": (-6, 6), "cafe": (0, 10)}
_LONGEST_ECHO_S: Final = 1.3
# Above this an echo dies away faster.
_HIGH_HZ: Final = 2500
# ln(1000), rounded: 60 dB of an amplitude.
_NEPERS_60_DB: Final = 6.9
# Most microphones hear all there is.
_ALL_HZ: Final = 8000
_SELF_NOISE_S: Final = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a laptop stands: how long the room rings, how near the machine is, and what the microphone does."""

    echo_s: float
    direct_db: float
    microphone_db: F64


def draw_place(rng: np.random.Generator, condition: str) -> Place:
    """Draw a place."""
    echo_s, direct_db = draw_one(rng, _ECHO_S, condition), draw_one(rng, _DIRECT_DB, condition)
    low_hz = rng.uniform(60, 200)
    high_hz = pick(rng, (rng.uniform(3500, 5500), rng.uniform(5500, 7800), *[_ALL_HZ] * 3))
    hz = np.maximum(BINS_HZ, 5)
    levels_db = curve_db(rng.normal(0, 3.5 if condition == "hard" else 2.0, KNOTS))
    levels_db = levels_db - 10 * np.log10(1 + (low_hz / hz) ** 4)
    if high_hz < _ALL_HZ:
        levels_db = levels_db - 10 * np.log10(1 + (hz / high_hz) ** 16)
    return Place(echo_s, direct_db, np.clip(levels_db, -50, 12))


def echo(corpus: Path, rng: np.random.Generator, echo_s: float, direct_db: float) -> F32:
    """Response of a room, of energy 1: the direct sound, a few reflections, and a tail out of the grain of hisses."""
    count = int(min(_LONGEST_ECHO_S, echo_s * 1.1) * RATE_HZ)
    _, noise = tone_and_noise(corpus, pick(rng, ROOM_GRAINS))
    grain = whiten(extended(noise, count + 4000, rng))[2000 : 2000 + count]
    grain = grain / np.sqrt(gaussian_filter1d(grain.astype(float) ** 2, 400) + 1e-12)
    high = grain - sosfilt(butter(1, _HIGH_HZ, fs=RATE_HZ, output="sos"), grain)
    t = np.arange(count) / RATE_HZ
    tail = (grain - high) * np.exp(-_NEPERS_60_DB * t / echo_s)
    tail = tail + high * np.exp(-_NEPERS_60_DB * t / (echo_s * rng.uniform(0.4, 0.8)))
    tail = np.concatenate([np.zeros(int(rng.uniform(0.001, 0.006) * RATE_HZ)), tail])
    tail /= np.sqrt(np.sum(tail**2))
    response = tail * gain(-direct_db)
    response[0] += 1
    for _ in range(int(rng.integers(2, 6))):
        at = int(rng.uniform(0.001, 0.02) * RATE_HZ)
        response[at] += rng.uniform(-0.5, 0.5) * gain(-direct_db / 2)
    return np.asarray(response / np.sqrt(np.sum(response**2)), np.float32)


@cache
def self_noise(corpus: Path) -> Floats:
    """A microphone's own noise, to be looped."""
    hiss = cloud(steadiest(corpus, SELF_NOISE), _SELF_NOISE_S * RATE_HZ, np.random.default_rng(5), 0.02, 0.05)
    return unit(whiten(hiss))
