"""The second way to make sessions: what it says of a session is what is heard in it."""

from __future__ import annotations

import functools
from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustic.errors import AudioFileError
from acoustic.synth import Run
from acoustic.synth.made import Session
from acoustic.synth.sculpted import CONDITIONS, SCENARIOS, session

RATE_HZ = 16_000
# Short sessions, in all conditions.
SHORT = (
    ("home", "cleaning", 16),
    ("home", "early_stops", 32),
    ("cafe", "shots", 0),
    ("kitchen", "leak", 54),
    ("cafe", "stuck_shut", 51),
    ("hard", "idle", 4),
)
# Of the first of them.
STARTS_S = [6.42, 16.648, 23.058, 37.674, 47.909, 57.467, 71.215]
LEVELS_DB = [-26.62, -28.17, -28.11, -28.51, -28.07, -27.83, -28.68]

made = functools.cache(session)


def of_scenario(scenario: str) -> Session:
    return made(*next(each for each in SHORT if each[1] == scenario))


def level_db(samples: np.ndarray, start_s: float, stop_s: float) -> float:
    """Median over 50 ms, which a knock does not move."""
    stretch = samples[int(start_s * RATE_HZ) : int(stop_s * RATE_HZ)].astype(float)
    frames = stretch[: len(stretch) // 800 * 800].reshape(-1, 800)
    return float(np.median(10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-12)))


def spectrum_db(samples: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """Levels of octaves from 125 Hz to 8 kHz."""
    stretch = samples[int(start_s * RATE_HZ) : int(stop_s * RATE_HZ)].astype(float)
    power = np.abs(np.fft.rfft(stretch * np.hanning(len(stretch)))) ** 2
    hz = np.fft.rfftfreq(len(stretch), 1 / RATE_HZ)
    edges = 125 * 2.0 ** np.arange(7)
    return np.array([10 * np.log10(power[(hz >= edge) & (hz < 2 * edge)].mean()) for edge in edges[:-1]])


def times(run: Run) -> list[float]:
    """In the order in which they must come."""
    order = (
        run.pump_on_s,
        run.quieting_50_s,
        run.quieting_80_s,
        run.quieting_100_s,
        run.pump_off_s,
        run.vent_s,
        run.release_end_s,
    )
    return [each for each in order if each is not None]


def test_the_short_sessions_are_of_all_conditions_and_scenarios() -> None:
    assert {each[0] for each in SHORT} == set(CONDITIONS)
    assert {each[1] for each in SHORT} == set(SCENARIOS)


def test_the_same_arguments_make_the_same_session_and_others_do_not() -> None:
    first, again = of_scenario("leak"), session("kitchen", "leak", 54)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert first.runs == again.runs
    assert first.machine == again.machine
    assert session("hard", "idle", 17).duration_s != of_scenario("idle").duration_s


def test_sessions_stay_what_something_was_trained_on() -> None:
    cleaning = of_scenario("cleaning")
    assert cleaning.machine == "vib50-midhole-fast"
    starts_s = [run.pump_on_s for run in cleaning.runs]
    assert starts_s == pytest.approx(STARTS_S, abs=0.002)
    levels_db = [level_db(cleaning.samples, run.pump_on_s + 0.3, run.pump_on_s + 2) for run in cleaning.runs]
    assert levels_db == pytest.approx(LEVELS_DB, abs=0.05)


@pytest.mark.parametrize(("condition", "scenario", "index"), SHORT)
def test_samples_are_sound(condition: str, scenario: str, index: int) -> None:
    one = made(condition, scenario, index)
    assert one.samples.dtype == np.float32
    assert one.samples.ndim == 1
    assert 40.0 <= one.duration_s <= 150.0
    assert one.duration_s == len(one.samples) / RATE_HZ
    assert np.abs(one.samples).max() <= 1.0
    assert np.sqrt(np.mean(np.square(one.samples))) > 1e-4


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_runs_come_in_order_and_so_do_their_times(scenario: str) -> None:
    one = of_scenario(scenario)
    assert bool(one.runs) == (scenario != "idle")
    before_s = 0.0
    for run in one.runs:
        assert before_s < run.pump_on_s
        assert all(np.isfinite(each) for each in astuple(run) if isinstance(each, float))
        assert times(run) == sorted(times(run))
        assert times(run)[-1] <= one.duration_s
        assert run.pump_off_s is not None
        assert run.vent_s is None or 0.0 <= run.vent_s - run.pump_off_s <= 2.001
        before_s = run.pump_off_s


def test_each_scenario_is_what_it_is_called() -> None:
    reasons = {scenario: {run.reason for run in of_scenario(scenario).runs} for scenario in SCENARIOS}
    assert None in reasons["cleaning"]
    assert "the pump stopped before the pressure was up" in reasons["early_stops"]
    assert "no backflush, but a shot" in reasons["shots"]
    assert reasons["leak"] == {"no backflush, but a flush"}
    assert reasons["stuck_shut"] <= {"the pressure was not released", "no backflush, but a flush"}
    assert "the pressure was not released" in reasons["stuck_shut"]
    assert of_scenario("idle").machine == "none"


def test_complete_cycles_are_held_and_what_is_none_has_no_pressure() -> None:
    for run in (run for scenario in SCENARIOS for run in of_scenario(scenario).runs):
        if run.kind == "backflush" and run.pump_off_share > 0.9:
            assert run.pump_off_s - run.quieting_100_s > 0.9
        else:
            assert run.quieting_80_s is None
            assert run.pressure_up_s is None


@pytest.mark.parametrize("scenario", ["cleaning", "early_stops"])
def test_the_pump_is_audible_at_home(scenario: str) -> None:
    one = of_scenario(scenario)
    before_s = 0.3
    for run in one.runs:
        start_s = max(before_s, run.pump_on_s - 2.5)
        if run.pump_on_s - start_s > 0.5:
            stop_s = run.pump_off_s if run.quieting_50_s is None else run.quieting_50_s
            fill_db = level_db(one.samples, run.pump_on_s + 0.2, min(stop_s, run.pump_on_s + 3.0))
            assert fill_db - level_db(one.samples, start_s, run.pump_on_s - 0.1) > 10.0
        before_s = (run.release_end_s or run.pump_off_s) + 0.6


def test_some_octave_quietens_at_home() -> None:
    one = of_scenario("cleaning")
    for run in (run for run in one.runs if run.complete):
        fill_db = spectrum_db(one.samples, run.quieting_50_s - 1.6, run.quieting_50_s - 0.5)
        hold_db = spectrum_db(one.samples, run.quieting_100_s + 0.05, run.pump_off_s - 0.3)
        assert (fill_db - hold_db).max() > 3.0


def peak_over_neighbours_db(samples: np.ndarray, hz: float) -> float:
    power = np.abs(np.fft.rfft(samples.astype(float) * np.hanning(len(samples)))) ** 2
    bins_hz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    near, at = np.abs(bins_hz - hz) < 100, np.abs(bins_hz - hz) < 5
    return float(10 * np.log10(power[at].max() / np.median(power[near & ~at])))


def test_a_background_is_mixed_in(tmp_path: Path) -> None:
    # Stereo, at another rate, and too short, so that it has to go round.
    t = np.arange(22_050 * 7) / 22_050
    tone = 0.1 * np.sin(2 * np.pi * 1234.0 * t)
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, 0.5 * tone], axis=1), 22_050)
    with_tone = session("hard", "idle", 4, (str(tmp_path / "tone.wav"),))
    assert len(with_tone.samples) == len(of_scenario("idle").samples)
    assert peak_over_neighbours_db(with_tone.samples, 1234.0) > 40.0
    assert peak_over_neighbours_db(of_scenario("idle").samples, 1234.0) < 30.0


def test_a_background_that_is_no_audio_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_text("no audio")
    with pytest.raises(AudioFileError, match=r"broken\.wav"):
        session("hard", "idle", 4, (str(tmp_path / "broken.wav"),))


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="'garden' is unknown; one of home, kitchen, hard, cafe"):
        session("garden", "cleaning", 0)
    with pytest.raises(ValueError, match="'party' is unknown; one of cleaning, early_stops"):
        session("home", "party", 0)
