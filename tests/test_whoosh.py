"""What is measured of a whoosh as it sets in."""

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.decoder import PossibleRelease, State
from acoustic.emission import N_COLUMNS
from acoustic.evidence import COMPARED, FRAMES, MISSING, HeardRun, RunEvidence
from acoustic.whoosh import WHOOSH_NAMES, WhooshEar
from tests.frames import BANDS, NAMES, evidence_of

ON, STOP, RELEASE = 400, 1200, 1210
# Levels of room, fill, hold and whoosh, dBFS.
ROOM, FILL, HOLD, WHOOSH = -80.0, -40.0, -50.0, -30.0


def heard(rng, before=0, until=RELEASE + 8):
    """Evidence of one run, behind so many frames of something else."""
    levels = np.full((until, BANDS + 1), ROOM, np.float32)
    levels[ON:800], levels[800:STOP], levels[RELEASE:] = FILL, HOLD, WHOOSH
    likelihoods = np.full((until, N_COLUMNS), -4.0)
    likelihoods[:, 0] = -2.0
    likelihoods[RELEASE:, 3] = 0.0
    return evidence_of(levels, likelihoods, before, rng)


def onset(before=0, now=RELEASE + 7, told=("pump_on", "pressure", "pump_off")):
    belief = np.zeros(len(State))
    belief[State.RELEASE], belief[State.STOPPED] = 0.75, 0.25
    return PossibleRelease(ON + before, STOP + before, RELEASE + before, now + before, belief, frozenset(told))


def measured(vector):
    return dict(zip(WHOOSH_NAMES, vector, strict=True))


def test_it_measures_what_its_names_say():
    found = measured(WhooshEar(heard(np.random.default_rng(0))).measure(onset(), ()))
    assert found["release_belief"] == pytest.approx(np.log(3.0), abs=1e-4)
    assert found["stopped_belief"] == 0.25
    assert found["frames_since_stop"] == RELEASE + 8 - STOP
    assert found["frames_since_onset"] == 8
    assert (found["told_pressure"], found["told_stop"]) == (1.0, 1.0)
    assert found["release_odds 5"] == pytest.approx(2.0)
    assert found["release_odds most"] == pytest.approx(2.0)
    assert found["hold_odds 5"] == pytest.approx(-2.0)
    assert found["release_frames"] == 8
    for group in ("low", "middle", "high", "all"):
        assert found[f"now-hold {group}"] == pytest.approx(WHOOSH - HOLD, abs=0.1)
        assert found[f"now-before {group}"] == pytest.approx(WHOOSH - ROOM, abs=0.1)
        assert found[f"now-fill {group}"] == pytest.approx(WHOOSH - FILL, abs=0.1)
        assert found[f"least-before {group}"] == pytest.approx(0.0, abs=0.1)
    assert found["now-hold 1200-1700Hz"] == pytest.approx(WHOOSH - HOLD, abs=0.1)
    assert found["earlier"] == 0.0
    assert found["earlier release_peak"] == MISSING


def test_of_the_session_it_knows_the_last_whooshes():
    trace = np.arange(len(COMPARED), dtype=float)
    bands = np.zeros(14)
    runs = [HeardRun(1.0, True, 2.0, 1.5, 2.0, seen, bands, bands) for seen in (trace, trace + 2.0)]
    found = measured(WhooshEar(heard(np.random.default_rng(0))).measure(onset(), runs))
    assert found["earlier"] == 2.0
    assert found["earlier release_peak"] == COMPARED.index("release_peak") + 1.0


@pytest.mark.parametrize("before", [FRAMES - RELEASE - 100, FRAMES - RELEASE, FRAMES - 300, 2 * FRAMES])
def test_it_is_the_same_wherever_the_ring_begins_again(before):
    plain = WhooshEar(heard(np.random.default_rng(0))).measure(onset(), ())
    turned = WhooshEar(heard(np.random.default_rng(0), before)).measure(onset(before), ())
    assert np.allclose(plain, turned)


def test_what_comes_behind_the_frame_makes_no_difference():
    short, long = (heard(np.random.default_rng(0), until=RELEASE + 8 + more) for more in (0, 30))
    # The noise is drawn for all frames at once: the levels are made the same again.
    long._rows[: RELEASE + 8] = short._rows[: RELEASE + 8]
    assert np.array_equal(WhooshEar(short).measure(onset(), ()), WhooshEar(long).measure(onset(), ()))


def test_a_whoosh_at_the_very_beginning_of_a_stream_is_measured_too():
    evidence = RunEvidence(FeatureOptions(), NAMES)
    n = 6
    evidence.push(
        np.zeros((n, len(NAMES)), np.float32), np.full((n, BANDS + 1), -60.0, np.float32), np.zeros((n, N_COLUMNS))
    )
    possible = PossibleRelease(0, 0, 0, n - 1, np.full(len(State), 1.0 / len(State)), frozenset({"pump_on"}))
    assert np.isfinite(WhooshEar(evidence).measure(possible, ())).all()


def test_no_two_measures_have_one_name():
    assert len(set(WHOOSH_NAMES)) == len(WHOOSH_NAMES)
