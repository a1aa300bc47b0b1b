"""Single keys from the terminal, without waiting for Enter."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .controls import KEYS, Controls

__all__ = ["keyboard"]

_COMMANDS = {key.key: key.command for key in KEYS}
_POLL_S = 0.05
# What arrow and function keys send: none of its letters is meant.
_SEQUENCE = re.compile(r"\x1b(\[[0-9;?]*.?|O.?|.)?")


@contextmanager
def keyboard(controls: Controls) -> Iterator[bool]:
    """Press the controls while inside; yield whether there is a keyboard, which a pipe or a background job has not."""
    if not sys.stdin.isatty():
        yield False
    elif sys.platform == "win32":
        yield from _windows(controls)
    else:
        yield from _posix(controls)


def _press(controls: Controls, typed: str) -> None:
    for key in _SEQUENCE.sub("", typed).lower():
        if command := _COMMANDS.get(key):
            controls.press(command)


if sys.platform != "win32":

    def _in_background(terminal: int) -> bool:
        # A background job that touches the terminal's settings is stopped.
        try:
            return os.tcgetpgrp(terminal) != os.getpgrp()
        except OSError:
            return False  # no job control here, as in many containers: nobody is in the background

    def _posix(controls: Controls) -> Iterator[bool]:
        import select
        import termios
        import tty

        terminal = sys.stdin.fileno()
        if _in_background(terminal):
            yield False
            return
        settings = termios.tcgetattr(terminal)
        ending, end = os.pipe()

        def read() -> None:
            while True:
                ready, _, _ = select.select([terminal, ending], [], [])
                if ending in ready:
                    return
                typed = os.read(terminal, 64)
                if not typed:
                    return
                _press(controls, typed.decode("utf-8", "replace"))

        thread = threading.Thread(target=read, name="keyboard", daemon=True)
        tty.setcbreak(terminal)
        thread.start()
        try:
            yield True
        finally:
            os.close(end)
            thread.join(1.0)
            os.close(ending)
            termios.tcsetattr(terminal, termios.TCSADRAIN, settings)

else:

    def _windows(controls: Controls) -> Iterator[bool]:
        import msvcrt

        ended = threading.Event()

        def read() -> None:
            while not ended.wait(_POLL_S):
                while msvcrt.kbhit():
                    typed = msvcrt.getwch()
                    if typed in "\x00\xe0":
                        msvcrt.getwch()  # the second half of a function key
                    else:
                        _press(controls, typed)

        thread = threading.Thread(target=read, name="keyboard", daemon=True)
        thread.start()
        try:
            yield True
        finally:
            ended.set()
            thread.join(1.0)
