"""Sound of the machine from the state of its water.

Sources, each with its own resonances: strokes of the pump through the case, noise of the pump that pulses with them,
water rushing into the group, OPV hiss and trickle, release with gurgle and drips, splashing, clicks of switch and
solenoid, and mains hum. Levels follow flow and pressure at 1 kHz; samples are made in one compiled loop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from .filters import (
    Floats,
    band_bank,
    bank_rms,
    filter_block,
    first_order,
    noise,
    peaking,
    run_bank,
    weighted_rms,
)
from .hydraulics import (
    BOILER,
    CONTROL_HZ,
    CONTROL_NAMES,
    DUTY,
    HEAD_BAR,
    HEAD_ML_S,
    OPV_ML_S,
    OUT_ML_S,
    PUMP_BAR,
    PUMP_ML_S,
    PUMP_OFF,
    PUMP_ON,
    QUIETING,
    RELEASE_ML_S,
    RUNNING_S,
    SPIN,
    SPUTTER,
    SWITCH_OFF,
    SWITCH_ON,
    VENT_OPEN,
    VENTED,
    filling,
    final_pressure_bar,
    opv_flow,
    uniform,
    water_noise,
)
from .loops import Loop, read_sound
from .plan import Hydraulics, MachineParameters, SoundLevels, Splice, StrangerParameters

__all__ = ["MachineSound"]

# Rows of the gain signal.
_TONE: Final = 0
_IMPACT: Final = 1
_NOISE: Final = 2
_FLOW: Final = 3
_OPV: Final = 4
_RELEASE_LOW: Final = 5
_RELEASE_HIGH: Final = 6
_SPLASH: Final = 7
_BUBBLES: Final = 8  # bubbles a second
_BUBBLE_GAIN: Final = 9
_RATE: Final = 10  # strokes a second
_DUTY: Final = 11
_SHIFT: Final = 12
_HUM: Final = 13
_ROUGH: Final = 14
_SPINNING: Final = 15
_QUIET: Final = 16
_GAINS: Final = 17

_BESIDE_THE_PUMP: Final = (
    "opv_db",
    "trickle_db",
    "release_db",
    "gurgle_db",
    "drip_db",
    "splash_db",
    "switch_db",
    "solenoid_db",
)

_BUBBLE_VOICES: Final = 6
_HUM_TABLE: Final = 512
# Wandering at 1 kHz: pulled back within half a second, with a standard deviation of 1.
_WANDER_PULL: Final = 0.002
_WANDER_STEP: Final = math.sqrt(3.0 * (2.0 * _WANDER_PULL - _WANDER_PULL**2))

# What a click sounds like.
_SWITCH_CLICK: Final = 0
_SOLENOID_CLICK: Final = 1


def _linear(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


@numba.njit(cache=True, nogil=True)
def _gains(control: Floats, h: Hydraulics, v: SoundLevels, stroke_hz: float, wander: Floats, out: Floats) -> None:
    """Amplitudes of all sources, shape (steps, gains), from the control signal, shape (steps, columns)."""
    ln = math.log(10.0) / 20.0
    opv_gain = math.exp(v.opv_db * ln)
    trickle = math.exp(v.trickle_db * ln)
    release_gain = math.exp(v.release_db * ln)
    gurgle = math.exp(v.gurgle_db * ln)
    drip = math.exp(v.drip_db * ln)
    splash = math.exp(v.splash_db * ln)
    idle_hum = math.exp(v.idle_hum_db * ln)
    run_hum = math.exp(v.run_hum_db * ln)
    for k in range(len(control)):
        c = control[k]
        g = out[k]
        load = min(1.0, c[PUMP_BAR] / h.stall_bar)
        spin = c[SPIN]
        # Loudness wanders slowly, of tone and noise apart.
        for i in range(2):
            wander[2], draw = uniform(wander[2])
            wander[i] += (2.0 * draw - 1.0) * _WANDER_STEP - wander[i] * _WANDER_PULL
        tone_db = v.wander_db * wander[0] + v.tone_load_db * load
        tone_db += v.tone_bump_db * math.exp(-(((load - v.tone_bump_load) / 0.12) ** 2))
        noise_db = v.wander_db * wander[1] + v.prime_db * math.exp(-c[RUNNING_S] / v.prime_s)
        g[_TONE] = spin * math.exp(ln * tone_db)
        g[_IMPACT] = spin * math.exp(ln * (noise_db + (v.impact_load_db + v.noise_rise_db) * load))
        pump_noise, flow_noise = water_noise(c[PUMP_ML_S], c[HEAD_ML_S], c[PUMP_BAR], h, v)
        g[_NOISE] = pump_noise * spin * math.exp(ln * noise_db)
        g[_FLOW] = flow_noise * math.exp(ln * noise_db)
        g[_OPV] = opv_gain * (c[OPV_ML_S] / 5.0) ** 0.8
        # A jet's amplitude grows with its diameter and with a power of its speed.
        flow = c[RELEASE_ML_S] / 48.0
        speed = math.sqrt(c[HEAD_BAR] / 9.0)
        jet = math.sqrt(flow) * speed**v.release_exponent
        g[_RELEASE_LOW] = release_gain * jet
        g[_RELEASE_HIGH] = release_gain * jet * speed**0.6
        g[_SPLASH] = splash * c[OUT_ML_S] / 8.0
        vented = c[VENTED]
        dripping = 9.0 * min(1.0, vented / 12.0)
        trickling = 25.0 * min(1.0, c[OPV_ML_S] / 5.0)
        falling = 40.0 * min(1.0, c[OUT_ML_S] / 5.0)
        gurgling = 60.0 * min(1.0, flow * 4.0)
        g[_BUBBLES] = dripping + trickling + falling + gurgling
        g[_BUBBLE_GAIN] = (
            max(drip * dripping / 9.0, trickle * trickling / 25.0)
            + gurgle * gurgling / 60.0
            + 0.5 * splash * falling / 40.0
        )
        g[_RATE] = stroke_hz * (1.0 - h.slip * load) * (spin if h.steady > 0.0 else 1.0)
        g[_DUTY] = c[DUTY]
        g[_SHIFT] = load
        g[_HUM] = idle_hum + run_hum * spin
        g[_ROUGH] = c[SPUTTER]
        g[_SPINNING] = spin
        g[_QUIET] = min(1.0, max(0.0, c[QUIETING]))


class _Banks(NamedTuple):
    """Resonances of every source, as `band_bank` makes them."""

    case: Floats
    noise: Floats
    flow: Floats
    opv: Floats
    release: Floats
    splash: Floats
    switch: Floats
    solenoid: Floats


@numba.njit(cache=True, nogil=True)
def _mix(a: Floats, b: Floats, part: float, i: int) -> float:
    value: float = a[i] + part * (b[i] - a[i])
    return value


@numba.njit(cache=True, nogil=True)
def _bubbles(chance: float, gain: float, rate_hz: float, seeds: npt.NDArray[np.int64], voices: Floats) -> float:
    """One sample of bubbles and drops: decaying tones whose pitch rises a little; `chance` of a new one."""
    if chance > 0.0:
        draw = 0.5 + noise(seeds, 7) / 4.8989794855663  # triangular in [0, 1]
        if draw < 0.5 and 2.0 * draw * draw < chance:
            free = 0
            for i in range(1, _BUBBLE_VOICES):
                if voices[i, 3] < voices[free, 3]:
                    free = i
            pitch = 500.0 * math.exp(0.65 * noise(seeds, 8))
            decay = 0.004 + 0.012 * abs(noise(seeds, 8))
            voices[free, 0] = 0.0
            voices[free, 1] = min(pitch, 0.4 * rate_hz) / rate_hz
            voices[free, 2] = math.exp(-1.0 / (decay * rate_hz))
            voices[free, 3] = gain * (0.5 + abs(noise(seeds, 8)))
    y = 0.0
    for i in range(_BUBBLE_VOICES):
        if voices[i, 3] > 1e-6:
            voices[i, 0] += voices[i, 1]
            voices[i, 1] *= 1.0 + 0.03 * (1.0 - voices[i, 2])
            x = 2.0 * (voices[i, 0] % 1.0) - 1.0
            y += voices[i, 3] * 4.0 * x * (1.0 - abs(x))
            voices[i, 3] *= voices[i, 2]
    return y


@numba.njit(cache=True, nogil=True)
def _render(
    start: int,
    first_step: int,
    rate_hz: float,
    gains: Floats,
    v: SoundLevels,
    vanes: int,
    mains_hz: float,
    tone_scale: float,
    scales: Floats,
    pattern: Floats,
    hum: Floats,
    banks: _Banks,
    clicks: Floats,
    state: Floats,
    memory: Floats,
    seeds: npt.NDArray[np.int64],
    bubbles: Floats,
    out: Floats,
) -> None:
    """Write samples `start` ... of the dry machine into `out`; `gains` rows begin at control step `first_step`."""
    steps_per_sample = CONTROL_HZ / rate_hz
    phase, turn, amplitude, skip, rough, sputter, low, hum_phase = (
        state[0],
        state[1],
        state[2],
        state[3],
        state[4],
        state[5],
        state[6],
        state[7],
    )
    previous, knock = state[8], state[10]
    case = banks.case
    coefficients = case.copy()
    last_step = -1
    next_click = 0
    low_pole = math.exp(-2.0 * math.pi * 90.0 / rate_hz)
    knock_pole = math.exp(-1.0 / (2e-4 * rate_hz))
    knock_area = (1.0 - knock_pole) * scales[7]
    rough_pole = math.exp(-2.0 * math.pi * 14.0 / rate_hz)
    click_pole = math.exp(-70.0 / rate_hz)
    width = v.stroke_width
    idle = 10.0 ** (v.idle_hiss_db / 20.0)
    hum_step = mains_hz * len(hum) / rate_hz
    for n in range(len(out)):
        position = (start + n) * steps_per_sample - first_step
        step = int(position)
        part = position - step
        a = gains[step]
        b = gains[step + 1]
        if step != last_step:
            last_step = step
            if v.resonance_shift != 0.0:
                bend = 1.0 + v.resonance_shift * a[_SHIFT]
                for i in range(len(case)):
                    coefficients[i, 1] = -2.0 * math.cos(case[i, 3] * bend) / case[i, 4]

        # Strokes.
        rate = _mix(a, b, part, _RATE)
        phase += rate * vanes / rate_hz
        if phase >= 1.0:
            phase -= 1.0
            turn = (turn + 1.0) % len(pattern)
            skip += a[_DUTY]
            if skip >= 1.0:
                skip -= 1.0
                amplitude = pattern[int(turn)] * (1.0 + v.stroke_jitter * noise(seeds, 0))
                if a[_ROUGH] > 0.0:
                    amplitude *= 1.0 + 0.6 * a[_ROUGH] * noise(seeds, 0)
            else:
                amplitude = 0.0
        push = 0.0
        if phase < width:
            u = phase / width
            push = 4.0 * u * (1.0 - u)
            push *= push
        tone = _mix(a, b, part, _TONE)
        # The hard stop at the stroke's end: a knock of a fifth of a millisecond.
        if push == 0.0 and previous > 0.0:
            knock += (_mix(a, b, part, _IMPACT)) * v.impact * knock_area
        previous = push
        force = amplitude * (tone * push + knock) * tone_scale
        knock *= knock_pole
        low = low * low_pole + (1.0 - low_pole) * force
        y = run_bank(force, coefficients, memory[0]) + v.low_thump * (force - low) * 0.1

        # Noise that pulses with the strokes.
        g = _mix(a, b, part, _NOISE)
        if g > 1e-7:
            pulse = v.noise_floor + (1.0 - v.noise_floor) * push * amplitude * 1.8
            y += run_bank(g * pulse * scales[0] * noise(seeds, 1), banks.noise, memory[1])
        else:
            y += run_bank(0.0, banks.noise, memory[1])
        g = _mix(a, b, part, _FLOW)
        if g > 1e-7:
            sputter += (noise(seeds, 2) * a[_ROUGH] - sputter) * 0.002
            y += run_bank(g * scales[1] * (1.0 + 20.0 * sputter) * noise(seeds, 2), banks.flow, memory[2])
        else:
            y += run_bank(0.0, banks.flow, memory[2])
        g = _mix(a, b, part, _OPV)
        if g > 1e-7:
            y += run_bank(g * scales[2] * noise(seeds, 3), banks.opv, memory[3])
        # Release: low and high resonances apart, since the jet darkens as it slows.
        low_jet = _mix(a, b, part, _RELEASE_LOW)
        if low_jet > 1e-7:
            high_jet = _mix(a, b, part, _RELEASE_HIGH)
            white = noise(seeds, 4)
            rough = rough * rough_pole + (1.0 - rough_pole) * noise(seeds, 5)
            flutter = 1.0 + 18.0 * rough * (1.0 - min(1.0, high_jet / (low_jet + 1e-9)))
            white *= scales[3] * max(0.0, flutter)
            y += run_bank(low_jet * white, banks.release[:1], memory[4, :1])
            y += run_bank(high_jet * white, banks.release[1:], memory[4, 1:])
        g = _mix(a, b, part, _SPLASH)
        if g > 1e-7:
            y += run_bank(g * scales[4] * noise(seeds, 6), banks.splash, memory[5])

        y += _bubbles(a[_BUBBLES] / rate_hz, a[_BUBBLE_GAIN], rate_hz, seeds, bubbles)

        # Clicks.
        kick_switch = 0.0
        kick_solenoid = 0.0
        while next_click < len(clicks) and clicks[next_click, 0] <= start + n:
            if clicks[next_click, 1] == _SWITCH_CLICK:
                kick_switch += clicks[next_click, 2]
            else:
                kick_solenoid += clicks[next_click, 2]
            next_click += 1
        state[9] = max(state[9] * click_pole, abs(kick_switch) + abs(kick_solenoid))
        if state[9] > 1e-9:
            y += run_bank(kick_switch * scales[5], banks.switch, memory[6])
            y += run_bank(kick_solenoid * scales[6], banks.solenoid, memory[7])

        # Mains hum, synchronous with the grid.
        hum_phase += hum_step
        if hum_phase >= len(hum):
            hum_phase -= len(hum)
        y += (_mix(a, b, part, _HUM)) * hum[int(hum_phase)]
        out[n] = y + idle * noise(seeds, 9)
    state[0] = phase
    state[1] = turn
    state[2] = amplitude
    state[3] = skip
    state[4] = rough
    state[5] = sputter
    state[6] = low
    state[7] = hum_phase
    state[8] = previous
    state[10] = knock


@numba.njit(cache=True, nogil=True)
def _bank_peak(bank: Floats, samples: int) -> float:
    """Largest sample of a bank's response to an impulse of 1."""
    state = np.zeros((len(bank), 2))
    peak = 0.0
    for n in range(samples):
        peak = max(peak, abs(run_bank(1.0 if n == 0 else 0.0, bank, state)))
    return peak


class _SplicedPump:
    """Pump sound from recordings: a fill and a pressurised loop, of which the fill has RMS 1."""

    def __init__(self, splice: Splice, rate_hz: int, rng: np.random.Generator) -> None:
        fill, pressurised = (
            [read_sound(file, start_s, stop_s - start_s, rate_hz).copy() for file, start_s, stop_s in stretches]
            for stretches in (splice.fill, splice.pressurised)
        )
        shelf = float(10.0 ** (-splice.deepen_db / 20.0))
        for stretch in pressurised:
            low = stretch.copy()
            filter_block(low, np.array([first_order(600.0, rate_hz, high=False)]), np.zeros((1, 2)))
            stretch[:] = low + shelf * (stretch - low)
        rms = math.sqrt(sum(float(np.sum(np.square(x))) for x in fill) / sum(len(x) for x in fill))
        self._fill = Loop([x / rms for x in fill], rate_hz, rng, splice.mains_hz)
        self._pressurised = Loop([x / rms for x in pressurised], rate_hz, rng, splice.mains_hz)

    def steady_fill(self, count: int) -> Floats:
        return self._fill.read(count)

    def render(self, running: Floats, quieting: Floats) -> Floats:
        """Return samples, given the pump's speed and the share of the quieting that is complete, both from 0 to 1."""
        # Equal powers, since the two loops are not coherent.
        return running * (
            np.sqrt(1.0 - quieting) * self._fill.read(len(running))
            + np.sqrt(quieting) * self._pressurised.read(len(running))
        )


class MachineSound:
    """Dry sound of one machine, 1 m away, with the pump tone's RMS in the fill as unit.

    Parameters
    ----------
    machine
        Parameters.
    rate_hz
        Of the samples.
    rng
        Takes the seeds of the noises.
    """

    def __init__(self, machine: MachineParameters, rate_hz: int, rng: np.random.Generator) -> None:
        self._machine = machine
        self._rate_hz = rate_hz
        self._seeds = rng.integers(1, 2**32 - 1, size=10, dtype=np.int64)
        self._banks = _Banks(
            *(
                band_bank(resonances, rate_hz)
                for resonances in (
                    machine.case,
                    machine.noise,
                    machine.flow,
                    machine.opv,
                    machine.release,
                    machine.splash,
                    machine.switch,
                    machine.solenoid,
                )
            )
        )
        pressed = machine.pressed if isinstance(machine, StrangerParameters) else ()
        self._pressed = np.array([peaking(resonance, rate_hz) for resonance in pressed]).reshape(-1, 5)
        self._levels = levels = machine.levels
        tail = rate_hz // 10
        # Noise of constant density: its RMS grows with the bandwidth, so that every rate sounds alike.
        self._scales = np.array(
            [1.0 / bank_rms(bank, tail) for bank in self._banks[1:6]]
            + [1.0 / _bank_peak(bank, tail) for bank in self._banks[6:]]
            # Momentum of a whole push, in samples: 8/15 of its length.
            + [8.0 / 15.0 * rate_hz / (machine.stroke_hz * machine.vanes) * levels.stroke_width]
        )
        pattern = 1.0 + levels.pattern_depth * (2.0 * rng.random(max(2, machine.vanes)) - 1.0)
        self._pattern = pattern / pattern.mean()
        harmonics = rng.random(8) * np.array([0.5, 1.0, 0.4, 0.7, 0.3, 0.4, 0.2, 0.3])
        angle = 2.0 * np.pi * np.arange(_HUM_TABLE) / _HUM_TABLE
        hum = sum(
            gain * np.sin((order + 1) * angle + 2.0 * np.pi * rng.random()) for order, gain in enumerate(harmonics)
        )
        self._hum = np.asarray(hum / np.sqrt(np.mean(np.square(hum))))
        self._reset()
        self._tone_scale = 1.0
        self._tone_scale = self._calibrate()
        self._splice: _SplicedPump | None = None
        if machine.splice is not None:
            self._splice = _SplicedPump(machine.splice, rate_hz, rng)
            self._tone_scale = 0.0
            self._levels = levels._replace(noise_db=-200.0, flow_db=-200.0, run_hum_db=-200.0)
        # Loudness of the fill, to which the sounds beside the pump's refer.
        self.loudness = weighted_rms(self.steady_fill(1.0)[rate_hz // 4 :], rate_hz)
        above_tone_db = 20.0 * math.log10(self.loudness)
        self._levels = self._levels._replace(
            **{name: getattr(self._levels, name) + above_tone_db for name in _BESIDE_THE_PUMP}
        )
        self._reset()

    def _reset(self) -> None:
        self._wander = np.array([0.0, 0.0, float(self._seeds[0])])
        self._state = np.zeros(11)
        self._memory = np.zeros((8, max(len(bank) for bank in self._banks), 2))
        self._bubbles = np.zeros((_BUBBLE_VOICES, 4))
        self._pressed_memory = np.zeros((len(self._pressed), 2))
        self._clicks = np.empty((0, 3))
        self._gains = np.empty((0, _GAINS))
        self._first_step = 0

    def _calibrate(self) -> float:
        """Factor that brings the pump tone of a fill at low pressure to RMS 1."""
        levels = self._machine.levels._replace(
            noise_db=-200.0, flow_db=-200.0, idle_hum_db=-200.0, run_hum_db=-200.0, idle_hiss_db=-200.0
        )
        seeds = self._seeds.copy()
        sound = self._fill(levels, 0.6)
        self._seeds = seeds
        return float(1.0 / np.sqrt(np.mean(np.square(sound[len(sound) // 2 :]))))

    def _fill(self, levels: SoundLevels, seconds: float) -> Floats:
        """Steady fill at 1 bar, from rest."""
        flow = self._machine.hydraulics.free_flow_ml_s * 0.93
        return self._steady(levels, seconds, pump_bar=1.0, pump_ml_s=flow, head_ml_s=flow, opv_ml_s=0.0)

    def _steady(
        self,
        levels: SoundLevels,
        seconds: float,
        *,
        pump_bar: float,
        pump_ml_s: float,
        head_ml_s: float,
        opv_ml_s: float,
        quiet: float = 0.0,
    ) -> Floats:
        self._reset()
        control = np.zeros((int(seconds * CONTROL_HZ) + 2, len(CONTROL_NAMES)))
        control[:, PUMP_BAR] = pump_bar
        control[:, PUMP_ML_S] = pump_ml_s
        control[:, HEAD_ML_S] = head_ml_s
        control[:, OPV_ML_S] = opv_ml_s
        control[:, QUIETING] = quiet
        control[:, SPIN] = 1.0
        control[:, DUTY] = 1.0
        control[:, RUNNING_S] = 1e3
        gains = np.empty((len(control), _GAINS))
        _gains(control, self._machine.hydraulics, levels, self._machine.stroke_hz, self._wander, gains)
        return self._samples(gains, 0, 0, int(seconds * self._rate_hz), levels)

    def steady_fill(self, seconds: float) -> Floats:
        """Sound of a fill, for setting levels; leaves the noise generators where they were."""
        seeds = self._seeds.copy()
        sound = self._fill(self._levels, seconds)
        if self._splice is not None:
            sound += self._splice.steady_fill(len(sound))
        self._seeds = seeds
        self._reset()
        return sound

    def quieting_db(self, bands_hz: Sequence[tuple[float, float]], seconds: float = 0.6) -> list[float]:
        """Change of level from a fill at low pressure to the hold against a blind basket, in each band, dB."""
        h = self._machine.hydraulics
        bar, pump, head, opv = filling(h)
        fill = self._steady(self._levels, seconds, pump_bar=bar, pump_ml_s=pump, head_ml_s=head, opv_ml_s=opv)
        bar = final_pressure_bar(h, healthy=True)
        opv = opv_flow(bar, h)
        hold = self._steady(self._levels, seconds, pump_bar=bar, pump_ml_s=opv, head_ml_s=0.0, opv_ml_s=opv, quiet=1.0)
        self._reset()
        powers = []
        for sound in (fill, hold):
            settled = sound[len(sound) // 3 :]
            power = np.square(np.abs(np.fft.rfft(settled * np.hanning(len(settled)))))
            hz = np.fft.rfftfreq(len(settled), 1.0 / self._rate_hz)
            powers.append([float(power[(hz >= low) & (hz < high)].sum()) for low, high in bands_hz])
        return [10.0 * math.log10(after / before) for before, after in zip(*powers, strict=True)]

    def _samples(self, gains: Floats, first_step: int, start: int, count: int, levels: SoundLevels) -> Floats:
        out = np.empty(count)
        _render(
            start,
            first_step,
            float(self._rate_hz),
            gains,
            levels,
            self._machine.vanes,
            self._machine.mains_hz,
            self._tone_scale,
            self._scales,
            self._pattern,
            self._hum,
            self._banks,
            self._clicks,
            self._state,
            self._memory,
            self._seeds,
            self._bubbles,
            out,
        )
        if len(self._pressed):
            pressed = out.copy()
            filter_block(pressed, self._pressed, self._pressed_memory)
            quiet = self._over_time(gains[:, _QUIET] * gains[:, _SPINNING], first_step, start, count)
            out += quiet * (pressed - out)
        return out

    def _over_time(self, gain: Floats, first_step: int, start: int, count: int) -> Floats:
        """Return a gain for each sample from `start` on; its rows begin at control step `first_step`."""
        steps = np.arange(start, start + count) * (CONTROL_HZ / self._rate_hz) - first_step
        over_time: Floats = np.interp(steps, np.arange(len(gain)), gain)
        return over_time

    def feed(self, control: Floats, marks: Floats, first_step: int) -> None:
        """Take control signals and marks from the water side; they must follow on one another."""
        gains = np.empty((len(control), _GAINS))
        _gains(control, self._machine.hydraulics, self._levels, self._machine.stroke_hz, self._wander, gains)
        if len(self._gains) == 0:
            self._first_step = first_step
        self._gains = np.concatenate([self._gains, gains])
        clicks = []
        for step, kind, value in marks:
            sample = math.ceil(step * self._rate_hz / CONTROL_HZ)
            level = self._levels
            own_doing = kind in (SWITCH_ON, SWITCH_OFF) and value == BOILER
            strength = 0.7 + 0.3 * (int(step) * 2654435761 % 1024) / 1024
            if kind in (SWITCH_ON, SWITCH_OFF) and not own_doing:
                clicks.append((sample, _SWITCH_CLICK, _linear(level.switch_db) * strength))
            elif kind == PUMP_ON or (kind == PUMP_OFF and not self._machine.lever):
                clicks.append((sample, _SOLENOID_CLICK, _linear(level.solenoid_db) * strength))
            elif kind == VENT_OPEN and not self._machine.lever:
                clicks.append((sample, _SOLENOID_CLICK, 0.6 * _linear(level.solenoid_db) * strength))
        if clicks:
            self._clicks = np.concatenate([self._clicks, np.array(clicks)])

    def render(self, start: int, count: int) -> Floats:
        """Return samples `start` to `start + count`; the control signal must reach past their end."""
        sound = self._samples(self._gains, self._first_step, start, count, self._levels)
        if self._splice is not None:
            running, quiet = (
                self._over_time(self._gains[:, row], self._first_step, start, count) for row in (_SPINNING, _QUIET)
            )
            sound += self._splice.render(running, quiet)
        done = (start + count) * CONTROL_HZ // self._rate_hz - self._first_step
        self._gains = self._gains[done:].copy()
        self._first_step += done
        self._clicks = self._clicks[self._clicks[:, 0] >= start + count]
        return sound
