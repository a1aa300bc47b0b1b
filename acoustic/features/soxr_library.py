"""libsoxr's own functions, called without the wrapper around them.

Once in 20 ms, with cold caches, what the wrapper makes round each result takes twice as long as the resampling
itself. The library is the one that the wrapper brings along, or is linked to; where it cannot be reached there, as on
systems that hide what an extension contains, the wrapper does the work. Either way the same samples come out.
"""

from __future__ import annotations

import ctypes
import functools
import weakref

import numpy as np
import numpy.typing as npt
import soxr

__all__ = ["ResampleStream"]

F32 = npt.NDArray[np.float32]

# What soxr.h names SOXR_FLOAT32_I and SOXR_LQ. "LQ" still keeps aliases below -90 dB and comes at half the delay of
# "HQ": 20 against 37 ms at 48 kHz.
_FLOAT32, _LOW_QUALITY = 0, 1
# Far more than a step of 20 ms, or what is left at the end, can give.
_ROOM = 1 << 12


class _IoSpec(ctypes.Structure):
    _fields_ = (
        ("itype", ctypes.c_int),
        ("otype", ctypes.c_int),
        ("scale", ctypes.c_double),
        ("e", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
    )


class _QualitySpec(ctypes.Structure):
    _fields_ = (
        ("precision", ctypes.c_double),
        ("phase_response", ctypes.c_double),
        ("passband_end", ctypes.c_double),
        ("stopband_begin", ctypes.c_double),
        ("e", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
    )


@functools.cache
def _library() -> ctypes.PyDLL | None:
    """Find the library; None where it cannot be reached, or is of another kind than soxr.h 0.1 describes."""
    try:
        # Which keeps the GIL: to give it up and wait for it again may take longer than a step of 20 ms.
        library = ctypes.PyDLL(soxr.soxr_ext.__file__)
        library.soxr_version.restype = ctypes.c_char_p
        if not library.soxr_version().startswith(b"libsoxr-0.1."):
            return None
        library.soxr_io_spec.restype = _IoSpec
        library.soxr_quality_spec.restype = _QualitySpec
        library.soxr_quality_spec.argtypes = [ctypes.c_ulong, ctypes.c_ulong]
        library.soxr_create.restype = ctypes.c_void_p
        library.soxr_create.argtypes = [ctypes.c_double, ctypes.c_double, ctypes.c_uint, *[ctypes.c_void_p] * 4]
        library.soxr_delete.argtypes = [ctypes.c_void_p]
        library.soxr_delete.restype = None
        library.soxr_process.restype = ctypes.c_void_p
    except (OSError, AttributeError):
        return None
    return library


class ResampleStream:
    """Resamples one channel of float32, in steps of always as many samples.

    Parameters
    ----------
    rate_hz
        From which rate.
    to_hz
        To which.
    step
        Where the samples of a step stand before each call, float32, shape (n,).
    """

    def __init__(self, rate_hz: float, to_hz: float, step: F32) -> None:
        self._step = step
        # As a column, which is what the wrapper wants: of anything else it makes one, on the way in and out.
        self._column = step[:, None]
        self._wrapper: soxr.ResampleStream | None = None
        library = _library()
        stream = None if library is None else self._create(library, rate_hz, to_hz)
        if library is None or stream is None:
            self._wrapper = soxr.ResampleStream(rate_hz, to_hz, 1, dtype="float32", quality="LQ")
            return
        weakref.finalize(self, library.soxr_delete, stream)
        self._process = library.soxr_process
        self._out = np.zeros(_ROOM, dtype=np.float32)
        self._given = ctypes.c_size_t(0)
        # Made once, as are the views of what comes out: of so many samples there are only a few.
        self._after = (None, ctypes.c_void_p(self._out.ctypes.data), ctypes.c_size_t(_ROOM), ctypes.byref(self._given))
        self._stream = ctypes.c_void_p(stream)
        self._at = ctypes.c_void_p(step.ctypes.data)
        self._whole = (self._stream, self._at, ctypes.c_size_t(len(step)), *self._after)
        self._views: dict[int, F32] = {}

    @staticmethod
    def _create(library: ctypes.PyDLL, rate_hz: float, to_hz: float) -> int | None:
        io, quality = library.soxr_io_spec(_FLOAT32, _FLOAT32), library.soxr_quality_spec(_LOW_QUALITY, 0)
        stream: int | None = library.soxr_create(rate_hz, to_hz, 1, None, ctypes.byref(io), ctypes.byref(quality), None)
        return stream

    def push(self) -> F32:
        """Take in the step; return what comes out, perhaps nothing, to be used before the next call."""
        if self._wrapper is not None:
            return self._wrapped(self._column, last=False)
        if self._process(*self._whole):
            raise MemoryError("resampling: libsoxr has no memory left")
        count = self._given.value
        view = self._views.get(count)
        if view is None:
            view = self._views[count] = self._out[:count]
        return view

    def flush(self, samples: int) -> F32:
        """Take in only the step's first `samples`; return all that is left. The stream is spent afterwards."""
        if self._wrapper is not None:
            return self._wrapped(self._column[:samples], last=True)
        parts = [self._taken(self._at, samples)] if samples else []
        # Nothing at nowhere is the end; what is left comes behind it, as long as it is asked for.
        parts.append(self._taken(None, 0))
        while len(parts[-1]):
            parts.append(self._taken(None, 0))
        return np.concatenate(parts)

    def _taken(self, at: ctypes.c_void_p | None, samples: int) -> F32:
        if self._process(self._stream, at, ctypes.c_size_t(samples), *self._after):
            raise MemoryError("resampling: libsoxr has no memory left")
        return self._out[: self._given.value].copy()

    def _wrapped(self, column: F32, *, last: bool) -> F32:
        assert self._wrapper is not None
        resampled: F32 = self._wrapper.resample_chunk(column, last=last)
        return resampled[:, 0]
