"""A run painted frame by frame: what is measured must be what was painted."""

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.emission import N_COLUMNS
from acoustic.evidence import EVIDENCE_NAMES, RunEvidence, RunFrames, SessionMemory, followed
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


def test_what_lies_too_far_back_is_not_invented():
    evidence = painted("B" + "F" * 120 + "B" * 3)
    measures = evidence.measure(RunFrames(100, 12_100, None, 12_300))
    assert np.isfinite(measures.vector).all()


def test_the_shortest_run_is_measured():
    assert np.isfinite(painted("BFB").measure(RunFrames(100, 103, 104, 105)).vector).all()


def test_the_memory_is_slow_to_believe_and_never_sure():
    memory = SessionMemory()
    assert memory.odds == 0
    memory.push(50.0)
    assert memory.odds == 1.5
    for _ in range(100):
        memory.push(50.0)
    assert 2.9 < memory.odds < 3
    memory.reset()
    assert memory.odds == 0


def test_runs_that_followed_change_what_a_first_run_shows():
    measures = painted("BBFFFFHHHRRBB").measure(RunFrames(200, 900, 900, 1100, pressure=605))
    assert np.exp(value(measures, "log_pause_s")) == pytest.approx(120)
    changed = followed(measures.vector, 12.0, 2)
    pause, earlier = (EVIDENCE_NAMES.index(name) for name in ("log_pause_s", "earlier_runs"))
    assert (np.exp(changed[pause]), changed[earlier]) == (pytest.approx(12), 2)
    others = np.delete(np.arange(len(changed)), [pause, earlier])
    assert np.array_equal(changed[others], measures.vector[others])


def test_the_sessions_memory_can_leave_a_run_out():
    memory = SessionMemory()
    for odds in (-1.0, 2.0, 9.0):
        memory.push(odds)
    assert memory.odds == pytest.approx((-1 + 2 + 3) / 4)
    assert memory.odds_without(9.0) == pytest.approx((-1 + 2) / 3)
    assert memory.odds_without(-1.0) == pytest.approx((2 + 3) / 3)
