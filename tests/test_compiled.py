"""Kernels called past numba's dispatcher."""

import numba
import numpy as np
import pytest

from acoustic.compiled import entry


def sum_times(values, factor):
    return values.sum() * factor


@pytest.fixture
def scaled(monkeypatch):
    """A kernel that is compiled even where numba is switched off for the others."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)
    return numba.njit(sum_times)


def test_it_gives_what_the_kernel_gives(scaled):
    direct = entry(scaled, np.zeros(1, np.float32), 1)
    assert direct(np.arange(5, dtype=np.float32), 3) == scaled(np.arange(5, dtype=np.float32), 3) == 30.0


def test_the_choice_is_made_once(scaled):
    first = entry(scaled, np.zeros(1), 2)
    before = len(scaled.signatures)
    assert entry(scaled, np.ones(7), 5) is first
    assert len(scaled.signatures) == before


def test_an_array_of_other_items_is_refused(scaled):
    with pytest.raises(TypeError, match="unbox"):
        entry(scaled, np.zeros(1, np.float32), 1)(np.zeros(3), 1)


def test_what_is_not_compiled_is_called_as_it_is():
    assert entry(sum_times, np.zeros(1), 1) is sum_times
