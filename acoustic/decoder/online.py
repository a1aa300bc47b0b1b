"""The decoder: log-likelihoods in, transitions out, each as soon as it is believed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..compiled import entry
from ..config import DecoderOptions
from ..types import PHASE_AFTER, Phase
from .kernels import ALL, FILL_AT, HOLD_AT, MASKED_AT, NOT_FINITE, RELEASE_AT, STOP_AT, advance, new_belief, packed
from .states import N_CLASSES, State, backflush_grammar, duration_pmf, fill_ends

__all__ = ["Decoder", "PossiblePressure", "PossiblePump", "PossibleRelease", "Transition", "TransitionKind"]

F64 = npt.NDArray[np.float64]

TransitionKind = Literal["pump_on", "pressure", "pump_off", "release", "release_end", "no_release"]

B1 = npt.NDArray[np.bool_]

ENTRY = -1
_NEVER = np.iinfo(np.int64).max
# No belief comes to this.
_BEYOND = 2.0
# Every belief is above this.
_ALWAYS = -1.0
# Below this, what is believed may be no hypothesis at all.
_LEAST_BELIEF = 1e-4
_AFTER = (State.STOPPED, State.RELEASE, State.IDLE)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of phase: it happened at `frame` and was known at `decided`.

    `masked` marks a hold that nobody could hear, `late` what became known only in retrospect, `again` that a run goes
    on whose stop was told: it was none, and the next one takes its place; so it may be after the run's end was told.
    """

    kind: TransitionKind
    frame: int
    decided: int
    confidence: float
    masked: bool = False
    late: bool = False
    again: bool = False


# The stage that a run is in once this has been told, the latest first.
_STAGES: dict[TransitionKind, str] = {
    "release": "released",
    "pump_off": "stopped",
    "pressure": "held",
    "pump_on": "filling",
}


@dataclass(frozen=True, slots=True)
class PossiblePump:
    """What has run since frame `on` and is believed to be a pump, as of frame `now`; `belief` in each state."""

    on: int
    now: int
    belief: F64


@dataclass(frozen=True, slots=True)
class PossiblePressure:
    """A hold that has perhaps set in at frame `hold` of the run since `on`, as of frame `now`.

    `belief` is that in each state of the grammar; where there is none in a hold, `hold` is `now`.
    """

    on: int
    hold: int
    now: int
    belief: F64


@dataclass(frozen=True, slots=True)
class PossibleRelease:
    """A release that has perhaps set in, as of frame `now`.

    Frames: the run's start `on`, its likeliest `stop`, and where the release would have set in; `belief` in each state
    of the grammar; what was told of the run so far.
    """

    on: int
    stop: int
    release: int
    now: int
    belief: F64
    told: frozenset[TransitionKind]


@cache
def _among(states: tuple[State, ...]) -> B1:
    """Return which states are among these, shape (states,): numpy's own `isin` takes ten times as long."""
    return np.array([state in states for state in State])


def _odds(probability: float) -> float:
    p = min(max(probability, 1e-6), 1.0 - 1e-6)
    return math.log(p / (1.0 - p))


def _watches(options: DecoderOptions, release_from: float, pressure_from: float) -> dict[str, tuple[B1, F64]]:
    """For each stage, the sets of states whose belief may tell something once it is above a threshold."""
    on, off = ((State.FILL, State.HOLD), options.on_posterior), (_AFTER, options.off_posterior)
    over = (State.IDLE, State.FILL, State.HOLD), options.off_posterior
    release = (State.RELEASE,), release_from
    pressure = (State.HOLD,), pressure_from
    stages: dict[str, list[tuple[tuple[State, ...], float]]] = {
        "off": [on],
        "doubted": [release, on],
        "filling": [release, pressure, off],
        "asked": [release, off],
        "held": [release, off],
        "stopped": [release, on],
        "released": [over],
    }
    return {
        stage: (
            np.array([_among(states) for states, _ in conditions]),
            np.array([threshold for _, threshold in conditions]),
        )
        for stage, conditions in stages.items()
    }


class Decoder:
    """Online decoder of one stream.

    The belief over (state, entry frame) is the forward pass's; a transition is told once the belief in it passes its
    threshold, and is not taken back. What a later transition proves in retrospect (a masked hold) is told with it.

    Parameters
    ----------
    options
        Durations and thresholds.
    hop_s
        Seconds from frame to frame.
    judge_pump
        Says how likely what is believed to be a pump is one, again and again until it is told, which it is once that is
        `pump_judged`. None: it is told once the belief in it passes `on_posterior`.
    judge_release
        Says how likely a possible release is one; it is told once that is `release_judged`. None: once the belief in it
        passes `release_posterior`.
    louder_db
        Of frames `on`, `set_in` and `now`: says by how much what runs since the first is louder from the second to the
        third than before. None: it is not asked.
    judge_pressure
        Says how likely what runs is a hold by now, its quieting complete, again and again until pressure is told, which
        it is once that is `pressure_judged`. None: once the belief in it passes `pressure_posterior`.
    sharpest_rise
        Of frames `first` and `last`: says at which from one to the other it grows louder most of all; None where it
        does not. None: it is not asked.
    """

    def __init__(
        self,
        options: DecoderOptions | None = None,
        hop_s: float = 0.01,
        judge_release: Callable[[PossibleRelease], float] | None = None,
        judge_pump: Callable[[PossiblePump], float] | None = None,
        louder_db: Callable[[int, int, int], float] | None = None,
        sharpest_rise: Callable[[int, int], int | None] | None = None,
        judge_pressure: Callable[[PossiblePressure], float] | None = None,
    ) -> None:
        self.options = options or DecoderOptions()
        self.hop_s = hop_s
        self._judge_pump = judge_pump
        self._judge_release = judge_release
        self._judge_pressure = judge_pressure
        self._louder_db = louder_db
        self._sharpest_rise = sharpest_rise
        self._any_machine = backflush_grammar(self.options, hop_s)
        # How long a fill takes on any machine, shape (D,).
        self.any_fill = duration_pmf(self.options.fill, hop_s, self._any_machine.ends.shape[2])
        self._wait = int(self.options.release_wait_s / hop_s)
        judged = judge_release is not None
        self._release_from = self.options.release_possible if judged else self.options.release_posterior
        asked = judge_pressure is not None
        # Of a hold that the belief has no trace of, the judge may still know.
        self._pressure_from = _ALWAYS if asked else self.options.pressure_posterior
        self._watches = _watches(self.options, self._release_from, self._pressure_from)
        self._unheeded = self._watches["off"][0], np.full(1, _BEYOND)
        scratch = np.zeros(N_CLASSES)
        self._as_given = np.concatenate([[1.0, 0.0, self.options.prune], scratch])
        self._as_heard = np.concatenate(
            [[self.options.evidence, self.options.release_odds, self.options.prune], scratch]
        )
        # Compiled when first used: in a first session ever, other kernels are compiled beside it.
        self._advance: Any = None
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._floats, self._integers, self.grammar, self._belief = packed(
            self._any_machine, new_belief(self._any_machine, self.options.capacity)
        )
        self._expected: tuple[int, F64] | None = None
        # Whether any frame has been taken in.
        self.begun = False
        # Whether the room could drown a hold of the run under way, as far as the caller knows.
        self.could_drown = True
        self._told: dict[TransitionKind, int] = {}
        # When it was last asked whether what runs is a pump, and how likely that was, for as long as it runs untold.
        self._refused: list[tuple[int, float]] = []
        # Until when it is not asked again whether pressure is up, and the log-odds that the last answers gave it.
        self._asked_until = -1
        self._quiet_odds: deque[float] = deque(maxlen=self.options.pressure_asks)
        # What was told of a run that ended without a release, and until when one may still prove that it went on.
        self._unreleased: tuple[dict[TransitionKind, int], int] | None = None
        # Where what was never told to be a pump had set in, and until when a release may still prove that it was one.
        self._doubted: tuple[int, int] | None = None
        # The same, and until when what is believed to set in may be that which went on all the while.
        self._let_go: tuple[int, int] | None = None
        self._stage = "off"
        self._phase = Phase.BACKGROUND
        self._since = 0
        self._ended = 0

    @property
    def phase(self) -> Phase:
        """The phase as last told."""
        return self._phase

    @property
    def since_frame(self) -> int:
        """Frame at which the phase as last told began."""
        return self._since

    def push(self, log_likelihood: F64) -> list[Transition]:
        """Take in frames.

        Parameters
        ----------
        log_likelihood
            log P(frame | class) up to a constant a frame, float64, shape (frames, classes), classes in the order of
            `SoundClass`. A row of equal values says nothing: the belief then follows the durations alone.

        Returns
        -------
        transitions
            In the order in which they became known.

        Raises
        ------
        ValueError
            If the shape is wrong or a value is not finite.
        """
        if log_likelihood.ndim != 2 or log_likelihood.shape[1] != N_CLASSES:
            raise ValueError(f"log_likelihood: got shape {log_likelihood.shape}, wanted (frames, {N_CLASSES})")
        return self._take(np.ascontiguousarray(log_likelihood, dtype=np.float64), self._as_given)

    def hear(self, log_likelihood: F64) -> list[Transition]:
        """Take in frames as an emission judges them: first they are weighed, see `DecoderOptions`.

        Parameters
        ----------
        log_likelihood
            As `push` takes it, but contiguous; there may be more columns, which say nothing of the classes.

        Returns
        -------
        transitions
            In the order in which they became known.

        Raises
        ------
        ValueError
            If a value is not finite.
        """
        return self._take(log_likelihood, self._as_heard)

    def _take(self, log_likelihood: F64, worth: F64) -> list[Transition]:
        transitions: list[Transition] = []
        taken, frames = 0, len(log_likelihood)
        if frames:
            self.begun = True
        while taken < frames:
            awaited = self._doubted or self._unreleased
            watched, above = self._watches["doubted" if awaited is not None else self._stage]
            until = self._told["pump_off"] + self._wait - 1 if self._stage == "stopped" else _NEVER
            if awaited is not None:
                until = awaited[1] if self._unreleased is None else min(awaited[1], self._unreleased[1])
            if self._refused:
                watched, above = self._unheeded
                until = self._refused[-1][0] + self.options.pump_again_frames
            elif self._stage == "filling" and self._belief.counters[1] <= self._asked_until:
                watched, above = self._watches["asked"]
                until = self._asked_until
            if self._expected is not None:
                frame, ends = self._expected
                if self._belief.counters[1] >= frame:
                    self.grammar.ends[State.FILL] = ends
                    self._expected = None
                else:
                    until = min(until, frame - 1)
            given = self._floats, self._integers, log_likelihood, taken, worth, watched, above, until
            if self._advance is None:
                self._advance = entry(advance, *given)
            taken = self._advance(*given)
            if taken == ALL:
                break
            if taken == NOT_FINITE:
                raise ValueError("log_likelihood: got values that are not finite; clip them in the emission")
            transitions += self._tell()
        return transitions

    def expect(self, until_pressure: F64 | None, frame: int) -> None:
        """From `frame` on, expect fills that end with pressure to last so long: shape (D,) as `any_fill`; None: as any.

        A frame ahead of what has been judged makes it the same however the frames are handed over.
        """
        # Built now, where a run has ended, and not within a hop that has nothing to tell.
        self._expected = frame, fill_ends(self.options, self.hop_s, until_pressure)

    def skip(self, frames: int) -> None:
        """Let frames pass before the first one that counts: the stream begins, but nothing is heard of it yet."""
        if self.begun:
            raise ValueError("skip: frames may pass only before the first")
        self._belief.counters[1] += frames

    def flush(self) -> list[Transition]:
        """End the stream: close a release under way; a stop still waiting for its release stays open."""
        now = int(self._belief.counters[1])
        return [self._say("release_end", now, now, 0.5)] if "release" in self._told else []

    def _likeliest(self, *states: State) -> npt.NDArray[np.int64] | None:
        """Path and, last, the entry frame of the likeliest hypothesis in any of `states`, or None."""
        belief = self._belief
        n = belief.counters[0]
        weight = np.where(_among(states)[belief.state[:n]], belief.weight[:n], -1.0)
        best = int(np.argmax(weight))
        return np.append(belief.path[best], belief.entry[best]) if weight[best] >= 0.0 else None

    def _mean_entry(self, *states: State, after: int = -1) -> int:
        """Mean frame, of those behind `after`, at which any of `states` was entered.

        Pressure comes gradually and a whoosh fades: the likeliest frame jumps by a tenth of a second with where the
        hops fall in the sound, the mean by a quarter of that.
        """
        belief = self._belief
        n = belief.counters[0]
        entry = belief.entry[:n]
        weight = np.where(_among(states)[belief.state[:n]] & (entry > after), belief.weight[:n], 0.0)
        return round(float(np.add.reduce(weight * entry) / np.add.reduce(weight)))

    def _say(
        self, kind: TransitionKind, frame: int, now: int, confidence: float, *, masked: bool = False, late: bool = False
    ) -> Transition:
        if kind in ("release_end", "no_release"):
            if kind == "no_release":
                longest = round(self.options.masked_wait_s / self.hop_s)
                self._unreleased = dict(self._told), self._told["pump_off"] + longest
            self._told.clear()
            self._ended = frame
            self.could_drown = True
        else:
            self._told[kind] = frame
            if kind == "pump_on":
                self._quiet_odds.clear()
            self._doubted = self._let_go = self._unreleased = None
        # A pressure that is told late may come after the stop.
        self._stage = next((stage for past, stage in _STAGES.items() if past in self._told), "off")
        self._phase = PHASE_AFTER[kind]
        self._since = frame
        return Transition(kind, frame, now, min(float(confidence), 1.0), masked, late)

    def _tell(self) -> list[Transition]:
        options, told = self.options, self._told
        p = self._belief.by_state
        now = int(self._belief.counters[1]) - 1

        if not told:
            running = p[State.FILL] + p[State.HOLD]
            path = self._likeliest(State.FILL, State.HOLD) if running > options.on_posterior else None
            if path is None:
                return self._after_all(now)
            on = self._pump(max(int(path[FILL_AT]), self._ended), now)
            return [] if on is None else [self._say("pump_on", on, now, running)]

        if "release" in told:
            over = p[State.IDLE] + p[State.FILL] + p[State.HOLD]
            path = self._likeliest(State.IDLE, State.FILL, State.HOLD) if over > options.off_posterior else None
            if path is None:
                return []
            # An end before the release means that the belief has let go of this run altogether.
            faded = int(path[ENTRY]) > told["release"]
            end = self._mean_entry(State.IDLE, State.FILL, State.HOLD, after=told["release"]) if faded else now
            return [self._say("release_end", end, now, over)]

        if (released := self._release(now, told["pump_on"])) is not None:
            path, confidence = released
            return [
                *self._catch_up(path, now, confidence),
                self._say("release", max(int(path[RELEASE_AT]), *told.values()), now, confidence),
            ]

        if "pump_off" not in told:
            if "pressure" not in told and (held := self._pressure(now, told["pump_on"])) is not None:
                return [self._say("pressure", held[0], now, held[1])]
            stopped = p[State.STOPPED] + p[State.IDLE] + p[State.RELEASE]
            path = self._likeliest(*_AFTER) if stopped > options.off_posterior else None
            return [] if path is None else self._catch_up(path, now, stopped)

        again = p[State.FILL] + p[State.HOLD]
        if again > options.on_posterior and (path := self._likeliest(State.FILL, State.HOLD)) is not None:
            began = int(path[FILL_AT] if path[FILL_AT] >= 0 else path[HOLD_AT])
            if began < told["pump_off"]:
                return [self._go_on(max(int(path[ENTRY]), told["pump_off"]), now, again)]
        waited_s = (now - told["pump_off"]) * self.hop_s
        # While the silence may be a hold that nobody can hear, its release may still come, or be coming just now.
        patient = self.could_drown and p[State.MASKED] + p[State.RELEASE] > 0.02 and waited_s < options.masked_wait_s
        if again > options.on_posterior or (waited_s >= options.release_wait_s and not patient):
            return [self._say("no_release", now, now, float(p[State.IDLE] + again))]
        return []

    def _pump(self, on: int, now: int) -> int | None:
        """Frame since which what is believed to run is a pump; None while it is not likely enough to be one."""
        if self._judge_pump is None:
            return on
        options = self.options
        likely = self._judge_pump(PossiblePump(on, now, self._belief.by_state.copy()))
        before, until = self._let_go or (on, now)
        goes_on = now <= until and self._goes_on(before, on, now)
        on = before if goes_on else self._set_in(on)
        if likely <= options.pump_judged:
            self._refused.append((now, likely))
            self._doubted = on, now + self._wait
            self._let_go = on, now + int(options.let_go_s / self.hop_s)
            return None
        last = self._refused[-options.pump_rise_asks :]
        self._refused.clear()
        if last and _odds(likely) - min(_odds(before) for _, before in last) > options.pump_rise_odds:
            set_in = last[-1][0] - options.pump_again_frames
            # Something else ran before, and the pump set in over it. A pump that comes to pressure is as much likelier
            # all at once, but no louder.
            if self._louder_db is None or self._louder_db(on, set_in, now) > options.pump_rise_db:
                return max(on, set_in)
        return on

    def _set_in(self, on: int) -> int:
        """Frame at which what is believed to have set in round `on` did, by its loudness.

        The belief is often the same for all of half a second, in which the likeliest frame is chance.
        """
        if self._sharpest_rise is None:
            return on
        n = self._belief.counters[0]
        runs = _among((State.FILL, State.HOLD))[self._belief.state[:n]]
        path, weight = self._belief.path[:n][runs], self._belief.weight[:n][runs]
        began = np.where(path[:, FILL_AT] >= 0, path[:, FILL_AT], path[:, HOLD_AT])
        order = np.argsort(began)
        share = np.cumsum(weight[order]) / np.sum(weight)
        first, last = (int(began[order[np.searchsorted(share, q)]]) for q in self.options.set_in_shares)
        rise = self._sharpest_rise(max(first, self._ended), max(last, on, self._ended))
        return on if rise is None else rise

    def _goes_on(self, doubted: int, on: int, now: int) -> bool:
        """Whether what was doubted since an earlier frame is what is believed to have set in at `on`.

        A pump that sets in makes nothing softer: what does was there before, and has come to pressure.
        """
        softer_db = -self.options.pump_rise_db
        return doubted < on and self._louder_db is not None and self._louder_db(doubted, on, now) < softer_db

    def _after_all(self, now: int) -> list[Transition]:
        """Tell of what was doubted all at once, if a release follows it: then it was a pump."""
        self._refused.clear()
        if self._unreleased is not None and (proven := self._went_on(now, *self._unreleased)):
            return proven
        if self._doubted is None:
            return []
        on, until = self._doubted
        released = self._release(now, on)
        if released is None:
            if now >= until:
                self._doubted = None
            return []
        path, confidence = released
        pump = self._say("pump_on", on, now, confidence, late=True)
        past = self._catch_up(path, now, confidence)
        release = self._say("release", max(int(path[RELEASE_AT]), *self._told.values()), now, confidence)
        return [pump, *past, release]

    def _went_on(self, now: int, told: dict[TransitionKind, int], until: int) -> list[Transition]:
        """Take back the end of a run, if a release follows all the same: it was held where nobody could hear it."""
        stopped = told["pump_off"]
        released = self._release(now, told["pump_on"])
        if released is None:
            if now >= until:
                self._unreleased = None
            return []
        path, confidence = released
        began, release = int(path[FILL_AT] if path[FILL_AT] >= 0 else path[HOLD_AT]), int(path[RELEASE_AT])
        of_that_run = began < stopped and release >= stopped + self._wait
        if not of_that_run or confidence < self.options.release_surely:
            return []
        self._told.update(told)
        past = [self._go_on(stopped, now, confidence)]
        if "pressure" not in told:
            belief = self.options.late_share * confidence
            past.append(self._say("pressure", stopped, now, belief, masked=True, late=True))
        past.append(self._say("pump_off", release, now, confidence, masked=True))
        return [*past, self._say("release", release, now, confidence)]

    def _pressure(self, now: int, on: int) -> tuple[int, float] | None:
        """Frame since which the run since `on` is a hold, and how sure that is; None while that is not enough."""
        believed = float(self._belief.by_state[State.HOLD])
        if believed <= self._pressure_from or now < self._asked_until:
            return None
        hold = max(self._mean_entry(State.HOLD), on) if believed > _LEAST_BELIEF else now
        if self._judge_pressure is None:
            return hold, believed
        judged = self._judge_pressure(PossiblePressure(on, hold, now, self._belief.by_state.copy()))
        self._asked_until = now + self.options.pressure_again_frames
        odds = self._quiet_odds
        odds.append(_odds(judged))
        # One answer may be a knock's doing.
        likely = 1.0 / (1.0 + math.exp(-sum(odds) / len(odds)))
        if len(odds) < self.options.pressure_asks or likely <= self.options.pressure_judged:
            return None
        if hold - on > round(self.options.at_once_s / self.hop_s):
            longest, shortest = (now - round(back_s / self.hop_s) for back_s in self.options.pressure_back_s)
            hold = max(min(hold, shortest), longest, on)
        return hold, float(1.0 - self.options.pressure_doubt * (1.0 - likely))

    def _release(self, now: int, on: int) -> tuple[npt.NDArray[np.int64], float] | None:
        """Likeliest way to a release of the run since `on`, and how sure it is; None while that is not enough."""
        believed = float(self._belief.by_state[State.RELEASE])
        path = self._likeliest(State.RELEASE) if believed > self._release_from else None
        if path is None or self._judge_release is None:
            return None if path is None else (path, believed)
        stop = int(path[STOP_AT]) if path[STOP_AT] >= on else int(path[ENTRY])
        possible = PossibleRelease(
            on,
            self._told.get("pump_off", stop),
            int(path[ENTRY]),
            now,
            self._belief.by_state.copy(),
            frozenset(self._told),
        )
        judged = self._judge_release(possible)
        return (path, judged) if judged > self.options.release_judged else None

    def _go_on(self, frame: int, now: int, confidence: float) -> Transition:
        """Take the stop back."""
        del self._told["pump_off"]
        last: TransitionKind = "pressure" if "pressure" in self._told else "pump_on"
        first = self._told[last]
        told = replace(self._say(last, frame, now, confidence), again=True)
        self._told[last] = first
        return told

    def _catch_up(self, path: npt.NDArray[np.int64], now: int, confidence: float) -> list[Transition]:
        """Tell what the likeliest way says happened before and was never told, the stop included."""
        out: list[Transition] = []
        start = self._told["pump_on"]
        masked = bool(path[MASKED_AT] >= start)
        hold = int(path[MASKED_AT] if masked else path[HOLD_AT])
        if "pressure" not in self._told and hold >= start:
            belief = self.options.late_share * confidence
            out.append(self._say("pressure", hold, now, belief, masked=masked, late=True))
        if "pump_off" not in self._told:
            # A masked hold hides its own end: the release is the first that is heard of it. Without either, the
            # belief has let go of a run that it never heard stop.
            stop = next((int(path[k]) for k in (STOP_AT, RELEASE_AT) if path[k] >= start), now)
            out.append(self._say("pump_off", max(stop, *self._told.values()), now, confidence, masked=masked))
        return out
