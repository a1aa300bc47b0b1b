"""`backflush report`: a session on one page."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["report"]


@click.command()
@click.argument("file", metavar="JOURNAL|RECORDING", type=click.Path())
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(),
    help="Page (.html) or picture (.png) to write.  [default: the journal's or recording's name with .html]",
)
def report(file: str, output: str | None) -> None:
    """Write a session's report: timeline, spectrogram, cycles and reasons.

    Of a journal with several sessions, the last. A recording is listened to first.
    """
    from ..tools.report import load_session, write_report

    out = Path(output) if output else Path(file).with_suffix(".html")
    write_report(load_session(file), out)
    click.echo(out)
