"""Raw samples as the program hears them: one channel, and on the grid of 24 bits.

On that grid a lossless recording holds exactly what the detector heard, so that replaying it gives the same session.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["heard"]

_FULL_SCALE = np.float32(2**23)


def heard(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the channels' mean, limited to full scale and rounded to 24 bits; what is not a number becomes 0.

    Parameters
    ----------
    samples
        Shape (n, channels), full scale 1.0.
    """
    # Channel by channel: numpy's mean along so short an axis takes longer than all the rest here.
    first, *others = samples.T
    mono = sum(others, first) / np.float32(1 + len(others)) if others else first
    grid: npt.NDArray[np.float32] = mono * _FULL_SCALE
    if not np.isfinite(grid).all():
        np.nan_to_num(grid, copy=False, nan=0.0)
    np.rint(grid, out=grid)
    np.minimum(np.maximum(grid, -_FULL_SCALE, out=grid), _FULL_SCALE - 1, out=grid)
    grid /= _FULL_SCALE
    return grid
