"""What stands where in a feature vector, and what stands there if all that is heard lay lower or higher."""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.features.layout import BAND_FEATURES, SCALAR_FEATURES, feature_names, shifted_index

NAMES = np.array(feature_names(FeatureOptions()))
BANDS = len(FeatureOptions().band_edges_hz) - 1


@pytest.mark.parametrize("shift", [-2, 1, 2])
def test_bands_are_taken_from_higher_or_lower_ones_of_their_kind(shift):
    moved = NAMES[shifted_index(FeatureOptions(), shift)]
    for kind in range(len(BAND_FEATURES)):
        own, taken = (names[kind * BANDS : (kind + 1) * BANDS] for names in (NAMES, moved))
        if shift > 0:
            np.testing.assert_array_equal(taken[:-shift], own[shift:])
            assert set(taken[-shift:]) == {own[-1]}
        else:
            np.testing.assert_array_equal(taken[-shift:], own[:shift])
            assert set(taken[:-shift]) == {own[0]}


@pytest.mark.parametrize("shift", [-2, 0, 2])
def test_what_is_no_bands_stays_where_it_is(shift):
    moved = NAMES[shifted_index(FeatureOptions(), shift)]
    assert tuple(moved[-len(SCALAR_FEATURES) :]) == SCALAR_FEATURES
    assert len(moved) == len(NAMES)
    assert np.array_equal(moved, NAMES) == (shift == 0)
