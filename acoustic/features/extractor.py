"""Samples at 16 kHz in, feature vectors out, the same however the samples are chopped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..compiled import entry
from ..config import FeatureOptions, FrameOptions
from .kernels import feature_state, process
from .layout import feature_names

__all__ = ["FeatureExtractor"]

F32 = npt.NDArray[np.float32]


class FeatureExtractor:
    """Streaming features of one stream.

    Frame `i` describes the audio that ends at sample `(i + 1) * hop`, at 16 kHz.
    """

    def __init__(self, frame: FrameOptions | None = None, options: FeatureOptions | None = None) -> None:
        self.frame = frame or FrameOptions()
        self.options = options or FeatureOptions()
        self.names = feature_names(self.options)
        self.n_bands = len(self.options.band_edges_hz) - 1
        # Compiled when first used: in a first session ever, other kernels are compiled beside it.
        self._process: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._state = feature_state(self.frame, self.options)
        self._n_waiting = 0

    def push(self, samples: F32, *, lost: bool = False) -> tuple[F32, F32]:
        """Take in samples and return what frames they complete.

        Parameters
        ----------
        samples
            float32, shape (n,), full scale 1.0, at 16 kHz.
        lost
            The samples stand in for audio that never arrived: the frames they complete leave the running levels alone.

        Returns
        -------
        features
            Shape (frames, features), units of 10 dB, clipped to +-5.
        levels
            Band levels in dBFS and, last, the total; shape (frames, bands + 1).
        """
        features, levels = self.room(self.completed_by(len(samples)))
        self.write(np.ascontiguousarray(samples, dtype=np.float32), features, levels, lost=lost)
        return features, levels

    def completed_by(self, samples: int) -> int:
        """Return how many frames so many more samples complete."""
        return (self._n_waiting + samples) // self.frame.hop

    def room(self, frames: int) -> tuple[F32, F32]:
        """Make arrays for the features and levels of so many frames; see `push` for their shapes."""
        features = np.empty((frames, len(self.names)), dtype=np.float32)
        return features, np.empty((frames, self.n_bands + 1), dtype=np.float32)

    def write(self, samples: F32, features: F32, levels: F32, *, lost: bool) -> None:
        """Take in contiguous samples, float32, and write the frames they complete into `room` for just as many."""
        self._n_waiting = (self._n_waiting + len(samples)) % self.frame.hop
        if self._process is None:
            self._process = entry(process, self._state, np.zeros(0, np.float32), False, *self.room(0))
        self._process(self._state, samples, lost, features, levels)

    @property
    def background_dbfs(self) -> float:
        """Level of the background, all bands together."""
        return float(10.0 * np.log10(np.sum(10.0 ** (self._state[0].background / 10.0))))
