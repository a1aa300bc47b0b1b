"""`backflush evaluate`: the detector against what is known to have happened."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..tools.evaluate import Session
    from ..tools.scoring import SessionScore

__all__ = ["evaluate"]

_PIPE_WIDTH = 180


@click.command()
@click.argument("folders", nargs=-1, metavar="[DIR]...", type=click.Path(path_type=Path))
@click.option("--synth", is_flag=True, help="Evaluate on the simulator's sessions, made on the way.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="NAME",
    help="With --synth: home, kitchen, cafe or hard; may be repeated.  [default: all]",
)
@click.option(
    "--scenario",
    "scenarios",
    multiple=True,
    metavar="NAME",
    help="With --synth: what happens, like shots or early_stops; may be repeated.  [default: cleaning]",
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="With --synth: sessions of each condition and scenario.",
)
@click.option(
    "--backgrounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="With --synth: take distractions and background noise from the recordings in this folder.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option(
    "--negatives",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Recordings without any espresso machine: whatever is heard in them is false.",
)
@click.option(
    "--hours",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="With --negatives: repeat them, each for the same time, at changing levels, for so long in all.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes.",
)
@click.option(
    "--resamples", type=click.IntRange(min=100), default=1000, show_default=True, help="Of the bootstrap intervals."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), metavar="FILE", help="Write every figure.")
@click.option("--plot", "plot_folder", type=click.Path(path_type=Path), metavar="DIR", help="Write pictures (PNG).")
def evaluate(
    folders: tuple[Path, ...],
    synth: bool,
    conditions: tuple[str, ...],
    scenarios: tuple[str, ...],
    count: int,
    backgrounds: Path | None,
    seed: int,
    negatives: Path | None,
    hours: float,
    jobs: int,
    resamples: int,
    json_file: Path | None,
    plot_folder: Path | None,
) -> None:
    r"""Tell how well the detector does on sessions whose truth is known.

    DIR holds recordings, each with a table of the same name beside it (kitchen.wav, kitchen.tsv): onset, offset and
    label in seconds, with tabs between. Labels are the phases fill, hold and release; instants (onset = offset) like
    pump_on, pressure, pump_off, release, cycle and incomplete may be added. `replay --format tsv` writes such a table.

    \b
    Examples
      backflush evaluate my-recordings/
      backflush evaluate --synth --condition kitchen --count 100 --seed 7
      backflush evaluate --negatives radio/ --hours 6 --json figures.json
    """
    if not (folders or synth or negatives):
        raise click.UsageError("nothing to evaluate on: name a folder of labelled recordings, --synth or --negatives")
    import numpy as np
    from rich.console import Console

    from ..synth import CONDITIONS, Library
    from ..tools.evaluate import Evaluation, find_recordings, find_sounds, looped, simulated
    from ..tools.evaluate import evaluate as scores_of
    from ..tools.evaluation_plots import plot
    from ..tools.evaluation_tables import tables

    sessions: list[Session] = [session for folder in folders for session in find_recordings(folder)]
    if synth:
        library = Library.from_folder(backgrounds) if backgrounds else None
        sessions += simulated(conditions or CONDITIONS, scenarios or ("cleaning",), count, seed, library=library)
    if negatives:
        sessions += looped(find_sounds(negatives), hours, seed)
    jobs = min(jobs, len(sessions))
    scores = list(_progress(scores_of(sessions, jobs=jobs), len(sessions)))
    evaluation = Evaluation.of(scores, np.random.default_rng(seed), resamples)
    # A pipe has no width of its own: what reads it should get whole rows.
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    for table in tables(evaluation):
        console.print(table)
    if json_file:
        json_file.write_text(json.dumps(evaluation.to_dict(), indent=1) + "\n", encoding="utf-8")
    if plot_folder:
        for path in plot(evaluation, plot_folder):
            click.echo(f"{path} written", err=True)


def _progress(scores: Iterable[SessionScore], total: int) -> Iterator[SessionScore]:
    """Show a bar on standard error while sessions are heard, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from scores
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield from progress.track(scores, total=total, description="sessions")
