"""What a whole pump run shows once it is over: measured over the run, judged by learned trees.

The cue must come early and is causal; the count may look back over the whole run. The run is split where fill against
hold fits best, whatever was told live, and its levels, lengths and likelihoods are put into one vector. Trees that were
trained on such vectors say how likely the run was a complete cycle; others, what the runs next to it make of that.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .adaptation import MachineMemory, Plateaus, PressureTimes
from .compiled import entry, kernel
from .config import FeatureOptions
from .emission import N_COLUMNS

__all__ = [
    "AROUND",
    "COMPARED",
    "CONTEXT_NAMES",
    "EVIDENCE_NAMES",
    "MISSING",
    "MOST_DOUBTFUL",
    "NEAR",
    "SHOT",
    "TRACES",
    "HeardRun",
    "RunEvidence",
    "RunFrames",
    "RunJudge",
    "RunMeasures",
    "SessionMemory",
    "Trees",
    "compare",
    "compare_within",
    "logistic",
    "mean_of",
    "odds_of",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FRAMES = 9000
BLOCK = 10
MIN_FILL = 40
SHORTEST_REST_S = 0.05
LONGEST_PAUSE_S = 120.0
# A shot that is choked sounds like a blind basket: what tells them apart is that a cleaning repeats itself.
MOST_EARLIER = 3
MIN_HOLD = 25
FILL, HOLD, RELEASE, SHOT, COMPLETE = 1, 2, 3, 4, 5
HOP_S = 0.01
# Low enough to look between syllables, high enough not to be one frame's luck.
QUANTILE = 0.3
# A tenth of a second on either side tells a pump that sets in from a tick, and where it does to a frame or two.
_RISE_FRAMES = 10
_LEAST_RISE_DB = 3.0
TRACES = (
    "comb_low",
    "comb_high",
    "tonality_low",
    "tonality_middle",
    "tonality_high",
    "pulse_depth",
    "pulse_line",
    "pulse_double",
)
GROUPS = ("low", "middle", "high")
GROUPED = ("hold_over", "drift", "stop", "rise", "rise_over", "rise_fill")


def _names() -> tuple[str, ...]:
    edges = FeatureOptions().band_edges_hz
    bands = [f"{low:g}-{high:g}Hz" for low, high in pairwise(edges)]
    return (
        "log_fill_s",
        "log_hold_s",
        "log_gap_s",
        "log_release_s",
        "split_gain",
        "split_gain_per_s",
        "hold_evidence",
        "fill_evidence",
        "first_hold_evidence",
        "last_hold_evidence",
        "shot_evidence",
        "first_shot_evidence",
        "last_shot_evidence",
        "most_shot_evidence",
        "release_evidence",
        "release_peak",
        "release_onset",
        "complete_evidence",
        *(f"{what} {band}" for what in ("step", "over") for band in bands),
        *(f"{what} {group}" for what in GROUPED for group in GROUPS),
        "release_decay",
        *(f"{what} {trace}" for what in ("fill", "step") for trace in TRACES),
        "change_gain",
        "change_log_fill_s",
        "change_log_hold_s",
        *(f"change {group}" for group in GROUPS),
        "told_pressure",
        "masked",
        "released",
        "log_pause_s",
        "earlier_runs",
        "machine_known",
        "progress_first",
        "progress_last",
        "mismatch_fill",
        "mismatch_hold",
        "fill_as_known",
        "pressure_due",
        "pump_odds",
        "whoosh_odds",
        "log_rest_s",
    )


EVIDENCE_NAMES: tuple[str, ...] = _names()
"""Order of the vector that the judge was trained on; levels in dB, evidence in log-likelihoods a frame."""

COMPARED = (
    "rise middle",
    "rise_over high",
    "rise_fill high",
    "fill_evidence",
    "hold_evidence",
    "release_peak",
    "log_release_s",
    "shot_evidence",
    "complete_evidence",
    "change_gain",
    "change_log_fill_s",
    "split_gain",
    "log_fill_s",
    "log_hold_s",
    "told_pressure",
)
WITHOUT_RELEASE = ("fill_evidence", "hold_evidence", "shot_evidence", "complete_evidence")
CONTEXT_NAMES: tuple[str, ...] = (
    "odds",
    "released",
    "log_run_s",
    "log_pause_s",
    "earlier",
    "later",
    "log_pause_after_s",
    "others' mean odds",
    "others' highest odds",
    "others' lowest odds",
    "log_run_s unlike others'",
    "others' log_run_s",
    "spread of others' log_run_s",
    "others' log_pause_s",
    *(f"others' {name}" for name in COMPARED),
    *(f"{name} unlike others'" for name in COMPARED),
    "unreleased earlier",
    "unreleased later",
    "unreleased' mean odds",
    "unreleased' highest odds",
    "log_run_s unlike unreleased'",
    "evidence unlike unreleased'",
    "quieting of likely ones'",
    "quieting unlike likely ones'",
    "hold unlike likely ones'",
    "likely ones",
    "log_fill_s over likely ones'",
    "log_run_s over likely ones'",
)
"""Order of what a run's session tells of it; what nothing is known of is `MISSING`."""

MISSING = -100.0
# How many runs on either side are looked at: not all of a session's, since it is their number alone that a morning's
# shots and a cleaning share.
NEAR = 3
# How many of any kind on either side lend what a likely cycle of this session is like, and how many of these at most
# are told of as likely ones.
AROUND = 5
MOST_LIKELY = 3
# Behind so many runs with a release, what has come since changes nothing any more.
MOST_DOUBTFUL = 8
MAX_OWN_ODDS = 8.0
# How many runs of any kind are remembered: those with a release among the last of them are looked at again.
MOST_RUNS = 64
_COMPARED = np.array([EVIDENCE_NAMES.index(name) for name in COMPARED])
_STEPS, _OVERS = (
    np.array([k for k, name in enumerate(EVIDENCE_NAMES) if name.startswith(what) and name.endswith("Hz")])
    for what in ("step ", "over ")
)
_WITHOUT_RELEASE = [COMPARED.index(name) for name in WITHOUT_RELEASE]
_FILL_LENGTH, _HOLD_LENGTH = EVIDENCE_NAMES.index("log_fill_s"), EVIDENCE_NAMES.index("log_hold_s")
_RELEASED, _PAUSE = EVIDENCE_NAMES.index("released"), EVIDENCE_NAMES.index("log_pause_s")


@dataclass(frozen=True, slots=True)
class RunFrames:
    """Frames of one run: `release` is None without one, `pressure` as told live, `masked` if nobody could hear it.

    `last_off` is when the last run with a release stopped, `earlier` how many such runs the session has had, `last_end`
    when the last run of any kind was over. `pump_odds` and `whoosh_odds` are the highest log-odds that the judges of
    pumps and of whooshes gave it; `MISSING` where they were not asked.
    """

    on: int
    off: int
    release: int | None
    end: int
    pressure: int | None = None
    masked: bool = False
    last_off: int | None = None
    earlier: int = 0
    last_end: int | None = None
    pump_odds: float = MISSING
    whoosh_odds: float = MISSING


@dataclass(frozen=True, slots=True)
class RunMeasures:
    """What a run shows.

    `vector` is in the order of `EVIDENCE_NAMES`; `hold` is the frame at which its hold began, if any; `quieting_db`
    the change of 0.6-6.2 kHz from fill to hold; `over_db` how far the fill stood over what was heard before the run,
    in the best of three ranges.
    """

    vector: F64
    hold: int | None
    quieting_db: float
    over_db: float


class RunEvidence:
    """Ring of band levels, traces of tones and pulses, and log-likelihoods of the last minute and a half.

    Parameters
    ----------
    options
        Whose bands the levels are in.
    feature_names
        Of the feature vectors, to find the traces in them.
    """

    def __init__(self, options: FeatureOptions, feature_names: tuple[str, ...]) -> None:
        edges = options.band_edges_hz
        n = len(edges) - 1
        self._n_bands = n
        ranges = ((140, 300), (600, 2400), (2400, 6200))
        self._groups = np.zeros((n, len(ranges)))
        for column, (low, high) in enumerate(ranges):
            inside = [i for i in range(n) if low <= edges[i] < high]
            self._groups[inside, column] = 1 / len(inside)
        self._all_groups = np.column_stack([self._groups, np.full(n, 1 / n)])
        self._traces = np.array([feature_names.index(name) for name in TRACES])
        # Written to at once: zeros come without memory, which would then grow until the rings have been filled.
        self._rows = np.full((FRAMES, n + len(TRACES)), 0.0)
        self._likelihoods = np.full((FRAMES, N_COLUMNS), 0.0)
        # Compiled when first used: in a first session ever, other kernels are compiled beside it.
        self._append: Any = None
        self._end = 0

    @property
    def width(self) -> int:
        """Number of values in a row: bands, and traces behind them."""
        return self._rows.shape[1]

    @property
    def groups(self) -> F64:
        """Shares of the bands in the means over 140-300 Hz, 0.6-2.4 kHz, 2.4-6.2 kHz and all; (bands, 4)."""
        return self._all_groups

    @property
    def n_bands(self) -> int:
        """Number of bands; in a row, traces come behind them."""
        return self._n_bands

    def reset(self) -> None:
        """Forget all rows."""
        self._end = 0

    def push(self, features: F32, levels: F32, log_likelihood: F64) -> None:
        """Append frames: features, levels in dBFS (frames, bands + 1) and what the emission says (frames, 6).

        All are contiguous.
        """
        if self._append is None:
            of_features, of_levels = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
            example = self._rows, self._likelihoods, self._end, self._traces, of_features, of_levels, self._likelihoods
            self._append = entry(_append, *example)
        self._append(self._rows, self._likelihoods, self._end, self._traces, features, levels, log_likelihood)
        self._end += len(levels)

    def _span(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Places of frames first..last - 1 that are still remembered; at least one."""
        return np.arange(*self.within(first, last)) % FRAMES

    def _level(self, first: int, last: int) -> F64:
        """Levels of bands and traces over frames first..last - 1: a low quantile of each, shape (bands + traces,)."""
        rows = np.sort(self._rows[self._span(first, last)], axis=0)
        level: F64 = rows[int(QUANTILE * (len(rows) - 1))]
        return level

    def _grouped(self, level: F64) -> F64:
        """Means over 140-300 Hz, 0.6-2.4 kHz and 2.4-6.2 kHz, shape (3,)."""
        grouped: F64 = np.einsum("b,bg->g", level[: self._n_bands], self._groups, optimize=False)
        return grouped

    def quieting(self, on: int, hold: int) -> F64:
        """Level change from the fill's last seconds to the hold so far, dB, shape (3,)."""
        fill = self._level(max(on + 20, hold - 250), hold - 20)
        return self._grouped(self._level(hold + 15, max(self._end, hold + 16)) - fill)

    def levels(self, first: int, last: int) -> F64:
        """Levels of the bands over frames first..last - 1, dBFS: a low quantile of each, shape (bands,)."""
        return self._level(first, last)[: self._n_bands]

    def typical(self, first: int, last: int) -> F64:
        """Levels of the bands over frames first..last - 1, dBFS: the median of each, shape (bands,)."""
        typical: F64 = np.median(self._rows[self._span(first, last), : self._n_bands], axis=0)
        return typical

    def recent(self, end: int, frames: int) -> tuple[F64, F64]:
        """Band levels (frames, bands) of the last frames before `end`, and what the emission said of them."""
        rows, likelihoods = self.rows(end - frames, end)
        return rows[:, : self._n_bands], likelihoods

    @property
    def rings(self) -> tuple[F64, F64]:
        """Levels and traces (frames, bands + traces), and what the emission said; frame `k` stands at `k % FRAMES`.

        They are not to be written to.
        """
        return self._rows, self._likelihoods

    def within(self, first: int, last: int) -> tuple[int, int]:
        """Return frames first..last - 1 as far as they are remembered and there; at least one, the nearest that is."""
        last = min(max(last, self._end - FRAMES + 1, 1), self._end)
        return min(max(first, self._end - FRAMES, 0), last - 1), last

    def rows(self, first: int, last: int) -> tuple[F64, F64]:
        """Levels and traces (frames, bands + traces) of frames first..last - 1, and what the emission said of them.

        Of frames that are remembered no longer, or not there yet, the nearest that are stand in; there is at least one.
        They are not to be written to.
        """
        first, last = self.within(first, last)
        at, behind = first % FRAMES, (last - 1) % FRAMES + 1
        if at < behind:
            return self._rows[at:behind], self._likelihoods[at:behind]
        rows = np.concatenate([self._rows[at:], self._rows[:behind]])
        return rows, np.concatenate([self._likelihoods[at:], self._likelihoods[:behind]])

    def louder_db(self, on: int, set_in: int, now: int) -> float:
        """By how much what runs since frame `on` is louder from `set_in` to `now` than in the half second before.

        Its own onset, a fifth of a second, is left out: if there is no more before `set_in`, nothing is louder.
        """
        earlier = self.rows(max(set_in - 60, on + 20), max(set_in - 10, on + 21))[0]
        later = self.rows(min(set_in + 10, now), now + 1)[0]
        return float((later.mean(axis=0) - earlier.mean(axis=0))[: self._n_bands].mean())

    def sharpest_rise(self, first: int, last: int) -> int | None:
        """Frame of `first` to `last` at which the bands grow louder most, on average; None where that is no rise.

        A frame's rise is from the mean of the `_RISE_FRAMES` before it to that of as many from it on.
        """
        first, last = max(first, _RISE_FRAMES), min(last, self._end - _RISE_FRAMES)
        if first > last or first - _RISE_FRAMES < self._end - FRAMES:
            return None
        rows = self.rows(first - _RISE_FRAMES, last + _RISE_FRAMES)[0][:, : self._n_bands].mean(axis=1)
        mean = np.convolve(rows, np.full(_RISE_FRAMES, 1 / _RISE_FRAMES), "valid")
        rise = mean[_RISE_FRAMES:] - mean[:-_RISE_FRAMES]
        sharpest = int(np.argmax(rise))
        return first + sharpest if rise[sharpest] >= _LEAST_RISE_DB else None

    def grouped(self, levels: F64) -> F64:
        """Means over 140-300 Hz, 0.6-2.4 kHz, 2.4-6.2 kHz and all bands; (rows, bands) to (rows, 4)."""
        means: F64 = np.einsum("rb,bg->rg", levels, self._all_groups, optimize=False)
        return means

    def over_db(self, on: int, off: int) -> float:
        """How far a run's last seconds stood over what was heard before it, in the best of three ranges."""
        run = self._level(max(on + 20, off - 250), off - 20)
        return float(np.max(self._grouped(run - self._level(on - 70, on - 10))))

    def plateaus(self, on: int, hold: int, off: int, least: int) -> Plateaus | None:
        """Measure the early fill and the late hold of a run; None if either is shorter than `least` frames."""
        fill = self._rows[self._span(on + 20, on + 20 + (hold - on - 20) // 2), : self._n_bands]
        held = self._rows[self._span(max(hold + 20, off - 200), off - 5), : self._n_bands]
        if len(fill) < least or len(held) < least:
            return None
        spread = np.sqrt(0.5 * (fill.var(axis=0) + held.var(axis=0)))
        return Plateaus(np.median(fill, axis=0), np.median(held, axis=0), spread)

    def pressure_odds(self, on: int, off: int) -> F64:
        """Log-likelihood of a hold from each frame of a run to its end, less that of a fill all along; (frames,).

        Frames that leave less of a fill or of a hold than there must be are at minus infinity.
        """
        span = self._span(on, off)
        gain = self._gain(span)
        odds: F64 = np.concatenate([np.full(off - on - len(gain), -np.inf), gain])
        odds[:MIN_FILL], odds[max(off - on - MIN_HOLD, 0) :] = -np.inf, -np.inf
        return odds

    def _gain(self, span: npt.NDArray[np.int64]) -> F64:
        """All that speaks for hold from each frame of a span to its end."""
        likelier = (self._likelihoods[span, HOLD] - self._likelihoods[span, FILL]).clip(-3.0, 3.0)
        gain: F64 = likelier[::-1].cumsum()[::-1]
        return gain

    def _familiar(self, machine: MachineMemory | None, on: int, off: int) -> tuple[float, ...]:
        """Say how far a run came on the way that this machine is known to take, at first and at last."""
        if machine is None or not machine.known:
            return (0.0,) * 5
        first = np.median(self._rows[self._span(on + 20, on + 60), : self._n_bands], axis=0)
        last = np.median(self._rows[self._span(max(off - 80, on + 20), off - 5), : self._n_bands], axis=0)
        come = machine.progress(np.stack([first, last])).clip(-2.0, 3.0)
        return (
            1.0,
            float(come[0]),
            float(come[1]),
            machine.mismatch_db(first, hold=False),
            machine.mismatch_db(last, hold=True),
        )

    def measure(
        self, run: RunFrames, machine: MachineMemory | None = None, times: PressureTimes | None = None
    ) -> RunMeasures:
        """Look back over a run, and compare it with the `machine` as known, and with the `times` that it takes."""
        on, off, end = run.on, run.off, run.end
        ll, grouped, bands = self._likelihoods, self._grouped, self._n_bands
        hold, gain = self._split(on, off)
        if run.masked and run.pressure is not None:
            hold = run.pressure
        change, change_gain, change_step = self._change(on, off)
        start = off if hold is None else hold
        released = run.release is not None
        release_at = off if run.release is None else run.release
        fill, held = self._span(on, start), self._span(min(start + 10, off - 1), off)
        whole, after = self._span(on, off), self._span(off, min(end, off + 300))
        whoosh = self._span(release_at, max(end, release_at + 1))
        told = self._span(release_at + 20, min(end, release_at + 120))
        likelier = ll[whole][:, HOLD] - ll[whole][:, FILL]
        # Where no hold was found, the run's last third stands for it.
        shot = ll[held if hold is not None else whole[-max(len(whole) // 3, 1) :], SHOT]
        release_odds = ll[whoosh][:, RELEASE] - ll[whoosh][:, 0]
        after_odds = ll[after][:, RELEASE] - ll[after][:, 0]
        smooth = np.convolve(after_odds, np.ones(8) / 8, mode="valid") if len(after_odds) >= 8 else after_odds

        before = self._level(on - 70, on - 10)
        # Where no hold was found, the last second stands for it: its step is then what speaks against one.
        quiet_from = start if start <= off - MIN_HOLD else max(off - 100, (on + off) // 2)
        late_fill = self._level(max(on + 20, quiet_from - 250), quiet_from - 20)
        late_hold = self._level(max(quiet_from + 15, off - 250), off - 10)
        middle = (quiet_from + off) // 2
        drift = self._level(middle, off - 10) - self._level(quiet_from + 15, middle)
        silence = self._level(off + 8, max(off + 12, min(release_at if released else end, off + 60)))
        early_whoosh = self._level(release_at + 4, release_at + 20)
        late_whoosh = self._level(max(release_at + 5, end - 25), end)
        step = late_hold - late_fill
        vector = np.array(
            [
                np.log(max((start - on) * HOP_S, 0.05)),
                np.log(max((off - start) * HOP_S, 0.05)),
                np.log(max((release_at - off) * HOP_S, 0.02)) if released else np.log(3.0),
                np.log(max((end - release_at) * HOP_S, 0.05)) if released else np.log(0.05),
                np.log1p(gain),
                np.log1p(gain / max((off - start) * HOP_S, 0.3)),
                float(np.mean(ll[held][:, HOLD] - ll[held][:, FILL])),
                float(np.mean(ll[fill][:, FILL] - ll[fill][:, HOLD])),
                float(np.mean(likelier[: max(len(likelier) // 4, 1)])),
                float(np.mean(likelier[-100:])),
                float(np.mean(shot)),
                float(np.mean(shot[: max(len(shot) // 3, 1)])),
                float(np.mean(shot[-100:])),
                float(np.max(_runs_of_a_second(shot))),
                float(np.mean(release_odds)) if released else -7.0,
                float(np.max(smooth)),
                float(np.mean(release_odds[:25])) if released else -7.0,
                float(np.mean(ll[told, COMPLETE])) if released else -7.0,
                *step[:bands],
                *(late_fill - before)[:bands],
                *grouped(late_hold - before),
                *grouped(drift),
                *grouped(silence - late_hold),
                *grouped(early_whoosh - late_hold),
                *grouped(early_whoosh - before),
                *grouped(early_whoosh - late_fill),
                grouped(late_whoosh - early_whoosh)[2],
                *late_fill[bands:],
                *step[bands:],
                np.log1p(change_gain),
                np.log(max((change - on) * HOP_S, 0.05)),
                np.log(max((off - change) * HOP_S, 0.05)),
                *change_step,
                float(run.pressure is not None),
                float(run.masked),
                float(released),
                np.log(_pause_s(run)),
                float(min(run.earlier, MOST_EARLIER)),
                *self._familiar(machine, on, off),
                *(times or PressureTimes()).agreement((start - on) * HOP_S, (off - on) * HOP_S),
                run.pump_odds,
                run.whoosh_odds,
                np.log(_rest_s(run)),
            ]
        )
        quieting = grouped(step)
        over = grouped(late_fill - before)
        return RunMeasures(vector, hold, round(float(quieting[1] + quieting[2]) / 2, 1), round(float(np.max(over)), 1))

    def _change(self, on: int, off: int) -> tuple[int, float, F64]:
        """Frame at which the levels of all bands change most for good, how clearly, and by how much a group.

        It knows nothing of what a hold sounds like: means of 0.1 s are compared before and after every split, each
        band in units of its own restlessness.
        """
        span = self._span(on + 20, off - 5)
        blocks = len(span) // BLOCK
        if blocks < 8:
            return off, 0.0, np.zeros(3)
        means = self._rows[span[: blocks * BLOCK], : self._n_bands].reshape(blocks, BLOCK, -1).mean(axis=1)
        restless = np.abs(np.diff(means, axis=0)).mean(axis=0) + 0.3
        sums = means.cumsum(axis=0)
        n = np.arange(1, blocks + 1)[:, None]
        first = sums / n
        last = (sums[-1] - sums[:-1]) / (blocks - n[:-1])
        step = (last - first[:-1])[3:-3]
        weight = (n * (blocks - n) / blocks)[3:-4]
        score = (np.minimum(np.abs(step) / restless, 20.0) ** 2).mean(axis=1) * weight[:, 0]
        best = int(np.argmax(score))
        return off - 5 - len(span) + (best + 4) * BLOCK, float(score[best]), self._grouped(step[best])

    def _split(self, on: int, off: int) -> tuple[int | None, float]:
        """Frame where fill gives way to hold most likely, and how much likelier that is than a fill throughout."""
        if off - on < MIN_FILL + MIN_HOLD:
            return None, 0.0
        span = self._span(on, off)
        gain = self._gain(span)
        inside = gain[MIN_FILL : len(gain) - MIN_HOLD]
        if not len(inside):
            return None, 0.0
        best = int(np.argmax(inside))
        if inside[best] <= 0.0:
            return None, 0.0
        return off - len(span) + MIN_FILL + best, float(inside[best])


# Not without the GIL: to give it up and wait for it again takes longer than this.
@kernel(nogil=False)
def _append(
    rows: F64,
    likelihoods: F64,
    end: int,
    traces: npt.NDArray[np.int64],
    features: F32,
    levels: F32,
    log_likelihood: F64,
) -> None:
    """Write frames into the rings, from place `end` on; traces in dB."""
    bands = rows.shape[1] - traces.shape[0]
    for t in range(levels.shape[0]):
        place = (end + t) % rows.shape[0]
        for band in range(bands):
            rows[place, band] = levels[t, band]
        for k in range(traces.shape[0]):
            rows[place, bands + k] = features[t, traces[k]] * np.float32(10.0)
        # One by one: a row at a time, numba compiles what it would say of rows that do not fit, for a second.
        for column in range(likelihoods.shape[1]):
            likelihoods[place, column] = log_likelihood[t, column]


def _pause_s(run: RunFrames) -> float:
    """Seconds from the stop of the last run to this one's start; nobody pulls shots ten seconds apart."""
    pause_s = LONGEST_PAUSE_S if run.last_off is None else (run.on - run.last_off) * HOP_S
    return min(max(pause_s, 1.0), LONGEST_PAUSE_S)


def _rest_s(run: RunFrames) -> float:
    """Seconds from where the last run was over to this one's start; what goes on without a rest is hardly a pump."""
    rest_s = LONGEST_PAUSE_S if run.last_end is None else (run.on - run.last_end) * HOP_S
    return min(max(rest_s, SHORTEST_REST_S), LONGEST_PAUSE_S)


def _runs_of_a_second(values: F64) -> F64:
    """Means over every second, or over all where there is less."""
    n = min(len(values), 100)
    sums = np.concatenate([np.zeros(1), values.cumsum()])
    means: F64 = (sums[n:] - sums[:-n]) / n
    return means


@dataclass(frozen=True, slots=True)
class HeardRun:
    """A run as the others of its session are compared with it.

    `odds` are the log-odds of a complete cycle from the run alone, `trace` what it showed, as `COMPARED` names it,
    `step` by how much each band changed from fill to hold, `over` how far it stood over the room before, in dB.
    """

    odds: float
    released: bool
    log_run_s: float
    log_fill_s: float
    log_pause_s: float
    trace: F64
    step: F64
    over: F64

    @classmethod
    def of(cls, odds: float, vector: F64) -> HeardRun:
        """Take from a run's vector what is compared."""
        length_s = np.exp(vector[_FILL_LENGTH]) + np.exp(vector[_HOLD_LENGTH])
        return cls(
            float(np.clip(odds, -MAX_OWN_ODDS, MAX_OWN_ODDS)),
            bool(vector[_RELEASED] > 0.0),
            float(np.log(length_s)),
            float(vector[_FILL_LENGTH]),
            float(vector[_PAUSE]),
            vector[_COMPARED],
            vector[_STEPS],
            vector[_OVERS],
        )


def compare(
    run: HeardRun,
    earlier: Sequence[HeardRun],
    later: Sequence[HeardRun],
    unreleased_earlier: Sequence[HeardRun] = (),
    unreleased_later: Sequence[HeardRun] = (),
    around: Sequence[HeardRun] = (),
) -> F64:
    """Say what a run's session tells of it, in the order of `CONTEXT_NAMES`.

    `earlier` and `later` are the runs with a release next to it; the last `NEAR` and the first `NEAR` of them count.
    So do those of the runs without one: in a loud room they may have been cycles too. `around` are the nearest of any
    kind: what the likely ones among them have in common is what a cycle of this session is like.
    """
    before, behind = earlier[-NEAR:], later[:NEAR]
    own = [run.odds, run.released, run.log_run_s, run.log_pause_s, len(before), len(behind)]
    own.append(behind[0].log_pause_s if behind else MISSING)
    unreleased = [
        *_unreleased(run, unreleased_earlier[-NEAR:], unreleased_later[:NEAR]),
        *_beside_likely_ones(run, around),
    ]
    others = [*before, *behind]
    if not others:
        missing = [MISSING] * (len(CONTEXT_NAMES) - len(own) - len(unreleased))
        return np.array([*own, *missing, *unreleased], dtype=np.float64)
    odds = np.array([other.odds for other in others])
    lengths = np.array([other.log_run_s for other in others])
    traces = np.stack([other.trace for other in others])
    return np.array(
        [
            *own,
            odds.mean(),
            odds.max(),
            odds.min(),
            np.abs(lengths - run.log_run_s).mean(),
            lengths.mean(),
            lengths.std(),
            np.mean([other.log_pause_s for other in others]),
            *traces.mean(axis=0),
            *np.abs(traces - run.trace).mean(axis=0),
            *unreleased,
        ],
        dtype=np.float64,
    )


def _unreleased(run: HeardRun, before: Sequence[HeardRun], behind: Sequence[HeardRun]) -> list[float]:
    others = [*before, *behind]
    if not others:
        return [MISSING] * 6
    odds = [other.odds for other in others]
    lengths = np.array([other.log_run_s for other in others])
    traces = np.stack([other.trace for other in others])
    unlike = np.abs(traces - run.trace)[:, _WITHOUT_RELEASE]
    return [
        float(len(before)),
        float(len(behind)),
        float(np.mean(odds)),
        max(odds),
        float(np.abs(lengths - run.log_run_s).mean()),
        float(unlike.mean()),
    ]


def _beside_likely_ones(run: HeardRun, around: Sequence[HeardRun]) -> list[float]:
    if not around:
        return [MISSING] * 6
    # Half of the odds: what a run says by itself is not as sure as it sounds.
    likely = np.array([1.0 / (1.0 + np.exp(-0.5 * other.odds)) for other in around])
    weight = likely / likely.sum()
    step = weight @ np.stack([other.step for other in around])
    over = weight @ np.stack([other.over for other in around])
    # Where a cycle of this machine does not stand out of the room, nothing can be told of its quieting.
    loud = np.maximum(over, 0.5)
    loud /= loud.sum()
    hold = run.over + run.step - over - step
    return [
        float(loud @ (step * run.step) / (loud @ step**2 + 0.5)),
        float(loud @ np.abs(run.step - step)),
        float(loud @ np.abs(hold)),
        float(np.sort(likely)[-MOST_LIKELY:].sum()),
        run.log_fill_s - float(weight @ [other.log_fill_s for other in around]),
        run.log_run_s - float(weight @ [other.log_run_s for other in around]),
    ]


def compare_within(runs: Sequence[HeardRun], place: int) -> F64:
    """Compare one of a session's `runs`, all so far in their order, with its neighbours; see `compare`."""
    before, behind = runs[:place], runs[place + 1 :]
    return compare(
        runs[place],
        [run for run in before if run.released],
        [run for run in behind if run.released],
        [run for run in before if not run.released],
        [run for run in behind if not run.released],
        [*before[-AROUND:], *behind[:AROUND]],
    )


class SessionMemory:
    """The last runs, as many as are looked at again and those that are compared with them.

    Runs of one session resemble each other: a machine that hardly quietens does so every time, and four shots do not
    make the fifth a backflush.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all runs."""
        self._runs: deque[HeardRun] = deque(maxlen=MOST_RUNS)
        self._n = 0
        self._released = 0

    @property
    def runs(self) -> int:
        """Number of runs so far, which is the next one's number."""
        return self._n

    @property
    def released(self) -> int:
        """Number of runs with a release so far."""
        return self._released

    @property
    def near(self) -> list[HeardRun]:
        """The last `NEAR` runs with a release."""
        return [run for run in self._runs if run.released][-NEAR:]

    def push(self, run: HeardRun) -> None:
        """Remember a run."""
        self._runs.append(run)
        self._n += 1
        self._released += run.released

    def followers(self, number: int) -> int:
        """How many runs with a release came behind a run, by its number; as many as there may be of a forgotten one."""
        place = self._place(number)
        return MOST_RUNS if place < 0 else sum(run.released for run in list(self._runs)[place + 1 :])

    def join(self, whole: HeardRun, parts: int) -> None:
        """Remember one run in place of so many: they were parts of it."""
        for _ in range(parts):
            part = self._runs.pop()
            self._n -= 1
            self._released -= part.released
        self.push(whole)

    def context_now(self, number: int) -> F64:
        """Compare a run that is remembered, by its number, with its neighbours as now known."""
        return compare_within(list(self._runs), self._place(number))

    def _place(self, number: int) -> int:
        return number - (self._n - len(self._runs))


def mean_of(rows: F64) -> F64:
    """Mean of the rows; numpy's own takes twice as long for so few."""
    mean: F64 = np.add.reduce(rows, axis=0) / len(rows)
    return mean


def odds_of(likelihoods: F64, names: Sequence[str]) -> F64:
    """Return log-odds of what the emission says: of each name against the background, shape (frames, names).

    `pump` is the likelier of fill and hold; `shot` is its own log-odds already.
    """
    # Each column in one piece: what is taken of a whole run is taken over the frames, many times quicker so.
    odds = np.empty((len(names), len(likelihoods))).T
    of = {"fill": FILL, "hold": HOLD, "release": RELEASE}
    for column, name in enumerate(names):
        if name == "shot":
            odds[:, column] = likelihoods[:, SHOT]
        elif name == "pump":
            np.maximum(likelihoods[:, FILL], likelihoods[:, HOLD], out=odds[:, column])
            odds[:, column] -= likelihoods[:, 0]
        else:
            np.subtract(likelihoods[:, of[name]], likelihoods[:, 0], out=odds[:, column])
    return odds


def logistic(odds: float) -> float:
    """Return the probability of which these are the log-odds."""
    return 1.0 / (1.0 + math.exp(min(-odds, 700.0)))


class Trees(NamedTuple):
    """Boosted trees, one behind the other.

    Node `k` asks whether `vector[feature[k]] <= threshold[k]` and goes on at `left[k]` or `right[k]`; it is a leaf
    where `left[k] < 0`, worth `value[k]`. `roots` are the trees' first nodes; the log-odds are `baseline[0]` and all
    leaves reached.
    """

    feature: npt.NDArray[np.int64]
    threshold: F64
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    value: F64
    roots: npt.NDArray[np.int64]
    baseline: F64

    def odds(self, vector: F64) -> float:
        """Return the log-odds of what the trees were trained to tell."""
        return float(_sum_of_trees(self, vector))

    def probability(self, vector: F64) -> float:
        """Return how likely that is."""
        return logistic(self.odds(vector))


class RunJudge(NamedTuple):
    """Says how likely a run was a complete cycle: `alone` from its own vector, `together` from its session."""

    alone: Trees
    together: Trees

    def odds_of(self, vector: F64) -> float:
        """Log-odds of a complete cycle, from the run alone."""
        return self.alone.odds(vector)

    def probability(self, context: F64) -> float:
        """P(complete cycle), from the run and its session, as `compare` gives them."""
        return self.together.probability(context)


@kernel()
def _sum_of_trees(trees: Trees, vector: F64) -> float:
    total = float(trees.baseline[0])
    for root in trees.roots:
        node = root
        while trees.left[node] >= 0:
            node = trees.left[node] if vector[trees.feature[node]] <= trees.threshold[node] else trees.right[node]
        total += trees.value[node]
    return total
