"""What a whole pump run shows once it is over: measured over the run, judged by a small learned network.

The cue must come early and is causal; the count may look back over the whole run. The run is split where fill against
hold fits best, whatever was told live, and its levels, lengths and likelihoods are put into one vector. A model that
was trained on such vectors says how likely the run was a complete cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .config import FeatureOptions

__all__ = ["EVIDENCE_NAMES", "RunEvidence", "RunFrames", "RunJudge", "RunMeasures"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

FRAMES = 9000
MIN_FILL = 40
MIN_HOLD = 25
FILL, HOLD, RELEASE = 1, 2, 3

EVIDENCE_NAMES: tuple[str, ...] = (
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
    "release_evidence",
    "release_peak",
    "release_onset",
    "low_step_db",
    "middle_step_db",
    "high_step_db",
    "low_fall_db",
    "middle_fall_db",
    "high_fall_db",
    "low_drift_db",
    "high_drift_db",
    "low_over_db",
    "high_over_db",
    "hold_low_over_db",
    "hold_high_over_db",
    "stop_low_db",
    "stop_high_db",
    "rise_db",
    "rise_over_db",
    "release_fill_db",
    "release_decay_db",
    "told_pressure",
    "masked",
    "released",
)
"""Order of the vector that the judge was trained on."""


@dataclass(frozen=True, slots=True)
class RunFrames:
    """Frames of one run: `release` is None without one; `pressure` is as told live, `masked` if nobody could hear it."""

    on: int
    off: int
    release: int | None
    end: int
    pressure: int | None = None
    masked: bool = False


@dataclass(frozen=True, slots=True)
class RunMeasures:
    """What a run shows: the vector in the order of `EVIDENCE_NAMES`, and the frame at which its hold began, if any."""

    vector: F64
    hold: int | None

    def __getitem__(self, name: str) -> float:
        return float(self.vector[EVIDENCE_NAMES.index(name)])


class RunEvidence:
    """Ring of band levels and log-likelihoods of the last minute and a half.

    Levels are averaged as power over bands and as a median over time, which a short clatter hardly moves.
    """

    def __init__(self, options: FeatureOptions) -> None:
        edges = options.band_edges_hz
        n = len(edges) - 1
        self._n_bands = n
        self._low = [i for i in range(n) if 140 <= edges[i] < 300]
        self._middle = [i for i in range(n) if 600 <= edges[i] < 2400]
        self._high = [i for i in range(n) if 2400 <= edges[i] < 6200]
        self._rows = np.zeros((FRAMES, 3), dtype=np.float64)
        self._likelihoods = np.zeros((FRAMES, 4), dtype=np.float64)
        self._end = 0

    def reset(self) -> None:
        """Forget all rows."""
        self._end = 0

    def push(self, levels: F32, log_likelihood: F64) -> None:
        """Append frames: levels in dBFS, shape (frames, bands + 1), and log-likelihoods, shape (frames, 4)."""
        power = 10.0 ** (levels[-FRAMES:, : self._n_bands].astype(np.float64) / 10.0)
        sums = [power[:, bands].sum(axis=1) for bands in (self._low, self._middle, self._high)]
        start = self._end + len(levels) - len(power)
        places = np.arange(start, start + len(power)) % FRAMES
        self._rows[places] = 10.0 * np.log10(np.stack(sums, axis=1))
        self._likelihoods[places] = log_likelihood[-FRAMES:]
        self._end += len(levels)

    def _span(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Places of frames first..last - 1 that are still remembered; at least one."""
        last = min(max(last, self._end - FRAMES + 1, 1), self._end)
        first = min(max(first, self._end - FRAMES, 0), last - 1)
        return np.arange(first, last) % FRAMES

    def level(self, first: int, last: int) -> F64:
        """Median levels over frames first..last - 1: 140-300 Hz, 0.6-2.4 kHz, 2.4-6.2 kHz; dBFS, shape (3,)."""
        median: F64 = np.median(self._rows[self._span(first, last)], axis=0)
        return median

    def quieting(self, on: int, hold: int) -> F64:
        """Level change from the fill's last seconds to the hold so far, dB, shape (3,)."""
        fill = self.level(max(on + 20, hold - 250), hold - 20)
        return self.level(hold + 15, max(self._end, hold + 16)) - fill

    def measure(self, run: RunFrames) -> RunMeasures:
        """Look back over a run."""
        hop_s = 0.01
        on, off, end = run.on, run.off, run.end
        ll = self._likelihoods
        hold, gain = self._split(on, off)
        if run.masked and run.pressure is not None:
            hold = run.pressure
        start = off if hold is None else hold
        whole = self._span(on, off)
        fill, held = self._span(on, start), self._span(min(start + 10, off - 1), off)
        after = self._span(off, min(end, off + 300))
        released = run.release is not None
        release_at = off if run.release is None else run.release
        whoosh = self._span(release_at, max(end, release_at + 1))
        likelier = ll[whole][:, HOLD] - ll[whole][:, FILL]
        fill_odds = float(np.mean(ll[fill][:, FILL] - ll[fill][:, HOLD]))
        hold_odds = ll[held][:, HOLD] - ll[held][:, FILL]
        release_odds = ll[whoosh][:, RELEASE] - ll[whoosh][:, 0]
        after_odds = ll[after][:, RELEASE] - ll[after][:, 0]
        smooth = np.convolve(after_odds, np.ones(8) / 8, mode="valid") if len(after_odds) >= 8 else after_odds

        before = self.level(on - 70, on - 10)
        late_fill = self.level(max(on + 20, start - 250), start - 20)
        all_fill = self.level(on + 20, start - 20)
        late_hold = self.level(max(start + 10, off - 120), off - 10)
        middle = (start + off) // 2
        drift = self.level(middle, off - 10) - self.level(start + 20, middle)
        silence = self.level(off + 8, max(off + 12, min(release_at if released else end, off + 60)))
        early_whoosh = self.level(release_at + 4, release_at + 20)
        late_whoosh = self.level(max(release_at + 5, end - 25), end)
        step, fall = late_hold - late_fill, late_hold - all_fill
        over, hold_over, stop = late_fill - before, late_hold - before, silence - late_hold
        vector = np.array(
            [
                np.log(max((start - on) * hop_s, 0.05)),
                np.log(max((off - start) * hop_s, 0.05)),
                np.log(max((release_at - off) * hop_s, 0.02)) if released else np.log(3.0),
                np.log(max((end - release_at) * hop_s, 0.05)) if released else np.log(0.05),
                np.log1p(gain),
                np.log1p(gain / max((off - start) * hop_s, 0.3)),
                float(np.mean(hold_odds)),
                fill_odds,
                float(np.mean(likelier[: max(len(likelier) // 4, 1)])),
                float(np.mean(likelier[-100:])),
                float(np.mean(release_odds)) if released else -7.0,
                float(np.max(smooth)),
                float(np.mean(release_odds[:25])) if released else -7.0,
                *step,
                *fall,
                drift[0],
                drift[2],
                over[0],
                over[2],
                hold_over[0],
                hold_over[2],
                stop[0],
                stop[2],
                early_whoosh[2] - late_hold[2],
                early_whoosh[2] - before[2],
                early_whoosh[2] - late_fill[2],
                late_whoosh[2] - early_whoosh[2],
                float(run.pressure is not None),
                float(run.masked),
                float(released),
            ]
        )
        return RunMeasures(vector, hold)

    def _split(self, on: int, off: int) -> tuple[int | None, float]:
        """Frame where fill gives way to hold most likely, and how much likelier that is than a fill throughout."""
        if off - on < MIN_FILL + MIN_HOLD:
            return None, 0.0
        span = self._span(on, off)
        likelier = (self._likelihoods[span, HOLD] - self._likelihoods[span, FILL]).clip(-3.0, 3.0)
        # gain[s]: all that speaks for hold from frame s to the end.
        gain = likelier[::-1].cumsum()[::-1]
        inside = gain[MIN_FILL : len(gain) - MIN_HOLD]
        if not len(inside):
            return None, 0.0
        best = int(np.argmax(inside))
        if inside[best] <= 0.0:
            return None, 0.0
        return off - len(span) + MIN_FILL + best, float(inside[best])


class RunJudge:
    """Says how likely a run was a complete cycle: one hidden layer over the standardised vector.

    Parameters
    ----------
    mean, scale
        Of the vectors in training, shape (n,).
    w1, b1, w2, b2
        Shapes (n, hidden), (hidden,), (hidden,), (1,).
    """

    def __init__(self, mean: F64, scale: F64, w1: F64, b1: F64, w2: F64, b2: F64) -> None:
        self._mean, self._scale, self._w1, self._b1, self._w2, self._b2 = mean, scale, w1, b1, w2, b2

    def probability(self, measures: RunMeasures) -> float:
        """P(complete cycle), from 0 to 1."""
        x = np.clip((measures.vector - self._mean) / self._scale, -4.0, 4.0)
        # einsum without BLAS: the same bits on every call.
        hidden = np.tanh(np.einsum("i,ij->j", x, self._w1, optimize=False) + self._b1)
        odds = float(np.einsum("j,j->", hidden, self._w2, optimize=False) + self._b2[0])
        return float(1.0 / (1.0 + np.exp(-odds)))
