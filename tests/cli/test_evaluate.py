import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from acoustic.cli import main


def run(*arguments):
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def folder(tmp_path):
    soundfile.write(tmp_path / "quiet.wav", np.zeros(16000 * 5), 16000)
    (tmp_path / "quiet.tsv").write_text("onset\toffset\tlabel\n")
    return tmp_path


def test_tables_json_and_plots(folder, tmp_path):
    code, out, err = run(
        folder, "--synth", "--condition", "home", "--scenario", "idle", "--count", 1, "--negatives", folder,
        "--hours", 0.001, "--jobs", 1, "--json", tmp_path / "out.json", "--plot", tmp_path / "plots",
    )  # fmt: skip
    assert code == 0, err
    assert "Cycles counted" in out
    assert "false pump an hour" in out
    figures = json.loads((tmp_path / "out.json").read_text())
    assert figures["version"] == 1
    assert figures["overall"]["sessions"] == 3
    assert set(figures["conditions"]) == {"home", tmp_path.name}
    for path in (tmp_path / "plots").iterdir():
        assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_named_is_a_usage_error():
    code, _, err = run()
    assert code == 2
    assert "name a folder" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent"], "Error: absent: no such folder"),
        (["--negatives", "absent"], "Error: absent: no such folder"),
        (["--synth", "--condition", "ktichen", "--count", 1, "--jobs", 1], "condition 'ktichen' is unknown"),
        (["--synth", "--scenario", "party", "--count", 1, "--jobs", 1], "scenario 'party' is unknown"),
    ],
)
def test_bad_input_is_one_line(arguments, message):
    code, _, err = run(*arguments)
    assert code == 1
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_bad_labels_are_named_by_file_and_row(folder):
    (folder / "quiet.tsv").write_text("onset\toffset\tlabel\n1\t2\tfil\n")
    code, _, err = run(folder, "--jobs", 1)
    assert code == 1
    assert "quiet.tsv:2: label 'fil' is unknown; did you mean fill?" in err
