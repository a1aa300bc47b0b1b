"""Simulated people: cues in, presses out."""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.synth.user import FixedRuleUser, ObedientUser, User, UserParameters, sample_user
from acoustic.types import Cue, CueKind

PERFECT = UserParameters(reaction_s=0.5, reaction_spread=0.0, miss=0.0, early_start=0.0, early_stop=0.0)


def cue(kind: CueKind, time_s: float, about: str = "") -> Cue:
    return Cue(kind, "", "info", time_s, about)


def told(user: User, *cues: Cue, until_s: float) -> str:
    """Presses as a picture, one character a second: `^` on, `v` off, `f` on for a flush."""
    picture = []
    waiting = sorted(cues, key=lambda each: each.time_s)
    for step in range(int(until_s * 10)):
        now_s = step / 10
        while waiting and waiting[0].time_s <= now_s:
            user.hear([waiting.pop(0)])
        picture += [
            (press.time_s, "v" if not press.on else "f" if press.load == "flush" else "^") for press in user.act(now_s)
        ]
    line = ["."] * int(until_s)
    for time_s, mark in picture:
        line[int(time_s)] = mark
    return "".join(line)


def test_obeys() -> None:
    user = ObedientUser(PERFECT, np.random.default_rng(0))
    cues = (cue("start_pump", 1.0), cue("stop_pump", 8.0), cue("start_pump", 12.0), cue("stop_pump", 15.0))
    assert told(user, *cues, until_s=18) == ".^......v...^..v.."


def test_loses_patience_without_cues() -> None:
    from dataclasses import replace

    user = ObedientUser(replace(PERFECT, patience_on_s=6.0, patience_off_s=3.0), np.random.default_rng(0))
    assert told(user, until_s=16) == "...^.....v..^..."


def test_alarm_reaches_who_missed_the_cue() -> None:
    from dataclasses import replace

    user = ObedientUser(replace(PERFECT, miss=1.0, patience_off_s=2.0), np.random.default_rng(0))
    cues = (cue("stop_pump", 6.0), cue("warning", 10.0, "pressure"))
    assert told(user, *cues, until_s=12)[:11] == "..^.......v"


def test_starts_early_in_a_hurry() -> None:
    from dataclasses import replace

    user = ObedientUser(replace(PERFECT, early_start=1.0), np.random.default_rng(0))
    cues = (cue("start_pump", 1.0), cue("stop_pump", 5.0), cue("release_ok", 7.0))
    assert told(user, *cues, until_s=9) == ".^...v.^."


def test_looks_at_the_foam_instead_of_going_on() -> None:
    from dataclasses import replace

    user = ObedientUser(replace(PERFECT, early_start=1.0), np.random.default_rng(0))
    cues = (
        cue("start_pump", 1.0),
        cue("stop_pump", 5.0),
        cue("release_ok", 7.0),
        cue("foam_clear", 7.0),
        cue("done", 12.0),
    )
    assert told(user, *cues, until_s=15) == ".^...v........."
    assert user.finished_s == 12.0


def test_flushes_with_the_handle_off_and_of_its_own_length() -> None:
    user = ObedientUser(PERFECT, np.random.default_rng(1))
    picture = told(user, cue("flush_group", 1.0), cue("release_ok", 7.0), until_s=13)
    assert picture.replace(".", "") == "fvfv"


def test_tries_again_after_one_that_did_not_count() -> None:
    user = ObedientUser(PERFECT, np.random.default_rng(0))
    cues = (cue("start_pump", 1.0), cue("stop_pump", 4.0), cue("warning", 6.0, "incomplete"))
    assert told(user, *cues, until_s=10) == ".^..v...^."


def test_turns_the_pump_off_when_all_is_done() -> None:
    user = ObedientUser(PERFECT, np.random.default_rng(0))
    assert told(user, cue("start_pump", 1.0), cue("done", 3.0), cue("start_pump", 5.0), until_s=8) == ".^.v...."


def test_fixed_rule() -> None:
    user = FixedRuleUser(1.0, on_s=3.0, off_s=2.0, cycles=3)
    assert told(user, cue("stop_pump", 2.0), until_s=18) == ".^..v.^..v.^..v..."
    assert user.finished_s == pytest.approx(14.0)


def test_people_differ() -> None:
    people = [sample_user(np.random.default_rng(seed)) for seed in range(50)]
    assert min(each.reaction_s for each in people) < 0.6 < 1.3 < max(each.reaction_s for each in people)
    assert all(0.0 <= each.miss <= 0.1 for each in people)
