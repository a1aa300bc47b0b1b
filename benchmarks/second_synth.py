"""The detector on the sound of another synthesiser: resonant pulse trains and shaped noise, written on its own.

It shares no code, no physics and no parameters with `acoustic.synth`, and nothing was trained on it. It is not quite
unknown: 120 cleanings of a draft of it were looked at when the networks' means were chosen, thrice, and what they got
wrong showed in what our own made-up machines should differ more. Its machines are more unlike each other than real
ones. Pressure is up where the quieting is complete.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import signal

from acoustic.displays.labels import Label
from acoustic.tools.aggregate import summarise
from acoustic.tools.evaluate import evaluate, live_detector
from acoustic.tools.evaluation_tables import figure_text
from acoustic.tools.reference import Outcome, Reference, Run
from acoustic.types import AudioBlock, AudioSource, EventKind, Phase

from .results import table, write_section

__all__ = ["SecondSession"]

F64 = npt.NDArray[np.float64]
Room = Literal["home", "kitchen"]

_ABOUT = " ".join(__doc__.split("\n\n")[1].split())
RATE_HZ = 16_000
_BLOCK = 1600
# How the pump's sound changes from fill to hold: of its resonances (mean and spread) and of its noise, dB.
_SIGNS: dict[str, tuple[float, float]] = {"down": (-9, 4), "mixed": (-4, 7), "hiss": (-7, 4), "up": (2, 4)}


def _gain(level_db: float | F64) -> F64:
    return np.asarray(10 ** (np.asarray(level_db) / 20))


def _rms(x: F64) -> float:
    return float(np.sqrt(np.mean(np.square(x)) + 1e-20))


def _band(rng: np.random.Generator, count: int, low_hz: float, high_hz: float) -> F64:
    """Noise of RMS 1 between two frequencies."""
    edges = [max(low_hz, 20.0), min(high_hz, 0.49 * RATE_HZ)]
    noise = signal.sosfilt(signal.butter(2, edges, "bandpass", fs=RATE_HZ, output="sos"), rng.standard_normal(count))
    return np.asarray(noise / _rms(noise))


class _Machine:
    """A pump that excites some resonances and pulsing noise, and a valve."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._rotary = rng.random() < 0.25
        self.mains_hz = float(rng.choice([50.0, 60.0]))
        self._turn_hz = rng.uniform(22, 50) if self._rotary else self.mains_hz
        count = int(rng.integers(4, 9))
        self._hz = np.exp(rng.uniform(np.log(90), np.log(5000), count))
        self._q = rng.uniform(3, 25, count)
        self._level_db = rng.normal(0, 6, count) - 6 * np.log2(self._hz / 300) * rng.uniform(0.3, 1.0)
        self._noise_db = rng.uniform(-10, 0) if self._rotary else rng.uniform(-25, -8)
        self._noise_hz = rng.uniform(300, 1500), rng.uniform(3000, 7500)
        sign = str(rng.choice(["down", "down", "mixed", "hiss", "up"]))
        self._step_db = rng.normal(*_SIGNS[sign], count)
        self._noise_step_db = rng.uniform(3, 10) if sign == "hiss" else rng.uniform(-14, -4)
        self._slip = rng.uniform(-0.03, 0.01) if self._rotary else 0.0
        self.fill_s, self.first_s = rng.uniform(3, 9), rng.uniform(0, 5)
        self.ramp_s = float(np.exp(rng.uniform(np.log(0.15), np.log(1.6))))
        self._wander_db = 0.075 * rng.uniform(0.3, 1.5)
        self.vent_s = float(rng.choice([rng.uniform(0.02, 0.12), rng.uniform(0.02, 0.12), rng.uniform(0.1, 0.6)]))
        self._fade_s, self._whoosh_db = rng.uniform(0.12, 0.5), rng.uniform(-4, 10)
        self._whoosh_hz = rng.uniform(400, 2000), rng.uniform(4000, 7800)
        self._gurgle_db = rng.uniform(-25, -12)

    def pump(self, held: F64) -> F64:
        """Sound of a run; `held` says for each sample how far the pressure is up, 0 to 1."""
        rng, count = self._rng, len(held)
        t = np.arange(count) / RATE_HZ
        phase = np.cumsum(self._turn_hz * (1 + self._slip * held)) / RATE_HZ
        if self._rotary:
            push = 0.2 * rng.standard_normal(count)
            for order in range(1, 14):
                tone = np.sin(2 * np.pi * order * phase + rng.uniform(0, 6))
                push += tone * _gain(-2.5 * order + rng.normal(0, 3))
        else:
            whole = np.floor(phase)
            strokes = np.flatnonzero(np.diff(whole, prepend=whole[0] - 1) > 0)
            push = np.zeros(count)
            push[strokes] = 1 + 0.08 * rng.standard_normal(len(strokes))
            push = signal.lfilter(*signal.butter(1, 3500, fs=RATE_HZ), push)
        knots = np.arange(0, count / RATE_HZ + 0.5, 0.25)
        wander_db = np.interp(t, knots, self._wander_db * np.cumsum(rng.standard_normal(len(knots))))
        sound = np.zeros(count)
        for hz, q, level_db, step_db in zip(self._hz, self._q, self._level_db, self._step_db, strict=True):
            ringing = signal.lfilter(*signal.iirpeak(hz, q, fs=RATE_HZ), push)
            sound += ringing / _rms(ringing) * _gain(level_db - 20 + step_db * held + wander_db)
        noise = _band(rng, count, *self._noise_hz)
        if not self._rotary:
            noise *= 0.5 + 0.5 * np.maximum(np.sin(2 * np.pi * phase + 1), 0)
        level = _rms(sound)
        sound += noise / _rms(noise) * level * _gain(self._noise_db + self._noise_step_db * held)
        rise, fall = int(0.03 * RATE_HZ * rng.uniform(0.5, 3)), int(RATE_HZ * rng.uniform(0.03, 0.12))
        sound[:rise] *= np.sqrt(np.linspace(0, 1, rise))
        sound[-fall:] *= np.exp(-4 * np.linspace(0, 1, fall))
        return np.asarray(sound / level)

    def whoosh(self, strength: float) -> F64:
        """Sound of a release: a burst that fades, gurgling behind it, and the valve's click."""
        rng, count = self._rng, int(2.2 * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        burst = (1 - np.exp(-t / rng.uniform(0.003, 0.02))) * np.exp(-t / self._fade_s)
        knots = np.arange(0, 2.3, 0.06)
        bubbles = np.interp(t, knots, np.exp(rng.standard_normal(len(knots))))
        sound = _band(rng, count, *self._whoosh_hz) * burst * _gain(self._whoosh_db) * strength
        sound += _band(rng, count, 200, 1500) * bubbles * _gain(self._gurgle_db) * np.exp(-t / 0.8) * (t > 0.1)
        sound[:60] += rng.standard_normal(60) * _gain(3) * np.hanning(60)
        return np.asarray(sound)


@dataclass(frozen=True, slots=True)
class SecondSession:
    """A cleaning, or a morning's shots, in a room: the same for the same fields."""

    room: Room
    cleaning: bool
    index: int

    @property
    def name(self) -> str:
        """What reports call it."""
        return f"{self.room}/{'cleaning' if self.cleaning else 'shots'}/second/{self.index}"

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Make all of its sound."""
        rng = np.random.default_rng([self.index, self.room == "kitchen", not self.cleaning])
        machine = _Machine(rng)
        sounds: list[tuple[float, F64]] = []
        runs: list[Run] = []
        times: dict[EventKind, list[float]] = {}
        phases: list[Label] = []
        start_s = rng.uniform(3, 8)

        def ran(held: F64, held_s: float | None, whoosh: F64 | None) -> float:
            """Add a run from `start_s` on; return when it stopped."""
            stop_s = start_s + len(held) / RATE_HZ
            sounds.append((start_s, machine.pump(held)))
            times.setdefault("pump_on", []).append(start_s)
            times.setdefault("pump_off", []).append(stop_s)
            phases.append(Label(start_s, stop_s if held_s is None else held_s, Phase.FILL))
            vent_s = stop_s + machine.vent_s
            if whoosh is not None:
                sounds.append((vent_s, whoosh))
                times.setdefault("release", []).append(vent_s)
                phases.append(Label(vent_s, vent_s + 1.0, Phase.RELEASE))
            if held_s is None:
                runs.append(Run(start_s, stop_s, Outcome.OTHER))
                times.setdefault("incomplete", []).append(stop_s)
            else:
                runs.append(Run(start_s, stop_s, Outcome.CYCLE, held_s - 0.3 * machine.ramp_s, held_s))
                times.setdefault("pressure", []).append(held_s)
                times.setdefault("cycle", []).append(vent_s)
                phases.append(Label(held_s, stop_s, Phase.HOLD))
            return stop_s

        def burst() -> float:
            return ran(np.zeros(int(rng.uniform(2, 5) * RATE_HZ)), None, None)

        if self.cleaning:
            hold_s, pause_s = rng.uniform(2, 8), rng.uniform(3, 9)
            for cycle in range(int(rng.integers(3, 7))):
                fill_s = machine.fill_s * rng.uniform(0.93, 1.07) + (0.0 if cycle else machine.first_s)
                quiet_s = fill_s + machine.ramp_s
                t = np.arange(int((quiet_s + hold_s * rng.uniform(0.8, 1.2)) * RATE_HZ)) / RATE_HZ
                held = np.clip((t - fill_s) / machine.ramp_s, 0, 1)
                whoosh = machine.whoosh(rng.uniform(0.7, 1.2))
                start_s = ran(held * held * (3 - 2 * held), start_s + quiet_s, whoosh) + pause_s * rng.uniform(0.8, 1.3)
            for _ in range(int(rng.integers(0, 3))):
                start_s = burst() + rng.uniform(2, 5)
        else:
            for _ in range(int(rng.integers(1, 4))):
                wet_s, long_s = rng.uniform(2, 6), rng.uniform(18, 32)
                t = np.arange(int(long_s * RATE_HZ)) / RATE_HZ
                held = np.clip((t - wet_s) / rng.uniform(0.8, 4), 0, 1) * rng.uniform(0.3, 0.8)
                held *= np.interp(t, [0, 0.6 * long_s, long_s], [1, 0.9, rng.uniform(0.3, 0.9)])
                start_s = ran(held, None, machine.whoosh(rng.uniform(0.3, 1))) + rng.uniform(12, 30)
                if rng.random() < 0.6:
                    start_s = burst() + rng.uniform(2, 8)
        samples = _in_the_room(rng, self.room, machine, sounds, runs, int((start_s + 3) * RATE_HZ))
        sorted_times = {kind: tuple(sorted(each)) for kind, each in times.items()}

        def truth(duration_s: float) -> Reference:
            scenario = "cleaning" if self.cleaning else "shots"
            return Reference(sorted_times, tuple(phases), tuple(runs), duration_s, self.room, scenario, "second")

        return _Samples(self.name, samples), truth


def _in_the_room(
    rng: np.random.Generator,
    room: Room,
    machine: _Machine,
    sounds: list[tuple[float, F64]],
    runs: list[Run],
    count: int,
) -> npt.NDArray[np.float32]:
    """Mix the machine's sounds, let the room ring, and add what else is heard there and the microphone."""
    sound = np.zeros(count)
    _add(sound, sounds)
    ringing = np.arange(int(rng.uniform(0.15, 0.6) * RATE_HZ))
    echo = rng.standard_normal(len(ringing)) * np.exp(-6.9 * ringing / len(ringing))
    echo = signal.lfilter(*signal.butter(1, rng.uniform(2000, 6000), fs=RATE_HZ), echo)
    echo *= rng.uniform(0.2, 0.9) / np.sqrt(np.sum(np.square(echo)))
    echo[0] = 1.0
    sound = signal.fftconvolve(sound, echo)[:count]
    loud = _rms(np.concatenate([sound[int(run.pump_on_s * RATE_HZ) :][:RATE_HZ] for run in runs]))
    t = np.arange(count) / RATE_HZ
    # Pink noise, by Kellet's filter, and hum.
    still = signal.lfilter(
        [0.049922035, -0.095993537, 0.050612699, -0.004408786],
        [1, -2.494956002, 2.017265875, -0.522189400],
        rng.standard_normal(count),
    )
    still /= _rms(still)
    hum = sum(np.sin(2 * np.pi * machine.mains_hz * 2 * order * t + order) / order for order in range(1, 5))
    still += 0.5 * np.asarray(hum) * _gain(rng.uniform(-20, 0))
    sound += still * loud * _gain(-rng.uniform(15, 32) if room == "home" else -rng.uniform(8, 20))
    if room == "kitchen":
        others = []
        for _ in range(count // RATE_HZ // 6):
            other = _other(rng)
            level = loud * _gain(rng.uniform(-16, 6)) / np.abs(other).max()
            others.append((float(rng.uniform(0, count / RATE_HZ)), other * level))
        _add(sound, others)
    sound = signal.lfilter(*signal.butter(1, rng.uniform(60, 250), "high", fs=RATE_HZ), sound)
    sound = sound * _gain(rng.uniform(-40, -12)) / loud + rng.standard_normal(count) * _gain(-80)
    heard: npt.NDArray[np.float32] = np.clip(sound, -1, 1).astype(np.float32)
    return heard


def _add(sound: F64, parts: list[tuple[float, F64]]) -> None:
    for at_s, part in parts:
        at = int(at_s * RATE_HZ)
        behind = min(len(sound), at + len(part))
        sound[at:behind] += part[: behind - at]


def _other(rng: np.random.Generator) -> F64:
    """Something else in a kitchen: dishes, a voice, water, a bang, a grinder."""
    kind = str(rng.choice(["dish", "voice", "water", "bang", "grinder"], p=[0.4, 0.25, 0.15, 0.15, 0.05]))
    if kind == "dish":
        t = np.arange(RATE_HZ // 2) / RATE_HZ
        tones = [np.sin(2 * np.pi * hz * t) * np.exp(-t / rng.uniform(0.02, 0.2)) for hz in rng.uniform(1500, 7000, 4)]
        return np.asarray(sum(tones))
    if kind == "bang":
        return rng.standard_normal(3000) * np.exp(-np.arange(3000) / 400)
    if kind == "voice":
        t = np.arange(int(rng.uniform(1, 6) * RATE_HZ)) / RATE_HZ
        pitch_hz = 120 * 2 ** rng.uniform(-0.4, 1.0) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))
        phase = np.cumsum(pitch_hz) / RATE_HZ
        buzz = np.asarray(sum(np.sin(2 * np.pi * order * phase) / order for order in range(1, 25)))
        syllables = np.repeat((rng.random(len(t) // (RATE_HZ // 5) + 1) > 0.3) * 1.0, RATE_HZ // 5)[: len(t)]
        formants = [hz * 2 ** rng.uniform(-0.3, 0.3) for hz in (500, 1500, 2500)]
        spoken = sum(signal.lfilter(*signal.iirpeak(hz, 4, fs=RATE_HZ), buzz) for hz in formants)
        return np.asarray(spoken * signal.lfilter(*signal.butter(1, 8, fs=RATE_HZ), syllables))
    return _band(rng, int(RATE_HZ * rng.uniform(2, 8)), *((400, 7000) if kind == "water" else (150, 5000)))


class _Samples:
    """A source of samples that are there already."""

    rate_hz = RATE_HZ

    def __init__(self, name: str, samples: npt.NDArray[np.float32]) -> None:
        self.name, self._samples = name, samples

    def __iter__(self) -> Iterator[AudioBlock]:
        for start in range(0, len(self._samples), _BLOCK):
            yield AudioBlock(start, self._samples[start : start + _BLOCK], RATE_HZ)

    def close(self) -> None:
        """Nothing is held."""


def main() -> None:
    """Hear so many cleanings a room, and half as many mornings of shots."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.second_synth", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="cleanings a room")
    parser.add_argument("--first", type=int, default=0, help="index of the first session")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    columns: dict[str, list[str]] = {}
    for room in ("home", "kitchen"):
        cleanings, shots = (
            summarise(
                list(
                    evaluate(
                        [SecondSession(room, cleaning, arguments.first + k) for k in range(count)],
                        live_detector,
                        arguments.jobs,
                    )
                ),
                np.random.default_rng(0),
            )
            for cleaning, count in ((True, arguments.count), (False, arguments.count // 2))
        )
        columns[room] = [
            figure_text(cleanings.exact, 100, 1),
            figure_text(cleanings.count_error, 1, 2, sign=True),
            figure_text(cleanings.events["pump_on@0.5"].f1, 1, 3),
            figure_text(cleanings.events["release@0.2"].f1, 1, 3),
            figure_text(cleanings.events["pressure@1"].f1, 1, 3),
            figure_text(cleanings.early_cues, 100, 1),
            figure_text(shots.exact, 100, 1),
        ]
    facts = (
        "cleanings counted exactly, %",
        "mean error of the count",
        "pump_on F1 at 0.5 s",
        "release F1 at 200 ms",
        "pressure F1 at 1 s",
        "early cues, %",
        "shots: without a cycle, %",
    )
    body = table(["", *columns], [[fact, *cells] for fact, *cells in zip(facts, *columns.values(), strict=True)])
    command = f"python -m benchmarks.second_synth --count {arguments.count}"
    if arguments.first:
        command += f" --first {arguments.first}"
    write_section("second-synth", "Another synthesiser", command, f"{_ABOUT}\n\n{body}")


if __name__ == "__main__":
    main()
