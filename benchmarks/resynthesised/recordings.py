"""Recordings, taken apart: their steadiest stretch, its tones and what is left of it, single knocks, flattened hisses.

All are kept once made. `corpus` is a folder with folders of recordings, of which `name` is the beginning of one's name.
"""

from __future__ import annotations

from functools import cache
from math import gcd
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from scipy.ndimage import gaussian_filter1d, median_filter
from scipy.signal import resample_poly

from acoustic.errors import AudioFileError

from .signals import F32, F64, RATE_HZ, Floats, from_spectra, rms, spectra, unit

__all__ = ["excerpt", "flat_hiss", "knock", "recording", "steadiest", "tone_and_noise"]

_SUFFIXES: Final = (".wav", ".flac", ".mp3")
_RMS: Final = 0.1
# Levels of a stretch are measured so many times a second.
_LEVELS_HZ: Final = 20
# The level of a stretch: of where a motor runs, or of a clip's quiet ground, percentiles.
_LOUD, _QUIET = 80, 40
# Median filters along time and along frequency part tones from noise.
_TONE_FRAMES, _NOISE_BINS = 17, 17
_KNOCK_HOP: Final = 80
# The strongest so many are used; closer together, in hops, they are one.
_KNOCKS, _KNOCKS_APART = 4, 24
_AUDIBLE_RMS: Final = 0.02


@cache
def _paths(corpus: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(corpus.glob("*/*")) if path.suffix in _SUFFIXES}


@cache
def recording(corpus: Path, name: str, rate_hz: int = RATE_HZ) -> F32:
    """All of a recording, mono, at an RMS of 0.1.

    Raises
    ------
    AudioFileError
        If there is none of this name.
    """
    path = next((path for each, path in _paths(corpus).items() if each.startswith(name)), None)
    if path is None:
        raise AudioFileError(
            f"{corpus}: no recording there begins with {name!r}; --corpus or BACKFLUSH_CORPUS names the folder"
        )
    sound, file_hz = soundfile.read(path, dtype="float32")
    if sound.ndim > 1:
        sound = sound.mean(1)
    if file_hz != rate_hz:
        common = gcd(file_hz, rate_hz)
        sound = resample_poly(sound, rate_hz // common, file_hz // common).astype(np.float32)
    whole: F32 = sound / (np.sqrt(np.mean(sound**2)) + 1e-9) * _RMS
    return whole


@cache
def steadiest(corpus: Path, name: str, rate_hz: int = RATE_HZ, length_s: float = 2.5, *, loud: bool = True) -> Floats:
    """Where a recording's level changes least: where a motor runs if `loud`, else on its quiet ground."""
    sound = recording(corpus, name, rate_hz)
    hop = rate_hz // _LEVELS_HZ
    power = np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    levels_db = 20 * np.log10(np.sqrt(power) + 1e-7)
    wanted_db = np.percentile(levels_db, _LOUD if loud else _QUIET)
    hops = min(int(length_s * _LEVELS_HZ), len(levels_db))
    stretches = (levels_db[start : start + hops] for start in range(len(levels_db) - hops + 1))
    best = int(np.argmin([each.std() + 0.7 * abs(each.mean() - wanted_db) for each in stretches]))
    return unit(sound[best * hop : (best + hops) * hop]) * _RMS


@cache
def tone_and_noise(corpus: Path, name: str, rate_hz: int = RATE_HZ) -> tuple[F32, F32]:
    """What lasts in a recording's steadiest stretch, and the rest of it."""
    sound = steadiest(corpus, name, rate_hz)
    frames = spectra(sound)
    magnitudes = np.abs(frames)
    lasting, passing = median_filter(magnitudes, (_TONE_FRAMES, 1)), median_filter(magnitudes, (1, _NOISE_BINS))
    share = lasting**2 / (lasting**2 + passing**2 + 1e-12)
    return from_spectra(frames * share, len(sound)), from_spectra(frames * (1 - share), len(sound))


@cache
def flat_hiss(corpus: Path, name: str) -> F32:
    """Noise of a recording's steadiest stretch, its level nearly the same throughout."""
    _, noise = tone_and_noise(corpus, name)
    envelope = np.sqrt(gaussian_filter1d(noise.astype(float) ** 2, 160) + 1e-8)
    return np.asarray(noise / envelope**0.8, np.float32)


@cache
def _knock_starts(corpus: Path, name: str) -> list[int]:
    """Where the strongest onsets are, the strongest first."""
    sound = recording(corpus, name)
    blocks = sound[: len(sound) // _KNOCK_HOP * _KNOCK_HOP].reshape(-1, _KNOCK_HOP)
    envelope = np.sqrt(np.mean(blocks**2, axis=1)) + 1e-6
    before = np.maximum(gaussian_filter1d(envelope, 6)[:-1], 1e-6)
    strength = np.clip(np.log(envelope[1:] + 1e-3) - np.log(before + 1e-3), 0, None) * envelope[1:]
    found: list[int] = []
    for hop in np.argsort(-strength):
        if all(abs(hop - other) > _KNOCKS_APART for other in found) and 2 < hop < len(envelope) - 30:
            found.append(int(hop))
        if len(found) == _KNOCKS:
            break
    return [max(0, hop * _KNOCK_HOP - 40) for hop in found] or [0]


def knock(corpus: Path, name: str, rng: np.random.Generator, length_s: float, pitch: float = 1.0) -> F32:
    """One of a recording's strongest knocks, dying away, at a peak of 1 and `pitch` times as fast."""
    sound, starts = recording(corpus, name), _knock_starts(corpus, name)
    start = starts[int(rng.integers(0, len(starts)))]
    struck = _read_at(sound[start : start + int(length_s * pitch * RATE_HZ) + 64], pitch)
    count = min(len(struck), int(length_s * RATE_HZ))
    samples = np.arange(count)
    struck = struck[:count] * np.exp(-samples / (0.3 * length_s * RATE_HZ)) * np.minimum(1, samples / 16)
    end = min(count, 80)
    struck[-end:] *= np.linspace(1, 0, end)
    return np.asarray(struck / (np.abs(struck).max() + 1e-9), np.float32)


def excerpt(corpus: Path, name: str, rng: np.random.Generator, low_s: float, high_s: float) -> F32:
    """Some seconds of a recording, faded in and out, at an RMS of 1 and a speed of about 1."""
    sound = recording(corpus, name)
    speed = rng.uniform(0.88, 1.14)
    count = min(int(rng.uniform(low_s, high_s) * RATE_HZ), len(sound))
    start = int(rng.integers(0, len(sound) - count + 1))
    # Mostly not a silent stretch.
    for _ in range(4):
        if rms(sound[start : start + count]) > _AUDIBLE_RMS:
            break
        start = int(rng.integers(0, len(sound) - count + 1))
    cut = _read_at(sound[start : start + count], speed)
    fade = min(len(cut) // 3, int(0.08 * RATE_HZ))
    cut[:fade] *= np.linspace(0, 1, fade)
    cut[-fade:] *= np.linspace(1, 0, fade)
    return unit(cut).astype(np.float32)


def _read_at(sound: F32, speed: float) -> F64:
    return np.asarray(np.interp(np.arange(0, len(sound) - 1, speed), np.arange(len(sound)), sound))
