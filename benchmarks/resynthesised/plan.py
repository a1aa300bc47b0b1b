"""What a user does in a session: the pump's runs, how the pressure goes in each, and what each comes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from .machine import Machine
from .pump import Pressure
from .signals import F64

__all__ = ["SCENARIOS", "Outcome", "Plan", "PumpRun", "draw_plan"]

Outcome = Literal["cycle", "early_stop", "no_release", "other"]

# Nothing is begun that would end later.
_LAST_S: Final = 143
_SPARE_S: Final = 3
# Shares of the quieting: where it begins, is done for the most part, and is complete; where an early stop may come.
_BEGUN, _MOST, _COMPLETE, _EARLY = 0.03, 0.8, 0.97, 0.2
_SHORTEST_HOLD_S: Final = 1.05
_LONGEST_FILL_S: Final = 16.0
# How far a refill of the boiler presses (assumed).
_REFILL_PRESSURE: Final = 0.55
_RESOLUTION_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class PumpRun:
    """A run of the pump.

    The quieting begins at `fall_s`, 80 % of it (in dB) are done at `most_s`, and it is complete at `pressure_s`; None
    where it does not come so far. `wet` is the level of water out of the group, `strength` the release's, 0 for none.
    """

    on_s: float
    off_s: float
    pressure: Pressure
    outcome: Outcome
    strength: float = 0.0
    wet: float = 0.0
    fall_s: float | None = None
    most_s: float | None = None
    pressure_s: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Runs, and when the user is done."""

    runs: tuple[PumpRun, ...] = ()
    end_s: float = 0.0


class _Draft:
    """A plan in the making: what is added begins now."""

    def __init__(self, rng: np.random.Generator, machine: Machine) -> None:
        self.rng, self._machine = rng, machine
        self.now_s = rng.uniform(2.0, 7.0)
        self.runs: list[PumpRun] = []
        self._first = True
        self._hold_s = float(np.exp(rng.normal(np.log(2.8), 0.5)))
        self._gap_s = float(np.exp(rng.normal(np.log(4.5), 0.5)))
        self._since_s = np.arange(0, machine.quieting.duration_s + 2 * _RESOLUTION_S, _RESOLUTION_S)
        self._shares = machine.quieting.share(self._since_s)

    def fits(self, length_s: float) -> bool:
        """Whether so much is over in time."""
        return self.now_s + length_s < _LAST_S

    def run(
        self,
        length_s: float,
        pressure: Pressure,
        outcome: Outcome,
        *,
        strength: float = 0.0,
        wet: float = 0.0,
        gap_s: float | None = None,
        fall_s: float | None = None,
        most_s: float | None = None,
        pressure_s: float | None = None,
    ) -> None:
        """Run the pump, and let time pass: what a release takes, and no less than `gap_s`."""
        on_s, machine = self.now_s, self._machine
        self.runs.append(PumpRun(on_s, on_s + length_s, pressure, outcome, strength, wet, fall_s, most_s, pressure_s))
        rest_s = (machine.release.delay_s + 1.5 * machine.release.tenth_s + 0.6) if strength else 0.8
        if gap_s is None:
            gap_s = self._gap_s * self.rng.uniform(0.6, 1.5)
        self.now_s = on_s + length_s + max(rest_s, gap_s)

    def cycle(self, outcome: Outcome = "cycle") -> bool:
        """Fill, hold the pressure and stop; False if there is no time left."""
        fill_s = self._draw_fill_s()
        longest_s = 12 if fill_s < 7 else 4
        hold_s = float(np.clip(self._hold_s * self.rng.uniform(0.6, 1.5), _SHORTEST_HOLD_S, longest_s))
        if not self.fits(fill_s + hold_s + _SPARE_S):
            return False
        free_s = fill_s - self._machine.quieting.duration_s
        fall_s = self.now_s + free_s
        self.run(
            fill_s + hold_s,
            self._quieting_from(free_s),
            outcome,
            strength=0.0 if outcome == "no_release" else self.rng.uniform(0.75, 1.1),
            fall_s=fall_s + self._crossed_s(_BEGUN),
            most_s=fall_s + self._crossed_s(_MOST),
            pressure_s=fall_s + self._crossed_s(_COMPLETE),
        )
        return True

    def early_stop(self) -> bool:
        """Stop before the quieting, or at its beginning; False if there is no time left."""
        fill_s, early_s = self._draw_fill_s(), self._crossed_s(_EARLY)
        free_s = fill_s - self._machine.quieting.duration_s
        late = self.rng.random() < 0.25
        late = late and early_s > 0.08
        length_s = free_s + early_s if late else max(0.8, free_s * self.rng.uniform(0.3, 0.95))
        if not self.fits(length_s + _SPARE_S):
            return False
        begun_s = free_s + self._crossed_s(_BEGUN)
        released = self.rng.random() < 0.6
        self.run(
            length_s,
            self._quieting_from(free_s),
            "early_stop",
            strength=self.rng.uniform(0.1, 0.4) * length_s / fill_s if released else 0.0,
            fall_s=self.now_s + free_s + self._crossed_s(_BEGUN) if length_s > begun_s else None,
        )
        return True

    def flush(self, low_s: float, high_s: float, gap_s: float) -> None:
        """Let water out for a moment, if there is time left."""
        length_s = self.rng.uniform(low_s, high_s)
        if self.fits(length_s + 1):
            wet = self.rng.uniform(0.02, 0.25)
            strength = 0.0 if self.rng.random() < 0.8 else 0.15
            self.run(length_s, np.zeros_like, "other", strength=strength, wet=wet, gap_s=gap_s)

    def _draw_fill_s(self) -> float:
        water = self._machine.water
        fill_s = water.fill_s * self.rng.uniform(0.85, 1.15) * (water.first_factor if self._first else 1)
        self._first = False
        return min(max(fill_s, self._machine.quieting.duration_s + 0.9, 2.0), _LONGEST_FILL_S)

    def _quieting_from(self, free_s: float) -> Pressure:
        return lambda t: self._machine.quieting.share(t - free_s)

    def _crossed_s(self, share: float) -> float:
        """When, from its beginning, a quieting has come so far."""
        return float(self._since_s[int(np.argmax(self._shares >= share))])


def draw_plan(rng: np.random.Generator, machine: Machine, scenario: str) -> Plan:
    """Draw a session of a scenario with a machine."""
    draft = _Draft(rng, machine)
    _SCENARIOS[scenario](draft)
    return Plan(tuple(draft.runs), draft.now_s)


def _plan_cleaning(draft: _Draft, outcome: Outcome = "cycle") -> None:
    """Cycles with cleaner; then, after a pause, with water, and bursts without the basket."""
    rng, healthy = draft.rng, outcome == "cycle"
    cycles = int(rng.integers(3, 9))
    odd = int(rng.integers(1, cycles)) if rng.random() < 0.35 and healthy else None
    for number in range(cycles):
        if number == odd:
            draft.early_stop()
        if not draft.cycle(outcome):
            break
    if not healthy and rng.random() >= 0.3:
        return
    draft.now_s += rng.uniform(4, 14)
    if rng.random() < 0.12 and draft.fits(10):
        draft.run(rng.uniform(2, 6), lambda t: _REFILL_PRESSURE * np.clip(t / 0.5, 0, 1), "other")
    for _ in range(int(rng.integers(2, 7))):
        if not draft.cycle(outcome):
            break
    if rng.random() < 0.6:
        draft.now_s += rng.uniform(2, 6)
        for _ in range(int(rng.integers(1, 5))):
            draft.flush(0.8, 5.0, gap_s=rng.uniform(1, 4))


def _plan_stuck_shut(draft: _Draft) -> None:
    """Clean a machine whose valve does not open."""
    _plan_cleaning(draft, "no_release")


def _plan_early_stops(draft: _Draft) -> None:
    """Stop too early half of the time."""
    for _ in range(int(draft.rng.integers(5, 13))):
        if not (draft.early_stop() if draft.rng.random() < 0.5 else draft.cycle()):
            break


def _plan_shots(draft: _Draft) -> None:
    """Coffee, which lets the pressure up slowly and not so far, and flushes."""
    rng = draft.rng
    for _ in range(int(rng.integers(1, 5))):
        if rng.random() < 0.7:
            draft.flush(1.5, 5, gap_s=rng.uniform(2, 7))
        length_s, wet_s = rng.uniform(20, 35), rng.uniform(2, 6)
        highest, rise_s = rng.uniform(0.3, 0.85), rng.uniform(1.5, 5)
        if not draft.fits(length_s + _SPARE_S):
            break
        if rng.random() < 0.25:
            # Wetting is a run of its own.
            draft.run(rng.uniform(1.5, 4), np.zeros_like, "other", gap_s=rng.uniform(1.5, 4))
            wet_s = rng.uniform(0.5, 2)
        if not draft.fits(length_s + _SPARE_S):
            break
        pressure = _shot(length_s, wet_s, highest, rise_s, loss=rng.uniform(0, 0.35))
        strength, wet = rng.uniform(0.6, 1.0), rng.uniform(0.02, 0.1)
        draft.run(length_s, pressure, "other", strength=strength, wet=wet, gap_s=rng.uniform(3, 9))
        if rng.random() < 0.6:
            draft.flush(1.5, 5, gap_s=rng.uniform(2, 8))


def _shot(length_s: float, wet_s: float, highest: float, rise_s: float, loss: float) -> Pressure:
    """Pressure on coffee: it rises in `rise_s` after the wetting; some of it is lost as the coffee is washed out."""

    def pressure(t: F64) -> F64:
        risen = highest / (1 + np.exp(-(t - wet_s - rise_s) / (rise_s / 2.5)))
        return risen * (1 - loss * np.clip((t - wet_s - 2 * rise_s) / (length_s - wet_s - 2 * rise_s + 4), 0, 1))

    return pressure


def _plan_leak(draft: _Draft) -> None:
    """Wait for a pressure that does not come."""
    rng = draft.rng
    wet = rng.uniform(0, 0.15)
    for _ in range(int(rng.integers(2, 6))):
        length_s, highest = rng.uniform(10, 30), rng.uniform(0, 0.12)
        if not draft.fits(length_s + _SPARE_S):
            break
        strength = rng.uniform(0.1, 0.3) if rng.random() < 0.4 else 0.0
        draft.run(length_s, _leaking(highest), "other", strength=strength, wet=wet)


def _leaking(highest: float) -> Pressure:
    return lambda t: highest * (1 - np.exp(-t / 4))


_SCENARIOS: Final[dict[str, Callable[[_Draft], None]]] = {
    "cleaning": _plan_cleaning,
    "early_stops": _plan_early_stops,
    "shots": _plan_shots,
    "leak": _plan_leak,
    "stuck_shut": _plan_stuck_shut,
}
# Where it is idle there is no machine at all.
SCENARIOS: Final = (*_SCENARIOS, "idle")
