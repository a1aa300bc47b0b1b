"""How much of what a detector misses can be heard at all: cleanings of every room, machine and room apart.

    python -m benchmarks.masking [--corpus DIR] [--count 40] [--jobs 2]

Each session is rendered three times from the same draws: as it is heard, the machine alone, and the room alone, the
last two without what a microphone does to levels. By how much a quieting changes the sound, and a whoosh stands over
the room, is then known, and what was told can be counted by it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from acoustic.pipeline import Detector
from acoustic.synth import CONDITIONS, Background, Plan, Run, Simulator
from acoustic.synth.simulator import SynthSource
from acoustic.tools.evaluate import SimulatedSession
from acoustic.tools.reference import reference_of
from acoustic.tools.scoring import match_times, score_session

from .protocol import Setting
from .results import table, write_section

F64 = npt.NDArray[np.float64]
RATE_HZ: Final = 16_000
# Third octaves from 100 Hz to 6.3 kHz: there is the machine, and what laptops hear.
CENTRES_HZ: Final = 1000.0 * 2.0 ** (np.arange(-10, 9) / 3.0)
WHOOSH_HZ: Final = 1000.0
# So many bands that change most say how much a sound changes.
BANDS: Final = 3
CLASSES_DB: Final = (0.0, 2.0, 4.0, 8.0, np.inf)
CLEAR: Final = 2.0
_LONGEST_S: Final = 1.0
_SHORTEST_S: Final = 0.25
_WHOOSH_S: Final = 0.4
_WINDOW_S: Final = 0.2
_STEP_S: Final = 0.02
COLLARS_S: Final = {"quieting": 1.0, "whoosh": 0.2}


@dataclass(frozen=True, slots=True)
class Heard:
    """One true event: by how much the sound changes, by how much the room does meanwhile, and whether it was told.

    Of one that was not told in time, `off_s` is how much too late, or too early, it was told within its run. `slow`
    quietings take longer than half the collar from half to 80 %. Seconds from the truth's 80 %: `heard_s`, when 80 % of
    what can be heard of the quieting were; `cue_s`, when it was first told.
    """

    kind: str
    condition: str
    change_db: float
    room_db: float
    told: bool
    off_s: float | None
    slow: bool
    heard_s: float | None = None
    cue_s: float | None = None

    @property
    def clear(self) -> bool:
        """Whether the sound changes by at least twice what the room does."""
        return self.change_db >= CLEAR * self.room_db


@dataclass(frozen=True, slots=True)
class HeardSession:
    """One session: its events, whether it was counted exactly, and how many of its cycles can be heard.

    Of a cycle that is `clear` both the quieting and the whoosh are.
    """

    condition: str
    events: tuple[Heard, ...]
    exact: bool
    cycles: int
    clear: int


class _Part(Simulator):
    """One part of a session, before a microphone that leaves levels as they are."""

    def __init__(self, plan: Plan, rng: np.random.Generator, *, machine: bool) -> None:
        microphone = replace(
            plan.microphone,
            agc_db=0.0,
            suppression_db=0.0,
            dropout_per_min=0.0,
            clip_dbfs=80.0,
            soft_clip=False,
            dc=0.0,
            noise_dbfs=-160.0 if machine else plan.microphone.noise_dbfs,
        )
        plan = replace(plan, microphone=microphone)
        if machine:
            plan = replace(plan, distractions=(), background=Background(snr_db=160.0))
        super().__init__(plan, rng, RATE_HZ)
        if not machine:
            self._sound.render = lambda start, count: np.zeros(count)


def render_part(plan: Plan, rng: np.random.Generator, *, machine: bool) -> F64:
    """Samples of a session at 16 kHz: the machine without the room's sounds, or those without the machine."""
    part = _Part(plan, rng, machine=machine)
    return np.concatenate([block.samples for block in part.blocks()]).astype(np.float64)


def _bands(sound: F64, start_s: float, stop_s: float) -> F64:
    """Mean power in each third octave, shape (bands,), however long that is."""
    part = sound[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)]
    window = np.hanning(len(part))
    power = 2.0 * np.abs(np.fft.rfft(part * window)) ** 2 / (np.square(window).sum() * len(part))
    hz = np.fft.rfftfreq(len(part), 1 / RATE_HZ)
    sixth = 2.0 ** (1 / 6)
    return np.array([power[(hz >= centre / sixth) & (hz < centre * sixth)].sum() for centre in CENTRES_HZ]) + 1e-20


def _most(change_db: F64) -> float:
    return float(np.sort(np.abs(change_db))[-BANDS:].mean())


def quieting_change_db(run: Run, machine: F64, room: F64) -> tuple[float, float] | None:
    """By how many decibels the machine changes what is heard as it goes quiet, and by how many the room would.

    None where there is no time for it: a fill or a hold of less than a quarter of a second.
    """
    if run.quieting_50_s is None or run.quieting_80_s is None or run.pump_off_s is None:
        return None
    begun_s = run.quieting_50_s - max(0.2, run.quieting_80_s - run.quieting_50_s)
    before = max(run.pump_on_s + 0.3, begun_s - _LONGEST_S), begun_s
    after = run.quieting_80_s + 0.1, min(run.quieting_80_s + 0.1 + _LONGEST_S, run.pump_off_s)
    if min(before[1] - before[0], after[1] - after[0]) < _SHORTEST_S:
        return None
    loud, quiet = _bands(machine, *before), _bands(machine, *after)
    rooms = _bands(room, *before), _bands(room, *after)
    mean = (rooms[0] + rooms[1]) / 2
    return (
        _most(10 * np.log10((quiet + mean) / (loud + mean))),
        _most(10 * np.log10((quiet + rooms[1]) / (quiet + rooms[0]))),
    )


def quieting_heard_s(run: Run, machine: F64, room: F64) -> float | None:
    """When 80 % of what can be heard of a quieting had come, seconds from the truth's 80 %; None as above.

    The truth knows the water alone. What else a machine does goes on, and the room with it: what is left of the
    quieting may be below them. Each third octave counts as far as it changes, over the room's mean power.
    """
    if run.quieting_50_s is None or run.quieting_80_s is None or run.pump_off_s is None:
        return None
    ramp_s = max(0.2, run.quieting_80_s - run.quieting_50_s)
    begun_s, done_s = run.quieting_50_s - ramp_s, (run.quieting_100_s or run.quieting_80_s + ramp_s) + 0.1
    before = max(run.pump_on_s + 0.3, begun_s - _LONGEST_S), begun_s
    after = done_s, min(done_s + _LONGEST_S, run.pump_off_s)
    if min(before[1] - before[0], after[1] - after[0]) < _SHORTEST_S:
        return None
    around = (_bands(room, *before) + _bands(room, *after)) / 2
    loud, quiet = (10 * np.log10(_bands(machine, *span) + around) for span in (before, after))
    weight = (quiet - loud) / np.square(quiet - loud).sum()
    starts_s = np.arange(before[0], after[1] - _WINDOW_S, _STEP_S)
    levels = np.array([10 * np.log10(_bands(machine, at, at + _WINDOW_S) + around) for at in starts_s])
    # For good: as few moments before that as may be are beyond, and as few behind it short.
    beyond = np.where((levels - loud) @ weight >= 0.8, 1, -1)
    wrong = np.concatenate([[0], beyond.cumsum()])
    return float(starts_s[0] + wrong.argmin() * _STEP_S + _WINDOW_S / 2 - run.quieting_80_s)


def whoosh_rise_db(run: Run, machine: F64, room: F64) -> tuple[float, float] | None:
    """By how many decibels the whoosh stands over the room, above 1 kHz, and by how many the room changes then."""
    if run.vent_s is None or not run.released or run.vent_s + _WHOOSH_S > len(machine) / RATE_HZ:
        return None
    high = CENTRES_HZ >= WHOOSH_HZ
    at = run.vent_s, run.vent_s + _WHOOSH_S
    now, before = _bands(room, *at)[high], _bands(room, at[0] - _WHOOSH_S, at[0])[high]
    rise_db = 10 * np.log10((_bands(machine, *at)[high] + now) / now)
    return _most(rise_db), _most(10 * np.log10(now / before))


def hear(session: SimulatedSession) -> HeardSession:
    """Hear one session, and see by how much each of its quietings and whooshes could be heard."""
    source = SynthSource(*session.draw(), RATE_HZ)
    detector = Detector()
    events = [event for block in source for event in detector.push(block)]
    events += detector.flush()
    truth = source.simulator.truth()
    reference = reference_of(truth)
    machine, room = (render_part(*session.draw(), machine=which) for which in (True, False))
    heard = []
    clear: dict[str, set[float]] = {}
    for kind, name, measure in (("quieting", "pressure", quieting_change_db), ("whoosh", "release", whoosh_rise_db)):
        true_s = list(reference.times_s.get(name, ()))
        told_s = [event.time_s for event in events if event.kind == name]
        hit = {i for i, _ in match_times(true_s, told_s, COLLARS_S[kind])}
        for i, time_s in enumerate(true_s):
            run = max((run for run in truth.runs if run.pump_on_s <= time_s), key=lambda run: run.pump_on_s)
            found = measure(run, machine, room)
            if found is None:
                continue
            stop_s = np.inf if run.pump_off_s is None else run.pump_off_s
            near_s = [told - time_s for told in told_s if run.pump_on_s <= told <= stop_s + (kind == "whoosh")]
            off_s = min(near_s, key=abs) if near_s and i not in hit else None
            slow = run.quieting_80_s is not None and run.quieting_50_s is not None
            slow = slow and run.quieting_80_s - run.quieting_50_s > 0.5 * COLLARS_S["quieting"]
            its = Heard(kind, session.condition, *found, i in hit, off_s, slow)
            if kind == "quieting":
                decided_s = [e.decided_s for e in events if e.kind == name and run.pump_on_s <= e.time_s <= stop_s]
                cue_s = min(decided_s) - time_s if decided_s else None
                its = replace(its, heard_s=quieting_heard_s(run, machine, room), cue_s=cue_s)
            heard.append(its)
            if its.clear and run.complete:
                clear.setdefault(kind, set()).add(run.pump_on_s)
    score = score_session(session.condition, reference, events)
    both = clear.get("quieting", set()) & clear.get("whoosh", set())
    exact = score.cycles_counted == score.cycles
    return HeardSession(session.condition, tuple(heard), exact, score.cycles, len(both))


def _rows(heard: Sequence[Heard], kind: str) -> Iterable[list[str]]:
    for condition in CONDITIONS:
        its = [each for each in heard if each.kind == kind and each.condition == condition]
        cells = []
        for low, high in pairwise(CLASSES_DB):
            inside = [each for each in its if low <= each.change_db < high]
            told = sum(each.told for each in inside)
            cells.append(f"{told} of {len(inside)}" if inside else "")
        parts = ([each for each in its if each.clear is clear] for clear in (True, False))
        cells += [f"{sum(each.told for each in part)} of {len(part)}" for part in parts]
        yield [f"{kind}, {condition}", *cells]


def _missed_rows(heard: Sequence[Heard]) -> Iterable[list[str]]:
    """What became of the quietings that were not told in time."""
    for condition in CONDITIONS:
        for clear, name in ((True, "clear"), (False, "not clear")):
            its = [each for each in heard if (each.kind, each.condition, each.clear) == ("quieting", condition, clear)]
            missed = [each for each in its if not each.told]
            early = [each for each in missed if each.off_s is not None and each.off_s < 0.0]
            late = [each for each in missed if each.off_s is not None and each.off_s > 0.0]
            yield [
                f"{condition}, {name}",
                f"{len(missed)} of {len(its)}",
                *(f"{len(part)} ({sum(each.slow for each in part)})" for part in (early, late)),
                str(len(missed) - len(early) - len(late)),
            ]


def _early_rows(heard: Sequence[Heard]) -> Iterable[list[str]]:
    """What had been heard when a quieting was told before 80 % of it."""
    for condition in CONDITIONS:
        its = [(each.heard_s, each.cue_s) for each in heard if each.condition == condition and each.clear]
        both = [(heard_s, cue_s) for heard_s, cue_s in its if heard_s is not None and cue_s is not None]
        if not both:
            continue
        heard_s, cue_s = np.array(both).T
        early = cue_s < 0.0
        yield [
            condition,
            ", ".join(f"{value:+.2f}" for value in np.percentile(heard_s, [10, 50, 90])),
            f"{early.sum()} of {len(both)}",
            f"{(early & (cue_s >= heard_s)).sum()}",
            f"{(cue_s < heard_s).sum()} of {len(both)}",
        ]


def _session_rows(sessions: Sequence[HeardSession]) -> Iterable[list[str]]:
    """How many sessions were counted exactly, by how many of their cycles can be heard."""
    for condition in CONDITIONS:
        its = [each for each in sessions if each.condition == condition]
        parts = (
            [each for each in its if each.clear == each.cycles],
            [each for each in its if each.cycles / 2 <= each.clear < each.cycles],
            [each for each in its if each.clear < each.cycles / 2],
        )
        yield [condition, *(f"{sum(each.exact for each in part)} of {len(part)}" for part in parts)]


_ABOUT: Final = (
    "Quietings told within 1 s and whooshes within 200 ms, by how much they change the sound: the mean of the three "
    "third octaves that change most (100 Hz to 6.3 kHz; of whooshes, over the room, above 1 kHz). Machine and room are "
    "rendered apart from the same draws, so this is what really reaches the microphone, not what a detector makes of "
    "it. In the last two columns it is compared with what the room itself does in the same time."
)

_ABOUT_MISSED: Final = (
    "Of the quietings that were not told in time, how many were told in their run, but more than a second off. Clear "
    "are those that change the sound by at least twice what the room does; slow, those that take more than half a "
    "second from 50 to 80 %."
)


_ABOUT_EARLY: Final = (
    "The truth's quieting is that of the water alone. When 80 % of what can be heard of it had come, with all else "
    "that the machine does and the room's mean power, by the same weighing of third octaves for all; and the cues that "
    "were given before either."
)

_ABOUT_SESSIONS: Final = (
    "Sessions counted exactly, by how many of their cycles can be heard: those of which both the quieting and the "
    "whoosh change the sound by at least twice what the room does."
)


def main() -> None:
    """Hear so many cleanings a room."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.masking", description=__doc__.splitlines()[0])
    corpus = Path(os.environ.get("BACKFLUSH_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "audio"))
    parser.add_argument("--corpus", type=Path, default=corpus if corpus.is_dir() else None, help="recordings to mix in")
    parser.add_argument("--count", type=int, default=40, help="cleanings a room")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    setting = Setting(arguments.corpus, arguments.count, 0.0, arguments.jobs)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        sessions = list(pool.map(hear, setting.simulated(CONDITIONS, ("cleaning",), arguments.count)))
    heard = [each for session in sessions for each in session.events]
    names = [f"{low:g} to {high:g} dB" for low, high in pairwise(CLASSES_DB[:-1])]
    header = ["", *names, f"{CLASSES_DB[-2]:g} dB and more", "at least twice the room's change", "less than that"]
    body = table(header, [row for kind in ("quieting", "whoosh") for row in _rows(heard, kind)])
    missed = table(
        ["quietings", "not told within 1 s", "too early (slow ones)", "too late (slow ones)", "not at all"],
        list(_missed_rows(heard)),
    )
    early = table(
        [
            "clear quietings that are told",
            "80 % heard, s from the truth's 80 %: 10, 50, 90 of 100",
            "told before the truth's 80 %",
            "of these, after 80 % heard",
            "told before 80 % heard",
        ],
        list(_early_rows(heard)),
    )
    counted = table(["", "all cycles clear", "at least half", "fewer"], list(_session_rows(sessions)))
    command = f"python -m benchmarks.masking --count {arguments.count}"
    write_section(
        "masking",
        "What can be heard",
        command,
        f"{_ABOUT}\n\n{body}\n\n{_ABOUT_MISSED}\n\n{missed}\n\n{_ABOUT_EARLY}\n\n{early}\n\n"
        f"{_ABOUT_SESSIONS}\n\n{counted}",
    )


if __name__ == "__main__":
    main()
