"""What the machine at hand sounds like, learned within a session from cycles that were certain.

Machines quieten in every way; one machine quietens in the same way each time. Once a cycle was certain, the levels of
its fill and its hold are known, and how far the next run has come from the one to the other can be measured. It also
takes about as long each time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .compiled import entry, kernel
from .config import AdaptationOptions

__all__ = ["MachineMemory", "Plateaus", "PressureTimes"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

# With each cycle since, what one taught of times counts for a quarter less: of more than so many nothing is left.
MOST_TIMES = 64


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
        self._adapt: Any = None
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

    @property
    def plateaus(self) -> tuple[F64, F64, F64]:
        """Levels of fill and hold, dBFS, and the bands' weight in `progress`, (bands,) each; empty while nothing is."""
        return self._fill, self._hold, self._weight

    def progress(self, levels: F32 | F64) -> F64:
        """Share of the way from fill to hold at levels of shape (frames, bands): 0 in the fill, 1 in the hold."""
        share: F64 = np.einsum("tb,b->t", levels - self._fill, self._weight, optimize=False)
        return share

    def mismatch_db(self, level: F64, *, hold: bool) -> float:
        """Typical distance of a level from the known fill's, or hold's."""
        away = np.sort(np.abs(level - (self._hold if hold else self._fill)))
        # The median; of so few, numpy's own takes seven times as long.
        return float(away[(len(away) - 1) // 2] + away[len(away) // 2]) / 2.0

    def adapt(self, levels: F32, log_likelihood: F64, fill: int, hold: int) -> None:
        """Lower, in the columns `fill` and `hold`, whichever the frames of a run are further from.

        Parameters
        ----------
        levels
            Of the next frames of the run, shape (frames, bands), dBFS, contiguous; what stands behind the bands is not
            looked at.
        log_likelihood
            Of the same frames; changed in place.
        """
        o = self.options
        steepness = o.steepness * min(1.0, (self._clear / o.full_clear) ** 2)
        limits = (o.smoothing, o.turning_share, steepness, o.most_odds, o.same_db)
        known = self._fill, self._weight, self._smooth, self._run
        if self._adapt is None:
            self._adapt = entry(_adapt, levels, *known, o.wait_frames, limits, log_likelihood, fill, hold)
        self._adapt(levels, *known, o.wait_frames, limits, log_likelihood, fill, hold)


class PressureTimes:
    """How long the machine at hand takes from the pump's start to pressure.

    What each cycle says of it is a likelihood over all durations, since a faint quieting leaves it open when it was;
    the belief in the typical duration is what they say together.
    """

    def __init__(self, options: AdaptationOptions | None = None) -> None:
        self.options = o = options or AdaptationOptions()
        self._places = np.linspace(np.log(o.shortest_fill_s), np.log(o.longest_fill_s), o.fill_places)
        self._cycles: dict[int, tuple[F64, float]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget all cycles."""
        self._cycles.clear()
        self._expected: F64 | None = None

    @property
    def known(self) -> bool:
        """Whether any cycle has taught something."""
        return self._expected is not None

    def learn(self, cycle: int, log_likelihood: F64, hop_s: float, likely: float, *, first: bool) -> None:
        """Take in the cycle of this number.

        Parameters
        ----------
        log_likelihood
            Of pressure having come up after 1, 2, ... frames, shape (frames,); up to a constant.
        hop_s
            Seconds from frame to frame.
        likely
            How likely it was a cycle at all.
        first
            Whether it was the session's first run, or followed a long pause.
        """
        o = self.options
        frames = np.exp(self._places) / hop_s - 1.0
        heard = np.interp(frames, np.arange(len(log_likelihood)), log_likelihood, left=-np.inf, right=-np.inf)
        if not np.isfinite(heard).any():
            return
        weight = np.exp(heard - heard.max())
        times, scatter = (o.first_fill_times, o.first_fill_scatter) if first else (1.0, o.fill_scatter)
        typical = self._scattered(scatter, np.log(times)).T @ (weight / weight.sum())
        self._cycles[cycle] = typical, o.fill_belief * likely
        if len(self._cycles) > MOST_TIMES:
            del self._cycles[next(iter(self._cycles))]
        self._weigh()

    def forget(self, cycle: int) -> None:
        """Take back what the cycle of this number taught."""
        if self._cycles.pop(cycle, None) is not None:
            self._weigh()

    def _weigh(self) -> None:
        """Sum up what is remembered: the belief in each duration for the next run."""
        if not self._cycles:
            self._expected = None
            return
        log_belief = np.zeros(len(self._places))
        for age, (typical, believed) in enumerate(reversed(self._cycles.values())):
            share = believed * self.options.fill_memory**age
            log_belief += np.log(share * typical + (1.0 - share) / len(typical))
        belief = np.exp(log_belief - log_belief.max())
        expected = self._scattered(self.options.fill_scatter, 0.0) @ (belief / belief.sum())
        self._expected = expected / expected.sum()

    def _scattered(self, scatter: float, shift: float) -> F64:
        """P(duration | typical duration), shape (durations, typical durations)."""
        away = (self._places[:, None] - self._places[None, :] - shift) / scatter
        p = np.exp(-0.5 * away**2)
        spread: F64 = p / p.sum(axis=0)
        return spread

    def agreement(self, fill_s: float, run_s: float) -> tuple[float, float]:
        """Return log-odds of a fill so long against any other, and P(pressure by the run's stop), from what is known.

        Zero and a half while nothing is.
        """
        if self._expected is None:
            return 0.0, 0.5
        at_fill, at_stop = (int(self._places.searchsorted(math.log(max(each, 1e-3)))) for each in (fill_s, run_s))
        last = len(self._expected) - 1
        odds = math.log(self._expected[min(at_fill, last)] * len(self._expected) + 1e-2)
        return odds, float(np.add.reduce(self._expected[:at_stop]))

    def next_fill_s(self, share: float) -> float | None:
        """How long the next fill takes at most, in so large a share of cases; None while nothing is known."""
        if self._expected is None:
            return None
        return float(np.exp(np.interp(share, self._expected.cumsum(), self._places)))

    def until_pressure(self, any_machine: F64, hop_s: float) -> F64 | None:
        """Probability of each duration of the next fill, shape as `any_machine`; None while nothing is known."""
        if self._expected is None:
            return None
        seconds = (np.arange(len(any_machine)) + 1.0) * hop_s
        known = np.interp(np.log(seconds), self._places, self._expected, left=0.0, right=0.0) / seconds
        mixed: F64 = self.options.fill_trust * known / known.sum() + (1.0 - self.options.fill_trust) * any_machine
        return mixed


@kernel()
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
