"""A session's pump runs: each is looked back over as it ends, and again as others follow.

What is a cycle is decided here, from how likely the judge finds a run complete by itself and beside its neighbours, and
from what runs of one session can be to each other: the same run heard in two parts, or two that bear each other out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .adaptation import MachineMemory, PressureTimes
from .config import DetectorOptions
from .decoder import Transition
from .evidence import MOST_DOUBTFUL, HeardRun, RunEvidence, RunFrames, RunJudge, RunMeasures, SessionMemory
from .types import Detail, Event

__all__ = ["EndedRun", "RunBook", "Verdict"]


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run as it was told: `end` is its `release_end` or `no_release`.

    `pump_odds` and `whoosh_odds` are the highest log-odds that the judges of pumps and of whooshes gave it.
    """

    on: Transition
    off: Transition
    end: Transition
    release: Transition | None
    pressure: Transition | None
    pump_odds: float
    whoosh_odds: float

    @property
    def frames(self) -> int:
        """Length of the run, frames."""
        return self.off.frame - self.on.frame


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run turned out to be.

    `likely` says how likely it was complete; `end` is what to tell of its end, with `details`; `pressure` what to tell
    first, if it was not told in time, with `pressure_details`; `taught` whether something was learned of the machine.
    """

    likely: float
    end: Transition
    details: dict[str, Detail]
    pressure: Transition | None
    pressure_details: dict[str, Detail]
    taught: bool


@dataclass(frozen=True, slots=True)
class _Before:
    """What came before a run: the last stop with a whoosh, or a drowned one, and the last end, frames; whooshes."""

    last_off: int | None
    last_end: int | None
    released: int


@dataclass(frozen=True, slots=True)
class _Told:
    """A run with what was measured of it."""

    run: EndedRun
    before: _Before
    measures: RunMeasures
    heard: HeardRun


@dataclass(frozen=True, slots=True)
class _Closed:
    """The run closed last, until it is known whether it counted."""

    number: int
    run_s: float
    over_db: float
    released: bool
    heard: bool
    counted_before: bool


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A run that was not counted: its number, its length and level, what was told, and whether it had a whoosh."""

    number: int
    run_s: float
    over_db: float
    told: Event
    released: bool


class RunBook:
    """Keeps account of a session's runs.

    Parameters
    ----------
    options
        Of all stages.
    judge
        Says how likely a run was a complete cycle.
    evidence
        What was heard in the last minute and a half.
    machine, times
        What is known of the machine at hand; certain cycles teach them more.
    """

    def __init__(
        self,
        options: DetectorOptions,
        judge: RunJudge,
        evidence: RunEvidence,
        machine: MachineMemory,
        times: PressureTimes,
    ) -> None:
        self.memory = SessionMemory()
        self._cycle = options.cycle
        self._adaptation = options.adaptation
        self._late_share = options.decoder.late_share
        self._at_once_s = options.decoder.at_once_s
        self._evidence_worth = options.decoder.evidence
        self._hop_s = options.frame.hop_s
        self._judge = judge
        self._evidence = evidence
        self._machine = machine
        self._times = times
        self.begin()

    def reset(self) -> None:
        """Forget all runs."""
        self.memory.reset()
        self.begin()

    def begin(self) -> None:
        """Go on where sound was lost: frames are counted anew, and what was in doubt stays so."""
        self._last_off: int | None = None
        self._last: _Told | None = None
        self._last_counted = False
        # How many runs set in too soon behind another.
        self._soon = 0
        self._closed: _Closed | None = None
        self._doubtful: list[_Doubtful] = []

    def close(self, run: EndedRun, counted: int) -> Verdict:
        """Look back over a run that has just ended, behind so many cycles that `counted`; `settle` must follow."""
        details: dict[str, Detail] = {}
        last = self._last
        # Its end was told before, and taken back.
        longer = last is not None and last.run.on.frame == run.on.frame
        if last is not None and longer:
            self._last_off = last.before.last_off
            told = self._look_back(run, last.before)
            self.memory.join(told.heard, 1)
            self._doubtful = [each for each in self._doubtful if each.number != self.memory.runs - 1]
            goes_on = part = False
            if not self._last_counted:
                details["joined"] = True
        else:
            last_end = None if last is None else last.run.end.frame
            told = self._look_back(run, _Before(self._last_off, last_end, self.memory.released))
            self.memory.push(told.heard)
            goes_on, part = self._goes_on(run), self._is_part(run)
        counted_before = (goes_on or part or longer) and self._last_counted
        if goes_on or part:
            # Two parts of one run are one cycle: the second is that of a first one that is in doubt.
            first = self.memory.runs - 2
            self._doubtful = [each for each in self._doubtful if each.number != first]
        whole = self._whole(told) if part else None
        if whole is not None:
            self.memory.join(whole.heard, 2)
            told = whole
            if not counted_before:
                self._last_off = whole.before.last_off
                details["joined"] = True
        number = self.memory.runs - 1
        likely = complete = self._likely(number)
        if counted_before:
            complete = min(complete, self._cycle.most_complete_same)
            details["same_run"] = True
            if part and not goes_on:
                details["pause_s"] = round(self._pause_s(run), 2)
        run, measures = told.run, told.measures
        self._last = told
        borne_out = not counted and self._borne_out(number, complete)
        if borne_out:
            details["borne_out"] = True

        run_s = run.frames * self._hop_s
        so_far = complete, run_s, measures.over_db, counted or int(borne_out)
        counts = self._cycle.counts(*so_far)
        unheard = run.release is None and self._cycle.counts_unheard(*so_far)
        if unheard:
            details["unheard"] = True
        end = run.end
        if unheard and self.memory.released:
            # The room is too loud to hear a release in it: that none was heard is no reason to warn of its lack. A
            # valve that never opened before is not known to open: then the warning comes, though the cycle counts.
            end = replace(end, kind="release_end")
        self._doubtful = [each for each in self._doubtful if self.memory.followers(each.number) < MOST_DOUBTFUL]

        released = run.release is not None
        if released or unheard:
            self._last_off = run.off.frame
        taught = counts and (released or unheard)
        if taught:
            self._learn(told, complete, counted + 1)
            if (next_fill_s := self._times.next_fill_s(self._adaptation.fill_share)) is not None:
                details["next_fill_s"] = round(next_fill_s, 1)

        certain = counts or (released and complete >= self._cycle.min_complete)
        pressure = self._late_pressure(told, complete) if certain else None
        if pressure is None and run.pressure is not None and run.pressure.late and end.kind == "no_release":
            details["pressed"] = True
        self._closed = _Closed(number, run_s, measures.over_db, released, released or unheard, counted_before)
        measured: dict[str, Detail] = {
            "complete": round(complete, 3),
            "quieting_db": measures.quieting_db,
            "over_db": measures.over_db,
        }
        pressure_details: dict[str, Detail] = {"quieting_db": measures.quieting_db, "late": True}
        if pressure is not None and pressure.masked:
            pressure_details["masked"] = True
        return Verdict(likely, end, {**measured, **details}, pressure, pressure_details, taught)

    def settle(self, told: Event, counted: int) -> list[tuple[Event, float]]:
        """Note what was `told` of the run closed last, a `cycle` or an `incomplete`; `counted` cycles there are by now.

        Returns
        -------
        after_all
            Earlier runs that the runs since have made sure enough, as they were told, and how likely each is.
        """
        closed, self._closed = self._closed, None
        assert closed is not None
        self._last_counted = told.kind == "cycle" or closed.counted_before
        after_all = self._reconsidered(counted) if closed.heard else []
        if told.kind == "incomplete" and closed.run_s >= self._cycle.min_run_s and not self._last_counted:
            self._doubtful.append(_Doubtful(closed.number, closed.run_s, closed.over_db, told, closed.released))
        return after_all

    def _look_back(self, run: EndedRun, before: _Before) -> _Told:
        pressure = run.pressure
        measures = self._evidence.measure(
            RunFrames(
                run.on.frame,
                run.off.frame,
                None if run.release is None else run.release.frame,
                run.end.frame,
                None if pressure is None else pressure.frame,
                masked=pressure is not None and pressure.masked,
                last_off=before.last_off,
                earlier=before.released,
                last_end=before.last_end,
                pump_odds=run.pump_odds,
                whoosh_odds=run.whoosh_odds,
            ),
            self._machine,
            self._times,
        )
        return _Told(run, before, measures, HeardRun.of(self._judge.odds_of(measures.vector), measures.vector))

    def _is_part(self, run: EndedRun) -> bool:
        """Whether a run, which has just ended, and the one before are likely parts of one, cut by some other sound.

        Between two runs a hand must reach the switch, and the valve open and close.
        """
        soon = (
            self._last is not None
            and self._pause_s(run) <= self._cycle.shortest_pause_s
            and (run.on.decided - run.on.frame) * self._hop_s <= self._cycle.soon_told_s
        )
        if not soon:
            return False
        self._soon += 1
        # That one start was put too early may be; where that happens again and again, a motor is leant on and let go.
        return (
            self._soon > self._cycle.most_soon or self._likely(self.memory.runs - 2) <= self._cycle.most_complete_part
        )

    def _whole(self, second: _Told) -> _Told | None:
        """Return the run before and this one as one, if that is likelier a cycle than either."""
        first = self._last
        assert first is not None
        told = [pressure for pressure in (first.run.pressure, second.run.pressure) if pressure is not None]
        run = replace(
            second.run,
            on=first.run.on,
            pressure=min(told, key=lambda pressure: pressure.late, default=None),
            pump_odds=max(first.run.pump_odds, second.run.pump_odds),
        )
        whole = self._look_back(run, first.before)
        likelier = whole.heard.odds - max(first.heard.odds, second.heard.odds)
        return whole if likelier >= self._cycle.least_likelier_whole else None

    def _goes_on(self, run: EndedRun) -> bool:
        """Whether a run is the one before: begun where that ended, and at pressure from its first moment.

        No group is filled so fast. What ended the run before, a bang or a dish, was no whoosh.
        """
        if self._last is None or run.pressure is None:
            return False
        gap, fill = run.on.frame - self._last.run.end.frame, run.pressure.frame - run.on.frame
        most_gap, most_fill = (round(seconds / self._hop_s) for seconds in (self._cycle.same_run_s, self._at_once_s))
        return gap <= most_gap and fill <= most_fill

    def _pause_s(self, run: EndedRun) -> float:
        """Seconds from the stop of the run before to a run's start."""
        return float("inf") if self._last is None else (run.on.frame - self._last.run.off.frame) * self._hop_s

    def _late_pressure(self, told: _Told, complete: float) -> Transition | None:
        """Say when pressure was up, where that was not told in time and is certain enough now."""
        pressure, hold = told.run.pressure, told.measures.hold
        if pressure is not None:
            return pressure if pressure.late else None
        return None if hold is None else Transition("pressure", hold, told.run.end.decided, self._late_share * complete)

    def _learn(self, told: _Told, complete: float, number: int) -> None:
        """Learn from cycle `number` how long this machine takes to pressure, and what it sounds like."""
        on, off, last_off, hold = told.run.on.frame, told.run.off.frame, told.before.last_off, told.measures.hold
        first = last_off is None or (on - last_off) * self._hop_s > self._adaptation.first_pause_s
        odds = self._evidence.pressure_odds(on, off) * self._evidence_worth
        self._times.learn(number, odds, self._hop_s, complete, first=first)
        if told.run.release is None or hold is None or complete < self._adaptation.min_complete:
            return
        plateaus = self._evidence.plateaus(on, hold, off, self._adaptation.min_frames)
        if plateaus is not None:
            self._machine.learn(number, plateaus)

    def _borne_out(self, number: int, complete: float) -> bool:
        """Whether run `number` is as likely a cycle as one shortly before it: two such make each other sure enough.

        So they do where both are without a whoosh: the judge hears whether the room could have drowned it. Of 137
        sessions with a stuck valve none had two runs as likely.
        """
        cycle = self._cycle
        return complete >= cycle.min_complete_two and any(
            number - run.number <= cycle.two_within
            and (likely := self._likely(run.number)) >= cycle.min_complete_two
            and cycle.counts(likely, run.run_s, run.over_db, 1)
            for run in self._doubtful
        )

    def _likely(self, number: int) -> float:
        """How likely the run of this number was a cycle, as now known."""
        return self._judge.probability(self.memory.context_now(number))

    def _reconsidered(self, counted: int) -> list[tuple[Event, float]]:
        """Find earlier runs that were not surely cycles, where those that followed make them so.

        Of a session's first run nothing tells whether it repeats itself; later that is known.
        """
        after_all: list[tuple[Event, float]] = []
        likely = [self._likely(run.number) for run in self._doubtful]
        # The surest first: behind a cycle, less makes another.
        for k in np.argsort(likely)[::-1]:
            run = self._doubtful[k]
            measures = likely[k], run.run_s, run.over_db, counted + len(after_all)
            if self._cycle.counts_late(*measures, released=run.released):
                after_all.append((run.told, likely[k]))
        counting = {told.time_s for told, _ in after_all}
        self._doubtful = [run for run in self._doubtful if run.told.time_s not in counting]
        return after_all
