"""Events into cycles: a pure fold."""

from __future__ import annotations

from .config import CycleOptions
from .types import Detail, Event

__all__ = ["CycleFold"]


class CycleFold:
    """Counts pump runs that built pressure and released it, and says why the others do not count."""

    def __init__(self, options: CycleOptions | None = None) -> None:
        self.options = options or CycleOptions()
        self.reset()

    def reset(self) -> None:
        """Start from zero."""
        self._count = 0
        self._run: dict[str, Event] = {}
        self._before: dict[str, Event] = {}

    @property
    def count(self) -> int:
        """Cycles so far."""
        return self._count

    def push(self, event: Event) -> list[Event]:
        """Take in an event; return the `cycle` or `incomplete` that it completes, if any."""
        if event.details.get("again"):
            # Of a run whose end was told, too.
            self._run = self._run or dict(self._before)
            self._run.pop("pump_off", None)
        elif event.kind == "pump_on":
            self._run = {"pump_on": event}
        elif event.kind in ("pressure", "pump_off", "release"):
            if "pump_on" in self._run:
                self._run[event.kind] = event
        elif event.kind in ("release_end", "no_release") and "pump_on" in self._run:
            run, self._run = self._run, {}
            if event.details.get("joined"):
                # The run before was the first part of this one, and pressure may have been told in it.
                run = {**run, **{kind: self._before[kind] for kind in ("pump_on", "pressure") if kind in self._before}}
            self._before = run
            return [self._judge(run, event)]
        return []

    def recount(self, incomplete: Event, decided_s: float, likely: float) -> Event:
        """Count a run after all that was told as `incomplete` before; it keeps its time, by which it is known."""
        self._count += 1
        details = {name: value for name, value in incomplete.details.items() if name != "reason"}
        if details.get("release_s") == 0.0:
            details["unheard"] = True
        return Event("cycle", incomplete.time_s, decided_s, likely, {"cycle": self._count, **details, "late": True})

    def _judge(self, run: dict[str, Event], end: Event) -> Event:
        start = run["pump_on"]
        pressure, stop, release = run.get("pressure"), run.get("pump_off"), run.get("release")
        stop_s = stop.time_s if stop else end.time_s
        quiet_s = min(pressure.time_s, stop_s) if pressure else stop_s
        complete = end.details.get("complete")
        likely = float(complete) if isinstance(complete, (int, float)) else 0.0
        details: dict[str, Detail] = {
            "fill_s": round(quiet_s - start.time_s, 3),
            "hold_s": round(stop_s - quiet_s, 3) if pressure else 0.0,
            "release_s": round(end.time_s - release.time_s, 3) if release else 0.0,
            "quieting_db": end.details.get("quieting_db") if pressure else None,
        }
        if end.details.get("joined"):
            details["joined"] = True
        if "over_db" in end.details:
            details["over_db"] = end.details["over_db"]
        # As good as a cycle before it is a run before it that is as likely one.
        earlier = self._count or int(bool(end.details.get("borne_out")))
        if end.details.get("unheard"):
            details["unheard"] = True
        elif not release or not self.options.counts(likely, stop_s - start.time_s, self._over_db(details), earlier):
            reason = self._reason(run, end, likely, details)
            return Event("incomplete", end.time_s, end.decided_s, 1.0 - likely, {"reason": reason, **details})
        if "next_fill_s" in end.details:
            details["next_fill_s"] = end.details["next_fill_s"]
        self._count += 1
        return Event("cycle", end.time_s, end.decided_s, likely, {"cycle": self._count, **details})

    def _over_db(self, details: dict[str, Detail]) -> float:
        """How far the run stood over the room; events from elsewhere may not say, and are not called faint for that."""
        over_db = details.get("over_db")
        return float(over_db) if isinstance(over_db, (int, float)) else self.options.faint_db

    def _reason(self, run: dict[str, Event], end: Event, likely: float, details: dict[str, Detail]) -> str:
        """Say why a run does not count: where it may have been a cycle, no more than what was not heard of it."""
        if "pause_s" in end.details:
            return f"the pump went on {end.details['pause_s']} s after its stop: too soon to be another cycle"
        if end.details.get("same_run"):
            return "the pump had not stopped: this run has been counted already"
        if "release" in run:
            return self._why_in_spite_of_whoosh("pressure" in run, likely, details)
        return self._why_without_whoosh("pressure" in run, likely, details)

    def _why_in_spite_of_whoosh(self, pressed: bool, likely: float, details: dict[str, Detail]) -> str:
        ran = f"after {details['fill_s']} s of pump"
        if likely >= self.options.min_complete and self._over_db(details) < self.options.faint_db:
            return (
                f"the pump stood only {details['over_db']} dB over the room ({ran}): too faint to be sure; move the "
                "microphone closer"
            )
        if self._possible(likely, details, self.options.min_complete):
            return "it may have been a cycle, or a shot: it counts after all once others like it follow"
        if pressed:
            return (
                f"it does not sound like a closed basket (quieter by {details['quieting_db']} dB for "
                f"{details['hold_s']} s): a shot, or water that leaks"
            )
        if self._possible(likely, details, self.options.least_possible):
            return (
                f"pressure was not heard before the whoosh ({ran}): it was too short, or the room is too loud; keep "
                "the pump on until it goes quiet"
            )
        return f"released before pressure was up ({ran}): keep the pump on until it goes quiet"

    def _why_without_whoosh(self, pressed: bool, likely: float, details: dict[str, Detail]) -> str:
        ran = f"after {details['fill_s']} s of pump"
        if pressed:
            return "pressure was up, but no whoosh was heard after the pump stopped"
        if self._possible(likely, details, self.options.min_complete):
            return (
                f"neither pressure nor a whoosh was heard ({ran}), yet it may have been a cycle: it counts after all "
                "once others like it are counted"
            )
        if self._possible(likely, details, self.options.least_possible):
            return f"neither pressure nor a whoosh was heard ({ran}): it was too short, or the room is too loud"
        return f"the pump stopped before pressure was up ({ran}), and no whoosh was heard"

    def _possible(self, likely: float, details: dict[str, Detail], least: float) -> bool:
        """Whether a run is as likely a cycle, and not too short for one."""
        run_s = float(details["fill_s"] or 0.0) + float(details["hold_s"] or 0.0)
        return likely >= least and run_s >= self.options.short_run_s
