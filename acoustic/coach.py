"""What to tell the user, and when: events in, cues out; no clock, no input or output."""

from __future__ import annotations

from .config import CoachOptions
from .types import Cue, CueKind, Event, Urgency

__all__ = ["Coach"]


class Coach:
    """Leads through the detergent cycles of one cleaning.

    Time passes only by `advance`, in the source's seconds.
    """

    def __init__(self, options: CoachOptions | None = None) -> None:
        self.options = options or CoachOptions()
        self.count = 0
        self._held_since_s: float | None = None
        self._warned = 0
        self._ready_s: float | None = None
        self._done = False

    def start(self, time_s: float) -> list[Cue]:
        """Begin the session."""
        text = "Blind basket and cleaner in? Turn the pump on."
        return [Cue("start_pump", text, "info", time_s, "session")]

    def push(self, event: Event) -> list[Cue]:
        """Answer an event."""
        now_s = event.decided_s
        if event.kind == "pump_on":
            self._ready_s = None
        if event.kind == "pressure":
            self._held_since_s, self._warned = event.time_s, 0
            return [self._cue("stop_pump", "Pressure is up. Turn the pump off now.", "act", now_s, event)]
        if event.kind in ("pump_off", "release", "release_end", "no_release"):
            self._held_since_s = None
        if event.kind == "release":
            return [self._cue("release_ok", "Whoosh heard.", "info", now_s, event)]
        if event.kind == "no_release":
            text = "No whoosh heard after the pump stopped: do not unlock the handle, it may be under pressure."
            return [self._cue("warning", text, "alarm", now_s, event)]
        if event.kind == "cycle":
            return self._counted(event)
        if event.kind == "incomplete":
            text = f"This one does not count: {event.details.get('reason', 'it was not complete')}."
            return [self._cue("warning", text, "info", now_s, event)]
        return []

    def advance(self, time_s: float) -> list[Cue]:
        """Let audio time pass."""
        options = self.options
        if self._held_since_s is not None:
            held_s = time_s - self._held_since_s
            if self._warned < 1 and held_s >= options.warn_hold_s:
                self._warned = 1
                text = f"The pump has held pressure for {options.warn_hold_s:.0f} s. Turn it off."
                return [Cue("warning", text, "act", time_s, "pressure")]
            if self._warned < 2 and held_s >= options.alarm_hold_s:
                self._warned = 2
                text = f"{options.alarm_hold_s:.0f} s against a closed basket strains the pump. Turn it off!"
                return [Cue("warning", text, "alarm", time_s, "pressure")]
        if self._ready_s is not None and time_s >= self._ready_s:
            self._ready_s = None
            text = f"Next: cycle {self.count + 1} of {options.cycles}. Turn the pump on."
            return [Cue("start_pump", text, "info", time_s, "cycle")]
        return []

    def finish(self, time_s: float) -> list[Cue]:
        """End the session."""
        if self._done:
            return []
        text = f"Stopped after {self.count} of {self.options.cycles} cycles."
        return [Cue("done", text, "info", time_s, "session")]

    def _counted(self, event: Event) -> list[Cue]:
        self.count += 1
        n, now_s = self.options.cycles, event.decided_s
        if self.count < n:
            self._ready_s = event.time_s + self.options.min_pause_s
            return [self._cue("wait", f"Counted: {self.count} of {n}. Wait a moment.", "info", now_s, event)]
        if self._done:
            return []
        self._done = True
        text = (
            f"{self.count} cycles are done, after which the foam is usually clear. Sound cannot show it: "
            "look into the drip tray. White foam: go on with water. Brown foam: more cycles."
        )
        return [
            self._cue("foam_clear", text, "act", now_s, event),
            self._cue("done", f"All {n} cycles counted.", "info", now_s, event),
        ]

    @staticmethod
    def _cue(kind: CueKind, text: str, urgency: Urgency, time_s: float, event: Event) -> Cue:
        return Cue(kind, text, urgency, time_s, event.kind)
