"""What the user and the machine do in a session: the pump's runs with their times, and the pauses between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from ..made import Outcome
from .machine import Machine, QuietingShape
from .signals import CURVE_HZ, F64, curve_times_s, gain, slow

__all__ = ["SCENARIOS", "Pause", "Plan", "PumpRun", "Quieting", "draw_plan", "pressed_curve"]

SCENARIOS: Final = ("cleaning", "early_stops", "shots", "leak", "stuck_shut", "idle")

RunKind = Literal["blind", "flush", "burst", "refill", "leak", "shot", "preinfusion"]
PauseKind = Literal["short", "pause", "handle_off", "shot"]

_SHORTEST_S: Final = 40.0
_LONGEST_S: Final = 150.0
# A cleaning is made shorter until it is expected to end by then, and nothing is begun that would end later.
_CLEANING_S: Final = 138.0
_LAST_STOP_S: Final = 143.0
# From here on no further shot is begun, or none after a flush.
_LAST_SHOT_S: Final = 115.0
_LAST_FLUSHED_SHOT_S: Final = 112.0


@dataclass(frozen=True, slots=True)
class Quieting:
    """How a run's pressure rises: when it begins, how long it takes; `first_share` is what the first of two steps does.

    The sound already changes `rise_s` before it.
    """

    fall_s: float
    duration_s: float
    rise_s: float
    first_share: float


@dataclass(frozen=True, slots=True)
class PumpRun:
    """A run of the pump.

    `pressed` is a curve of how far the pressure is up, 0 to 1. `air` splutters until `air_s`, `lasting_air` all the
    time. `steps` are changes of the level: time, dB, tilt. `trickle` and `splash` are factors, 0 for none; `through` is
    whether water comes through the group's valves.
    """

    kind: RunKind
    outcome: Outcome
    start_s: float
    duration_s: float
    pressed: F64
    level_db: float = 0.0
    air: float = 0.0
    air_s: float = 2.0
    lasting_air: float = 0.0
    quieting: Quieting | None = None
    steps: tuple[tuple[float, float, float], ...] = ()
    trickle: float = 0.0
    splash: float = 0.0
    through: bool = True

    @property
    def stop_s(self) -> float:
        """When it ends."""
        return self.start_s + self.duration_s


@dataclass(frozen=True, slots=True)
class Pause:
    """Time in which the user's hands may be heard."""

    start_s: float
    stop_s: float
    kind: PauseKind


@dataclass(frozen=True, slots=True)
class Plan:
    """A session."""

    runs: tuple[PumpRun, ...]
    pauses: tuple[Pause, ...]
    duration_s: float


class _Draft:
    """A plan in the making."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s
        self.runs: list[PumpRun] = []
        self.pauses: list[Pause] = []

    def run(self, run: PumpRun, rest_s: float = 0.0) -> None:
        """Add a run that begins now, and some rest."""
        self.runs.append(run)
        self.now_s += run.duration_s + rest_s

    def pause(self, length_s: float, kind: PauseKind) -> None:
        """Let time pass."""
        self.pauses.append(Pause(self.now_s, self.now_s + length_s, kind))
        self.now_s += length_s


def draw_plan(rng: np.random.Generator, machine: Machine, scenario: str) -> Plan:
    """Draw a session of a scenario."""
    draft = _Draft(rng.uniform(3.0, 8.0))
    if scenario == "idle":
        return Plan((), (), rng.uniform(40, 130))
    if scenario == "shots":
        _plan_shots(rng, machine, draft)
    elif scenario == "leak":
        _plan_leak(rng, machine, draft)
    else:
        _plan_cleaning(rng, machine, scenario, draft)
    duration_s = float(np.clip(draft.now_s + rng.uniform(2, 8), _SHORTEST_S, _LONGEST_S))
    whole = (run for run in draft.runs if run.stop_s + 3.0 < duration_s + 0.01 or run.stop_s < duration_s - 1.5)
    return Plan(tuple(whole), tuple(draft.pauses), duration_s)


@dataclass(slots=True)
class _Manner:
    """How a user cleans."""

    first_cycles: int
    second_cycles: int
    bursts: int
    hold_s: float
    gap_s: float
    fill_s: float
    pause_s: float
    first_fill_ratio: float

    def shorten(self, rng: np.random.Generator, machine: Machine) -> None:
        """Do less of everything until it fits into a session."""
        release_s = machine.release.delay_s + machine.release.tenth_s
        for _ in range(200):
            cycle_s = self.fill_s + machine.timing.quieting_s + self.hold_s + self.gap_s + release_s
            first_s = self.fill_s * (self.first_fill_ratio - 1)
            cycles = self.first_cycles + self.second_cycles
            if 12 + cycles * cycle_s + first_s + self.pause_s + self.bursts * 4 + 4 <= _CLEANING_S:
                break
            what = int(rng.integers(5))
            if what == 0 and self.gap_s > 1.5:
                self.gap_s *= 0.85
            elif what == 1 and self.hold_s > 1.4:
                self.hold_s *= 0.9
            elif what == 2 and self.first_cycles > 3:
                self.first_cycles -= 1
            elif what == 3 and self.second_cycles > 2:
                self.second_cycles -= 1
            elif what == 4:
                self.fill_s = max(self.fill_s * 0.95, 2.0)
                self.pause_s = max(6, self.pause_s * 0.9)


def _draw_manner(rng: np.random.Generator, machine: Machine, scenario: str) -> _Manner:
    first_cycles, second_cycles = int(rng.integers(3, 9)), int(rng.integers(2, 7))
    bursts = int(rng.integers(1, 5)) if rng.random() < 0.65 else 0
    if scenario != "cleaning":
        first_cycles, second_cycles, bursts = int(rng.integers(3, 9)), int(rng.integers(0, 4)), int(rng.integers(0, 3))
    hold_s = float(np.clip(np.exp(rng.normal(np.log(2.8), 0.5)), 1.15, 9))
    gap_s = float(np.clip(np.exp(rng.normal(np.log(5.0), 0.6)), 1.3, 18))
    pause_s, first_fill_ratio = rng.uniform(6, 18), rng.uniform(1.15, 2.0)
    fill_s = machine.timing.fill_s
    return _Manner(first_cycles, second_cycles, bursts, hold_s, gap_s, fill_s, pause_s, first_fill_ratio)


def _plan_cleaning(rng: np.random.Generator, machine: Machine, scenario: str, draft: _Draft) -> None:
    """Cycles with cleaner, a pause, cycles with water, bursts without the basket."""
    manner = _draw_manner(rng, machine, scenario)
    slips = scenario == "cleaning" and rng.random() < 0.35
    manner.shorten(rng, machine)
    cycles = manner.first_cycles + manner.second_cycles
    slip_at = int(rng.integers(cycles)) if slips else -1
    for number in range(cycles):
        outcome: Outcome = "no_release" if scenario == "stuck_shut" else "cycle"
        if number == slip_at or (scenario == "early_stops" and rng.random() < 0.5):
            outcome = "early_stop"
        second = number >= manner.first_cycles
        if number == manner.first_cycles:
            draft.pause(manner.pause_s, "pause")
            if rng.random() < 0.3:
                draft.run(_flush(rng, machine, draft.now_s, "flush"), rng.uniform(2, 4))
        fill_s = manner.fill_s * rng.lognormal(0, 0.1)
        fill_s = fill_s * (1 if number else manner.first_fill_ratio) * (0.95 if second else 1)
        fill_s = float(np.clip(fill_s, 1.8, 16))
        hold_s = max(1.05, manner.hold_s * rng.lognormal(0, 0.25))
        draft.run(_blind(rng, machine, draft.now_s, fill_s, hold_s, outcome))
        if outcome == "cycle":
            draft.now_s += machine.release.delay_s + machine.release.tenth_s * 1.3
        draft.pause(max(1.1, manner.gap_s * rng.lognormal(0, 0.3)), "short")
        if rng.random() < 0.025:
            draft.run(_refill(rng, machine, draft.now_s), rng.uniform(1.5, 4))
    for number in range(manner.bursts):
        if number == 0:
            draft.pause(rng.uniform(2.5, 6), "handle_off")
        draft.run(_flush(rng, machine, draft.now_s, "burst"), rng.uniform(0.9, 2.5))


def _plan_shots(rng: np.random.Generator, machine: Machine, draft: _Draft) -> None:
    for _ in range(int(rng.integers(1, 5))):
        if rng.random() < 0.6:
            draft.run(_flush(rng, machine, draft.now_s, "flush"), rng.uniform(1.5, 5))
        if draft.now_s > _LAST_FLUSHED_SHOT_S:
            break
        draft.pause(rng.uniform(3, 9), "shot")
        shot = _shot(rng, machine, draft.now_s)
        if rng.random() < 0.25:
            # Preinfusion: the pump runs, rests and runs.
            first = replace(_flush(rng, machine, draft.now_s, "flush"), kind="preinfusion", splash=0.0)
            draft.run(first, rng.uniform(1.5, 5))
            shot = replace(shot, start_s=draft.now_s)
        if shot.stop_s > _LAST_STOP_S:
            shot = replace(shot, duration_s=max(_LAST_STOP_S - draft.now_s, 20.0))
        draft.run(shot, machine.release.delay_s + machine.release.tenth_s + rng.uniform(2, 7))
        if draft.now_s > _LAST_SHOT_S:
            break


def _plan_leak(rng: np.random.Generator, machine: Machine, draft: _Draft) -> None:
    """Plan runs against the blind basket that never come to pressure."""
    for _ in range(int(rng.integers(2, 7))):
        run = _leak(rng, machine, draft.now_s)
        if run.stop_s > _LAST_STOP_S:
            break
        draft.run(run, 0.5)
        draft.pause(rng.uniform(2, 14), "short")


def _smooth_step(x: F64) -> F64:
    return np.asarray(np.clip(x, 0, 1) ** 2 * (3 - 2 * np.clip(x, 0, 1)))


def pressed_curve(shape: QuietingShape, progress: F64, first_share: float) -> F64:
    """How far the pressure is up (in dB of quieting), 0 to 1, when so much of the quieting's time is over."""
    u = np.clip(progress, 0, 1)
    if shape == "fast":
        return np.asarray(u * u * (3 - 2 * u))
    if shape == "medium":
        return np.asarray((1 - np.exp(-2.6 * u)) / (1 - np.exp(-2.6)))
    if shape == "slide":
        return np.asarray(0.75 * u + 0.25 * u * u * (3 - 2 * u))
    return first_share * _smooth_step(u / 0.28) + (1 - first_share) * _smooth_step((u - 0.6) / 0.4)


def _run_points(duration_s: float) -> int:
    """Points of a curve that outlasts a run."""
    return int((duration_s + 1) * CURVE_HZ) + 2


def _blind(
    rng: np.random.Generator, machine: Machine, start_s: float, fill_s: float, hold_s: float, outcome: Outcome
) -> PumpRun:
    """Draw a run against the blind basket."""
    air, air_s = machine.undertones.air * rng.uniform(0.3, 1), fill_s * rng.uniform(0.2, 0.6)
    quieting_s = machine.timing.quieting_s * rng.lognormal(0, 0.12)
    quieting = Quieting(fill_s, quieting_s, rng.uniform(0.8, 2.0), rng.uniform(0.35, 0.65))
    if outcome == "early_stop":
        just_begun = rng.random() < 0.15
        duration_s = fill_s + 0.2 * quieting_s if just_begun else fill_s * rng.uniform(0.3, 0.92)
    else:
        duration_s = fill_s + quieting_s + hold_s
    t = curve_times_s(_run_points(duration_s))
    pressed = pressed_curve(machine.timing.shape, (t - fill_s) / quieting_s, quieting.first_share)
    if outcome == "early_stop" and np.max(np.where(t <= duration_s, pressed, 0)) > 0.3:
        # Too much pressure for a run that is to have none: stop before it.
        duration_s = fill_s * 0.9
    steps = tuple(
        (fill_s * rng.uniform(0.15, 0.75), rng.normal(0, 1.6), rng.uniform(-1, 1))
        for _ in range(int(rng.integers(0, 3)))
    )
    level_db = rng.normal(0, 0.5)
    return PumpRun("blind", outcome, start_s, duration_s, pressed, level_db, air, air_s, quieting=quieting, steps=steps)


def _flush(rng: np.random.Generator, machine: Machine, start_s: float, kind: Literal["flush", "burst"]) -> PumpRun:
    """Draw a run without a basket, or with an empty one."""
    level_db = rng.normal(0, 0.5)
    duration_s = rng.uniform(0.8, 5.0) if kind == "flush" else rng.uniform(0.7, 3.0)
    pressed = np.zeros(_run_points(duration_s))
    air = machine.undertones.air * 0.5
    return PumpRun(kind, "other", start_s, duration_s, pressed, level_db, air, 1.0, splash=machine.splash)


def _refill(rng: np.random.Generator, machine: Machine, start_s: float) -> PumpRun:
    """Draw a run that fills the boiler, against some pressure."""
    level_db = rng.normal(0, 0.5)
    duration_s, pressed = rng.uniform(1.5, 7.0), rng.uniform(0.2, 0.6)
    level_db += rng.normal(0, 2)
    curve = np.full(_run_points(duration_s), pressed)
    air = machine.undertones.air * 0.5
    return PumpRun("refill", "other", start_s, duration_s, curve, level_db, air, 1.0, through=False)


def _leak(rng: np.random.Generator, machine: Machine, start_s: float) -> PumpRun:
    """Draw a run against a blind basket that leaks."""
    level_db = rng.normal(0, 0.5)
    duration_s = float(np.clip(np.exp(rng.normal(np.log(14), 0.4)), 5, 32))
    trickle = float(gain(rng.uniform(-30, -12))) if rng.random() < 0.7 else 0.0
    lasting_air = rng.uniform(0, 0.35) if rng.random() < 0.4 else 0.0
    highest = rng.uniform(0, 0.1)
    pressed = np.clip(highest * (0.5 + 0.5 * slow(rng, _run_points(duration_s), 1.0)), 0, 0.12)
    air = machine.undertones.air * 0.5
    return PumpRun(
        "leak", "other", start_s, duration_s, pressed, level_db, air, 1.0, lasting_air=lasting_air, trickle=trickle
    )


def _shot(rng: np.random.Generator, machine: Machine, start_s: float) -> PumpRun:
    """Draw an espresso: the coffee is wetted, builds up some pressure, and lets more and more through."""
    level_db = rng.normal(0, 0.5)
    duration_s = rng.uniform(20, 35)
    wet_s, build_s, highest = rng.uniform(1.5, 7), rng.uniform(2, 9), rng.uniform(0.25, 0.7)
    points = _run_points(duration_s)
    t = curve_times_s(points)
    built = np.clip((t - wet_s) / build_s, 0, 1)
    eroded = np.clip((t - wet_s - build_s) / (duration_s - wet_s - build_s), 0, 1) * rng.uniform(0, 0.6)
    pressed = highest * built ** rng.uniform(0.7, 1.6) * (1 - eroded) + 0.02 * slow(rng, points, 0.6) * built
    trickle = float(gain(rng.uniform(-34, -22))) if rng.random() < 0.7 else 0.0
    air = machine.undertones.air * 0.3
    return PumpRun("shot", "other", start_s, duration_s, np.clip(pressed, 0, 1), level_db, air, 1.5, trickle=trickle)
