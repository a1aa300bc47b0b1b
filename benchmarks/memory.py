"""What a hop allocates, and whether anything grows: tracemalloc and the garbage collector over a session."""

from __future__ import annotations

import gc
import tracemalloc

from acoustic.features.extractor import FeatureExtractor
from acoustic.pipeline import Detector
from acoustic.types import AudioBlock

from .results import table, write_section
from .workloads import hops

__all__ = ["run"]

_WARM_HOPS = 2000
_HOPS = 6000


def run() -> None:
    pieces = hops(48_000)
    detector = Detector()
    extractor = FeatureExtractor()
    wide = hops()
    start = 0

    def push(i: int) -> None:
        nonlocal start
        detector.push(AudioBlock(start, pieces[i % len(pieces)], 48_000))
        start += pieces.shape[1]

    rows = []
    for name, call in (("Detector.push", push), ("features", lambda i: extractor.push(wide[i % len(wide)]))):
        for i in range(_WARM_HOPS):
            call(i)
        rows.append([name, *_measure(call)])
    body = table(
        ["after warm-up", "grown in a minute, bytes", "largest transient of a hop, bytes", "collections"], rows
    )
    body += (
        f"\n\n{_HOPS} hops. Transient: what a hop allocates at most and gives back before the next one. "
        "Collections: runs of Python's cyclic garbage collector that the hops caused."
    )
    write_section("memory", "Memory per hop", "python -m benchmarks memory", body)


def _measure(call) -> list[str]:
    collections = 0

    def count(phase: str, info: dict) -> None:
        nonlocal collections
        collections += phase == "start"

    gc.collect()
    gc.callbacks.append(count)
    tracemalloc.start()
    try:
        call(0)
        before, _ = tracemalloc.get_traced_memory()
        transient = 0
        for i in range(_HOPS):
            now, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            call(i)
            transient = max(transient, tracemalloc.get_traced_memory()[1] - now)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.callbacks.remove(count)
    return [str(after - before), str(transient), str(collections)]
