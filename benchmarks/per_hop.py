"""The work of one hop of 10 ms, back to back and at the pace of life: features alone, the whole detector, and peers."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from acoustic.features.extractor import FeatureExtractor
from acoustic.pipeline import Detector
from acoustic.types import AudioBlock

from .contenders import BARE_FFT, PEERS, REFERENCE, available, bare_fft
from .measure import Timings, back_to_back, paced
from .results import table, write_section
from .workloads import hops

__all__ = ["run"]

Call = Callable[[int], object]
FEATURES = "backflush: all features"
DETECTOR = "backflush: Detector.push, 48 kHz to events"
_BATCH = 100
# Where a process has its memory makes it faster or slower than the next one, by a tenth: so many are timed together.
_PROCESSES = 5
_PACKAGES = ("librosa", "scipy", "essentia", "kaldi_native_fbank", "aubio", "pyfftw")


def _forever(pieces: np.ndarray) -> Iterator[np.ndarray]:
    # All arrays are made beforehand, as a source's are: with cold caches, each costs as much as a layer of Python.
    # Not itertools.cycle: that keeps pieces as they come, which `memory` would take for the detector's growth.
    views = list(pieces)
    while True:
        yield from views


def feature_call() -> Call:
    """As the detector does it: into arrays that are there already."""
    extractor, pieces = FeatureExtractor(), _forever(hops())
    features, levels = extractor.room(1)
    return lambda i: extractor.write(next(pieces), features, levels, lost=False)


def feature_batch_call() -> Call:
    """As replay does it: many hops in one call, so that Python's own share vanishes."""
    extractor, pieces = FeatureExtractor(), hops()
    batches = _forever(pieces[: len(pieces) // _BATCH * _BATCH].reshape(-1, _BATCH * pieces.shape[1]))
    return lambda i: extractor.push(next(batches))


def detector_call() -> Call:
    """Sound that goes on from call to call: jumps would keep the detector busy with what is not there in life."""
    detector, pieces = Detector(), _forever(hops(48_000))
    start = 0

    def call(i: int) -> object:
        nonlocal start
        block = AudioBlock(start, next(pieces), 48_000)
        start = block.stop
        return detector.push(block)

    return call


def run() -> None:
    peers, absent = available(PEERS)
    calls = {FEATURES: feature_call(), DETECTOR: detector_call(), **peers}
    batched = {f"{FEATURES}, batch": feature_batch_call()}
    try:
        batched[BARE_FFT] = bare_fft(_BATCH)
    except ImportError:
        absent.append(BARE_FFT)
    timed = back_to_back(calls | batched)
    timed |= {name: Timings(timed[name].us / _BATCH) for name in batched}
    _write_back_to_back(timed, absent)
    runs = []
    for _ in range(_PROCESSES):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            runs.append(pool.submit(_paced_once).result())
    _write_paced({name: Timings(np.concatenate([run[name] for run in runs])) for name in runs[0]})


def _paced_once() -> dict[str, np.ndarray]:
    peers, _ = available(PEERS)
    calls = {FEATURES: feature_call(), DETECTOR: detector_call(), **peers}
    chosen = [name for name in (FEATURES, DETECTOR, REFERENCE, "numpy: all", "scipy.fft: all") if name in calls]
    timed = paced({name: calls[name] for name in chosen}, rounds=2)
    return {name: each.us for name, each in timed.items()}


def _write_back_to_back(timed: dict[str, Timings], absent: list[str]) -> None:
    reference_us = timed[REFERENCE].median_us if REFERENCE in timed else np.nan
    rows = [
        [name, f"{each.median_us:.2f}", f"{reference_us / each.median_us:.1f}"]
        for name, each in sorted(timed.items(), key=lambda item: -item[1].median_us)
    ]
    body = table(["one hop of 10 ms, back to back", "median, us", "times faster than librosa"], rows)
    body += "\n\n" + _verdicts(timed)
    if absent:
        body += f"\n\nNot installed here: {', '.join(absent)}."
    write_section("per-hop", "Per hop, back to back", "python -m benchmarks per-hop", body, _PACKAGES)


def _verdicts(timed: dict[str, Timings]) -> str:
    def ratio(over: str, under: str) -> str:
        if over not in timed or under not in timed:
            return "not measured"
        return f"{timed[over].median_us / timed[under].median_us:.1f}"

    batch = f"{FEATURES}, batch"
    return table(
        ["ratio of medians", "wanted", "measured"],
        [
            ["librosa mel, flatness / all features", ">= 100", ratio(REFERENCE, batch)],
            ["the same, one call a hop", ">= 100", ratio(REFERENCE, FEATURES)],
            ["numpy / all features", ">= 10", ratio("numpy: all", batch)],
            ["librosa mel, flatness / Detector.push", ">= 30", ratio(REFERENCE, DETECTOR)],
            ["all features / FFTW's real FFT of 512", "<= 8", ratio(batch, BARE_FFT)],
        ],
    )


def _write_paced(timed: dict[str, Timings]) -> None:
    rows = [[name, *(f"{each.quantile_us(share):.0f}" for share in (0.5, 0.99, 1.0))] for name, each in timed.items()]
    body = f"All hops of {_PROCESSES} processes together.\n\n"
    body += table(["one hop every 10 ms", "p50, us", "p99, us", "worst, us"], rows)
    detector = timed[DETECTOR]
    facts = [["p99 of Detector.push, share of the hop", "< 5 %", f"{detector.quantile_us(0.99) / 100:.1f} %"]]
    if REFERENCE in timed:
        reference_us = timed[REFERENCE].median_us
        facts += [
            ["librosa mel, flatness / Detector.push", ">= 20", f"{reference_us / detector.median_us:.1f}"],
            ["librosa mel, flatness / all features", ">= 20", f"{reference_us / timed[FEATURES].median_us:.1f}"],
        ]
    body += "\n\n" + table(["at the pace of life", "wanted", "measured"], facts)
    write_section("paced", "Per hop, paced", "python -m benchmarks per-hop", body, _PACKAGES)
