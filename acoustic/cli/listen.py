"""`backflush listen`: the live session."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from datetime import datetime
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .. import __version__
from ..config import CoachOptions
from ..displays.controls import Controls
from ..displays.feed import Display, Feed
from ..displays.journal import JournalWriter
from ..displays.keyboard import keyboard
from ..displays.plain import PlainDisplay, plain_line
from ..displays.view import View
from ..procedures import Procedure, choose_procedure
from ..types import AudioSource, Detail

if TYPE_CHECKING:
    from ..displays.recorder import Recording
    from ..displays.web import WebDisplay

__all__ = ["listen"]

# What a microphone would deliver: short enough that nothing is late.
_DEMO_BLOCK_S = 0.02


@click.command()
@click.option(
    "--device",
    metavar="NAME",
    help="Microphone: any part of a name that `backflush devices` lists, or default. Remembered for the next time.",
)
@click.option(
    "--cycles", type=click.IntRange(1, 99), help=f"Cycles to lead through.  [default: {CoachOptions().cycles}]"
)
@click.option(
    "--journal", metavar="FILE", type=click.Path(), help="Append what was heard and said to FILE, as JSON Lines."
)
@click.option(
    "--record",
    metavar="FILE.flac",
    type=click.Path(),
    help="Record what is heard, with a journal beside the recording.",
)
@click.option(
    "--procedure",
    metavar="NAME",
    help="Lead through a whole cleaning: one that `backflush procedures` lists, or a file.",
)
@click.option("--mute", is_flag=True, help="No sounds.")
@click.option("--speak", is_flag=True, help="Say what is to be done, with the system's voice.")
@click.option(
    "--source", metavar="-", help="Listen to raw samples on standard input (-) or a named pipe; wants --rate."
)
@click.option("--rate", metavar="HZ", type=int, help="With --source: samples a second.")
@click.option("--channels", type=int, help="With --source: interleaved channels.  [default: 1]")
@click.option(
    "--format",
    "sample_format",
    metavar="FORMAT",
    help="With --source: u8, s16le, s24le, s32le or f32le.  [default: s16le]",
)
@click.option("--web", is_flag=True, help="Show the session on a web page as well, for this computer.")
@click.option(
    "--web-host", metavar="ADDRESS", help="Serve the page on this address, such as 0.0.0.0: for a phone; with a token."
)
@click.option("--web-port", metavar="PORT", type=click.IntRange(0, 65535), help="Port of the page.  [default: 8350]")
@click.option("--demo", is_flag=True, help="Listen to the bundled recording instead of a microphone.")
@click.option("--speed", type=click.FloatRange(0.1, 1000), help="With --demo: how many times as fast as life.")
def listen(
    device: str | None,
    cycles: int | None,
    journal: str | None,
    record: str | None,
    procedure: str | None,
    mute: bool,
    speak: bool,
    source: str | None,
    rate: int | None,
    channels: int | None,
    sample_format: str | None,
    web: bool,
    web_host: str | None,
    web_port: int | None,
    demo: bool,
    speed: float | None,
) -> None:
    """Listen to the machine and lead through the cleaning.

    Shows what the machine is doing, counts the cycles and says when to turn the pump off. Ctrl-C ends with a summary.
    """
    if (source is None) != (rate is None):
        raise click.UsageError("--source and --rate go together: raw samples do not say how fast they are.")
    if source is None and (channels is not None or sample_format is not None):
        raise click.UsageError("--channels and --format describe raw samples: give --source as well.")
    if source is not None and (demo or device is not None):
        raise click.UsageError("--source takes the place of --device and --demo: leave them out.")
    if speed is not None and not demo:
        raise click.UsageError("--speed goes with --demo: a microphone cannot be hurried.")
    if device is not None and demo:
        raise click.UsageError("--demo listens to the bundled recording: leave --device out.")
    if web_port is not None and not web and web_host is None:
        raise click.UsageError("--web-port goes with --web or --web-host.")
    controls = Controls(muted=mute)
    view = View(controls)
    steps = choose_procedure(procedure, cycles)
    with ExitStack() as stack:
        view.keys = sys.stdout.isatty() and stack.enter_context(keyboard(controls))
        writer = stack.enter_context(JournalWriter(journal)) if journal else None
        displays = _displays(view, controls, speak=speak)
        if web or web_host is not None:
            displays.append(_serve(view, steps, web_host or "127.0.0.1", web_port, speed or 1.0))
        feeds = [Feed(display) for display in displays]
        stack.callback(_close, feeds)
        # Imported behind the first picture: this is most of the start.
        from ..coach import Coach
        from ..pipeline import Monitor
        from ..tools.listen import listen as run
        from ..tools.listen import warm_detector

        detector = warm_detector()
        if demo:
            heard = _open_demo(speed or 1.0)
        elif source is not None:
            heard = _open_pipe(source, rate or 0, channels or 1, sample_format or "s16le")
        else:
            heard = _open_microphone(device)
        stack.enter_context(closing(heard))
        recording = stack.enter_context(closing(_open_recording(record, heard.rate_hz))) if record else None
        details: dict[str, Detail] = {
            "when": datetime.now().astimezone().isoformat(timespec="seconds"),
            "program": __version__,
            "procedure": procedure or "",
            "cycles": cycles,
        }
        monitor = Monitor(detector, Coach(procedure=steps))
        summary = run(heard, monitor, feeds, journal=writer, recording=recording, controls=controls, details=details)
    if _has_screen():
        from rich import print as rich_print

        from ..displays.terminal import session_summary

        rich_print(session_summary(view))
    else:
        click.echo(plain_line(summary))


def _serve(view: View, procedure: Procedure, host: str, port: int | None, pace: float) -> WebDisplay:
    """Return the web page, and tell its address where the session is shown."""
    import platformdirs

    from ..displays.web import WebDisplay, code_lines, viewer_key

    key = viewer_key(Path(platformdirs.user_state_dir("backflush", appauthor=False)))
    names = [step.name for step in procedure.steps]
    display = WebDisplay(view.controls, names, host=host, port=8350 if port is None else port, pace=pace, key=key)
    view.address, view.code = display.url, code_lines(display.url)
    view.controls.code = "token=" in display.url
    if not _has_screen():
        # On standard error, which is no part of the session's lines; a code only where somebody can see it.
        for line in view.code if view.controls.code and sys.stderr.isatty() else ():
            click.echo(line, err=True)
        click.echo(f"Web page: {display.url}", err=True)
    return display


def _has_screen() -> bool:
    """Whether standard output is a terminal that can be drawn on."""
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


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
    from ..sources.microphone import open_microphone

    return open_microphone(device)


def _open_pipe(path: str, rate_hz: int, channels: int, sample_format: str) -> AudioSource:
    from ..sources.pipe import PipeSource

    # Its own file, not sys.stdin: whose lock a thread that waits for input would hold beyond the end of the program.
    stream = FileIO(0 if path == "-" else path, closefd=path != "-")
    name = "standard input" if path == "-" else path
    return PipeSource(stream, rate_hz, channels=channels, sample_format=sample_format, name=name)


def _open_recording(path: str, rate_hz: int) -> Recording:
    from ..displays.recorder import Recording

    return Recording(path, rate_hz)


def _displays(view: View, controls: Controls, *, speak: bool) -> list[Display]:
    displays: list[Display] = []
    if _has_screen():
        from rich.console import Console

        from ..displays.terminal import TerminalDisplay

        displays.append(TerminalDisplay(view, Console()))
    else:
        displays.append(PlainDisplay(click.echo))
    from ..displays.sounds import SoundDisplay

    displays.append(SoundDisplay(controls))
    if speak:
        from ..displays.speech import SpeechDisplay, find_voice

        displays.append(SpeechDisplay(controls, find_voice()))
    return displays
