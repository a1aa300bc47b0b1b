"""What is measured of what may be the beginning of a hold."""

import numpy as np
import pytest

from acoustic.adaptation import MachineMemory, Plateaus, PressureTimes
from acoustic.config import AdaptationOptions, FeatureOptions
from acoustic.decoder import PossiblePressure, SoundClass, State
from acoustic.emission import N_COLUMNS
from acoustic.evidence import FRAMES, MISSING, TRACES, RunEvidence
from acoustic.quieting import QUIETING_NAMES, QuietingEar
from tests.frames import BANDS, NAMES, evidence_of

HOP_S = 0.01
ON, HOLD, NOW = 200, 700, 760
ROOM, FILL, QUIET = -80.0, -50.0, -62.0


def heard(before=0, until=NOW + 1):
    """Evidence of a room, a fill and a hold in it, behind so many frames of something else."""
    levels = np.full((until, BANDS + 1), ROOM, np.float32)
    levels[ON:], levels[HOLD:] = FILL, QUIET
    likelihoods = np.full((until, N_COLUMNS), -3.0)
    likelihoods[:ON, SoundClass.BACKGROUND] = 0.0
    likelihoods[ON:HOLD, SoundClass.FILL] = 1.0
    likelihoods[HOLD:, SoundClass.HOLD] = 2.0
    return evidence_of(levels, likelihoods, before, np.random.default_rng(0))


def possible(before=0):
    belief = np.zeros(len(State))
    belief[State.FILL], belief[State.HOLD] = 0.3, 0.7
    return PossiblePressure(ON + before, HOLD + before, NOW + before, belief)


def measure(evidence, moment, machine=None, times=None, cycles=0):
    options = AdaptationOptions()
    known = machine or MachineMemory(options), times or PressureTimes(options)
    return QuietingEar(evidence).measure(moment, *known, HOP_S, cycles)


def measured(*args, **more):
    return dict(zip(QUIETING_NAMES, measure(*args, **more), strict=True))


def test_it_measures_what_its_names_say():
    found = measured(heard(), possible(), cycles=2)
    assert found["log_run_frames"] == pytest.approx(np.log(NOW + 1 - ON))
    assert found["log_hold_frames"] == pytest.approx(np.log(NOW + 1 - HOLD))
    assert (found["fill_belief"], found["hold_belief"], found["cycles"]) == (0.3, 0.7, 2.0)
    assert found["hold-fill_odds 3"] == found["hold-fill_odds most"] == pytest.approx(5.0)
    assert found["hold-fill_odds least"] == pytest.approx(-4.0)
    assert found["hold-fill_odds sum"] == pytest.approx(5.0 * (NOW + 1 - HOLD))
    for group in ("low", "middle", "high", "all"):
        assert found[f"now-fill {group}"] == pytest.approx(QUIET - FILL, abs=0.1)
        assert found[f"now-most {group}"] == pytest.approx(QUIET - FILL, abs=0.1)
        assert found[f"now-least {group}"] == pytest.approx(0.0, abs=0.1)
        assert found[f"slope {group}"] == pytest.approx(0.0, abs=0.1)
        assert found[f"fill-before {group}"] == pytest.approx(FILL - ROOM, abs=0.1)
        assert found[f"now-before {group}"] == pytest.approx(QUIET - ROOM, abs=0.1)
    assert found["now-fill 60-100Hz"] == pytest.approx(QUIET - FILL, abs=0.1)
    assert found["fill level"] == pytest.approx(FILL, abs=0.1)
    assert found["machine_known"] == found["fill_as_known"] == 0.0
    assert found["progress"] == found["mismatch_hold"] == MISSING
    assert found["pressure_due"] == 0.5


def test_it_knows_how_far_this_machine_has_come_on_its_way():
    machine = MachineMemory(AdaptationOptions())
    machine.learn(1, Plateaus(np.full(BANDS, FILL), np.full(BANDS, QUIET), np.ones(BANDS)))
    found = measured(heard(), possible(), machine)
    assert found["machine_known"] == 1.0
    assert found["progress"] == pytest.approx(1.0, abs=0.02)
    assert found["mismatch_fill"] == pytest.approx(0.0, abs=0.1)
    assert found["mismatch_hold"] == pytest.approx(0.0, abs=0.1)
    further = MachineMemory(AdaptationOptions())
    further.learn(1, Plateaus(np.full(BANDS, FILL), np.full(BANDS, QUIET - 12.0), np.ones(BANDS)))
    assert measured(heard(), possible(), further)["progress"] == pytest.approx(0.5, abs=0.02)


def test_it_knows_when_pressure_is_due():
    times = PressureTimes(AdaptationOptions())
    odds = -0.5 * ((np.arange(1000) - (HOLD - ON)) / 20.0) ** 2
    times.learn(1, odds, HOP_S, 1.0, first=False)
    found = measured(heard(), possible(), times=times)
    assert found["fill_as_known"] > 1.0
    assert 0.5 < found["pressure_due"] < 1.0


@pytest.mark.parametrize("before", [FRAMES - NOW - 100, FRAMES - NOW, FRAMES - 300, 2 * FRAMES])
def test_it_is_the_same_wherever_the_ring_begins_again(before):
    assert np.allclose(measure(heard(), possible()), measure(heard(before), possible(before)))


def test_what_comes_behind_the_frame_makes_no_difference():
    short, long = (heard(until=NOW + 1 + more) for more in (0, 30))
    long._rows[: NOW + 1] = short._rows[: NOW + 1]
    assert np.array_equal(measure(short, possible()), measure(long, possible()))


@pytest.mark.parametrize(("on", "hold", "now"), [(0, 0, 0), (0, 3, 3), (0, 1, 15), (2, 2, 25)])
def test_a_run_that_has_hardly_begun_is_measured_too(on, hold, now):
    evidence = RunEvidence(FeatureOptions(), NAMES)
    n = now + 1
    evidence.push(
        np.zeros((n, len(NAMES)), np.float32), np.full((n, BANDS + 1), -60.0, np.float32), np.zeros((n, N_COLUMNS))
    )
    moment = PossiblePressure(on, hold, now, np.full(len(State), 1.0 / len(State)))
    assert np.isfinite(measure(evidence, moment)).all()


def test_a_run_longer_than_what_is_remembered_is_measured_too():
    moment = PossiblePressure(0, HOLD, NOW + FRAMES, np.full(len(State), 1.0 / len(State)))
    assert np.isfinite(measure(heard(FRAMES), moment)).all()


def told_slowly(evidence, moment, machine):
    """What numpy makes of the same frames, name by name."""
    on, now = moment.on, moment.now
    hold = min(max(moment.hold, on + 20), now)
    rows, likelihoods = evidence.rows(max(on, now - 999), now + 1)
    n = len(rows)
    held = min(max(hold - (now + 1 - n), 0), n - 1)
    fill_to = max(held - 10, min(20, n - 1), 1)
    fill = rows[min(10, fill_to - 1) : fill_to][-300:]
    before = evidence.rows(on - 100, on - 4)[0].mean(axis=0)
    level, now_5, now_20 = fill.mean(axis=0), rows[-5:].mean(axis=0), rows[-20:].mean(axis=0)
    blocks = rows[n % 10 :].reshape(-1, 10, rows.shape[1]).mean(axis=1) if n >= 10 else now_5[None]
    compared = {
        "now-fill": now_20 - level,
        "now-late": now_5 - fill[-50:].mean(axis=0),
        "now-run": now_5 - rows.mean(axis=0),
        "now-least": now_5 - blocks.min(axis=0),
        "now-most": now_5 - blocks.max(axis=0),
        "slope": now_5 - (rows[-15:-5] if n > 15 else rows).mean(axis=0),
        "slower slope": now_20 - (rows[-60:-20] if n > 60 else rows).mean(axis=0),
        "late-fill": fill[-50:].mean(axis=0) - level,
        "fill-before": level - before,
        "now-before": now_20 - before,
        "spread": rows[-20:].std(axis=0),
        "fill spread": fill.std(axis=0),
        "stands out": (now_20 - level) / (fill.std(axis=0) + 1.0),
    }
    found = {}
    for what, of_bands in compared.items():
        grouped = of_bands[:BANDS] @ evidence.groups
        found |= {f"{what} {group}": grouped[k] for k, group in enumerate(("low", "middle", "high", "all"))}
    for k in range(BANDS):
        band = QUIETING_NAMES[QUIETING_NAMES.index("now-fill 60-100Hz") + k].removeprefix("now-fill ")
        found[f"now-fill {band}"], found[f"now-before {band}"] = (now_5 - level)[k], (now_20 - before)[k]
    for k, trace in enumerate(TRACES):
        found[f"now-fill {trace}"] = (now_5 - level)[BANDS + k]
        found[f"now {trace}"], found[f"fill {trace}"] = now_20[BANDS + k], level[BANDS + k]
    idle, filling, holding, release, shot = (likelihoods[:, k] for k in (0, 1, 2, 3, 4))
    odds = {
        "hold-fill": holding - filling,
        "hold": holding - idle,
        "fill": filling - idle,
        "shot": shot,
        "release": release - idle,
    }
    for name, each in odds.items():
        found |= {f"{name}_odds {span}": each[-span:].mean() for span in (3, 10, 25, 60)}
        found |= {f"{name}_odds hold": each[held:].mean(), f"{name}_odds run": each.mean()}
        found |= {f"{name}_odds least": each.min(), f"{name}_odds most": each.max()}
    found["hold-fill_odds sum"] = odds["hold-fill"][held:].sum()
    found["fill level"] = level[:BANDS].mean()
    found["machine_known"], found["progress"], found["slower progress"] = (
        1.0,
        *machine.progress(np.stack([now_5, now_20])[:, :BANDS]).clip(-3.0, 4.0),
    )
    found["mismatch_fill"] = np.median(np.abs(level[:BANDS] - machine.plateaus[0]))
    found["mismatch_hold"] = np.median(np.abs(now_20[:BANDS] - machine.plateaus[1]))
    return found


@pytest.mark.parametrize("length", [1, 4, 9, 10, 14, 16, 21, 35, 61, 100, 437, 999, 1000, 1500])
@pytest.mark.parametrize("ended", [1.0, 0.9, 0.4, 0.0])
def test_it_is_what_numpy_makes_of_the_same_frames(length, ended):
    rng = np.random.default_rng([length, int(10 * ended)])
    evidence = RunEvidence(FeatureOptions(), NAMES)
    frames = FRAMES + 500  # the run that was heard last lies across the place where the ring begins again
    evidence.push(
        rng.normal(size=(frames, len(NAMES))).astype(np.float32),
        rng.normal(-50.0, 8.0, (frames, BANDS + 1)).astype(np.float32),
        rng.normal(size=(frames, N_COLUMNS)),
    )
    machine = MachineMemory(AdaptationOptions())
    fill, quiet = rng.normal(-50.0, 3.0, BANDS), rng.normal(-60.0, 3.0, BANDS)
    machine.learn(1, Plateaus(fill, quiet, np.ones(BANDS)))
    now = frames - 1 - int(rng.integers(3))
    on = now + 1 - length
    moment = PossiblePressure(on, on + int(ended * (length - 1)), now, np.full(len(State), 1.0 / len(State)))
    found = dict(zip(QUIETING_NAMES, measure(evidence, moment, machine), strict=True))
    expected = told_slowly(evidence, moment, machine)
    assert set(QUIETING_NAMES) - set(expected) == {
        "log_run_frames",
        "log_hold_frames",
        *(name for name in QUIETING_NAMES if name.endswith("_belief")),
        "fill_as_known",
        "pressure_due",
        "cycles",
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-8), name


def test_no_two_measures_have_one_name():
    assert len(set(QUIETING_NAMES)) == len(QUIETING_NAMES)
