"""A whole session: the machine, what somebody does with it, the room around them, and a microphone."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from ...config import RATE_HZ
from ..made import RunTimes, Session
from .draws import chance, generator, log_uniform, uniform
from .machine import Machine, draw_machine
from .pump import PumpSound
from .room import Microphone, draw_microphone, ride_gain, room, suppress
from .scenarios import SCENARIOS, User
from .signals import F32, add, convolve, gain, noise, rms
from .stage import Stage
from .surroundings import bed, events
from .water import OpenGroup, Puck, fill_blind, flow, strengths

__all__ = ["CONDITIONS", "SCENARIOS", "session"]

# How far the filling pump stands out of the steady noise, dB.
_OVER_NOISE_DB: Final = {"home": (15, 35), "kitchen": (8, 20), "hard": (0, 12), "cafe": (5, 15)}
CONDITIONS: Final = tuple(_OVER_NOISE_DB)
# Where a gain control would bring the noise up, less of it is allowed.
_OVER_NOISE_RIDING_DB: Final = (17, 35)
_SHORTEST_S, _LONGEST_S = 40.5, 149.5
_MACHINES_TRIED: Final = 20
# The quieting of a machine that will do: it begins after, and takes between, so many seconds.
_BEGINS_S: Final = 1.0
_TAKES_S: Final = (0.12, 4.0)


def session(condition: str, scenario: str, index: int, backgrounds: tuple[str | Path, ...] = ()) -> Session:
    """Make a session: the same for the same arguments, as far as the files' names go.

    Parameters
    ----------
    condition
        One of `CONDITIONS`: the room, the noise and the microphone's place.
    scenario
        One of `SCENARIOS`: what is done.
    index
        Any number; every one is another machine, room and user.
    backgrounds
        Recordings of rooms, to be mixed into the noise.

    Raises
    ------
    ValueError
        For an unknown condition or scenario.
    AudioFileError
        If a recording cannot be read.
    """
    for what, name, known in (("condition", condition, CONDITIONS), ("scenario", scenario, SCENARIOS)):
        if name not in known:
            raise ValueError(f"{what} {name!r} is unknown; one of {', '.join(known)} is wanted")
    rng = generator(condition, scenario, index)
    machine = _working_machine(rng)
    stage = Stage(machine, rng)
    microphone = draw_microphone(rng, condition)
    pace_s = log_uniform(rng, 1.6, 11)
    stage.now_s = uniform(rng, 2.5, 8)
    User(stage, rng, pace_s, log_uniform(rng, 1.3, 8)).perform(scenario)

    duration_s = float(np.clip(stage.now_s + uniform(rng, 2.5, 7), _SHORTEST_S, _LONGEST_S))
    count = int(duration_s * RATE_HZ)
    t60_s = log_uniform(rng, 0.15, 1.2)
    near = room(rng, t60_s, uniform(rng, *((-9, 2) if condition == "hard" else (-3, 9))))
    heard = microphone.hear(convolve(stage.track(count), near))
    heard = heard / np.float32(_filling_level(heard, stage.runs))

    # The surroundings do not hang on what was drawn for the machine.
    aside = generator(condition, scenario, index, "room", *[Path(path).name for path in backgrounds])
    idle = scenario == "idle"
    steady = microphone.hear(bed(aside, condition, count, machine.mains_hz, backgrounds))
    far = np.zeros(count, np.float32)
    for sound, at_s, event_db in events(aside, condition, count / RATE_HZ, machine.mains_hz, idle, _other_pump):
        add(far, sound * np.float32(gain(event_db)), at_s)
    far = microphone.hear(convolve(far, room(aside, t60_s, uniform(aside, -9, 3))))
    over_db = uniform(aside, *_over_noise_db(condition, microphone))
    mixed = heard + far + steady / rms(steady) * np.float32(gain(-over_db))

    level_db = _level_dbfs(rng, condition, idle)
    own_db = min(microphone.noise_dbfs, level_db - over_db - 3)
    recorded = mixed * np.float32(gain(level_db)) + noise(aside, count) * np.float32(gain(own_db))
    samples = _processed(recorded, microphone, rng)
    runs = tuple(laid.run(shots=scenario == "shots") for laid in stage.runs)
    return Session(samples, runs, "none" if idle else machine.name)


def _over_noise_db(condition: str, microphone: Microphone) -> tuple[int, int]:
    return _OVER_NOISE_RIDING_DB if condition == "home" and microphone.rides_gain else _OVER_NOISE_DB[condition]


def _level_dbfs(rng: np.random.Generator, condition: str, idle: bool) -> float:
    """Draw how loud a filling pump is in the file."""
    level_dbfs = uniform(rng, -42, -20) - (uniform(rng, 0, 8) if condition == "hard" else 0)
    return level_dbfs + (uniform(rng, -8, 4) if idle else 0)


def _working_machine(rng: np.random.Generator) -> Machine:
    """Draw machines until one quietens as real ones do."""
    for _ in range(_MACHINES_TRIED):
        drawn = draw_machine(rng)
        machine, _, quieting, _ = fill_blind(drawn, rng, drawn.water.fill_s, 3)
        if quieting is None or quieting.begun_s <= _BEGINS_S:
            continue
        if _TAKES_S[0] < quieting.complete_s - quieting.begun_s < _TAKES_S[1]:
            break
    return machine


def _filling_level(heard: F32, runs: list[RunTimes]) -> float:
    """Median level of the pump as it fills, over the runs that are long enough to tell."""
    levels_db = []
    for run in runs:
        first_s, last_s = run.on_s + 0.4, min(run.fill_end_s, run.on_s + 6) - 0.1
        if last_s - first_s > 0.3:
            filling = heard[int(first_s * RATE_HZ) : int(last_s * RATE_HZ)]
            levels_db.append(10 * np.log10(np.mean(filling.astype(float) ** 2) + 1e-15))
    return gain(float(np.median(levels_db))) if levels_db else 1.0


def _other_pump(rng: np.random.Generator) -> F32:
    """Another machine of the café, at a shot or a flush; RMS 1."""
    machine = draw_machine(rng)
    duration_s = uniform(rng, 4, 22)
    if chance(rng, 0.7):
        puck = Puck(machine.water.free_ml_s * 2, 40, uniform(rng, 2, 6), 4, 0.01)
        curves = flow(machine, duration_s, puck)
    else:
        curves = flow(machine, uniform(rng, 2, 5), OpenGroup(0.4))
    sound = PumpSound(machine).render(rng, 0.0, curves, strengths(machine, curves), 0.5)
    return np.asarray(sound / rms(sound))


def _processed(sound: F32, microphone: Microphone, rng: np.random.Generator) -> F32:
    """Return what the computer makes of it, within full scale."""
    if microphone.suppression_db:
        sound = suppress(sound, microphone.suppression_db, rng)
    if microphone.rides_gain:
        sound = ride_gain(sound, microphone.rides_gain, rng)
    loudest = float(np.quantile(np.abs(sound[::3]), 0.9995))
    if microphone.clips:
        sound = sound * np.float32(1.4 / (loudest + 1e-9))
    elif np.abs(sound).max() > 1:
        # A sane gain: a crash of dishes goes over at most.
        sound = sound * np.float32(min(1.0, 0.8 / (loudest + 1e-9)))
    return np.asarray(np.clip(np.nan_to_num(sound), -1, 1).astype(np.float32))
