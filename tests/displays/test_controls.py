import contextlib
import os
import pty
import sys
import termios
import time
from collections.abc import Callable

import pytest

from acoustic.displays import keyboard as module
from acoustic.displays.controls import KEYS, Command, Controls
from acoustic.displays.keyboard import keyboard


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + 10.0
    while not condition() and time.monotonic() < deadline_s:
        time.sleep(0.01)
    return condition()


def test_commands_wait_in_order_and_sound_is_switched_at_once() -> None:
    controls = Controls()
    pressed: tuple[Command, ...] = ("undo", "sound", "next")
    for command in pressed:
        controls.press(command)
    assert controls.muted
    assert controls.take() == ["undo", "next"]
    assert controls.take() == []


def test_every_key_and_every_command_is_there_once() -> None:
    assert len({key.key for key in KEYS}) == len({key.command for key in KEYS}) == len(KEYS)


@pytest.mark.parametrize(
    ("typed", "commands"),
    [
        ("c", ["count"]),
        ("CU", ["count", "undo"]),
        (" ", ["clean"]),
        ("xyz1", []),
        ("\x1b[A", []),
        ("\x1b[1;5Cu", ["undo"]),
        ("\x1bOPn", ["next"]),
        ("\x1b", []),
        ("\x1bn", []),
    ],
)
def test_keys_mean_commands_and_function_keys_nothing(typed: str, commands: list[str]) -> None:
    controls = Controls()
    module._press(controls, typed)
    assert controls.take() == commands


def test_without_a_terminal_there_is_no_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with keyboard(Controls()) as there:
            assert not there


def test_a_terminal_is_read_key_by_key_and_left_as_it_was() -> None:
    code = (
        "import sys\n"
        "from acoustic.displays.controls import Controls\n"
        "from acoustic.displays.keyboard import keyboard\n"
        "controls, seen = Controls(), []\n"
        "with keyboard(controls) as there:\n"
        "    print('there', there, flush=True)\n"
        "    while 'quit' not in seen: seen += controls.take()\n"
        "print(seen, flush=True)\n"
    )
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", code])
    before = termios.tcgetattr(fd)
    output = b""
    while b"there True" not in output:
        output += os.read(fd, 1_000)
    assert not termios.tcgetattr(fd)[3] & (termios.ICANON | termios.ECHO)
    os.write(fd, b"u")
    os.write(fd, b"nq")
    while b"]" not in output:
        output += os.read(fd, 1_000)
    assert b"['undo', 'next', 'quit']" in output
    assert wait_for(lambda: termios.tcgetattr(fd)[3] == before[3])
    assert os.waitpid(pid, 0)[1] == 0
    os.close(fd)


def test_a_background_job_is_not_stopped_by_the_terminal() -> None:
    code = (
        "from acoustic.displays.controls import Controls\n"
        "from acoustic.displays.keyboard import keyboard\n"
        "with keyboard(Controls()) as there: print('there', there)\n"
    )
    # An interactive shell with job control puts the job into a process group that does not own the terminal.
    script = f'set -m; {sys.executable} -c "{code}" & wait'
    pid, fd = pty.fork()
    if pid == 0:
        os.execv("/bin/bash", ["bash", "-c", script])
    output = b""
    with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
        while True:
            output += os.read(fd, 1_000)
    os.close(fd)
    os.waitpid(pid, 0)
    assert b"there False" in output
