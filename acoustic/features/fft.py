"""A real FFT of 256 or 512 samples, inside numba.

One half-size complex FFT and a split, as in Numerical Recipes' `realft`. Real and imaginary parts lie apart and every
inner loop runs over neighbours, so that LLVM makes vectors of them: radix 4, self-sorting (Stockham). No BLAS and no
library call: the same samples give the same bits on every call.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..compiled import kernel
from ..errors import OptionError

__all__ = ["fft_dtype", "fft_plan", "power_spectrum_256", "power_spectrum_512"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

SIZES = (256, 512)
HALF, TWO = np.float32(0.5), np.float32(2.0)


def fft_dtype(n: int) -> np.dtype[np.void]:
    """Lay out tables and scratch of one size: a record, which numba passes as one pointer and whose lengths it knows.

    `window` holds the even samples' weights, then the odd ones'; `cos` and `sin` the twiddles of the passes one after
    the other; `split_cos` and `split_sin` those of the split; the rest is scratch.

    Raises
    ------
    OptionError
        If there is no FFT of `n`.
    """
    if n not in SIZES:
        raise OptionError(f"FFT size: got {n}, wanted one of {', '.join(map(str, SIZES))}")
    half = n // 2
    lengths = {"window": n, "cos": 2 * half, "sin": 2 * half, "split_cos": half, "split_sin": half}
    lengths |= dict.fromkeys(("re", "im", "other_re", "other_im"), half)
    return np.dtype((np.record, [(name, np.float32, (length,)) for name, length in lengths.items()]))


def fft_plan(n: int) -> np.record:
    """Plan a Hann-windowed real FFT of `n` samples.

    The window is scaled so that the spectrum sums to the mean square of the signal: a full-scale sine sums to 0.5.

    Raises
    ------
    OptionError
        If there is no FFT of `n`.
    """
    plan: np.record = np.zeros(1, dtype=fft_dtype(n))[0]
    half = n // 2
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    hann /= np.sqrt(n * np.sum(hann**2))
    plan.window[:] = np.concatenate([hann[::2], hann[1::2]])
    angles = np.concatenate(
        [
            _angles(half, np.arange(half // 4)),
            _angles(half // 4, np.arange(half // 4) // 4),
            _angles(half // 16, np.arange(half // 64)),
            _angles(half // 64, np.arange(1)),
        ]
    )
    plan.cos[: len(angles)] = np.cos(angles)
    plan.sin[: len(angles)] = -np.sin(angles)
    split = 2 * np.pi * np.arange(half) / n
    plan.split_cos[:] = np.cos(split)
    plan.split_sin[:] = -np.sin(split)
    return plan


def _angles(size: int, place: npt.NDArray[np.int64]) -> F64:
    """Angles of a radix-4 pass over transforms of `size`: of its second, third and fourth outputs."""
    angles: F64 = np.concatenate([2 * np.pi * k * place / size for k in (1, 2, 3)])
    return angles


@kernel()
def _radix4(
    re: F32, im: F32, out_re: F32, out_im: F32, cos: F32, sin: F32, table: int, places: int, stride: int
) -> None:
    """One Stockham pass: `stride` interleaved transforms, each of 4 * `places`."""
    quarter = places * stride
    for p in range(places):
        c1, c2, c3 = cos[table + p], cos[table + places + p], cos[table + 2 * places + p]
        s1, s2, s3 = sin[table + p], sin[table + places + p], sin[table + 2 * places + p]
        for q in range(stride):
            i = stride * p + q
            j = 4 * stride * p + q
            sum_re, sum_im = re[i] + re[i + 2 * quarter], im[i] + im[i + 2 * quarter]
            dif_re, dif_im = re[i] - re[i + 2 * quarter], im[i] - im[i + 2 * quarter]
            odd_sum_re, odd_sum_im = re[i + quarter] + re[i + 3 * quarter], im[i + quarter] + im[i + 3 * quarter]
            odd_dif_re, odd_dif_im = re[i + quarter] - re[i + 3 * quarter], im[i + quarter] - im[i + 3 * quarter]
            out_re[j], out_im[j] = sum_re + odd_sum_re, sum_im + odd_sum_im
            a, b = dif_re + odd_dif_im, dif_im - odd_dif_re
            out_re[j + stride], out_im[j + stride] = a * c1 - b * s1, a * s1 + b * c1
            a, b = sum_re - odd_sum_re, sum_im - odd_sum_im
            out_re[j + 2 * stride], out_im[j + 2 * stride] = a * c2 - b * s2, a * s2 + b * c2
            a, b = dif_re - odd_dif_im, dif_im + odd_dif_re
            out_re[j + 3 * stride], out_im[j + 3 * stride] = a * c3 - b * s3, a * s3 + b * c3


@kernel()
def _radix4_in_quarters(re: F32, im: F32, out_re: F32, out_im: F32, cos: F32, sin: F32, table: int) -> None:
    """Do the pass of stride 4 but leave its outputs in quarters: runs of four are too short for vectors."""
    quarter = re.shape[0] // 4
    for i in range(quarter):
        sum_re, sum_im = re[i] + re[i + 2 * quarter], im[i] + im[i + 2 * quarter]
        dif_re, dif_im = re[i] - re[i + 2 * quarter], im[i] - im[i + 2 * quarter]
        odd_sum_re, odd_sum_im = re[i + quarter] + re[i + 3 * quarter], im[i + quarter] + im[i + 3 * quarter]
        odd_dif_re, odd_dif_im = re[i + quarter] - re[i + 3 * quarter], im[i + quarter] - im[i + 3 * quarter]
        c1, c2, c3 = cos[table + i], cos[table + quarter + i], cos[table + 2 * quarter + i]
        s1, s2, s3 = sin[table + i], sin[table + quarter + i], sin[table + 2 * quarter + i]
        out_re[i], out_im[i] = sum_re + odd_sum_re, sum_im + odd_sum_im
        a, b = dif_re + odd_dif_im, dif_im - odd_dif_re
        out_re[i + quarter], out_im[i + quarter] = a * c1 - b * s1, a * s1 + b * c1
        a, b = sum_re - odd_sum_re, sum_im - odd_sum_im
        out_re[i + 2 * quarter], out_im[i + 2 * quarter] = a * c2 - b * s2, a * s2 + b * c2
        a, b = dif_re - odd_dif_im, dif_im + odd_dif_re
        out_re[i + 3 * quarter], out_im[i + 3 * quarter] = a * c3 - b * s3, a * s3 + b * c3


@kernel()
def _sort_quarters(given: F32, sorted_: F32) -> None:
    """Bring the runs of four of `_radix4_in_quarters` into order."""
    # Four float32 move as one complex128.
    runs, sorted_runs = given.view(np.complex128), sorted_.view(np.complex128)
    places = runs.shape[0] // 4
    for k in range(4):
        for p in range(places):
            sorted_runs[4 * p + k] = runs[places * k + p]


@kernel()
def _radix2(re: F32, im: F32, out_re: F32, out_im: F32) -> None:
    """Do the last pass where the size is twice a power of 4."""
    half = re.shape[0] // 2
    for i in range(half):
        out_re[i], out_im[i] = re[i] + re[i + half], im[i] + im[i + half]
        out_re[i + half], out_im[i + half] = re[i] - re[i + half], im[i] - im[i + half]


@kernel()
def _taper(plan: np.record, samples: F32) -> None:
    """Weigh the samples; even ones become the real part, odd ones the imaginary part."""
    re, im, window = plan.re, plan.im, plan.window
    half = re.shape[0]
    for i in range(half):
        re[i] = samples[2 * i] * window[i]
        im[i] = samples[2 * i + 1] * window[half + i]


@kernel()
def _split(plan: np.record, power: F32) -> None:
    """Tell the spectra of even and odd samples apart, by symmetry, and write the power of both together.

    What is worked out for a bin gives the one as far from the other end too.
    """
    re, im, turned_re, turned_im = plan.other_re, plan.other_im, plan.re, plan.im
    half = re.shape[0]
    middle = half // 2
    for k in range(middle):
        turned_re[k] = re[half - 1 - k]
    for k in range(middle):
        turned_im[k] = im[half - 1 - k]
    for k in range(1, middle):
        # Each twice over.
        even_re, even_im = re[k] + turned_re[k - 1], im[k] - turned_im[k - 1]
        odd_re, odd_im = im[k] + turned_im[k - 1], turned_re[k - 1] - re[k]
        c, s = plan.split_cos[k], plan.split_sin[k]
        odd_re, odd_im = odd_re * c - odd_im * s, odd_re * s + odd_im * c
        x, y = even_re + odd_re, odd_im + even_im
        power[k] = HALF * (x * x + y * y)
        x, y = even_re - odd_re, odd_im - even_im
        turned_re[middle + k] = HALF * (x * x + y * y)
    for k in range(middle + 1, half):
        power[k] = turned_re[half + middle - k]
    power[middle] = (re[middle] * re[middle] + im[middle] * im[middle]) * TWO
    first, last = re[0] + im[0], re[0] - im[0]
    power[0] = first * first
    power[half] = last * last


# One function a size, with strides and lengths as literals: LLVM then sees that no two runs overlap.


@kernel()
def power_spectrum_512(plan: np.record, samples: F32, power: F32) -> None:
    """Write the one-sided power spectrum of the windowed `samples`, shape (512,), into `power`, shape (257,)."""
    re, im, other_re, other_im, cos, sin = plan.re, plan.im, plan.other_re, plan.other_im, plan.cos, plan.sin
    _taper(plan, samples)
    _radix4(re, im, other_re, other_im, cos, sin, 0, 64, 1)
    _radix4_in_quarters(other_re, other_im, re, im, cos, sin, 192)
    _sort_quarters(re, other_re)
    _sort_quarters(im, other_im)
    _radix4(other_re, other_im, re, im, cos, sin, 384, 4, 16)
    _radix4(re, im, other_re, other_im, cos, sin, 396, 1, 64)
    _split(plan, power)


@kernel()
def power_spectrum_256(plan: np.record, samples: F32, power: F32) -> None:
    """Write the one-sided power spectrum of the windowed `samples`, shape (256,), into `power`, shape (129,)."""
    re, im, other_re, other_im, cos, sin = plan.re, plan.im, plan.other_re, plan.other_im, plan.cos, plan.sin
    _taper(plan, samples)
    _radix4(re, im, other_re, other_im, cos, sin, 0, 32, 1)
    _radix4_in_quarters(other_re, other_im, re, im, cos, sin, 96)
    _sort_quarters(re, other_re)
    _sort_quarters(im, other_im)
    _radix4(other_re, other_im, re, im, cos, sin, 192, 2, 16)
    _radix2(re, im, other_re, other_im)
    _split(plan, power)
