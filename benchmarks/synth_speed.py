"""How much faster than real time sessions are simulated on one core, and whether memory stays flat.

Run `python -m benchmarks.synth_speed [--sessions N]`; it writes its section of RESULTS.md.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from dataclasses import replace

import numpy as np

from acoustic.synth import CONDITIONS, Action, Simulator, sample_plan, synthesise

from .results import table, write_section


def speed(condition: str, rate_hz: int, sessions: int) -> float:
    """Seconds of sound a second of processor time."""
    seconds, spent = 0.0, 0.0
    for index in range(sessions):
        rng = np.random.default_rng([1, index])
        plan = sample_plan(condition, rng)
        # Processor time: other work on the machine does not count.
        start = time.process_time()
        seconds += synthesise(plan, rng, rate_hz).truth.duration_s
        spent += time.process_time() - start
    return seconds / spent


def peak_mb(minutes: int) -> float:
    """Most memory allocated while a session of so many minutes is rendered in blocks, in MB."""
    rng = np.random.default_rng(0)
    plan = sample_plan("kitchen", rng)
    pause = Action("wait", run_s=20.0)
    plan = replace(plan, actions=(*plan.actions, pause) * minutes)
    simulator = Simulator(plan, rng, 16000)
    tracemalloc.start()
    for _ in simulator.blocks():
        if simulator.time_s >= 60.0 * minutes:
            break
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=6)
    options = parser.parse_args()
    rows = []
    for rate_hz, wanted in ((16000, ""), (48000, ">= 20")):
        synthesise(sample_plan("home", np.random.default_rng(0)), np.random.default_rng(0), rate_hz)
        for condition in CONDITIONS:
            times = speed(condition, rate_hz, options.sessions)
            rows.append((f"{condition}, {rate_hz / 1000:g} kHz: times real time, one core", wanted, f"{times:.0f}"))
    for minutes in (2, 20):
        rows.append((f"{minutes} minutes: most memory, MB", "flat", f"{peak_mb(minutes):.1f}"))
    body = table(("simulated sessions", "wanted", "measured"), rows)
    write_section("synth", "Simulating", "python -m benchmarks.synth_speed", body)


if __name__ == "__main__":
    main()
