from pathlib import Path

import pytest
from click.testing import CliRunner

from acoustic import procedures
from acoustic.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(procedures, "user_folder", lambda: tmp_path)
    monkeypatch.setattr("acoustic.cli.procedures.user_folder", lambda: tmp_path)
    return tmp_path


def test_the_list_has_a_title_for_each_and_names_the_folder(folder: Path) -> None:
    (folder / "broken.toml").write_text("title = 3")
    result = CliRunner().invoke(main, ["procedures"])
    assert result.exit_code == 0
    assert "home      At home, with cleaner (monthly)" in result.stdout
    assert "broken    cannot be used: " in result.stdout
    assert str(folder) in result.stdout.splitlines()[-1]


def test_one_is_shown_step_by_step() -> None:
    result = CliRunner().invoke(main, ["procedures", "cafiza"])
    assert result.exit_code == 0
    assert "2. Cleaner: 3 cycles, pump on for at least 10 s, 10 s between them" in result.stdout
    assert "6. Flush the group: 2 bursts." in result.stdout


def test_an_unknown_one_is_one_line() -> None:
    result = CliRunner().invoke(main, ["procedures", "nonsense"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: no procedure is called 'nonsense'; there are ")
    assert CliRunner().invoke(main, ["listen", "--demo", "--procedure", "nonsense"]).exit_code == 1
