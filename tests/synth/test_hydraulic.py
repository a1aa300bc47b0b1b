"""Sessions from equations of pressure and flow: truth that agrees with the sound, and water that behaves."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from itertools import islice, pairwise

import numpy as np
import pytest
import soundfile

from acoustic.errors import AudioFileError
from acoustic.synth.hydraulic import CONDITIONS, SCENARIOS, session
from acoustic.synth.hydraulic.machine import draw_machine
from acoustic.synth.hydraulic.release import whoosh
from acoustic.synth.hydraulic.surroundings import bed
from acoustic.synth.hydraulic.water import Blind, OpenGroup, Puck, fill_blind, flow

RATE_HZ = 16_000
# One that is quickly made of each.
INDEX = {"cleaning": 0, "early_stops": 2, "shots": 4, "leak": 4, "stuck_shut": 0, "idle": 0}


@cache
def made(scenario):
    return session("home", scenario, INDEX[scenario])


def machines(pump, count=2):
    drawn = (draw_machine(np.random.default_rng(seed)) for seed in range(100))
    return list(islice((machine for machine in drawn if machine.pump == pump), count))


def level_db(samples, first_s, last_s):
    part = samples[int(first_s * RATE_HZ) : int(last_s * RATE_HZ)]
    return 10 * np.log10(np.mean(np.square(part, dtype=float)) + 1e-12)


def tone_db(samples, hz):
    """Level of a tone beside what lies up to 200 Hz around it."""
    spectrum = np.abs(np.fft.rfft(samples[: 8 * RATE_HZ] * np.hanning(8 * RATE_HZ)))
    around = spectrum[8 * (hz - 200) : 8 * (hz + 200)]
    return 20 * np.log10(spectrum[8 * hz - 2 : 8 * hz + 3].max() / np.median(around))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_samples_are_within_full_scale_and_times_in_order(scenario):
    what = made(scenario)
    assert what.samples.dtype == np.float32
    assert np.isfinite(what.samples).all()
    assert 0.003 < np.abs(what.samples).max() <= 1.0
    assert 40 <= what.duration_s <= 150
    assert (len(what.runs) == 0) == (scenario == "idle") == (what.machine == "none")
    ends = [0.0]
    for run in what.runs:
        times = [
            run.pump_on_s,
            run.quieting_50_s,
            run.quieting_80_s,
            run.quieting_100_s,
            run.pump_off_s,
            run.vent_s,
            run.release_end_s,
        ]
        times = [time_s for time_s in times if time_s is not None]
        assert np.isfinite(times).all()
        assert all(first < second for first, second in pairwise([ends[-1], *times]))
        assert all(value is None or np.isfinite(value) for value in _numbers(run))
        ends.append(times[-1])
    assert ends[-1] < what.duration_s


def _numbers(run):
    return [getattr(run, field.name) for field in fields(run) if field.name not in ("kind", "marginal")]


def test_runs_are_what_the_scenario_says():
    cleaning, early = made("cleaning").runs, made("early_stops").runs
    assert sum(run.complete for run in cleaning) >= 5
    assert 0 < sum(run.complete for run in early) < len(early)
    stopped = "the pump stopped before the pressure was up"
    assert {run.reason for run in early if not run.complete} == {stopped}
    assert {run.kind for run in made("shots").runs} == {"shot", "flush"}
    assert {run.reason for run in made("leak").runs} == {stopped}
    assert all(run.quieting_50_s is None for run in made("leak").runs)
    assert {run.reason for run in made("stuck_shut").runs} == {"the pressure was not released"}


def test_same_arguments_make_the_same_session_and_another_index_another_one():
    once, again = made("idle"), session("home", "idle", INDEX["idle"])
    np.testing.assert_array_equal(once.samples, again.samples)
    assert once.runs == again.runs
    other = session("home", "idle", INDEX["idle"] + 2)
    count = min(len(once.samples), len(other.samples))
    assert abs(np.corrcoef(once.samples[:count], other.samples[:count])[0, 1]) < 0.2


@pytest.mark.parametrize("scenario", ["cleaning", "stuck_shut", "leak"])
def test_the_pump_is_heard_at_home(scenario):
    what = made(scenario)
    first = what.runs[0]
    # Medians over short frames, since the switch and the handle are loud, too.
    before_db, after_db = (
        np.median([level_db(what.samples, start_s + 0.05 * k, start_s + 0.05 * k + 0.05) for k in range(20)])
        for start_s in (first.pump_on_s - 1.4, first.pump_on_s + 0.3)
    )
    assert after_db > before_db + 10


def test_the_whoosh_is_where_the_truth_has_it():
    what = made("cleaning")
    released = [run for run in what.runs if run.complete]
    steps_db = [
        level_db(what.samples, run.vent_s, run.vent_s + 0.1) - level_db(what.samples, run.vent_s - 0.05, run.vent_s)
        for run in released
        if run.vent_s - run.pump_off_s > 0.1
    ]
    assert len(steps_db) >= 3
    assert np.median(steps_db) > 6


def test_a_recording_is_mixed_in(tmp_path):
    path = tmp_path / "tone.wav"
    # At another rate than the session's.
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 1000 * np.arange(24_000) / 8000), 8000)
    plain, mixed = made("idle"), session("home", "idle", INDEX["idle"], (path,))
    assert len(plain.samples) == len(mixed.samples)
    assert tone_db(plain.samples, 1000) < 20
    assert tone_db(mixed.samples, 1000) > 30


def test_what_is_no_recording_is_told(tmp_path):
    path = tmp_path / "notes.wav"
    path.write_text("no sound")
    with pytest.raises(AudioFileError, match=r"notes\.wav: cannot be read as audio"):
        bed(np.random.default_rng(0), "home", RATE_HZ, 50.0, [path])


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_bed_has_the_same_level(condition):
    sound = bed(np.random.default_rng(1), condition, 2 * RATE_HZ, 50.0, ())
    assert level_db(sound, 0, 2) == pytest.approx(0, abs=0.1)


def test_unknown_names_are_told():
    with pytest.raises(ValueError, match="condition 'garden' is unknown; one of home, kitchen, hard, cafe is wanted"):
        session("garden", "cleaning", 0)
    with pytest.raises(ValueError, match="scenario 'nap' is unknown"):
        session("home", "nap", 0)


@pytest.mark.parametrize("pump", ["vib", "rotary", "gear"])
def test_pressure_comes_when_the_blind_basket_is_full(pump):
    for machine in machines(pump):
        water_ml = 3 * machine.water.free_ml_s
        curves = flow(machine, 15, Blind(water_ml, 8))
        delivered_ml = np.cumsum(curves.ml_s + (curves.relief_ml_s if pump == "rotary" else 0)) / 250
        # Before that, nothing but what the flow itself costs.
        assert curves.bar[delivered_ml < water_ml].max() < 6
        assert curves.bar[-1] > 6
        # What a gear pump's motor makes of it may swing; the others have come to rest.
        if pump != "gear":
            assert curves.bar[-1] == pytest.approx(curves.bar[-250], abs=0.2)


def test_a_valve_keeps_the_pressure_and_a_leak_lets_none_come():
    machine = next(each for each in machines("vib", 6) if each.relief is not None and each.water.skips_bar is None)
    load = Blind(20, 8)
    limited, unlimited = flow(machine, 15, load), flow(replace(machine, relief=None), 15, load)
    assert limited.bar[-1] < unlimited.bar[-1]
    assert unlimited.bar[-1] == pytest.approx(machine.water.stall_bar, rel=0.05)
    assert flow(machine, 15, load._replace(leak=2 * machine.water.free_ml_s)).bar[-1] < 2
    assert flow(machine, 15, OpenGroup(0.5)).bar[-1] < flow(machine, 15, Puck(20, 20, 3, 4, 0.01)).bar[-1]


def test_the_fill_takes_as_long_as_was_asked_for():
    rng = np.random.default_rng(3)
    for machine in machines("vib"):
        for fill_s in (4.0, 8.0):
            quieting = fill_blind(machine, rng, fill_s, 2.0).quieting
            assert quieting.begun_s == pytest.approx(fill_s, rel=0.3)
            assert quieting.begun_s < quieting.most_s < quieting.complete_s


def test_more_pressure_makes_a_louder_whoosh():
    valve = machines("vib", 1)[0].valve
    low, high = (whoosh(valve, np.random.default_rng(0), bar) for bar in (1.0, 9.0))
    # Eleven times, but for what differs from one to the next.
    assert high.level > 6 * low.level
    assert 0 < high.end_s < len(high.sound) / RATE_HZ
