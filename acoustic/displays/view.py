"""What is to be seen of a session at this moment: the one state that the terminal and the web page draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from ..config import CoachOptions
from ..types import PHASE_AFTER, AudioBlock, Cue, CueKind, Event, Phase, Progress, Status, settled
from .controls import Controls
from .journal import Capture, Opening, Record, Summary
from .spectrum import SpectrumStrip

__all__ = ["LOOKS", "PHASE_LOOKS", "Look", "View"]


class Look(NamedTuple):
    """A word large enough for a metre away, its colours and what it means.

    The background colours are Okabe and Ito's, which stay apart for all common kinds of colour blindness; and each
    comes with a word of its own, so that nothing rests on colour alone.
    """

    word: str
    meaning: str
    background: str
    foreground: str


_GREY, _BLUE, _SKY, _GREEN = "#3a3a3a", "#0072b2", "#56b4e9", "#009e73"
_ORANGE, _VERMILION, _PURPLE, _YELLOW = "#e69f00", "#d55e00", "#cc79a7", "#f0e442"
_BLACK, _WHITE = "#000000", "#ffffff"

_STARTING = Look("STARTING", "Getting ready; the first start on a computer takes longest.", _GREY, _WHITE)
_DEAF = Look("NO SOUND", "The microphone gives nothing.", _YELLOW, _BLACK)
_PAUSED = Look("PAUSED", "Nothing is counted until you go on.", _GREY, _WHITE)
_CAREFUL = Look("CAREFUL", "Something is wrong.", _VERMILION, _BLACK)
_NO_COUNT = Look("NO COUNT", "This one does not count.", _ORANGE, _BLACK)
_STOP = Look("STOP PUMP", "Pressure is up.", _ORANGE, _BLACK)
_STOP_UNHEARD = Look("STOP PUMP", "Pressure should be up by now.", _ORANGE, _BLACK)
_STOP_URGENTLY = Look("STOP PUMP", "Pressure has been up for long.", _VERMILION, _BLACK)
PHASE_LOOKS: dict[Phase, Look] = {
    Phase.BACKGROUND: Look("LISTENING", "No pump to be heard.", _GREY, _WHITE),
    Phase.FILL: Look("FILLING", "The pump runs, pressure is building up.", _BLUE, _WHITE),
    Phase.HOLD: Look("PRESSURE", "Pressure is up; keep the pump on a little.", _PURPLE, _BLACK),
    Phase.STOPPED: Look("PUMP OFF", "The whoosh should come now.", _SKY, _BLACK),
    Phase.RELEASE: Look("WHOOSH", "Pressure is released.", _GREEN, _BLACK),
}
# What the word is while the pump is off, after such a cue.
_AFTER_CUE: dict[CueKind, Look] = {
    "start_pump": Look("START", "Turn the pump on.", _BLUE, _WHITE),
    "release_ok": Look("COUNTED", "", _GREEN, _BLACK),
    "wait": Look("WAIT", "", _SKY, _BLACK),
    "foam_clear": Look("FOAM?", "", _YELLOW, _BLACK),
    "rinse_handle": Look("RINSE", "", _SKY, _BLACK),
    "flush_group": Look("FLUSH", "", _SKY, _BLACK),
    "done": Look("DONE", "The cleaning is over.", _GREEN, _BLACK),
    "faint": Look("TOO FAINT", "The pump can hardly be heard.", _YELLOW, _BLACK),
}
LOOKS: tuple[Look, ...] = (
    _STARTING,
    _DEAF,
    _PAUSED,
    _CAREFUL,
    _NO_COUNT,
    _STOP,
    _STOP_UNHEARD,
    _STOP_URGENTLY,
    *PHASE_LOOKS.values(),
    *_AFTER_CUE.values(),
)
"""All there are."""

_DURATION_OF = {Phase.FILL: "fill_s", Phase.HOLD: "hold_s", Phase.RELEASE: "release_s"}
_KEPT = 100


@dataclass(slots=True)
class View:
    """A fold over records and status. The phase turns with the events that make the cues, so that both say the same.

    Parameters
    ----------
    controls
        Tell whether sounds are off.
    keys
        Whether there is a keyboard to press.
    address, code
        Of the web page, if there is one, and the same as rows of a QR code.
    before_stop
        What the phase was, and since when, before the pump was last heard to stop.
    looking
        Whether the user is asked to look at the foam, or was just now.
    faint
        What was said of a pump that can hardly be heard, until it is heard well.
    """

    controls: Controls = field(default_factory=Controls)
    keys: bool = False
    address: str = ""
    code: list[str] = field(default_factory=list)
    opening: Opening | None = None
    status: Status | None = None
    phase: Phase = Phase.BACKGROUND
    since_s: float = 0.0
    before_stop: tuple[Phase, float] = (Phase.FILL, 0.0)
    runs: list[Event] = field(default_factory=list)
    last_release: Event | None = None
    cue: Cue | None = None
    looking: bool = False
    faint: Cue | None = None
    capture: Capture | None = None
    progress: Progress | None = None
    summary: Summary | None = None
    history: list[Record] = field(default_factory=list)
    sound: SpectrumStrip = field(default_factory=SpectrumStrip)

    def show(self, record: Record) -> None:
        """Take one record."""
        match record:
            case Opening():
                self.opening = record
            case Summary():
                self.summary = record
            case Capture():
                self.capture = record
            case Progress():
                if self.progress is None or record.step != self.progress.step:
                    # What was said belongs to the step before; what the new one wants comes next.
                    self.cue, self.looking = None, False
                self.progress = record
            case Cue():
                self.cue = record
                self.looking |= record.kind in ("foam_clear", "rinse_handle")
                self.faint = record if record.kind == "faint" else self.faint
            case Event():
                self._event(record)
        if isinstance(record, Event | Cue | Capture):
            self.history.append(record)
            del self.history[:-_KEPT]

    def update(self, status: Status, blocks: Sequence[AudioBlock] = ()) -> None:
        """Take what is heard right now."""
        self.status = status
        for block in blocks:
            self.sound.hear(block)

    @property
    def time_s(self) -> float:
        """Time of the session."""
        return self.status.time_s if self.status else 0.0

    @property
    def phase_s(self) -> float:
        """Seconds in the present phase."""
        return max(0.0, self.time_s - self.since_s)

    @property
    def usual_s(self) -> float | None:
        """How long the present phase usually lasts here: the median of the cycles so far, None before any."""
        name = _DURATION_OF.get(self.phase, "")
        lengths_s = [run.details.get(name) for run in self.runs if run.kind == "cycle"]
        known_s = [length_s for length_s in lengths_s if isinstance(length_s, int | float) and length_s > 0]
        return float(median(known_s)) if known_s else None

    @property
    def deaf(self) -> bool:
        """Whether the microphone gives nothing that could be judged."""
        return self.capture is not None and self.capture.state in ("silent", "stalled", "lost")

    @property
    def hearing(self) -> str:
        """How the machine is heard, in a few words: the microphone's state, and whether the pump is too faint."""
        sound = f"sound {self.capture.state}" if self.capture else ""
        return " · ".join(filter(None, (sound, "pump too faint" if self.faint else "")))

    @property
    def look(self) -> Look:
        """Word and colours of the moment."""
        if self.summary is None and self.status is None:
            return _STARTING
        if self.deaf:
            return _DEAF
        if self.progress is not None and self.progress.paused:
            return _PAUSED
        if self.phase is Phase.HOLD and self.cue is not None and self.cue.time_s >= self.since_s:
            return _STOP_URGENTLY if self.cue.kind == "warning" else _STOP
        if self.phase is Phase.FILL and self.cue is not None and self.cue.time_s >= self.since_s:
            return _STOP_UNHEARD if self.cue.kind == "stop_pump" else PHASE_LOOKS[self.phase]
        if self.phase is Phase.BACKGROUND and self.cue is not None:
            if self.cue.urgency == "alarm":
                return _CAREFUL
            if self.cue.about == "incomplete":
                return _NO_COUNT
            return _AFTER_CUE.get(self.cue.kind, PHASE_LOOKS[self.phase])
        return PHASE_LOOKS[self.phase]

    @property
    def telling(self) -> str:
        """The line below the word: what to do, or what the word means."""
        if self.deaf and self.capture is not None:
            return self.capture.text
        if self.cue is None or (self.phase is not Phase.BACKGROUND and self.cue.time_s < self.since_s):
            return self.look.meaning
        if self.progress is not None and self.progress.paused:
            return self.look.meaning
        return self.cue.text

    def _event(self, event: Event) -> None:
        if event.details.get("again"):
            # The stop was none: what was said since the phase began still holds.
            self.phase, self.since_s = self.before_stop
        elif (phase := PHASE_AFTER.get(event.kind)) is not None:
            if event.kind == "pump_off":
                self.before_stop = self.phase, self.since_s
            self.phase, self.since_s = phase, event.time_s
        match event.kind:
            case "cycle" | "incomplete":
                self.runs = settled([*self.runs, event])
                over_db = event.details.get("over_db")
                if isinstance(over_db, int | float) and over_db >= CoachOptions().min_over_db:
                    self.faint = None
            case "release":
                self.last_release = event
