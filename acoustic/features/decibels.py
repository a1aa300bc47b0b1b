"""The decibels of many powers at once, in numba.

`log10` of the C library takes one value at a time; this is a polynomial that LLVM makes vectors of, right to 1e-5 dB.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import kernel

__all__ = ["decibels"]

F32 = npt.NDArray[np.float32]

DB_PER_OCTAVE = np.float32(10.0 * np.log10(2.0))
DB_PER_NEPER = np.float32(10.0 / np.log(10.0))
# Mantissas are taken between the root of one half, whose bits these are, and that of two: the polynomial is best there.
ROOT_HALF = np.int32(0x3F3504F3)
EXPONENT = np.int32(23)
ONE, HALF = np.float32(1.0), np.float32(0.5)
# Cephes, logf: log(1 + t) = t - t^2 / 2 + t^3 P(t).
P0, P1, P2 = np.float32(7.0376836292e-2), np.float32(-1.1514610310e-1), np.float32(1.1676998740e-1)
P3, P4, P5 = np.float32(-1.2420140846e-1), np.float32(1.4249322787e-1), np.float32(-1.6668057665e-1)
P6, P7, P8 = np.float32(2.0000714765e-1), np.float32(-2.4999993993e-1), np.float32(3.3333331174e-1)


@kernel()
def decibels(power: F32, floor: np.float32, db: F32) -> None:
    """Write 10 log10(`power` + `floor`) into `db`, both shape (n,).

    The sum must be positive and finite, and not denormal.
    """
    bits = db.view(np.int32)
    for k in range(power.shape[0]):
        db[k] = power[k] + floor
        exponent = np.int32(bits[k] - ROOT_HALF) >> EXPONENT
        bits[k] = np.int32(bits[k] - np.int32(exponent << EXPONENT))
        t = db[k] - ONE
        p = (((P0 * t + P1) * t + P2) * t + P3) * t + P4
        p = (((p * t + P5) * t + P6) * t + P7) * t + P8
        neper = t - t * t * (HALF - t * p)
        db[k] = np.float32(exponent) * DB_PER_OCTAVE + neper * DB_PER_NEPER
