"""Scoring against sed_eval, sed_scores_eval and mir_eval on the same input, and by hand."""

import json
from pathlib import Path

import mir_eval
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.displays.labels import Label
from acoustic.tools.scoring import (
    Counts,
    count_intersections,
    count_matches,
    match_times,
)

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
