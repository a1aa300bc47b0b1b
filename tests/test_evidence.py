"""A run painted frame by frame: what is measured must be what was painted."""

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.emission import N_COLUMNS
from acoustic.evidence import (
    AROUND,
    CONTEXT_NAMES,
    EVIDENCE_NAMES,
    MISSING,
    MOST_DOUBTFUL,
    HeardRun,
    RunEvidence,
    RunFrames,
    SessionMemory,
    compare,
)
from acoustic.features.layout import feature_names

NAMES = feature_names(FeatureOptions())
BANDS = len(FeatureOptions().band_edges_hz) - 1
# Level in dBFS of every band, and what the emission thinks, by letter: background, fill, hold, release.
LEVELS = {"B": -80.0, "F": -40.0, "H": -50.0, "R": -45.0}
CLASSES = "BFHR"


def painted(picture, frames=100):
    """Evidence of one letter a second."""
    evidence = RunEvidence(FeatureOptions(), NAMES)
    rng = np.random.default_rng(0)
    for letter in picture:
        levels = LEVELS[letter] + rng.normal(0, 0.5, (frames, BANDS + 1))
        log_likelihood = np.full((frames, N_COLUMNS), -2.0)
        log_likelihood[:, CLASSES.index(letter)] = 0.0
        features = np.zeros((frames, len(NAMES)), np.float32)
        evidence.push(features, levels.astype(np.float32), log_likelihood)
    return evidence


def value(measures, name):
    return measures.vector[EVIDENCE_NAMES.index(name)]


def test_a_complete_cycle_is_measured():
    measures = painted("BBFFFFHHHRRBB").measure(RunFrames(200, 900, 900, 1100, pressure=605))
    assert measures.hold == pytest.approx(600, abs=2)
    assert measures.quieting_db == pytest.approx(-10, abs=0.5)
    assert np.exp(value(measures, "log_fill_s")) == pytest.approx(4, abs=0.05)
    assert np.exp(value(measures, "log_hold_s")) == pytest.approx(3, abs=0.05)
    assert np.exp(value(measures, "log_release_s")) == pytest.approx(2, abs=0.05)
    assert value(measures, "over 200-300Hz") == pytest.approx(40, abs=1)
    assert value(measures, "rise high") == pytest.approx(5, abs=1)
    assert value(measures, "change high") == pytest.approx(-10, abs=1)
    assert value(measures, "complete_evidence") == -2


def test_a_run_without_hold_has_none():
    measures = painted("BBFFFFFFFBBB").measure(RunFrames(200, 900, None, 1100))
    assert measures.hold is None
    assert value(measures, "split_gain") == 0
    assert value(measures, "released") == 0
    assert value(measures, "complete_evidence") == -7


def test_a_run_that_follows_at_once_has_had_no_rest():
    evidence = painted("BBFFFFHHHRRBB")
    rests = {
        last: value(evidence.measure(RunFrames(200, 900, 900, 1100, last_end=last)), "log_rest_s") for last in (200, 50)
    }
    assert np.exp(rests[200]) == pytest.approx(0.05)
    assert np.exp(rests[50]) == pytest.approx(1.5)
    # A session's first run follows none.
    assert value(evidence.measure(RunFrames(200, 900, 900, 1100)), "log_rest_s") > rests[50]


def test_what_the_other_judges_made_of_a_run_is_passed_on():
    asked = painted("BBFFFFHHHRRBB").measure(RunFrames(200, 900, 900, 1100, pump_odds=1.5, whoosh_odds=2.5))
    assert (value(asked, "pump_odds"), value(asked, "whoosh_odds")) == (1.5, 2.5)
    not_asked = painted("BBFFFFHHHRRBB").measure(RunFrames(200, 900, 900, 1100))
    assert (value(not_asked, "pump_odds"), value(not_asked, "whoosh_odds")) == (MISSING, MISSING)


def test_what_lies_too_far_back_is_not_invented():
    evidence = painted("B" + "F" * 120 + "B" * 3)
    measures = evidence.measure(RunFrames(100, 12_100, None, 12_300))
    assert np.isfinite(measures.vector).all()


def test_what_grows_louder_is_told_from_what_grows_quieter():
    evidence = painted("BBFFF")
    assert evidence.louder_db(0, 200, 220) == pytest.approx(40, abs=0.5)
    assert painted("FFFHH").louder_db(0, 300, 320) == pytest.approx(-10, abs=0.5)
    # The pump's own onset is not what set in behind it.
    assert evidence.louder_db(200, 220, 240) == pytest.approx(0, abs=0.5)


def test_the_sharpest_rise_is_where_the_level_leaps():
    evidence = painted("BBFFHHRR")
    assert evidence.sharpest_rise(150, 250) == pytest.approx(200, abs=1)
    # Of two, the sharper; what grows softer is none, nor what stays as it is.
    assert evidence.sharpest_rise(150, 700) == pytest.approx(200, abs=1)
    assert evidence.sharpest_rise(300, 700) == pytest.approx(600, abs=1)
    assert evidence.sharpest_rise(300, 500) is None
    # What was not heard on both sides cannot be told.
    assert evidence.sharpest_rise(0, 5) is None
    assert evidence.sharpest_rise(795, 799) is None
    assert painted("B" + "F" * 120).sharpest_rise(50, 150) is None


def test_the_shortest_run_is_measured():
    assert np.isfinite(painted("BFB").measure(RunFrames(100, 103, 104, 105)).vector).all()


def shown(odds=0.0, run_s=8.0, pause_s=10.0, *, released=True, quieting_db=0.0, step_db=0.0, over_db=0.0):
    vector = np.zeros(len(EVIDENCE_NAMES))
    for name, level_db in (("step ", step_db), ("over ", over_db)):
        vector[[each.startswith(name) and each.endswith("Hz") for each in EVIDENCE_NAMES]] = level_db
    for name, number in (
        ("log_fill_s", np.log(run_s / 2)),
        ("log_hold_s", np.log(run_s / 2)),
        ("log_pause_s", np.log(pause_s)),
        ("released", float(released)),
        ("rise middle", quieting_db),
    ):
        vector[EVIDENCE_NAMES.index(name)] = number
    return HeardRun.of(odds, vector)


def told(context, name):
    return context[CONTEXT_NAMES.index(name)]


def test_a_run_without_others_tells_only_of_itself():
    context = compare(shown(odds=50.0, run_s=8.0, pause_s=30.0), (), ())
    assert len(context) == len(CONTEXT_NAMES)
    assert told(context, "odds") == 8.0
    assert np.exp(told(context, "log_run_s")) == pytest.approx(8)
    assert np.exp(told(context, "log_pause_s")) == pytest.approx(30)
    assert (told(context, "earlier"), told(context, "later"), told(context, "released")) == (0, 0, 1)
    assert (context[CONTEXT_NAMES.index("log_pause_after_s") :] == MISSING)[[0, 1, -1]].all()
    assert (context == MISSING).sum() == len(CONTEXT_NAMES) - 6


def test_a_run_is_compared_with_those_next_to_it():
    earlier = [shown(odds=float(k), run_s=4.0) for k in range(5)]
    later = [shown(odds=-1.0, run_s=16.0, pause_s=20.0, quieting_db=6.0), *[shown(odds=-2.0)] * 4]
    context = compare(shown(run_s=8.0, quieting_db=2.0), earlier, later)
    # The three before it have 2, 3 and 4, the three behind it -1, -2 and -2.
    assert (told(context, "earlier"), told(context, "later")) == (3, 3)
    assert told(context, "others' mean odds") == pytest.approx((2 + 3 + 4 - 1 - 2 - 2) / 6)
    assert (told(context, "others' highest odds"), told(context, "others' lowest odds")) == (4, -2)
    assert np.exp(told(context, "log_pause_after_s")) == pytest.approx(20)
    assert told(context, "log_run_s unlike others'") == pytest.approx(np.log(2) * 4 / 6)
    assert told(context, "others' rise middle") == pytest.approx(1)
    assert told(context, "rise middle unlike others'") == pytest.approx((4 + 5 * 2) / 6)
    assert np.isfinite(context).all()


def test_a_run_is_compared_with_those_without_a_release_too():
    silent = [shown(odds=float(k), run_s=4.0, released=False) for k in range(5)]
    context = compare(shown(run_s=8.0), (), (), silent, silent[:1])
    assert (told(context, "unreleased earlier"), told(context, "unreleased later")) == (3, 1)
    assert told(context, "unreleased' mean odds") == pytest.approx((2 + 3 + 4 + 0) / 4)
    assert told(context, "unreleased' highest odds") == 4
    assert told(context, "log_run_s unlike unreleased'") == pytest.approx(np.log(2))
    assert told(context, "others' mean odds") == MISSING


def test_a_run_is_compared_with_what_likely_cycles_near_it_have_in_common():
    # Two cycles, which fill for 4 s and quieten by 10 dB, and a shot, which does neither.
    cycles, shot = [shown(odds=8.0, run_s=8.0, step_db=-10.0, over_db=20.0)] * 2, shown(odds=-8.0, run_s=30.0)
    around = [*cycles, shot]
    like, half, louder = (
        compare(shown(run_s=run_s, step_db=step_db, over_db=20.0), (), (), (), (), around)
        for run_s, step_db in ((8.0, -10.0), (4.0, -5.0), (8.0, 3.0))
    )
    # The shot weighs 0.018 of a cycle.
    weight = 1.0 / (1.0 + np.exp(4.0))
    assert told(like, "likely ones") == pytest.approx(2 * (1 - weight) + weight)
    for context, progress in ((like, 1.0), (half, 0.5), (louder, -0.3)):
        assert told(context, "quieting of likely ones'") == pytest.approx(progress, abs=0.02)
    for context, unlike_db in ((like, 0.0), (half, 5.0), (louder, 13.0)):
        assert told(context, "quieting unlike likely ones'") == pytest.approx(unlike_db, abs=0.2)
        assert told(context, "hold unlike likely ones'") == pytest.approx(unlike_db, abs=0.2)
    for name in ("log_fill_s over likely ones'", "log_run_s over likely ones'"):
        assert told(like, name) == pytest.approx(0.0, abs=0.02)
        assert told(half, name) == pytest.approx(-np.log(2), abs=0.02)
    # It is told whether there are likely ones, not how many: a morning's shots are many, too.
    many = compare(shown(), (), (), (), (), cycles * 5)
    assert told(many, "likely ones") == pytest.approx(3 * (1 - weight))
    assert np.isfinite(many).all()


def test_followers_count_by_their_releases():
    kinds = [True, False, False, True, False, True, False, True]
    runs = [shown(odds=float(k), released=kind) for k, kind in enumerate(kinds)]
    memory = SessionMemory()
    for run in runs:
        memory.push(run)
    assert (memory.runs, memory.released, memory.followers(2)) == (8, 4, 3)
    assert [run.odds for run in memory.near] == [3, 5, 7]
    released, silent = ([run for run in runs if run.released is kind] for kind in (True, False))
    around = [*runs[:2], *runs[3:]]
    assert np.array_equal(
        memory.context_now(2), compare(runs[2], released[:1], released[1:], silent[:1], silent[2:], around)
    )
    ended = shown(odds=-1.0, released=False)
    memory.push(ended)
    assert np.array_equal(memory.context_now(8), compare(ended, released, (), silent, (), runs[-AROUND:]))
    for _ in range(100):
        memory.push(ended)
    assert memory.followers(7) > MOST_DOUBTFUL


def test_the_sessions_memory_looks_back_at_runs_with_those_that_followed():
    memory = SessionMemory()
    runs = [shown(odds=float(k % 7)) for k in range(30)]
    for k, run in enumerate(runs):
        assert memory.runs == k
        memory.push(run)
        for back in range(max(k + 1 - MOST_DOUBTFUL, 0), k + 1):
            before, behind = runs[:back], runs[back + 1 : k + 1]
            around = [*before[-AROUND:], *behind[:AROUND]]
            assert np.array_equal(memory.context_now(back), compare(runs[back], before, behind, (), (), around))
    memory.reset()
    assert memory.runs == 0
    memory.push(runs[0])
    assert np.array_equal(memory.context_now(0), compare(runs[0], (), ()))


def test_two_parts_are_remembered_as_one_run():
    memory = SessionMemory()
    runs = [shown(odds=float(k), released=k != 2) for k in range(4)]
    for run in runs:
        memory.push(run)
    whole = shown(odds=9.0, released=False)
    memory.join(whole, 2)
    assert (memory.runs, memory.released, memory.followers(0)) == (3, 2, 1)
    assert np.array_equal(memory.context_now(2), compare(whole, runs[:2], (), (), (), runs[:2]))
