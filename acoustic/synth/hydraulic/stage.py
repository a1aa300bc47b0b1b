"""The stage of a session: what the machine and the hands at it do goes on a track, and the runs with their times."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...config import RATE_HZ
from ..made import Outcome, RunTimes
from .draws import chance, uniform
from .machine import Machine
from .pump import PumpSound
from .release import whoosh
from .signals import F32, Floats, add, gain, samples
from .small_sounds import Handling, blow, bubbles, handling
from .water import BlindRun, Curves, Quieting, fill_blind, strengths

__all__ = ["Stage"]

# A whoosh that is fainter beside the machine's usual one is only a trickle.
_FAINTEST_WHOOSH: Final = 0.12
# Least pressure that a whoosh is made of, bar.
_LEAST_BAR: Final = 0.2
# The sound of the pump lasts so many of its constants longer than its drive.
_RUNS_OUT: Final = 1.2
# Air in the water of a session's first run, and of all others.
_FIRST_AIR, _LATER_AIR = 1.0, 0.3


class Stage:
    """Collects sounds and runs; `now_s` is how far the session has come.

    Parameters
    ----------
    machine
        Its hoses may grow stiffer with the runs: see `fill_blind`.
    rng
        Where everything that is put on the stage comes from.
    """

    def __init__(self, machine: Machine, rng: np.random.Generator) -> None:
        self.machine = machine
        self.runs: list[RunTimes] = []
        self.now_s = 0.0
        self._rng = rng
        self._pump = PumpSound(machine)
        self._sounds: list[tuple[Floats, float]] = []

    def put(self, sound: Floats, at_s: float, strength: float = 1.0) -> None:
        """Put a sound somewhere."""
        self._sounds.append((sound * np.float32(strength), at_s))

    def hand(self, kind: Handling, at_s: float, level_db: float | None = None) -> float:
        """Let a hand do something; return how many seconds it takes."""
        if level_db is None:
            level_db = uniform(self._rng, -8, 10)
        sound = handling(self._rng, kind)
        self.put(sound, at_s, gain(level_db))
        return len(sound) / RATE_HZ

    def fill_blind(self, fill_s: float, hold_s: float, air_ml: float) -> BlindRun:
        """Work out a run against the blind basket."""
        found = fill_blind(self.machine, self._rng, fill_s, hold_s, air_ml)
        self.machine = found.machine
        return found

    def run(
        self,
        curves: Curves,
        outcome: Outcome,
        quieting: Quieting | None = None,
        *,
        release: float | None = None,
        first: bool = False,
        switched: bool = True,
    ) -> RunTimes:
        """Lay a run of the pump that begins now, and go on to its end.

        Parameters
        ----------
        curves
            Until the pump's stop.
        outcome
            What it was.
        quieting
            When it grew softer; what lies behind the stop is left out.
        release
            How strong the whoosh after it is, None where there is none.
        first
            Whether it is the session's first, with air in the water.
        switched
            Whether somebody operates a switch.
        """
        on_s = self.now_s
        strong = strengths(self.machine, curves)
        air = _FIRST_AIR if first else _LATER_AIR
        self.put(self._pump.render(self._rng, on_s, curves, strong, air), on_s)
        if switched:
            self._switch(on_s, off=False)
            self._switch(on_s + curves.duration_s, off=True)
        off_s = on_s + curves.duration_s + self.machine.water.stops_s * _RUNS_OUT
        self.now_s = off_s
        release_s, release_end_s = None, None
        if release is not None:
            release_s, release_end_s = self._release(max(float(curves.bar[-1]), _LEAST_BAR), off_s, outcome, release)
        begun_s, most_s, complete_s = (
            on_s + time_s if time_s <= curves.duration_s else None for time_s in quieting or (np.inf,) * 3
        )
        laid = RunTimes(outcome, on_s, off_s, begun_s, most_s, complete_s, release_s, release_end_s).rounded(4)
        self.runs.append(laid)
        return laid

    def _switch(self, at_s: float, *, off: bool) -> None:
        rng, machine = self._rng, self.machine
        if machine.valve.lever:
            if chance(rng, 0.7):
                self.put(
                    blow(rng, "clunk"), at_s - uniform(rng, 0.05, 0.3), gain(machine.click_db - uniform(rng, 2, 10))
                )
            return
        loudness = gain(machine.click_db + rng.normal(0, 1.5))
        # The switch, and the relay or the valve behind it.
        self.put(blow(rng, "click"), at_s - uniform(rng, 0.02, 0.15), loudness * uniform(rng, 0.3, 1))
        clunk = blow(rng, "clunk")
        later_s = uniform(rng, 0, 0.02) if off else -0.004
        self.put(clunk, at_s + later_s, loudness * uniform(rng, 0.2, 0.8))

    def _release(
        self, bar: float, off_s: float, outcome: Outcome, strength: float
    ) -> tuple[float, float] | tuple[None, None]:
        """Let the pressure out, and return when; nothing is told of a mere trickle."""
        rng, valve = self._rng, self.machine.valve
        # A hand is less even than a solenoid.
        delay_s = max(valve.delay_s + rng.normal(0, 0.08 if valve.lever else 0.02), 0.0)
        made = whoosh(valve, rng, bar, strength)
        usual = gain(valve.level_db)
        if made.level > _FAINTEST_WHOOSH * usual or outcome == "cycle":
            at_s = off_s + delay_s
            self.put(made.sound, at_s)
            self.now_s = at_s + made.end_s
            return at_s, at_s + made.end_s
        density = np.exp(-np.arange(samples(2)) / RATE_HZ / 0.6).astype(np.float32)
        self.put(bubbles(rng, density, 25), off_s + 0.05, 0.15 * usual)
        return None, None

    def track(self, count: int) -> F32:
        """All sounds so far, as they are at the machine."""
        out = np.zeros(count, np.float32)
        for sound, at_s in self._sounds:
            add(out, sound, at_s)
        return out
