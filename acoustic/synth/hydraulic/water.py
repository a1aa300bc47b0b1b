"""Pressure and flow of a pump run, integrated in time, and what follows from them for the sound.

Pressures are bar above the air's, flows mL/s, curves have `CONTROL_HZ` values a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np

from .draws import uniform
from .machine import Chamber, Machine, Motor, Vibrator
from .signals import F64, gain

__all__ = [
    "CONTROL_HZ",
    "Blind",
    "BlindRun",
    "Boiler",
    "Curves",
    "Load",
    "OpenGroup",
    "Puck",
    "Quieting",
    "Strengths",
    "fill_blind",
    "flow",
    "strengths",
]

CONTROL_HZ: Final = 250
_STEP_S: Final = 1 / CONTROL_HZ
# Shares of the quieting, in dB, at which it begins, is mostly done, and is complete.
_BEGUN, _MOST, _COMPLETE = 0.10, 0.80, 0.95
# What quietens less than this does not quieten, dB.
_LEAST_QUIETING_DB: Final = 2.0
# A quieting that takes longer is no real machine's.
_LONGEST_QUIETING_S: Final = 3.2
# How long beyond fill and hold a blind run is followed, so that a late quieting is still found.
_MARGIN_S: Final = 14
_ATTEMPTS: Final = 5


class Blind(NamedTuple):
    """A basket without holes: so much water until it is full, so much air in it; a leak in mL/s at 1 bar."""

    water_ml: float
    air_ml: float
    leak: float = 0.0


class Puck(NamedTuple):
    """Coffee: its resistance in bar / (mL/s), which swells by half and is then washed out."""

    water_ml: float
    air_ml: float
    resistance: float
    swells_s: float
    washed_out_per_s: float


class OpenGroup(NamedTuple):
    """No basket: the pressure that free flow meets."""

    bar: float


class Boiler(NamedTuple):
    """A boiler that is filled up: its pressure."""

    bar: float


Load = Blind | Puck | OpenGroup | Boiler


@dataclass(frozen=True, slots=True)
class Curves:
    """Pressure at the pump, flow that makes noise, flow through the over-pressure valve; the pump's drive, 0 to 1."""

    bar: F64
    ml_s: F64
    relief_ml_s: F64
    drive: F64

    @property
    def duration_s(self) -> float:
        """How long the pump runs."""
        return (len(self.bar) - 1) * _STEP_S

    def until(self, time_s: float) -> Curves:
        """Return the run as it is where the pump stops earlier."""
        count = int(time_s * CONTROL_HZ) + 1
        return Curves(self.bar[:count], self.ml_s[:count], self.relief_ml_s[:count], self.drive[:count])


@dataclass(frozen=True, slots=True)
class Strengths:
    """Strength of each source along a run: amplitudes beside full strength. `level_db` is that of all that work."""

    flow: F64
    pressed: F64
    magnet: F64
    blows: F64
    stream: F64
    relief: F64
    level_db: F64


class Quieting(NamedTuple):
    """When a quieting begins, is mostly done and is complete, seconds from the pump's start."""

    begun_s: float
    most_s: float
    complete_s: float


class BlindRun(NamedTuple):
    """A run against the blind basket that is not stopped yet.

    `quieting` is None where none comes; `progress` is the share of it that is done along the run. The machine may have
    been made stiffer for it.
    """

    machine: Machine
    curves: Curves
    quieting: Quieting | None
    progress: F64


class _PumpFlow:
    """What a pump delivers against a pressure."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._speed = 0.0
        self.drive = 1.0

    def ml_s(self, time_s: float, bar: float) -> float:
        """Advance by a step; return the flow."""
        machine, water = self._machine, self._machine.water
        free, stall = water.free_ml_s, water.stall_bar
        rise = 1 - exp(-time_s / water.rises_s)
        if isinstance(machine.sound, Motor):
            if machine.pump == "rotary":
                return free * max(0.0, 1 - 0.012 * bar) * rise
            self._turn(machine.sound, bar)
            # What leaks back between the gears grows with the pressure.
            return 0.0 if bar > stall else max(0.0, free * self._speed * rise - 0.35 * free * (bar / stall))
        skips = water.skips_bar
        self.drive = max(0.12, 1 - (bar - skips + 1) * 0.8) if skips and bar > skips - 1 else 1.0
        return free * max(0.0, 1 - bar / stall) * self.drive * rise

    def _turn(self, motor: Motor, bar: float) -> None:
        regulated = motor.regulated_bar
        wanted = 1.0 if not regulated else min(1.0, max(0.08, 1 + (regulated - 0.8 - bar) * 0.7))
        self._speed += _STEP_S / 0.12 * (wanted * (1 - motor.sag * min(bar, 14) / 12) - self._speed)
        self.drive = self._speed


def flow(machine: Machine, duration_s: float, load: Load) -> Curves:
    """Integrate a run of the pump against a load."""
    water, relief = machine.water, machine.relief
    count = int(duration_s * CONTROL_HZ) + 1
    curves = Curves(np.zeros(count), np.zeros(count), np.zeros(count), np.ones(count))
    pump = _PumpFlow(machine)
    to_fill_ml = load.water_ml if isinstance(load, (Blind, Puck)) else 0.0
    group_bar, ml_s = 0.0, 0.0
    for step in range(count):
        time_s = step * _STEP_S
        pump_bar = group_bar + water.jet * ml_s * ml_s
        ml_s += 0.5 * (pump.ml_s(time_s, pump_bar) - ml_s)
        relief_ml_s = relief.ml_s_bar * max(0.0, pump_bar - relief.opens_bar) if relief else 0.0
        relief_ml_s = min(relief_ml_s, ml_s + 2)
        if isinstance(load, OpenGroup):
            group_bar += _STEP_S * 8 * (load.bar * (ml_s / water.free_ml_s) - group_bar)
        elif isinstance(load, Boiler):
            group_bar += _STEP_S * 6 * (load.bar - group_bar)
        elif to_fill_ml > 0:
            to_fill_ml -= ml_s * _STEP_S
        else:
            stays_ml_s = ml_s - relief_ml_s - _outflow_ml_s(load, time_s, group_bar)
            group_bar = max(0.0, group_bar + _STEP_S * stays_ml_s / _takes_ml_bar(machine, load, group_bar))
        curves.bar[step] = pump_bar
        # A rotary pump's valve leads back to its inlet: that water is not heard in the pipes.
        curves.ml_s[step] = max(0.0, ml_s - (relief_ml_s if machine.pump == "rotary" else 0))
        curves.relief_ml_s[step] = relief_ml_s
        curves.drive[step] = pump.drive
    return curves


def _outflow_ml_s(load: Blind | Puck, time_s: float, bar: float) -> float:
    if isinstance(load, Blind):
        return load.leak * sqrt(max(bar, 0))
    swollen = load.resistance * (1 + 0.5 * (1 - exp(-time_s / load.swells_s)))
    return bar / (swollen * exp(-max(0, time_s - 8) * load.washed_out_per_s))


def _takes_ml_bar(machine: Machine, load: Blind | Puck, bar: float) -> float:
    """How much water goes in for another bar: hoses, the air that is left, the pre-infusion chamber."""
    takes = machine.water.yields_ml_bar + load.air_ml / (1 + bar) ** 2
    chamber = machine.water.chamber
    if isinstance(load, Blind) and chamber and chamber.opens_bar < bar < chamber.opens_bar + 1:
        takes += chamber.takes_ml_bar
    return takes


def strengths(machine: Machine, curves: Curves) -> Strengths:
    """How strong each source is, from pressure and flow."""
    water, sound, floor = machine.water, machine.sound, machine.floor
    full_bar = machine.relief.opens_bar if machine.relief else water.stall_bar * 0.8
    share = np.clip(curves.ml_s / (water.free_ml_s * 0.97), 0, 1)
    pressed = np.clip(curves.bar / full_bar, 0, 1.15)
    blows, blow_power = np.zeros_like(share), np.zeros_like(share)
    if isinstance(sound, Vibrator):
        # The stroke that is left, of those strokes that are made.
        stroke = np.clip(share / np.maximum(curves.drive, 0.05), 0, 1)
        blows = floor + (1 - floor) * stroke**sound.blow_power
        blow_power = (gain(sound.blow_db) * blows) ** 2 * np.maximum(curves.drive, 0.05)
        floor = floor * 0.8
    stream = floor + (1 - floor) * share**machine.stream_power
    return Strengths(
        flow=share,
        pressed=pressed,
        magnet=10 ** (machine.pressed_db * np.clip(pressed, 0, 1) / 20),
        blows=blows,
        stream=stream,
        relief=np.sqrt(np.clip(curves.relief_ml_s / water.free_ml_s, 0, 1)) * (curves.relief_ml_s > 0.02),
        level_db=10 * np.log10(blow_power + (gain(machine.stream_db) * stream) ** 2 + 1e-12),
    )


def _quieting(machine: Machine, curves: Curves) -> tuple[Quieting | None, F64]:
    """When the sources that work grow softer, and the share of it that is done along the run."""
    level_db = np.convolve(strengths(machine, curves).level_db, np.ones(9) / 9, "same")
    level_db[:5], level_db[-5:] = level_db[5], level_db[-6]
    # Not while the pump comes up.
    first = int(max(0.25, 4 * machine.water.rises_s) * CONTROL_HZ)
    loudest_db, last_db = np.max(level_db[first:]), np.mean(level_db[-CONTROL_HZ:])
    if loudest_db - last_db < _LEAST_QUIETING_DB:
        return None, np.zeros_like(level_db)
    progress = (loudest_db - level_db) / (loudest_db - last_db)
    progress[:first] = 0
    progress = np.maximum.accumulate(progress)
    begun, most, complete = (int(np.argmax(progress >= share)) / CONTROL_HZ for share in (_BEGUN, _MOST, _COMPLETE))
    return Quieting(begun, most, complete), progress


def fill_blind(
    machine: Machine, rng: np.random.Generator, fill_s: float, hold_s: float, air_ml: float | None = None
) -> BlindRun:
    """Run against the blind basket so that the quieting begins after about `fill_s`.

    Water, and where the quieting would take too long air, hoses and chamber too, are changed until it does.
    """
    free_ml_s = machine.water.free_ml_s
    if air_ml is None:
        air_ml = machine.water.air_ml * uniform(rng, 0.85, 1.15)
    air_ml = min(air_ml, 0.55 * fill_s * free_ml_s)
    water_ml = max(0.0, (fill_s * free_ml_s - 0.9 * air_ml) * uniform(rng, 0.97, 1.03))
    for _ in range(_ATTEMPTS):
        curves = flow(machine, fill_s + hold_s + _MARGIN_S, Blind(water_ml, air_ml))
        quieting, progress = _quieting(machine, curves)
        if quieting is None:
            break
        missing_s = fill_s - quieting.begun_s
        if quieting.complete_s - quieting.begun_s > _LONGEST_QUIETING_S:
            machine = _stiffer(machine)
            air_ml *= 0.7
        elif abs(missing_s) > 0.25 * fill_s and water_ml + missing_s * free_ml_s > 0:
            water_ml = water_ml + missing_s * free_ml_s
        else:
            break
    return BlindRun(machine, curves, quieting, progress)


def _stiffer(machine: Machine) -> Machine:
    water = machine.water
    chamber = water.chamber and Chamber(water.chamber.opens_bar, water.chamber.takes_ml_bar * 0.6)
    return replace(machine, water=replace(water, yields_ml_bar=water.yields_ml_bar * 0.6, chamber=chamber))
