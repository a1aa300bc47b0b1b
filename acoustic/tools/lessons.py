"""Simulated sessions as training material: features with a label a frame, and what truly happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..config import RATE_HZ
from ..features.extractor import FeatureExtractor
from ..features.layout import FEATURE_VERSION
from ..synth import Library, Run, Splice, hydraulic, sample_plan, sculpted, synthesise
from ..synth.filters import filter_block, lowpass
from ..synth.machines import log_between, pick
from .foreign import foreign_sound

__all__ = [
    "BRIGHT_SHARE",
    "IGNORED",
    "OTHER_SHARE",
    "RUMBLE_SHARE",
    "STRANGE_SHARE",
    "Lesson",
    "LessonOptions",
    "from_corpus",
    "is_held_out",
    "label_complete",
    "label_frames",
    "lessons",
    "make_lesson",
]

F32 = npt.NDArray[np.float32]
IGNORED, RELEASE, SHOT = -1, 3, 4
HOP_S = 0.01
# A frame's window of 32 ms weighs the audio round this long before its end.
FRAME_LAG_S = 0.016
LONGEST_RELEASE_S = 2.0
FOREIGN_S = (50.0, 110.0)
# Of those who come late, so many come so long before a run: of the room little is known then.
_JUST_BEFORE_SHARE = 0.4
_JUST_BEFORE_S = (0.2, 2.0)
# Up to where a rumble reaches, and how loud it is beside what is as low and loudest.
_RUMBLE_HZ = (120.0, 1500.0)
_RUMBLE_DB = (-14.0, 0.0)
# How many of a training's machines are of no kind.
STRANGE_SHARE = 0.5
# How many of these hiss or whine more than they hum, and over how many sessions a rumble lies. Without either, a motor
# that stood 29 dB over the room at 2-6 kHz, and hardly at all below, was not heard.
BRIGHT_SHARE = 0.4
RUMBLE_SHARE = 0.2
# How many of a training's sessions come from other makers than the simulator, and what they know to make.
OTHER_SHARE = 0.4
OTHER_MAKERS: tuple[tuple[str, float], ...] = (("hydraulic", 0.5), ("sculpted", 0.5))
OTHER_SCENARIOS: tuple[tuple[str, float], ...] = (
    ("cleaning", 0.46),
    ("early_stops", 0.16),
    ("shots", 0.18),
    ("leak", 0.05),
    ("stuck_shut", 0.1),
    ("idle", 0.05),
)
MOST_BACKGROUNDS = 3

SCENARIOS: tuple[tuple[str, float], ...] = (
    ("cleaning", 0.38),
    ("early_stops", 0.13),
    ("shots", 0.16),
    ("flushes", 0.05),
    ("refills", 0.06),
    ("leak", 0.05),
    ("stuck_open", 0.03),
    ("stuck_shut", 0.07),
    ("clog", 0.03),
    ("air", 0.03),
    ("idle", 0.03),
)
CONDITIONS: tuple[tuple[str, float], ...] = (("home", 0.25), ("kitchen", 0.28), ("cafe", 0.22), ("hard", 0.25))


@dataclass(frozen=True, slots=True)
class LessonOptions:
    """What sessions are drawn from.

    `library_share` of the sessions take their distractions from recordings, where there are any; `spliced_share` have
    a real pump's sound, `strange_share` of the others a machine of no kind; `cut_share` begin in the middle of
    something, or just before it; `joined_share` follow on near silence or another room, as where a microphone is
    opened, moved or turned up; `foreign_share` are sounds without any machine. `other_share` of all others, some of
    them idle, are made by `acoustic.synth.hydraulic` or `acoustic.synth.sculpted`. Of the machines of no kind
    `bright_share` hiss or whine more than they hum; over `rumble_share` of the sessions with a machine lies a steady
    rumble, such as of a ventilation, that drowns some of what is low in it.
    """

    scenarios: tuple[tuple[str, float], ...] = SCENARIOS
    conditions: tuple[tuple[str, float], ...] = CONDITIONS
    library: Library | None = None
    library_share: float = 0.6
    splices: tuple[Splice, ...] = ()
    spliced_share: float = 0.2
    strange_share: float = 0.0
    cut_share: float = 0.2
    joined_share: float = 0.25
    foreign_share: float = 0.2
    other_share: float = 0.0
    bright_share: float = 0.0
    rumble_share: float = 0.0


def is_held_out(path: str) -> bool:
    """Whether a recording belongs to the third that training leaves to evaluation, by a hash of its name."""
    return hashlib.sha256(Path(path).name.encode()).digest()[0] % 3 == 0


def from_corpus(folder: Path) -> LessonOptions:
    """Take what may be trained on from a folder of recordings.

    Sounds of `cafe`, `speech` and `music` that are not held out are mixed in. The two recordings of pumps in
    `machine`, where they are, lend their sound; what else is in that folder stays unheard.
    """
    files = [file for name in ("cafe", "speech", "music") for file in Library.from_folder(folder / name).files]
    # The phases as heard and seen. The capsule machine is loud for a second and a half; talk and bangs come after 19 s.
    pumps = {
        "capsule-50hz.wav": ((4.2, 5.4), (10.0, 19.0)),
        "espresso-50hz.wav": ((0.2, 4.1), (5.2, 27.5)),
    }
    paths = {str(folder / "machine" / name): spans for name, spans in pumps.items()}
    splices = [
        Splice(fill=((path, *fill),), pressurised=((path, *pressurised),))
        for path, (fill, pressurised) in paths.items()
        if Path(path).is_file()
    ]
    return LessonOptions(
        library=Library(tuple(file for file in files if not is_held_out(file[0]))), splices=tuple(splices)
    )


@dataclass(frozen=True, slots=True)
class Lesson:
    """One session.

    `features` (frames, features) float16, `levels` (frames, bands + 1), `labels` and `weights` (frames,); for labels
    see `label_frames`. Times in `runs` count from `start_s` seconds before the first frame. Where a
    session was cut, a run that was over by then is not among them, and one that was under way begins at the cut.
    """

    condition: str
    scenario: str
    machine: str
    start_s: float
    duration_s: float
    runs: tuple[Run, ...]
    features: npt.NDArray[np.float16]
    levels: F32
    labels: npt.NDArray[np.int8]
    weights: F32


def label_frames(runs: tuple[Run, ...], duration_s: float, frames: int) -> tuple[npt.NDArray[np.int8], F32]:
    """Label every frame of a session: 0 background, 1 fill, 2 hold, 3 release, 4 shot, -1 where either answer is fair.

    Frames round the changes weigh more: they are few, and decide. A shot is a fill at first, and a shot once it is
    pressed; in between either is fair.
    """
    labels = np.zeros(frames, dtype=np.int8)
    weights = np.ones(frames, dtype=np.float32)
    t = (np.arange(frames) + 1) * HOP_S - FRAME_LAG_S
    for i, run in enumerate(runs):
        off_s = duration_s if run.pump_off_s is None else run.pump_off_s
        next_s = runs[i + 1].pump_on_s if i + 1 < len(runs) else duration_s
        on = (t >= run.pump_on_s) & (t < off_s)
        labels[on] = 1
        weights[on & (t < run.pump_on_s + 0.3)] *= 2
        if run.kind == "shot":
            pressed_s = run.pressure_up_s if run.quieting_80_s is None else run.quieting_80_s
            labels[on & (t >= run.pump_on_s + 1.5)] = IGNORED
            labels[on & (t >= (0.5 * (run.pump_on_s + off_s) if pressed_s is None else pressed_s))] = SHOT
        elif run.kind == "backflush" and run.quieting_80_s is not None:
            half_s = run.quieting_80_s if run.quieting_50_s is None else run.quieting_50_s
            hold = on & (t >= run.quieting_80_s)
            labels[hold] = 2
            weights[hold & (t < run.quieting_80_s + 0.6)] *= 3
            # A quieting that has only begun is no reason to stop the pump.
            begun_s = half_s - max(0.2, run.quieting_80_s - half_s)
            weights[on & (t >= begun_s) & (t < run.quieting_80_s)] *= 3
            labels[hold & (t < run.quieting_80_s + 0.04)] = IGNORED
        elif run.kind == "backflush" and run.quieting_50_s is not None:
            labels[on & (t >= run.quieting_50_s)] = IGNORED
        after = (t >= off_s) & (t < next_s)
        # A stop without a release is rare, and what its click and the room make of it must not pass for one.
        weights[after & (t < off_s + (0.6 if run.released else 1.5))] *= 2 if run.released else 4
        labels[after & (t < off_s + 0.04)] = IGNORED
        if run.vent_s is None or run.release_peak_ml_s is None:
            continue
        # A whoosh that the next run cuts short, or that only seeps on, has no end of its own.
        end_s = run.vent_s + LONGEST_RELEASE_S if run.release_end_s is None else run.release_end_s
        if run.released:
            venting = after & (t >= run.vent_s) & (t < end_s)
            labels[venting] = 3
            weights[venting & (t < run.vent_s + 0.5)] *= 2
            # Gurgle and drips: the release is over, but who could say when.
            labels[after & (t >= end_s) & ((t < end_s + 1.0) | (run.release_end_s is None))] = IGNORED
        else:
            labels[after & (t >= run.vent_s) & (t < end_s + 0.5)] = IGNORED
    return labels, weights


def label_complete(lesson: Lesson) -> npt.NDArray[np.int8]:
    """Label every frame of the second after a whoosh has set in: 1 after a complete cycle, 0 after any other run.

    All other frames, and those after runs where either answer is fair, are -1.
    """
    labels = np.full(len(lesson.labels), IGNORED, dtype=np.int8)
    t = (np.arange(len(labels)) + 1) * HOP_S - FRAME_LAG_S + lesson.start_s
    for run, following in zip_longest(lesson.runs, lesson.runs[1:]):
        # Of a run that was over before somebody came nobody can say what it was.
        unheard = run.pump_off_s is not None and run.pump_off_s <= run.pump_on_s
        if run.vent_s is not None and run.released and not run.marginal and not unheard:
            next_s = lesson.duration_s if following is None else following.pump_on_s
            labels[(t >= run.vent_s + 0.2) & (t < min(run.vent_s + 1.2, next_s))] = run.complete
    return labels


def make_lesson(index: int, seed: int, options: LessonOptions) -> Lesson:
    """Draw, render and label session `index` of `seed`."""
    rng = np.random.default_rng([seed, index])
    if rng.random() < options.foreign_share:
        return _foreign_lesson(options.library if rng.random() < 0.75 else None, rng)
    # Where none is wanted nothing is drawn: a seed's other sessions stay what they were.
    other = options.other_share > 0.0 and rng.random() < options.other_share
    condition, scenario, machine, samples, runs, duration_s = (_other if other else _simulated)(options, rng)
    if options.rumble_share > 0.0 and rng.random() < options.rumble_share:
        samples = samples + _rumble(samples, rng)
    extractor = FeatureExtractor()
    hop = extractor.frame.hop
    labels, weights = label_frames(runs, duration_s, len(samples) // hop)
    cut = 0
    if rng.random() < options.cut_share:
        cut = _cut(runs, duration_s, rng)
        runs = _runs_after(cut * HOP_S, runs)
    samples = samples[cut * hop :]
    lead = 0
    if rng.random() < options.joined_share:
        before = _other_room(rng, hop)
        lead = len(before) // hop
        samples = np.concatenate([before, samples])
    features, levels = extractor.push(samples)
    return Lesson(
        condition=condition,
        scenario=scenario,
        machine=machine,
        start_s=(cut - lead) * HOP_S,
        duration_s=duration_s,
        runs=runs,
        features=features.astype(np.float16),
        levels=levels,
        labels=np.concatenate([np.zeros(lead, labels.dtype), labels[cut:]]),
        weights=np.concatenate([np.ones(lead, weights.dtype), weights[cut:]]),
    )


class _Made(NamedTuple):
    condition: str
    scenario: str
    machine: str
    samples: F32
    runs: tuple[Run, ...]
    duration_s: float


def _simulated(options: LessonOptions, rng: np.random.Generator) -> _Made:
    condition, scenario = pick(rng, options.conditions), pick(rng, options.scenarios)
    library = options.library if rng.random() < options.library_share else None
    spliced = bool(options.splices) and rng.random() < options.spliced_share
    strange = not spliced and options.strange_share > 0.0 and rng.random() < options.strange_share
    bright = strange and options.bright_share > 0.0 and rng.random() < options.bright_share
    kind = "spliced" if spliced else "bright stranger" if bright else "stranger" if strange else None
    plan = sample_plan(condition, rng, kind=kind, scenario=scenario, library=library, splices=options.splices)
    recording = synthesise(plan, rng, RATE_HZ)
    truth = recording.truth
    return _Made(condition, scenario, plan.machine.kind, recording.samples, truth.runs, truth.duration_s)


def _other(options: LessonOptions, rng: np.random.Generator) -> _Made:
    """Draw a session of another maker; half of those in noise have recordings for their background."""
    maker, condition, scenario = (pick(rng, each) for each in (OTHER_MAKERS, options.conditions, OTHER_SCENARIOS))
    index = int(rng.integers(2**31))
    backgrounds: tuple[str, ...] = ()
    if options.library is not None and condition != "home" and rng.random() < 0.5:
        files = [path for path, _ in options.library.files]
        count = min(int(rng.integers(1, MOST_BACKGROUNDS + 1)), len(files))
        backgrounds = tuple(str(path) for path in rng.choice(files, count, replace=False))
    make = hydraulic.session if maker == "hydraulic" else sculpted.session
    made = make(condition, scenario, index, backgrounds)
    return _Made(condition, scenario, f"{maker}: {made.machine}", made.samples, made.runs, made.duration_s)


def _cut(runs: tuple[Run, ...], duration_s: float, rng: np.random.Generator) -> int:
    """Frame at which somebody who came late began to listen: just before a run, in its fill, in it, or anywhere."""
    first_s, last_s = 0.0, 0.7 * duration_s
    if runs and rng.random() < _JUST_BEFORE_SHARE:
        run = runs[int(rng.integers(len(runs)))]
        return int(max(0.0, run.pump_on_s - rng.uniform(*_JUST_BEFORE_S)) / HOP_S)
    if runs and rng.random() < 0.75:
        run = runs[int(rng.integers(len(runs)))]
        first_s, last_s = run.pump_on_s, duration_s if run.pump_off_s is None else run.pump_off_s
        if run.quieting_50_s is not None and rng.random() < 0.6:
            last_s = run.quieting_50_s
    return int(rng.uniform(first_s, last_s) / HOP_S)


def _runs_after(cut_s: float, runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Leave of the runs what somebody hears who comes late, if only the end of a whoosh.

    What was before the cut is moved to it: there another room may be heard, with nothing of these runs.
    """

    def later(time_s: float | None) -> float | None:
        return None if time_s is None else max(time_s, cut_s)

    ends = ((run.pump_off_s, run.release_end_s or run.vent_s or 0.0) for run in runs)
    heard = [stop_s is None or max(stop_s, release_end_s) > cut_s for stop_s, release_end_s in ends]
    return tuple(
        replace(run, pump_on_s=max(run.pump_on_s, cut_s), pump_off_s=later(run.pump_off_s), vent_s=later(run.vent_s))
        for run, some in zip(runs, heard, strict=True)
        if some
    )


def _other_room(rng: np.random.Generator, hop: int) -> F32:
    """Whole hops of what was heard before a session: nothing but a faint hiss, or another room at another level."""
    if rng.random() < 0.5:
        hiss: F32 = rng.standard_normal(hop * int(rng.integers(5, 2000)), dtype=np.float32)
        return hiss * np.float32(_linear(rng.uniform(-120.0, -60.0)))
    plan = sample_plan(pick(rng, CONDITIONS), rng, scenario="idle")
    sound = synthesise(plan, rng, RATE_HZ).samples * _linear(rng.uniform(-25.0, 6.0))
    length = min(hop * int(rng.integers(100, 2000)), len(sound) // hop * hop)
    joined: F32 = np.clip(sound[:length], -1.0, 1.0).astype(np.float32)
    return joined


def _rumble(samples: F32, rng: np.random.Generator) -> F32:
    """Make a noise that is steady and low, beside what is loudest in a session's own low sound."""
    low = lowpass(log_between(rng, *_RUMBLE_HZ), RATE_HZ, 2)
    rumble, own = (_filtered(sound, low) for sound in (rng.normal(size=len(samples)), samples))
    part = RATE_HZ // 2
    levels = np.sqrt(np.mean(np.square(own[: len(own) // part * part].reshape(-1, part)), axis=1))
    gain = _linear(rng.uniform(*_RUMBLE_DB)) * float(np.quantile(levels, 0.9)) / float(np.std(rumble))
    return (gain * rumble).astype(np.float32)


def _filtered(sound: npt.NDArray[np.floating], sections: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    filtered = sound.astype(np.float64)
    filter_block(filtered, np.array(sections), np.zeros((len(sections), 2)))
    return filtered


def _linear(level_db: float) -> float:
    return float(10.0 ** (level_db / 20.0))


def _foreign_lesson(library: Library | None, rng: np.random.Generator) -> Lesson:
    """Draw a session without any machine."""
    seconds = float(rng.uniform(*FOREIGN_S))
    features, levels = FeatureExtractor().push(foreign_sound(library, rng, seconds))
    labels, weights = label_frames((), seconds, len(features))
    return Lesson("foreign", "foreign", "none", 0.0, seconds, (), features.astype(np.float16), levels, labels, weights)


def lessons(
    count: int, seed: int, options: LessonOptions, *, jobs: int = 1, cache: Path | None = None
) -> Iterator[Lesson]:
    """Yield sessions 0 to `count` - 1 of `seed`, made in `jobs` processes and kept in the folder `cache`, if any."""
    make = partial(_cached_lesson, seed=seed, options=options, cache=cache)
    if jobs == 1:
        yield from map(make, range(count))
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(make, range(count))


def _cached_lesson(index: int, seed: int, options: LessonOptions, cache: Path | None) -> Lesson:
    if cache is None:
        return make_lesson(index, seed, options)
    path = cache / f"v{FEATURE_VERSION}-{seed}-{index}.npz"
    if not path.exists():
        lesson = make_lesson(index, seed, options)
        fields = {name: getattr(lesson, name) for name in ("condition", "scenario", "machine", "start_s", "duration_s")}
        text = json.dumps({**fields, "runs": [asdict(run) for run in lesson.runs]})
        cache.mkdir(parents=True, exist_ok=True)
        partial_path = path.with_suffix(".part.npz")
        np.savez(
            partial_path,
            text=np.array(text),
            features=lesson.features,
            levels=lesson.levels,
            labels=lesson.labels,
            weights=lesson.weights,
        )
        partial_path.rename(path)
        return lesson
    with np.load(path, allow_pickle=False) as arrays:
        fields = json.loads(str(arrays["text"]))
        runs = tuple(Run(**run) for run in fields.pop("runs"))
        return Lesson(
            **fields,
            runs=runs,
            features=arrays["features"],
            levels=arrays["levels"],
            labels=arrays["labels"],
            weights=arrays["weights"],
        )
