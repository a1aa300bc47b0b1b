"""What a hop allocates, and whether anything grows: tracemalloc and the garbage collector over a session."""

from __future__ import annotations

import gc
import tracemalloc

from .per_hop import detector_call, feature_call
from .results import table, write_section

__all__ = ["run"]

# Half an hour: every kind of event has happened, and what is remembered of the last cycles is full.
_WARM_HOPS = 180_000
_HOPS = 6000


def run() -> None:
    rows = []
    for name, call in (("Detector.push", detector_call()), ("features", feature_call())):
        # Traced from the beginning, or what takes the place of something older would count as growth.
        tracemalloc.start()
        try:
            for i in range(_WARM_HOPS):
                call(i)
            rows.append([name, *_measure(call)])
        finally:
            tracemalloc.stop()
    body = table(
        [
            "after warm-up",
            "grown in a minute, bytes",
            "largest transient of a hop, bytes",
            "of one that tells nothing",
            "collections",
        ],
        rows,
    )
    body += (
        f"\n\n{_HOPS} hops after {_WARM_HOPS}. Transient: what a hop allocates at most and gives back before the next "
        "one; where a run ends, it is looked back over. "
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
    try:
        before, _ = tracemalloc.get_traced_memory()
        transient = silent_transient = 0
        for i in range(_HOPS):
            now, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            told = call(i)
            used = tracemalloc.get_traced_memory()[1] - now
            transient = max(transient, used)
            # An extractor tells nothing: what it gives are features.
            if not isinstance(told, list) or not told:
                silent_transient = max(silent_transient, used)
        caused = collections
        # As before the first hop: it empties Python's lists of spare objects, which have filled up since.
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        gc.callbacks.remove(count)
    return [str(after - before), str(transient), str(silent_transient), str(caused)]
