"""The sound of a run of the pump: strokes that ring in the case, noise that pulses with them, and what sounds along.

Tone and noise are made flat and then sculpted, each by its share of the pump's colour. The colour moves with the
pressure, wanders, and steps; so do rate, jitter and the strokes' pattern.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.signal import oaconvolve

from .machine import Machine
from .plan import PumpRun
from .signals import (
    BAND_CENTRES_HZ,
    BANDS,
    CURVE_HZ,
    F32,
    F64,
    HOP,
    RATE_HZ,
    TILT,
    Floats,
    angles,
    curve_points,
    curve_times_s,
    gain,
    impulses,
    rms,
    sample_times_s,
    sculpt,
    slow,
    to_samples,
    turns,
)
from .strikes import grains

__all__ = ["fill_scale", "pump_sound"]

# The sound runs out after the stop.
_TAIL_S: Final = 0.6
# How much of the lag the bands have, and of the rise before the quieting, from low to high (assumed).
_LAGGING: Final = np.array([1, 1, 0.6, 0.2, 0, 0, 0])
_RISING: Final = np.array([0, 0, 0.2, 0.7, 1, 1, 1])


@dataclass(frozen=True, slots=True)
class _Curves:
    """What changes during a run, shape (points,); `lagging` is `pressed` a little later."""

    count: int
    time_s: F64
    pressed: F64
    lagging: F64
    rate_hz: F64
    air: F64

    @property
    def points(self) -> int:
        """How many points they have."""
        return len(self.time_s)


@dataclass(frozen=True, slots=True)
class _Events:
    """Strokes' events: where (in samples), how strong, and 1 for the first event of each stroke, else 0."""

    at: F64
    levels: F64
    first: F64


def fill_scale(machine: Machine) -> float:
    """Scale at which the machine's bare fill has an RMS of 1, from a second of it."""
    bare = replace(machine, undertones=replace(machine.undertones, hum=0.0, whines=(), rattle=0.0))
    run = PumpRun("blind", "other", 0.0, 1.0, np.zeros(300), through=False)
    return 1.0 / rms(pump_sound(np.random.default_rng(1), bare, run)[2000:15000])


def pump_sound(rng: np.random.Generator, machine: Machine, run: PumpRun, scale: float = 1.0) -> F32:
    """Sound of a run, from its start to a little after its stop, without clicks and release.

    Parameters
    ----------
    rng
        Draws all that differs from run to run.
    machine
        What runs.
    run
        What it does; its place in the session does not matter.
    scale
        See `fill_scale`.
    """
    count = int((run.duration_s + _TAIL_S) * RATE_HZ)
    curves = _draw_curves(rng, machine, run, count)
    events = _draw_events(rng, machine, curves)
    tone = _tone(machine, curves, events)
    pulse = _pulse(machine, curves, events)
    noise = rng.standard_normal(count, dtype=np.float32) * pulse / np.sqrt(np.mean(pulse * pulse))
    if run.air > 0 or run.lasting_air > 0:
        spluttering_db = np.clip(curves.air, 0, 1) * 5 * slow(rng, curves.points, 0.03)
        noise *= to_samples(gain(spluttering_db), count)
    colour_db = _draw_colour(rng, machine, run, curves)
    pressed = curves.pressed[:, None]
    share = machine.tone.fill_share * (1 - pressed) + machine.tone.pressed_share * pressed
    tone_db, noise_db = colour_db + 10 * np.log10(share), colour_db + 10 * np.log10(1 - share)
    sound: Floats = sculpt(tone, tone_db) + sculpt(noise, noise_db)
    sound *= scale
    factor = float(gain(run.level_db))
    sound = sound + _hum(machine, count, factor)
    for whine in _draw_whines(rng, machine, curves, factor):
        sound = sound + whine
    if machine.undertones.rattle:
        sound = sound + _draw_rattle(rng, machine, curves, events, factor)
    sound = sound * _swell(machine, run, count)
    for water in _draw_water(rng, machine, run, curves, pulse):
        sound = sound + water
    return sound.astype(np.float32)


def _draw_curves(rng: np.random.Generator, machine: Machine, run: PumpRun, count: int) -> _Curves:
    strokes, timing = machine.strokes, machine.timing
    points = curve_points(count)
    t = curve_times_s(points)
    pressed = np.interp(t, curve_times_s(len(run.pressed)), run.pressed)
    lag = int(timing.lag_s * CURVE_HZ)
    lagging = np.r_[np.full(lag, pressed[0]), pressed[: points - lag]]
    unsteady = 0.00005 if machine.vibratory else 0.0015
    rate_hz = strokes.rate_hz * (1 - strokes.sag * pressed) * (1 + unsteady * slow(rng, points, 0.4))
    if not machine.vibratory:
        # Motors run up and down.
        if machine.pump == "gear":
            rate_hz *= 1 - 0.8 * np.exp(-t / (timing.attack_s * 0.6))
        else:
            rate_hz *= 1 - 0.4 * np.exp(-t / (timing.attack_s * 0.5))
        running_down = np.exp(-(t - run.duration_s + timing.decay_s) / (timing.decay_s * 3))
        rate_hz *= np.where(t > run.duration_s - timing.decay_s, running_down, 1)
    air = run.air * np.clip(1 - t / max(run.air_s, 0.1), 0, 1) + run.lasting_air
    return _Curves(count, t, pressed, lagging, rate_hz, air)


def _draw_events(rng: np.random.Generator, machine: Machine, curves: _Curves) -> _Events:
    strokes = machine.strokes
    phase = turns(curves.rate_hz, curves.count)
    samples = np.arange(curves.count)
    whole = np.arange(1, int(phase[-1]))
    per_stroke = len(strokes.offsets)
    first = np.arange(per_stroke) == 0
    points = np.arange(curves.points)
    pressed = np.interp(np.interp(whole, phase, samples) / HOP, points, curves.pressed)
    offsets = strokes.offsets + np.where(first, 0, 1) * pressed[:, None] * strokes.shift
    scatter = 1 + strokes.level_jitter * rng.standard_normal((len(whole), per_stroke))
    levels = np.tile(strokes.levels, (len(whole), 1)) * scatter
    if strokes.kept_share < 1:
        kept = np.floor(whole * strokes.kept_share) != np.floor((whole - 1) * strokes.kept_share)
        levels = levels * kept[:, None]
    at = np.interp((whole[:, None] + offsets).ravel(), phase, samples)
    jitter_s = strokes.jitter_s * (1 + 6 * curves.air) + 0.0012 * curves.air * machine.vibratory
    at = at + np.interp(at / HOP, points, jitter_s) * RATE_HZ * rng.standard_normal(len(at))
    # Air makes strokes uneven.
    uneven = 0.8 * np.interp(at / HOP, points, curves.air)
    levels = levels.ravel() * (1 + uneven * rng.standard_normal(len(at)))
    return _Events(at, levels, np.tile(first, len(whole)).astype(float))


def _tone(machine: Machine, curves: _Curves, events: _Events) -> Floats:
    """Ringing of the case, from the one body to the other as the pressure comes up."""
    count = curves.count
    struck = impulses(events.at, events.levels, count)
    filling = oaconvolve(struck, machine.tone.fill_body)[:count]
    pressed = oaconvolve(struck, machine.tone.pressed_body)[:count]
    share = to_samples(curves.pressed, count)
    return np.asarray(filling / (rms(filling) + 1e-9) * (1 - share) + pressed / (rms(pressed) + 1e-9) * share)


def _pulse(machine: Machine, curves: _Curves, events: _Events) -> F32:
    """Factor of the noise within each stroke."""
    count, tone = curves.count, machine.tone
    first = events.first > 0
    struck = impulses(events.at[first], np.abs(events.levels[first]), count)
    width = max(int(tone.pulse_width / machine.strokes.rate_hz * RATE_HZ), 8)
    kernel = np.hanning(width * 2 + 1) * np.exp(-np.arange(2 * width + 1) / width)
    push = oaconvolve(struck, kernel.astype(np.float32))[:count]
    push = push / (np.mean(push) + 1e-9)
    depth = to_samples(tone.fill_pulse * (1 - curves.pressed) + tone.pressed_pulse * curves.pressed, count)
    return np.asarray(1 - depth + depth * np.clip(push, 0, 6))


def _draw_colour(rng: np.random.Generator, machine: Machine, run: PumpRun, curves: _Curves) -> F64:
    """Levels of the bands, shape (points, bands)."""
    colour, undertones, t = machine.colour, machine.undertones, curves.time_s
    # Under pressure little wanders.
    steady = 1 - 0.6 * curves.pressed
    pressed = curves.pressed[:, None] * (1 - _LAGGING) + curves.lagging[:, None] * _LAGGING
    levels_db = colour.fill_db + pressed * colour.change_db
    levels_db = levels_db + (undertones.wander_db * slow(rng, curves.points, 0.6))[:, None] * steady[:, None]
    for band in range(0, BANDS, 2):
        wander_db = undertones.wander_db * 0.6 * slow(rng, curves.points, 0.35) * steady
        levels_db[:, band : band + 2] += wander_db[:, None]
    if run.quieting is not None:
        quieting = run.quieting
        before = np.clip(1 - (quieting.fall_s - t) / quieting.rise_s, 0, 1)
        behind = np.clip(1 - (t - quieting.fall_s) / max(0.5 * quieting.duration_s, 0.05), 0, 1)
        rise = before * (t < quieting.fall_s) + (t >= quieting.fall_s) * behind
        levels_db += undertones.rise_db * rise[:, None] * _RISING
    for at_s, step_db, tilt in run.steps:
        levels_db += (step_db / (1 + np.exp(-(t - at_s) / 0.08)))[:, None] * (1 + tilt * TILT)
    levels_db += run.level_db
    return np.asarray(levels_db)


def _hum(machine: Machine, count: int, factor: float) -> Floats:
    t = sample_times_s(count)
    hum = np.zeros(count)
    for number, harmonic in enumerate(machine.undertones.hum_harmonics):
        hum = hum + harmonic * np.sin(2 * np.pi * (machine.strokes.mains_hz * (number + 1)) * t + number)
    return np.asarray(factor * machine.undertones.hum * hum.astype(np.float32))


def _draw_whines(rng: np.random.Generator, machine: Machine, curves: _Curves, factor: float) -> list[F32]:
    whines: list[F32] = []
    if not machine.undertones.whines:
        return whines
    count, points = curves.count, curves.points
    angle = angles(curves.rate_hz * (1 + 0.002 * slow(rng, points, 0.02)), count)
    # They quieten half as much as the middle band.
    change_db = curves.pressed * machine.colour.change_db[BANDS // 2] * 0.5
    for order, level in machine.undertones.whines:
        if order * machine.strokes.rate_hz < 7000:
            level_curve = gain(change_db + 1.5 * slow(rng, points, 0.1))
            whine = factor * level * to_samples(level_curve, count) * np.sin(order * angle)
            whines.append(whine.astype(np.float32))
    return whines


def _draw_rattle(rng: np.random.Generator, machine: Machine, curves: _Curves, events: _Events, factor: float) -> Floats:
    """Something loose that now and then is struck, too."""
    undertones, points = machine.undertones, curves.points
    pressed_share = 1.0 - curves.pressed + undertones.pressed_rattle * curves.pressed
    often = np.clip(0.5 + slow(rng, points, 0.5), 0, 1.5) * pressed_share
    levels = np.abs(events.levels) * events.first * rng.lognormal(0, 0.6, len(events.levels))
    levels = levels * np.interp(events.at / HOP, np.arange(points), often)
    struck = impulses(events.at + rng.normal(0, 12, len(events.at)), levels, curves.count)
    rattle = oaconvolve(struck, undertones.rattle_response)[: curves.count]
    # The constant keeps few strikes from becoming loud.
    return np.asarray(factor * undertones.rattle * rattle / (rms(rattle) + 0.02))


def _swell(machine: Machine, run: PumpRun, count: int) -> F32:
    """Factor of the run's beginning and end; at its stop the sound has sunk by 10 dB."""
    t = sample_times_s(count)
    swell = 1 - np.exp(-t / (machine.timing.attack_s / 2.3))
    decay_s = machine.timing.decay_s
    stopping_s = np.clip(t - run.duration_s + decay_s / 2, 0, 30 * decay_s)
    stopping = np.exp(-stopping_s * 1.15 / (decay_s / 2))
    swell = swell * np.where(t > run.duration_s - decay_s / 2, stopping, 1)
    return np.asarray(swell.astype(np.float32))


def _draw_water(rng: np.random.Generator, machine: Machine, run: PumpRun, curves: _Curves, pulse: F32) -> list[Floats]:
    """Hiss of the over-pressure valve, a trickle under pressure, and water from an open group."""
    count, points, t, pressed = curves.count, curves.points, curves.time_s, curves.pressed
    running = (t < run.duration_s).astype(float)
    sounds: list[Floats] = []
    undertones = machine.undertones
    if undertones.valve_hiss and run.through:
        opened = np.clip((pressed - 0.6) / 0.4, 0, 1) * running * (1 + 0.2 * slow(rng, points, 0.2))
        noise = rng.standard_normal(count, dtype=np.float32) * pulse
        colour_db = -(np.log2(BAND_CENTRES_HZ / undertones.valve_hiss_hz) ** 2) * 5
        level = to_samples(np.clip(opened, 0, 2) * undertones.valve_hiss * 1.8, count)
        sounds.append(sculpt(noise, colour_db) * level)
    trickle = max(undertones.trickle, run.trickle)
    if trickle and run.through:
        # The machine's own trickle needs pressure, a leak does not.
        opened = np.clip(t / 3, 0, 1) if run.trickle else np.clip((pressed - 0.7) / 0.3, 0, 1)
        density = running * opened
        if density.max() > 0:
            drops = grains(rng, count, rng.uniform(25, 110), machine.drops, 5, density)
            sounds.append(np.asarray(drops * trickle / (rms(drops) + 1e-4)))
    if run.splash:
        density = running * np.clip((t - 0.25) / 0.4, 0, 1)
        colour_db = np.interp(BAND_CENTRES_HZ, [100, 500, 1500, 4000, 8000], [-22, -8, 0, -3, -9])
        stream = sculpt(rng.standard_normal(count, dtype=np.float32), colour_db)
        stream = stream * to_samples(density * gain(1.5 * slow(rng, points, 0.08)), count)
        drops = grains(rng, count, 120, machine.drops, 6, density)
        splash = stream / (rms(stream) + 1e-4) + 0.8 * drops / (rms(drops) + 1e-4)
        sounds.append(np.asarray(run.splash * splash))
    return sounds
