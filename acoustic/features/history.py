"""Band levels of the last minute and a half, for measuring a run once its phases are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..config import FeatureOptions

__all__ = ["LevelHistory", "LevelStep"]

F32 = npt.NDArray[np.float32]
FRAMES = 9000


@dataclass(frozen=True, slots=True)
class LevelStep:
    """Change of level from one stretch of time to another, dB."""

    low_db: float
    high_db: float


class LevelHistory:
    """Ring of band levels, one row a frame.

    Levels are averaged as power over bands and as dB over time, which a short clatter hardly moves.
    """

    def __init__(self, options: FeatureOptions) -> None:
        edges = options.band_edges_hz
        self._low = [i for i in range(len(edges) - 1) if 140 <= edges[i] < 300]
        self._high = [i for i in range(len(edges) - 1) if 600 <= edges[i] < 6200]
        self._hiss = [i for i in range(len(edges) - 1) if edges[i] >= 2400]
        self._rows = np.zeros((FRAMES, len(edges)), dtype=np.float32)
        self._end = 0

    def reset(self) -> None:
        """Forget all rows."""
        self._end = 0

    def push(self, levels: F32) -> None:
        """Append rows, shape (frames, bands + 1), dBFS."""
        rows = levels[-FRAMES:]
        start = self._end + len(levels) - len(rows)
        self._rows[np.arange(start, start + len(rows)) % FRAMES] = rows
        self._end += len(levels)

    def _level(self, bands: list[int], first: int, last: int) -> float | None:
        """Mean level of `bands` over frames first..last, or None where nothing of that is remembered."""
        first = max(first, self._end - FRAMES, 0)
        last = min(last, self._end)
        if last <= first:
            return None
        rows = self._rows[np.arange(first, last) % FRAMES][:, bands].astype(np.float64)
        return float(np.median(10.0 * np.log10(np.sum(10.0 ** (rows / 10.0), axis=1))))

    def step(self, before: tuple[int, int], after: tuple[int, int]) -> LevelStep | None:
        """Level change between two stretches of frames (first, one past last), or None where either is gone."""
        lows = self._level(self._low, *before), self._level(self._low, *after)
        highs = self._level(self._high, *before), self._level(self._high, *after)
        if lows[0] is None or lows[1] is None or highs[0] is None or highs[1] is None:
            return None
        return LevelStep(low_db=lows[1] - lows[0], high_db=highs[1] - highs[0])

    def hiss(self, before: tuple[int, int], after: tuple[int, int]) -> float | None:
        """Rise above 2.4 kHz between two stretches, dB."""
        levels = self._level(self._hiss, *before), self._level(self._hiss, *after)
        return None if levels[0] is None or levels[1] is None else levels[1] - levels[0]
