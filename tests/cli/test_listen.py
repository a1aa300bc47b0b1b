import json
import os
import pty
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
from acoustic.types import Cue, Event

DEMO = ["listen", "--demo", "--mute"]


def test_the_demo_counts_five_cycles_and_leads_to_the_foam(tmp_path: Path) -> None:
    journal = tmp_path / "j.jsonl"
    result = CliRunner().invoke(main, [*DEMO, "--speed", "100", "--journal", str(journal)])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1].startswith("5 cycles counted")
    records = list(read_journal(journal))
    assert isinstance(records[0], Opening)
    assert records[0].details["target"] == 5
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


def _run_in_terminal(columns: int, rows: int, until: str, *arguments: str) -> tuple[list[str], str, int]:
    """Run the demo until the terminal shows `until`; return that screen, what comes after Ctrl-C, and the exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows))
        os.execv(sys.executable, [sys.executable, "-m", "acoustic", *DEMO, *arguments])
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    deadline_s = time.monotonic() + 60.0
    seen: list[str] = []
    rest = b""
    try:
        while time.monotonic() < deadline_s:
            try:
                data = os.read(fd, 65_536)
            except OSError:  # how Linux tells that the other end is closed
                break
            stream.feed(data)
            if seen:
                rest += data
            elif any(until in line for line in screen.display):
                seen = list(screen.display)
                os.write(fd, b"\x03")
    finally:
        _, status = os.waitpid(pid, 0)
        os.close(fd)
    return seen, rest.decode(errors="replace"), os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (200, 50)])
def test_in_a_real_terminal(columns: int, rows: int) -> None:
    seen, rest, code = _run_in_terminal(columns, rows, "Turn the pump off now.", "--speed", "4")
    assert code == 0
    text = "\n".join(seen)
    assert "███████ ████████  ██████  ██████" in text or "██████████████  ████████████████" in text
    assert "cycles counted" in text
    assert "Ctrl-C" in seen[-1]
    assert "Traceback" not in rest
    assert "cycles counted, in" in rest
