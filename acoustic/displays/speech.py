"""Cues read out by the system's voice, for those who cannot look."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys

from ..errors import OptionError
from ..types import Cue
from .controls import Controls
from .journal import Record
from .sounds import sounds_for

__all__ = ["SpeechDisplay", "find_voice", "spoken"]

# What speaks its last argument, in the order in which they are looked for.
_VOICES: tuple[tuple[str, ...], ...] = (("say",), ("espeak-ng",), ("espeak",), ("spd-say", "--wait"))
_WINDOWS = (
    "Add-Type -AssemblyName System.Speech; (New-Object System.Speech.Synthesis.SpeechSynthesizer).Speak($args[0])"
)
_SENTENCES = 2


def find_voice() -> tuple[str, ...]:
    """Return the command that speaks its last argument.

    Raises
    ------
    OptionError
        If the system has none.
    """
    for command in _VOICES:
        if shutil.which(command[0]):
            return command
    if sys.platform == "win32" and shutil.which("powershell"):
        return ("powershell", "-NoProfile", "-Command", f"& {{ {_WINDOWS} }}")
    raise OptionError("--speak: this system has no voice; install one, for instance with: apt-get install espeak-ng")


def spoken(cue: Cue) -> str:
    """Return what is said of a cue: its first sentences, since nobody listens to a third."""
    return "".join(re.findall(r".+?[.!?](?=\s|$)", cue.text)[:_SENTENCES]) or cue.text


class SpeechDisplay:
    """Says cues; never raises, and never waits for a voice. What is urgent cuts off what is being said.

    Parameters
    ----------
    controls
        Tell whether sounds are off.
    voice
        As `find_voice` returns it.
    """

    def __init__(self, controls: Controls, voice: tuple[str, ...]) -> None:
        self._controls = controls
        self._voice = voice
        self._speaking: subprocess.Popen[bytes] | None = None

    def open(self) -> None:
        """Nothing to get ready."""

    def show(self, record: Record) -> None:
        """Say a cue that sounds, unless something is being said and this is not urgent."""
        if not isinstance(record, Cue) or sounds_for(record) is None or self._controls.muted:
            return
        if self._speaking is not None and self._speaking.poll() is None:
            if record.urgency == "info":
                return
            self._stop()
        with contextlib.suppress(OSError):
            self._speaking = subprocess.Popen(
                [*self._voice, spoken(record)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """Let the last words end, if they do so soon."""
        if self._speaking is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._speaking.wait(1.5)
            self._stop()

    def _stop(self) -> None:
        if self._speaking is not None:
            self._speaking.kill()
            self._speaking.wait()
            self._speaking = None
