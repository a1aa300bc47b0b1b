import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyte
import pytest
from click.testing import CliRunner

from acoustic.cli import main
from acoustic.displays.journal import Opening, Summary, read_journal
from acoustic.types import Action, Cue, Event

DEMO = ["listen", "--demo", "--mute"]


def test_the_demo_counts_five_cycles_and_leads_to_the_foam(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    result = CliRunner().invoke(main, [*DEMO, "--speed", "100", "--journal", str(journal)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].startswith("5 cycles counted")
    records = list(read_journal(journal))
    assert isinstance(records[0], Opening)
    assert records[0].details["procedure"] == ""
    assert isinstance(records[-1], Summary)
    assert records[-1].cycles == 5
    assert [r.kind for r in records if isinstance(r, Event)].count("release") == 5
    cues = [r.kind for r in records if isinstance(r, Cue)]
    assert cues.count("stop_pump") == 5
    assert {"start_pump", "foam_clear", "done"} <= set(cues)


def test_fewer_cycles_are_done_earlier() -> None:
    result = CliRunner().invoke(main, [*DEMO, "--speed", "100", "--cycles", "2"])
    assert result.exit_code == 0
    assert "2 of 2" in result.stdout or "All 2 cycles" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--demo", "--device", "x"], 2),
        (["--speed", "3"], 2),
        (["--demo", "--journal", "/nowhere/j.jsonl"], 1),
        (["--demo", "--journal", "/"], 1),
    ],
)
def test_wrong_use(arguments: list[str], code: int) -> None:
    result = CliRunner().invoke(main, ["listen", *arguments])
    assert result.exit_code == code
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_with_a_summary_and_a_whole_journal(tmp_path: Path, number: signal.Signals) -> None:
    journal = tmp_path / "j.jsonl"
    command = [sys.executable, "-m", "acoustic", *DEMO, "--journal", str(journal)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "0 cycles counted" in out
    assert json.loads(journal.read_text().splitlines()[-1])["type"] == "summary"


def test_a_kill_leaves_a_journal_that_can_be_read(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    command = [sys.executable, "-m", "acoustic", *DEMO, "--journal", str(journal), "--speed", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "pressure is up" not in process.stdout.readline():
            pass
        process.kill()
    kinds = [record.kind for record in read_journal(journal) if isinstance(record, Event)]
    assert kinds[:2] == ["pump_on", "pressure"]


class Terminal:
    """`backflush listen --demo` in a terminal of a given size, seen through pyte."""

    def __init__(self, columns: int, rows: int, *arguments: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows))
            os.execv(sys.executable, [sys.executable, "-m", "acoustic", *DEMO, *arguments])

    def until(self, *texts: str) -> str:
        """Read until the screen shows all of these texts; return it."""
        deadline_s = time.monotonic() + 60.0
        while time.monotonic() < deadline_s:
            self._read()
            shown = "\n".join(self.screen.display)
            if all(text in shown for text in texts):
                return shown
        raise AssertionError(f"not shown: {texts} in\n{shown}")

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def end(self) -> int:
        """Read to the end and return the exit code."""
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            while True:
                self._read()
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> None:
        data = os.read(self._fd, 65_536)
        self.raw += data
        self._stream.feed(data)


def test_a_terminal_that_cannot_be_drawn_on_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    command = [sys.executable, "-m", "acoustic", *DEMO, "--speed", "50"]
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command)
    printed = b""
    with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
        while True:
            printed += os.read(fd, 65_536)
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b">> Counted: 1 of 5." in printed
    assert b"\x1b" not in printed


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_in_a_real_terminal(columns: int, rows: int) -> None:
    terminal = Terminal(columns, rows, "--speed", "4")
    shown = terminal.until("Turn the pump off now.", "q  quit")
    assert "███████ ████████  ██████  ██████" in shown or "██████████████  ████████████████" in shown
    assert "counted" in shown
    terminal.type("\x03")
    assert terminal.end() == 0
    assert b"Traceback" not in terminal.raw
    # On a busy machine a cycle is counted before the key is read.
    assert re.search(rb"(?<!\d)(1 cycle|(0|[2-9]|\d\d+) cycles) counted, in", terminal.raw)


def test_keys(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    terminal = Terminal(100, 30, "--procedure", "home", "--journal", str(journal))
    terminal.until("step 1 of 6: Get ready", "q  quit")
    terminal.type("n")
    terminal.until("step 2 of 6: Cleaner")
    terminal.type("\x1b[Ac")  # an arrow key means nothing, though it ends in a letter
    terminal.until("Counted: 1 of 5.")
    terminal.type("p")
    terminal.until("Nothing is counted until you go on.", "p  go on")
    terminal.type("ps")
    terminal.until("Cleaner: cycle 2 of 5. Turn the pump on.")
    terminal.type("q")
    assert terminal.end() == 0
    actions = [record.kind for record in read_journal(journal) if isinstance(record, Action)]
    assert actions == ["next", "count", "pause", "resume"]
    assert b"Traceback" not in terminal.raw
