"""What somebody does at the machine: a cleaning, shots, runs stopped too early, and what goes wrong.

How long people wait and how often they do what is assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Final

import numpy as np

from ...config import RATE_HZ
from ..made import Outcome
from .appliances import grinder, steam
from .draws import chance, log_uniform, uniform
from .machine import Machine
from .signals import F64, colour, convolve, fade, gain, noise, samples
from .small_sounds import Handling, bubbles
from .stage import Stage
from .water import CONTROL_HZ, Blind, Boiler, OpenGroup, Puck, Quieting, flow

__all__ = ["SCENARIOS", "User"]

# Seconds of a session after which nothing long is begun, so that it ends within two and a half minutes.
_CLEANING_S, _LATEST_S = 118, 138
# Hands between the cycles.
_IDLE_HANDS: Final[tuple[Handling, ...]] = ("cloth", "cup", "spoon", "tray", "water")
# No hold is shorter than this.
_SHORTEST_HOLD_S: Final = 1.15
# A basket that is stopped too early blows only from this pressure on, bar.
_BLOWS_BAR: Final = 0.8


class User:
    """Somebody at a machine, with a pace and a patience of their own.

    Parameters
    ----------
    stage
        Where everything is put.
    rng
        Where all decisions come from.
    pace_s, hold_s
        Usual pause between cycles, and usual hold.
    """

    def __init__(self, stage: Stage, rng: np.random.Generator, pace_s: float, hold_s: float) -> None:
        self._stage, self._rng = stage, rng
        self._pace_s, self._hold_s = pace_s, hold_s
        self._fill_s = stage.machine.water.fill_s

    def perform(self, scenario: str) -> None:
        """Do what a scenario asks for."""
        _PERFORMED[scenario](self)

    @property
    def _machine(self) -> Machine:
        return self._stage.machine

    def _wait(self, shortest_s: float, longest_s: float) -> None:
        self._stage.now_s += uniform(self._rng, shortest_s, longest_s)

    def _pause(self, busy: float) -> None:
        """Wait for the next cycle; with a chance of `busy`, hands are not idle."""
        rng, stage = self._rng, self._stage
        pause_s = max(self._pace_s * uniform(rng, 0.7, 1.4), 0.9)
        if pause_s > 2.5 and chance(rng, busy):
            kind = _IDLE_HANDS[int(rng.integers(len(_IDLE_HANDS)))]
            at_s = stage.now_s + uniform(rng, 0.3, pause_s - 1.8)
            stage.hand(kind, at_s, uniform(rng, -14, 4))
        stage.now_s += pause_s

    def _cycle_s(self) -> float:
        """How long a cycle takes, about."""
        return self._fill_s + self._hold_s + self._pace_s + self._machine.valve.decay_s + 1

    def _lock(self, before_s: float = 2.5) -> None:
        self._stage.hand("lock", max(0.1, self._stage.now_s - before_s))

    def _cycle(self, outcome: Outcome, *, first: bool = False, fill_s: float | None = None) -> None:
        """Fill the blind basket, hold, or stop too early."""
        rng, stage, water = self._rng, self._stage, self._machine.water
        if fill_s is None:
            fill_s = self._fill_s * rng.normal(1, 0.06)
        fill_s = max(fill_s * (water.first_fill if first else 1), 1.3)
        # Now and then somebody looks away.
        distracted = chance(rng, 0.05)
        hold_s = uniform(rng, 6, 12) if distracted else self._usual_hold_s()
        # There is more air in the first one.
        found = stage.fill_blind(fill_s, hold_s, water.air_ml * (1.6 if first else 1))
        if outcome == "early_stop" or found.quieting is None:
            # Who hears no quieting gives up.
            quieting = found.quieting or Quieting(fill_s, fill_s, fill_s)
            curves = found.curves.until(self._early_s(quieting, found.progress))
            blows = curves.bar[-1] > _BLOWS_BAR and chance(rng, 0.85)
            stage.run(curves, "early_stop", quieting, release=0.8 if blows else None, first=first)
            return
        curves = found.curves.until(found.quieting.complete_s + hold_s)
        stage.run(curves, outcome, found.quieting, release=1.0 if outcome == "cycle" else None, first=first)

    def _usual_hold_s(self) -> float:
        return max(_SHORTEST_HOLD_S, self._hold_s * uniform(self._rng, 0.7, 1.4))

    def _early_s(self, quieting: Quieting, progress: F64) -> float:
        """When somebody stops too early: mostly before the quieting, else in its first third."""
        rng, begun_s = self._rng, quieting.begun_s
        if chance(rng, 0.72) or progress.max() <= 0:
            stop_s = max(1.0, begun_s * uniform(rng, 0.35, 0.93))
            return min(stop_s, begun_s - 0.05) if begun_s > 1.0 else begun_s * 0.9
        return float(np.argmax(progress >= uniform(rng, 0.12, 0.27))) / CONTROL_HZ

    def _flush(self, shortest_s: float, longest_s: float) -> None:
        """Run water without a basket; it falls into the tray."""
        rng, stage = self._rng, self._stage
        duration_s = uniform(rng, shortest_s, longest_s)
        curves = flow(self._machine, duration_s, OpenGroup(uniform(rng, 0.1, 0.8)))
        laid = stage.run(curves, "other")
        count = samples(duration_s + 0.4)
        level = fade(count, 0.4, 0.5)
        falling = convolve(noise(rng, count), colour(rng, 400, 6000, -3, 3, 1)) * level * 0.5
        falling = falling + bubbles(rng, level, 50) * np.float32(0.4)
        stage.put(falling, laid.on_s + 0.2, gain(uniform(rng, -20, -5)))

    def _refill(self) -> None:
        """Let the boiler ask for water; nobody touches a switch."""
        rng = self._rng
        duration_s = uniform(rng, 1.5, 7)
        # Against little pressure, or against that of steam.
        open_to_air = chance(rng, 0.5)
        bar = uniform(rng, 1, 4) if open_to_air else self._machine.water.stall_bar * uniform(rng, 0.3, 0.6)
        self._stage.run(flow(self._machine, duration_s, Boiler(bar)), "other", switched=False)

    def cleaning(self) -> None:
        """Cycles with cleaner, cycles with water, and perhaps a flush; now and then one is stopped too early."""
        rng, stage = self._rng, self._stage
        cleaner, rinses = int(rng.integers(3, 9)), int(rng.integers(2, 7))
        flushes = int(rng.integers(1, 5)) if chance(rng, 0.6) else 0
        cleaner, rinses = self._in_time(cleaner, rinses, flushes)
        early = int(rng.integers(0, cleaner + rinses)) if chance(rng, 0.35) else -1
        self._lock(uniform(rng, 1.5, 3))
        for cycle in range(cleaner):
            self._cycle("early_stop" if cycle == early else "cycle", first=cycle == 0)
            self._pause(0.4)
        if chance(rng, 0.12):
            stage.now_s += 0.5
            self._refill()
        stage.now_s += 0.3
        self._rinse_basket()
        for rinse in range(rinses):
            if stage.now_s > 132 - self._cycle_s():
                break
            outcome: Outcome = "early_stop" if cleaner + rinse == early else "cycle"
            # The emptied basket takes longer.
            self._cycle(outcome, fill_s=self._fill_s * (1.3 if rinse == 0 else 1))
            self._pause(0.4)
        if flushes and stage.now_s < 128:
            stage.hand("unlock", stage.now_s + 0.2)
            self._wait(1.8, 4)
            for _ in range(flushes):
                if stage.now_s > _LATEST_S:
                    break
                self._flush(1, 4)
                self._wait(0.8, 3)

    def _in_time(self, cleaner: int, rinses: int, flushes: int) -> tuple[int, int]:
        """Leave out cycles, then hurry, then let the basket fill sooner, until a cleaning is short enough."""
        left_s = _CLEANING_S - self._fill_s * self._machine.water.first_fill - flushes * 4
        while (cleaner + rinses) * self._cycle_s() > left_s:
            if cleaner > 3 and cleaner >= rinses:
                cleaner -= 1
            elif rinses > 2:
                rinses -= 1
            elif self._pace_s > 1.8:
                self._pace_s *= 0.8
            elif self._hold_s > 1.8:
                self._hold_s *= 0.85
            else:
                self._fill_s *= 0.9
        return cleaner, rinses

    def _rinse_basket(self) -> None:
        rng, stage = self._rng, self._stage
        takes_s = stage.hand("unlock", stage.now_s + 0.3)
        stage.hand("water", stage.now_s + takes_s + 0.3, uniform(rng, -10, 4))
        self._wait(4.5, 9)
        if chance(rng, 0.3):
            self._flush(1.5, 4)
            self._wait(1, 2)
        stage.hand("lock", stage.now_s)
        self._wait(1.5, 3)

    def early_stops(self) -> None:
        """Stop too early half of the time."""
        rng = self._rng
        self._lock()
        early = [chance(rng, 0.5) for _ in range(int(rng.integers(5, 12)))]
        if not any(early):
            early[1] = True
        for cycle, too_early in enumerate(early):
            if self._stage.now_s > 128 - self._cycle_s() * (1.5 if cycle == 0 else 1):
                break
            self._cycle("early_stop" if too_early else "cycle", first=cycle == 0)
            self._pause(0.4)

    def shots(self) -> None:
        """Make coffee: flush, grind, brew, steam milk."""
        rng, stage = self._rng, self._stage
        self._lock()
        for shot in range(int(rng.integers(1, 5))):
            duration_s = uniform(rng, 20, 35)
            if stage.now_s + duration_s > _LATEST_S:
                break
            if chance(rng, 0.6) and stage.now_s > 5:
                self._prepare(duration_s)
            if stage.now_s + duration_s > 143:
                break
            if chance(rng, 0.15):
                # Pre-infusion by hand: a short run, and a pause.
                stage.run(flow(self._machine, uniform(rng, 1.5, 3), Puck(40, 20, 4, 3, 0.01)), "other")
                self._wait(1.5, 4)
            self._brew(duration_s, first=shot == 0)
            self._wait(2, 4)
            if chance(rng, 0.35) and stage.now_s < 120:
                self._steam_milk()
            stage.hand("unlock", stage.now_s)
            stage.now_s += 1.5
            if chance(rng, 0.5):
                stage.hand("knock", stage.now_s)
                stage.now_s += 2
            if chance(rng, 0.2):
                self._refill()
                stage.now_s += 1
            self._pause(0.3)

    def _prepare(self, duration_s: float) -> None:
        """Flush, grind if there is time before a shot of so many seconds, and lock the handle."""
        rng, stage = self._rng, self._stage
        self._flush(1.5, 4)
        self._wait(1.5, 4)
        if chance(rng, 0.5) and stage.now_s + duration_s < 125:
            grinding = grinder(rng, uniform(rng, 3, 7))
            stage.put(grinding, stage.now_s, gain(uniform(rng, -6, 6)))
            stage.now_s += len(grinding) / RATE_HZ + 0.5
            stage.hand("knock", stage.now_s - 0.3)
            stage.now_s += 1.5
        stage.hand("lock", stage.now_s)
        self._wait(1.4, 3)

    def _brew(self, duration_s: float, *, first: bool) -> None:
        rng, stage = self._rng, self._stage
        # Through the puck at 9 bar, before it swells to one and a half times its resistance.
        flow_ml_s = uniform(rng, 0.9, 3.2)
        puck = Puck(
            water_ml=self._machine.water.free_ml_s * uniform(rng, 1.0, 3.5),
            air_ml=uniform(rng, 15, 70),
            resistance=9 / flow_ml_s / 1.5,
            swells_s=uniform(rng, 2, 8),
            washed_out_per_s=uniform(rng, 0.003, 0.02),
        )
        on_s = stage.now_s
        stage.run(flow(self._machine, duration_s, puck), "other", release=uniform(rng, 0.5, 1), first=first)
        into_cup = fade(samples(duration_s - 6), 3, 0.5)
        coffee = bubbles(rng, into_cup, uniform(rng, 8, 30), 500, 2500)
        stage.put(coffee, on_s + 6.5, gain(uniform(rng, -32, -20)))

    def _steam_milk(self) -> None:
        rng, stage = self._rng, self._stage
        milk = steam(rng, uniform(rng, 4, 10))
        stage.put(milk, stage.now_s, gain(uniform(rng, -10, 3)))
        stage.now_s += len(milk) / RATE_HZ + 1
        purge = steam(rng, uniform(rng, 0.4, 1.3))
        stage.put(purge, stage.now_s, gain(uniform(rng, -8, 3)))
        stage.now_s += 2

    def leak(self) -> None:
        """Run against a blind basket that leaks so much that no pressure comes; it sprays."""
        rng, stage, water = self._rng, self._stage, self._machine.water
        # Where leak and pump are in balance.
        bar = log_uniform(rng, 0.25, 1.2)
        share = {"vib": 1 - bar / water.stall_bar, "rotary": 0.97, "gear": 1 - 0.4 * bar / water.stall_bar}
        leak_ml_s = water.free_ml_s * share[self._machine.pump]
        self._lock()
        spray = colour(rng, 500, 7000, -2, 4, 2)
        for run in range(int(rng.integers(2, 6))):
            duration_s = uniform(rng, 7, 26)
            if stage.now_s + duration_s > _LATEST_S:
                break
            water_ml = self._fill_s * water.free_ml_s * uniform(rng, 0.3, 0.7)
            load = Blind(water_ml, water.air_ml, leak_ml_s / sqrt(bar) * uniform(rng, 0.97, 1.1))
            on_s = stage.now_s
            stage.run(flow(self._machine, duration_s, load), "early_stop", first=run == 0)
            count = samples(duration_s * 0.7)
            level = fade(count, 1, 0.3)
            spraying = convolve(noise(rng, count), spray) * level * uniform(rng, 0, 0.6)
            spraying = spraying + bubbles(rng, level, uniform(rng, 10, 90)) * np.float32(0.4)
            stage.put(spraying, on_s + duration_s * 0.3, gain(uniform(rng, -26, -10)))
            stage.now_s += 0.5
            if chance(rng, 0.6):
                stage.hand("unlock", stage.now_s)
                self._wait(1.5, 4)
                stage.hand("lock", stage.now_s)
                stage.now_s += 1.3
            self._pause(0.4)

    def stuck_shut(self) -> None:
        """Try again and again, though the valve lets nothing out."""
        rng, stage = self._rng, self._stage
        self._lock()
        # How much has leaked away again before the next try.
        left = uniform(rng, 0.35, 1)
        for attempt in range(int(rng.integers(2, 8))):
            fill_s = self._fill_s * (1 if attempt == 0 else left * uniform(rng, 0.8, 1.1))
            if stage.now_s > 132 - fill_s * 1.6 - self._hold_s:
                break
            self._cycle("no_release", first=attempt == 0, fill_s=fill_s)
            self._pause(0.5)
            if chance(rng, 0.3):
                self._wait(1, 5)

    def idle(self) -> None:
        """Be somewhere else."""
        self._stage.now_s = uniform(self._rng, 42, 110)


_PERFORMED: Final[Mapping[str, Callable[[User], None]]] = {
    "cleaning": User.cleaning,
    "early_stops": User.early_stops,
    "shots": User.shots,
    "leak": User.leak,
    "stuck_shut": User.stuck_shut,
    "idle": User.idle,
}
SCENARIOS: Final = tuple(_PERFORMED)
