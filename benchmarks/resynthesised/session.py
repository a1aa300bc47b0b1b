"""A whole session: the machine in its room, what else is heard there, and the laptop's signal; and its truth."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.ndimage import uniform_filter1d
from scipy.signal import oaconvolve

from acoustic.displays.labels import Label
from acoustic.tools.reference import Outcome, Reference, Run
from acoustic.types import AudioBlock, AudioSource, EventKind, Phase

from .endless import cloud, looped
from .laptop import processed
from .machine import Machine, draw_machine
from .materials import HUMS
from .plan import SCENARIOS, Plan, PumpRun, draw_plan
from .pump import pump_sound
from .recordings import tone_and_noise
from .room import Place, draw_place, echo, self_noise
from .signals import F32, F64, RATE_HZ, Floats, add, colour, draw_one, gain, pick, rms, unit
from .surroundings import bed, hands, passing

__all__ = ["CONDITIONS", "HeardRun", "Made", "ResynthesisedSession", "make"]

CONDITIONS: Final = ("home", "kitchen", "hard", "cafe")

# Another one makes other sessions; rooms are drawn apart from machines.
_SEED: Final = "recordist-f3-1"
_BLOCK: Final = 1600
_SHORTEST_S, _LONGEST_S, _LONGEST_IDLE_S = 40, 150, 120
# The pump over what is always there, dB, and its level, dB of full scale; all assumed.
_SNR_DB: Final = {"home": (15, 35), "kitchen": (8, 20), "hard": (0, 12), "cafe": (5, 15)}
_LEVEL_DBFS: Final = {"home": (-34, -18), "kitchen": (-34, -18), "hard": (-42, -22), "cafe": (-36, -20)}
# Hands are beside the machine, and reach the laptop a little less directly.
_HANDS_DIRECT_DB: Final = -2
# A weaker release makes no sound.
_LEAST_STRENGTH: Final = 0.02
_LONGEST_DELAY_S: Final = 2.0
_OTHER_PUMP_SHARE: Final = 0.5
_OTHER_PUMP_DB: Final = (-20, -8)
_HUM_SHARE: Final = 0.3
# Under what is always there.
_HUM_UNDER_DB: Final = (3, 12)
_SELF_NOISE: Final = 0.0001
_ENDED_SHARE: Final = 0.1
# Levels are measured over so many samples: of a release, and of what is always there.
_RELEASE_WINDOW, _BED_WINDOW = 800, 800


@dataclass(frozen=True, slots=True)
class HeardRun:
    """A run of the pump with all its times, to a millisecond; see `PumpRun`."""

    on_s: float
    off_s: float
    outcome: Outcome
    fall_s: float | None = None
    most_s: float | None = None
    pressure_s: float | None = None
    release_s: float | None = None
    release_end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """Samples at 16 kHz, what the pump did, and what kind of machine it was."""

    samples: F32
    runs: tuple[HeardRun, ...]
    machine: str


def make(condition: str, scenario: str, index: int, corpus: Path) -> Made:
    """Make a session; the same arguments make the same one.

    Raises
    ------
    AudioFileError
        If `corpus` lacks a recording.
    """
    rng = np.random.default_rng([zlib.crc32(f"{_SEED}|{condition}|{scenario}".encode()), index])
    room_rng = np.random.default_rng([zlib.crc32(f"{_SEED}|bg|{condition}|{scenario}|()".encode()), index])
    idle = scenario == "idle"
    machine = None if idle else draw_machine(rng, corpus)
    plan = Plan() if machine is None else draw_plan(rng, machine, scenario)
    if idle:
        duration_s = rng.uniform(_SHORTEST_S, _LONGEST_IDLE_S)
    else:
        duration_s = float(np.clip(plan.end_s + rng.uniform(0, 4), _SHORTEST_S, _LONGEST_S))
    count = int(duration_s * RATE_HZ)
    place = draw_place(rng, condition)
    sound: Floats = np.zeros(count, np.float32)
    by_hand = np.zeros(count, np.float32)
    runs: list[HeardRun] = []
    if machine is not None:
        sound, by_hand, runs = _used(rng, machine, plan, place, condition, duration_s)
    lasting = _lasting(room_rng, corpus, condition, place, count)
    snr_db = draw_one(room_rng, _SNR_DB, condition)
    others = passing(corpus, condition, count, room_rng, idle=idle) + by_hand
    others = colour(others, place.microphone_db).astype(np.float32)
    if condition == "cafe" and not idle and room_rng.random() < _OTHER_PUMP_SHARE:
        _add_other_pumps(room_rng, corpus, place, duration_s, others)
    if room_rng.random() < _HUM_SHARE:
        others += _hum(room_rng, corpus, place, count) * gain(-snr_db - room_rng.uniform(*_HUM_UNDER_DB))
    level_dbfs = draw_one(rng, _LEVEL_DBFS, condition)
    heard = (sound + lasting * gain(-snr_db) + others) * gain(level_dbfs)
    own = _SELF_NOISE * gain(room_rng.uniform(-10, 8))
    heard = heard + own * looped(self_noise(corpus), count, room_rng)
    samples = processed(heard, condition, rng).astype(np.float32)
    return Made(samples, tuple(runs), "none" if machine is None else machine.name)


def _used(
    rng: np.random.Generator, machine: Machine, plan: Plan, place: Place, condition: str, duration_s: float
) -> tuple[Floats, F32, list[HeardRun]]:
    """Sound of the machine and of the user's hands at the microphone, where the fill has an RMS of 1; and the runs.

    The hands are without what the microphone does.
    """
    corpus, count = machine.source.corpus, int(duration_s * RATE_HZ)
    near, beside = (echo(corpus, rng, place.echo_s, place.direct_db + more_db) for more_db in (0, _HANDS_DIRECT_DB))
    dry = np.zeros(count, np.float32)
    runs = []
    behind_s = [*(run.on_s for run in plan.runs[1:]), duration_s - 0.3]
    for run, next_s in zip(plan.runs, behind_s, strict=True):
        _add_run(rng, machine, run, dry)
        runs.append(_add_release(rng, machine, run, next_s, place, near, dry))
    sound = colour(oaconvolve(dry, near)[:count].astype(np.float32), place.microphone_db)
    begins_s = [0.3, *(run.off_s + 0.3 if run.release_end_s is None else run.release_end_s for run in runs)]
    ends_s = [*(run.on_s for run in plan.runs), count / RATE_HZ - 0.5]
    by_hand = hands(corpus, condition, list(zip(begins_s, ends_s, strict=True)), count, rng)
    by_hand = oaconvolve(by_hand, beside)[:count].astype(np.float32)
    return sound / rms(_fills(sound, plan)), by_hand, [_rounded(run) for run in runs]


def _add_run(rng: np.random.Generator, machine: Machine, run: PumpRun, mix: F32) -> None:
    """Add the pump and the switch."""
    corpus, switch = machine.source.corpus, machine.switch
    add(mix, pump_sound(machine, run.off_s - run.on_s, run.pressure, rng, run.wet), run.on_s)
    add(mix, switch.click(corpus, rng), run.on_s - rng.uniform(0.0, 0.03))
    add(mix, switch.click(corpus, rng), run.off_s - rng.uniform(0.0, 0.05) - switch.gap_s * rng.uniform(0, 1))


def _add_release(
    rng: np.random.Generator, machine: Machine, run: PumpRun, next_s: float, place: Place, near: F32, mix: F32
) -> HeardRun:
    """Add the release, if there is one, before the next run; return the run with it."""
    heard = HeardRun(run.on_s, run.off_s, Outcome(run.outcome), run.fall_s, run.most_s, run.pressure_s)
    if run.strength <= _LEAST_STRENGTH:
        return heard
    delay_s = float(np.clip(machine.release.delay_s * rng.uniform(0.7, 1.3), 0, _LONGEST_DELAY_S))
    release_s = run.off_s + delay_s
    hiss, after = machine.release.sound(machine.source.corpus, rng, run.strength, next_s - release_s - 0.15)
    add(mix, hiss, release_s)
    add(mix, after, release_s)
    length_s = _audible_s(colour(oaconvolve(hiss, near), place.microphone_db))
    end_s = max(min(release_s + length_s, next_s - 0.05), release_s + 0.05)
    return replace(heard, release_s=release_s, release_end_s=end_s)


def _audible_s(hiss: Floats) -> float:
    """Until when a release has sunk to a tenth of its highest level."""
    levels = np.sqrt(np.maximum(uniform_filter1d(hiss.astype(float) ** 2, _RELEASE_WINDOW), 0))
    loudest = int(np.argmax(levels))
    above = np.nonzero(levels[loudest:] > _ENDED_SHARE * levels[loudest])[0]
    return (loudest + int(above[-1])) / RATE_HZ


def _fills(sound: Floats, plan: Plan) -> Floats:
    """All of the sound in which the pump fills."""
    parts = []
    for run in plan.runs:
        start_s = run.on_s + min(0.4, 0.3 * (run.off_s - run.on_s))
        stop_s = max(run.fall_s or run.off_s, run.on_s + 0.6)
        parts.append(sound[int(start_s * RATE_HZ) : int(stop_s * RATE_HZ)])
    return np.concatenate(parts)


def _rounded(run: HeardRun) -> HeardRun:
    """Bring a run's times to a millisecond."""
    times = {field.name: getattr(run, field.name) for field in fields(run) if field.name != "outcome"}
    rounded: dict[str, Any] = {name: None if time_s is None else round(time_s, 3) for name, time_s in times.items()}
    return replace(run, **rounded)


def _lasting(rng: np.random.Generator, corpus: Path, condition: str, place: Place, count: int) -> Floats:
    """What is always there, its median power 1."""
    lasting = colour(bed(corpus, condition, count, rng), place.microphone_db)
    power = np.mean(lasting[: count // _BED_WINDOW * _BED_WINDOW].reshape(-1, _BED_WINDOW) ** 2, axis=1)
    return np.asarray(lasting / np.sqrt(np.median(power) + 1e-12))


def _hum(rng: np.random.Generator, corpus: Path, place: Place, count: int) -> Floats:
    """Hum of the place, as of transformers."""
    tone, _ = tone_and_noise(corpus, pick(rng, HUMS))
    return colour(unit(cloud(tone, count, rng, 0.5, 1.0)), place.microphone_db)


def _add_other_pumps(rng: np.random.Generator, corpus: Path, place: Place, duration_s: float, mix: F32) -> None:
    """Add another machine, which makes coffee."""
    machine = draw_machine(rng, corpus)
    for _ in range(int(rng.integers(1, 3))):
        length_s = rng.uniform(5, 20)
        sound = unit(pump_sound(machine, length_s, _other_pressure, rng))
        at_s = rng.uniform(0, max(1, duration_s - length_s))
        add(mix, colour(sound, place.microphone_db) * gain(rng.uniform(*_OTHER_PUMP_DB)), at_s)


def _other_pressure(t: F64) -> F64:
    return 0.6 * np.clip((t - 4) / 4, 0, 1)


@dataclass(frozen=True, slots=True)
class ResynthesisedSession:
    """A session: the same for the same fields, and the same recordings in `corpus`.

    Raises
    ------
    ValueError
        For an unknown condition or scenario.
    """

    condition: str
    scenario: str
    index: int
    corpus: Path

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            raise ValueError(f"condition {self.condition!r} is unknown; one of {', '.join(CONDITIONS)} is wanted")
        if self.scenario not in SCENARIOS:
            raise ValueError(f"scenario {self.scenario!r} is unknown; one of {', '.join(SCENARIOS)} is wanted")

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.condition}/{self.scenario}/resynthesised/{self.index}"

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Make all of its sound."""
        made = make(self.condition, self.scenario, self.index, self.corpus)
        truth = partial(_reference, made, condition=self.condition, scenario=self.scenario)
        return _Samples(self.name, made.samples), truth


def _reference(made: Made, duration_s: float, *, condition: str, scenario: str) -> Reference:
    """Truth of a session; the pressure is up where 80 % of the quieting are done."""
    times: dict[EventKind, list[float]] = {}
    phases: list[Label] = []
    for run in made.runs:
        times.setdefault("pump_on", []).append(run.on_s)
        times.setdefault("pump_off", []).append(run.off_s)
        phases.append(Label(run.on_s, run.off_s if run.most_s is None else run.most_s, Phase.FILL))
        if run.most_s is not None:
            times.setdefault("pressure", []).append(run.most_s)
            phases.append(Label(run.most_s, run.off_s, Phase.HOLD))
        if run.release_s is not None and run.release_end_s is not None:
            times.setdefault("release", []).append(run.release_s)
            phases.append(Label(run.release_s, run.release_end_s, Phase.RELEASE))
        ended: EventKind = "cycle" if run.outcome is Outcome.CYCLE else "incomplete"
        times.setdefault(ended, []).append(run.off_s if run.release_s is None else run.release_s)
    sorted_times = {kind: tuple(sorted(each)) for kind, each in times.items()}
    runs = tuple(Run(run.on_s, run.off_s, run.outcome, run.most_s, run.pressure_s) for run in made.runs)
    return Reference(sorted_times, tuple(phases), runs, duration_s, condition, scenario, made.machine)


class _Samples:
    """A source of samples that are there already."""

    rate_hz = RATE_HZ

    def __init__(self, name: str, samples: F32) -> None:
        self.name, self._samples = name, samples

    def __iter__(self) -> Iterator[AudioBlock]:
        for start in range(0, len(self._samples), _BLOCK):
            yield AudioBlock(start, self._samples[start : start + _BLOCK], RATE_HZ)

    def close(self) -> None:
        """Nothing is held."""
