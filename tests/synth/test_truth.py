"""Labels as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from acoustic.synth import Action, Distraction, Plan, Run, Truth

DONE = Run("backflush", 1.0, 1.0, 3.0, 3.4, 3.6, 3.5, 5.0, 5.0, 9.0, 1.0, 5.1, 5.12, 50.0, 6.5)


def labels(*runs: Run, distractions: Sequence[Distraction] = ()) -> list[str]:
    plan = Plan(distractions=tuple(distractions))
    truth = Truth(plan, 16000, 10.0, runs, np.zeros(200, np.float32))
    return [f"{onset:g}-{offset:g} {label}" for onset, offset, label in truth.labels()]


def test_complete_cycle() -> None:
    assert labels(DONE) == [
        "1-1 pump_on",
        "1-3.4 fill",
        "3.4-3.4 pressure",
        "3.4-5 hold",
        "5-5 pump_off",
        "5.1-5.1 release",
        "5.1-6.5 release",
        "5.12-5.12 cycle",
    ]


def test_early_stop_has_neither_hold_nor_pressure() -> None:
    early = Run("backflush", 1.0, pump_off_s=2.0, pump_off_bar=1.0, pump_off_share=0.1)
    assert labels(early) == ["1-1 pump_on", "1-2 fill", "2-2 pump_off", "2-2 incomplete"]
    assert early.reason == "the pump stopped before the pressure was up"


def test_stuck_valve_is_incomplete_at_the_stop() -> None:
    stuck = Run("backflush", 1.0, None, 3.0, 3.4, 3.6, 3.5, 5.0, 5.0, 9.0, 1.0)
    assert labels(stuck)[-2:] == ["5-5 pump_off", "5-5 incomplete"]
    assert stuck.reason == "the pressure was not released"


@pytest.mark.parametrize("kind", ["shot", "flush", "refill"])
def test_other_runs_bear_their_name(kind: str) -> None:
    assert labels(Run(kind, 1.0, pump_off_s=4.0)) == ["1-1 pump_on", f"1-4 {kind}", "4-4 pump_off"]


def test_distractions_are_marked_and_the_unfinished_run_reaches_the_end() -> None:
    running = Run("backflush", 8.0)
    steam = Distraction("steam", 2.0, 3.0, -6.0)
    assert labels(running, distractions=[steam]) == ["2-5 distraction", "8-8 pump_on", "8-10 fill", "10-10 incomplete"]
    assert running.reason == "the pump was still running at the end"


def test_a_whisper_is_no_release() -> None:
    faint = Run(
        "backflush", 1.0, pump_off_s=2.0, vent_s=2.1, release_peak_s=2.11, release_peak_ml_s=3.0, release_end_s=2.2
    )
    assert "2.1-2.2 release" not in labels(faint)


def test_everything_goes_into_json() -> None:
    plan = Plan(actions=(Action("backflush", hold_s=1.0),))
    facts = Truth(plan, 16000, 10.0, (DONE,), np.ones(3, np.float32)).to_dict()
    read = json.loads(json.dumps(facts))
    assert read["runs"][0]["quieting_100_s"] == 3.6
    assert read["runs"][0]["complete"] is True
    assert read["plan"]["actions"][0]["kind"] == "backflush"
    assert read["plan"]["machine"]["levels"]["tone_load_db"] == -4.0
    assert read["pressure_bar"] == [1.0, 1.0, 1.0]
