"""A real FFT of a fixed power-of-two size, inside numba.

One half-size complex FFT and a split, as in Numerical Recipes' `realft`; tables are made once. No BLAS and no library
call: the same samples give the same bits on every call, and the kernel inlines into the per-hop path.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from ..errors import OptionError

__all__ = ["FftPlan", "fft_plan", "power_spectrum"]

F32 = npt.NDArray[np.float32]


class FftPlan(NamedTuple):
    """Tables and scratch for one size; a NamedTuple of arrays, which numba passes without boxing.

    `window` has shape (n,); `order`, `cos` and `sin` serve the half-size complex FFT; `split_cos` and `split_sin`
    have shape (n // 2 + 1,); `re` and `im` are scratch, shape (n // 2,).
    """

    window: F32
    order: npt.NDArray[np.int64]
    cos: F32
    sin: F32
    split_cos: F32
    split_sin: F32
    re: F32
    im: F32


def fft_plan(n: int) -> FftPlan:
    """Plan a Hann-windowed real FFT of `n` samples.

    The window is scaled so that `power_spectrum` sums to the mean square of the signal: a full-scale sine sums to 0.5.

    Raises
    ------
    OptionError
        If `n` is not a power of two of at least 8.
    """
    if n < 8 or n & (n - 1):
        raise OptionError(f"FFT size: got {n}, wanted a power of two of at least 8")
    half = n // 2
    bits = half.bit_length() - 1
    order = np.array([int(f"{i:0{bits}b}"[::-1], 2) for i in range(half)], dtype=np.int64)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    hann /= np.sqrt(n * np.sum(hann**2))
    k = np.arange(half // 2)
    split = np.arange(half + 1)
    return FftPlan(
        window=hann.astype(np.float32),
        order=order,
        cos=np.cos(2 * np.pi * k / half).astype(np.float32),
        sin=(-np.sin(2 * np.pi * k / half)).astype(np.float32),
        split_cos=np.cos(2 * np.pi * split / n).astype(np.float32),
        split_sin=(-np.sin(2 * np.pi * split / n)).astype(np.float32),
        re=np.zeros(half, dtype=np.float32),
        im=np.zeros(half, dtype=np.float32),
    )


@numba.njit(cache=True, nogil=True)
def power_spectrum(plan: FftPlan, samples: F32, power: F32) -> None:
    """Write the one-sided power spectrum of the windowed `samples`, shape (n,), into `power`, shape (n // 2 + 1,)."""
    re, im, order = plan.re, plan.im, plan.order
    cos, sin, window = plan.cos, plan.sin, plan.window
    half = re.shape[0]
    for i in range(half):
        j = 2 * order[i]
        re[i] = samples[j] * window[j]
        im[i] = samples[j + 1] * window[j + 1]
    size = 2
    while size <= half:
        quarter = size // 2
        step = half // size
        for start in range(0, half, size):
            for k in range(quarter):
                c = cos[k * step]
                s = sin[k * step]
                a = start + k
                b = a + quarter
                tr = re[b] * c - im[b] * s
                ti = re[b] * s + im[b] * c
                re[b] = re[a] - tr
                im[b] = im[a] - ti
                re[a] += tr
                im[a] += ti
        size *= 2
    h = np.float32(0.5)
    for k in range(half + 1):
        p = k if k < half else 0
        m = half - k if k > 0 else 0
        # Even and odd samples' spectra, by symmetry.
        er = h * (re[p] + re[m])
        ei = h * (im[p] - im[m])
        odd_r = h * (im[p] + im[m])
        odd_i = h * (re[m] - re[p])
        c = plan.split_cos[k]
        s = plan.split_sin[k]
        xr = er + odd_r * c - odd_i * s
        xi = ei + odd_r * s + odd_i * c
        twice = np.float32(1.0) if k == 0 or k == half else np.float32(2.0)
        power[k] = twice * (xr * xr + xi * xi)
