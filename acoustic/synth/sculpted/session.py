"""A whole session: the machine and the user's hands in the room, what else is heard there, and the laptop's signal."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from scipy.signal import oaconvolve

from ..made import RunTimes, Session
from .backgrounds import background
from .distractions import add_hands, draw_distraction
from .machine import Machine, draw_machine
from .plan import SCENARIOS, Plan, PumpRun, draw_plan, pressed_curve
from .pump import fill_scale, pump_sound
from .release import release_sound
from .room import digitised, draw_one, draw_place, processed
from .signals import F32, RATE_HZ, add, band_levels_db, frame_levels_db, gain
from .strikes import strike

__all__ = ["CONDITIONS", "session"]

CONDITIONS: Final = ("home", "kitchen", "hard", "cafe")

# Another one makes other sessions.
_SEED: Final = "f2-sculpt-20"
# All of these are assumed. Levels of the user's hands relative to the fill, dB, and of the fill over the background.
_HANDS_DB: Final = {"home": (-16, -2), "kitchen": (-12, 3), "hard": (-8, 5), "cafe": (-10, 3)}
_SNR_DB: Final = {"home": (15, 35), "kitchen": (8, 20), "hard": (0, 12), "cafe": (5, 15)}
# Seconds from one distraction to the next, and their levels relative to the fill, dB.
_DISTRACTED_EVERY_S: Final = {"home": 40, "kitchen": 14, "hard": 13, "cafe": 10}
_DISTRACTIONS_DB: Final = {"home": (-26, -12), "kitchen": (-17, -2), "hard": (-10, 4), "cafe": (-14, -1)}
_OTHER_PUMP_DB: Final = (-14, -5)
_STRIKING_DB: Final = 10
_MOST_DISTRACTIONS: Final = 16


def session(condition: str, scenario: str, index: int, backgrounds: tuple[str, ...] = ()) -> Session:
    """Make a session; the same arguments make the same one.

    Parameters
    ----------
    condition
        One of `CONDITIONS`: the room, the microphone and the noise around the machine.
    scenario
        One of `SCENARIOS`: what user and machine do.
    index
        Which of the sessions of this condition and scenario.
    backgrounds
        Audio files, one of which is drawn as the room's background. Without, all of it is made.

    Raises
    ------
    ValueError
        For an unknown condition or scenario.
    AudioFileError
        If the background cannot be read.
    """
    if condition not in CONDITIONS:
        raise ValueError(f"condition {condition!r} is unknown; one of {', '.join(CONDITIONS)} is wanted")
    if scenario not in SCENARIOS:
        raise ValueError(f"scenario {scenario!r} is unknown; one of {', '.join(SCENARIOS)} is wanted")
    key = f"{_SEED}|{condition}|{scenario}|{index}"
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little"))
    idle = scenario == "idle"
    machine = draw_machine(rng)
    plan = draw_plan(rng, machine, scenario)
    count = int(plan.duration_s * RATE_HZ)
    dry, times = _run_machine(rng, machine, plan, count)
    dry = dry + _use_hands(rng, machine, plan, condition, count, idle)
    place = draw_place(rng, condition)
    wet = oaconvolve(dry, place.near)[:count].astype(np.float32)
    fill_db = _fill_level_db(wet, times)
    snr_db = draw_one(rng, _SNR_DB, condition)
    mains_hz = machine.strokes.mains_hz
    around = background(rng, condition, count, mains_hz, place, backgrounds)
    around *= float(gain(fill_db - snr_db - float(np.median(frame_levels_db(around, 1600)))))
    if condition == "home":
        around *= _audible_factor(wet, around, times)
    passing = _distract(rng, condition, plan.duration_s, count, mains_hz, times, idle)
    if passing is not None:
        scale = gain(fill_db) if times else 1.0
        around = around + (oaconvolve(passing, place.far)[:count] * scale).astype(np.float32)
    level_db = rng.uniform(-42, -20) if condition == "hard" else rng.uniform(-38, -17)
    heard = (wet + around) * float(gain(level_db - fill_db))
    heard = heard + rng.standard_normal(count, dtype=np.float32) * float(gain(rng.uniform(-96, -78)))
    samples = digitised(rng, processed(rng, heard, condition))
    runs = tuple(each.rounded(3).run(shots=scenario == "shots") for each in times)
    return Session(samples, runs, "none" if idle else machine.name)


def _run_machine(rng: np.random.Generator, machine: Machine, plan: Plan, count: int) -> tuple[F32, list[RunTimes]]:
    """Sound of the machine without a room; its fill has an RMS of 1."""
    mix = np.zeros(count, np.float32)
    scale = fill_scale(machine)
    times = []
    for run in plan.runs:
        add(mix, pump_sound(rng, machine, run, scale), run.start_s)
        if run.kind != "refill" or rng.random() < 0.5:
            _add_clicks(rng, machine, run, mix)
        release_s, release_end_s = _add_release(rng, machine, run, mix, plan.duration_s)
        times.append(_times(machine, run, release_s, release_end_s))
    return mix, times


def _times(machine: Machine, run: PumpRun, release_s: float | None, release_end_s: float | None) -> RunTimes:
    fall_s = most_s = pressure_s = None
    if run.quieting is not None:
        progress = np.linspace(0, 1, 2001)
        pressed = pressed_curve(machine.timing.shape, progress, run.quieting.first_share)
        begin_s, length_s = run.start_s + run.quieting.fall_s, run.quieting.duration_s
        if run.duration_s > run.quieting.fall_s + 0.02:
            fall_s = begin_s
        if run.outcome != "early_stop":
            most_s = begin_s + length_s * float(progress[np.argmax(pressed >= 0.8)])
            pressure_s = begin_s + length_s * float(progress[np.argmax(pressed >= 0.99)])
    return RunTimes(run.outcome, run.start_s, run.stop_s, fall_s, most_s, pressure_s, release_s, release_end_s)


def _add_clicks(rng: np.random.Generator, machine: Machine, run: PumpRun, mix: F32) -> None:
    """Add switch and valve, at the start and at the stop."""
    switches, stop_s = machine.switches, run.stop_s

    def add_click(at_s: float) -> None:
        add(mix, switches.click, at_s, float(gain(switches.click_db + rng.normal(0, 2))))

    def add_valve(at_s: float, level_db: float) -> None:
        add(mix, switches.valve, at_s, float(gain(switches.valve_db + rng.normal(0, 2) + level_db)))

    add_click(run.start_s - rng.uniform(0.0, 0.05))
    if rng.random() < 0.6:
        add_valve(run.start_s + rng.uniform(-0.02, 0.06), -3)
    add_click(stop_s - switches.lead_s + rng.normal(0, 0.01))
    add_valve(stop_s - 0.01, 0)


def _add_release(
    rng: np.random.Generator, machine: Machine, run: PumpRun, mix: F32, duration_s: float
) -> tuple[float | None, float | None]:
    """Add the release, if there is one, or drops into the tray; return when it began and when it had sunk."""
    level_db, weak = None, False
    if run.outcome == "cycle":
        level_db = rng.normal(0, 1.2)
    elif run.kind == "shot":
        level_db = rng.uniform(-6, 1)
    elif run.quieting is not None and run.outcome == "early_stop":
        # Close to the quieting there is some pressure already.
        near = run.duration_s / run.quieting.fall_s > 0.85
        if rng.random() < 0.25 + 0.5 * near:
            level_db, weak = rng.uniform(-20, -9), True
    if level_db is not None:
        sound, length_s = release_sound(rng, machine.release, machine.drops, machine.spits, level_db, weak)
        delay_s = float(np.clip(machine.release.delay_s * rng.lognormal(0, 0.15), 0.0, 2.0))
        release_s = run.stop_s + delay_s
        add(mix, sound, release_s)
        if machine.release.delay_s > 0.15 and rng.random() < 0.7:
            add(mix, machine.switches.valve, release_s - 0.01, float(gain(machine.switches.valve_db - 2)))
        return release_s, min(release_s + length_s, duration_s)
    if run.kind in ("flush", "burst", "leak") or run.outcome == "early_stop":
        for _ in range(int(rng.integers(0, 7))):
            drop = machine.drops[int(rng.integers(14))]
            add(mix, drop, run.stop_s + rng.exponential(1.2), 2 * float(gain(rng.uniform(-30, -12))))
    return None, None


def _use_hands(rng: np.random.Generator, machine: Machine, plan: Plan, condition: str, count: int, idle: bool) -> F32:
    """Sound of the user's hands, beside the machine."""
    level_db = draw_one(rng, _HANDS_DB, condition)
    mix = np.zeros(count, np.float32)
    for pause in plan.pauses:
        if pause.stop_s - pause.start_s > 0.8:
            add_hands(rng, mix, pause, level_db, machine.strokes.mains_hz)
    if not idle:
        # The handle is put in before the first run.
        first_s = plan.runs[0].start_s if plan.runs else 5.0
        if rng.random() < 0.6 and first_s > 3.4:
            add(mix, strike(rng, "clunk"), first_s - rng.uniform(2.3, 3.2), float(gain(level_db + 3)))
    return mix


def _fill_level_db(wet: F32, times: list[RunTimes]) -> float:
    """Level of the fill at the microphone, 0 dB without a run."""
    if not times:
        return 0.0
    levels_db = []
    for each in times:
        start = int((each.on_s + 0.3) * RATE_HZ)
        stop = int(max(each.fill_end_s, each.on_s + 0.6) * RATE_HZ)
        if stop > start + 800:
            levels_db.append(np.median(frame_levels_db(wet[start:stop], 800)))
    return float(np.median(levels_db))


def _audible_factor(wet: F32, around: F32, times: list[RunTimes]) -> float:
    """Factor, at most 1, of the background that leaves the quieting audible.

    Over it some band still sinks by 4 dB at least, or by most of what it sinks without it, up to 8 dB.
    """
    factor = 1.0
    for each in times:
        if each.complete_s is None or each.begun_s is None:
            continue
        fill_db = band_levels_db(wet, max(each.on_s + 0.3, each.begun_s - 2.5), each.begun_s)
        hold_db = band_levels_db(wet, each.complete_s + 0.05, each.off_s - 0.35)
        around_db = band_levels_db(around, each.on_s, each.off_s)
        if fill_db is None or hold_db is None or around_db is None:
            continue
        wanted_db = max(4.0, min(8.0, 0.6 * (fill_db - hold_db).max()))
        for _ in range(10):
            noise = 10 ** ((around_db + 20 * np.log10(factor)) / 10)
            step_db = 10 * np.log10((10 ** (fill_db / 10) + noise) / (10 ** (hold_db / 10) + noise))
            if step_db.max() >= wanted_db:
                break
            factor *= 0.8
    return factor


def _distract(
    rng: np.random.Generator,
    condition: str,
    duration_s: float,
    count: int,
    mains_hz: int,
    times: list[RunTimes],
    idle: bool,
) -> F32 | None:
    """Draw passing sounds of the rest of the room, relative to the fill, or None; at home few beside a run's start."""
    rate_hz = 1 / _DISTRACTED_EVERY_S[condition] * rng.uniform(0.5, 1.5)
    if idle:
        rate_hz *= 1.5
    starts = [(each.on_s - 3.0, each.on_s + 0.3) for each in times] if condition == "home" else []
    mix = np.zeros(count, np.float32)
    any_added = False
    for _ in range(min(rng.poisson(rate_hz * duration_s) + (1 if idle else 0), _MOST_DISTRACTIONS)):
        one = draw_distraction(rng, condition, mains_hz, idle)
        if len(one.sound) > count:
            continue
        length_s = len(one.sound) / RATE_HZ
        at_s = rng.uniform(0, duration_s - length_s)
        level_db = rng.uniform(*_OTHER_PUMP_DB) if one.name == "other_pump" else None
        if any(start_s < at_s + length_s and at_s < stop_s for start_s, stop_s in starts) and rng.random() < 0.8:
            continue
        if level_db is None:
            level_db = rng.uniform(*_DISTRACTIONS_DB[condition]) + (_STRIKING_DB if one.striking else 0)
        add(mix, one.sound, at_s, float(gain(level_db)))
        any_added = True
    return mix if any_added else None
