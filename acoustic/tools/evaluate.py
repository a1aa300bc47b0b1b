"""The live detector over many sessions, each scored against its truth.

Sessions are recordings with labels, simulations, or sound without an espresso machine in it.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..errors import AudioFileError, LabelError
from ..sources.file import FileSource
from ..synth import Library, Plan, Splice, SynthSource, sample_plan
from ..types import AudioBlock, AudioSource, Event
from .aggregate import Summary, summarise
from .reference import Reference, read_reference, reference_of
from .scoring import SessionScore, score_session

__all__ = [
    "Evaluation",
    "LoopedSound",
    "RecordedSession",
    "Session",
    "SimulatedSession",
    "StreamDetector",
    "evaluate",
    "find_recordings",
    "find_sounds",
    "looped",
    "score",
    "simulated",
]

_BLOCK_S = 0.1
_GAINS_DB = (-20.0, 10.0)
_FADE_S = 0.05
_NOTHING = np.empty(0, np.float32)


class StreamDetector(Protocol):
    """What is evaluated: `acoustic.Detector`, or anything else that takes its blocks and gives its events."""

    def push(self, block: AudioBlock) -> list[Event]:
        """Take in a block; return what it made known."""
        ...

    def flush(self) -> list[Event]:
        """End the stream."""
        ...


class Session(Protocol):
    """A session that can be heard once: cheap to make, to be opened in whichever process scores it."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Return its sound, and what gives its truth after the last block, from the duration heard."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """A recording with labels beside it."""

    audio: Path

    @property
    def name(self) -> str:
        """The file's name."""
        return str(self.audio)

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Open the file; the labels are read after it, when its length is known."""
        return FileSource(self.audio, block_s=_BLOCK_S), partial(read_reference, self.audio.with_suffix(".tsv"))


@dataclass(frozen=True, slots=True)
class SimulatedSession:
    """A session of the simulator: the same for the same fields, whatever other sessions there are.

    Parameters
    ----------
    condition, scenario, kind, library, splices
        As for `sample_plan`.
    seed, index
        What is drawn.
    rate_hz
        At which it is simulated.
    heard_hz
        To which it is resampled then; None: not at all.
    level_dbfs
        Of the first fill, after the microphone; None: as the microphone gives it.
    """

    condition: str
    scenario: str
    seed: int
    index: int
    kind: str | None = None
    library: Library | None = None
    splices: tuple[Splice, ...] = ()
    rate_hz: int = 48_000
    heard_hz: int | None = None
    level_dbfs: float | None = None

    @property
    def name(self) -> str:
        """Everything that it takes to make it again."""
        return "/".join(filter(None, [self.condition, self.scenario, self.kind, str(self.seed), str(self.index)]))

    def draw(self) -> tuple[Plan, np.random.Generator]:
        """Draw the plan; the generator is where rendering it goes on. The same each time."""
        rng = np.random.default_rng([self.seed, self.index, *self.condition.encode(), *self.scenario.encode()])
        return sample_plan(
            self.condition, rng, self.kind, self.scenario, library=self.library, splices=self.splices
        ), rng

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Draw the plan; the sound is made while it is read."""
        plan, rng = self.draw()
        source = SynthSource(plan, rng, self.rate_hz, _BLOCK_S, self.name)
        gain_db = 0.0 if self.level_dbfs is None else self.level_dbfs - plan.microphone.fill_dbfs
        heard_hz = self.heard_hz or self.rate_hz
        altered = gain_db != 0.0 or heard_hz != self.rate_hz
        return (
            _Altered(source, gain_db, heard_hz) if altered else source,
            lambda duration_s: reference_of(source.simulator.truth()),
        )


@dataclass(frozen=True, slots=True)
class LoopedSound:
    """Sound without an espresso machine: one recording, over and over, each time at another level."""

    audio: Path
    seconds: float
    seed: int

    @property
    def name(self) -> str:
        """The file's name, with its folder's."""
        return f"{self.audio.parent.name}/{self.audio.name}"

    def open(self) -> tuple[AudioSource, Callable[[float], Reference]]:
        """Read the file; whatever is heard in it is false."""
        rng = np.random.default_rng([self.seed, *self.name.encode()])
        return _Loop(self.audio, self.seconds, rng), partial(Reference.silent, condition=self.audio.parent.name)


class _Altered:
    """A source at another level and rate; nothing is clipped."""

    def __init__(self, source: AudioSource, gain_db: float, rate_hz: int) -> None:
        self._source = source
        self._gain = np.float32(10 ** (gain_db / 20))
        self.name, self.rate_hz = source.name, rate_hz

    def __iter__(self) -> Iterator[AudioBlock]:
        import soxr

        stream = soxr.ResampleStream(self._source.rate_hz, self.rate_hz, 1, dtype="float32")
        start = 0
        for samples, last in chain(((block.samples, False) for block in self._source), [(_NOTHING, True)]):
            heard = stream.resample_chunk(samples * self._gain, last=last)
            yield AudioBlock(start, heard, self.rate_hz)
            start += len(heard)

    def close(self) -> None:
        self._source.close()


class _Loop:
    """A recording faded into itself, again and again; each repetition has a gain of its own, within full scale."""

    def __init__(self, path: Path, seconds: float, rng: np.random.Generator) -> None:
        self._file = FileSource(path)
        self.name, self.rate_hz = str(path), self._file.rate_hz
        self._left = max(1, round(seconds * self.rate_hz))
        self._rng = rng

    def __iter__(self) -> Iterator[AudioBlock]:
        samples = np.concatenate([block.samples for block in self._file])
        loudest_db = -20 * np.log10(np.abs(samples).max(initial=1e-6))
        fade = min(round(_FADE_S * self.rate_hz), len(samples) // 2)
        # Equal powers, since the end and the beginning are not coherent.
        rise = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
        start, tail = 0, np.zeros(fade, np.float32)
        while self._left > 0:
            gain_db = min(self._rng.uniform(*_GAINS_DB), loudest_db)
            turn = samples * np.float32(10 ** (gain_db / 20))
            turn[:fade] = np.clip(turn[:fade] * rise + tail, -1, 1)
            tail = turn[len(turn) - fade :] * rise[::-1]
            turn = turn[: min(len(turn) - fade, self._left)]
            self._left -= len(turn)
            for block in np.array_split(turn, max(1, round(len(turn) / self.rate_hz / _BLOCK_S))):
                yield AudioBlock(start, block, self.rate_hz)
                start += len(block)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores of all sessions, added up: together, and by condition, scenario and kind of machine."""

    overall: Summary
    conditions: Mapping[str, Summary]
    scenarios: Mapping[str, Summary]
    machines: Mapping[str, Summary]
    sessions: tuple[SessionScore, ...]

    @classmethod
    def of(cls, scores: Sequence[SessionScore], rng: np.random.Generator, resamples: int = 1000) -> Evaluation:
        """Add up; `rng` draws the bootstrap of `resamples`."""

        def grouped(name: str) -> dict[str, Summary]:
            groups: dict[str, list[SessionScore]] = defaultdict(list)
            for each in scores:
                groups[getattr(each, name)].append(each)
            return {key: summarise(groups[key], rng, resamples) for key in sorted(groups) if key}

        overall = summarise(scores, rng, resamples)
        return cls(overall, grouped("condition"), grouped("scenario"), grouped("machine"), tuple(scores))

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON types."""
        return {"version": 1, **asdict(self)}


def live_detector() -> StreamDetector:
    """Return the detector that `listen` and `replay` run, with its defaults."""
    from ..pipeline import Detector

    return Detector()


def score(session: Session, make_detector: Callable[[], StreamDetector] = live_detector) -> SessionScore:
    """Let a fresh detector hear one session, and score what it said.

    Raises
    ------
    AudioFileError, LabelError
        If recording or labels cannot be read.
    """
    detector = make_detector()
    source, truth = session.open()
    events: list[Event] = []
    stop = 0
    with closing(source):
        for block in source:
            events += detector.push(block)
            stop = block.stop
    events += detector.flush()
    return score_session(session.name, truth(stop / source.rate_hz), events)


def evaluate(
    sessions: Iterable[Session], make_detector: Callable[[], StreamDetector] = live_detector, jobs: int = 1
) -> Iterator[SessionScore]:
    """Score sessions in `jobs` processes; yield the scores in the sessions' order.

    `make_detector` must be importable by name in a fresh process if there is more than one.
    """
    hear = partial(score, make_detector=make_detector)
    if jobs <= 1:
        yield from map(hear, sessions)
        return
    # Spawned everywhere: a forked copy of a process with threads may hang, and behaviour must not depend on the system.
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(hear, sessions)
    finally:
        pool.shutdown(cancel_futures=True)


def find_recordings(folder: Path) -> list[RecordedSession]:
    """All recordings below `folder` that have a .tsv of the same name beside them, in order of their names.

    Raises
    ------
    LabelError
        If there is none.
    """
    sessions = [RecordedSession(path) for path in _audio_below(folder) if path.with_suffix(".tsv").is_file()]
    if not sessions:
        raise LabelError(
            f"{folder}: holds no recording with labels; put a table of onset, offset and label beside each, as in "
            "x.wav and x.tsv"
        )
    return sessions


def find_sounds(folder: Path) -> list[Path]:
    """All recordings below `folder`, in order of their names.

    Raises
    ------
    AudioFileError
        If there is none.
    """
    files = _audio_below(folder)
    if not files:
        raise AudioFileError(f"{folder}: holds no recordings; name a folder with WAV, FLAC, OGG or MP3 files")
    return files


def simulated(
    conditions: Sequence[str],
    scenarios: Sequence[str],
    per_scenario: int,
    seed: int,
    *,
    kind: str | None = None,
    library: Library | None = None,
    splices: tuple[Splice, ...] = (),
) -> list[SimulatedSession]:
    """Sessions of every condition and scenario, `per_scenario` each; the rest as for `SimulatedSession`."""
    return [
        SimulatedSession(condition, scenario, seed, index, kind, library, splices)
        for condition in conditions
        for scenario in scenarios
        for index in range(per_scenario)
    ]


def looped(files: Sequence[Path], hours: float, seed: int) -> list[LoopedSound]:
    """Every file for the same time, so many hours in all."""
    return [LoopedSound(path, hours * 3600 / len(files), seed) for path in files]


def _audio_below(folder: Path) -> list[Path]:
    import soundfile

    if not folder.is_dir():
        raise AudioFileError(f"{folder}: no such folder; name one that holds recordings")
    suffixes = {f".{name.lower()}" for name in soundfile.available_formats()} | {".aif", ".oga"}
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes and path.is_file())
