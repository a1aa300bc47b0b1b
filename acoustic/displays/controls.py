"""What the user can tell the program while it listens, by key or by button."""

from __future__ import annotations

import queue
from typing import Literal, NamedTuple

from ..types import ActionKind

__all__ = ["KEYS", "Command", "Controls", "Key"]

Command = ActionKind | Literal["sound", "quit"]


class Key(NamedTuple):
    """A key, what it is called where keys are listed, and what it does."""

    key: str
    label: str
    command: Command


KEYS: tuple[Key, ...] = (
    Key(" ", "foam is clean", "clean"),
    Key("m", "more cycles", "more"),
    Key("p", "pause", "pause"),
    Key("u", "undo", "undo"),
    Key("c", "count one", "count"),
    Key("n", "next step", "next"),
    Key("s", "sound", "sound"),
    Key("q", "quit", "quit"),
)


class Controls:
    """Commands on their way from any thread to the session, and whether sounds are off.

    Parameters
    ----------
    muted
        Whether the session begins without sounds.
    """

    def __init__(self, *, muted: bool = False) -> None:
        self.muted = muted
        self._commands: queue.SimpleQueue[Command] = queue.SimpleQueue()

    def press(self, command: Command) -> None:
        """Take a command; sounds are switched at once, the rest waits for the session."""
        if command == "sound":
            self.muted = not self.muted
        else:
            self._commands.put(command)

    def take(self) -> list[Command]:
        """Return what has been pressed since the last call."""
        commands = []
        while not self._commands.empty():
            commands.append(self._commands.get())
        return commands
