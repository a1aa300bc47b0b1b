"""Sounds of any length out of short ones: pieces joined, grains in a cloud, a loop; and tapes read at any speed."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt

from .signals import F32, RATE_HZ, Floats

__all__ = ["TAPE_HZ", "cloud", "extended", "looped", "read_at_speed"]

# What is to be read at other speeds is sampled at this rate.
TAPE_HZ: Final = 32_000
_CROSSFADE_S: Final = 0.06
_LONGEST_SEARCH: Final = 500
_LOOP_CROSSFADE: Final = 4000
_HIGHEST_HZ: Final = 7800
# Little faster than recorded, nothing is folded that would be heard.
_FASTER: Final = 1.02


def extended(sound: Floats, count: int, rng: np.random.Generator, rate_hz: int = RATE_HZ) -> F32:
    """So many samples out of long pieces of a sound, joined where their waves agree."""
    fade = int(_CROSSFADE_S * rate_hz)
    if len(sound) < 6 * fade:
        sound = np.tile(sound, 6 * fade // len(sound) + 1)
    whole = len(sound)
    rise = np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    first = int(rng.integers(0, whole // 2))
    pieces: list[Floats] = []
    have, tail = 0, None
    while have < count:
        length = int(rng.uniform(0.4, 0.9) * whole)
        start = int(rng.integers(0, max(1, whole - length - fade - 1)))
        if tail is None:
            start = first if first + length < whole else start
            piece = sound[start : start + length].copy()
        else:
            search = min(fade // 2, whole - start - length - fade - 1, _LONGEST_SEARCH)
            if search > 8:
                start += int(np.argmax(np.correlate(sound[start : start + fade + search], tail, "valid")))
            piece = sound[start : start + length].copy()
            piece[:fade] = piece[:fade] * rise + tail * (1 - rise)
        tail = piece[-fade:].copy()
        pieces.append(piece[:-fade])
        have += len(pieces[-1])
    return np.concatenate(pieces)[:count].astype(np.float32)


def cloud(sound: Floats, count: int, rng: np.random.Generator, low_s: float = 0.15, high_s: float = 0.5) -> F32:
    """So many samples out of random grains of a sound, all of a length between these."""
    grain = int(rng.uniform(low_s, high_s) * RATE_HZ) // 2 * 2
    grain = min(grain, len(sound) // 3 * 2 // 2 * 2)
    half = grain // 2
    starts = rng.integers(0, len(sound) - grain, count // half + 3)
    grains = sound[starts[:, None] + np.arange(grain)] * np.sin(np.pi * (np.arange(grain) + 0.5) / grain)
    even, odd = grains[0::2].reshape(-1), grains[1::2].reshape(-1)
    both = min(len(even) - half, len(odd))
    return np.asarray((even[half : half + both] + odd[:both])[:count], np.float32)


def looped(sound: Floats, count: int, rng: np.random.Generator, speed: float = 1.0) -> Floats:
    """So many samples of a sound laid end to end with cross-fades, from a random point on."""
    if speed != 1.0:
        sound = np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound).astype(np.float32)
    fade = min(len(sound) // 4, _LOOP_CROSSFADE)
    turn = sound[:-fade].copy()
    turn[:fade] = turn[:fade] * np.linspace(0, 1, fade) ** 0.5 + sound[-fade:] * np.linspace(1, 0, fade) ** 0.5
    return turn[(np.arange(count) + int(rng.integers(0, len(turn)))) % len(turn)]


def read_at_speed(tape: Floats, speed: Floats) -> F32:
    """Read a sound sampled at `TAPE_HZ` at a speed that changes, into `RATE_HZ`; a speed a sample."""
    fastest = max(1.0, float(np.max(speed)))
    highest_hz = _HIGHEST_HZ / (fastest if fastest > _FASTER else 1.0)
    tape = sosfilt(butter(6, highest_hz, fs=TAPE_HZ, output="sos"), tape)
    at = np.cumsum(speed * (TAPE_HZ // RATE_HZ))
    return np.interp(at, np.arange(len(tape)), tape).astype(np.float32)
