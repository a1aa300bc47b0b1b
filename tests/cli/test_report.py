from pathlib import Path

from click.testing import CliRunner

from acoustic.assets import demo_recording
from acoustic.cli import main


def test_a_recording_becomes_a_page(tmp_path: Path) -> None:
    out = tmp_path / "demo.html"
    result = CliRunner().invoke(main, ["report", str(demo_recording()), "-o", str(out)])
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    assert "5 cycles counted" in out.read_text()


def test_errors_are_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(tmp_path / "missing.jsonl")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
