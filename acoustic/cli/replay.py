"""`backflush replay`: recordings through the detector, as fast as it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import click

from ..displays.journal import Record, encode
from ..displays.labels import audacity_lines, tsv_lines, tsv_rows
from ..displays.plain import plain_lines
from ..errors import BackflushError
from ..types import AudioBlock

__all__ = ["replay"]


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "jsonl", "tsv", "audacity"]),
    default="table",
    show_default=True,
    help="What to print.",
)
def replay(files: tuple[str, ...], form: str) -> None:
    r"""Find pump, pressure, whooshes and cycles in recordings.

    The same detector runs that listens live. FILE is anything that libsndfile reads (WAV, FLAC, OGG, MP3, AIFF and
    others), at 8 to 192 kHz. What `record` has made gives the same session again, by the journal beside it. A file that
    cannot be read is named, and the others are gone on with.

    \b
    table     what was heard and when, for people
    jsonl     the journal, as `listen --journal` writes it
    tsv       the phases as onset, offset, label
    audacity  a label track: in Audacity, File, Import, Labels
    """
    failed = False
    for number, file in enumerate(files):
        try:
            _replay(file, form, alone=len(files) == 1, first=number == 0)
        except BackflushError as error:
            failed = True
            click.echo(f"Error: {' '.join(str(error).split())}", err=True)
    if failed:
        sys.exit(1)


def _replay(file: str, form: str, *, alone: bool, first: bool) -> None:
    from ..pipeline import Monitor
    from ..tools.recording import open_recording, recorded_coach
    from ..tools.replay import replay as records_of

    # On a terminal, lines wait until the progress bar is gone; on a pipe each goes out as soon as it is known.
    waiting: list[str] = []
    put = waiting.append if sys.stdout.isatty() else click.echo
    try:
        with closing(open_recording(file)) as source, _progress(source.name, source.duration_s) as advance:
            records = records_of(source, Monitor(coach=recorded_coach(source)), on_block=advance)
            for line in _lines(form, records, None if alone else source.name, first=first):
                put(line)
    finally:
        for line in waiting:
            click.echo(line)


def _lines(form: str, records: Iterator[Record], filename: str | None, *, first: bool) -> Iterator[str]:
    if form == "jsonl":
        return map(encode, records)
    if form == "tsv":
        return (tsv_lines if first else tsv_rows)(records, filename)
    if form == "audacity":
        return audacity_lines(records, filename)
    return plain_lines(records)


@contextmanager
def _progress(name: str, duration_s: float | None) -> Iterator[Callable[[AudioBlock], None] | None]:
    """Show a bar on standard error while the file is read, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Without the redirection, which would send the data on standard output to standard error.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as progress:
        task = progress.add_task(name, total=duration_s)
        yield lambda block: progress.update(task, completed=block.stop / block.rate_hz)
