"""The detector on machines re-made from recordings: so many cleanings a condition, half as many of each other scenario.

python -m benchmarks.resynthesised [--corpus DIR] [--count 25] [--first 100] [--jobs 2]

The first hundred of each are there to be looked at; what is written down is of others.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from acoustic.tools.aggregate import Summary, summarise
from acoustic.tools.evaluate import evaluate, live_detector
from acoustic.tools.evaluation_tables import figure_text
from acoustic.tools.scoring import SessionScore

from ..results import table, write_section
from . import CONDITIONS, SCENARIOS, ResynthesisedSession
from . import __doc__ as _package_doc

# Figures of sessions that somebody looked at while changing things are none.
LOOKED_AT = 100
_ABOUT = " ".join(_package_doc.split("\n\n")[1].split())


def main() -> None:
    """Hear them all, and write the section."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "audio"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resynthesised", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=Path(os.environ.get("BACKFLUSH_CORPUS", beside)))
    parser.add_argument("--count", type=int, default=25, help="cleanings a condition")
    parser.add_argument("--first", type=int, default=LOOKED_AT, help="index of the first session")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if not arguments.corpus.is_dir():
        parser.error(
            f"no corpus of real recordings at {arguments.corpus}; --corpus or BACKFLUSH_CORPUS names another place"
        )
    sessions = _sessions(arguments.corpus, arguments.count, arguments.first)
    scores = list(evaluate(sessions, live_detector, arguments.jobs))
    command = f"python -m benchmarks.resynthesised --count {arguments.count}"
    if arguments.first != LOOKED_AT:
        command += f" --first {arguments.first}"
    body = f"{_ABOUT}\n\n{_cleanings(scores)}\n\n{_others(scores)}"
    write_section("resynthesised", "Machines re-made from recordings", command, body)


def _sessions(corpus: Path, count: int, first: int) -> list[ResynthesisedSession]:
    """So many cleanings a condition; of each other scenario half as many, of one condition after the other."""
    indices = range(first, first + count)
    sessions = [ResynthesisedSession(name, "cleaning", index, corpus) for name in CONDITIONS for index in indices]
    for scenario in SCENARIOS:
        if scenario != "cleaning":
            sessions += [
                ResynthesisedSession(CONDITIONS[index % len(CONDITIONS)], scenario, index, corpus)
                for index in indices[: max(1, count // 2)]
            ]
    return sessions


def _summary(scores: Sequence[SessionScore]) -> Summary:
    return summarise(scores, np.random.default_rng(0))


def _cleanings(scores: Sequence[SessionScore]) -> str:
    columns = {}
    for name in CONDITIONS:
        summary = _summary([each for each in scores if (each.condition, each.scenario) == (name, "cleaning")])
        columns[name] = [
            figure_text(summary.exact, 100, 1),
            figure_text(summary.count_error, 1, 2, sign=True),
            figure_text(summary.events["pump_on@0.5"].f1, 1, 3),
            figure_text(summary.events["release@0.2"].f1, 1, 3),
            figure_text(summary.events["pressure@1"].f1, 1, 3),
            figure_text(summary.early_cues, 100, 1),
        ]
    facts = (
        "cleanings counted exactly, %",
        "mean error of the count",
        "pump_on F1 at 0.5 s",
        "release F1 at 200 ms",
        "pressure F1 at 1 s",
        "early cues, %",
    )
    return table(["", *columns], [[fact, *cells] for fact, *cells in zip(facts, *columns.values(), strict=True)])


def _others(scores: Sequence[SessionScore]) -> str:
    parts = {name: _summary([each for each in scores if each.scenario == name]) for name in SCENARIOS}
    early, stuck = parts["early_stops"], parts["stuck_shut"]
    figures = {
        "early_stops: early stops counted, %": early.early_stops_counted,
        "early_stops: counted exactly, %": early.exact,
        "shots: without a cycle, %": parts["shots"].exact,
        "leak: without a cycle, %": parts["leak"].exact,
        "idle: without a cycle, %": parts["idle"].exact,
        "stuck_shut: stops without release recognised, %": stuck.unreleased_recognised,
    }
    return table(["", "all conditions"], [[fact, figure_text(figure, 100, 1)] for fact, figure in figures.items()])


if __name__ == "__main__":
    main()
