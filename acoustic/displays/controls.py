"""What the user can tell the program while it listens, by key or by button."""

from __future__ import annotations

import queue
from typing import Literal, NamedTuple

from ..types import ActionKind

__all__ = ["KEYS", "Command", "Controls", "Key"]

Command = ActionKind | Literal["sound", "code", "quit"]


class Key(NamedTuple):
    """A key, what it is called where keys are listed, and what it does."""

    key: str
    label: str
    command: Command


KEYS: tuple[Key, ...] = (
    Key(" ", "clean", "clean"),
    Key("m", "more", "more"),
    Key("p", "pause", "pause"),
    Key("u", "undo", "undo"),
    Key("c", "count", "count"),
    Key("n", "next", "next"),
    Key("q", "quit", "quit"),
    Key("s", "sound", "sound"),
    Key("w", "web", "code"),
)


class Controls:
    """Commands on their way from any thread to the session, and what is switched at once.

    `code` tells whether the web page's address is shown as a code instead of the session.

    Parameters
    ----------
    muted
        Whether the session begins without sounds.
    """

    def __init__(self, *, muted: bool = False) -> None:
        self.muted = muted
        self.code = False
        self._commands: queue.SimpleQueue[ActionKind | Literal["quit"]] = queue.SimpleQueue()

    def press(self, command: Command) -> None:
        """Take a command; what is switched is switched at once, the rest waits for the session."""
        if command == "sound":
            self.muted = not self.muted
        elif command == "code":
            self.code = not self.code
        else:
            self._commands.put(command)

    def take(self) -> list[ActionKind | Literal["quit"]]:
        """Return what has been pressed since the last call."""
        commands = []
        while not self._commands.empty():
            commands.append(self._commands.get())
        return commands
