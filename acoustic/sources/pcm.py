"""Raw samples as the program hears them: one channel, and on the grid of 24 bits.

On that grid a lossless recording holds exactly what the detector heard, so that replaying it gives the same session.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import kernel

__all__ = ["heard"]

F32 = npt.NDArray[np.float32]

_FULL_SCALE = np.float32(2**23)


def heard(samples: F32) -> F32:
    """Return the channels' mean, limited to full scale and rounded to 24 bits; what is not a number becomes 0.

    Parameters
    ----------
    samples
        Shape (n, channels), full scale 1.0.
    """
    return _on_grid(np.ascontiguousarray(samples))


@kernel()
def _on_grid(samples: F32) -> F32:
    """See `heard`; as ufuncs, one after the other, this took a third of what listening costs."""
    count, channels = samples.shape
    out = np.empty(count, dtype=np.float32)
    for i in range(count):
        total = samples[i, 0]
        for channel in range(1, channels):
            total += samples[i, channel]
        step = np.rint(total / np.float32(channels) * _FULL_SCALE)
        if np.isnan(step):
            step = np.float32(0.0)
        out[i] = min(max(step, -_FULL_SCALE), _FULL_SCALE - np.float32(1.0)) / _FULL_SCALE
    return out
