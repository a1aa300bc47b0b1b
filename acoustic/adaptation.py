"""What the machine at hand sounds like, learned within a session from cycles that were certain.

Machines quieten in every way; one machine quietens in the same way each time. Once a cycle was certain, the levels of
its fill and its hold are known, and how far the next run has come from the one to the other can be measured.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from .config import AdaptationOptions

__all__ = ["MachineMemory", "Plateaus"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Plateaus:
    """Levels of one run's early fill and late hold, dBFS, and how they scatter, dB; each of shape (bands,)."""

    fill: F64
    hold: F64
    spread: F64


class MachineMemory:
    """The plateaus of the last certain cycles, and how far a run has come from fill to hold."""

    def __init__(self, options: AdaptationOptions | None = None) -> None:
        self.options = options or AdaptationOptions()
        self._cycles: deque[tuple[int, Plateaus]] = deque(maxlen=self.options.cycles)
        self.reset()

    def reset(self) -> None:
        """Forget the machine."""
        self._cycles.clear()
        self._fill = self._hold = self._spread = self._weight = np.zeros(0)
        self._clear = 0.0
        self.begin_run()

    def begin_run(self) -> None:
        """Prepare for a run: whether it is that machine, in that place, shows in its first moments."""
        self._smooth = np.zeros(len(self._fill))
        self._run = np.zeros(2, dtype=np.int64)

    @property
    def known(self) -> bool:
        """Whether fill and hold can be told apart by what was learned."""
        return self._clear >= self.options.min_clear

    def learn(self, cycle: int, plateaus: Plateaus) -> None:
        """Take in the cycle of this number, which was certain."""
        self._cycles.append((cycle, plateaus))
        self._weigh()

    def forget(self, cycle: int) -> None:
        """Take back what the cycle of this number taught, if anything: the user says that it was none."""
        kept = [entry for entry in self._cycles if entry[0] != cycle]
        if len(kept) == len(self._cycles):
            return
        self.reset()
        self._cycles.extend(kept)
        if kept:
            self._weigh()
        # A run under way is compared with what is known now from here on.
        self.begin_run()

    def _weigh(self) -> None:
        """Sum up what is remembered."""
        fills, holds, spreads = (
            np.array([getattr(plateaus, part) for _, plateaus in self._cycles]) for part in ("fill", "hold", "spread")
        )
        self._fill, self._hold = fills.mean(axis=0), holds.mean(axis=0)
        scatter = 0.5 * (fills.var(axis=0) + holds.var(axis=0))
        self._spread = np.sqrt(np.square(spreads).mean(axis=0) + scatter + self.options.least_spread_db**2)
        change = self._hold - self._fill
        self._clear = float(np.sqrt(np.square(change / self._spread).sum()))
        self._weight = change / np.square(self._spread) / max(self._clear**2, 1e-6)

    def progress(self, levels: F32 | F64) -> F64:
        """Share of the way from fill to hold at levels of shape (frames, bands): 0 in the fill, 1 in the hold."""
        share: F64 = np.einsum("tb,b->t", levels - self._fill, self._weight, optimize=False)
        return share

    def mismatch_db(self, level: F64, *, hold: bool) -> float:
        """Typical distance of a level from the known fill's, or hold's."""
        return float(np.median(np.abs(level - (self._hold if hold else self._fill))))

    def adapt(self, levels: F32, log_likelihood: F64, fill: int, hold: int) -> None:
        """Lower, in the columns `fill` and `hold`, whichever the frames of a run are further from.

        Parameters
        ----------
        levels
            Of the next frames of the run, (frames, bands), dBFS.
        log_likelihood
            Of the same frames; changed in place.
        """
        o = self.options
        limits = (o.smoothing, o.turning_share, o.steepness, o.most_odds, o.same_db)
        _adapt(
            levels, self._fill, self._weight, self._smooth, self._run, o.wait_frames, limits, log_likelihood, fill, hold
        )


@numba.njit(cache=True, nogil=True)
def _adapt(
    levels: F32,
    known: F64,
    weight: F64,
    smooth: F64,
    run: npt.NDArray[np.int64],
    wait_frames: int,
    limits: tuple[float, float, float, float, float],
    log_likelihood: F64,
    fill: int,
    hold: int,
) -> None:
    """See `MachineMemory.adapt`; `run` holds the frames heard of this run, and whether its levels are those known."""
    smoothing, turning_share, steepness, most_odds, same_db = limits
    for t in range(levels.shape[0]):
        rate = smoothing if run[0] else 1.0
        for b in range(known.shape[0]):
            smooth[b] += rate * (levels[t, b] - smooth[b])
        run[0] += 1
        if run[0] < wait_frames:
            continue
        if run[0] == wait_frames:
            run[1] = np.median(np.abs(smooth - known)) < same_db
        if not run[1]:
            continue
        come = 0.0
        for b in range(known.shape[0]):
            come += (smooth[b] - known[b]) * weight[b]
        odds = min(max(steepness * (come - turning_share), -most_odds), most_odds)
        log_likelihood[t, fill if odds > 0.0 else hold] -= abs(odds)
