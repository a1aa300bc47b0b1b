"""The last seconds of sound as a picture: levels of bands, column by column. The detector has features of its own."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from ..types import AudioBlock

__all__ = ["BANDS", "COLUMN_S", "HIGH_HZ", "LOW_HZ", "SpectrumStrip"]

BANDS = 24
COLUMN_S = 0.1
LOW_HZ, HIGH_HZ = 60.0, 8_000.0
# What black and the brightest colour stand for, per band.
_RANGE_DBFS = (-80.0, -25.0)


class SpectrumStrip:
    """Keeps the newest columns of a spectrogram.

    Parameters
    ----------
    columns
        How many are kept, all if None.
    bands
        Rows, evenly spaced in pitch from 60 Hz to 8 kHz.
    column_s
        Length of a column.
    """

    def __init__(self, columns: int | None = 400, *, bands: int = BANDS, column_s: float = COLUMN_S) -> None:
        self.count = 0
        self._bands = bands
        self._column_s = column_s
        self._columns: deque[npt.NDArray[np.float32]] = deque(maxlen=columns)
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._rate_hz = 0

    def hear(self, block: AudioBlock) -> None:
        """Take a block; gaps make no columns."""
        if block.rate_hz != self._rate_hz:
            self._set_rate(block.rate_hz)
        self._waiting.append(block.samples)
        if sum(map(len, self._waiting)) < self._length:
            return
        samples = np.concatenate(self._waiting)
        whole = len(samples) // self._length * self._length
        for frame in samples[:whole].reshape(-1, self._length):
            self._columns.append(self._levels(frame))
            self.count += 1
        self._waiting = [samples[whole:]]

    def newest(self, columns: int) -> npt.NDArray[np.float32]:
        """Return up to so many columns, oldest first: shape (n, bands), low bands first, 0 for silent to 1 for loud."""
        kept = list(self._columns)[-columns:] if columns else []
        return np.stack(kept) if kept else np.zeros((0, self._bands), np.float32)

    def _set_rate(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._length = round(self._column_s * rate_hz)
        self._waiting = []
        self._window = np.hanning(self._length).astype(np.float32)
        # A full-scale sine has power 1/2 whatever the window: its line's share of the window's energy.
        self._scale = 2.0 / float(np.sum(self._window) ** 2)
        edges_hz = np.geomspace(LOW_HZ, min(HIGH_HZ, rate_hz / 2), self._bands + 1)
        self._starts = np.round(edges_hz[:-1] / rate_hz * self._length).astype(int)

    def _levels(self, frame: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        power = np.abs(np.fft.rfft(frame * self._window)) ** 2
        stop = round(min(HIGH_HZ, self._rate_hz / 2) / self._rate_hz * self._length)
        bands = np.add.reduceat(power[: stop + 1], self._starts) * self._scale
        level_db = 10.0 * np.log10(np.maximum(bands, 1e-15))
        low, high = _RANGE_DBFS
        return np.clip((level_db - low) / (high - low), 0.0, 1.0).astype(np.float32)
