"""Whether a pump has gone quiet because pressure is up: measured as it does, judged by learned trees.

The decoder believes in a hold as soon as the frames sound more like one than like a fill. It does not know how far the
quieting has come, what in it is the room's, and what earlier cycles of this machine sounded like. All of that is put
into one vector, again and again while the pump runs, and trees that were trained on such vectors say how likely the
quieting is complete: early enough to help, and not while the pump still fills.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .adaptation import MachineMemory, PressureTimes
from .config import FeatureOptions
from .decoder import PossiblePressure, State
from .evidence import MISSING, TRACES, RunEvidence, mean_of, odds_of

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


class QuietingEar:
    """Measures what may be the beginning of a hold.

    Parameters
    ----------
    evidence
        What was heard of late, frame by frame.
    """

    def __init__(self, evidence: RunEvidence) -> None:
        self._evidence = evidence

    def measure(
        self, possible: PossiblePressure, machine: MachineMemory, times: PressureTimes, hop_s: float, cycles: int
    ) -> F64:
        """Put what may be a hold into a vector, in the order of `QUIETING_NAMES`.

        `machine` and `times` are what is known of the machine, `cycles` how many were counted.
        """
        evidence = self._evidence
        bands = evidence.n_bands
        on, now = possible.on, possible.now
        hold = min(max(possible.hold, on + SET_IN_FRAMES), now)
        first = max(on, now + 1 - RUN_FRAMES)
        rows, likelihoods = evidence.rows(first, now + 1)
        n = len(rows)
        held = min(max(hold - (now + 1 - n), 0), n - 1)
        # The fill as it was before the first suspicion, short of the moment in which it turned; at least a few frames.
        fill_to = max(held - BLOCK, min(SET_IN_FRAMES, n - 1), 1)
        fill = rows[min(SET_IN_FRAMES // 2, fill_to - 1) : fill_to][-FILL_FRAMES:]
        before = mean_of(evidence.rows(on - BEFORE_FRAMES, on - 4)[0])
        late = mean_of(fill[-50:])
        level, now_5, now_20 = mean_of(fill), mean_of(rows[-5:]), mean_of(rows[-20:])
        short = n % BLOCK
        sums = np.add.reduce(rows[short:].reshape(-1, BLOCK, rows.shape[1]), axis=1)
        steps = sums / BLOCK if len(sums) else now_5[None]
        whole = (np.add.reduce(rows[:short], axis=0) + np.add.reduce(sums, axis=0)) / n
        spread = np.sqrt(np.maximum(mean_of(np.square(rows[-20:])) - np.square(now_20), 0.0))
        fill_spread = np.sqrt(np.maximum(mean_of(np.square(fill)) - np.square(level), 0.0))
        compared = np.stack(
            [
                now_20 - level,
                now_5 - late,
                now_5 - whole,
                now_5 - steps.min(axis=0),
                now_5 - steps.max(axis=0),
                now_5 - mean_of(rows[-15:-5] if n > 15 else rows),
                now_20 - mean_of(rows[-60:-20] if n > 60 else rows),
                late - level,
                level - before,
                now_20 - before,
                spread,
                fill_spread,
                (now_20 - level) / (fill_spread + 1.0),
            ]
        )
        odds = odds_of(likelihoods, ODDS)
        over_fill = now_5 - level
        vector: F64 = np.concatenate(
            [
                [np.log(now + 1 - on), np.log(now + 1 - min(possible.hold, now))],
                possible.belief[list(BELIEFS)],
                *(mean_of(odds[-span:]) for span in SPANS),
                mean_of(odds[held:]),
                mean_of(odds),
                odds.min(axis=0),
                odds.max(axis=0),
                [odds[held:, 0].sum()],
                over_fill[:bands],
                (now_20 - before)[:bands],
                over_fill[bands:],
                now_20[bands:],
                level[bands:],
                evidence.grouped(compared[:, :bands]).ravel(),
                [mean_of(level[:bands])],
                self._of_machine(now_5[:bands], now_20[:bands], level[:bands], machine),
                times.agreement((hold - on) * hop_s, (now - on) * hop_s),
                [cycles],
            ]
        )
        return vector

    @staticmethod
    def _of_machine(now_5: F64, now_20: F64, level: F64, machine: MachineMemory) -> list[float]:
        """How far what is heard agrees with what is known of the machine."""
        if not machine.known:
            return [0.0, *[MISSING] * 4]
        progress = machine.progress(np.stack([now_5, now_20]))
        mismatches = machine.mismatch_db(level, hold=False), machine.mismatch_db(now_20, hold=True)
        return [1.0, *progress.clip(-3.0, 4.0), *mismatches]
