"""What all sounds here are made of: draws, levels, slow curves, and excitations shaped by a moving spectrum.

Levels, colours and rates change slowly and are kept as curves of `CURVE_HZ` points a second. A spectrum is a row of
levels in dB, one a band, or many rows, one a point of a curve. Random numbers that numpy's own functions return are
`np.float64`, and arithmetic of these with float32 sound is done in float64; Python's numbers leave it in float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, TypeVar, overload

import numpy as np
import numpy.typing as npt
import scipy.fft
from scipy.ndimage import gaussian_filter1d

__all__ = [
    "BANDS",
    "BAND_CENTRES_HZ",
    "BAND_MATRIX",
    "BAND_WIDTHS_HZ",
    "CURVE_HZ",
    "F32",
    "F64",
    "HOP",
    "RATE_HZ",
    "TILT",
    "Floats",
    "add",
    "angles",
    "band_levels_db",
    "curve_points",
    "curve_times_s",
    "fade",
    "frame_levels_db",
    "gain",
    "impulses",
    "interpolation_matrix",
    "log_uniform",
    "log_uniforms",
    "pick",
    "rms",
    "sample_times_s",
    "sculpt",
    "shaped_noise",
    "slow",
    "to_samples",
    "turns",
    "unit_peak",
    "unit_rms",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
# Sound of either precision.
Floats = npt.NDArray[np.floating[Any]]

RATE_HZ: Final = 16_000
HOP: Final = 128
CURVE_HZ: Final = RATE_HZ / HOP
_FRAME: Final = 512
_WINDOW: Final = np.hanning(_FRAME + 1)[:_FRAME].astype(np.float32)
# What squared Hann windows add up to at an overlap of three quarters.
_OVERLAP_SUM: Final = 1.5
# ln(10) / 20
_NEPERS_PER_DB: Final = np.float32(0.1151293)
_BAND_EDGES_HZ: Final = np.array([60, 140, 300, 700, 1500, 3000, 6000, 8000.0])
BAND_WIDTHS_HZ: Final = np.diff(_BAND_EDGES_HZ)
BAND_CENTRES_HZ: Final = np.sqrt(_BAND_EDGES_HZ[:-1] * _BAND_EDGES_HZ[1:])
BANDS: Final = len(BAND_CENTRES_HZ)
# From the lowest band to the highest.
TILT: Final = np.linspace(-1, 1, BANDS)

_T = TypeVar("_T")


def pick(rng: np.random.Generator, choices: Sequence[_T], weights: Sequence[float] | None = None) -> _T:
    """One of the choices."""
    shares = None if weights is None else np.asarray(weights, float) / np.sum(weights)
    return choices[int(rng.choice(len(choices), p=shares))]


def log_uniform(rng: np.random.Generator, low: float, high: float) -> np.float64:
    """Log-uniform number."""
    return np.float64(np.exp(rng.uniform(np.log(low), np.log(high))))


def log_uniforms(rng: np.random.Generator, low: float, high: float, count: int) -> F64:
    """Log-uniform numbers."""
    return np.asarray(np.exp(rng.uniform(np.log(low), np.log(high), count)))


@overload
def gain(level_db: float) -> np.float64: ...
@overload
def gain(level_db: F64) -> F64: ...
def gain(level_db: float | F64) -> np.float64 | F64:
    """Factor, or factors, of an amplitude."""
    factor: np.float64 | F64 = 10.0 ** (np.asarray(level_db) / 20.0)
    return factor


def rms(sound: Floats) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)) + 1e-20))


def unit_rms(sound: Floats) -> Floats:
    """Sound brought to an RMS of 1."""
    return np.asarray(sound / (rms(sound) + 1e-9))


def unit_peak(sound: Floats) -> Floats:
    """Sound brought to a peak of 1."""
    return np.asarray(sound / (np.max(np.abs(sound)) + 1e-9))


def fade(sound: Floats, in_s: float, out_s: float) -> F32:
    """Sound that comes and goes without a step."""
    faded = np.array(sound, np.float32)
    fade_in, fade_out = (min(int(length_s * RATE_HZ), len(faded) // 2) for length_s in (in_s, out_s))
    if fade_in:
        faded[:fade_in] *= np.sin(np.linspace(0, np.pi / 2, fade_in)) ** 2
    if fade_out:
        faded[-fade_out:] *= np.cos(np.linspace(0, np.pi / 2, fade_out)) ** 2
    return faded


def add(mix: Floats, sound: Floats, at_s: float, factor: float = 1.0) -> None:
    """Add a sound to a mix, in place; what lies outside of it is lost."""
    at = round(at_s * RATE_HZ)
    if at < 0:
        sound, at = sound[-at:], 0
    count = min(len(sound), len(mix) - at)
    if count > 0:
        mix[at : at + count] += factor * sound[:count]


def curve_points(count: int) -> int:
    """Points of a curve that covers so many samples."""
    return count // HOP + 2


def curve_times_s(points: int) -> F64:
    """Tell when a curve's points are."""
    return np.arange(points) / CURVE_HZ


def sample_times_s(count: int) -> F64:
    """Tell when samples are."""
    return np.arange(count) / RATE_HZ


def to_samples(curve: Floats, count: int) -> F32:
    """Curve as so many samples."""
    return np.interp(np.arange(count) / HOP, np.arange(len(curve)), curve).astype(np.float32)


def turns(rate_hz: F64, count: int) -> F64:
    """Phase in turns, one value a sample, of what turns at a rate that is a curve."""
    return np.asarray(np.cumsum(to_samples(rate_hz, count).astype(np.float64)) / RATE_HZ)


def angles(rate_hz: F64, count: int) -> F64:
    """Like `turns`, in radians."""
    return np.asarray(2 * np.pi * np.cumsum(to_samples(rate_hz, count).astype(np.float64)) / RATE_HZ)


def slow(rng: np.random.Generator, points: int, tau_s: float) -> F64:
    """Random curve of unit variance that changes in about `tau_s`."""
    sigma = max(tau_s * CURVE_HZ, 0.3)
    margin = int(8 * sigma) + 2
    smooth = gaussian_filter1d(rng.standard_normal(points + 2 * margin), sigma, mode="nearest")
    return np.asarray(smooth[margin : margin + points] * np.sqrt(2 * np.sqrt(np.pi) * sigma))


def impulses(at: F64, levels: F64, count: int) -> F32:
    """Impulses between samples, each divided between its two neighbours."""
    sound = np.zeros(count + 2)
    at = np.clip(at, 0, count - 1.001)
    before = at.astype(int)
    share = at - before
    np.add.at(sound, before, levels * (1 - share))
    np.add.at(sound, before + 1, levels * share)
    return sound[:count].astype(np.float32)


def interpolation_matrix(points_hz: F64) -> F32:
    """Make what brings levels at some frequencies to a frame's bins, linear in log frequency, shape (points, bins)."""
    bins_hz = np.fft.rfftfreq(_FRAME, 1 / RATE_HZ)
    matrix = np.zeros((len(points_hz), len(bins_hz)), np.float32)
    log_hz = np.log(np.maximum(bins_hz, 25.0))
    for row, one in zip(matrix, np.eye(len(points_hz)), strict=True):
        row[:] = np.interp(log_hz, np.log(points_hz), one)
    return matrix


BAND_MATRIX: Final = interpolation_matrix(BAND_CENTRES_HZ)


def sculpt(sound: Floats, spectra_db: F64, matrix: F32 = BAND_MATRIX) -> F32:
    """Filter a sound by a spectrum that moves: short-time Fourier transform, overlap and add.

    Parameters
    ----------
    sound
        Excitation, shape (n,).
    spectra_db
        Levels of the filter, shape (points, bands): a row for each point of a curve. Shape (bands,) if it stays.
    matrix
        From bands to the frame's bins, see `interpolation_matrix`.
    """
    sound = np.asarray(sound, np.float32)
    count, lead = len(sound), _FRAME - HOP
    frames = count // HOP + 5
    padded = np.zeros(frames * HOP + _FRAME, np.float32)
    padded[lead : lead + count] = sound
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::HOP][:frames]
    spectra = scipy.fft.rfft(windows * _WINDOW, axis=1)
    levels_db = np.atleast_2d(np.asarray(spectra_db, np.float32))
    if len(levels_db) > 1:
        # The middle of frame i lies at i * HOP - lead + _FRAME / 2.
        points = np.arange(frames) - lead // HOP + _FRAME // 2 // HOP
        levels_db = levels_db[np.clip(points, 0, len(levels_db) - 1)]
    factors = np.exp((levels_db @ matrix) * _NEPERS_PER_DB)
    shaped = scipy.fft.irfft(spectra * factors, n=_FRAME, axis=1) * (_WINDOW / _OVERLAP_SUM)
    overlap = _FRAME // HOP
    out = np.zeros((frames + overlap, HOP), np.float32)
    for part in range(overlap):
        out[part : part + frames] += shaped[:, part * HOP : (part + 1) * HOP]
    return out.reshape(-1)[lead : lead + count]


def shaped_noise(
    rng: np.random.Generator, count: int, points_hz: Sequence[float] | F64, levels_db: Sequence[float] | F64
) -> F32:
    """Steady noise of RMS 1 with these levels at these frequencies."""
    size = scipy.fft.next_fast_len(count, real=True)
    bins_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    factors = gain(np.interp(np.log(np.maximum(bins_hz, 20)), np.log(points_hz), levels_db)).astype(np.float32)
    real = rng.standard_normal(len(bins_hz), dtype=np.float32)
    spectrum = (real + 1j * rng.standard_normal(len(bins_hz), dtype=np.float32)) * factors
    spectrum[bins_hz < 25] = 0
    noise = scipy.fft.irfft(spectrum, n=size)[:count]
    return np.asarray(noise / rms(noise))


def frame_levels_db(sound: Floats, hop: int) -> F64:
    """Levels of stretches of `hop` samples."""
    count = len(sound) // hop
    power = np.mean(sound[: count * hop].reshape(count, hop).astype(np.float64) ** 2, axis=1)
    return np.asarray(20 * np.log10(np.sqrt(power) + 1e-9))


def band_levels_db(sound: Floats, start_s: float, stop_s: float) -> F64 | None:
    """Median levels of the bands in a stretch, or None if it is too short to tell."""
    size = 1024
    stretch = sound[int(start_s * RATE_HZ) : int(stop_s * RATE_HZ)]
    if len(stretch) < size:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(stretch, size)[:: size // 2] * np.hanning(size)
    power = np.median(np.abs(scipy.fft.rfft(windows, axis=1)) ** 2, axis=0)
    bins_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    edges = pairwise(_BAND_EDGES_HZ)
    sums = [power[(bins_hz >= low) & (bins_hz < high)].sum() for low, high in edges]
    return np.array([10 * np.log10(each + 1e-12) for each in sums])
