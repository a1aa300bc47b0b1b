"""Compiled kernels without what stands before them.

What is called once in 10 ms finds the caches cold: numba's dispatcher, which looks at every argument to choose what it
compiled for such, then takes most of the time that the features do. Where the arguments are of the same types every
time, the choice is made once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

__all__ = ["entry", "kernel"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[_Function], _Function]:
    """Compile a function for Python and for other kernels; for `options` see `numba.njit`.

    Not for C, whose way in numba would compile as well: that takes a thirtieth of a computer's first start.
    """
    compiler: Any = numba.njit
    compiled: Callable[[_Function], _Function] = compiler(
        **{"cache": True, "nogil": True, "no_cfunc_wrapper": True, **options}
    )
    return compiled


def entry(kernel: Any, *example: object) -> Any:
    """Return what numba made of `kernel` for arguments like these, to be called directly, without keywords.

    It looks at an array's number of dimensions and the size of its items, and at nothing else: the caller sees to it
    that types are those of the example, and that arrays are contiguous. Where numba is switched off, it is the kernel
    itself.
    """
    if not hasattr(kernel, "get_overload"):
        return kernel
    signature = tuple(map(numba.typeof, example))
    kernel.compile(signature)
    return kernel.get_overload(signature)
