"""What sounds are worked on with: draws, levels, short-time spectra, and filters that stay or move.

Filters are curves of gains in dB, one a bin of a short-time spectrum, drawn through a few knots. Python's numbers leave
float32 sound in float32; numpy's own take it to float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar, overload

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft
from scipy.signal import oaconvolve

__all__ = [
    "BINS_HZ",
    "F32",
    "F64",
    "KNOTS",
    "LOG_BINS",
    "RATE_HZ",
    "Floats",
    "add",
    "colour",
    "curve_db",
    "draw_one",
    "filter_moving",
    "from_spectra",
    "gain",
    "pick",
    "rms",
    "spectra",
    "spectrum_db",
    "unit",
    "wander",
    "wear",
    "whiten",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
# Sound of either precision.
Floats = npt.NDArray[np.floating[Any]]

RATE_HZ: Final = 16_000
_FRAME: Final = 1024
_HOP: Final = 256
_WINDOW: Final = np.sqrt(np.hanning(_FRAME + 1)[:-1]).astype(np.float32)
_TAPER: Final = np.hanning(_FRAME + 1)[:-1]
BINS_HZ: Final = np.fft.rfftfreq(_FRAME, 1 / RATE_HZ)
LOG_BINS: Final = np.log(np.maximum(BINS_HZ, 40))
_KNOTS_HZ: Final = np.array([60, 150, 300, 700, 1500, 3000, 5000, 8000])
KNOTS: Final = len(_KNOTS_HZ)
_NEPERS_PER_DB: Final = np.log(10) / 20
# A spectrum is smoothed over so much of each frequency to both sides.
_SMOOTHED_SHARE: Final = 0.15
# Bins whose median a filter leaves as it is: 60 Hz to 6 kHz.
_MIDDLE: Final = slice(4, 400)
_WHITENED_DB: Final = 40

_T = TypeVar("_T")
_Name = TypeVar("_Name", bound=str)


def pick(rng: np.random.Generator, choices: Sequence[_T]) -> _T:
    """One of the choices, all alike."""
    return choices[int(rng.integers(0, len(choices)))]


def draw_one(rng: np.random.Generator, limits: Mapping[_Name, tuple[float, float]], name: _Name) -> float:
    """Draw between the limits of `name`; draws are as many whichever it is."""
    return {each: rng.uniform(*between) for each, between in limits.items()}[name]


def rms(sound: Floats) -> float:
    """Root of the mean square."""
    sound = np.asarray(sound, np.float32)
    return float(np.sqrt(np.dot(sound, sound) / len(sound) + 1e-20))


def unit(sound: Floats) -> Floats:
    """Sound brought to an RMS of 1."""
    return np.asarray(sound / (rms(sound) + 1e-9))


@overload
def gain(level_db: float) -> float: ...
@overload
def gain(level_db: Floats) -> F64: ...
def gain(level_db: float | Floats) -> float | F64:
    """Factor, or factors, of an amplitude."""
    if isinstance(level_db, np.ndarray):
        return np.asarray(np.exp(level_db * _NEPERS_PER_DB))
    factor: float = 10 ** (level_db / 20)
    return factor


def add(mix: F32, sound: Floats, at_s: float) -> None:
    """Add a sound to a mix, in place; what would lie behind its end is lost."""
    at = int(at_s * RATE_HZ)
    sound = sound[: max(0, len(mix) - at)]
    mix[at : at + len(sound)] += sound


def curve_db(knots_db: Sequence[float] | Floats) -> F32:
    """Gains at the bins, linear in log frequency between those at the knots, shape (KNOTS,)."""
    return np.asarray(np.interp(LOG_BINS, np.log(_KNOTS_HZ), knots_db), np.float32)


def wander(rng: np.random.Generator, count: int, every_s: float, spread: float = 1.0) -> F32:
    """Slow random curve, a value a sample: straight lines between draws that are `every_s` apart."""
    points = max(4, int(count / (every_s * RATE_HZ)) + 4)
    drawn = rng.normal(0, spread, points)
    return np.interp(np.linspace(0, points - 1, count), np.arange(points), drawn).astype(np.float32)


def spectra(sound: Floats) -> npt.NDArray[np.complexfloating[Any, Any]]:
    """Short-time spectra, shape (frames, bins)."""
    lead = np.zeros(_FRAME - _HOP, np.float32)
    padded = np.concatenate([lead, sound.astype(np.float32), np.zeros(_FRAME, np.float32)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::_HOP]
    return np.asarray(rfft(frames * _WINDOW, axis=1))


def from_spectra(frames: npt.NDArray[np.complexfloating[Any, Any]], count: int) -> F32:
    """So many samples out of short-time spectra, by overlap and add."""
    parts = irfft(frames, _FRAME, axis=1) * _WINDOW
    overlap = _FRAME // _HOP
    sound = np.zeros((len(parts) + overlap, _HOP), np.float32)
    for part in range(overlap):
        sound[part : part + len(parts)] += parts[:, part * _HOP : (part + 1) * _HOP]
    # What squared windows add up to is half the overlap.
    return sound.ravel()[_FRAME - _HOP : _FRAME - _HOP + count] * (2 / overlap)


def colour(sound: Floats, gains_db: Floats) -> Floats:
    """Filter by a curve that stays."""
    response = np.roll(irfft(gain(gains_db), _FRAME), _FRAME // 2) * _TAPER
    filtered = oaconvolve(sound.astype(np.float32), response.astype(np.float32))
    return np.asarray(filtered[_FRAME // 2 : _FRAME // 2 + len(sound)])


def filter_moving(sound: Floats, gains_db: Callable[[F64], Floats]) -> F32:
    """Filter by a curve that moves: `gains_db` gives it at times in seconds, shape (frames, bins)."""
    frames = spectra(sound)
    middles_s = (np.arange(len(frames)) * _HOP - (_FRAME - _HOP) + _FRAME / 2) / RATE_HZ
    return from_spectra(frames * gain(gains_db(middles_s)).astype(np.float32), len(sound))


def spectrum_db(sound: Floats) -> F64:
    """Mean power of each bin, smoothed over frequency."""
    power = np.mean(np.abs(spectra(sound)) ** 2, axis=0) + 1e-12
    summed = np.concatenate([[0], np.cumsum(power)])
    bins = np.arange(len(power))
    width = np.maximum(2, (bins * _SMOOTHED_SHARE).astype(int))
    low, high = np.maximum(0, bins - width), np.minimum(len(power), bins + width + 1)
    return np.asarray(10 * np.log10((summed[high] - summed[low]) / (high - low) + 1e-12))


def wear(sound: Floats, target_db: Floats, share: float = 1.0, limit_db: float = 24) -> Floats:
    """Bring a sound's smoothed spectrum towards another, as far as `share` says; its level stays."""
    change_db = np.clip(target_db - spectrum_db(sound), -60, 60) * share
    change_db = np.clip(change_db - np.median(change_db[_MIDDLE]), -limit_db, limit_db)
    worn = colour(sound, change_db)
    return np.asarray(worn / (rms(worn) + 1e-9) * rms(sound))


def whiten(sound: Floats) -> Floats:
    """Make a sound's spectrum flat."""
    return wear(sound, np.zeros(len(BINS_HZ)), limit_db=_WHITENED_DB)
