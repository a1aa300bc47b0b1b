"""How fast the program is on this very machine: a hop at the pace of life, a recording at full speed, the start."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import DeviceError
from ..pipeline import Detector
from ..sources.file import FileSource
from ..types import AudioBlock

__all__ = ["HOP_S", "Pace", "loopback_s", "pace", "ready_s", "real_time_factor"]

HOP_S = 0.01
_WARM_HOPS = 100
# PortAudio's calls may hang with the sound server: the loopback runs in a process that can be ended.
_LOOPBACK_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Microseconds that `Detector.push` takes for 10 ms of audio, when they come every 10 ms."""

    hops: int
    p50_us: float
    p99_us: float
    max_us: float


def pace(recording: Path, seconds: float, on_hop: Callable[[float], None] | None = None) -> Pace:
    """Push 10 ms of the recording every 10 ms, as a microphone does: between two pushes the caches go cold.

    Parameters
    ----------
    recording
        Must last `seconds` and one more, which warms up.
    seconds
        How long to measure.
    on_hop
        Called with the seconds measured so far.
    """
    detector = Detector()
    took_us: list[float] = []
    due_s = time.perf_counter()
    for number, block in enumerate(FileSource(recording, block_s=HOP_S), start=-_WARM_HOPS):
        if number >= 0:
            due_s += HOP_S
            time.sleep(max(0.0, due_s - time.perf_counter()))
        else:
            due_s = time.perf_counter()
        began = time.perf_counter_ns()
        detector.push(block)
        if number >= 0:
            took_us.append((time.perf_counter_ns() - began) / 1000)
            if on_hop:
                on_hop(number * HOP_S)
        if len(took_us) * HOP_S >= seconds:
            break
    p50_us, p99_us = np.quantile(took_us, (0.5, 0.99))
    return Pace(len(took_us), float(p50_us), float(p99_us), max(took_us))


def real_time_factor(recording: Path) -> float:
    """How many seconds of the recording go through the detector in one second, decoding of the file included."""
    best = 0.0
    for _ in range(3):
        detector, heard = Detector(), AudioBlock(0, np.zeros(0, np.float32), 1)
        began = time.perf_counter()
        for heard in FileSource(recording):
            detector.push(heard)
        detector.flush()
        best = max(best, heard.stop / heard.rate_hz / (time.perf_counter() - began))
    return best


def ready_s(*arguments: str, runs: int = 3) -> float:
    """Median seconds that a new Python takes to run with these arguments, after one run that warms the disk cache."""
    took_s = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        took_s.append(time.perf_counter() - began)
    return statistics.median(took_s[1:])


def loopback_s(input_device: str | None, output_device: str | None) -> float:
    """Seconds from the loudspeaker's queue to the microphone's block, by a chirp through the air or a cable.

    Raises
    ------
    DeviceError
        If a device cannot be used, or the chirp is not heard.
    """
    request = json.dumps([input_device, output_device])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "acoustic.tools.loopback", request],
            capture_output=True,
            text=True,
            timeout=_LOOPBACK_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(
            f"loopback: the sound system did not answer within {_LOOPBACK_TIMEOUT_S:.0f} s; check its devices"
        ) from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise DeviceError(f"loopback: could not be measured: {lines[-1]}") from None
    if "error" in answer:
        raise DeviceError(f"loopback: {answer['error']}")
    return float(answer["latency_s"])
