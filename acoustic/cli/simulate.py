"""`backflush simulate`: the program with a simulated user at a simulated machine."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.table import Table

    from ..tools.simulate import Outcome, Summary

__all__ = ["simulate"]

_PIPE_WIDTH = 140


@click.command()
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="NAME",
    help="home, kitchen, cafe or hard; may be repeated.  [default: home, kitchen]",
)
@click.option("--count", type=click.IntRange(min=1), default=20, show_default=True, help="Sessions of each condition.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--cycles", type=click.IntRange(1, 20), default=5, show_default=True, help="Cycles to be made.")
@click.option(
    "--machine", "kind", metavar="KIND", help="Only machines of this kind.  [default: as the condition has them]"
)
@click.option(
    "--sounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take distractions and background noise from the recordings in this folder.",
)
@click.option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="one a core", help="Processes."
)
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write every session's figures."
)
def simulate(
    conditions: tuple[str, ...],
    count: int,
    seed: int,
    cycles: int,
    kind: str | None,
    sounds: Path | None,
    jobs: int,
    json_file: Path | None,
) -> None:
    r"""Let simulated users clean simulated machines, led by the program.

    Machine, microphone, detector, coach and user run in closed loop: the user does what the cues say, with a reaction
    time, and now and then does not. Beside it stands what the usual fixed rule (10 s on, 10 s off) does to the same
    machines.

    \b
    Examples
      backflush simulate --count 100
      backflush simulate --condition hard --machine e61 --json figures.json
    """
    from dataclasses import asdict

    from rich.console import Console

    from ..synth import Library
    from ..synth.conditions import check_condition
    from ..tools.simulate import rehearsals, rehearse_all

    names = conditions or ("home", "kitchen")
    for name in names:
        check_condition(name)
    library = Library.from_folder(sounds) if sounds else None
    sessions = rehearsals(names, count, seed, cycles, kind=kind, library=library)
    outcomes = list(_progress(rehearse_all(sessions, min(jobs, len(sessions))), len(sessions)))
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    console.print(_table(outcomes, names))
    if json_file:
        rows = []
        for outcome in outcomes:
            row = asdict(outcome)
            row["rehearsal"].pop("library")
            rows.append(row)
        json_file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _table(outcomes: list[Outcome], conditions: Iterable[str]) -> Table:
    from rich.table import Table

    from ..tools.simulate import Manner, summarise

    manners: tuple[tuple[Manner, str], ...] = (("guided", "led by the program"), ("fixed", "10 s on, 10 s off"))
    rows: dict[str, Callable[[Summary], str]] = {
        "pump against full pressure, s a run: median": lambda each: f"{each.deadhead_median_s:.1f}",
        "  95 %": lambda each: f"{each.deadhead_p95_s:.1f}",
        "  s a session": lambda each: f"{each.deadhead_total_s:.1f}",
        "sessions with exactly the wanted cycles, %": lambda each: f"{100 * each.exact:.0f}",
        "  ended too early (fewer), %": lambda each: f"{100 * each.short:.0f}",
        "  ended too late (more), %": lambda each: f"{100 * each.long:.0f}",
        "sessions counted right, %": lambda each: f"{100 * each.counted_right:.0f}",
        "runs stopped before pressure, a session": lambda each: f"{each.early_stops:.1f}",
        "session length, s: median": lambda each: f"{each.duration_s:.0f}",
        "sessions that did not end by themselves": lambda each: f"{each.unfinished}",
    }
    table = Table(title="What happened to the machines")
    table.add_column("")
    columns: list[Summary] = []
    for condition in conditions:
        for manner, title in manners:
            columns.append(
                summarise(
                    [
                        each
                        for each in outcomes
                        if (each.rehearsal.condition, each.rehearsal.manner) == (condition, manner)
                    ]
                )
            )
            table.add_column(f"{condition}\n{title}", justify="right")
    table.add_row("sessions", *(str(each.sessions) for each in columns))
    for name, text in rows.items():
        table.add_row(name, *(text(each) for each in columns))
    return table


def _progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Show a bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from outcomes
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield from progress.track(outcomes, total=total, description="sessions")
