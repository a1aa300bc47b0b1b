"""Simulated people at the machine: one who obeys the program's cues, more or less, and one who follows the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np

from ..types import Cue
from .machines import log_between

__all__ = ["FixedRuleUser", "ObedientUser", "Press", "User", "UserParameters", "sample_user"]


class Press(NamedTuple):
    """What the user does to the machine: `load` says what closes the group, as an action's kind."""

    time_s: float
    on: bool
    load: Literal["backflush", "flush"] = "backflush"


class User(Protocol):
    """Somebody who turns the pump on and off in audio time."""

    @property
    def finished_s(self) -> float | None:
        """When they took the cleaning to be over; None while it is not."""
        ...

    def hear(self, cues: Sequence[Cue]) -> None:
        """Take notice of cues."""
        ...

    def act(self, time_s: float) -> list[Press]:
        """Return what they do until `time_s`, in order, each thing once."""
        ...


@dataclass(frozen=True, slots=True)
class UserParameters:
    """How well somebody obeys. Shares are chances a cue or a run.

    Attributes
    ----------
    reaction_s, reaction_spread
        Median and log-spread (sigma) of the time from a cue to the hand's movement.
    miss
        Cues of `stop_pump` and `start_pump` not noticed.
    early_start
        Pump turned on without waiting for the cue.
    early_stop
        Pump turned off long before any pressure.
    patience_on_s, patience_off_s
        How long the pump runs, or the machine rests, before they act without a cue.
    """

    reaction_s: float = 0.8
    reaction_spread: float = 0.35
    miss: float = 0.03
    early_start: float = 0.05
    early_stop: float = 0.02
    patience_on_s: float = 40.0
    patience_off_s: float = 25.0


def sample_user(rng: np.random.Generator) -> UserParameters:
    """Draw a user: quick or slow, attentive or not."""
    return UserParameters(
        reaction_s=log_between(rng, 0.45, 1.6),
        reaction_spread=0.2 + 0.3 * float(rng.random()),
        miss=0.08 * float(rng.random()),
        early_start=0.15 * float(rng.random()),
        early_stop=0.06 * float(rng.random()),
        patience_on_s=log_between(rng, 25.0, 60.0),
        patience_off_s=log_between(rng, 15.0, 40.0),
    )


class ObedientUser:
    """Does what the cues say, with a reaction time, and now and then does not."""

    def __init__(self, parameters: UserParameters, rng: np.random.Generator) -> None:
        self._parameters = parameters
        self._rng = rng
        self._load: Literal["backflush", "flush"] = "backflush"
        self._on = False
        self._since_s = 0.0
        self._next: Press | None = None
        self._finished_s: float | None = None

    @property
    def finished_s(self) -> float | None:
        """When the program said that all is done."""
        return self._finished_s

    def _reaction_s(self) -> float:
        spread = self._parameters.reaction_spread * float(self._rng.standard_normal())
        return self._parameters.reaction_s * float(np.exp(spread))

    def _misses(self) -> bool:
        return bool(self._rng.random() < self._parameters.miss)

    def _plan(self, time_s: float, on: bool) -> None:
        press = Press(time_s + self._reaction_s(), on, self._load)
        if self._next is None or self._next.on != on or press.time_s < self._next.time_s:
            self._next = press

    def hear(self, cues: Sequence[Cue]) -> None:
        """Take notice of cues."""
        for cue in cues:
            if self._finished_s is not None:
                return
            alarmed = cue.kind == "warning" and cue.about == "pressure"
            if cue.kind == "stop_pump" or alarmed:
                if self._on and (alarmed or not self._misses()):
                    self._plan(cue.time_s, on=False)
            elif cue.kind in ("start_pump", "rinse_handle", "flush_group"):
                if cue.kind == "flush_group":
                    self._load = "flush"
                elif cue.kind == "start_pump":
                    self._load = "backflush"
                # Rinsing takes a while, and ends with the pump on.
                busy_s = log_between(self._rng, 5.0, 15.0) if cue.kind == "rinse_handle" else 0.0
                if not self._on and not self._misses():
                    self._plan(cue.time_s + busy_s, on=True)
            elif cue.kind == "foam_clear":
                # They look into the tray, and leave the pump alone.
                self._next = None if not self._on else self._next
            elif cue.kind == "release_ok":
                # The whoosh is over; somebody in a hurry does not wait to be told.
                if not self._on and (self._load == "flush" or self._rng.random() < self._parameters.early_start):
                    self._plan(cue.time_s, on=True)
            elif cue.kind == "warning" and cue.about == "incomplete":
                if not self._on:
                    self._plan(cue.time_s + 2.0, on=True)
            elif cue.kind == "done":
                self._finished_s = cue.time_s
                self._next = None
                if self._on:
                    self._plan(cue.time_s, on=False)

    def act(self, time_s: float) -> list[Press]:
        """Return what they do until `time_s`."""
        presses: list[Press] = []
        while True:
            patience_s = self._parameters.patience_on_s if self._on else self._parameters.patience_off_s
            due = self._next
            if due is None and self._finished_s is None:
                due = Press(self._since_s + patience_s, not self._on, self._load)
            if due is None or due.time_s > time_s:
                return presses
            self._next = None
            self._on, self._since_s = due.on, due.time_s
            presses.append(due)
            if due.on and due.load == "flush":
                # A burst to flush the group is as long as one likes.
                self._next = Press(due.time_s + log_between(self._rng, 1.5, 4.0), False, "flush")
            elif due.on and self._rng.random() < self._parameters.early_stop:
                self._next = Press(due.time_s + log_between(self._rng, 0.7, 2.5), False, "backflush")


class FixedRuleUser:
    """The usual advice: so many seconds on, so many off, so many times, whatever is heard."""

    def __init__(self, first_s: float, on_s: float = 10.0, off_s: float = 10.0, cycles: int = 5) -> None:
        presses = []
        for number in range(cycles):
            start_s = first_s + number * (on_s + off_s)
            presses += [Press(start_s, True), Press(start_s + on_s, False)]
        self._presses = presses
        self._end_s = presses[-1].time_s
        self._finished_s: float | None = None

    @property
    def finished_s(self) -> float | None:
        """The last time the pump was turned off."""
        return self._finished_s

    def hear(self, cues: Sequence[Cue]) -> None:
        """Pay no attention."""

    def act(self, time_s: float) -> list[Press]:
        """Return what they do until `time_s`."""
        due = [press for press in self._presses if press.time_s <= time_s]
        self._presses = self._presses[len(due) :]
        if not self._presses and self._finished_s is None:
            self._finished_s = self._end_s
        return due
