"""The command `backflush`. Commands are found by name and imported only when called, so that help comes at once."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any

import click

from .. import __version__
from ..errors import BackflushError

__all__ = ["main"]


@dataclass(frozen=True, slots=True)
class _Entry:
    target: str
    short_help: str


_COMMANDS: dict[str, _Entry] = {
    "listen": _Entry("listen:listen", "Listen to the machine and lead through the cleaning."),
    "record": _Entry("record:record", "Listen, and record what is heard."),
    "replay": _Entry("replay:replay", "Find pump, pressure, whooshes and cycles in recordings."),
    "report": _Entry("report:report", "Write a session's report: timeline, spectrogram, cycles and reasons."),
    "procedures": _Entry("procedures:procedures", "List the cleaning procedures, or the steps of one."),
    "devices": _Entry("devices:devices", "List the microphones."),
    "check": _Entry("check:check", "Test microphone and place, in some 20 seconds."),
    "train": _Entry("train:train", "Train a model on simulated sessions and write it to the folder MODEL."),
    "evaluate": _Entry("evaluate:evaluate", "Tell how well the detector does on sessions whose truth is known."),
    "synth": _Entry("synth:synth", "Write simulated sessions, with labels and every physical parameter."),
    "simulate": _Entry("simulate:simulate", "Let simulated users clean simulated machines, led by the program."),
    "bench": _Entry("bench:bench", "Measure how fast the detector is on this machine."),
}


class _Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, attribute = entry.target.split(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.short_help) for name, entry in _COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        # Where errors become one line and exit code 1. Click itself answers BrokenPipeError and KeyboardInterrupt so.
        try:
            return super().invoke(ctx)
        except BackflushError as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
            raise click.ClickException(f"{where}{error.strerror or error}") from error


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="backflush")
def main() -> None:
    """Hear an espresso machine being backflushed: count the cycles, and say when to turn the pump off."""
