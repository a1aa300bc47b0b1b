"""Noise suppression as telephony software does it: a Wiener gain a bin over a slowly learned noise spectrum.

Frames of about 16 ms overlap by half. The noise estimate follows a low quantile of the log spectrum, as in WebRTC, so a
steady pump is taken for noise within a few seconds. The transform is a plain radix-2 FFT of this module: equal bits on
every machine.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from .filters import Floats

__all__ = ["Suppressor"]


@numba.njit(cache=True, nogil=True)
def _fft(real: Floats, imag: Floats, cos: Floats, sin: Floats, sign: float) -> None:
    """Radix-2 transform in place; `cos` and `sin` hold half a turn."""
    n = len(real)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            real[i], real[j] = real[j], real[i]
            imag[i], imag[j] = imag[j], imag[i]
    size = 2
    while size <= n:
        half = size // 2
        stride = n // size
        for i in range(0, n, size):
            for k in range(half):
                c = cos[k * stride]
                s = sign * sin[k * stride]
                a = i + k
                b = a + half
                re = real[b] * c - imag[b] * s
                im = real[b] * s + imag[b] * c
                real[b] = real[a] - re
                imag[b] = imag[a] - im
                real[a] += re
                imag[a] += im
        size *= 2


@numba.njit(cache=True, nogil=True)
def _suppress(
    frame: Floats, window: Floats, cos: Floats, sin: Floats, quantile: Floats, gains: Floats, floor: float, frames: int
) -> Floats:
    n = len(frame)
    real = frame * window
    imag = np.zeros(n)
    _fft(real, imag, cos, sin, -1.0)
    step = max(0.01, 1.0 / (frames + 1.0)) * 4.0
    for k in range(n // 2 + 1):
        power = real[k] * real[k] + imag[k] * imag[k] + 1e-20
        log_power = math.log(power)
        # Stochastic quantile (about 0.35) of the log spectrum.
        quantile[k] += step * (0.35 if log_power > quantile[k] else -0.65)
        noise_power = math.exp(quantile[k] + 0.9)
        snr = max(0.0, power / noise_power - 1.0)
        wanted = max(floor, snr / (1.0 + snr))
        gains[k] += 0.35 * (wanted - gains[k])
        real[k] *= gains[k]
        imag[k] *= gains[k]
        if 0 < k < n // 2:
            real[n - k] = real[k]
            imag[n - k] = -imag[k]
    _fft(real, imag, cos, sin, 1.0)
    return real * window / n


class Suppressor:
    """Streaming suppressor; output lags the input by one frame.

    Parameters
    ----------
    depth_db
        Deepest attenuation.
    rate_hz
        Of the samples.
    """

    def __init__(self, depth_db: float, rate_hz: int) -> None:
        size = 128
        while size < 0.012 * rate_hz:
            size *= 2
        self._hop = size // 2
        angle = 2.0 * np.pi * np.arange(size // 2) / size
        self._cos, self._sin = np.cos(angle), np.sin(angle)
        self._window = np.sin(np.pi * (np.arange(size) + 0.5) / size)
        self._floor = float(10.0 ** (-depth_db / 20.0))
        self._quantile = np.full(size // 2 + 1, -20.0)
        self._gains = np.ones(size // 2 + 1)
        self._frame = np.zeros(size)
        self._overlap = np.zeros(size)
        self._pending = np.empty(0)
        self._ready = np.zeros(size)
        self._frames = 0

    def process(self, sound: Floats) -> Floats:
        """As many samples as came in."""
        pending = np.concatenate([self._pending, sound])
        blocks = [self._ready]
        hop = self._hop
        while len(pending) >= hop:
            self._frame = np.concatenate([self._frame[hop:], pending[:hop]])
            pending = pending[hop:]
            if self._frames == 0:
                self._quantile[:] = math.log(float(np.mean(np.square(self._frame))) * hop + 1e-18)
            self._overlap += _suppress(
                self._frame, self._window, self._cos, self._sin, self._quantile, self._gains, self._floor, self._frames
            )
            self._frames += 1
            blocks.append(self._overlap[:hop].copy())
            self._overlap = np.concatenate([self._overlap[hop:], np.zeros(hop)])
        self._pending = pending
        ready = np.concatenate(blocks)
        self._ready = ready[len(sound) :]
        return ready[: len(sound)]
