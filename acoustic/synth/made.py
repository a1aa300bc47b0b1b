"""What makers of sessions other than the simulator return, and their runs' times as the simulator's truth has them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from ..config import RATE_HZ
from .truth import Run

__all__ = ["Outcome", "RunTimes", "Session"]

Outcome = Literal["cycle", "early_stop", "no_release", "other"]

# What `Run` is told: these makers know no flow, only whether a release is one that counts.
_RELEASED_ML_S, _TRICKLED_ML_S = 20.0, 0.01
_FULL_SHARE, _STOPPED_SHARE = 1.0, 0.2
# With a basket of coffee, what runs longer is a shot and no flush.
_LONGEST_FLUSH_S: Final = 12.0


@dataclass(frozen=True, slots=True)
class RunTimes:
    """When what happened in a run of the pump: seconds of the session, None for what did not happen.

    The quieting begins, is 80 % done (in dB), and is complete.
    """

    outcome: Outcome
    on_s: float
    off_s: float
    begun_s: float | None = None
    most_s: float | None = None
    complete_s: float | None = None
    release_s: float | None = None
    release_end_s: float | None = None

    @property
    def fill_end_s(self) -> float:
        """Until when it sounds as in the fill."""
        return self.begun_s or self.off_s

    def rounded(self, digits: int) -> RunTimes:
        """Return the same to so many digits of a second."""

        def near(time_s: float) -> float:
            return round(float(time_s), digits)

        happened = (self.begun_s, self.most_s, self.complete_s, self.release_s, self.release_end_s)
        return RunTimes(
            self.outcome,
            near(self.on_s),
            near(self.off_s),
            *(None if time_s is None else near(time_s) for time_s in happened),
        )

    def run(self, *, shots: bool) -> Run:
        """Return the truth of it; `shots` where the basket holds coffee."""
        early = self.outcome == "early_stop"
        peak_ml_s = None if self.release_s is None else _TRICKLED_ML_S if early else _RELEASED_ML_S
        if self.outcome == "other":
            return Run(
                "shot" if shots and self.off_s - self.on_s > _LONGEST_FLUSH_S else "flush",
                self.on_s,
                pump_off_s=self.off_s,
                vent_s=self.release_s,
                release_peak_ml_s=peak_ml_s,
                release_end_s=self.release_end_s,
            )
        # A run that is stopped early is at most a little into its quieting.
        most_s, complete_s = (None, None) if early else (self.most_s, self.complete_s)
        # Of a quieting that does not get far nobody knows when it was half done: it may have been from its beginning.
        half_s = self.begun_s if self.begun_s is None or most_s is None else 0.5 * (self.begun_s + most_s)
        return Run(
            "backflush",
            self.on_s,
            quieting_50_s=half_s,
            quieting_80_s=most_s,
            quieting_100_s=complete_s,
            pressure_up_s=complete_s,
            pump_off_s=self.off_s,
            pump_off_share=_STOPPED_SHARE if early else _FULL_SHARE,
            vent_s=self.release_s,
            release_peak_ml_s=peak_ml_s,
            release_end_s=self.release_end_s,
        )


@dataclass(frozen=True, slots=True)
class Session:
    """A session that was made.

    Parameters
    ----------
    samples
        float32, shape (n,), 16 kHz, within full scale.
    runs
        What the pump really did, in order.
    machine
        Its name, "none" where there is none.
    """

    samples: npt.NDArray[np.float32] = field(repr=False)
    runs: tuple[Run, ...]
    machine: str

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE_HZ
