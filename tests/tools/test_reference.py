"""Labels as truth: what is read, what follows from phases alone, and what is refused, by file and row."""

import json

import numpy as np
import pytest

from acoustic.errors import LabelError
from acoustic.synth import sample_plan, synthesise
from acoustic.tools.reference import Outcome, read_reference, reference_of

HEADER = "onset\toffset\tlabel\n"


def table(tmp_path, *rows, header=HEADER):
    path = tmp_path / "a.tsv"
    path.write_text(header + "".join(f"{row}\n" for row in rows))
    return path


def read(tmp_path, *rows, duration_s=60.0, header=HEADER):
    return read_reference(table(tmp_path, *rows, header=header), duration_s)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1.0\t2.0\trelase", r"a\.tsv:3: label 'relase' is unknown; did you mean release\?"),
        ("1.0\t2.0\twhatever", r"a\.tsv:3: label 'whatever' is unknown; use one of fill, hold"),
        ("3.0\t2.0\tfill", r"a\.tsv:3: fill lasts from 3 to 2 s.*swapped"),
        ("nan\t2.0\tfill", r"a\.tsv:3: fill lasts from nan"),
        ("one\t2.0\tfill", r"a\.tsv:3: onset='one' is not a number"),
        ("1.0", r"a\.tsv:3: offset='' is not a number"),
        ("1.0\t99.0\tfill", r"a\.tsv:3: fill ends at 99 s, but the recording at 60\.00 s"),
    ],
)
def test_a_row_that_makes_no_sense_is_named(tmp_path, row, message):
    with pytest.raises(LabelError, match=message):
        read(tmp_path, "0.5\t0.6\tfill", row)


@pytest.mark.parametrize("header", ["", "start\tend\tlabel\n", "0.5\t1.0\tfill\n"])
def test_a_table_without_header_is_named(tmp_path, header):
    with pytest.raises(LabelError, match=r"a\.tsv:1: the header lacks"):
        read(tmp_path, header=header)


def test_facts_that_are_no_json_are_named(tmp_path):
    path = table(tmp_path)
    path.with_suffix(".json").write_text('{"plan": {},\n oops}')
    with pytest.raises(LabelError, match=r"a\.json:2: is not JSON"):
        read_reference(path, 10.0)


def test_an_empty_table_says_that_nothing_happened(tmp_path):
    reference = read(tmp_path)
    assert not any(reference.times_s.values())
    assert not reference.runs


def test_other_tools_column_names_comments_and_blank_lines_are_fine(tmp_path):
    reference = read(
        tmp_path,
        "# by hand",
        "",
        "x.wav\t1.0\t3.0\tFill",
        header="filename\tonset_s\toffset_s\tevent_label\n",
    )
    assert reference.times_s["pump_on"] == (1.0,)


def test_events_and_runs_follow_from_phases(tmp_path):
    reference = read(
        tmp_path,
        "1.0\t8.0\tfill",
        "8.0\t10.0\thold",
        "10.1\t11.5\trelease",
        "20.0\t22.0\tfill",  # stopped early, and vented
        "22.1\t22.5\trelease",
        "30.0\t38.0\tfill",  # pressure, no release
        "38.0\t41.0\thold",
    )
    assert reference.times_s == {
        "pump_on": (1.0, 20.0, 30.0),
        "pressure": (8.0, 38.0),
        "pump_off": (10.0, 22.0, 41.0),
        "release": (10.1, 22.1),
        "cycle": (10.1,),
        "incomplete": (22.1, 41.0),
    }
    assert [(run.outcome, run.pump_on_s, run.pump_off_s) for run in reference.runs] == [
        (Outcome.CYCLE, 1.0, 10.0),
        (Outcome.EARLY_STOP, 20.0, 22.0),
        (Outcome.NO_RELEASE, 30.0, 41.0),
    ]


@pytest.mark.parametrize("scenario", ["cleaning", "early_stops", "stuck_shut", "shots"])
def test_files_and_simulator_tell_the_same(tmp_path, scenario):
    rng = np.random.default_rng(3)
    truth = synthesise(sample_plan("home", rng, "home", scenario), rng, 8000).truth
    (tmp_path / "a.tsv").write_text(truth.tsv())
    (tmp_path / "a.json").write_text(json.dumps(truth.to_dict()))
    direct, read_back = reference_of(truth), read_reference(tmp_path / "a.tsv", truth.duration_s)
    assert read_back.runs == direct.runs
    assert (read_back.condition, read_back.scenario, read_back.machine) == ("home", scenario, "home")
    for kind, times_s in direct.times_s.items():
        assert read_back.times_s[kind] == pytest.approx(times_s, abs=6e-4)
    assert [run.arguable for run in direct.runs] == [run.marginal and run.released for run in truth.runs]
    outcomes = {run.outcome for run in direct.runs}
    assert (
        outcomes
        <= {
            "cleaning": {Outcome.CYCLE, Outcome.OTHER},
            "early_stops": {Outcome.CYCLE, Outcome.EARLY_STOP, Outcome.OTHER},
            "stuck_shut": {Outcome.NO_RELEASE},
            "shots": {Outcome.OTHER},
        }[scenario]
    )
    assert (Outcome.CYCLE in outcomes) == (truth.cycles > 0)
