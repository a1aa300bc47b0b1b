"""`backflush synth` and `backflush simulate` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from acoustic.cli import main


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_sessions_with_truth_and_pictures(tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--scenario", "flushes", "--machine", "home", "--count", "2", "--seed", "3", "--rate", "8000"]
    result = call("synth", *options, "--plot", "--jobs", "1", str(out))
    assert result.exit_code == 0, result.output
    assert "2 sessions written" in result.output
    stems = ["home-flushes-home-3-0000", "home-flushes-home-3-0001"]
    wanted = {f"{stem}.{suffix}" for stem in stems for suffix in ("flac", "json", "png", "tsv")}
    assert {path.name for path in out.iterdir()} == wanted
    assert json.loads((out / f"{stems[0]}.json").read_text())["plan"]["scenario"] == "flushes"
    assert (out / f"{stems[0]}.png").read_bytes().startswith(b"\x89PNG")
    # The second of two is the same as the second of three, in another format too.
    again = tmp_path / "again"
    assert (
        call(
            "synth", *options[:4], "--count", "3", *options[6:], "--format", "wav", "--jobs", "1", str(again)
        ).exit_code
        == 0
    )
    first, _ = soundfile.read(out / f"{stems[1]}.flac", dtype="int16")
    second, _ = soundfile.read(again / f"{stems[1]}.wav", dtype="int16")
    np.testing.assert_array_equal(first, second)


def test_several_processes_write_the_same(tmp_path: Path) -> None:
    for name, jobs in (("one", "1"), ("two", "2")):
        options = ["--scenario", "refills", "--count", "2", "--rate", "8000", "--jobs", jobs]
        assert call("synth", *options, str(tmp_path / name)).exit_code == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--condition", "cellar"], "condition 'cellar' is unknown"),
        (["--machine", "moka"], "machine kind 'moka' is unknown"),
        (["--machine", "spliced"], "needs recordings of a pump"),
        (["--sounds", "nowhere"], "nowhere: no recordings found there"),
        (["--pumps", "nowhere.tsv"], "nowhere.tsv: cannot be read"),
    ],
)
def test_synth_tells_what_is_wrong_before_it_writes(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = call("synth", *arguments, str(tmp_path / "out"))
    assert result.exit_code == 1
    assert message in result.output
    assert len(result.output.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_simulate_shows_both_manners_side_by_side(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--condition", "home", "--machine", "thermoblock", "--count", "1", "--cycles", "1", "--jobs", "1"]
    result = call("simulate", *arguments, "--json", str(figures))
    assert result.exit_code == 0, result.output
    assert "led by the program" in result.output
    assert "10 s on, 10 s off" in result.output
    rows = json.loads(figures.read_text())
    assert [row["rehearsal"]["manner"] for row in rows] == ["guided", "fixed"]
    assert all(row["machine"] == "thermoblock" for row in rows)


def test_simulate_tells_an_unknown_condition() -> None:
    result = call("simulate", "--condition", "cellar")
    assert result.exit_code == 1
    assert "condition 'cellar' is unknown" in result.output
