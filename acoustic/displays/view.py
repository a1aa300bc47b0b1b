"""What is to be seen of a session at this moment: the one state that the terminal and the web page draw."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..types import Cue, Event, Phase, Status
from .journal import Capture, Opening, Record, Summary

__all__ = ["SHOWN", "PhaseLook", "View"]


@dataclass(frozen=True, slots=True)
class PhaseLook:
    """How a phase is shown: a word large enough for a metre away, a colour and what it means.

    The colours are Okabe and Ito's, which stay apart for all common kinds of colour blindness; each comes with its
    own word and lightness, so that nothing rests on colour alone.
    """

    word: str
    meaning: str
    background: str
    foreground: str


SHOWN: dict[Phase, PhaseLook] = {
    Phase.BACKGROUND: PhaseLook("LISTENING", "no pump to be heard", "#3a3a3a", "#ffffff"),
    Phase.FILL: PhaseLook("FILLING", "the pump runs, pressure is building up", "#0072b2", "#ffffff"),
    Phase.HOLD: PhaseLook("STOP PUMP", "pressure is up", "#e69f00", "#000000"),
    Phase.STOPPED: PhaseLook("PUMP OFF", "the whoosh should come now", "#56b4e9", "#000000"),
    Phase.RELEASE: PhaseLook("WHOOSH", "pressure is released", "#009e73", "#000000"),
}
_PHASE_AFTER: dict[str, Phase] = {
    "pump_on": Phase.FILL,
    "pressure": Phase.HOLD,
    "pump_off": Phase.STOPPED,
    "release": Phase.RELEASE,
    "release_end": Phase.BACKGROUND,
    "no_release": Phase.BACKGROUND,
    "incomplete": Phase.BACKGROUND,
}
_STARTING = PhaseLook("STARTING", "getting ready; the first start on a computer takes longest", "#3a3a3a", "#ffffff")
_DEAF = PhaseLook("NO SOUND", "the microphone gives nothing", "#f0e442", "#000000")
_DONE = PhaseLook("DONE", "the cleaning is over", "#009e73", "#000000")


@dataclass(slots=True)
class View:
    """A fold over records and status.

    Parameters
    ----------
    target_cycles
        How many cycles are wanted.
    """

    target_cycles: int
    opening: Opening | None = None
    status: Status | None = None
    phase: Phase = Phase.BACKGROUND
    since_s: float = 0.0
    cycles: int = 0
    incomplete: int = 0
    last_release: Event | None = None
    last_cycle: Event | None = None
    last_incomplete: Event | None = None
    cue: Cue | None = None
    capture: Capture | None = None
    done: bool = False
    summary: Summary | None = None
    history: list[Event | Cue] = field(default_factory=list)

    _KEPT = 100

    def show(self, record: Record) -> None:
        """Take one record."""
        match record:
            case Opening():
                self.opening = record
            case Summary():
                self.summary = record
            case Capture():
                self.capture = record
            case Cue():
                self.cue = record
                self.done = self.done or record.kind == "done"
            case Event(kind="cycle"):
                self.cycles += 1
                self.last_cycle = record
            case Event(kind="incomplete"):
                self.incomplete += 1
                self.last_incomplete = record
            case Event(kind="release"):
                self.last_release = record
        if isinstance(record, Event) and (phase := _PHASE_AFTER.get(record.kind)) is not None:
            # The picture turns with the events that make the cues, so that it never says something else than they do.
            self.phase, self.since_s = phase, record.time_s
        if isinstance(record, Event | Cue):
            self.history.append(record)
            del self.history[: -self._KEPT]

    def update(self, status: Status) -> None:
        """Take what is heard right now."""
        self.status = status

    @property
    def time_s(self) -> float:
        """Time of the session."""
        return self.status.time_s if self.status else 0.0

    @property
    def phase_s(self) -> float:
        """Seconds in the present phase."""
        return max(0.0, self.time_s - self.since_s)

    @property
    def deaf(self) -> bool:
        """Whether the microphone gives nothing that could be judged."""
        return self.capture is not None and self.capture.state in ("silent", "stalled", "lost")

    @property
    def look(self) -> PhaseLook:
        """Word and colour of the moment."""
        if self.summary is None and self.status is None:
            return _STARTING
        if self.deaf:
            return _DEAF
        if self.phase is Phase.BACKGROUND and self.done:
            return _DONE
        return SHOWN[self.phase]
