import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from acoustic.assets import demo_recording
from acoustic.cli import main

DEMO = str(demo_recording())


def replay(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["replay", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_table_tells_people_what_was_heard_and_said() -> None:
    code, out, err = replay(DEMO)
    assert (code, err) == (0, "")
    for text in (
        "demo.flac, 48000 Hz",
        "pump on",
        "pressure is up",
        ">> Pressure is up. Turn the pump off now.",
        "whoosh",
    ):
        assert text in out
    assert "5 cycles counted" in out


def test_jsonl_is_the_journal() -> None:
    code, out, _ = replay(DEMO, "--format", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert (lines[0]["type"], lines[-1]["type"]) == ("session", "summary")
    assert lines[-1]["cycles"] == sum(line.get("kind") == "cycle" for line in lines) == 5


def test_tsv_has_a_header_and_phases_in_order() -> None:
    code, out, _ = replay(DEMO, "--format", "tsv")
    header, *rows = [line.split("\t") for line in out.splitlines()]
    assert (code, header) == (0, ["onset", "offset", "label"])
    assert {label for _, _, label in rows} == {"fill", "hold", "release"}
    onsets = [float(onset) for onset, _, _ in rows]
    assert onsets == sorted(onsets)
    assert all(float(onset) < float(offset) for onset, offset, _ in rows)


def test_audacity_is_a_label_track() -> None:
    code, out, _ = replay(DEMO, "--format", "audacity")
    assert code == 0
    assert all(re.fullmatch(r"\d+\.\d+\t\d+\.\d+\t[^\t]+", line) for line in out.splitlines())


def test_a_file_that_fails_is_named_and_the_rest_gone_on_with(tmp_path: Path) -> None:
    code, out, err = replay(DEMO, str(tmp_path / "missing.wav"), DEMO, "--format", "tsv")
    assert code == 1
    assert err == f"Error: {tmp_path}/missing.wav: no such file; check the name and the folder\n"
    rows = out.splitlines()
    assert rows[0] == "filename\tonset\toffset\tlabel"
    assert rows.count(rows[1]) == 2
    assert sum(row.startswith("filename") for row in rows) == 1


def test_what_a_truncated_file_holds_is_printed_before_the_error(tmp_path: Path) -> None:
    data = Path(DEMO).read_bytes()
    cut = tmp_path / "cut.flac"
    cut.write_bytes(data[: len(data) // 2])
    code, out, err = replay(str(cut), "--format", "jsonl")
    assert code == 1
    assert re.fullmatch(r"Error: .*cut\.flac: breaks off at \d+\.\d\d s of \d+\.\d\d s; .*\n", err)
    kinds = [json.loads(line).get("kind") for line in out.splitlines()]
    assert "pump_on" in kinds
    assert json.loads(out.splitlines()[-1])["type"] == "summary"


@pytest.mark.parametrize("name", ["missing.wav", "empty.wav", "text.wav", "folder.wav"])
def test_bad_input_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound\n" * 100)
    (tmp_path / "folder.wav").mkdir()
    code, out, err = replay(str(tmp_path / name))
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: {tmp_path / name}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (22_050, 3), (96_000, 2), (192_000, 1)])
def test_any_rate_and_channel_count(tmp_path: Path, rate_hz: int, channels: int) -> None:
    noise = np.random.default_rng(1).standard_normal((rate_hz * 2, channels)) * 0.001
    soundfile.write(tmp_path / "x.wav", noise, rate_hz)
    code, out, err = replay(str(tmp_path / "x.wav"))
    assert (code, err) == (0, "")
    assert "0 cycles counted, in 0:02" in out


def test_a_reader_that_leaves_early_ends_it_quietly() -> None:
    code = f"{sys.executable} -m acoustic replay {DEMO} --format jsonl | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert json.loads(done.stdout)["type"] == "session"
    assert done.stderr == ""


def test_nothing_but_data_goes_into_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "acoustic", "replay", DEMO, "--format", "tsv"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
