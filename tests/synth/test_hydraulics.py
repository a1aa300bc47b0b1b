"""The water side against figures calculated elsewhere, and its laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.synth import Action, Hydraulics, Run, SoundLevels
from acoustic.synth.hydraulics import (
    CONTROL_HZ,
    HEAD_BAR,
    HEAD_ML_S,
    PUMP_ML_S,
    WaterSide,
    final_pressure_bar,
)
from acoustic.synth.truth import TruthRecorder

# The machine that the figures were calculated for: no losses, an OPV that holds 9 bar.
PLAIN = {"opv_bar": 9.0, "opv_ml_s_bar": 30.0, "restrictor_bar_s2_ml2": 1e-3, "seep_ml_s": 0.0}
ONE = (Action("backflush", hold_s=2.0, run_s=40.0),)


def run(actions: tuple[Action, ...] = ONE, seconds: float = 60.0, **hydraulics: Any) -> tuple[list[Run], np.ndarray]:
    water = WaterSide(Hydraulics(**(PLAIN | hydraulics)), SoundLevels(), actions, 0.5, 1)
    control, marks = water.advance(int(seconds * CONTROL_HZ))
    recorder = TruthRecorder(water.healthy_bar)
    recorder.feed(control, marks, 0)
    return list(recorder.runs()), control


def fill_s(run: Run) -> float:
    assert run.pressure_up_s is not None
    return run.pressure_up_s - run.pump_on_s


@pytest.mark.parametrize(("air_ml", "fill_ml", "low_s", "high_s"), [(30, 0, 3, 4), (40, 40, 7.5, 10), (60, 80, 13, 15)])
def test_time_to_pressure_is_as_calculated(air_ml: float, fill_ml: float, low_s: float, high_s: float) -> None:
    (only,), _ = run(air_ml=air_ml, fill_ml=fill_ml)
    assert low_s <= fill_s(only) <= high_s


@pytest.mark.parametrize(("bar", "ml_per_min"), [(0.0, 642), (9.0, 262), (12.0, 135), (15.0, 0)])
def test_pump_delivers_what_its_data_sheet_says(bar: float, ml_per_min: float) -> None:
    refill = (Action("refill", run_s=3.0, resistance=bar),)
    _, control = run(refill, 3.0)
    assert control[2500, PUMP_ML_S] * 60.0 == pytest.approx(ml_per_min, abs=15)


@pytest.mark.parametrize(("orifice_mm", "seconds"), [(2.5, 0.5), (1.5, 1.5), (1.0, 3.3)])
def test_release_decays_as_calculated(orifice_mm: float, seconds: float) -> None:
    (only,), control = run(air_ml=30.0, fill_ml=0.0, orifice_mm=orifice_mm)
    assert only.vent_s is not None
    bar = control[int(only.vent_s * CONTROL_HZ) :, HEAD_BAR]
    nine_tenths_gone = np.flatnonzero(bar < 0.9)[0] / CONTROL_HZ
    all_gone = np.flatnonzero(bar < 0.02)[0] / CONTROL_HZ
    assert nine_tenths_gone < seconds < all_gone


def test_worn_pump_takes_longer() -> None:
    (new,), _ = run(air_ml=30.0, fill_ml=30.0)
    (worn,), _ = run(air_ml=30.0, fill_ml=30.0, wear=0.6)
    assert fill_s(worn) / fill_s(new) == pytest.approx(10.3 / 6.2, rel=0.03)


def test_low_opv_quietens_earlier() -> None:
    (low,), _ = run(opv_bar=7.0)
    (high,), _ = run(opv_bar=13.0)
    assert low.quieting_80_s is not None
    assert high.quieting_80_s is not None
    assert low.quieting_80_s < high.quieting_80_s - 0.5


def test_later_cycles_are_faster() -> None:
    runs, _ = run((*ONE, Action("backflush", 8.0, hold_s=2.0)))
    assert fill_s(runs[1]) < 0.6 * fill_s(runs[0])


def test_what_flowed_in_is_there() -> None:
    hydraulics = Hydraulics(**PLAIN)
    (only,), control = run()
    on, off = int(only.pump_on_s * CONTROL_HZ), int(only.pump_off_s * CONTROL_HZ)
    bar = control[off - 1, HEAD_BAR]
    came_ml = control[on:off, HEAD_ML_S].sum() / CONTROL_HZ
    stored_ml = hydraulics.fill_ml + hydraulics.air_ml * bar / (bar + 1.0) + hydraulics.compliance_ml_bar * bar
    assert came_ml == pytest.approx(stored_ml, rel=0.01)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"leak_ml_s": 8.0}, "before the pressure was up"),
        ({"stuck_open_mm": 1.4}, "before the pressure was up"),
        ({"vents": 0.0}, "not released"),
    ],
)
def test_faults_make_no_cycle(fault: dict[str, float], reason: str) -> None:
    (only,), _ = run(**fault)
    assert not only.complete
    assert reason in str(only.reason)


def test_stuck_valve_keeps_the_pressure_in() -> None:
    (only,), control = run(vents=0.0)
    assert control[int((only.pump_off_s + 5.0) * CONTROL_HZ), HEAD_BAR] > 8.0


def test_clog_lengthens_the_release() -> None:
    lengths = []
    for orifice_mm in (0.8, 1.5):
        (only,), _ = run(orifice_mm=orifice_mm)
        lengths.append(only.release_end_s - only.release_peak_s)
    assert lengths[0] > 2.5 * lengths[1]


def test_lever_machine_vents_late_and_slowly() -> None:
    (only,), _ = run(vent_lag_s=1.5, vent_jitter_s=0.0, valve_ramp_s=0.3)
    assert only.vent_s - only.pump_off_s == pytest.approx(1.5, abs=0.01)
    assert only.release_peak_s - only.vent_s > 0.02


def test_preinfusion_chamber_delays_the_pressure() -> None:
    (plain,), _ = run()
    (lever,), _ = run(chamber_ml=40.0)
    assert fill_s(lever) - fill_s(plain) == pytest.approx(40.0 / 10.0, abs=1.0)


def test_leak_ends_lower_than_a_tight_head() -> None:
    leaky = Hydraulics(**PLAIN, leak_ml_s=6.0)
    assert final_pressure_bar(leaky) < final_pressure_bar(leaky, healthy=True) - 0.5


def test_early_stop_is_named_and_not_marginal() -> None:
    (only,), _ = run((Action("backflush", run_s=30.0, stop_share=0.3),))
    assert only.reason == "the pump stopped before the pressure was up"
    assert not only.marginal
    assert 0.29 < only.pump_off_share < 0.35


def test_nobody_stops_a_pump_as_it_starts() -> None:
    # The valve stays shut: the group is under pressure still when the second run begins.
    actions = Action("backflush", run_s=10.0), Action("backflush", gap_s=1.0, run_s=10.0, stop_share=0.02)
    (_, second), _ = run(actions, vents=0.0)
    assert second.pump_off_s is not None
    assert 0.4 <= second.pump_off_s - second.pump_on_s < 0.5


def test_stop_at_the_border_is_marginal() -> None:
    (only,), _ = run((Action("backflush", run_s=30.0, stop_share=0.72),))
    assert only.marginal


def test_shot_is_no_cycle_though_it_releases() -> None:
    (only,), _ = run((Action("shot", run_s=25.0, resistance=2.0),))
    assert only.kind == "shot"
    assert only.released
    assert not only.complete


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=8))
def test_any_division_gives_the_same_water(sizes: list[int]) -> None:
    hydraulics = Hydraulics(air_in_line=0.3)
    whole_control, whole_marks = WaterSide(hydraulics, SoundLevels(), ONE, 0.5, 7).advance(sum(sizes))
    water = WaterSide(hydraulics, SoundLevels(), ONE, 0.5, 7)
    parts = [water.advance(size) for size in sizes]
    np.testing.assert_array_equal(np.concatenate([control for control, _ in parts]), whole_control)
    np.testing.assert_array_equal(np.concatenate([marks for _, marks in parts]), whole_marks)
