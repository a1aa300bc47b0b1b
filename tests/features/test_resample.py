"""The resampler: what it takes in, and when something comes out."""

import numpy as np
import pytest

from acoustic.config import RATE_HZ
from acoustic.features import soxr_library
from acoustic.features.resample import MOST_SAMPLE, Resampler


def pieces(resampler, samples, sizes):
    """What comes out, and of how many samples each piece was made, given samples in turn of these sizes."""
    out, start, taken, i = [], 0, 0, 0
    while start < len(samples):
        part = samples[start : start + sizes[i % len(sizes)]]
        at = 0
        while at < len(part):
            stop, piece = resampler.take(part, at)
            taken += stop - at
            at = stop
            if piece is not None:
                out.append((piece.copy(), taken))
                taken = 0
        start += len(part)
        i += 1
    return out


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
@pytest.mark.parametrize("sizes", [[1], [480], [7, 5_000, 960]])
def test_any_split_gives_the_same_pieces(rate_hz, sizes):
    samples = np.random.default_rng(0).normal(0.0, 0.1, rate_hz // 4).astype(np.float32)
    whole, split = Resampler(rate_hz), Resampler(rate_hz)
    for (one, n), (other, m) in zip(pieces(whole, samples, [len(samples)]), pieces(split, samples, sizes), strict=True):
        assert np.array_equal(one, other)
        assert n == m == whole.step
    (one, n), (other, m) = whole.flush(), split.flush()
    assert np.array_equal(one, other)
    assert n == m == len(samples) % whole.step


def test_what_no_microphone_delivers_is_cut_off():
    resampler = Resampler(RATE_HZ)
    samples = np.zeros(resampler.step, np.float32)
    samples[:7] = [np.nan, np.inf, -np.inf, 1e30, -1e30, 0.5, -3.0]
    stop, piece = resampler.take(samples, 0)
    assert stop == len(samples)
    assert piece[:7].tolist() == [0.0, 1.0, -1.0, MOST_SAMPLE, -MOST_SAMPLE, 0.5, -3.0]


def test_the_rest_comes_out_at_the_end():
    resampler = Resampler(RATE_HZ)
    samples = np.arange(200, dtype=np.float32) / 200
    assert resampler.take(samples, 160) == (200, None)
    piece, n = resampler.flush()
    assert np.array_equal(piece, samples[160:])
    assert n == 40


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_001, 44_100, 48_000, 192_000])
@pytest.mark.parametrize("rest", [0, 1, 100])
def test_the_library_called_directly_gives_what_its_wrapper_gives(rate_hz, rest, monkeypatch):
    if soxr_library._library() is None:
        pytest.skip("the library cannot be reached in this system's extension")
    step = np.zeros(rate_hz // 50, np.float32)
    direct = soxr_library.ResampleStream(rate_hz, RATE_HZ, step)
    monkeypatch.setattr(soxr_library, "_library", lambda: None)
    wrapped = soxr_library.ResampleStream(rate_hz, RATE_HZ, step)
    rng = np.random.default_rng(0)
    for _ in range(30):
        step[:] = rng.normal(0.0, 0.1, len(step))
        assert np.array_equal(direct.push(), wrapped.push())
    assert np.array_equal(direct.flush(rest), wrapped.flush(rest))


def test_a_stream_too_short_to_give_anything_ends_all_the_same():
    step = np.zeros(960, np.float32)
    assert len(soxr_library.ResampleStream(48_000, RATE_HZ, step).flush(0)) == 0
    assert len(soxr_library.ResampleStream(48_000, RATE_HZ, step).flush(30)) == 10
