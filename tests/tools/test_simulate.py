"""The closed loop: what the user does reaches the machine, what the program says reaches the user."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from acoustic.pipeline import Monitor
from acoustic.synth import Hydraulics, MachineParameters, Plan, Simulator
from acoustic.synth.user import FixedRuleUser, ObedientUser, UserParameters
from acoustic.tools.simulate import Outcome, Rehearsal, rehearsals, rehearse, run_session, summarise
from acoustic.types import AudioBlock, Cue

PERFECT = UserParameters(reaction_s=0.5, reaction_spread=0.0, miss=0.0, early_start=0.0, early_stop=0.0)
QUICK = Plan(machine=MachineParameters(hydraulics=Hydraulics(fill_ml=2.0, air_ml=12.0, later_air_ml=12.0)))


class Oracle:
    """A monitor that sees the pressure gauge: says stop when it is up, next when it is gone, and done in the end."""

    def __init__(self, simulator: Simulator, cycles: int) -> None:
        self._simulator, self._left = simulator, cycles
        self._up = self._told = False

    def push(self, block: AudioBlock) -> list[Cue]:
        now_s, bar = self._simulator.time_s, self._simulator.head_bar
        cues = [] if self._told else [Cue("start_pump", "", "info", now_s)]
        self._told = True
        if bar > 9.0 and not self._up:
            self._up = True
            cues.append(Cue("stop_pump", "", "act", now_s))
        elif bar < 0.5 and self._up:
            self._up, self._left = False, self._left - 1
            cues.append(Cue("start_pump" if self._left else "done", "", "info", now_s))
        return cues


def test_obedient_user_stops_by_the_gauge() -> None:
    simulator = Simulator(QUICK, np.random.default_rng(0), 8000)
    user = ObedientUser(PERFECT, np.random.default_rng(1))
    truth, records = run_session(simulator, user, cast(Monitor, Oracle(simulator, 3)))
    assert truth.cycles == len(truth.runs) == 3
    for run in truth.runs:
        assert run.pump_off_s - run.pressure_up_s == pytest.approx(0.5, abs=0.3)
    assert [record.kind for record in records][-1] == "done"
    assert truth.duration_s == pytest.approx(user.finished_s + 4.0, abs=0.1)


def test_fixed_rule_hears_nothing() -> None:
    simulator = Simulator(QUICK, np.random.default_rng(0), 8000)
    truth, records = run_session(simulator, FixedRuleUser(2.0, cycles=2), None)
    assert records == []
    assert [run.pump_on_s for run in truth.runs] == pytest.approx([2.0, 22.0], abs=0.05)
    assert all(run.pump_off_s - run.pump_on_s == pytest.approx(10.0, abs=0.05) for run in truth.runs)


def test_session_without_end_is_given_up() -> None:
    simulator = Simulator(QUICK, np.random.default_rng(0), 8000)
    user = ObedientUser(PERFECT, np.random.default_rng(1))
    truth, _ = run_session(simulator, user, None, longest_s=3.0)
    assert user.finished_s is None
    assert truth.duration_s == pytest.approx(3.0, abs=0.05)


def test_live_program_leads_through_a_cleaning() -> None:
    outcome = rehearse(Rehearsal("home", seed=7, index=1, cycles=2, kind="home"))
    assert outcome.machine == "home"
    assert outcome.duration_s is not None
    assert outcome.made >= 1
    assert outcome.counted >= 2
    assert outcome == rehearse(Rehearsal("home", seed=7, index=1, cycles=2, kind="home"))


def test_both_manners_meet_the_same_machines() -> None:
    sessions = rehearsals(["home", "kitchen"], 2, 5, 3)
    assert len(sessions) == 8
    assert [session.manner for session in sessions[:2]] == ["guided", "fixed"]
    assert replace(sessions[1], manner="guided") == sessions[0]


def test_summary_adds_up() -> None:
    rehearsal = Rehearsal("home", 0, 0, cycles=2)
    outcomes = [
        Outcome(rehearsal, "home", (1.0, 2.0), 2, 2, 2, 0, 50.0),
        Outcome(rehearsal, "e61", (9.0,), 1, 2, 2, 1, 70.0),
        Outcome(rehearsal, "e61", (), 3, 3, 2, 2, None),
    ]
    summary = summarise(outcomes)
    assert summary.sessions == 3
    assert summary.deadhead_median_s == 2.0
    assert summary.deadhead_total_s == pytest.approx(4.0)
    assert (summary.exact, summary.short, summary.long) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert summary.counted_right == pytest.approx(2 / 3)
    assert summary.early_stops == 1.0
    assert summary.unfinished == 1
    assert summary.duration_s == 60.0
