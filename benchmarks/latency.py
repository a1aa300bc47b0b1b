"""Where the time goes between a sound and its event: the stages of a budget, each measured by itself."""

from __future__ import annotations

import os

import numpy as np

from acoustic.config import RATE_HZ, CaptureOptions, FrameOptions
from acoustic.features.resample import Resampler
from acoustic.tools.aggregate import summarise
from acoustic.tools.bench import loopback_s
from acoustic.tools.evaluate import evaluate, simulated
from tests.rig import PulseRig, missing_programs

from .measure import paced
from .per_hop import detector_call
from .results import table, write_section
from .workloads import SEED

__all__ = ["run"]

_KINDS = ("pump_on", "pressure", "pump_off", "release", "cycle")
_SESSIONS = 24


def resampler_delay_s(rate_hz: int) -> float:
    """Seconds of input that go in between a click and the moment at which its peak comes out."""
    resampler = Resampler(rate_hz)
    samples = np.zeros(rate_hz, np.float32)
    at = rate_hz // 2 + 1
    samples[at] = 1.0
    taken, peak, peak_taken = 0, 0.0, 0
    while taken < len(samples):
        taken, piece = resampler.take(samples, taken)
        if piece is not None and len(piece) and float(np.abs(piece).max()) > peak:
            peak, peak_taken = float(np.abs(piece).max()), taken
    return (peak_taken - at) / rate_hz


def run() -> None:
    frame = FrameOptions()
    timing = paced({"push": detector_call()}, rounds=1, hops=500)["push"]
    stages = [
        ["capture: one block", f"{1000 * CaptureOptions().block_s:.0f}", "waits until the block is full"],
        ["resampling from 48 kHz", f"{1000 * resampler_delay_s(48_000):.1f}", "a click's way through it"],
        ["resampling from 44.1 kHz", f"{1000 * resampler_delay_s(44_100):.1f}", "the same"],
        ["hop", f"{1000 * frame.hop_s:.0f}", "waits until the hop is full"],
        ["window's centre", f"{500 * frame.window / RATE_HZ:.0f}", "a frame describes the audio before its end"],
        ["Detector.push, p99", f"{timing.quantile_us(0.99) / 1000:.2f}", "at the pace of life"],
    ]
    if not missing_programs():
        with PulseRig(48_000):
            os.environ |= {"PULSE_SINK": "speaker_a", "PULSE_SOURCE": "mic_a"}
            delay_s = loopback_s("pulse", "pulse")
        stages.append(["loudspeaker to microphone", f"{1000 * delay_s:.0f}", "PortAudio and a sound server, no air"])
    summary = summarise(
        list(evaluate(simulated(("home", "kitchen"), ("cleaning",), _SESSIONS // 2, SEED))), np.random.default_rng(SEED)
    )
    decisions = [
        [kind, f"{delays.p50_s.value:.2f}", f"{delays.p95_s.value:.2f}", str(delays.p50_s.of)]
        for kind in _KINDS
        if (delays := summary.delays[kind]).p50_s.value is not None and delays.p95_s.value is not None
    ]
    body = table(["stage", "ms", ""], stages)
    body += "\n\n" + table(["decided after it happened", "p50, s", "p95, s", "events"], decisions)
    body += (
        f"\n\nDecisions: audio time on {summary.sessions} simulated cleanings (home, kitchen), resampling, hop and "
        "window included; pressure from the complete quieting, so that an earlier decision is negative."
    )
    write_section("latency", "Latency, stage by stage", "python -m benchmarks latency", body)
