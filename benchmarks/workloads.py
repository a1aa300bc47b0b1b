"""Fixed, seeded inputs that all benchmarks share."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from acoustic.config import RATE_HZ
from acoustic.synth import sample_plan, synthesise

__all__ = ["HOP", "SEED", "WINDOW", "hops", "session", "windows", "write_long_recording"]

SEED = 7
HOP = 160
WINDOW = 512

F32 = npt.NDArray[np.float32]


@functools.cache
def session(rate_hz: int = 48_000) -> F32:
    """A simulated cleaning, some two minutes of one home machine; every rate is the same sound."""
    if rate_hz != 48_000:
        resampled: F32 = soxr.resample(session(), 48_000, rate_hz)
        return resampled
    rng = np.random.default_rng(SEED)
    return synthesise(sample_plan("home", rng, "home"), rng, 48_000).samples


@functools.cache
def hops(rate_hz: int = RATE_HZ) -> F32:
    """The session in pieces of 10 ms, shape (n, rate / 100)."""
    size = rate_hz // 100
    samples = session(rate_hz)
    return np.ascontiguousarray(samples[: len(samples) // size * size].reshape(-1, size))


@functools.cache
def windows() -> F32:
    """The session at 16 kHz as windows of 32 ms, one every 10 ms, shape (n, 512)."""
    samples = session(RATE_HZ)
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP])


def write_long_recording(path: Path, minutes: float, rate_hz: int = 48_000) -> None:
    """Write the session again and again, as FLAC; memory stays small."""
    samples = session(rate_hz)
    left = round(minutes * 60 * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, 1, "PCM_16") as file:
        while left > 0:
            file.write(samples[:left])
            left -= len(samples)
