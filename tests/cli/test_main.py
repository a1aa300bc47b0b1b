import contextlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import acoustic
from acoustic import cli
from acoustic.cli import main
from acoustic.errors import OptionError

ROOT = Path(__file__).resolve().parents[2]


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert (result.exit_code, result.output) == (0, f"backflush, version {acoustic.__version__}\n")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == acoustic.__version__


@pytest.mark.parametrize("name", cli._COMMANDS)
def test_every_command_has_help_that_begins_as_the_overview_says(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    first = " ".join(result.output.split("\n\n")[1].split())
    assert first == cli._COMMANDS[name].short_help


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from acoustic.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert "click" in loaded
    assert not loaded & {"numpy", "numba", "scipy", "rich", "soundfile", "sounddevice", "soxr", "textual", "starlette"}


def test_listening_imports_neither_librosa_nor_scipy_signal_nor_plots() -> None:
    code = (
        "import sys\n"
        "from acoustic.cli import main\n"
        "main(['replay', sys.argv[1]], standalone_mode=False)\n"
        "from acoustic.tools import listen\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    demo = ROOT / "recordings" / "demo.flac"
    done = subprocess.run([sys.executable, "-c", code, str(demo)], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert "numba" in loaded
    assert not loaded & {"librosa", "scipy.signal", "matplotlib", "torch", "starlette", "uvicorn", "textual"}


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["replay"], ["listen", "--cycles", "0"], ["listen", "--speed", "2"]]
)
def test_wrong_use_exits_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OptionError("speed 0: wanted\n a positive number"), "Error: speed 0: wanted a positive number\n"),
        (PermissionError(13, "Permission denied", "/root/x"), "Error: /root/x: Permission denied\n"),
        (OSError(28, "No space left on device"), "Error: No space left on device\n"),
    ],
)
def test_an_error_is_one_line_and_exit_1(monkeypatch: pytest.MonkeyPatch, error: Exception, line: str) -> None:
    @click.command()
    def failing() -> None:
        raise error

    monkeypatch.setattr(cli._Commands, "get_command", lambda *_: failing)
    result = CliRunner().invoke(main, ["failing"])
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", line)


def test_python_m_acoustic_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "acoustic", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"backflush, version {acoustic.__version__}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")
def test_a_terminal_without_job_control_is_a_terminal() -> None:
    screen, terminal = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "acoustic", "listen", "--demo", "--mute", "--speed", "1000"],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
    ) as listening:
        os.close(terminal)
        shown = b""
        # Linux says with an error that the other end has been closed.
        with contextlib.suppress(OSError):
            while data := os.read(screen, 65_536):
                shown += data
        assert listening.stderr is not None
        assert (listening.wait(60.0), listening.stderr.read()) == (0, b"")
    os.close(screen)
    assert b"5 cycles counted" in shown
