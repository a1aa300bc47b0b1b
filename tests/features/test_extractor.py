"""The streaming side of the features: any pieces, any arrays, the decibels inside."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.config import RATE_HZ
from acoustic.errors import OptionError
from acoustic.features.decibels import decibels
from acoustic.features.extractor import FeatureExtractor
from acoustic.features.fft import fft_plan


def sound(seconds=1.2):
    """A tone that comes and goes in noise, after a little digital silence."""
    rng = np.random.default_rng(5)
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    samples = rng.normal(0, 0.01, len(t)) + 0.1 * np.sin(2 * np.pi * 150 * t) * (np.sin(5 * t) > 0)
    samples[:500] = 0
    return samples.astype(np.float32)


def in_pieces(samples, sizes):
    extractor, parts, start = FeatureExtractor(), [], 0
    while start < len(samples):
        for size in sizes:
            parts.append(extractor.push(samples[start : start + size]))
            start += size
    features, levels = zip(*parts, strict=True)
    return np.concatenate(features), np.concatenate(levels)


@settings(deadline=None, max_examples=20)
@given(sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=8))
def test_any_pieces_give_the_same_bits(sizes):
    whole = FeatureExtractor().push(sound())
    for wanted, got in zip(whole, in_pieces(sound(), sizes), strict=True):
        np.testing.assert_array_equal(wanted, got)


def test_nothing_in_nothing_out():
    extractor = FeatureExtractor()
    assert [len(each) for each in extractor.push(np.zeros(0, np.float32))] == [0, 0]


def test_samples_need_not_lie_side_by_side():
    spread = np.repeat(sound(), 2)[::2]
    np.testing.assert_array_equal(FeatureExtractor().push(spread)[0], FeatureExtractor().push(sound())[0])


HASH_OF_FEATURES = """
import hashlib
import numpy as np
from acoustic.features.extractor import FeatureExtractor
noise = np.random.default_rng(0).normal(0, 0.01, 160 * 3000) * (1 + np.sin(np.arange(160 * 3000) / 90))
features, levels = FeatureExtractor().push(noise.astype(np.float32))
print(hashlib.sha256(features.tobytes() + levels.tobytes()).hexdigest())
"""


def test_code_just_compiled_and_code_from_the_cache_give_the_same_bits(tmp_path):
    # Compiled, even where the kernels of this very process are not.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}

    def run():
        command = [sys.executable, "-c", HASH_OF_FEATURES]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    compiled = run()
    assert list(tmp_path.rglob("*.nbc"))
    assert run() == compiled
    # What calls the others is compiled anew, the others are not.
    for outer in tmp_path.rglob("kernels.process-*"):
        outer.unlink()
    assert run() == compiled


def test_reset_forgets_even_a_part_of_a_hop():
    extractor = FeatureExtractor()
    extractor.push(sound()[:16_123])
    extractor.reset()
    np.testing.assert_array_equal(extractor.push(sound())[0], FeatureExtractor().push(sound())[0])


# Uncompiled, numpy warns of what compiled kernels take as it comes.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_not_a_number_harms_no_later_stream():
    extractor = FeatureExtractor()
    extractor.push(np.where(np.arange(RATE_HZ) % 777 == 3, np.nan, sound()[:RATE_HZ]).astype(np.float32))
    extractor.push(np.full(RATE_HZ, np.inf, np.float32))
    extractor.reset()
    np.testing.assert_array_equal(extractor.push(sound())[0], FeatureExtractor().push(sound())[0])


def test_decibels_are_right_over_the_whole_range():
    power = np.geomspace(1e-30, 1e30, 100_001).astype(np.float32)
    power[0] = 0.0
    db = np.zeros_like(power)
    floor = np.float32(1e-13)
    decibels(power, floor, db)
    # float32 itself resolves 3e-5 dB at 300 dB, 8e-6 at 100.
    wanted = 10 * np.log10(power.astype(float) + floor)
    assert np.abs(db - wanted).max() < 4e-5
    assert np.abs(db - wanted)[np.abs(wanted) < 130].max() < 1.2e-5


@pytest.mark.parametrize("size", [0, 128, 300, 1024])
def test_no_other_spectrum_is_offered(size):
    with pytest.raises(OptionError, match=f"got {size}, wanted one of 256, 512"):
        fft_plan(size)
