"""What to tell the user, and when: events and the user's answers in, cues and progress out. No clock, no I/O.

A procedure's steps follow each other by what is heard: the pump's start ends the preparation, a counted cycle or
burst its step, pressure the rinsing of the handle. A key or button can do what hearing cannot, but none is ever
needed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from .config import CoachOptions
from .procedures import Cycles, Flush, Foam, Prepare, Procedure, Rinse, Step, counting
from .types import Action, Cue, CueKind, Event, Progress, Urgency

__all__ = ["Coach"]

_UNDO = 100
# How long "counted" stands before it gives way to "wait", and how long the microphone's warning stands before the next
# cycle is asked for: as long as it takes to read.
_COUNTED_S, _FAINT_S = 2.0, 6.0
# A run of the pump that is shorter is none: an echo of the one before, or a bounce of its switch.
_BURST_S = 0.8
# A run that follows the one before sooner has had no background to be compared with.
_APART_S = 1.0
# One faint run alone may be another sound that was taken for the pump; a counted one is not.
_FAINT_RUNS = 2
# What is so surely no cycle takes the cleaning back to its preparation. Of cycles that were not counted at first and
# had no whoosh, 26 of 131 were.
_SURELY_NONE = 0.95
# Where pressure is not heard, the pump is stopped by time: the longest fill of this session, and so much more.
_UNHEARD_TIMES, _UNHEARD_S = 1.3, 2.0
# The same where all cycles together say how long the next fill takes.
_EXPECTED_TIMES, _EXPECTED_S = 1.15, 1.5
# A run that was stopped by time and did not count may have been too short: the next one gets so many times as long. If
# that one does not count either, length is not what it lacks.
_LONGER = 1.5


@dataclass(frozen=True, slots=True)
class _State:
    """Where the cleaning stands; replaced as a whole, so that a step back is a state from before.

    `made` and `wanted` count cycles or bursts, one number a step; `releases_s` are the lengths of the whooshes since
    the last step of cycles began; the look at the foam ends at `look_until_s`. `longest_fill_s` is how long the machine
    has taken at most to come to pressure, where that was heard, `next_fill_s` how long the next fill takes at most by
    all that the cycles together say; 0 where that is not known. `begun` says that the present step had a whoosh, or a
    run that may yet count.
    """

    step: int
    since_s: float
    made: tuple[int, ...]
    wanted: tuple[int, ...]
    releases_s: tuple[float, ...] = ()
    look_until_s: float | None = None
    longest_fill_s: float = 0.0
    next_fill_s: float = 0.0
    begun: bool = False


@dataclass(slots=True)
class _Run:
    """A run of the pump that has not been judged yet."""

    began_s: float
    pressure_s: float | None = None
    stop_due_s: float | None = None
    told_unheard: bool = False
    told_s: float | None = None
    reminders: int = 0
    stopped: bool = False
    again_s: float = 0.0
    warnings: int = 0
    judged: bool = False
    burst: bool = False


class _Due(NamedTuple):
    time_s: float
    tell: Callable[[float], list[Cue]]


class Coach:
    """Leads through one cleaning.

    Time passes only by `advance` and by the times of events and actions, in the source's seconds. What falls due
    bears the time at which it did, so that cues do not depend on how often `advance` is called.

    Parameters
    ----------
    options
        Warnings and pauses; and how many cycles, where no procedure is given.
    procedure
        Steps to lead through; cycles and a look at the foam if None.
    """

    def __init__(self, options: CoachOptions | None = None, procedure: Procedure | None = None) -> None:
        self.options = options or CoachOptions()
        self.procedure = procedure or counting(self.options.cycles)
        self._steps = self.procedure.steps
        wanted = tuple(_wanted(step) for step in self._steps)
        self._state = _State(0, 0.0, (0,) * len(wanted), wanted)
        self._before: list[_State] = []
        self._run: _Run | None = None
        self._ready_s: float | None = None
        self._wait_s: float | None = None
        self._ended_s: float | None = None
        self._faint_runs = 0
        self._told_faint = False
        self._last_s: float | None = None
        self._paused = False
        self._told: Progress | None = None
        self._by_hand_s: list[float] = []
        self._longer = 1.0
        self._active_s = 0.0
        # Step and count at which a burst was asked for last: after an undo it is asked for again.
        self._asked_at: tuple[int, int] | None = None
        # When the last burst was over.
        self._burst_s = -math.inf

    @property
    def paused(self) -> bool:
        """Whether the user has paused the cleaning: nothing is counted and nothing said."""
        return self._paused

    @property
    def count(self) -> int:
        """Cycles counted, in all steps together."""
        return sum(made for step, made in zip(self._steps, self._state.made, strict=True) if isinstance(step, Cycles))

    def start(self, time_s: float) -> list[Cue | Progress]:
        """Begin the session."""
        self._state = replace(self._state, since_s=time_s)
        return self._with_progress(self._announce(time_s), time_s)

    def push(self, event: Event) -> list[Cue | Progress]:
        """Answer an event."""
        answers: dict[str, Callable[[Event], list[Cue]]] = {
            "pump_on": self._pump_on,
            "pressure": self._pressure,
            "pump_off": self._pump_off,
            "no_release": self._no_release,
            "cycle": self._cycle,
            "incomplete": self._incomplete,
        }
        answer = None if self._paused else answers.get(event.kind)
        run = self._run
        self._active_s = event.decided_s
        flushing = isinstance(self._step, Flush)
        cues = answer(event) if answer else []
        if event.kind in ("cycle", "incomplete"):
            apart = run is not None and (self._last_s is None or run.began_s - self._last_s > _APART_S)
            self._last_s = event.time_s
            if apart and not flushing:
                # Behind the verdict, before what the next step wants.
                cues[1:1] = self._faintness(event)
        return self._with_progress(cues, event.decided_s)

    def advance(self, time_s: float) -> list[Cue | Progress]:
        """Let audio time pass, and return what has fallen due."""
        records: list[Cue | Progress] = []
        while due := min(
            (due for due in self._due() if due.time_s <= time_s), default=None, key=lambda due: due.time_s
        ):
            records += self._with_progress(due.tell(due.time_s), due.time_s)
        return records

    def act(self, action: Action) -> list[Cue | Progress]:
        """Do what the user asks for; what makes no sense at the moment does nothing."""
        now_s = self._active_s = action.time_s
        cues: list[Cue] = []
        match action.kind:
            case "pause":
                self._paused, self._run = True, None
                self._rest_from(None)
            case "resume" if self._paused:
                self._paused = False
                # Of what was counted by hand in the pause, nothing falls due that should have been said in it.
                self._rest_from(None)
                self._look_from(now_s)
                cues = self._announce(now_s)
            case "undo" if self._before:
                self._state = self._before.pop()
                self._rest_from(None)
                self._look_from(now_s)
                cues = [] if self._run else self._announce(now_s)
            case "count":
                before = self._state
                self._by_hand_s.append(now_s)
                self._backflushing(now_s)
                cues = self._count(now_s)
                self._before[-1] = before
            case "next" if self._step is not None:
                self._remember()
                cues = self._enter(self._state.step + 1, now_s)
            case "clean" if isinstance(self._step, Foam):
                self._remember()
                cues = self._enter(self._state.step + 1, now_s)
            case "more" if self._counting() < self._state.step:
                self._remember()
                self._back_to_cycles(now_s, self._more())
                cues = self._announce(now_s)
        if self._run is not None:
            # In the step that it is now, something may have been due of the run before.
            self._run.again_s = now_s
        return self._with_progress(cues, now_s)

    def finish(self, time_s: float) -> list[Cue | Progress]:
        """End the session."""
        if self._step is None:
            return []
        missing = any(made < wanted for made, wanted in zip(self._state.made, self._state.wanted, strict=True))
        text = f"{'Stopped early' if missing else 'All done'}: {self._tally()}."
        return self._with_progress([_cue("done", text, time_s, "session")], time_s)

    # Events.

    def _pump_on(self, event: Event) -> list[Cue]:
        if event.details.get("again"):
            return self._again(event)
        now_s, step = event.decided_s, self._step
        early = (
            self._ended_s is not None
            and isinstance(step, Cycles)
            and step.pause_s is not None
            and event.time_s < self._ended_s + step.pause_s
        )
        self._run = _Run(event.time_s)
        self._rest_from(None)
        if isinstance(step, Prepare):
            return self._enter(self._state.step + 1, now_s, silent=True)
        if isinstance(step, Foam):
            # Not over while the pump runs: this may be one more cycle.
            self._state = replace(self._state, look_until_s=None)
        if early:
            return [
                _cue("wait", f"A little early: {self._pause_s():.0f} s between cycles are better.", now_s, "pump_on")
            ]
        return []

    def _pressure(self, event: Event) -> list[Cue]:
        if event.details.get("again"):
            return self._again(event)
        if event.details.get("late") and isinstance(self._step, Flush):
            # Not heard while the pump ran, but guessed since: a burst is likelier here, and is not waited for.
            return []
        now_s = event.decided_s
        run = self._run = self._run or _Run(event.time_s)
        run.pressure_s = event.time_s
        self._backflushing(now_s)
        step = self._step
        if run.stopped or event.details.get("late"):
            # Known only in retrospect: the pump is off by now.
            return []
        run.stop_due_s = max(now_s, run.began_s + step.on_s if isinstance(step, Cycles) else now_s)
        return self._stop_pump(now_s) if run.stop_due_s <= now_s else []

    def _again(self, event: Event) -> list[Cue]:
        """Go on with the run: its stop was none. What has fallen due of it meanwhile is said now."""
        if self._run is not None and not self._run.judged:
            self._run.stopped, self._run.again_s = False, event.decided_s
        return []

    def _pump_off(self, event: Event) -> list[Cue]:
        if self._run is None:
            return []
        self._run.stopped = True
        if isinstance(self._step, Flush) and self._run.pressure_s is None:
            # Nothing else is to come of a burst without pressure, so it need not be waited for.
            self._run.judged = True
            if event.time_s - self._run.began_s < _BURST_S:
                return []
            self._run.burst, self._burst_s = True, event.time_s
            return self._count(event.decided_s, burst=True)
        return []

    def _no_release(self, event: Event) -> list[Cue]:
        if self._run is None or isinstance(self._step, Flush):
            return []
        if self._run.pressure_s is None and not event.details.get("pressed"):
            return []
        self._run.judged = True
        text = "No whoosh heard after the pump stopped: do not unlock the handle, it may still be under pressure."
        return [_cue("warning", text, event.decided_s, event.kind, "alarm")]

    def _backflushing(self, now_s: float) -> None:
        """Go to the step that a run against the closed basket belongs to."""
        if isinstance(self._step, Foam):
            self._back_to_cycles(now_s, 1)
        elif isinstance(self._step, Prepare | Rinse):
            self._enter(self._state.step + 1, now_s, silent=True)

    def _cycle(self, event: Event) -> list[Cue]:
        if event.details.get("late"):
            return self._count_late(event)
        run, self._run = self._run, None
        if run is not None and run.burst:
            # Counted as such when the pump stopped.
            return []
        whole_s = sum(_number(event, part) for part in ("fill_s", "hold_s", "release_s"))
        began_s = event.time_s - whole_s
        if event.details.get("joined") and (began_s < self._burst_s or self._done_by_hand(began_s)):
            # When its first part was counted as a burst, or said not to count.
            return []
        # Where the noise of the room covered the pressure, only the finished cycle tells.
        self._backflushing(event.decided_s)
        return self._count(event.decided_s, event)

    def _incomplete(self, event: Event) -> list[Cue]:
        now_s, run, self._run = event.decided_s, self._run, None
        by_time = run is not None and run.told_unheard
        unheard = by_time and run is not None and run.pressure_s is None
        if by_time:
            self._longer = _LONGER if self._longer == 1.0 else 1.0
        if isinstance(self._step, Cycles) and (_number(event, "release_s") or event.confidence < _SURELY_NONE):
            # A first cycle may be counted only once others have followed.
            self._state = replace(self._state, begun=True)
        if run is not None and run.judged:
            return []
        if isinstance(self._step, Flush):
            return self._count(now_s, burst=True)
        if self._step is None:
            return []
        self._look_from(now_s)
        if isinstance(self._step, Cycles):
            before = self._steps[self._state.step - 1] if self._state.step else None
            if isinstance(before, Prepare) and not (self._state.begun or self._state.made[self._state.step]):
                # Nothing has begun yet: water was run through, or something else was taken for the pump.
                self._enter(self._state.step - 1, now_s, silent=True)
            self._rest_from(now_s)
        elif isinstance(self._step, Rinse):
            self._rest_from(now_s)
        text = f"Not counted: {event.details.get('reason', 'it was not complete')}."
        if unheard and _number(event, "release_s"):
            text += " Pressure cannot be heard here: if the blind basket is in, count it by hand."
        return [_cue("warning", text, now_s, event.kind)]

    def _faintness(self, event: Event) -> list[Cue]:
        """Say once that the pump can hardly be heard, and again only after it was heard well in between."""
        over_db = event.details.get("over_db")
        if not isinstance(over_db, int | float):
            return []
        if over_db >= self.options.min_over_db:
            self._faint_runs, self._told_faint = 0, False
            return []
        self._faint_runs = _FAINT_RUNS if event.kind == "cycle" else self._faint_runs + 1
        if self._told_faint or self._faint_runs < _FAINT_RUNS or self._step is None:
            return []
        self._told_faint = True
        if self._ready_s is not None:
            self._ready_s, self._wait_s = max(self._ready_s, event.decided_s + _FAINT_S), None
        text = (
            f"Cannot hear the pump well: it is only {max(0.0, over_db):.0f} dB louder than the room. Bring the "
            "microphone nearer, take another, or turn noise suppression off."
        )
        return [_cue("faint", text, event.decided_s, "microphone", "act")]

    # What falls due.

    def _due(self) -> Iterator[_Due]:
        if self._paused:
            return
        run, options = self._run, self.options
        if run is not None and run.pressure_s is not None and not run.stopped:
            if run.stop_due_s is not None:
                yield _Due(max(run.stop_due_s, run.again_s), self._stop_pump)
            if run.warnings < 2:
                after_s = (options.warn_hold_s, options.alarm_hold_s)[run.warnings]
                yield _Due(max(run.pressure_s + after_s, run.again_s), self._warn_of_hold)
        filling = run is not None and run.pressure_s is None and not run.stopped and isinstance(self._step, Cycles)
        if run is not None and filling and not run.told_unheard:
            yield _Due(max(run.began_s + self._longest_run_s(), run.again_s), self._stop_unheard)
        if run is not None and run.told_s is not None and not run.stopped and run.reminders < options.reminders:
            after_s = options.remind_unheard_s if run.pressure_s is None else options.remind_s
            yield _Due(max(run.told_s + after_s, run.again_s), self._remind)
        if self._wait_s is not None:
            yield _Due(self._wait_s, self._wait)
        if self._ready_s is not None:
            yield _Due(self._ready_s, self._next_cycle)
        if self._state.look_until_s is not None:
            yield _Due(self._state.look_until_s, lambda now_s: self._enter(self._state.step + 1, now_s))
        waits = isinstance(self._step, Flush) and self._state.made[self._state.step] and (run is None or run.stopped)
        if waits and self._asked_at != (self._state.step, self._state.made[self._state.step]):
            yield _Due(self._active_s + options.remind_flush_s, self._ask_for_burst)

    def _stop_pump(self, now_s: float) -> list[Cue]:
        assert self._run is not None
        self._run.stop_due_s, self._run.told_s, self._run.reminders = None, now_s, 0
        return [_cue("stop_pump", "Pressure is up. Turn the pump off now.", now_s, "pressure", "act")]

    def _stop_unheard(self, now_s: float) -> list[Cue]:
        """Stop the pump by time: in a loud room, or on a machine that hardly quietens, pressure comes unheard."""
        assert self._run is not None
        self._run.told_unheard, self._run.told_s = True, now_s
        state, ran_s = self._state, now_s - self._run.began_s
        if state.next_fill_s:
            reason = f"this machine should have it after {state.next_fill_s:.0f} s"
        elif state.longest_fill_s:
            reason = f"it came after {state.longest_fill_s:.0f} s at most before"
        else:
            reason = f"{ran_s:.0f} s are enough for nearly all"
        return [_cue("stop_pump", f"Pressure was not heard, but {reason}. Turn the pump off.", now_s, "pump_on", "act")]

    def _remind(self, now_s: float) -> list[Cue]:
        """Say again what was not heeded."""
        assert self._run is not None
        self._run.told_s = now_s
        self._run.reminders += 1
        heard = self._run.pressure_s is not None
        text = "Pressure is up, and the pump is still on. Turn it off." if heard else "Still on: turn the pump off."
        return [_cue("stop_pump", text, now_s, "pressure" if heard else "pump_on", "act")]

    def _longest_run_s(self) -> float:
        """How long the pump may run until pressure must be up, heard or not."""
        state, step = self._state, self._step
        up_s = self.options.unheard_again_s if self.count else self.options.unheard_s
        if state.next_fill_s:
            up_s = _EXPECTED_TIMES * state.next_fill_s + _EXPECTED_S
        elif state.longest_fill_s:
            up_s = _UNHEARD_TIMES * state.longest_fill_s + _UNHEARD_S
        up_s *= self._longer
        return max(up_s, step.on_s) if isinstance(step, Cycles) else up_s

    def _warn_of_hold(self, now_s: float) -> list[Cue]:
        assert self._run is not None
        self._run.warnings += 1
        if self._run.warnings == 1:
            text = f"The pump has held pressure for {self.options.warn_hold_s:.0f} s. Turn it off."
            return [_cue("warning", text, now_s, "pressure", "act")]
        text = f"{self.options.alarm_hold_s:.0f} s against a closed basket strain the pump. Turn it off!"
        return [_cue("warning", text, now_s, "pressure", "alarm")]

    def _wait(self, now_s: float) -> list[Cue]:
        assert self._ready_s is not None
        self._wait_s = None
        return [_cue("wait", f"Wait {self._ready_s - now_s:.0f} s before the next cycle.", now_s, "cycle")]

    def _next_cycle(self, now_s: float) -> list[Cue]:
        self._ready_s = None
        if isinstance(self._step, Prepare | Rinse):
            return self._announce(now_s)
        made, wanted = self._state.made[self._state.step], self._state.wanted[self._state.step]
        return [_cue("start_pump", f"Next: cycle {made + 1} of {wanted}. Turn the pump on.", now_s, "cycle")]

    def _ask_for_burst(self, now_s: float) -> list[Cue]:
        """Ask once for a burst that is missing: it may have been made, and not heard."""
        made, wanted = self._state.made[self._state.step], self._state.wanted[self._state.step]
        self._asked_at = self._state.step, made
        text = f"{made} of {wanted} bursts heard. Pump on and off once more, or, if that was all, go on with n (next)."
        return [_cue("flush_group", text, now_s, "pump_off", "act")]

    # Counting.

    def _count(self, now_s: float, event: Event | None = None, *, burst: bool = False) -> list[Cue]:
        """Count a cycle or burst, as heard, or by hand where it is neither."""
        self._remember()
        self._longer = 1.0
        state, step = self._state, self._step
        flushing = isinstance(step, Flush) and event is None
        index = state.step if flushing else self._counting()
        made = state.made[index] + 1
        wanted = max(state.wanted[index], made)
        release_s = event.details.get("release_s") if event else None
        self._state = replace(
            state,
            made=(*state.made[:index], made, *state.made[index + 1 :]),
            longest_fill_s=max(state.longest_fill_s, _fill_s(event)),
            next_fill_s=_number(event, "next_fill_s") or state.next_fill_s,
            releases_s=(*state.releases_s, float(release_s))
            if isinstance(release_s, int | float) and release_s > 0.0
            else state.releases_s,
        )
        text = f"{'Flush' if flushing else 'Counted:'} {made} of {wanted}."
        if event is not None and event.details.get("unheard"):
            text += " The room drowned the whoosh: see that it came before you unlock the handle."
        if index == state.step and made >= wanted:
            return [_cue("release_ok", text, now_s, "cycle"), *self._enter(index + 1, now_s)]
        if index == state.step and not flushing:
            self._rest_from(event.time_s if event else now_s)
            assert self._ready_s is not None
            text += " Wait a moment."
            # Only a pause that the procedure asks for is long enough for another word.
            if self._ready_s > now_s + 2.0 * _COUNTED_S:
                self._wait_s = now_s + _COUNTED_S
        return [_cue("release_ok", text, now_s, "cycle")]

    def _count_late(self, event: Event) -> list[Cue]:
        """Count a run of which only those that followed it showed what it was; the user may have done so already."""
        if self._done_by_hand(event.time_s):
            return []
        self._remember()
        state, now_s = self._state, event.decided_s
        index = self._counting(state.step - 1 if event.time_s < state.since_s else state.step)
        made = state.made[index] + 1
        wanted = max(state.wanted[index], made)
        self._state = replace(
            state,
            made=(*state.made[:index], made, *state.made[index + 1 :]),
            wanted=(*state.wanted[:index], wanted, *state.wanted[index + 1 :]),
            longest_fill_s=max(state.longest_fill_s, _fill_s(event)),
        )
        text = f"Counted after all: {made} of {wanted}. An earlier run sounded like those after it."
        cues = [_cue("release_ok", text, now_s, "cycle")]
        return [*cues, *self._enter(index + 1, now_s)] if index == state.step and made >= wanted else cues

    def _done_by_hand(self, since_s: float) -> bool:
        """Whether the user has counted by hand since then; true once for each time."""
        by_hand_s = [time_s for time_s in self._by_hand_s if time_s > since_s]
        if by_hand_s:
            self._by_hand_s.remove(by_hand_s[0])
        return bool(by_hand_s)

    def _counting(self, step: int | None = None) -> int:
        """Index of the step that a cycle belongs to: `step` or the present one, the last before it, or the first."""
        last = self._state.step if step is None else step
        cycles = [index for index, each in enumerate(self._steps) if isinstance(each, Cycles)]
        return max((index for index in cycles if index <= last), default=cycles[0])

    def _rest_from(self, time_s: float | None) -> None:
        """Ask for the next cycle a pause after `time_s`, the end of the one before; ask for nothing if None."""
        self._ended_s, self._wait_s = time_s, None
        self._ready_s = None if time_s is None else time_s + self._pause_s()

    def _pause_s(self) -> float:
        step = self._steps[self._counting()]
        return step.pause_s if isinstance(step, Cycles) and step.pause_s is not None else self.options.min_pause_s

    # Steps.

    @property
    def _step(self) -> Step | None:
        return self._steps[self._state.step] if self._state.step < len(self._steps) else None

    def _enter(self, index: int, now_s: float, *, silent: bool = False) -> list[Cue]:
        """Go to a step; `silent` where the pump runs already and nobody needs to be told to turn it on."""
        self._rest_from(None)
        self._state = replace(self._state, step=index, since_s=now_s, look_until_s=None, begun=False)
        if isinstance(self._step, Cycles):
            self._state = replace(self._state, releases_s=())
        self._look_from(now_s)
        return [] if silent else self._announce(now_s)

    def _back_to_cycles(self, now_s: float, more: int) -> None:
        """Go back to the last step of cycles, for so many beyond those that were made."""
        index, state = self._counting(), self._state
        wanted = (*state.wanted[:index], max(state.wanted[index], state.made[index] + more), *state.wanted[index + 1 :])
        self._rest_from(None)
        self._state = replace(state, step=index, since_s=now_s, wanted=wanted, look_until_s=None)

    def _more(self) -> int:
        """How many cycles are added to the last step of cycles where its foam is brown."""
        after = self._steps[self._counting() : self._counting() + 2]
        return next((step.more for step in after if isinstance(step, Foam)), 1)

    def _look_from(self, now_s: float) -> None:
        step = self._step
        if isinstance(step, Foam):
            self._state = replace(self._state, look_until_s=now_s + step.look_s)

    def _announce(self, now_s: float) -> list[Cue]:
        """Say what the present step wants."""
        step = self._step
        match step:
            case Prepare():
                return [_cue("start_pump", step.text, now_s, "session")]
            case Cycles():
                made, wanted = self._state.made[self._state.step], self._state.wanted[self._state.step]
                text = step.text or f"{step.name}: cycle {made + 1} of {wanted}. Turn the pump on."
                return [_cue("start_pump", text, now_s, "step")]
            case Foam():
                return [_cue("foam_clear", self._foam_text(), now_s, "step", "act")]
            case Rinse():
                return [_cue("rinse_handle", step.text, now_s, "step", "act")]
            case Flush():
                return [_cue("flush_group", step.text, now_s, "step", "act")]
            case None:
                return [_cue("done", f"All done: {self._tally()}.", now_s, "session")]

    def _foam_text(self) -> str:
        made, releases_s = self._state.made[self._counting()], self._state.releases_s
        heard = (
            f" and the whoosh went from {releases_s[0]:.1f} to {releases_s[-1]:.1f} s" if len(releases_s) > 1 else ""
        )
        wanted = self._state.wanted[self._counting()]
        clear = (
            f"The foam should be clear now: {made} cycles are done{heard}."
            if made >= wanted
            else f"The foam may not be clear yet: {made} of {wanted} cycles are done{heard}."
        )
        return (
            f"{clear} Sound cannot show it: look into the drip tray. White foam is clean, brown foam wants more cycles."
        )

    def _tally(self) -> str:
        counts = zip(self._steps, self._state.made, self._state.wanted, strict=True)
        return ", ".join(
            f"{step.name.lower()} {made}" if made >= wanted else f"{step.name.lower()} {made} of {wanted}"
            for step, made, wanted in counts
            if wanted
        )

    def _remember(self) -> None:
        self._before = [*self._before[-_UNDO:], self._state]

    def _with_progress(self, cues: list[Cue], now_s: float) -> list[Cue | Progress]:
        """Put the progress before the cues, if it has changed."""
        state, step = self._state, self._step
        counted = state.step if isinstance(step, Flush) else self._counting()
        progress = Progress(
            time_s=now_s,
            step=state.step + 1,
            steps=len(self._steps),
            name=step.name if step else "Done",
            count=state.made[counted],
            target=state.wanted[counted],
            since_s=state.since_s,
            paused=self._paused,
        )
        if self._told is not None and replace(progress, time_s=self._told.time_s) == self._told:
            return list(cues)
        self._told = progress
        return [progress, *cues]


def _wanted(step: Step) -> int:
    match step:
        case Cycles():
            return step.cycles
        case Flush():
            return step.bursts
        case _:
            return 0


def _fill_s(cycle: Event | None) -> float:
    """How long a cycle took to come to pressure; 0 where that was not heard, not even in retrospect."""
    return _number(cycle, "fill_s") if _number(cycle, "hold_s") else 0.0


def _number(event: Event | None, name: str) -> float:
    """Return a detail of an event that is a number, else 0."""
    value = event.details.get(name) if event is not None else None
    return float(value) if isinstance(value, int | float) else 0.0


def _cue(kind: CueKind, text: str, time_s: float, about: str, urgency: Urgency = "info") -> Cue:
    return Cue(kind, text, urgency, time_s, about)
