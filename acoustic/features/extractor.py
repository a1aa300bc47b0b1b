"""Samples at 16 kHz in, feature vectors out, the same however the samples are chopped."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from ..config import FeatureOptions, FrameOptions
from .kernels import FeatureState, feature_state, process_hop
from .layout import feature_names

__all__ = ["FeatureExtractor"]

F32 = npt.NDArray[np.float32]


@numba.njit(cache=True, nogil=True)
def _process(state: FeatureState, samples: F32, hop: int, lost: bool, features: F32, levels: F32) -> None:
    for i in range(features.shape[0]):
        process_hop(state, samples[i * hop : (i + 1) * hop], lost, features[i])
        levels[i, :] = state.observed


class FeatureExtractor:
    """Streaming features of one stream.

    Frame `i` describes the audio that ends at sample `(i + 1) * hop`, at 16 kHz.
    """

    def __init__(self, frame: FrameOptions | None = None, options: FeatureOptions | None = None) -> None:
        self.frame = frame or FrameOptions()
        self.options = options or FeatureOptions()
        self.names = feature_names(self.options)
        self.n_bands = len(self.options.band_edges_hz) - 1
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._state = feature_state(self.frame, self.options)
        self._rest = np.zeros(0, dtype=np.float32)

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
        hop = self.frame.hop
        samples = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        n = len(samples) // hop
        features = np.empty((n, len(self.names)), dtype=np.float32)
        levels = np.empty((n, self.n_bands + 1), dtype=np.float32)
        if n:
            _process(self._state, np.ascontiguousarray(samples), hop, lost, features, levels)
        self._rest = samples[n * hop :].copy()
        return features, levels

    @property
    def background_dbfs(self) -> float:
        """Level of the background, all bands together."""
        return float(10.0 * np.log10(np.sum(10.0 ** (self._state.background / 10.0))))
