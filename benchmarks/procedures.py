"""Whole procedures on simulated sessions: is each step entered on time, by itself?

python -m benchmarks.procedures [COUNT] [SEED]: so many sessions of `home` and of `kitchen`: 5 cycles with cleaner,
rinse, 4 with water, 3 bursts of the final flush. One in five has a run that is stopped too early, one in five
somebody at the door for a minute or two; nobody presses a key. Sessions in which every run was heard for what it was
are counted by themselves: what is late in those is the coach's doing, what is late in the others the hearing's.
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
from acoustic.types import Event, Progress

from .results import table, write_section

RATE_HZ = 16_000
# How long after its cause a step may begin: the whoosh has to end, and the detector to be sure of it.
LATE_S = 4.0
# How far from the truth a run's start or its end may be heard.
_NEAR_S = 3.0


@dataclass(frozen=True)
class Result:
    """Steps that were not entered when they should have been, by name, and whether every run was heard rightly."""

    late: tuple[str, ...]
    told: str
    heard: bool


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
    records = [record for block in source for record in monitor.push(block)] + monitor.flush()
    told = [record for record in records if isinstance(record, Progress)]
    entered = {progress.step: progress.time_s for progress in reversed(told)}
    # A run that came to nothing leaves the preparation where it was: the beginning that lasted is meant.
    begun_s = [after.time_s for before, after in pairwise(told) if (before.step, after.step) == (1, 2)]
    entered[2] = max(begun_s, default=-1.0)
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
    summary = ", ".join(f"{p.name} {p.count}/{p.target} at {p.time_s:.0f}" for p in told)
    return Result(
        tuple(late), summary, heard_rightly([record for record in records if isinstance(record, Event)], runs)
    )


def heard_rightly(events: list[Event], runs: list[Run]) -> bool:
    """Whether there is one start and one stop for each run, and a counted cycle for each complete one; nothing else.

    Each must also be told while a step can still begin on time: what is known only in retrospect was not heard.
    """

    def fit(kind: str, true_s: list[float]) -> bool:
        heard = sorted((event for event in events if event.kind == kind), key=lambda event: event.time_s)
        return len(heard) == len(true_s) and all(
            abs(event.time_s - true) < _NEAR_S and event.decided_s - true <= LATE_S
            for event, true in zip(heard, true_s, strict=True)
        )

    return (
        fit("pump_on", [run.pump_on_s for run in runs])
        and fit("pump_off", [run.pump_off_s for run in runs if run.pump_off_s is not None])
        and fit("cycle", [run.release_end_s or run.pump_off_s or 0.0 for run in runs if run.complete])
    )


def _after(run: Run) -> tuple[float, float]:
    end_s = run.release_end_s or run.pump_off_s or 0.0
    return run.pump_off_s or 0.0, end_s + LATE_S


def run(count: int = 100, seed: int = 1) -> None:
    """Count the sessions with every step on time, name what was late in the others, and write their section."""
    rows = []
    for condition in ("home", "kitchen"):
        good = heard = good_heard = 0
        for index in range(count):
            result = rehearse(condition, np.random.default_rng([seed, index, len(condition)]))
            good += not result.late
            heard += result.heard
            good_heard += result.heard and not result.late
            if result.late:
                why = "though all was heard" if result.heard else "misheard"
                print(f"  {condition} {index}, {why}: {', '.join(result.late)}; told: {result.told}", flush=True)
        rows.append((condition, f"{good} of {count}", f"{good_heard} of {heard}"))
    body = table(("condition", "every step entered on time", "of the sessions in which every run was heard"), rows)
    write_section("procedures", "Whole cleanings, by hearing alone", "python -m benchmarks.procedures", body)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:3]))
