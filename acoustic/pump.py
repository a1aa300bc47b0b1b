"""Whether what the decoder takes for a pump is one: measured as it runs, judged by learned trees.

The decoder believes in a pump as soon as the frames sound like one for long enough, and a fridge, a tap or an
extractor may. What tells them apart is how they set in over the room, how restless they are, whether they only make
the room louder, and how the runs before sounded. All of that is put into one vector, again and again while it runs,
and trees that were trained on such vectors, much of it sound without any pump, say how likely it is one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .config import FeatureOptions
from .decoder import PossiblePump, State
from .evidence import MISSING, TRACES, RunEvidence, mean_of, odds_of

__all__ = ["PUMP_NAMES", "PastRun", "PumpEar", "PumpMemory"]

F64 = npt.NDArray[np.float64]

# Frames of the run, and of what was heard before it, that are looked at.
RUN_FRAMES = 300
BEFORE_FRAMES = 150
# Of what was heard before, the last frames are the onset's own; so long behind it it has set in.
ONSET_FRAMES, SET_IN_FRAMES = 4, 14
BLOCK = 5
QUANTILE = 0.2
REMEMBERED = 4
GROUPS = ("low", "middle", "high", "all")
ODDS = ("fill", "hold", "pump", "shot", "release")
COMPARISONS = ("onset", "attack", "drift", "rise", "restlessness", "spread", "before-usual", "now-before", "now-run")


def _names() -> tuple[str, ...]:
    edges = FeatureOptions().band_edges_hz
    bands = [f"{low:g}-{high:g}Hz" for low, high in pairwise(edges)]
    return (
        "log_frames",
        "fill_belief",
        "hold_belief",
        "fill_odds share",
        *(f"{odds}_odds {what}" for what in ("5", "20", "50", "all", "first", "least", "most") for odds in ODDS),
        *(f"{odds}_odds low" for odds in ODDS),
        *(f"before {odds}_odds {what}" for what in ("all", "30", "most") for odds in ODDS),
        "before restlessness",
        *(f"now-before {what}" for what in ("unevenness", "mean", "most", "least")),
        *(f"now-before {band}" for band in bands),
        *(f"{what} {trace}" for what in ("now-before", "now", "run", "before") for trace in TRACES),
        *(f"{what} shape {band}" for what in ("now", "before") for band in bands),
        *(f"{what} {group}" for what in COMPARISONS for group in GROUPS),
        *(f"{what} {trace}" for what in ("restlessness", "spread") for trace in TRACES),
        "earlier released",
        "earlier unreleased",
        *(f"{how} {which}" for which in ("released", "unreleased") for how in ("unlike", "shaped unlike")),
        "earlier complete",
        "log_pause_frames",
        "last log_frames",
        "cycles",
    )


PUMP_NAMES: tuple[str, ...] = _names()
"""Order of the vector that the trees were trained on; levels and traces in dB, odds as log-likelihoods."""


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that is over.

    `levels` of the bands, dBFS, shape (bands,); its stop `off` and its length in frames, whether it had a release, and
    how likely it was complete.
    """

    levels: F64
    off: int
    frames: int
    released: bool
    complete: float


class PumpMemory:
    """The session's last runs, with a release or without."""

    def __init__(self) -> None:
        self.runs: deque[PastRun] = deque(maxlen=REMEMBERED)

    def reset(self) -> None:
        """Forget all runs."""
        self.runs.clear()

    def push(self, run: PastRun) -> None:
        """Remember a run, in place of one that began at the same frame: that had not ended."""
        if self.runs and self.runs[-1].off - self.runs[-1].frames == run.off - run.frames:
            self.runs.pop()
        self.runs.append(run)

    def measure(self, levels: F64, on: int) -> list[float]:
        """Compare what runs since frame `on` with the runs before, by its `levels`, shape (bands,)."""
        if not self.runs:
            return [0.0, 0.0, *[MISSING] * 7]
        released = np.array([run.released for run in self.runs])
        others = np.stack([run.levels for run in self.runs])
        differences = levels - others
        unlike = np.abs(differences).mean(axis=1)
        shaped = np.abs(differences - differences.mean(axis=1, keepdims=True)).mean(axis=1)
        measures = [float(released.sum()), float((~released).sum())]
        for which in (released, ~released):
            # Where there is none, as unlike as can be.
            measures += [float(each[which].min(initial=-MISSING)) for each in (unlike, shaped)]
        last = self.runs[-1]
        complete = max(run.complete for run in self.runs)
        return [*measures, complete, float(np.log(max(on - last.off, 1))), float(np.log(max(last.frames, 1)))]


@dataclass(frozen=True, slots=True)
class _Before:
    """What was heard before the frame `on`, and how what runs since then set in."""

    on: int
    mean: F64
    usual: F64
    restlessness: float
    odds: F64
    attack: F64
    onset: F64


class PumpEar:
    """Measures what may be a pump.

    Parameters
    ----------
    evidence
        What was heard of late, frame by frame.
    """

    def __init__(self, evidence: RunEvidence) -> None:
        self._evidence = evidence
        # It is measured again only where something else may have set in.
        self._kept: _Before | None = None

    def reset(self) -> None:
        """Forget what was measured."""
        self._kept = None

    def _before(self, on: int, now: int) -> _Before:
        if self._kept is not None and self._kept.on == on:
            return self._kept
        evidence = self._evidence
        rows, likelihoods = evidence.rows(on - BEFORE_FRAMES, on - ONSET_FRAMES)
        odds = odds_of(likelihoods, ODDS)
        before = _Before(
            on,
            mean_of(rows[-60:]),
            np.sort(rows, axis=0)[int(QUANTILE * (len(rows) - 1))],
            float(_restlessness(rows)[: evidence.n_bands].mean()),
            np.concatenate([mean_of(odds), mean_of(odds[-30:]), odds.max(axis=0)]),
            evidence.rows(on - 2, min(on + 4, now + 1))[0].mean(axis=0),
            evidence.rows(min(on + 4, now), min(on + SET_IN_FRAMES, now + 1))[0].mean(axis=0),
        )
        if now >= on + SET_IN_FRAMES:
            self._kept = before
        return before

    def measure(self, pump: PossiblePump, memory: PumpMemory, cycles: int) -> F64:
        """Put what has run so far into a vector, in the order of `PUMP_NAMES`.

        `memory` are the session's runs so far, `cycles` how many were counted.
        """
        before = self._before(pump.on, pump.now)
        rows, likelihoods = self._evidence.rows(max(pump.on, pump.now + 1 - RUN_FRAMES), pump.now + 1)
        bands = self._evidence.n_bands
        odds = odds_of(likelihoods, ODDS)
        now, run = mean_of(rows[-20:]), mean_of(rows)
        spread = np.sqrt(np.maximum(np.einsum("fc,fc->c", rows, rows) / len(rows) - run * run, 0.0))
        restless, over = _restlessness(rows), now - before.mean
        compared = np.stack(
            [
                before.onset - before.mean,
                before.attack - before.mean,
                now - mean_of(rows[:20]),
                mean_of(rows[-5:]) - now,
                restless,
                spread,
                before.mean - before.usual,
                over,
                now - run,
            ]
        )
        levels, levels_before, louder = now[:bands], before.mean[:bands], over[:bands]
        sorted_odds = np.sort(odds, axis=0)
        vector: F64 = np.concatenate(
            [
                [
                    np.log(pump.now + 1 - pump.on),
                    pump.belief[State.FILL],
                    pump.belief[State.HOLD],
                    np.count_nonzero(odds[:, 0] > 0.0) / len(odds),
                ],
                mean_of(odds[-5:]),
                mean_of(odds[-20:]),
                mean_of(odds[-50:]),
                mean_of(odds),
                mean_of(odds[:20]),
                sorted_odds[0],
                sorted_odds[-1],
                sorted_odds[int(QUANTILE * (len(odds) - 1))],
                before.odds,
                [before.restlessness, louder.std(), np.abs(louder).mean(), louder.max(), louder.min()],
                louder,
                over[bands:],
                now[bands:],
                run[bands:],
                before.mean[bands:],
                levels - levels.mean(),
                levels_before - levels_before.mean(),
                self._evidence.grouped(compared[:, :bands]).ravel(),
                restless[bands:],
                spread[bands:],
                memory.measure(levels, pump.on),
                [cycles],
            ]
        )
        return vector


def _restlessness(rows: F64) -> F64:
    """Mean change from one twentieth of a second to the next, shape (columns,)."""
    blocks = len(rows) // BLOCK
    if blocks < 2:
        return np.zeros(rows.shape[1])
    means = rows[: blocks * BLOCK].reshape(blocks, BLOCK, -1).mean(axis=1)
    restless: F64 = np.abs(np.diff(means, axis=0)).mean(axis=0)
    return restless
