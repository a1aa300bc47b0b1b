"""Whether a pump has gone quiet because pressure is up: measured as it does, judged by learned trees.

The decoder believes in a hold as soon as the frames sound more like one than like a fill. It does not know how far the
quieting has come, what in it is the room's, and what earlier cycles of this machine sounded like. All of that is put
into one vector, again and again while the pump runs, and trees that were trained on such vectors say how likely the
quieting is complete: early enough to help, and not while the pump still fills.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .adaptation import MachineMemory, PressureTimes
from .compiled import entry, kernel
from .config import FeatureOptions
from .decoder import PossiblePressure, State
from .evidence import FILL, HOLD, MISSING, RELEASE, SHOT, TRACES, RunEvidence

__all__ = ["QUIETING_NAMES", "QuietingEar"]

F64 = npt.NDArray[np.float64]

# Frames of the run that are looked at, of its fill, and of what was heard before it.
RUN_FRAMES = 1000
FILL_FRAMES = 300
BEFORE_FRAMES = 100
# A pump needs so long to set in, and nothing is said of a hold in its first moments.
SET_IN_FRAMES = 20
BLOCK = 10
BELIEFS = (State.FILL, State.HOLD, State.MASKED, State.STOPPED, State.IDLE, State.RELEASE, State.LULL)
GROUPS = ("low", "middle", "high", "all")
ODDS = ("hold-fill", "hold", "fill", "shot", "release")
SPANS = (3, 10, 25, 60)
COMPARISONS = (
    "now-fill",
    "now-late",
    "now-run",
    "now-least",
    "now-most",
    "slope",
    "slower slope",
    "late-fill",
    "fill-before",
    "now-before",
    "spread",
    "fill spread",
    "stands out",
)


def _names() -> tuple[str, ...]:
    edges = FeatureOptions().band_edges_hz
    bands = [f"{low:g}-{high:g}Hz" for low, high in pairwise(edges)]
    return (
        "log_run_frames",
        "log_hold_frames",
        *(f"{state.name.lower()}_belief" for state in BELIEFS),
        *(f"{odds}_odds {span}" for span in (*map(str, SPANS), "hold", "run") for odds in ODDS),
        *(f"{odds}_odds {what}" for what in ("least", "most") for odds in ODDS),
        "hold-fill_odds sum",
        *(f"{what} {band}" for what in ("now-fill", "now-before") for band in bands),
        *(f"{what} {trace}" for what in ("now-fill", "now", "fill") for trace in TRACES),
        *(f"{what} {group}" for what in COMPARISONS for group in GROUPS),
        "fill level",
        "machine_known",
        "progress",
        "slower progress",
        "mismatch_fill",
        "mismatch_hold",
        "fill_as_known",
        "pressure_due",
        "cycles",
    )


QUIETING_NAMES: tuple[str, ...] = _names()
"""Order of the vector that the trees were trained on; levels and traces in dB, odds as log-likelihoods."""

_BELIEFS = np.array(BELIEFS)
_N_COMPARED = len(COMPARISONS)
_N_ROWS = 13
# What is written by the kernel, between lengths and beliefs, and what durations tell.
_HEARD_FROM, _HEARD_TO = 2 + len(BELIEFS), QUIETING_NAMES.index("fill_as_known")


class QuietingEar:
    """Measures what may be the beginning of a hold.

    Parameters
    ----------
    evidence
        What was heard of late, frame by frame.
    """

    def __init__(self, evidence: RunEvidence) -> None:
        self._evidence = evidence
        self._scratch = np.zeros((_N_ROWS, evidence.width))
        # Compiled when first used: in a first session ever, other kernels are compiled beside it.
        self._measure: Any = None

    def measure(
        self, possible: PossiblePressure, machine: MachineMemory, times: PressureTimes, hop_s: float, cycles: int
    ) -> F64:
        """Put what may be a hold into a vector, in the order of `QUIETING_NAMES`.

        `machine` and `times` are what is known of the machine, `cycles` how many were counted.
        """
        evidence = self._evidence
        on, now = possible.on, possible.now
        hold = min(max(possible.hold, on + SET_IN_FRAMES), now)
        first, last = evidence.within(max(on, now + 1 - RUN_FRAMES), now + 1)
        n = last - first
        held = min(max(hold - (now + 1 - n), 0), n - 1)
        # The fill as it was before the first suspicion, short of the moment in which it turned; at least a few frames.
        fill_to = max(held - BLOCK, min(SET_IN_FRAMES, n - 1), 1)
        fill_from = max(min(SET_IN_FRAMES // 2, fill_to - 1), fill_to - FILL_FRAMES)
        before = evidence.within(on - BEFORE_FRAMES, on - 4)
        frames = (first, first + fill_from, first + fill_to, first + held, last, *before)
        vector = np.empty(len(QUIETING_NAMES))
        vector[0], vector[1] = math.log(now + 1 - on), math.log(now + 1 - min(possible.hold, now))
        vector[2:_HEARD_FROM] = possible.belief[_BELIEFS]
        vector[_HEARD_TO:-1] = times.agreement((hold - on) * hop_s, (now - on) * hop_s)
        vector[-1] = cycles
        given = *evidence.rings, frames, evidence.groups, *machine.plateaus, machine.known, self._scratch, vector
        if self._measure is None:
            self._measure = entry(_measure, *given)
        self._measure(*given)
        return vector


@kernel()
def _measure(
    rows: F64,
    likelihoods: F64,
    frames: tuple[int, int, int, int, int, int, int],
    groups: F64,
    known_fill: F64,
    known_hold: F64,
    weight: F64,
    known: bool,
    scratch: F64,
    vector: F64,
) -> None:
    """Write what was heard of a run into its place in `vector`.

    `rows` and `likelihoods` are `RunEvidence.rings`; `frames` are the first of the run, the first of its fill, the one
    behind that, the first of its hold, the one behind all, the first that was heard before the run and the one behind
    that; `groups` has shape (bands, groups), what is known of the machine shape (bands,), any if it is not `known`.
    """
    first, fill_from, fill_to, held, end, before_from, before_to = frames
    n, width, bands = end - first, rows.shape[1], groups.shape[0]
    # One call for all means: each would be compiled into its place.
    spans = (
        (before_from, before_to),
        (fill_from, fill_to),
        (max(fill_to - 50, fill_from), fill_to),
        (max(end - 5, first), end),
        (max(end - 20, first), end),
        (end - 15, end - 5) if n > 15 else (first, end),
        (end - 60, end - 20) if n > 60 else (first, end),
    )
    for k in range(len(spans)):
        _mean(rows, spans[k][0], spans[k][1], scratch[k])
    before, level, late, now_5 = scratch[0], scratch[1], scratch[2], scratch[3]
    now_20, earlier, slower, fill_spread = scratch[4], scratch[5], scratch[6], scratch[7]
    spread, whole, least, most, block = scratch[8], scratch[9], scratch[10], scratch[11], scratch[12]
    for k in range(2):
        _spread(rows, spans[1 + 3 * k][0], spans[1 + 3 * k][1], scratch[1 + 3 * k], scratch[7 + k])
    _blocks(rows, first, end, block, whole, least, most)
    if n < BLOCK:
        for b in range(width):
            least[b] = most[b] = now_5[b]

    at = _write_odds(likelihoods, first, held, end, vector, _HEARD_FROM)
    for b in range(bands):
        vector[at + b], vector[at + bands + b] = now_5[b] - level[b], now_20[b] - before[b]
    at += 2 * bands
    traces = width - bands
    for k in range(traces):
        vector[at + k] = now_5[bands + k] - level[bands + k]
        vector[at + traces + k], vector[at + 2 * traces + k] = now_20[bands + k], level[bands + k]
    at += 3 * traces

    to = at + _N_COMPARED * groups.shape[1]
    for k in range(at, to + 1):
        vector[k] = 0.0
    for b in range(bands):
        compared = (
            now_20[b] - level[b],
            now_5[b] - late[b],
            now_5[b] - whole[b],
            now_5[b] - least[b],
            now_5[b] - most[b],
            now_5[b] - earlier[b],
            now_20[b] - slower[b],
            late[b] - level[b],
            level[b] - before[b],
            now_20[b] - before[b],
            spread[b],
            fill_spread[b],
            (now_20[b] - level[b]) / (fill_spread[b] + 1.0),
        )
        for what in range(_N_COMPARED):
            for group in range(groups.shape[1]):
                vector[at + what * groups.shape[1] + group] += groups[b, group] * compared[what]
        vector[to] += level[b] / bands
    at = to + 1

    vector[at] = known
    if not known:
        for k in range(at + 1, at + 5):
            vector[k] = MISSING
    else:
        vector[at + 1] = _progress(now_5, known_fill, weight)
        vector[at + 2] = _progress(now_20, known_fill, weight)
        vector[at + 3] = _mismatch(level, known_fill, block)
        vector[at + 4] = _mismatch(now_20, known_hold, block)


@kernel()
def _mean(rows: F64, first: int, last: int, mean: F64) -> None:
    """Write the mean of frames first..last - 1."""
    for b in range(len(mean)):
        mean[b] = 0.0
    for frame in range(first, last):
        row = rows[frame % rows.shape[0]]
        for b in range(len(mean)):
            mean[b] += row[b]
    for b in range(len(mean)):
        mean[b] /= last - first


@kernel()
def _spread(rows: F64, first: int, last: int, mean: F64, spread: F64) -> None:
    """Write the standard deviation of frames first..last - 1, whose mean is given."""
    for b in range(len(mean)):
        spread[b] = 0.0
    for frame in range(first, last):
        row = rows[frame % rows.shape[0]]
        for b in range(len(mean)):
            spread[b] += row[b] * row[b]
    for b in range(len(mean)):
        spread[b] = np.sqrt(max(spread[b] / (last - first) - mean[b] * mean[b], 0.0))


@kernel()
def _blocks(rows: F64, first: int, last: int, block: F64, whole: F64, least: F64, most: F64) -> None:
    """Write the mean of frames first..last - 1, and the least and most mean of blocks; `block` is scratch.

    Blocks are counted from the last frame backwards; of fewer frames there is none.
    """
    for b in range(len(whole)):
        whole[b], block[b], least[b], most[b] = 0.0, 0.0, np.inf, -np.inf
    for frame in range(first, last):
        row = rows[frame % rows.shape[0]]
        for b in range(len(whole)):
            block[b] += row[b]
        left = last - 1 - frame
        if left % BLOCK == 0:
            for b in range(len(whole)):
                whole[b] += block[b] / (last - first)
                if last - first - left >= BLOCK:
                    least[b] = min(least[b], block[b] / BLOCK)
                    most[b] = max(most[b], block[b] / BLOCK)
                block[b] = 0.0


@kernel()
def _write_odds(likelihoods: F64, first: int, held: int, end: int, vector: F64, at: int) -> int:
    """Write means over the last frames of `SPANS`, the hold and the run, least, most, sum; return the place behind."""
    n_odds = len(ODDS)
    least, most = at + (len(SPANS) + 2) * n_odds, at + (len(SPANS) + 3) * n_odds
    behind = most + n_odds + 1
    for k in range(at, behind):
        vector[k] = 0.0
    for k in range(n_odds):
        vector[least + k], vector[most + k] = np.inf, -np.inf
    for frame in range(first, end):
        heard = likelihoods[frame % likelihoods.shape[0]]
        # In the order of ODDS.
        odds = (
            heard[HOLD] - heard[FILL],
            heard[HOLD] - heard[0],
            heard[FILL] - heard[0],
            heard[SHOT],
            heard[RELEASE] - heard[0],
        )
        for k in range(n_odds):
            for span in range(len(SPANS)):
                if frame >= end - SPANS[span]:
                    vector[at + span * n_odds + k] += odds[k] / min(SPANS[span], end - first)
            if frame >= held:
                vector[at + len(SPANS) * n_odds + k] += odds[k] / (end - held)
            vector[at + (len(SPANS) + 1) * n_odds + k] += odds[k] / (end - first)
            vector[least + k] = min(vector[least + k], odds[k])
            vector[most + k] = max(vector[most + k], odds[k])
        if frame >= held:
            vector[behind - 1] += odds[0]
    return behind


@kernel()
def _progress(levels: F64, fill: F64, weight: F64) -> float:
    """See `MachineMemory.progress`; bounded, since far beyond the hold there is nothing more to tell."""
    share = 0.0
    for b in range(len(fill)):
        share += (levels[b] - fill[b]) * weight[b]
    return min(max(share, -3.0), 4.0)


@kernel()
def _mismatch(levels: F64, known: F64, scratch: F64) -> float:
    """Return the median distance of levels from known ones, dB, as `MachineMemory.mismatch_db`."""
    away = scratch[: len(known)]
    for b in range(len(known)):
        # Sorted as they come.
        distance, k = abs(levels[b] - known[b]), b
        while k and away[k - 1] > distance:
            away[k] = away[k - 1]
            k -= 1
        away[k] = distance
    middle: float = (away[(len(known) - 1) // 2] + away[len(known) // 2]) / 2.0
    return middle
