"""Water side of the machine: pump, trapped air, OPV, leak and three-way valve, stepped at 1 kHz.

Fill time, quieting and release follow from the parameters:

- The pump delivers `free * (1 - p / stall) ** exponent`.
- The head first fills at no pressure, then compresses its trapped air (Boyle) and stretches (compliance).
- The OPV passes flow in proportion to the pressure above its opening.
- The valve's exhaust is an orifice: flow = 0.6 * area * sqrt(2 p / rho).
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from .plan import Action, Hydraulics, SoundLevels

__all__ = [
    "CONTROL_HZ",
    "CONTROL_NAMES",
    "WaterSide",
    "filling",
    "final_pressure_bar",
    "final_quieting",
    "opv_flow",
    "uniform",
    "water_noise",
]

CONTROL_HZ: Final = 1000
_DT: Final = 1.0 / CONTROL_HZ
_ATMOSPHERE_BAR: Final = 1.0
_ORIFICE_ML_S: Final = 0.6 * 14.142 * math.pi / 4.0  # flow in mL/s of 1 mm at 1 bar

# Columns of the control signal.
CONTROL_NAMES: Final = (
    "head_bar",
    "pump_bar",
    "pump_ml_s",
    "head_ml_s",
    "opv_ml_s",
    "release_ml_s",
    "out_ml_s",
    "spin",
    "duty",
    "sputter",
    "vented",
    "quieting",
    "running_s",
)
HEAD_BAR: Final = 0
PUMP_BAR: Final = 1
PUMP_ML_S: Final = 2
HEAD_ML_S: Final = 3
OPV_ML_S: Final = 4
RELEASE_ML_S: Final = 5
OUT_ML_S: Final = 6
SPIN: Final = 7
DUTY: Final = 8
SPUTTER: Final = 9
VENTED: Final = 10
QUIETING: Final = 11  # share of the quieting that is complete, in dB
RUNNING_S: Final = 12  # since the pump's start

# What the head is closed with.
BLIND: Final = 0.0
PUCK: Final = 1.0
OPEN: Final = 2.0
BOILER: Final = 3.0

# Marks: what happened at which control step.
SWITCH_ON: Final = 0
PUMP_ON: Final = 1
QUIET_50: Final = 2
QUIET_80: Final = 3
QUIET_100: Final = 4
PRESSURE_UP: Final = 5
SWITCH_OFF: Final = 6
PUMP_OFF: Final = 7
VENT_OPEN: Final = 8
RELEASE_PEAK: Final = 9
RELEASE_END: Final = 10
_MARKS: Final = 11

# Nobody switches a pump off sooner, also where the group is under pressure still from the run before.
_QUICKEST_STOP_S: Final = 0.4

# State of the water side.
_P: Final = 0
_PUMP_P: Final = 1
_UNFILLED: Final = 2
_AIR: Final = 3
_SPIN: Final = 4
_VALVE: Final = 5  # 1 = exhaust open
_SWITCH: Final = 6
_SINCE_SWITCH: Final = 7
_PUMPING: Final = 8
_SINCE_STOP: Final = 9
_SINCE_START: Final = 10
_LOAD: Final = 11
_RESISTANCE: Final = 12
_ARMED: Final = 13  # the valve was shut by this run, so a vent is due
_VENT_LAG: Final = 14
_QUIET_REF: Final = 15  # level of the fill, dB
_QUIET_END: Final = 16  # level at the final pressure, dB
_REACHED: Final = 17  # last quieting mark of this run
_PRESSED: Final = 18
_PEAK: Final = 19  # largest release flow so far
_RELEASING: Final = 20
_OPENED: Final = 21
_AIRY: Final = 22
_DRAIN: Final = 23
_VENTED: Final = 24
_RANDOM: Final = 25
_OUT: Final = 26
_PROGRESS: Final = 27
_STATE: Final = 28

# State of the script.
_ROW: Final = 0
_CLOCK: Final = 1  # since the last pump stop or the beginning
_RUNNING: Final = 2
_HELD: Final = 3
_SCRIPT: Final = 4


@numba.njit(cache=True, nogil=True)
def uniform(state: float) -> tuple[float, float]:
    """Advance a 32-bit xorshift kept in a float64; return the new state and a number in [0, 1)."""
    x = int(state)
    x ^= (x << 13) & 0xFFFFFFFF
    x ^= x >> 17
    x ^= (x << 5) & 0xFFFFFFFF
    return float(x), x * (1.0 / 4294967296.0)


@numba.njit(cache=True, nogil=True)
def _pump_flow(bar: float, h: Hydraulics) -> float:
    """Flow of the pump at full speed and duty, mL/s."""
    load = bar / h.stall_bar
    if load >= 1.0:
        return 0.0
    falling = (1.0 - load) ** h.curve_exponent
    # A positive displacement pump holds its flow until the slip eats it close to stall.
    steady = 1.0 - load**4
    flow: float = h.free_flow_ml_s * h.wear * (falling + h.steady * (steady - falling))
    return flow


@numba.njit(cache=True, nogil=True)
def opv_flow(bar: float, h: Hydraulics) -> float:
    """Flow through the OPV at a pressure, mL/s."""
    return max(0.0, bar - h.opv_bar) * h.opv_ml_s_bar


@numba.njit(cache=True, nogil=True)
def _pump_pressure(head_bar: float, speed: float, open_flow: float, h: Hydraulics) -> float:
    """Pressure at the pump at which what it delivers goes through OPV and restrictor."""
    low = head_bar
    high = max(h.stall_bar, head_bar + 1e-6)
    for _ in range(24):
        bar = 0.5 * (low + high)
        through = math.sqrt(max(0.0, bar - head_bar) / h.restrictor_bar_s2_ml2)
        if speed * _pump_flow(bar, h) > through + opv_flow(bar, h) + open_flow:
            low = bar
        else:
            high = bar
    return 0.5 * (low + high)


@numba.njit(cache=True, nogil=True)
def _final_pressure(h: Hydraulics, leak_ml_s: float, exhaust_mm: float, duty: float) -> float:
    """Head pressure at which inflow and losses balance, bar."""
    low = 0.0
    high = h.stall_bar
    for _ in range(40):
        bar = 0.5 * (low + high)
        loss = (leak_ml_s + h.seep_ml_s) * math.sqrt(bar / 9.0) + _ORIFICE_ML_S * exhaust_mm**2 * math.sqrt(bar)
        if duty * _pump_flow(bar + h.restrictor_bar_s2_ml2 * loss**2, h) - opv_flow(bar, h) > loss:
            low = bar
        else:
            high = bar
    return 0.5 * (low + high)


def final_pressure_bar(hydraulics: Hydraulics, *, healthy: bool = False) -> float:
    """Pressure that a blind basket ends at; `healthy` leaves leak and stuck valve out."""
    leak, exhaust = (0.0, 0.0) if healthy else (hydraulics.leak_ml_s, hydraulics.stuck_open_mm)
    return float(_final_pressure(hydraulics, leak, exhaust, hydraulics.duty))


def filling(h: Hydraulics) -> tuple[float, float, float, float]:
    """Pump pressure in bar, and flows through pump, group and OPV in mL/s, while the water meets no resistance."""
    bar = float(_pump_pressure(0.0, h.duty, 0.0, h))
    return bar, h.duty * _pump_flow(bar, h), float(np.sqrt(bar / h.restrictor_bar_s2_ml2)), opv_flow(bar, h)


@numba.njit(cache=True, nogil=True)
def water_noise(
    pump_ml_s: float, head_ml_s: float, pump_bar: float, h: Hydraulics, v: SoundLevels
) -> tuple[float, float]:
    """Amplitudes of the pump's and the group's water noise: what quietens when the pressure is up.

    Both fall with the flow, and once more where the pressure ends the cavitation; before that they rise a little.
    """
    db = math.log(10.0) / 20.0
    rise = v.noise_rise_db * math.exp(-(((pump_bar / h.stall_bar - 0.33) / 0.2) ** 2))
    past = min(30.0, max(-30.0, (pump_bar - v.choke_bar) / v.choke_width_bar))
    choke = v.choke_db / (1.0 + math.exp(-past))
    pump = math.exp(db * v.noise_db) * max(pump_ml_s / h.free_flow_ml_s, 0.01) ** v.noise_exponent
    head = math.exp(db * v.flow_db) * max(head_ml_s / h.free_flow_ml_s, 0.0) ** v.flow_exponent
    # The pump's valves go on hammering, while the water in the group comes to rest.
    return math.exp(db * (rise - 0.6 * choke)) * pump, math.exp(db * (rise - choke)) * head


@numba.njit(cache=True, nogil=True)
def _loudness_db(pump_ml_s: float, head_ml_s: float, pump_bar: float, h: Hydraulics, v: SoundLevels) -> float:
    pump, head = water_noise(pump_ml_s, head_ml_s, pump_bar, h, v)
    return 10.0 * math.log10(pump * pump + head * head + 1e-12)


@numba.njit(cache=True, nogil=True)
def _loudness_ends_db(healthy_bar: float, h: Hydraulics, v: SoundLevels) -> tuple[float, float]:
    """Between which loudnesses the water quietens: free flow, and nothing but the pump at the final pressure."""
    free = h.free_flow_ml_s * h.wear * h.duty
    end_ml_s = h.duty * _pump_flow(healthy_bar, h)
    return _loudness_db(free, free, 0.0, h, v), _loudness_db(end_ml_s, 0.0, healthy_bar, h, v)


def final_quieting(h: Hydraulics, v: SoundLevels) -> float:
    """Share of the quieting that a blind basket ends at: below 1 where the water that seeps past stays audible."""
    healthy_bar = final_pressure_bar(h, healthy=True)
    bar = final_pressure_bar(h)
    seep = (h.leak_ml_s + h.seep_ml_s) * math.sqrt(bar / 9.0)
    start, end = _loudness_ends_db(healthy_bar, h, v)
    return float((_loudness_db(h.duty * _pump_flow(bar, h), seep, bar, h, v) - start) / min(end - start, -1e-3))


@numba.njit(cache=True, nogil=True)
def _mark(marks: npt.NDArray[np.float64], count: int, step: int, kind: int, value: float) -> int:
    if count < len(marks):
        marks[count, 0] = step
        marks[count, 1] = kind
        marks[count, 2] = value
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _advance(
    first: int,
    steps: int,
    h: Hydraulics,
    v: SoundLevels,
    healthy_bar: float,
    state: npt.NDArray[np.float64],
    script: npt.NDArray[np.float64],
    rows: npt.NDArray[np.float64],
    control: npt.NDArray[np.float64],
    marks: npt.NDArray[np.float64],
) -> int:
    """Advance; fill `control` (steps, columns) and `marks` (m, 3: step, kind, value); return the number of marks."""
    count = 0
    s = state
    for k in range(steps):
        step = first + k
        # The script: a user who follows the plan.
        row = int(script[_ROW])
        script[_CLOCK] += _DT
        if row < len(rows):
            if script[_RUNNING] == 0.0:
                if script[_CLOCK] >= rows[row, 1]:
                    if rows[row, 0] < 0.0:
                        script[_ROW] += 1.0
                        script[_CLOCK] = -rows[row, 3]
                    else:
                        s[_LOAD] = rows[row, 0]
                        s[_RESISTANCE] = rows[row, 4]
                        s[_SWITCH] = 1.0
                        script[_RUNNING] = 1.0
                        script[_HELD] = 0.0
            else:
                if s[_REACHED] >= QUIET_80:
                    script[_HELD] += _DT
                if (
                    s[_SINCE_START] >= rows[row, 3]
                    or script[_HELD] >= rows[row, 2]
                    or (s[_P] >= rows[row, 5] * healthy_bar and s[_SINCE_START] >= _QUICKEST_STOP_S)
                ):
                    s[_SWITCH] = 0.0
                    script[_RUNNING] = 0.0
                    script[_CLOCK] = 0.0
                    script[_ROW] += 1.0

        # Switch, relay, valve.
        boiler = s[_LOAD] == BOILER
        if s[_SWITCH] != s[_OUT]:
            s[_OUT] = s[_SWITCH]
            s[_SINCE_SWITCH] = 0.0
            count = _mark(marks, count, step, SWITCH_ON if s[_SWITCH] > 0.0 else SWITCH_OFF, s[_LOAD])
            if s[_SWITCH] > 0.0:
                s[_SINCE_START] = 0.0
                s[_REACHED] = 0.0
        s[_SINCE_SWITCH] += _DT
        s[_SINCE_STOP] += _DT
        s[_SINCE_START] += _DT
        if s[_SWITCH] > 0.0 and s[_PUMPING] == 0.0 and s[_SINCE_SWITCH] >= h.pump_lag_s:
            s[_PUMPING] = 1.0
            s[_SINCE_START] = 0.0
            s[_REACHED] = 0.0
            s[_PRESSED] = 0.0
            s[_RELEASING] = 0.0
            s[_ARMED] = 0.0 if boiler else 1.0
            s[_QUIET_REF], s[_QUIET_END] = _loudness_ends_db(healthy_bar, h, v)
            count = _mark(marks, count, step, PUMP_ON, s[_LOAD])
        elif s[_SWITCH] == 0.0 and s[_PUMPING] > 0.0 and s[_SINCE_SWITCH] >= h.stop_lag_s:
            s[_PUMPING] = 0.0
            s[_SINCE_STOP] = 0.0
            s[_RANDOM], draw = uniform(s[_RANDOM])
            s[_VENT_LAG] = max(0.0, h.vent_lag_s + h.vent_jitter_s * (2.0 * draw - 1.0))
            count = _mark(marks, count, step, PUMP_OFF, s[_P])
        if s[_PUMPING] > 0.0 and not boiler:
            s[_VALVE] = max(0.0, s[_VALVE] - _DT / h.valve_ramp_s)
            s[_OPENED] = 0.0
        elif s[_ARMED] > 0.0 and s[_PUMPING] == 0.0 and s[_SINCE_STOP] >= s[_VENT_LAG]:
            s[_ARMED] = 0.0
            if h.vents > 0.0:
                s[_OPENED] = 1.0
                s[_PEAK] = 0.0
                s[_RELEASING] = 1.0
                s[_DRAIN] = h.refill_ml
                count = _mark(marks, count, step, VENT_OPEN, s[_P])
        if s[_OPENED] > 0.0:
            s[_VALVE] = min(1.0, s[_VALVE] + _DT / h.valve_ramp_s)

        # Pump.
        tau = h.spin_up_s if s[_PUMPING] > 0.0 else h.spin_down_s
        s[_SPIN] += (s[_PUMPING] - s[_SPIN]) * min(1.0, _DT / tau)
        duty = h.preinfusion_duty if s[_SINCE_START] < h.preinfusion_s else h.duty
        if h.air_in_line > 0.0:
            s[_RANDOM], draw = uniform(s[_RANDOM])
            # Bubbles of 0.2 s on average.
            leaves = _DT / 0.2
            if s[_AIRY] > 0.0 and draw < leaves:
                s[_AIRY] = 0.0
            elif s[_AIRY] == 0.0 and draw < leaves * h.air_in_line / max(1e-3, 1.0 - h.air_in_line):
                s[_AIRY] = 1.0
        speed = s[_SPIN] * duty * (1.0 - 0.7 * s[_AIRY])
        load = s[_LOAD]
        head_in = 0.0
        out = 0.0
        pump = 0.0
        target = 0.0
        opv = 0.0
        if s[_SPIN] > 1e-3:
            if load == BOILER:
                target = min(s[_RESISTANCE], 0.98 * h.stall_bar)
            else:
                target = _pump_pressure(0.0 if load == OPEN else s[_P], speed, 0.0, h)
            s[_PUMP_P] += (target - s[_PUMP_P]) * min(1.0, _DT / 0.02)
            pump = speed * _pump_flow(s[_PUMP_P], h)
            opv = min(pump, opv_flow(s[_PUMP_P], h))
            head_in = max(0.0, pump - opv)
        else:
            s[_PUMP_P] += (s[_P] * s[_PUMPING] - s[_PUMP_P]) * min(1.0, _DT / 0.05)

        # Head.
        exhaust = max(s[_VALVE] * h.orifice_mm**2 * h.vents, h.stuck_open_mm**2)
        release = _ORIFICE_ML_S * exhaust * math.sqrt(max(0.0, s[_P]))
        leak = (h.leak_ml_s + h.seep_ml_s) * math.sqrt(max(0.0, s[_P]) / 9.0)
        if load == OPEN:
            out = head_in
            s[_P] = 0.0
            release = 0.0
        elif load == BOILER:
            out = 0.0
        else:
            if load == PUCK:
                out = s[_RESISTANCE] * s[_P] / 9.0
            net = head_in - release - leak - out
            if s[_PUMPING] == 0.0:
                net = -release - leak - out
            if s[_UNFILLED] > 0.0 and s[_P] < 0.05 and net > 0.0:
                s[_UNFILLED] = max(0.0, s[_UNFILLED] - net * _DT)
                # Water that rushes into an empty head also finds an open exhaust.
                release = min(release + 4.0 * h.stuck_open_mm, head_in) if h.stuck_open_mm > 0.0 else release
            else:
                # A puck fills most of the basket and leaves little room for air.
                air = s[_AIR] * (0.2 if load == PUCK else 1.0)
                give = h.compliance_ml_bar + air * _ATMOSPHERE_BAR / (s[_P] + _ATMOSPHERE_BAR) ** 2
                if h.chamber_ml > 0.0 and 0.5 < s[_P] < 3.0:
                    give += h.chamber_ml / 2.5
                s[_P] = max(0.0, s[_P] + net * _DT / give)
        if s[_OPENED] > 0.0 and s[_P] < 0.05 and s[_DRAIN] > 0.0:
            drained = min(s[_DRAIN], h.refill_ml * _DT / h.drain_s)
            s[_DRAIN] -= drained
            s[_UNFILLED] = min(h.fill_ml, s[_UNFILLED] + drained)
            s[_AIR] = h.later_air_ml
        s[_VENTED] = (
            s[_VENTED] * (1.0 - _DT / 2.5) + release * _DT if s[_OPENED] > 0.0 else s[_VENTED] * (1.0 - _DT / 0.3)
        )

        # Marks of this run.
        progress = s[_PROGRESS]
        if s[_PUMPING] > 0.0:
            span = s[_QUIET_END] - s[_QUIET_REF]
            progress = (_loudness_db(pump, head_in, s[_PUMP_P], h, v) - s[_QUIET_REF]) / min(span, -1e-3)
        if s[_PUMPING] > 0.0 and load == BLIND:
            primed = s[_UNFILLED] <= 0.0 and s[_P] > 0.3 * healthy_bar
            if primed and s[_REACHED] < QUIET_50 and progress >= 0.5:
                s[_REACHED] = QUIET_50
                count = _mark(marks, count, step, QUIET_50, s[_P])
            if primed and s[_REACHED] == QUIET_50 and progress >= 0.8:
                s[_REACHED] = QUIET_80
                count = _mark(marks, count, step, QUIET_80, s[_P])
            if primed and s[_REACHED] == QUIET_80 and progress >= 0.95:
                s[_REACHED] = QUIET_100
                count = _mark(marks, count, step, QUIET_100, s[_P])
            if s[_PRESSED] == 0.0 and s[_P] >= 0.85 * healthy_bar:
                s[_PRESSED] = 1.0
                count = _mark(marks, count, step, PRESSURE_UP, s[_P])
        if s[_RELEASING] > 0.0:
            if release > s[_PEAK]:
                s[_PEAK] = release
            elif s[_RELEASING] == 1.0 and s[_VALVE] >= 1.0:
                s[_RELEASING] = 2.0
                count = _mark(marks, count, step, RELEASE_PEAK, s[_PEAK])
            if s[_RELEASING] == 2.0 and release < 0.1 * s[_PEAK]:
                s[_RELEASING] = 0.0
                count = _mark(marks, count, step, RELEASE_END, s[_PEAK])

        c = control[k]
        c[HEAD_BAR] = s[_P]
        c[PUMP_BAR] = s[_PUMP_P]
        c[PUMP_ML_S] = pump
        c[HEAD_ML_S] = head_in if load != BOILER else 0.5 * head_in
        c[OPV_ML_S] = opv
        c[RELEASE_ML_S] = release
        # Coffee runs out in thin streams, quieter than water; a leak drips down the handle.
        c[OUT_ML_S] = (0.5 * out if load == PUCK else out) + 0.3 * leak
        c[SPIN] = s[_SPIN]
        c[DUTY] = duty
        c[SPUTTER] = s[_AIRY] * s[_SPIN]
        c[VENTED] = s[_VENTED]
        s[_PROGRESS] = progress
        c[QUIETING] = progress
        c[RUNNING_S] = s[_SINCE_START]
    return count


_LOADS: Final = {"backflush": BLIND, "shot": PUCK, "flush": OPEN, "refill": BOILER, "pulse": BOILER, "wait": -1.0}


class WaterSide:
    """One machine's water, advanced step by step, by a plan's actions or by hand.

    Parameters
    ----------
    hydraulics
        The machine.
    actions
        What a scripted user does; empty where somebody else turns the pump on and off.
    lead_s
        Quiet before the first action.
    seed
        32-bit, of bubbles and of the valve's jitter.
    levels
        How loud its water is: for the truth about quieting.
    """

    def __init__(
        self, hydraulics: Hydraulics, levels: SoundLevels, actions: tuple[Action, ...], lead_s: float, seed: int
    ) -> None:
        self.hydraulics = hydraulics
        self.healthy_bar = final_pressure_bar(hydraulics, healthy=True)
        self.step = 0
        self._levels = levels
        self._state = np.zeros(_STATE)
        self._state[_UNFILLED] = hydraulics.fill_ml
        self._state[_AIR] = hydraulics.air_ml
        self._state[_VALVE] = 1.0
        self._state[_OPENED] = 1.0
        self._state[_RANDOM] = seed % 0xFFFFFFFE + 1
        self._script = np.zeros(_SCRIPT)
        never = math.inf
        self._rows = np.array(
            [
                (
                    _LOADS[action.kind],
                    action.gap_s if index else lead_s,
                    never if action.hold_s is None else action.hold_s,
                    (never if action.kind != "wait" else 0.0) if action.run_s is None else action.run_s,
                    action.resistance,
                    never if action.stop_share is None else action.stop_share,
                )
                for index, action in enumerate(actions)
            ],
            dtype=np.float64,
        ).reshape(-1, 6)
        self._marks = np.zeros((4096, 3))

    @property
    def head_bar(self) -> float:
        """Pressure in the group now."""
        return float(self._state[_P])

    @property
    def pumping(self) -> bool:
        """Whether the pump runs."""
        return bool(self._state[_PUMPING])

    @property
    def script_done_step(self) -> int | None:
        """Step at which the last planned action ends; None while actions remain."""
        if int(self._script[_ROW]) < len(self._rows):
            return None
        return self.step - round(float(self._script[_CLOCK]) * CONTROL_HZ)

    def switch(self, on: bool, load: str = "backflush", resistance: float = 0.0) -> None:
        """Turn the pump on or off by hand, from the next step on."""
        if on:
            self._state[_LOAD] = _LOADS[load]
            self._state[_RESISTANCE] = resistance
        self._state[_SWITCH] = float(on)

    def advance(self, steps: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Advance; return control signals, shape (steps, columns), and marks, shape (m, 3): step, kind, value."""
        control = np.empty((steps, len(CONTROL_NAMES)))
        count = _advance(
            self.step,
            steps,
            self.hydraulics,
            self._levels,
            self.healthy_bar,
            self._state,
            self._script,
            self._rows,
            control,
            self._marks,
        )
        self.step += steps
        return control, self._marks[:count].copy()
