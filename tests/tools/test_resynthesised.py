"""Machines re-made from recordings: the same for the same arguments, with a truth in order, and audible at home."""

import numpy as np
import pytest

from acoustic.errors import AudioFileError
from acoustic.tools.reference import Outcome
from benchmarks.resynthesised import CONDITIONS, SCENARIOS, ResynthesisedSession
from benchmarks.resynthesised.machine import draw_machine
from benchmarks.resynthesised.plan import draw_plan
from benchmarks.resynthesised.recordings import recording

RATE_HZ = 16_000
OUTCOMES = {
    "cleaning": {"cycle", "early_stop", "other"},
    "early_stops": {"cycle", "early_stop"},
    "shots": {"other"},
    "leak": {"other"},
    "stuck_shut": {"no_release", "other"},
}


def heard(session):
    source, truth = session.open()
    samples = np.concatenate([block.samples for block in source])
    return samples, truth(len(samples) / source.rate_hz)


@pytest.fixture(scope="module")
def session(corpus):
    return ResynthesisedSession("home", "early_stops", 12, corpus)


@pytest.fixture(scope="module")
def made(session):
    return heard(session)


def level_db(samples, start_s, stop_s):
    return 10 * np.log10(np.mean(samples[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)] ** 2) + 1e-12)


def test_the_same_arguments_make_the_same_session(session, made):
    samples, reference = made
    again, same = heard(session)
    assert np.array_equal(samples, again)
    assert reference == same


def test_sound_and_truth_are_in_order(made):
    samples, reference = made
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert 0.01 < np.abs(samples).max() <= 1
    times = reference.times_s
    cycles = [run for run in reference.runs if run.outcome is Outcome.CYCLE]
    assert len(cycles) == len(times["cycle"]) == len(times["pressure"]) >= 3
    behind_s = [*times["pump_on"][1:], reference.duration_s]
    for run, next_s in zip(reference.runs, behind_s, strict=True):
        assert run.pump_on_s < run.pump_off_s < next_s
    for run in cycles:
        assert run.pump_on_s < run.quieting_80_s <= run.quieting_100_s <= run.pump_off_s - 1
        assert sum(0 <= release_s - run.pump_off_s <= 2 for release_s in times["release"]) == 1
    assert all(label.onset_s < label.offset_s <= reference.duration_s for label in reference.phases)


def test_the_pump_is_audible_at_home(made):
    samples, reference = made
    for run in reference.runs:
        before_db = min(level_db(samples, run.pump_on_s - at_s, run.pump_on_s - at_s + 0.2) for at_s in (0.3, 0.8, 1.5))
        assert level_db(samples, run.pump_on_s + 0.3, run.pump_on_s + 0.8) > before_db + 10


def test_without_a_machine_nothing_is_true(corpus):
    samples, reference = heard(ResynthesisedSession("cafe", "idle", 1, corpus))
    assert np.abs(samples).max() > 0.01
    assert (reference.runs, reference.times_s, reference.machine) == ((), {}, "none")


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "idle"])
def test_runs_come_one_after_the_other(corpus, scenario):
    rng = np.random.default_rng(7)
    machine = draw_machine(rng, corpus)
    for _ in range(8):
        plan = draw_plan(rng, machine, scenario)
        assert plan.runs
        assert {run.outcome for run in plan.runs} <= OUTCOMES[scenario]
        behind_s = [*(run.on_s for run in plan.runs[1:]), plan.end_s]
        for run, next_s in zip(plan.runs, behind_s, strict=True):
            times = [run.on_s, run.fall_s, run.most_s, run.pressure_s, run.off_s, next_s]
            known = [time_s for time_s in times if time_s is not None]
            assert known == sorted(known)
            assert (run.pressure_s is not None) == (run.outcome in ("cycle", "no_release"))


@pytest.mark.parametrize(
    ("condition", "scenario", "named"), [("attic", "cleaning", "'attic'"), (CONDITIONS[0], "party", "'party'")]
)
def test_what_is_unknown_is_named(tmp_path, condition, scenario, named):
    with pytest.raises(ValueError, match=named):
        ResynthesisedSession(condition, scenario, 0, tmp_path)


def test_a_recording_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AudioFileError, match="begins with 'espresso'"):
        recording(tmp_path, "espresso")
