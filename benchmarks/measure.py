"""Timing side by side: contenders take turns in one process, so that a slow moment falls on all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Timings", "back_to_back", "paced"]

Call = Callable[[int], object]
_WARM_S = 0.5


@dataclass(frozen=True, slots=True)
class Timings:
    """Microseconds a call: one median a round (back to back), or every call (paced)."""

    us: npt.NDArray[np.float64]

    @property
    def median_us(self) -> float:
        return float(np.median(self.us))

    def quantile_us(self, share: float) -> float:
        return float(np.quantile(self.us, share))


def back_to_back(calls: Mapping[str, Call], *, rounds: int = 30, round_s: float = 0.02) -> dict[str, Timings]:
    """Time each call in turn, over and over, for about `round_s` a turn; the call is given a running index.

    Each round contributes the mean of its calls: calls of a microsecond cannot be timed one by one.
    """
    counts = {name: _calibrate(call, round_s) for name, call in calls.items()}
    us: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter_ns()
            for i in range(counts[name]):
                call(i)
            us[name].append((time.perf_counter_ns() - began) / counts[name] / 1000)
    return {name: Timings(np.array(each)) for name, each in us.items()}


def paced(calls: Mapping[str, Call], *, hop_s: float = 0.01, hops: int = 200, rounds: int = 3) -> dict[str, Timings]:
    """Time single calls at the pace of life: between two of them the caches go cold, as they do under a microphone."""
    us: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call(0)
    for _ in range(rounds):
        for name, call in calls.items():
            due = time.perf_counter()
            for i in range(hops):
                due += hop_s
                time.sleep(max(0.0, due - time.perf_counter()))
                began = time.perf_counter_ns()
                call(i)
                us[name].append((time.perf_counter_ns() - began) / 1000)
    return {name: Timings(np.array(each)) for name, each in us.items()}


def _calibrate(call: Call, round_s: float) -> int:
    """How many calls fill a round, once it has warmed up: the first ones load or compile what they need."""
    began = time.perf_counter()
    while time.perf_counter() - began < _WARM_S:
        call(0)
    count = 1
    while True:
        began = time.perf_counter()
        for i in range(count):
            call(i)
        took_s = time.perf_counter() - began
        if took_s > round_s / 4:
            return max(1, round(count * round_s / took_s))
        count *= 4
