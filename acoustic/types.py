"""What flows through the program: audio blocks, events, cycles and cues.

All times are seconds in the source's own time (sample index / rate), computed once from an index and never accumulated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
import numpy.typing as npt

__all__ = [
    "ACTION_KINDS",
    "CUE_KINDS",
    "EVENT_KINDS",
    "PHASE_AFTER",
    "Action",
    "ActionKind",
    "AudioBlock",
    "AudioSource",
    "Cue",
    "CueKind",
    "Cycle",
    "Detail",
    "Event",
    "EventKind",
    "Phase",
    "Progress",
    "Session",
    "Status",
    "Urgency",
    "settled",
]

EventKind = Literal["pump_on", "pressure", "pump_off", "release", "release_end", "no_release", "cycle", "incomplete"]
CueKind = Literal[
    "start_pump",
    "stop_pump",
    "release_ok",
    "wait",
    "foam_clear",
    "rinse_handle",
    "flush_group",
    "done",
    "warning",
    "faint",
]
ActionKind = Literal["pause", "resume", "undo", "count", "next", "more", "clean"]
Urgency = Literal["info", "act", "alarm"]
Detail = str | float | int | bool | None

EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
CUE_KINDS: tuple[CueKind, ...] = get_args(CueKind)
ACTION_KINDS: tuple[ActionKind, ...] = get_args(ActionKind)

_NO_DETAILS: Mapping[str, Detail] = MappingProxyType({})


class Phase(StrEnum):
    """What the machine is doing.

    `stopped` lies between the pump's stop and the release: up to two seconds on a lever machine.
    """

    BACKGROUND = "background"
    FILL = "fill"
    HOLD = "hold"
    STOPPED = "stopped"
    RELEASE = "release"


PHASE_AFTER: Mapping[EventKind, Phase] = MappingProxyType(
    {
        "pump_on": Phase.FILL,
        "pressure": Phase.HOLD,
        "pump_off": Phase.STOPPED,
        "release": Phase.RELEASE,
        "release_end": Phase.BACKGROUND,
        "no_release": Phase.BACKGROUND,
    }
)
"""The phase that each turn of the machine begins."""


@dataclass(frozen=True, slots=True)
class AudioBlock:
    """Consecutive mono samples of one source.

    Parameters
    ----------
    start
        Index of the first sample at the source's own rate, counted from the source's beginning, lost samples included.
    samples
        float32, shape (n,), full scale 1.0.
    rate_hz
        The source's rate.
    lost
        Samples missing directly before `start`: the previous block ended at `start - lost`.
    """

    start: int
    samples: npt.NDArray[np.float32]
    rate_hz: int
    lost: int = 0

    @property
    def stop(self) -> int:
        """Index one past the last sample."""
        return self.start + len(self.samples)


@runtime_checkable
class AudioSource(Protocol):
    """Anything that yields the blocks of one recording, microphone or simulation, in order."""

    @property
    def name(self) -> str:
        """What the journal calls this source."""
        ...

    @property
    def rate_hz(self) -> int:
        """Rate of every block, constant for the source's life."""
        ...

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the source ends."""
        ...

    def close(self) -> None:
        """Let go of the device or file; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at the machine.

    `release_end` closes a release; `no_release` says that the pump stopped and the wait for a release was in vain.
    Either ends a pump run, and a `cycle` or an `incomplete` follows it. Where the details of a `cycle` say `unheard`,
    and those of the `release_end` before it, the room drowned the release: all else says that there was one; it is a
    `no_release` for as long as none was heard in the session. Where later runs show that an `incomplete` was a cycle,
    a `cycle` of the same time takes it back; its details say `late`, and perhaps `unheard` too, behind a `no_release`.
    The end of a run says `same_run` where that is the second part of one that was counted already, and so is none of
    its own, `pause_s` too where it is taken for that since it set in so soon behind the stop. It says `joined` where
    the run before was its first part and had not been counted: the verdict that follows says so too, is told of both
    as one run, and takes back the `incomplete` of the first. It says `borne_out` where it may be a session's first
    cycle since a run shortly before it is as likely one. A `no_release` says `pressed` where pressure may have come up
    unheard, which only the stop gave away. A `pump_on` or a `pressure` whose details say
    `again` takes back the `pump_off` before it: the run goes on, also where a `no_release` was told of it. Its second
    end then says `joined`, as if what was told first were its first part.

    Parameters
    ----------
    time_s
        When it happened.
    decided_s
        Audio time at which the detector knew: the difference from `time_s` is its latency.
    confidence
        From 0 to 1.
    details
        Measurements and reasons, JSON scalars only; they stand beside the other fields in the journal.
    """

    kind: EventKind
    time_s: float
    decided_s: float
    confidence: float
    details: Mapping[str, Detail] = field(default_factory=lambda: _NO_DETAILS)


def settled(events: Iterable[Event]) -> list[Event]:
    """Return the events without each `incomplete` that was taken back.

    A cycle that was told later stands in its place; of a run's first part nothing does, the whole comes where it ended.
    """
    told: list[Event | None] = []
    doubtful: dict[float, int] = {}
    for event in events:
        if event.kind == "cycle" and event.time_s in doubtful:
            told[doubtful.pop(event.time_s)] = event
            continue
        if event.details.get("joined") and event.kind in ("cycle", "incomplete") and doubtful:
            told[doubtful.pop(max(doubtful))] = None
        if event.kind == "incomplete":
            doubtful[event.time_s] = len(told)
        told.append(event)
    return [event for event in told if event is not None]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One pump run, complete (it built pressure and released it) or not.

    `quieting_db` is the change of the high frequencies from the fill to the hold, negative where it got quieter; None
    where no hold was heard. `reason` says in words why a run does not count, and is None for a complete one. `number`
    is the count so far, this cycle included if it is complete.
    """

    number: int
    fill_s: float
    hold_s: float
    release_s: float
    quieting_db: float | None
    complete: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """Something to tell the user now. `about` names what it refers to: an event kind, a cycle, the microphone."""

    kind: CueKind
    text: str
    urgency: Urgency
    time_s: float
    about: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the cleaning stands: step `step` of `steps`, numbered from 1, `steps` + 1 when all are done.

    `count` of `target` cycles or bursts are made in it, or in the step of cycles that it follows. `since_s` is when the
    step began.
    """

    time_s: float
    step: int
    steps: int
    name: str
    count: int
    target: int
    since_s: float
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the user told the program, by key or button.

    `count` counts a cycle by hand, `undo` takes the last count or step back, `clean` and `more` answer the look into
    the drip tray.
    """

    kind: ActionKind
    time_s: float


@dataclass(frozen=True, slots=True)
class Session:
    """A whole cleaning, as the summary and the history tell it."""

    when: str
    model: str
    source: str
    cycles: tuple[Cycle, ...]
    duration_s: float
    lost_s: float
    machine: str = ""
    health: str = "ok"


@dataclass(frozen=True, slots=True)
class Status:
    """What a display shows between events.

    `level_dbfs` is the level of the last hop; `since_s` is when the present phase began.
    """

    time_s: float
    phase: Phase
    since_s: float
    level_dbfs: float
    background_dbfs: float
