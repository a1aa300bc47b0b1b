"""Second-order filters and the noise generator that the sound kernels share.

Everything is plain arithmetic on float64: no FFT and no BLAS, so that the same seed gives the same sound everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numba
import numpy as np
import numpy.typing as npt

from .plan import Resonance

__all__ = [
    "band_bank",
    "bank_rms",
    "filter_block",
    "first_order",
    "lowpass",
    "noise",
    "peaking",
    "run_bank",
    "second_order_highpass",
    "weighted_rms",
]

Floats = npt.NDArray[np.float64]


def _centre(frequency_hz: float, rate_hz: int) -> float:
    return 2.0 * math.pi * min(frequency_hz, 0.45 * rate_hz) / rate_hz


def band_bank(resonances: Sequence[Resonance], rate_hz: int) -> Floats:
    """Parallel band-passes, shape (n, 4): gain, a1, a2 and, for shifting them, the angle; peak gains as stated."""
    bank = np.empty((len(resonances), 5))
    for row, resonance in zip(bank, resonances, strict=True):
        angle = _centre(resonance.frequency_hz, rate_hz)
        alpha = math.sin(angle) / (2.0 * resonance.q)
        norm = 1.0 + alpha
        row[0] = 10.0 ** (resonance.gain_db / 20.0) * alpha / norm
        row[1] = -2.0 * math.cos(angle) / norm
        row[2] = (1.0 - alpha) / norm
        row[3] = angle
        row[4] = norm
    return bank


@numba.njit(cache=True, nogil=True)
def run_bank(x: float, bank: Floats, state: Floats) -> float:
    """One sample through parallel band-passes; `state` has shape (n, 2)."""
    total = 0.0
    for i in range(len(bank)):
        # Transposed direct form II with b = gain * (1, 0, -1).
        y = bank[i, 0] * x + state[i, 0]
        state[i, 0] = state[i, 1] - bank[i, 1] * y
        state[i, 1] = -bank[i, 0] * x - bank[i, 2] * y
        total += y
    return total


@numba.njit(cache=True, nogil=True)
def bank_rms(bank: Floats, samples: int) -> float:
    """RMS at the output of a bank for white noise of RMS 1 at its input."""
    state = np.zeros((len(bank), 2))
    energy = 0.0
    for n in range(samples):
        y = run_bank(1.0 if n == 0 else 0.0, bank, state)
        energy += y * y
    return math.sqrt(energy)


@numba.njit(cache=True, nogil=True)
def noise(state: npt.NDArray[np.int64], i: int) -> float:
    """White noise of RMS 1 from the 32-bit xorshift in `state[i]`; the sum of its two halves, so triangular."""
    x = state[i]
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    state[i] = x
    # Two 16-bit uniforms; variance of their sum is 2 / 12.
    value: float = ((x & 0xFFFF) + (x >> 16) - 65535) * (2.449489742783178 / 65536.0)
    return value


def peaking(resonance: Resonance, rate_hz: int) -> Floats:
    """Peaking equaliser as (b0, b1, b2, a1, a2)."""
    angle = _centre(resonance.frequency_hz, rate_hz)
    alpha = math.sin(angle) / (2.0 * resonance.q)
    a = 10.0 ** (resonance.gain_db / 40.0)
    norm = 1.0 + alpha / a
    cos = math.cos(angle)
    return np.array(
        [(1 + alpha * a) / norm, -2 * cos / norm, (1 - alpha * a) / norm, -2 * cos / norm, (1 - alpha / a) / norm]
    )


def lowpass(frequency_hz: float, rate_hz: int, order: int) -> list[Floats]:
    """Butterworth low-pass of an even order as second-order sections; none where it lies above the band."""
    if frequency_hz >= 0.45 * rate_hz:
        return []
    return [_butterworth(frequency_hz, rate_hz, order, k, high=False) for k in range(max(1, order // 2))]


def second_order_highpass(frequency_hz: float, rate_hz: int) -> Floats:
    """Butterworth high-pass of second order."""
    return _butterworth(frequency_hz, rate_hz, 2, 0, high=True)


def _butterworth(frequency_hz: float, rate_hz: int, order: int, k: int, *, high: bool) -> Floats:
    angle = _centre(frequency_hz, rate_hz)
    q = 1.0 / (2.0 * math.sin(math.pi * (2 * k + 1) / (2 * order)))
    alpha = math.sin(angle) / (2.0 * q)
    cos = math.cos(angle)
    norm = 1.0 + alpha
    edge = (1.0 + cos if high else 1.0 - cos) / norm
    middle = -edge if high else edge
    return np.array([edge / 2, middle, edge / 2, -2 * cos / norm, (1 - alpha) / norm])


def first_order(frequency_hz: float, rate_hz: int, *, high: bool) -> Floats:
    """First-order high- or low-pass, in the form of a second-order section."""
    t = math.tan(0.5 * _centre(frequency_hz, rate_hz))
    pole = (1.0 - t) / (1.0 + t)
    gain = (1.0 + pole) / 2.0 if high else (1.0 - pole) / 2.0
    return np.array([gain, -gain if high else gain, 0.0, -pole, 0.0])


@numba.njit(cache=True, nogil=True)
def filter_block(x: Floats, sections: Floats, state: Floats) -> None:
    """Filter `x` in place through cascaded sections, shape (n, 5); `state` has shape (n, 2)."""
    for i in range(len(sections)):
        b0, b1, b2, a1, a2 = sections[i]
        z1, z2 = state[i]
        for n in range(len(x)):
            v = x[n]
            y = b0 * v + z1
            z1 = b1 * v - a1 * y + z2
            z2 = b2 * v - a2 * y
            x[n] = y
        state[i, 0] = z1
        state[i, 1] = z2


def weighted_rms(sound: Floats, rate_hz: int) -> float:
    """RMS between about 0.5 and 8 kHz: where quieting is heard and speech and rooms mask it."""
    weighted = sound.copy()
    edges = [first_order(500.0, rate_hz, high=True)] * 2 + [first_order(8000.0, rate_hz, high=False)] * 1
    filter_block(weighted, np.array(edges), np.zeros((len(edges), 2)))
    return math.sqrt(float(np.mean(np.square(weighted))) + 1e-30)
