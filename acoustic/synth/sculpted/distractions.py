"""Passing sounds of the room, and of the user's hands beside the machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from .backgrounds import dishwasher, kettle
from .household import MOTORS, beeps, birds, cloth, microwave, motor, steam, steps, tap
from .machine import draw_machine
from .plan import Pause, PumpRun
from .pump import pump_sound
from .signals import CURVE_HZ, F32, RATE_HZ, Floats, add, fade, gain, pick, unit_rms
from .strikes import Strike, bounce, clatter, strike
from .voices import voice

__all__ = ["Distraction", "add_hands", "draw_distraction"]

# What may pass by in a condition, and how often (assumed).
_WEIGHTS: Final[dict[str, dict[str, float]]] = {
    "home": {"dish": 2, "thud": 2, "voice": 1.5, "tap": 0.7, "beep": 0.5, "cloth": 1, "birds": 1, "steps": 1.5},
    "kitchen": {
        "dish": 4,
        "clatter": 3,
        "voice": 3,
        "tap": 3,
        "beep": 1,
        "cloth": 1,
        "thud": 2,
        "steps": 1,
        "blender": 0.6,
        "grinder": 0.7,
        "juicer": 0.4,
        "bounce": 0.7,
        "kettle": 0.5,
        "microwave": 0.6,
    },
    "hard": {
        "clatter": 4,
        "voice": 3,
        "tap": 2,
        "thud": 2,
        "blender": 1.5,
        "vacuum": 1,
        "grinder": 1.2,
        "juicer": 1,
        "mixer": 1,
        "steam": 0.7,
        "bounce": 1,
        "beep": 1,
        "purge": 1,
        "shaver": 0.5,
        "microwave": 0.6,
    },
    "cafe": {
        "grinder": 4,
        "steam": 3,
        "purge": 2.5,
        "clatter": 4,
        "dish": 3,
        "voice": 3,
        "knock": 3,
        "beep": 0.8,
        "thud": 1,
        "other_pump": 2.0,
        "blender": 0.5,
    },
}
# Where no machine runs, a quiet home has its appliances.
_IDLE_HOME: Final[dict[str, float]] = {
    "blender": 0.5,
    "juicer": 0.5,
    "microwave": 0.7,
    "shaver": 0.4,
    "grinder": 0.6,
    "kettle": 0.5,
    "dishwasher": 0.4,
}
# Of these the peak is 1, of the others the RMS.
_STRIKING: Final = frozenset({"dish", "clatter", "thud", "knock", "bounce", "steps"})


@dataclass(frozen=True, slots=True)
class Distraction:
    """A passing sound of unit peak, if it is `striking`, or of unit RMS."""

    name: str
    sound: Floats
    striking: bool


def draw_distraction(rng: np.random.Generator, condition: str, mains_hz: int, idle: bool) -> Distraction:
    """Draw one that fits the condition; without a machine there is no other pump either."""
    weights = dict(_WEIGHTS[condition])
    if idle:
        weights.pop("other_pump", None)
        if condition == "home":
            weights.update(_IDLE_HOME)
    name = pick(rng, list(weights), list(weights.values()))
    if name in MOTORS:
        sound: Floats = motor(rng, rng.uniform(3, 14), name, mains_hz)
    else:
        sound = _MAKERS[name](rng, mains_hz)
    return Distraction(name, sound, name in _STRIKING)


def _dish(rng: np.random.Generator, mains_hz: int) -> Floats:
    return clatter(rng, "dish", int(rng.integers(1, 4)), 0.8)


def _clatter(rng: np.random.Generator, mains_hz: int) -> Floats:
    kinds: list[Strike] = ["dish", "metal"]
    return clatter(rng, pick(rng, kinds), int(rng.integers(4, 14)), rng.uniform(1, 4))


def _appliance(rng: np.random.Generator, mains_hz: int, make: Callable[[np.random.Generator, int, int], Floats]) -> F32:
    return fade(make(rng, int(rng.uniform(8, 20) * RATE_HZ), mains_hz), 0.5, 0.5)


def _other_pump(rng: np.random.Generator, mains_hz: int) -> Floats:
    """Make a shot at the machine next door."""
    machine = draw_machine(rng)
    duration_s = rng.uniform(6, 24)
    pressed = np.clip((np.arange(int((duration_s + 1) * CURVE_HZ)) / CURVE_HZ - 4) / 6, 0, 0.6)
    return unit_rms(pump_sound(rng, machine, PumpRun("shot", "other", 0.0, duration_s, pressed)))


_MAKERS: Final[dict[str, Callable[[np.random.Generator, int], Floats]]] = {
    "dish": _dish,
    "clatter": _clatter,
    "thud": lambda rng, mains_hz: strike(rng, "thud"),
    "knock": lambda rng, mains_hz: clatter(rng, "clunk", int(rng.integers(2, 5)), 0.9),
    "bounce": lambda rng, mains_hz: bounce(rng),
    "steps": lambda rng, mains_hz: steps(rng),
    "birds": lambda rng, mains_hz: birds(rng),
    "voice": lambda rng, mains_hz: fade(voice(rng, rng.uniform(1.5, 7)), 0.1, 0.1),
    "tap": lambda rng, mains_hz: tap(rng, rng.uniform(2, 9)),
    "cloth": lambda rng, mains_hz: cloth(rng, rng.uniform(1, 4)),
    "beep": lambda rng, mains_hz: beeps(rng),
    "steam": lambda rng, mains_hz: steam(rng, rng.uniform(4, 14), into_milk=True),
    "purge": lambda rng, mains_hz: steam(rng, rng.uniform(0.5, 1.8), into_milk=False),
    "kettle": lambda rng, mains_hz: _appliance(rng, mains_hz, kettle),
    "dishwasher": lambda rng, mains_hz: _appliance(rng, mains_hz, dishwasher),
    "microwave": microwave,
    "other_pump": _other_pump,
}


class _Hands:
    """Puts sounds into a mix, at levels relative to that of the user's hands."""

    def __init__(self, mix: F32, level_db: float) -> None:
        self._mix = mix
        self._level_db = level_db

    def strike(self, sound: Floats, at_s: float, level_db: float) -> None:
        """Add a short sound, of unit peak."""
        add(self._mix, sound, at_s, float(gain(self._level_db + level_db + 6)))

    def work(self, sound: Floats, at_s: float, level_db: float) -> None:
        """Add a sound that lasts, of unit RMS."""
        add(self._mix, sound, at_s, float(gain(self._level_db + level_db - 8)))


def add_hands(rng: np.random.Generator, mix: F32, pause: Pause, level_db: float, mains_hz: int) -> None:
    """Add what the user's hands do in a pause: handle, water, cloth, cups, or grinding before a shot."""
    hands = _Hands(mix, level_db)
    if pause.kind == "short":
        _add_short(rng, hands, pause)
        return
    start_s, stop_s = pause.start_s, pause.stop_s
    length_s = stop_s - start_s
    hands.strike(strike(rng, "clunk"), start_s + rng.uniform(0.3, 0.9), rng.uniform(-5, 3))
    if pause.kind == "shot":
        if rng.random() < 0.5:
            knocks = clatter(rng, "clunk", int(rng.integers(1, 4)), 0.7)
            hands.strike(knocks, start_s + 1.0, rng.uniform(-4, 5))
        if length_s > 5 and rng.random() < 0.6:
            hands.work(motor(rng, length_s - 3.5, "grinder", mains_hz), start_s + 2, rng.uniform(-2, 6))
        hands.strike(strike(rng, "thud"), stop_s - rng.uniform(0.9, 1.6), rng.uniform(-10, 0))
    else:
        if rng.random() < 0.5:
            hands.strike(bounce(rng), start_s + rng.uniform(1.0, 2.0), rng.uniform(-10, 0))
        if length_s > 5 and rng.random() < 0.7:
            hands.work(tap(rng, rng.uniform(1.5, length_s - 3)), start_s + 2, rng.uniform(-12, 0))
        if rng.random() < 0.4:
            kinds: list[Strike] = ["dish", "metal"]
            dishes = clatter(rng, pick(rng, kinds), 3, 1.0)
            hands.strike(dishes, start_s + rng.uniform(0.5, length_s - 1), rng.uniform(-12, 0))
    hands.strike(strike(rng, "clunk"), stop_s - rng.uniform(0.3, 0.8), rng.uniform(-5, 3))


def _add_short(rng: np.random.Generator, hands: _Hands, pause: Pause) -> None:
    start_s, stop_s = pause.start_s, pause.stop_s
    length_s = stop_s - start_s
    if length_s > 2 and rng.random() < 0.35:
        kinds: list[Strike] = ["clunk", "thud", "metal"]
        hands.strike(strike(rng, pick(rng, kinds)), start_s + rng.uniform(0.5, length_s - 0.4), rng.uniform(-14, 2))
    if length_s > 4 and rng.random() < 0.3:
        wiping = cloth(rng, rng.uniform(0.6, 2))
        hands.work(wiping, start_s + rng.uniform(0.8, length_s - 2.5), rng.uniform(-18, -6))
    if length_s > 6 and rng.random() < 0.35:
        # The handle is taken out, rinsed and put back.
        hands.strike(strike(rng, "clunk"), start_s + rng.uniform(0.6, 1.4), 0)
        hands.work(tap(rng, length_s - 3.6), start_s + 1.8, rng.uniform(-14, -2))
        hands.strike(strike(rng, "clunk"), stop_s - rng.uniform(0.4, 1.0), rng.uniform(-4, 3))
