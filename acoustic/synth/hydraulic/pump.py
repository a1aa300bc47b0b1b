"""The dry sound of a pump run: the pump itself, the streaming water, the over-pressure valve and the coil."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Final

import numpy as np

from ...config import RATE_HZ
from .machine import Machine, Motor, Relief, Vibrator
from .signals import F32, F64, convolve, fade, gain, noise, pulses, rms, samples, seconds, wander
from .small_sounds import bubbles
from .water import CONTROL_HZ, Curves, Strengths

__all__ = ["PumpSound"]

# The motor runs out after the switch, and plates ring on.
_TAIL_S: Final = 0.5
# How fast air leaves the water.
_AIR_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class _Run:
    """What is known of a run that is rendered: `on_s` in the session, and `air`, how much air there is in the water."""

    on_s: float
    air: float
    curves: Curves
    strengths: Strengths
    bump: F64

    @property
    def count(self) -> int:
        return samples(self.curves.duration_s)

    def at(self, times_s: F64, curve: F64) -> F64:
        """Values of a curve at some times since the start."""
        return np.asarray(np.interp(times_s, np.arange(len(curve)) * (1 / CONTROL_HZ), curve))

    def stretched(self, curve: F64) -> F32:
        """Values of a curve at each sample."""
        return self.at(seconds(self.count), curve).astype(np.float32)


class PumpSound:
    """Renders a machine's runs, all at the level of its first."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._motor_rms: float | None = None

    def render(self, rng: np.random.Generator, on_s: float, curves: Curves, strong: Strengths, air: float) -> F32:
        """Sound of a run that begins at `on_s` in the session, and of the half second after it."""
        machine = self._machine
        near_pressure = np.exp(-0.5 * ((curves.bar - 1.5) / 1.0) ** 2) * (curves.bar > 0.3)
        run = _Run(on_s, air, curves, strong, 10 ** (machine.bump_db * near_pressure / 20))
        # Levels wander while water flows, and hardly in the hold.
        lively = 10 ** (wander(rng, run.count, 0.7, machine.wander_db) / 20)
        restless = (1 + (lively - 1) * run.stretched(0.25 + 0.75 * strong.flow)).astype(np.float32)
        if isinstance(machine.sound, Vibrator):
            out, beat = self._vibrator(rng, machine.sound, run, restless)
        else:
            out, beat = self._motor(rng, machine.sound, run)
        edges = fade(run.count, min(machine.water.rises_s * 2, 0.3), 0.01)
        out[: run.count] += self._stream(rng, run, restless, beat, edges)
        if machine.relief is not None and strong.relief.max() > 0:
            _add_relief(rng, out, machine.relief, run, beat, edges)
        if machine.coil_db is not None:
            turn = np.sin((2 * pi * ((machine.mains_hz * (seconds(run.count) + on_s)) % 1)).astype(np.float32))
            # Peaks of the seventh power: the armature only buzzes at the crests of the current.
            out[: run.count] += gain(machine.coil_db) * 2 * (turn * turn**2 * turn**4)
        return out

    def _vibrator(self, rng: np.random.Generator, sound: Vibrator, run: _Run, restless: F32) -> tuple[F32, F32]:
        """Magnet, blows and rattle, a pulse a stroke; with it the beat of the flow."""
        machine, strong, total = self._machine, run.strengths, run.count + samples(_TAIL_S)
        hz = machine.mains_hz
        t = seconds(run.count)
        # Strokes keep to the mains, which knows nothing of the switch.
        first, last = np.ceil(run.on_s * hz), np.floor((run.on_s + run.curves.duration_s) * hz)
        stroke_s = np.arange(first, last) / hz - run.on_s
        count = len(stroke_s)
        share, pressed = run.at(stroke_s, strong.flow), np.clip(run.at(stroke_s, strong.pressed), 0, 1)
        made = np.ones(count, bool)
        if machine.water.skips_bar:
            made = np.diff(np.floor(np.concatenate([[0], np.cumsum(run.at(stroke_s, run.curves.drive))]))) > 0
        air = run.air * np.exp(-stroke_s / _AIR_S) * machine.crackle
        height = 1 + rng.normal(0, 1, count) * (sound.jitter + 0.5 * air)
        height *= 1 + sound.alternation * np.where(np.arange(count) % 2, 1, -1) * share
        height = np.clip(height, 0.05, 2) * made
        rise = 1 - np.exp(-(stroke_s + 0.5 / hz) / machine.water.rises_s)
        places = stroke_s * RATE_HZ + rng.normal(0, 1, count) * (1 + 12 * air)

        magnet = run.at(stroke_s, strong.magnet) * rise * (1 + 0.4 * (height - 1)) * made
        out = convolve(pulses(total, places, magnet * (1 - pressed)), sound.magnet_free)
        out = out + convolve(pulses(total, places, magnet * pressed), sound.magnet_pressed)

        blows = run.at(stroke_s, strong.blows) * run.at(stroke_s, run.bump) * height * rise
        blows = blows * np.interp(stroke_s, t, restless)
        back = sound.return_share * RATE_HZ / hz
        # Against pressure the piston hardly travels, and strikes softly.
        hard, soft = pulses(total, places, blows * share), pulses(total, places, blows * (1 - share))
        hard += pulses(total, places + back + rng.normal(0, 2, count), blows * share * sound.return_gain)
        soft += pulses(total, places + back, blows * (1 - share) * sound.return_gain)
        struck = convolve(hard, sound.hard) + convolve(soft, 0.4 * sound.hard + 0.75 * sound.soft)
        out += gain(sound.blow_db) * struck

        if sound.rattle_db is not None:
            loose = np.clip(rng.normal(0.2, 0.6, count), 0, 2) * magnet * np.clip(share * 1.1, 0.1, 1)
            loose = loose * np.interp(stroke_s, t, np.clip(wander(rng, run.count, 0.5, 1) + 0.6, 0, 2))
            late = rng.uniform(0, 0.6, count) * RATE_HZ / hz
            rattle = convolve(pulses(total, places + late, loose), sound.rattle)
            rattle = rattle / (rms(rattle[: run.count]) + 1e-6) * gain(sound.rattle_db)
            # What hardly ever strikes is not made as loud as what always does.
            out += rattle * min(1, float(loose.mean()) * 3)
        beat = np.sin((pi * ((hz * (t + run.on_s)) % 1) + 1).astype(np.float32)) ** 2
        return out, beat

    def _motor(self, rng: np.random.Generator, sound: Motor, run: _Run) -> tuple[F32, F32]:
        """Tones of shaft and teeth, hum and whistle; with it the beat of the flow."""
        machine, curves, strong, tail = self._machine, run.curves, run.strengths, samples(_TAIL_S)
        water, total = machine.water, run.count + tail
        t, tail_s = seconds(run.count), seconds(tail)
        rise = (1 - np.exp(-t / water.rises_s)).astype(np.float32)
        # Only a rotary pump's motor turns slower by the pressure itself: a gear pump's drive has it in it.
        slip = sound.sag * np.clip(run.stretched(curves.bar) / 9, 0, 1.3) if machine.pump == "rotary" else 0
        turning_hz = sound.shaft_hz * (1 - slip) * rise**0.7 * (1 + wander(rng, run.count, 3, 0.0015))
        turning_hz = turning_hz * np.maximum(run.stretched(curves.drive), 0.05)
        running_out_hz = turning_hz[-1] * np.exp(-tail_s / (water.stops_s * 2.5))
        level = np.concatenate([rise, rise[-1] * np.exp(-tail_s / water.stops_s).astype(np.float32)])
        phase = 2 * pi * np.cumsum(np.concatenate([turning_hz, running_out_hz])) / RATE_HZ
        pressed = np.clip(_with_tail(run, strong.pressed, tail), 0, 1)
        speed = _with_tail(run, curves.drive, tail)

        tones = np.zeros(total, np.float32)
        for order, height, pressed_db in sound.orders:
            tone = np.sin(((order * phase + rng.uniform(0, 6)) % (2 * pi)).astype(np.float32))
            tones += tone * (height * 10 ** (pressed_db * pressed / 20)).astype(np.float32)
        tones *= (1 + sound.roughness * np.sin(phase % (2 * pi))).astype(np.float32)
        session_s = seconds(total) + run.on_s
        hum = np.zeros(total, np.float32)
        for hz, height in sound.hum:
            hum += np.float32(height) * np.sin((2 * pi * ((hz * session_s) % 1)).astype(np.float32))
        hum_gain = (10 ** (machine.pressed_db * pressed / 20)).astype(np.float32)
        body = convolve(tones, sound.colour) * speed**1.5 + hum * hum_gain * 0.7
        if self._motor_rms is None:
            self._motor_rms = rms(body[RATE_HZ // 2 : RATE_HZ])
        out = body / self._motor_rms * level
        if sound.chopped_hz:
            out += 0.03 * np.sin(2 * pi * sound.chopped_hz * session_s).astype(np.float32) * level
        beat = (0.5 + 0.5 * np.sin(phase[: run.count] * 2)).astype(np.float32)
        return out, beat

    def _stream(self, rng: np.random.Generator, run: _Run, restless: F32, beat: F32, edges: F32) -> F32:
        """Water in pipes and jet."""
        machine = self._machine
        depth = 0.6 if isinstance(machine.sound, Vibrator) else 0.2
        stream = convolve(noise(rng, run.count), machine.stream_colour) * run.stretched(run.strengths.stream)
        stream = stream * restless * run.stretched(run.bump) * (1 - depth + 2 * depth * beat) * edges
        if machine.crackle > 0.2:
            burst = np.clip(wander(rng, run.count, 15, 1), 0, 3)
            going = np.exp(-seconds(run.count) / _AIR_S).astype(np.float32)
            stream = stream * (1 + burst * going * machine.crackle)
        return np.asarray(gain(machine.stream_db) * stream)


def _with_tail(run: _Run, curve: F64, tail: int) -> F32:
    """Values of a curve at each sample, and its last value for so many more."""
    return np.concatenate([run.stretched(curve), np.full(tail, curve[-1], np.float32)])


def _add_relief(rng: np.random.Generator, out: F32, relief: Relief, run: _Run, beat: F32, edges: F32) -> None:
    """Add the hiss of the over-pressure valve, and where it runs to."""
    level = run.stretched(run.strengths.relief)
    hiss = convolve(noise(rng, run.count), relief.colour) * (0.6 + 0.8 * beat)
    if relief.squeal_hz:
        squeal_hz = relief.squeal_hz * (1 + 0.01 * wander(rng, run.count, 4, 1))
        hiss += 0.7 * np.sin(2 * pi * np.cumsum(squeal_hz) / RATE_HZ).astype(np.float32)
    out[: run.count] += gain(relief.level_db) * hiss * level * edges
    if relief.into_tray:
        falling = gain(relief.level_db - 2) * bubbles(rng, level, 60)
        out[: run.count] += falling * np.float32(0.6) * edges
