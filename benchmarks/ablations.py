"""What each part of the detector gives: the same sessions with one part left out at a time, and simple baselines.

    python -m benchmarks.ablations [--corpus DIR] [--count 40] [--jobs 2]

The networks are not trained again: a part is made to say nothing. The seeds are for this table alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from acoustic.config import CycleOptions, DecoderOptions, DetectorOptions
from acoustic.emission import LearnedEmission
from acoustic.evidence import SessionMemory, compare
from acoustic.model import load_model
from acoustic.pipeline import Detector
from acoustic.runs import RunBook
from acoustic.synth import Library
from acoustic.tools.aggregate import summarise
from acoustic.tools.evaluate import (
    LoopedSound,
    StreamDetector,
    evaluate,
    find_sounds,
    live_detector,
    looped,
    simulated,
)
from acoustic.tools.evaluation_tables import figure_text, rate_text
from acoustic.tools.lessons import is_held_out
from acoustic.types import AudioBlock, Event

from .baselines import BASELINES
from .protocol import HEARD, MIXED
from .results import table, write_section

SEED = 20_260_402
F32 = npt.NDArray[np.float32]


class _Forgetful(LearnedEmission):
    """The networks with a memory that is emptied before every frame."""

    def judge(self, features: F32, state: F32, log_likelihood: npt.NDArray[np.float64]) -> None:
        for frame in range(len(features)):
            state[:] = 0.0
            super().judge(features[frame : frame + 1], state, log_likelihood[frame : frame + 1])


def without_memory_of_sound() -> StreamDetector:
    """Judge each frame by its own features."""
    model = load_model()
    emission = _Forgetful(model.emission.phases, model.emission.release, model.emission.log_prior)
    return Detector(model=replace(model, emission=emission))


def without_judge_of_whooshes() -> StreamDetector:
    """Tell a release once the decoder's belief in it is enough."""
    return Detector(model=replace(load_model(), whoosh=None))


def without_judge_of_pumps() -> StreamDetector:
    """Tell a pump once the decoder believes in it."""
    return Detector(model=replace(load_model(), pump=None))


def without_judge_of_quietings() -> StreamDetector:
    """Tell pressure once the decoder's belief in a hold is enough."""
    return Detector(model=replace(load_model(), quieting=None))


def without_doubt_at_first() -> StreamDetector:
    """Take a hum that is there from the first moment on as it sounds."""
    return Detector(DetectorOptions(decoder=DecoderOptions(unknown_room_odds=0.0)))


class _CountsTold:
    """Counts a run if pressure was told live and a release followed."""

    def __init__(self) -> None:
        anything = CycleOptions(min_complete=0.0, min_run_s=0.0, short_run_s=0.0, min_complete_faint=0.0)
        self._detector = Detector(DetectorOptions(cycle=anything))
        self._told = False

    def push(self, block: AudioBlock) -> list[Event]:
        """Take in a block."""
        return [self._judged(event) for event in self._detector.push(block)]

    def flush(self) -> list[Event]:
        """End the stream."""
        return [self._judged(event) for event in self._detector.flush()]

    def _judged(self, event: Event) -> Event:
        if event.kind == "pump_on":
            self._told = False
        self._told |= event.kind == "pressure" and not event.details.get("late", False)
        return event if event.kind != "cycle" or self._told else replace(event, kind="incomplete")


def without_judge() -> StreamDetector:
    """Count what was told live."""
    return _CountsTold()


class _Alone(Detector):
    """Judges each run as if it were the session's only one."""

    def __init__(self) -> None:
        super().__init__()
        self._book = _EachAlone(self.options, self.model.judge, self._evidence, self._machine, self._times)
        self._book.memory = _NoMemory()


class _EachAlone(RunBook):
    def _reconsidered(self, counted: int) -> list[tuple[Event, float]]:
        return []


class _NoMemory(SessionMemory):
    def context_now(self, number: int) -> npt.NDArray[np.float64]:
        return compare(self._runs[self._place(number)], (), ())


def without_session_memory() -> StreamDetector:
    """Judge each run alone, and never again."""
    return _Alone()


def without_masked_hold() -> StreamDetector:
    """Take a hold that nobody can hear for a stop."""
    return Detector(DetectorOptions(decoder=DecoderOptions(masked_share=0.0)))


PARTS: dict[str, Callable[[], StreamDetector]] = {
    "whole": live_detector,
    "without the network's memory": without_memory_of_sound,
    "without the judge of pumps": without_judge_of_pumps,
    "without the judge of quietings": without_judge_of_quietings,
    "without the judge of whooshes": without_judge_of_whooshes,
    "without the judge of whole runs": without_judge,
    "without the session's memory": without_session_memory,
    "without the masked hold": without_masked_hold,
    "without doubt of an unknown room": without_doubt_at_first,
    **BASELINES,
}
FACTS = (
    "home",
    "kitchen",
    "hard",
    "shots, flushes, leaks: no cycle",
    "release F1 at 200 ms",
    "pressure F1 at 1 s",
    "early cues",
)
SOUNDS_H = 2.0


def main() -> None:
    """Hear the same sessions with every variant, and write the table."""
    corpus = Path(os.environ.get("BACKFLUSH_CORPUS", Path(__file__).resolve().parents[2] / "shared" / "audio"))
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablations", description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=corpus if corpus.is_dir() else None)
    parser.add_argument("--count", type=int, default=40, help="sessions a condition")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    library = None
    sounds: list[LoopedSound] = []
    if arguments.corpus is not None:
        files = (file for name in MIXED for file in Library.from_folder(arguments.corpus / name).files)
        library = Library(tuple(file for file in files if is_held_out(file[0])))
        sounds = looped([path for name in HEARD for path in find_sounds(arguments.corpus / name)], SOUNDS_H, SEED)
    cleanings = simulated(("home", "kitchen", "hard"), ("cleaning",), arguments.count, SEED, library=library)
    others = simulated(
        ("home", "kitchen"), ("shots", "flushes", "leak"), max(arguments.count // 6, 1), SEED, library=library
    )
    rows = []
    for name, detector in PARTS.items():
        scores = list(evaluate([*cleanings, *others], detector, arguments.jobs))
        heard, rest = scores[: len(cleanings)], scores[len(cleanings) :]
        whole = summarise(heard, np.random.default_rng(SEED))
        exact = [
            summarise([each for each in heard if each.condition == condition], np.random.default_rng(SEED)).exact
            for condition in ("home", "kitchen", "hard")
        ]
        cells = [figure_text(each, 100, 0) for each in (*exact, summarise(rest, np.random.default_rng(SEED)).exact)]
        cells += [figure_text(whole.events[kind].f1, 1, 2) for kind in ("release@0.2", "pressure@1")]
        cells.append(figure_text(whole.early_cues, 100, 0))
        if sounds:
            silent = summarise(list(evaluate(sounds, detector, arguments.jobs)), np.random.default_rng(SEED))
            cells += [rate_text(rate) for rate in (silent.false_pump_on, silent.false_cycles)]
        rows.append([name, *cells])
    head = [f"{fact}, %" if "F1" not in fact else fact for fact in FACTS]
    if sounds:
        head += ["real sounds: false pump_on an hour", "false cycles an hour"]
    body = table(["", *head], rows)
    text = "The first four columns: sessions counted exactly. Intervals are of 95 %.\n\n" + body
    write_section(
        "ablations", "What each part gives", f"python -m benchmarks.ablations --count {arguments.count}", text
    )


if __name__ == "__main__":
    main()
