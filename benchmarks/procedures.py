"""Whole procedures on simulated sessions: is each step entered on time, by itself?

python -m benchmarks.procedures [COUNT] [SEED]: so many sessions of `home` and of `kitchen`: 5 cycles with cleaner,
rinse, 4 with water, 3 bursts of the final flush. One in five has a run that is stopped too early, one in five
somebody at the door for a minute or two; nobody presses a key.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from acoustic.coach import Coach
from acoustic.pipeline import Detector, Monitor
from acoustic.procedures import load_procedure
from acoustic.synth import Action, Plan, SynthSource, sample_plan
from acoustic.synth.truth import Run
from acoustic.types import Progress

from .results import table, write_section

RATE_HZ = 16_000
# How long after its cause a step may begin: the whoosh has to end, and the detector to be sure of it.
LATE_S = 4.0


@dataclass(frozen=True)
class Result:
    """Steps that were not entered when they should have been, by name."""

    late: tuple[str, ...]
    told: str


def make_plan(condition: str, rng: np.random.Generator) -> Plan:
    """Return a plan whose user goes through the procedure `home`."""
    plan = sample_plan(condition, rng)
    hold_s, gap_s = float(rng.uniform(1.0, 5.0)), float(rng.uniform(4.0, 12.0))

    def cycles(count: int) -> list[Action]:
        return [
            Action(
                "backflush",
                gap_s * float(rng.uniform(0.7, 1.3)),
                hold_s=hold_s * float(rng.uniform(0.7, 1.3)),
                run_s=45.0,
            )
            for _ in range(count)
        ]

    cleaner, water = cycles(5), cycles(4)
    if rng.random() < 0.2:
        cleaner.insert(
            int(rng.integers(1, 5)), Action("backflush", gap_s, run_s=12.0, stop_share=float(rng.uniform(0.02, 0.4)))
        )
    if rng.random() < 0.2:
        at = int(rng.integers(1, 5))
        cleaner[at] = replace(cleaner[at], gap_s=float(rng.uniform(60.0, 120.0)))
    water[0] = replace(water[0], gap_s=float(rng.uniform(12.0, 30.0)))
    bursts = [Action("flush", float(rng.uniform(2.0, 6.0)), run_s=float(rng.uniform(1.5, 4.0))) for _ in range(3)]
    bursts[0] = replace(bursts[0], gap_s=float(rng.uniform(6.0, 15.0)))
    return replace(plan, actions=(*cleaner, *water, *bursts))


def rehearse(condition: str, rng: np.random.Generator) -> Result:
    """Run one session and compare each step's beginning with what truly happened."""
    source = SynthSource(make_plan(condition, rng), rng, RATE_HZ, block_s=0.1)
    monitor = Monitor(Detector(), Coach(procedure=load_procedure("home")))
    told: list[Progress] = []
    for block in source:
        told += [record for record in monitor.push(block) if isinstance(record, Progress)]
    told += [record for record in monitor.flush() if isinstance(record, Progress)]
    entered = {progress.step: progress.time_s for progress in reversed(told)}
    # A run that came to nothing leaves the preparation where it was: the beginning that lasted is meant.
    entered[2] = max(after.time_s for before, after in pairwise(told) if (before.step, after.step) == (1, 2))
    runs = list(source.simulator.truth().runs)
    complete = [run for run in runs if run.complete]
    bursts = [run for run in runs if run.kind == "flush"]
    wanted = {
        2: (runs[0].pump_on_s, runs[0].pump_on_s + LATE_S),
        3: _after(complete[4]),
        4: (_after(complete[4])[0], complete[5].pump_on_s),
        5: (complete[5].pump_on_s, _after(complete[5])[1]),
        6: _after(complete[8]),
        7: (bursts[2].pump_on_s, (bursts[2].pump_off_s or 0.0) + LATE_S),
    }
    names = ["Get ready", *(step.name for step in load_procedure("home").steps[1:]), "Done"]
    late = [names[step - 1] for step, (from_s, to_s) in wanted.items() if not from_s <= entered.get(step, -1.0) <= to_s]
    return Result(tuple(late), ", ".join(f"{p.name} {p.count}/{p.target} at {p.time_s:.0f}" for p in told))


def _after(run: Run) -> tuple[float, float]:
    end_s = run.release_end_s or run.pump_off_s or 0.0
    return run.pump_off_s or 0.0, end_s + LATE_S


def run(count: int = 100, seed: int = 1) -> None:
    """Count the sessions with every step on time, say what went wrong in the others, and write the section of
    RESULTS.md."""
    rows = []
    for condition in ("home", "kitchen"):
        good = 0
        for index in range(count):
            result = rehearse(condition, np.random.default_rng([seed, index, len(condition)]))
            good += not result.late
            if result.late:
                print(f"  {condition} {index}: {', '.join(result.late)} not on time; told: {result.told}", flush=True)
        rows.append((condition, f"{good} of {count}"))
    body = table(("condition", "every step entered on time"), rows)
    write_section("procedures", "Whole cleanings, by hearing alone", "python -m benchmarks.procedures", body)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:3]))
