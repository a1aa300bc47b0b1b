"""What is measured of what may be a pump."""

import numpy as np
import pytest

from acoustic.config import FeatureOptions
from acoustic.decoder import PossiblePump, SoundClass, State
from acoustic.emission import N_COLUMNS
from acoustic.evidence import FRAMES, MISSING, RunEvidence
from acoustic.pump import PUMP_NAMES, PastRun, PumpEar, PumpMemory
from tests.frames import BANDS, NAMES, evidence_of

ON, NOW = 400, 600
ROOM, PUMP = -80.0, -50.0


def heard(before=0, until=NOW + 1, louder=None):
    """Evidence of a room and a pump in it, behind so many frames of something else."""
    levels = np.full((until, BANDS + 1), ROOM, np.float32)
    levels[ON:] = PUMP if louder is None else ROOM + louder
    likelihoods = np.full((until, N_COLUMNS), -3.0)
    likelihoods[:ON, SoundClass.BACKGROUND] = 0.0
    likelihoods[ON:, SoundClass.FILL] = 1.0
    return evidence_of(levels, likelihoods, before, np.random.default_rng(0))


def possible(before=0):
    belief = np.zeros(len(State))
    belief[State.FILL], belief[State.HOLD] = 0.9, 0.08
    return PossiblePump(ON + before, NOW + before, belief)


def measured(vector):
    return dict(zip(PUMP_NAMES, vector, strict=True))


def test_it_measures_what_its_names_say():
    found = measured(PumpEar(heard()).measure(possible(), PumpMemory(), 2))
    assert found["log_frames"] == pytest.approx(np.log(NOW + 1 - ON))
    assert (found["fill_belief"], found["hold_belief"], found["cycles"]) == (0.9, 0.08, 2.0)
    assert found["fill_odds all"] == found["fill_odds least"] == pytest.approx(4.0)
    assert found["fill_odds share"] == 1.0
    assert found["hold_odds all"] == pytest.approx(0.0)
    assert found["pump_odds low"] == pytest.approx(4.0)
    assert found["before fill_odds all"] == pytest.approx(-3.0)
    for group in ("low", "middle", "high", "all"):
        assert found[f"now-before {group}"] == pytest.approx(PUMP - ROOM, abs=0.1)
        assert found[f"onset {group}"] == pytest.approx(PUMP - ROOM, abs=0.1)
        assert found[f"drift {group}"] == pytest.approx(0.0, abs=0.1)
        assert found[f"before-usual {group}"] == pytest.approx(0.0, abs=0.1)
    assert found["now-before 60-100Hz"] == pytest.approx(PUMP - ROOM, abs=0.1)
    assert found["now shape 60-100Hz"] == pytest.approx(0.0, abs=0.1)
    assert found["earlier released"] == found["earlier unreleased"] == 0.0
    assert found["unlike released"] == found["log_pause_frames"] == MISSING


def test_a_room_that_becomes_louder_all_over_is_told_from_a_sound_in_it():
    evenly = measured(PumpEar(heard(louder=10.0)).measure(possible(), PumpMemory(), 0))
    low = np.where(np.arange(BANDS + 1) < 6, 20.0, 0.0).astype(np.float32)
    unevenly = measured(PumpEar(heard(louder=low)).measure(possible(), PumpMemory(), 0))
    assert evenly["now-before unevenness"] < 0.1
    assert unevenly["now-before unevenness"] > 8.0


def test_of_the_session_it_knows_how_the_last_runs_sounded():
    memory = PumpMemory()
    like, unlike = np.full(BANDS, PUMP), np.linspace(-90.0, -30.0, BANDS)
    memory.push(PastRun(like, 100, 200, released=False, complete=0.1))
    memory.push(PastRun(unlike, 300, 250, released=True, complete=0.8))
    found = measured(PumpEar(heard()).measure(possible(), memory, 1))
    assert (found["earlier released"], found["earlier unreleased"]) == (1.0, 1.0)
    assert found["unlike unreleased"] == pytest.approx(0.0, abs=0.1)
    assert found["unlike released"] == pytest.approx(np.abs(unlike - PUMP).mean(), abs=0.1)
    assert found["shaped unlike released"] == pytest.approx(np.abs(unlike - unlike.mean()).mean(), abs=0.1)
    assert found["earlier complete"] == 0.8
    assert found["log_pause_frames"] == pytest.approx(np.log(ON - 300))
    assert found["last log_frames"] == pytest.approx(np.log(250))


@pytest.mark.parametrize("before", [FRAMES - NOW - 100, FRAMES - NOW, FRAMES - 300, 2 * FRAMES])
def test_it_is_the_same_wherever_the_ring_begins_again(before):
    plain = PumpEar(heard()).measure(possible(), PumpMemory(), 0)
    turned = PumpEar(heard(before)).measure(possible(before), PumpMemory(), 0)
    assert np.allclose(plain, turned)


def test_what_comes_behind_the_frame_makes_no_difference():
    short, long = (heard(until=NOW + 1 + more) for more in (0, 30))
    long._rows[: NOW + 1] = short._rows[: NOW + 1]
    assert np.array_equal(
        PumpEar(short).measure(possible(), PumpMemory(), 0), PumpEar(long).measure(possible(), PumpMemory(), 0)
    )


def test_a_pump_that_runs_from_the_first_frame_on_is_measured_too():
    evidence = RunEvidence(FeatureOptions(), NAMES)
    n = 4
    evidence.push(
        np.zeros((n, len(NAMES)), np.float32), np.full((n, BANDS + 1), -60.0, np.float32), np.zeros((n, N_COLUMNS))
    )
    pump = PossiblePump(0, n - 1, np.full(len(State), 1.0 / len(State)))
    assert np.isfinite(PumpEar(evidence).measure(pump, PumpMemory(), 0)).all()


def test_no_two_measures_have_one_name():
    assert len(set(PUMP_NAMES)) == len(PUMP_NAMES)
