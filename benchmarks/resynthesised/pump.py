"""The sound of a run of the pump: tone and noise, filtered by the pressure, and what sounds along.

How far the pressure is up is a share of the quieting, from 0 to 1; it moves the filters, the speed, the air, the
rattling and the water.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from .endless import looped
from .machine import Machine
from .recordings import recording
from .signals import F32, F64, KNOTS, RATE_HZ, Floats, colour, curve_db, filter_moving, unit, wander
from .source import Layers
from .strokes import hammered, pulsed

__all__ = ["Pressure", "pump_sound"]

# Share of the quieting, at seconds since the run's start.
Pressure = Callable[[F64], F64]

# Gains at the knots: where the sound rises before the quieting, how noise tilts as it wanders, a valve's hiss.
_SWELLING: Final = np.clip(curve_db([0, 0, 0, 0.3, 0.7, 1, 1, 1]), 0, 1)
_TILT: Final = curve_db(np.linspace(-0.5, 1.5, KNOTS))
_VALVE_HISS_DB: Final = curve_db([-20, -15, -10, -5, 0, 0, 0, 0])
_VALVE_PULSE_DB: Final = 4
_SWELL_S: Final = 1.5
_AIR_S: Final = 1.5
# From here on strokes under pressure are mixed in.
_LEAST_PRESSURE: Final = 0.05
_RATTLE_JITTER: Final = 0.5
# A rattle misses some strokes.
_RATTLE_SHARE: Final = 0.7


def pump_sound(
    machine: Machine, length_s: float, pressure: Pressure, rng: np.random.Generator, wet: float = 0.0
) -> F32:
    """Sound of a run, relative to the machine's fill, and of its run-down after `length_s`.

    Parameters
    ----------
    machine
        Whose pump it is.
    length_s
        From switch to switch.
    pressure
        How far the quieting is.
    rng
        Draws what differs from run to run.
    wet
        Level of water out of the group.
    """
    source, motor = machine.source, machine.source.motor
    t = np.arange(int((length_s + motor.run_down_s) * RATE_HZ)) / RATE_HZ
    pressed = pressure(t)
    up = np.clip(pressed, 0, 1)
    rise = np.clip(t / motor.rise_s, 0, 1)
    end = np.clip((length_s + 0.25 * motor.run_down_s - t) / motor.run_down_s, 0, 1) ** 1.6
    speed = np.ones(len(t))
    if not source.vibratory:
        loaded = 1 - motor.sag * np.clip(pressed, 0, 1.1)
        starting, stopping = 0.4 + 0.6 * rise, 0.45 + 0.55 * end
        speed = loaded * starting * stopping * (1 + 0.002 * wander(rng, len(t), 0.5))
    layers = _air(machine, _pressed_layers(machine, speed, up, rng), t, up, rng)
    sound = machine.case.heard(_filtered(machine, layers, t, pressed, rng))
    if machine.case.rattle_mix:
        sound = sound + machine.case.rattle_mix * _rattle(machine, pressed, rng)
    if machine.water.valve_hiss_mix:
        sound = sound + machine.water.valve_hiss_mix * _valve_hiss(machine, len(t), rng) * up**2
    flow = np.clip(wet * (1 - 0.6 * pressed), 0, 1) + machine.water.trickle_mix * up
    if np.max(flow) > 0.01:
        water = recording(source.corpus, machine.water.trickle)
        sound = sound + flow * unit(looped(water, len(t), rng, rng.uniform(0.85, 1.15)))
    return (sound * rise ** (0.7 if source.vibratory else 1.3) * end).astype(np.float32)


def _pressed_layers(machine: Machine, speed: Floats, up: F64, rng: np.random.Generator) -> Layers:
    """Tone and noise; those of the fill turn into those under pressure where they are others."""
    fill, pressed = machine.source.layers(len(up), speed, rng)
    scale, likeness = machine.scale, machine.likeness
    tone, noise = fill.tone * scale, fill.noise * scale
    share = up.astype(np.float32)
    if pressed is not None and likeness is not None and np.max(share) > _LEAST_PRESSURE:
        worn = likeness.worn(Layers(pressed.tone * scale, pressed.noise * scale))
        out, into = np.cos(share * np.float32(np.pi / 2)), np.sin(share * np.float32(np.pi / 2))
        tone, noise = tone * out + worn.tone * into, noise * out + worn.noise * into
    return Layers(tone, noise)


def _air(machine: Machine, layers: Layers, t: F64, up: F64, rng: np.random.Generator) -> Layers:
    """Let strokes differ while there is air in the water."""
    rate_hz = machine.source.rate_hz
    points = int(len(t) * rate_hz / RATE_HZ) + 2
    levels = np.clip(1 + machine.water.air * rng.normal(0, 0.5, points), 0.1, 2)
    levels = np.interp(np.arange(len(t)) * rate_hz / RATE_HZ, np.arange(points), levels)
    factor = 1 + np.exp(-t / _AIR_S) * (1 - up) * (levels - 1)
    return Layers(layers.tone * factor, layers.noise * factor)


def _filtered(machine: Machine, layers: Layers, t: F64, pressed: F64, rng: np.random.Generator) -> Floats:
    """Tone and noise together, each quietened in its way; both wander, swell and flutter."""
    water, quieting = machine.water, machine.quieting
    wandering_db = wander(rng, len(t), rng.uniform(0.4, 2.0), water.wander_db)
    swell_db = water.swell_db * _swell(t, pressed)
    flutter_db = water.flutter_db * np.sin(2 * np.pi * water.flutter_hz * t) * np.clip(pressed, 0, 1)
    level_db = wandering_db * np.clip(1 - 0.7 * pressed, 0.2, 1) + flutter_db

    def at(at_s: F64, curve: Floats) -> F32:
        return np.interp(at_s, t, curve)[:, None].astype(np.float32)

    def common_db(at_s: F64) -> F32:
        return at(at_s, level_db) + at(at_s, swell_db) * _SWELLING

    def tone_db(at_s: F64) -> F32:
        return at(at_s, pressed) * quieting.tone_db + common_db(at_s)

    def noise_db(at_s: F64) -> F32:
        return at(at_s, pressed) * quieting.noise_db + common_db(at_s) + at(at_s, wandering_db) * 0.4 * _TILT

    return filter_moving(layers.tone, tone_db) + filter_moving(layers.noise, noise_db)


def _swell(t: F64, pressed: F64) -> F64:
    """Rise before a quieting that becomes complete, and sink with it; 0 to 1."""
    if np.max(pressed) <= 0.9:
        return np.zeros(len(t))
    begin_s = np.argmax(pressed > 0.03) / RATE_HZ
    rising = np.clip(1 - (begin_s - t) / _SWELL_S, 0, 1)
    return np.where(t < begin_s, rising, np.clip(1 - pressed / 0.3, 0, 1))


def _rattle(machine: Machine, pressed: F64, rng: np.random.Generator) -> Floats:
    count = len(pressed)
    factor = np.clip(wander(rng, count, 0.6), 0, 1.5) * (rng.random(count) < _RATTLE_SHARE)
    factor = factor * np.clip(1 - 0.6 * pressed, 0, 1)
    return unit(hammered(count, machine.source.events_hz, machine.case.rattle, rng, _RATTLE_JITTER, factor))


def _valve_hiss(machine: Machine, count: int, rng: np.random.Generator) -> Floats:
    hiss = looped(machine.water.valve_hiss, count, rng)
    if machine.source.vibratory:
        hiss = pulsed(hiss, machine.source.rate_hz, _VALVE_PULSE_DB)
    return colour(hiss, _VALVE_HISS_DB)
