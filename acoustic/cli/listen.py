"""`backflush listen`: the live session."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from datetime import datetime

import click

from .. import __version__
from ..config import CoachOptions
from ..displays.feed import Display, Feed
from ..displays.journal import JournalWriter
from ..displays.plain import PlainDisplay, plain_line
from ..displays.view import View
from ..types import AudioSource, Detail

__all__ = ["listen"]

# What a microphone would deliver: short enough that nothing is late.
_DEMO_BLOCK_S = 0.02


@click.command()
@click.option("--device", metavar="NAME", help="Microphone: any part of a name that `backflush devices` lists.")
@click.option(
    "--cycles", type=click.IntRange(1, 99), help=f"Cycles to lead through.  [default: {CoachOptions().cycles}]"
)
@click.option(
    "--journal", metavar="FILE", type=click.Path(), help="Append what was heard and said to FILE, as JSON Lines."
)
@click.option("--mute", is_flag=True, help="No sounds.")
@click.option("--demo", is_flag=True, help="Listen to the bundled recording instead of a microphone.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), help="With --demo: how many times as fast as life.")
def listen(
    device: str | None, cycles: int | None, journal: str | None, mute: bool, demo: bool, speed: float | None
) -> None:
    """Listen to the machine and lead through the cleaning.

    Shows what the machine is doing, counts the cycles and says when to turn the pump off. Ctrl-C ends with a summary.
    """
    if speed is not None and not demo:
        raise click.UsageError("--speed goes with --demo: a microphone cannot be hurried.")
    if device is not None and demo:
        raise click.UsageError("--demo listens to the bundled recording: leave --device out.")
    options = CoachOptions() if cycles is None else CoachOptions(cycles=cycles)
    view = View(options.cycles)
    with ExitStack() as stack:
        writer = stack.enter_context(JournalWriter(journal)) if journal else None
        feeds = [Feed(display) for display in _displays(view, mute=mute)]
        stack.callback(_close, feeds)
        # Imported behind the first picture: this is most of the start.
        from ..coach import Coach
        from ..pipeline import Detector, Monitor
        from ..tools.listen import listen as run
        from ..tools.listen import warm_up

        detector = Detector()
        warm_up(detector)
        source = stack.enter_context(closing(_open_demo(speed or 1.0) if demo else _open_microphone(device)))
        details: dict[str, Detail] = {
            "when": datetime.now().astimezone().isoformat(timespec="seconds"),
            "program": __version__,
            "target": options.cycles,
        }
        summary = run(source, Monitor(detector, Coach(options)), feeds, journal=writer, details=details)
    if sys.stdout.isatty():
        from rich import print as rich_print

        from ..displays.terminal import session_summary

        rich_print(session_summary(view))
    else:
        click.echo(plain_line(summary))


def _close(feeds: list[Feed]) -> None:
    for feed in feeds:
        feed.close()
        if feed.failure is not None and not isinstance(feed.failure, BrokenPipeError):
            click.echo(f"The display failed: {feed.failure!r}", err=True)


def _open_demo(speed: float) -> AudioSource:
    from ..assets import demo_recording
    from ..sources.file import FileSource
    from ..sources.paced import PacedSource

    return PacedSource(FileSource(demo_recording(), block_s=_DEMO_BLOCK_S, name="demo recording"), speed)


def _open_microphone(device: str | None) -> AudioSource:
    from ..sources.microphone import MicrophoneSource

    return MicrophoneSource(device)


def _displays(view: View, *, mute: bool) -> list[Display]:
    displays: list[Display] = []
    if sys.stdout.isatty():
        from rich.console import Console

        from ..displays.terminal import TerminalDisplay

        displays.append(TerminalDisplay(view, Console()))
    else:
        displays.append(PlainDisplay(click.echo))
    if not mute:
        from ..displays.sounds import SoundDisplay

        displays.append(SoundDisplay())
    return displays
