"""Scoring against sed_eval, sed_scores_eval and mir_eval on the same input, and by hand."""

import json
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.displays.labels import Label
from acoustic.tools.aggregate import summarise
from acoustic.tools.reference import Outcome, Reference, Run
from acoustic.tools.scoring import Counts, count_intersections, count_matches, match_times, score_session
from acoustic.types import Event

GOLDEN = json.loads(Path(__file__).with_name("scoring_golden.json").read_text())
TIMES = st.lists(st.floats(0, 60, allow_subnormal=False), max_size=12).map(sorted)


def intervals(session, key, label):
    return [Label(on, off, name) for on, off, name in session[key] if name == label]


def added(counts):
    counts = list(counts)
    return Counts(*(sum(getattr(each, name) for each in counts) for name in ("hits", "false", "missed")))


@pytest.mark.parametrize("collar", GOLDEN["event_based"])
@pytest.mark.parametrize("label", ["fill", "hold", "release"])
def test_event_counts_are_those_of_sed_eval(collar, label):
    ours = added(
        count_matches(
            [each.onset_s for each in intervals(session, "truth", label)],
            [each.onset_s for each in intervals(session, "estimated", label)],
            float(collar),
        )
        for session in GOLDEN["sessions"]
    )
    theirs = GOLDEN["event_based"][collar][label]
    assert ours == Counts(int(theirs["Ntp"]), int(theirs["Nfp"]), int(theirs["Nfn"]))


@pytest.mark.parametrize("criteria", GOLDEN["intersection_based"])
@pytest.mark.parametrize("label", ["fill", "hold", "release"])
def test_intersection_counts_are_those_of_sed_scores_eval(criteria, label):
    tolerance, share = map(float, criteria.split(","))
    ours = added(
        count_intersections(
            intervals(session, "truth", label), intervals(session, "estimated", label), tolerance, share
        )
        for session in GOLDEN["sessions"]
    )
    theirs = GOLDEN["intersection_based"][criteria][label]
    assert ours == Counts(theirs["tps"], theirs["fps"], theirs["n_ref"] - theirs["tps"])


@given(reference=TIMES, estimated=TIMES, collar=st.floats(0.05, 2.0))
def test_precision_and_recall_are_those_of_mir_eval(reference, estimated, collar):
    counts = count_matches(reference, estimated, collar)
    assert counts.hits + counts.missed == len(reference)
    assert counts.hits + counts.false == len(estimated)
    if reference and estimated:
        _, precision, recall = mir_eval.onset.f_measure(np.array(reference), np.array(estimated), window=collar)
        assert counts.hits / len(estimated) == pytest.approx(precision)
        assert counts.hits / len(reference) == pytest.approx(recall)


@given(times=TIMES, collar=st.floats(0.05, 2.0))
def test_truth_matches_itself(times, collar):
    assert count_matches(times, times, collar) == Counts(len(times), 0, 0)


def test_matching_is_the_largest_not_the_nearest_first():
    # Greedy by time would give 1.0 the estimate 1.1 and leave 1.15 alone.
    assert match_times([1.0, 1.15], [0.9, 1.1], 0.1) == [(0, 0), (1, 1)]


def events(*rows):
    """Detected events from (kind, time), each known 0.2 s later."""
    return [Event(kind, time_s, time_s + 0.2, 0.9) for kind, time_s in rows]


def scored(runs, found, **times_s):
    return score_session("a", Reference(times_s, (), tuple(runs), 60.0), found)


CYCLE = Run(1.0, 10.0, Outcome.CYCLE, 8.0, 8.4)
EARLY = Run(20.0, 23.0, Outcome.EARLY_STOP)
STUCK = Run(30.0, 41.0, Outcome.NO_RELEASE, 38.0, 38.5)


def test_pressure_is_timed_from_the_complete_quieting():
    score = scored([CYCLE], events(("pump_on", 1.0), ("pressure", 8.1)), pump_on=(1.0,), pressure=(8.0,))
    assert score.delays_s["pressure"] == pytest.approx([8.3 - 8.4])
    assert score.delays_s["pump_on"] == pytest.approx([0.2])


@pytest.mark.parametrize(("told_s", "early"), [(7.7, 1), (7.9, 0)])
def test_a_pressure_cue_is_early_by_when_it_is_told(told_s, early):
    score = scored([CYCLE], events(("pump_on", 1.0), ("pressure", told_s)), pressure=(8.0,))
    assert (score.pressure_cues, score.pressure_cues_early) == (1, early)


def test_a_pressure_cue_where_pressure_never_came_is_early():
    assert scored([EARLY], events(("pump_on", 20.0), ("pressure", 22.0))).pressure_cues_early == 1


@pytest.mark.parametrize(
    ("found", "named", "counted"),
    [
        (["pump_on", "pump_off", "no_release", "incomplete"], 1, 0),
        (["pump_on", "pump_off", "release", "release_end", "incomplete"], 1, 0),
        (["pump_on", "pressure", "pump_off", "no_release", "incomplete"], 0, 0),
        (["pump_on", "pressure", "pump_off", "release", "cycle"], 0, 1),
        ([], 0, 0),
    ],
)
def test_early_stops_are_named_or_counted(found, named, counted):
    rows = [(kind, 20.0 + 0.5 * i) for i, kind in enumerate(found)]
    score = scored([EARLY], events(*rows))
    assert (score.early_stops, score.early_stops_named, score.early_stops_counted) == (1, named, counted)


@pytest.mark.parametrize(("counted", "fair"), [(0, False), (1, True), (2, True), (3, True), (4, False)])
def test_where_arguable_runs_leave_the_count_open_every_answer_between_is_fair(counted, fair):
    nearly = Run(20.0, 25.0, Outcome.EARLY_STOP, arguable=True)
    just = Run(30.0, 36.0, Outcome.CYCLE, 35.9, arguable=True)
    early = Run(40.0, 42.0, Outcome.EARLY_STOP)
    found = events(*(("cycle", 11.0 + k) for k in range(counted)))
    score = scored([CYCLE, nearly, just, early], found, cycle=(10.0, 36.0))
    assert (score.cycles, score.cycles_fewest, score.cycles_most) == (2, 1, 3)
    assert summarise([score], np.random.default_rng(0)).fair.value == float(fair)


@pytest.mark.parametrize(("arguable", "clear"), [(False, 1), (True, 0)])
def test_an_arguable_early_stop_is_no_clear_one(arguable, clear):
    run = Run(20.0, 23.0, Outcome.EARLY_STOP, arguable=arguable)
    score = scored([run], events(("pump_on", 20.0), ("pump_off", 23.0), ("release", 23.1), ("cycle", 24.0)))
    assert (score.early_stops, score.early_stops_counted) == (1, 1)
    assert (score.clear_early_stops, score.clear_early_stops_counted) == (clear, clear)


def test_verdicts_belong_to_their_own_run_however_late_they_come():
    # The verdict on the stuck run comes only after the next run's start.
    found = events(("pump_on", 30.1), ("pressure", 38.0), ("pump_off", 41.0), ("no_release", 43.6), ("pump_on", 43.0))
    score = scored([STUCK, Run(43.0, 50.0, Outcome.CYCLE, 48.0, 48.3)], found)
    assert (score.unreleased, score.unreleased_recognised) == (1, 1)
    assert (score.good_releases, score.good_releases_warned) == (1, 0)


def test_a_warning_after_a_good_release_is_false():
    found = events(("pump_on", 1.0), ("pressure", 8.0), ("pump_off", 10.0), ("no_release", 12.6), ("incomplete", 12.6))
    assert scored([CYCLE], found).good_releases_warned == 1
