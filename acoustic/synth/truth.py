"""What really happened in a session: pump runs with their times, labels for TSV, everything for JSON.

Labels of the TSV (tab-separated, header `onset offset label`, seconds):

- Intervals: `fill` from the pump's start to the quieting (or to its stop, if it never quietens), `hold` from there to
  the pump's stop, `release` from the valve's opening until the flow has fallen to a tenth of its peak. Only runs
  against the blind basket have `hold`. Other runs are `shot`, `flush` or `refill` from pump start to stop; a
  distraction is `distraction`.
- Instants (onset = offset): `pump_on`; `pressure`, when the quieting is 80 % complete; `pump_off`; `release`, when the
  valve opens; `cycle`, at the greatest flow of a release that ends a complete cycle; `incomplete`, at the pump's stop
  or there, for every other run that can be heard as one. The reasons are in the JSON.

Quieting is measured in dB of the pump's and the group's water noise, from free flow to the final pressure. A run is a
complete cycle if the basket was blind, the group stood at 70 % or more of the machine's final pressure (that which it
ends at when nothing leaks) when the pump stopped, and the valve let it out. `pressure_up_s` is when 85 % was reached.
`marginal` says that the pump stopped close to the border (50 to 85 % of the final pressure, or less than 0.25 s after
the quieting was 80 % complete), where either answer is fair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .hydraulics import (
    BLIND,
    BOILER,
    CONTROL_HZ,
    HEAD_BAR,
    OPEN,
    PRESSURE_UP,
    PUCK,
    PUMP_OFF,
    PUMP_ON,
    QUIET_50,
    QUIET_80,
    QUIET_100,
    RELEASE_END,
    RELEASE_PEAK,
    SWITCH_OFF,
    SWITCH_ON,
    VENT_OPEN,
)
from .plan import Plan

__all__ = ["CURVE_HZ", "Label", "Run", "Truth", "TruthRecorder"]

CURVE_HZ: Final = 20
_KINDS: Final = {BLIND: "backflush", PUCK: "shot", OPEN: "flush", BOILER: "refill"}
# Shares of the final pressure: a complete cycle, and where one may argue.
_COMPLETE_SHARE: Final = 0.7
_MARGINAL_SHARES: Final = (0.5, 0.85)
# Below this peak flow (mL/s) an opening valve is no release that anybody could hear.
_LEAST_RELEASE_ML_S: Final = 6.0

Label = tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pump. Times in seconds from the session's beginning; None for what did not happen."""

    kind: str
    pump_on_s: float
    switch_on_s: float | None = None
    quieting_50_s: float | None = None
    quieting_80_s: float | None = None
    quieting_100_s: float | None = None
    pressure_up_s: float | None = None
    switch_off_s: float | None = None
    pump_off_s: float | None = None
    pump_off_bar: float | None = None
    pump_off_share: float = 0.0
    vent_s: float | None = None
    release_peak_s: float | None = None
    release_peak_ml_s: float | None = None
    release_end_s: float | None = None
    marginal: bool = False

    @property
    def released(self) -> bool:
        """Whether the valve let out enough to be heard."""
        return self.release_peak_ml_s is not None and self.release_peak_ml_s >= _LEAST_RELEASE_ML_S

    @property
    def complete(self) -> bool:
        """Whether this run is a backflush cycle."""
        return self.reason is None

    @property
    def reason(self) -> str | None:
        """Why it is not."""
        if self.kind != "backflush":
            return f"no backflush, but a {self.kind}"
        if self.pump_off_s is None:
            return "the pump was still running at the end"
        if self.pump_off_share < _COMPLETE_SHARE:
            return "the pump stopped before the pressure was up"
        if not self.released:
            return "the pressure was not released"
        return None


class TruthRecorder:
    """Turns the water side's control signals and marks into a truth, as they come."""

    def __init__(self, final_bar: float) -> None:
        self._final_bar = final_bar
        self._runs: list[dict[str, Any]] = []
        self._pending: dict[str, float] = {}
        self._curve: list[npt.NDArray[np.float32]] = []

    def feed(self, control: npt.NDArray[np.float64], marks: npt.NDArray[np.float64], first_step: int) -> None:
        """Take what one advance of the water side returned."""
        every = CONTROL_HZ // CURVE_HZ
        self._curve.append(control[-first_step % every :: every, HEAD_BAR].astype(np.float32))
        for step, kind, value in marks:
            time_s = float(step) / CONTROL_HZ
            if kind == SWITCH_ON:
                self._pending["switch_on_s"] = time_s
            elif kind == PUMP_ON:
                self._runs.append({"kind": _KINDS[value], "pump_on_s": time_s, **self._pending})
                self._pending.clear()
            elif self._runs:
                run = self._runs[-1]
                name = _FIELDS[int(kind)]
                run[name] = time_s
                if kind == RELEASE_PEAK:
                    run["release_peak_ml_s"] = float(value)
                elif kind == PUMP_OFF:
                    run["pump_off_bar"] = float(value)
                    run["pump_off_share"] = float(value) / self._final_bar

    def runs(self) -> tuple[Run, ...]:
        """All runs so far."""
        return tuple(_judged(Run(**fields)) for fields in self._runs)

    def curve_bar(self) -> npt.NDArray[np.float32]:
        """Group pressure at `CURVE_HZ`."""
        return np.concatenate(self._curve) if self._curve else np.empty(0, dtype=np.float32)


_FIELDS: Final = {
    QUIET_50: "quieting_50_s",
    QUIET_80: "quieting_80_s",
    QUIET_100: "quieting_100_s",
    PRESSURE_UP: "pressure_up_s",
    SWITCH_OFF: "switch_off_s",
    PUMP_OFF: "pump_off_s",
    VENT_OPEN: "vent_s",
    RELEASE_PEAK: "release_peak_s",
    RELEASE_END: "release_end_s",
}


def _judged(run: Run) -> Run:
    if run.kind != "backflush" or run.pump_off_s is None:
        return run
    arguable = _MARGINAL_SHARES[0] < run.pump_off_share < _MARGINAL_SHARES[1]
    hurried = run.quieting_50_s is not None and (run.quieting_80_s is None or run.pump_off_s - run.quieting_80_s < 0.25)
    return replace(run, marginal=arguable or hurried)


@dataclass(frozen=True, slots=True)
class Truth:
    """Truth of a whole session."""

    plan: Plan
    rate_hz: int
    duration_s: float
    runs: tuple[Run, ...]
    pressure_bar: npt.NDArray[np.float32] = field(repr=False)

    @property
    def cycles(self) -> int:
        """Number of complete cycles."""
        return sum(run.complete for run in self.runs)

    def labels(self) -> list[Label]:
        """Rows of the TSV, in order of time; see the module's docstring."""
        rows: list[Label] = []
        for run in self.runs:
            end = run.pump_off_s if run.pump_off_s is not None else self.duration_s
            rows.append((run.pump_on_s, run.pump_on_s, "pump_on"))
            if run.kind == "backflush":
                quiet = run.quieting_80_s
                rows.append((run.pump_on_s, end if quiet is None else quiet, "fill"))
                if quiet is not None:
                    rows += [(quiet, quiet, "pressure"), (quiet, end, "hold")]
            else:
                rows.append((run.pump_on_s, end, run.kind))
            if run.pump_off_s is not None:
                rows.append((end, end, "pump_off"))
            at = end
            if run.released and run.vent_s is not None and run.release_peak_s is not None:
                at = run.release_peak_s
                rows.append((run.vent_s, run.release_end_s or self.duration_s, "release"))
                rows.append((run.vent_s, run.vent_s, "release"))
            if run.kind == "backflush" or run.released:
                rows.append((at, at, "cycle" if run.complete else "incomplete"))
        rows += [(d.start_s, d.start_s + d.duration_s, "distraction") for d in self.plan.distractions]
        return sorted((row for row in rows if row[0] <= self.duration_s), key=lambda row: row[:2])

    def tsv(self) -> str:
        """Labels as a DCASE-style table."""
        rows = [f"{onset:.3f}\t{offset:.3f}\t{label}\n" for onset, offset, label in self.labels()]
        return "onset\toffset\tlabel\n" + "".join(rows)

    def to_dict(self) -> Mapping[str, Any]:
        """Everything as JSON types: plan, runs with their reasons, pressure curve."""
        runs = [asdict(run) | {"complete": run.complete, "reason": run.reason} for run in self.runs]
        return {
            "version": 1,
            "rate_hz": self.rate_hz,
            "duration_s": self.duration_s,
            "cycles": self.cycles,
            "runs": runs,
            "plan": _plain(asdict(self.plan)),
            "pressure_hz": CURVE_HZ,
            "pressure_bar": [round(float(bar), 3) for bar in self.pressure_bar],
        }


def _plain(value: Any) -> Any:
    """Named tuples as objects, so that JSON keeps their names."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
