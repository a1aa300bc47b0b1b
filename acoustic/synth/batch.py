"""Many sessions on disk, in several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .loops import Library
from .plan import Splice
from .scenarios import sample_plan
from .simulator import write_session

__all__ = ["SessionFile", "write_sessions"]


@dataclass(frozen=True, slots=True)
class SessionFile:
    """One session to be written; `seed` and `index` alone decide what is in it, not which others are written.

    Parameters
    ----------
    path
        Audio file, .wav or .flac; labels and JSON go beside it.
    condition, kind, scenario, library, splices
        As for `sample_plan`.
    seed, index
        What is drawn.
    rate_hz
        Of the samples.
    plot
        Whether to draw spectrogram, pressure and labels into a .png beside it.
    """

    path: Path
    condition: str
    seed: int
    index: int
    kind: str | None = None
    scenario: str | None = None
    rate_hz: int = 48000
    library: Library | None = None
    splices: tuple[Splice, ...] = ()
    plot: bool = False

    def write(self) -> Path:
        """Draw, render and write it."""
        rng = np.random.default_rng([self.seed, self.index])
        plan = sample_plan(self.condition, rng, self.kind, self.scenario, library=self.library, splices=self.splices)
        truth = write_session(self.path, plan, rng, self.rate_hz)
        if self.plot:
            from .plot import plot_session

            plot_session(self.path, truth, self.path.with_suffix(".png"))
        return self.path


def write_sessions(sessions: Iterable[SessionFile], jobs: int = 1) -> Iterator[Path]:
    """Write sessions in `jobs` processes; yield their paths in order, as they are done."""
    if jobs <= 1:
        yield from map(SessionFile.write, sessions)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(SessionFile.write, sessions)
    finally:
        pool.shutdown(cancel_futures=True)
