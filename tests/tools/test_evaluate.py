"""Hearing sessions and scoring them: sources, processes, and what an evaluation says."""

import json
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from acoustic.errors import AudioFileError, LabelError
from acoustic.synth import Library, splices_from_labels
from acoustic.tools.evaluate import (
    Evaluation,
    SimulatedSession,
    evaluate,
    find_recordings,
    find_sounds,
    looped,
    score,
    simulated,
)
from acoustic.types import Event

IDLE = SimulatedSession("home", "idle", seed=1, index=0, rate_hz=8000)


class Scripted:
    """A detector that says at each time what it was told to say, whatever it hears."""

    def __init__(self, script):
        self.script = list(script)
        self.heard_s = 0.0

    def push(self, block):
        self.heard_s = block.stop / block.rate_hz
        due = [each for each in self.script if each[1] <= self.heard_s]
        self.script = self.script[len(due) :]
        return [Event(kind, time_s, self.heard_s, 0.9, details) for kind, time_s, details in due]

    def flush(self):
        return [Event(kind, self.heard_s, self.heard_s, 0.9, details) for kind, _, details in self.script]


def script(*rows):
    return partial(Scripted, [(kind, time_s, {}) for kind, time_s in rows])


def recording(folder, name, rows, *, length_s=30.0, rate_hz=8000):
    folder.mkdir(parents=True, exist_ok=True)
    soundfile.write(folder / name, np.zeros(round(length_s * rate_hz)), rate_hz)
    table = "".join(f"{onset}\t{offset}\t{label}\n" for onset, offset, label in rows)
    (folder / name).with_suffix(".tsv").write_text("onset\toffset\tlabel\n" + table)


CYCLE = [(2.0, 9.0, "fill"), (9.0, 11.0, "hold"), (11.1, 12.5, "release")]
TOLD = [("pump_on", 2.0), ("pressure", 9.0), ("pump_off", 11.0), ("release", 11.1), ("release_end", 12.5)]


def test_recordings_are_scored_against_the_labels_beside_them(tmp_path):
    recording(tmp_path / "deep", "a.wav", CYCLE)
    recording(tmp_path, "b.flac", [])
    soundfile.write(tmp_path / "unlabelled.wav", np.zeros(8000), 8000)
    sessions = find_recordings(tmp_path)
    assert [session.audio.name for session in sessions] == ["b.flac", "a.wav"]
    detector = script(*TOLD, ("cycle", 12.5))
    evaluation = Evaluation.of(list(evaluate(sessions, detector)), np.random.default_rng(0))
    release = evaluation.overall.events["release@0.1"]
    assert (release.counts.hits, release.counts.false, release.counts.missed) == (1, 1, 0)
    assert evaluation.overall.phases["hold"].counts.hits == 1
    assert evaluation.overall.exact.value == 0.5
    assert evaluation.overall.false_cycles.count == 1
    assert evaluation.overall.false_cycles.hours == pytest.approx(30 / 3600)


def test_a_detector_that_says_the_truth_is_perfect(tmp_path):
    recording(tmp_path, "a.wav", CYCLE)
    (each,) = evaluate(find_recordings(tmp_path), script(*TOLD, ("cycle", 12.5)))
    assert all(counts.false == counts.missed == 0 for counts in each.matches.values())
    assert all(counts.false == counts.missed == 0 for counts in each.phases.values())
    assert each.cycles == each.cycles_counted == 1


def test_an_evaluation_is_json(tmp_path):
    recording(tmp_path, "a.wav", CYCLE)
    evaluation = Evaluation.of(list(evaluate(find_recordings(tmp_path), script(*TOLD))), np.random.default_rng(0))
    read = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert read["overall"]["events"]["release@0.2"]["f1"]["value"] == 1.0
    assert read["sessions"][0]["delays_s"]["release"] == pytest.approx([0.05], abs=0.05)


def test_a_folder_without_labels_or_sounds_is_an_error(tmp_path):
    with pytest.raises(LabelError, match="holds no recording with labels"):
        find_recordings(tmp_path)
    with pytest.raises(AudioFileError, match="holds no recordings"):
        find_sounds(tmp_path)
    with pytest.raises(AudioFileError, match="no such folder"):
        find_sounds(tmp_path / "absent")


def test_a_simulated_session_is_the_same_however_often_it_is_opened():
    (first, _), (second, _) = IDLE.open(), IDLE.open()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)


def whole(session):
    source, _ = session.open()
    return np.concatenate([block.samples for block in source]), source.rate_hz


def test_level_changes_the_gain_and_nothing_else():
    plain, _ = whole(IDLE)
    quiet, _ = whole(replace(IDLE, level_dbfs=-50.0))
    loud, _ = whole(replace(IDLE, level_dbfs=-30.0))
    np.testing.assert_allclose(loud, 10 * quiet, rtol=1e-5)
    assert np.corrcoef(plain, loud)[0, 1] == pytest.approx(1.0)


@pytest.mark.parametrize("heard_hz", [16000, 44100])
def test_a_session_can_be_heard_at_another_rate(heard_hz):
    plain, _ = whole(IDLE)
    other, rate_hz = whole(replace(IDLE, heard_hz=heard_hz))
    assert rate_hz == heard_hz
    assert len(other) / heard_hz == pytest.approx(len(plain) / IDLE.rate_hz, abs=0.001)


def test_real_sounds_take_part_where_they_are_given(corpus):
    splices = splices_from_labels(corpus / "labels.tsv", corpus / "machine")
    plain = replace(IDLE, scenario="stuck_shut", rate_hz=16000)
    spliced = replace(plain, kind="spliced", splices=splices, library=Library.from_folder(corpus / "cafe"))
    source, truth = spliced.open()
    (*_, last) = source
    reference = truth(last.stop / last.rate_hz)
    assert reference.machine == "spliced"
    assert "no_release" in {run.outcome for run in reference.runs}
    assert "cycle" not in {run.outcome for run in reference.runs}


def test_processes_change_nothing():
    sessions = simulated(["home"], ["idle", "refills"], 1, seed=4)
    assert list(evaluate(sessions, jobs=2)) == list(evaluate(sessions, jobs=1))


def test_simulated_sessions_differ_from_one_another():
    assert len({session.name for session in simulated(["home", "hard"], ["cleaning", "shots"], 3, seed=0)}) == 12


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(0)
    for name, rate_hz, length_s in (("a.wav", 16000, 1.0), ("b.flac", 44100, 2.0)):
        soundfile.write(tmp_path / name, rng.uniform(-0.5, 0.5, (round(rate_hz * length_s), 2)), rate_hz)
    return tmp_path


def test_sounds_share_the_hours(sounds):
    loops = looped(find_sounds(sounds), 10 / 3600, seed=0)
    assert [loop.audio.name for loop in loops] == ["a.wav", "b.flac"]
    for loop in loops:
        samples, rate_hz = whole(loop)
        assert len(samples) == 5 * rate_hz


def test_a_loop_is_seamless_and_changes_its_level_within_full_scale(sounds):
    source, truth = looped(find_sounds(sounds), 40 / 3600, seed=0)[0].open()
    blocks = list(source)
    assert all(a.stop == b.start for a, b in pairwise(blocks))
    assert {block.samples.dtype for block in blocks} == {np.dtype(np.float32)}
    levels = [np.sqrt(np.mean(block.samples**2)) for block in blocks]
    assert max(np.abs(block.samples).max() for block in blocks) <= 1.0
    assert min(levels) > 0.01
    assert max(levels) / min(levels) > 5
    assert truth(20.0).condition == sounds.name


def test_whatever_is_heard_in_sounds_is_false(sounds):
    each = score(looped(find_sounds(sounds), 10 / 3600, seed=0)[0], script(("pump_on", 1.0), ("cycle", 2.0)))
    overall = Evaluation.of([each], np.random.default_rng(0)).overall
    assert (overall.false_pump_on.count, overall.false_cycles.count) == (1, 1)
    assert overall.false_pump_on.hours == pytest.approx(5 / 3600)
