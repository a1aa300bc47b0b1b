"""Kernels called past numba's dispatcher."""

import numba
import numpy as np
import pytest

from acoustic.compiled import entry


@numba.njit
def scaled(values, factor):
    return values.sum() * factor


def test_it_gives_what_the_kernel_gives():
    direct = entry(scaled, np.zeros(1, np.float32), 1)
    assert direct(np.arange(5, dtype=np.float32), 3) == scaled(np.arange(5, dtype=np.float32), 3) == 30.0


def test_the_choice_is_made_once():
    if not hasattr(scaled, "signatures"):
        pytest.skip("numba is switched off")
    first = entry(scaled, np.zeros(1), 2)
    before = len(scaled.signatures)
    assert entry(scaled, np.ones(7), 5) is first
    assert len(scaled.signatures) == before


def test_an_array_of_other_items_is_refused():
    if not hasattr(scaled, "signatures"):
        pytest.skip("numba is switched off")
    with pytest.raises(TypeError, match="unbox"):
        entry(scaled, np.zeros(1, np.float32), 1)(np.zeros(3), 1)
