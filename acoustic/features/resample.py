"""From the source's rate to 16 kHz, the same bits however the audio is chopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiled import entry
from ..config import MAX_RATE_HZ, MIN_RATE_HZ, RATE_HZ
from ..errors import SampleRateError
from .kernels import bounded
from .soxr_library import ResampleStream

__all__ = ["Resampler"]

F32 = npt.NDArray[np.float32]

# What no microphone delivers is cut off, lest its square overflow.
MOST_SAMPLE = 4.0


class Resampler:
    """Streaming resampler to 16 kHz that keeps count of the input behind every output.

    soxr sees the audio in steps of 20 ms counted from the stream's start, so its output, and the moment at which each
    output sample became available, do not depend on how the caller chops the input. Given shorter steps, it gives
    something at every other one. Samples beyond +-4 are cut off; what is no number counts as zero, what is infinite as
    full scale.

    Raises
    ------
    SampleRateError
        If the rate is outside 8 to 192 kHz.
    """

    def __init__(self, rate_hz: int) -> None:
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise SampleRateError(
                f"sample rate: got {rate_hz} Hz, wanted {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; resample the recording first"
            )
        self.rate_hz = rate_hz
        self._step = rate_hz // (100 if rate_hz == RATE_HZ else 50)
        self._waiting = np.zeros(self._step, dtype=np.float32)
        self._stream = None if rate_hz == RATE_HZ else ResampleStream(rate_hz, RATE_HZ, self._waiting)
        self._n_waiting = 0
        self._bounded: Any = entry(bounded, self._waiting, 0, MOST_SAMPLE, self._waiting, 0)

    @property
    def step(self) -> int:
        """Input samples behind each piece but the last."""
        return self._step

    def take(self, samples: F32, first: int) -> tuple[int, F32 | None]:
        """Take in `samples`, shape (n,), float32 and contiguous, from `first` on, up to where a step is full.

        Returns
        -------
        stop
            Behind the last sample that was taken.
        piece
            What comes out of a full step, at 16 kHz, perhaps nothing; to be used before the next call. None while the
            step is not full.
        """
        count = self._bounded(samples, first, MOST_SAMPLE, self._waiting, self._n_waiting)
        self._n_waiting += count
        if self._n_waiting < self._step:
            return first + count, None
        self._n_waiting = 0
        return first + count, self._waiting if self._stream is None else self._stream.push()

    def flush(self) -> tuple[F32, int]:
        """Return what is still inside, and the number of input samples behind it; the resampler is spent afterwards."""
        n, self._n_waiting = self._n_waiting, 0
        return self._waiting[:n] if self._stream is None else self._stream.flush(n), n
