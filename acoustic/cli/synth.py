"""`backflush synth`: simulated sessions as files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

__all__ = ["synth"]


@click.command()
@click.argument("folder", metavar="OUT", type=click.Path(path_type=Path, file_okay=False))
@click.option("--condition", metavar="NAME", default="home", show_default=True, help="home, kitchen, cafe or hard.")
@click.option(
    "--scenario", metavar="NAME", help="What happens: cleaning, early_stops, shots, leak, ...  [default: cleaning]"
)
@click.option("--machine", "kind", metavar="KIND", help="home, e61, cafe, ...  [default: as the condition has them]")
@click.option("--count", type=click.IntRange(min=1), default=10, show_default=True, help="Sessions.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--rate", "rate_hz", type=click.IntRange(8000, 192000), default=48000, show_default=True, help="Hz.")
@click.option(
    "--format",
    "suffix",
    type=click.Choice(["flac", "wav"]),
    default="flac",
    show_default=True,
    help="Of the audio, 16 bit.",
)
@click.option(
    "--sounds",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Take distractions and background noise from the recordings in this folder, not only synthetic ones.",
)
@click.option(
    "--exclude", multiple=True, metavar="NAME", help="With --sounds: leave this file or subfolder out; may be repeated."
)
@click.option(
    "--pumps",
    type=click.Path(path_type=Path),
    metavar="TSV",
    help="Splice real pump sound in: a table of file, onset_s, offset_s, label with fill and pressurised stretches.",
)
@click.option(
    "--pump-folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where those files are.  [default: beside the table]",
)
@click.option("--plot", is_flag=True, help="Draw spectrogram, pressure and labels beside each.")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="one a core", help="Processes."
)
def synth(
    folder: Path,
    condition: str,
    scenario: str | None,
    kind: str | None,
    count: int,
    seed: int,
    rate_hz: int,
    suffix: str,
    sounds: Path | None,
    exclude: tuple[str, ...],
    pumps: Path | None,
    pump_folder: Path | None,
    plot: bool,
    jobs: int,
) -> None:
    r"""Write simulated sessions, with labels and every physical parameter.

    They go into OUT, with labels (TSV) and parameters (JSON) beside each. The same seed gives the same sessions,
    whatever the count.

    \b
    Examples
      backflush synth --condition kitchen --count 200 --seed 7 out/
      backflush synth --scenario stuck_shut --machine e61 --count 5 --plot out/
    """
    import numpy as np

    from ..synth import Library, sample_plan, splices_from_labels
    from ..synth.batch import SessionFile, write_sessions

    library = Library.from_folder(sounds, exclude) if sounds else None
    splices = splices_from_labels(pumps, pump_folder) if pumps else ()
    if splices and kind is None:
        kind = "spliced"
    # Wrong names are told before anything is written.
    sample_plan(condition, np.random.default_rng(0), kind, scenario, library=library, splices=splices)
    folder.mkdir(parents=True, exist_ok=True)
    stem = "-".join(filter(None, [condition, scenario, kind]))
    sessions = [
        SessionFile(
            folder / f"{stem}-{seed}-{index:04d}.{suffix}",
            condition,
            seed,
            index,
            kind,
            scenario,
            rate_hz,
            library,
            splices,
            plot,
        )
        for index in range(count)
    ]
    written = len(list(_progress(write_sessions(sessions, min(jobs, count)), count)))
    click.echo(f"{written} sessions written to {folder}")


def _progress(paths: Iterator[Path], total: int) -> Iterator[Path]:
    """Show a bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield from paths
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        yield from progress.track(paths, total=total, description="sessions")
