"""What one would try first: thresholds on a level. Scored by the same protocol, side by side with the detector.

Both give the detector's events and take its blocks, so `evaluate` runs them unchanged. Their thresholds were chosen
to do best on the protocol's tuning sessions, not on those that it reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from acoustic.types import AudioBlock, Event, EventKind

__all__ = ["BASELINES", "ThresholdDetector", "ThresholdOptions", "pump_band", "rms_with_timer"]


@dataclass(frozen=True, slots=True)
class ThresholdOptions:
    """One level, its background, and what follows from them.

    Parameters
    ----------
    band_hz
        Band whose level is taken, None for the whole signal.
    timer_s
        Pressure is taken to be up so long after the pump's start; None: when the level has fallen by `drop_db`.
    """

    band_hz: tuple[float, float] | None = None
    frame_s: float = 0.05
    on_db: float = 10.0
    off_db: float = 5.0
    confirm_s: float = 0.3
    timer_s: float | None = None
    drop_db: float = 3.0
    min_run_s: float = 4.0
    background_fall_s: float = 0.3
    background_rise_db_per_s: float = 0.3


class ThresholdDetector:
    """Pump on while the level stands over the background; each long enough run is a cycle, released as it stops."""

    def __init__(self, options: ThresholdOptions) -> None:
        self._options = options
        self.reset()

    def reset(self) -> None:
        """Forget everything heard."""
        self._rate_hz = 0
        self._rest = np.zeros(0, np.float32)
        self._frames = 0
        self._background_db: float | None = None
        self._since_s: float | None = None  # of a change that is not confirmed yet
        self._run_s: float | None = None
        self._plateau_db = -np.inf
        self._pressure = False
        self._cycles = 0

    def push(self, block: AudioBlock) -> list[Event]:
        """Take in a block; return the events that it decides."""
        options = self._options
        if not self._rate_hz:
            self._rate_hz = block.rate_hz
            if options.band_hz:
                self._sos = butter(4, options.band_hz, "bandpass", fs=block.rate_hz, output="sos")
                self._memory = np.zeros((len(self._sos), 2))
        samples: npt.NDArray[np.floating] = block.samples
        if options.band_hz:
            samples, self._memory = sosfilt(self._sos, samples, zi=self._memory)
        samples = np.concatenate([self._rest, samples])
        hop = round(options.frame_s * self._rate_hz)
        n = len(samples) // hop
        self._rest = samples[n * hop :]
        power = np.mean(np.square(samples[: n * hop].reshape(n, hop), dtype=np.float64), axis=1)
        events: list[Event] = []
        for level_db in 10 * np.log10(power + 1e-10):
            events += self._step(float(level_db))
        return events

    def flush(self) -> list[Event]:
        """Nothing waits inside."""
        return []

    def _step(self, level_db: float) -> list[Event]:
        options = self._options
        start_s = self._frames * options.frame_s
        self._frames += 1
        now_s = self._frames * options.frame_s
        background_db = level_db if self._background_db is None else self._background_db
        if level_db < background_db:
            background_db += (level_db - background_db) * min(1.0, options.frame_s / options.background_fall_s)
        else:
            background_db += min(options.background_rise_db_per_s * options.frame_s, level_db - background_db)
        self._background_db = background_db
        over_db = level_db - background_db
        events: list[Event] = []

        def tell(kind: EventKind, time_s: float, **details: float | int | str) -> None:
            events.append(Event(kind, time_s, now_s, 0.5, details))

        changed = over_db > options.on_db if self._run_s is None else over_db < options.off_db
        self._since_s = (start_s if self._since_s is None else self._since_s) if changed else None
        if self._since_s is not None and now_s - self._since_s >= options.confirm_s - 1e-9:
            if self._run_s is None:
                self._run_s, self._plateau_db, self._pressure = self._since_s, level_db, False
                tell("pump_on", self._run_s)
            else:
                run_s, self._run_s = self._since_s - self._run_s, None
                tell("pump_off", self._since_s)
                if self._pressure and run_s >= options.min_run_s:
                    self._cycles += 1
                    tell("release", self._since_s)
                    tell("cycle", self._since_s, cycle=self._cycles, fill_s=run_s, hold_s=0.0, release_s=1.0)
                else:
                    tell("incomplete", self._since_s, reason="released before pressure was up")
            self._since_s = None
        elif self._run_s is not None and not self._pressure:
            self._plateau_db = max(self._plateau_db, level_db)
            if (
                now_s - self._run_s >= options.timer_s
                if options.timer_s is not None
                else level_db < self._plateau_db - options.drop_db
            ):
                self._pressure = True
                tell("pressure", now_s)
        return events


def rms_with_timer() -> ThresholdDetector:
    """Level of everything, and pressure a fixed time after the pump's start."""
    return ThresholdDetector(ThresholdOptions(timer_s=7.0))


def pump_band() -> ThresholdDetector:
    """Level of 140-300 Hz, and pressure when it has fallen from the run's plateau."""
    return ThresholdDetector(ThresholdOptions(band_hz=(140.0, 300.0)))


BASELINES: dict[str, Callable[[], ThresholdDetector]] = {
    "RMS threshold with a timer": rms_with_timer,
    "pump-band threshold": pump_band,
}
