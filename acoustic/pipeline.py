"""The detector: wires the stages, computes nothing of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from .adaptation import MachineMemory, PressureTimes
from .coach import Coach
from .config import RATE_HZ, DetectorOptions
from .cycles import CycleFold
from .decoder import Decoder, PossiblePressure, PossiblePump, PossibleRelease, SoundClass, State, Transition
from .emission import N_COLUMNS
from .errors import SampleRateError
from .evidence import EVIDENCE_NAMES, MISSING, RunEvidence, logistic
from .features.extractor import FeatureExtractor
from .features.resample import Resampler
from .model import Model, load_model
from .pump import PastRun, PumpEar, PumpMemory
from .quieting import QuietingEar
from .runs import EndedRun, RunBook
from .types import Action, AudioBlock, Cue, Detail, Event, Phase, Progress, Status
from .whoosh import WhooshEar

__all__ = ["Detector", "Monitor"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

_FLOAT32 = np.dtype(np.float32)
# How many steps of the resampler are heard at once where a block holds as many: half a second.
MOST_STEPS = 25


class Detector:
    """Hears one machine: audio blocks in, events out.

    The same audio gives the same events however it is chopped into blocks. Samples that are not finite count as zero;
    what a block says is lost is bridged.

    Parameters
    ----------
    options
        Of all stages.
    model
        Name of a bundled model, a model's folder, or a loaded model.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """

    def __init__(self, options: DetectorOptions | None = None, model: str | Model = "default") -> None:
        self.options = options or DetectorOptions()
        self.model = load_model(model) if isinstance(model, str) else model
        self._extractor = FeatureExtractor(self.options.frame, self.options.feature)
        self._decoder = Decoder(
            self.options.decoder,
            self.options.frame.hop_s,
            None if self.model.whoosh is None else self._judge_release,
            None if self.model.pump is None else self._judge_pump,
            self._louder_db,
            self._sharpest_rise,
            None if self.model.quieting is None else self._judge_pressure,
        )
        self._cycles = CycleFold(self.options.cycle)
        self._evidence = RunEvidence(self.options.feature, self._extractor.names)
        self._ear = WhooshEar(self._evidence)
        self._pump_ear = PumpEar(self._evidence)
        self._quieting_ear = QuietingEar(self._evidence)
        self._past = PumpMemory()
        self._machine = MachineMemory(self.options.adaptation)
        self._times = PressureTimes(self.options.adaptation)
        self._book = RunBook(self.options, self.model.judge, self._evidence, self._machine, self._times)
        # Arrays for the frames of one step, by their number: made once, lest every hop allocate.
        self._rooms: dict[int, tuple[F32, F32, F64]] = {}
        self.reset()

    def reset(self) -> None:
        """Forget everything, the count included."""
        self._rate_hz: int | None = None
        self._cycles.reset()
        self._book.reset()
        self._machine.reset()
        self._times.reset()
        self._begin(0)

    def _begin(self, origin: int) -> None:
        """Start hearing afresh at sample `origin` of the source."""
        self._origin = origin
        self._taken = 0
        self._frames = 0
        self._resampler: Resampler | None = None if self._rate_hz is None else Resampler(self._rate_hz)
        self._deaf = 0
        # Features and levels of the step judged last, whose last frame counts; rows of their own would cost a hop more.
        self._last: tuple[F32, F32] = (np.zeros((1, 1), np.float32), np.full((1, 1), -110.0, np.float32))
        self._extractor.reset()
        self._heard = self.model.emission.new_state()
        self._decoder.reset()
        self._evidence.reset()
        self._ear.reset()
        self._pump_ear.reset()
        self._past.reset()
        self._book.begin()
        self._room_unknown = True
        self._room_frames = 0
        self._room_dbfs = np.inf
        self._room_odds = self.options.decoder.unknown_room_odds
        self._run: dict[str, Transition] = {}
        # The highest log-odds that the judges gave what they were asked about last, and what that was.
        self._pump_odds, self._pump_asked = MISSING, -1
        self._whoosh_odds, self._whoosh_of = MISSING, -1

    def push(self, block: AudioBlock) -> list[Event]:
        """Take in a block; return the events that it made known, in the order in which they became known.

        Raises
        ------
        SampleRateError
            If the rate is outside 8 to 192 kHz, or differs from the first block's.
        """
        # What follows in a hop is short and straight: cold caches make every layer of Python dear.
        if block.rate_hz != self._rate_hz:
            self._start(block)
        events: list[Event] = []
        if block.lost:
            self._bridge(block, events)
        samples = block.samples
        if samples.dtype is not _FLOAT32 or not samples.flags.c_contiguous:
            samples = np.ascontiguousarray(samples, dtype=np.float32)
        self._hear(samples, events, lost=False)
        return events

    def _start(self, block: AudioBlock) -> None:
        """Start hearing with the first block."""
        if self._rate_hz is not None:
            raise SampleRateError(
                f"sample {block.start}: the rate changed from {self._rate_hz} to {block.rate_hz} Hz within one stream; "
                "call reset() or use a new Detector"
            )
        self._rate_hz = block.rate_hz
        self._begin(block.start - block.lost)

    def _bridge(self, block: AudioBlock, events: list[Event]) -> None:
        """Get over what was lost before a block."""
        if block.lost > self.options.max_bridge_s * block.rate_hz:
            events += self.flush()
            self._begin(block.start)
        else:
            self._hear(np.zeros(block.lost, dtype=np.float32), events, lost=True)

    def flush(self) -> list[Event]:
        """End the stream: return what the audio still inside makes known."""
        events: list[Event] = []
        if self._resampler is not None:
            piece, n = self._resampler.flush()
            events += self._advance(piece, n, lost=False)
        return events + self._events(self._decoder.flush())

    def warm(self) -> None:
        """Compile, or load, what is first needed while a pump runs or a whoosh sets in, which are no moments for it."""
        self._measure_quieting(PossiblePressure(0, 0, 0, np.zeros(len(State))))
        self.model.judge.odds_of(np.zeros(len(EVIDENCE_NAMES)))

    def take_back(self, cycle: int) -> None:
        """Forget what the cycle of this number taught of the machine: the user says that it was none.

        Numbers go on as before: what was heard and what the user makes of it are two things.
        """
        self._machine.forget(cycle)
        self._times.forget(cycle)
        self._expect(self._frames)

    def _expect(self, frame: int) -> None:
        """Expect, from soon after `frame`, that the machine takes as long to pressure as is known."""
        hop_s, adaptation = self.options.frame.hop_s, self.options.adaptation
        expected = self._times.until_pressure(self._decoder.any_fill, hop_s)
        self._decoder.expect(expected, frame + round(adaptation.expect_after_s / hop_s))

    @property
    def now_s(self) -> float:
        """How far the stream has been judged, in the source's seconds."""
        return self._seconds(self._frames)

    @property
    def status(self) -> Status:
        """The present phase and level, for displays."""
        now_s = self.now_s
        return Status(
            time_s=now_s,
            phase=self._decoder.phase,
            since_s=now_s if self._decoder.phase is Phase.BACKGROUND else self._seconds(self._decoder.since_frame),
            level_dbfs=float(self._last[1][-1, -1]),
            background_dbfs=self._extractor.background_dbfs,
        )

    def _hear(self, samples: F32, events: list[Event], *, lost: bool) -> None:
        """Take in samples, and add to `events` what they make known."""
        resampler = self._resampler
        assert resampler is not None
        at, end = 0, len(samples)
        while at < end:
            if end - at >= 2 * resampler.step and self._decoder.begun and not (lost or self._deaf):
                at = self._hear_steps(resampler, samples, at, events)
                continue
            at, piece = resampler.take(samples, at)
            if piece is not None:
                events += self._advance(piece, resampler.step, lost=lost)

    def _hear_steps(self, resampler: Resampler, samples: F32, at: int, events: list[Event]) -> int:
        """Take in several steps of samples, from `at` on: features and likelihoods of all at once, which is faster.

        What is decided is decided step by step, as it would be if each came by itself. Returns the place behind them.
        """
        pieces: list[F32] = []
        behind: list[int] = []
        n = 0
        while len(pieces) < MOST_STEPS and len(samples) - at >= resampler.step:
            at, piece = resampler.take(samples, at)
            assert piece is not None
            pieces.append(piece.copy())
            n += len(piece)
            behind.append(self._extractor.completed_by(n))
        frames = behind[-1]
        features, levels, log_likelihood = self._rooms.get(frames) or self._more_room(frames)
        self._extractor.write(np.concatenate(pieces), features, levels, lost=False)
        self.model.emission.judge(features, self._heard, log_likelihood)
        first = 0
        for last in behind:
            self._taken += resampler.step
            if last > first:
                self._frames += last - first
                events += self._decide(features[first:last], levels[first:last], log_likelihood[first:last])
                first = last
        return at

    def _advance(self, piece: F32, taken: int, *, lost: bool) -> list[Event]:
        self._taken += taken
        frames = self._extractor.completed_by(len(piece))
        room = self._rooms.get(frames) or self._more_room(frames)
        if lost or self._deaf:
            # The room is the same as that of the last step, perhaps.
            self._last = self._last[0].copy(), self._last[1].copy()
        self._extractor.write(piece, room[0], room[1], lost=lost)
        return self._judge(room[0], room[1], lost=lost) if frames else []

    def _more_room(self, frames: int) -> tuple[F32, F32, F64]:
        """Make arrays for the features, levels and log-likelihoods of so many frames, to be used each time."""
        room = self._rooms[frames] = (*self._extractor.room(frames), np.zeros((frames, N_COLUMNS)))
        return room

    def _judge(self, features: F32, levels: F32, *, lost: bool) -> list[Event]:
        frames = len(features)
        self._frames += frames
        log_likelihood = (self._rooms.get(frames) or self._more_room(frames))[2]
        if lost or self._deaf:
            self._judge_deaf(features, levels, log_likelihood, lost=lost)
        else:
            self.model.emission.judge(features, self._heard, log_likelihood)
        return self._decide(features, levels, log_likelihood)

    def _decide(self, features: F32, levels: F32, log_likelihood: F64) -> list[Event]:
        """Take in what was heard of the next frames; return what it makes known."""
        self._last = features, levels
        self._evidence.push(features, levels, log_likelihood)
        if "pump_on" in self._run and "pump_off" not in self._run and self._machine.known:
            self._machine.adapt(levels, log_likelihood, int(SoundClass.FILL), int(SoundClass.HOLD))
        if not self._decoder.begun:
            log_likelihood = self._from_first_sound(features, log_likelihood)
        if self._room_unknown:
            log_likelihood = self._in_unknown_room(levels[len(levels) - len(log_likelihood) :, -1], log_likelihood)
        transitions = self._decoder.hear(log_likelihood)
        return self._events(transitions) if transitions else []

    def _from_first_sound(self, features: F32, log_likelihood: F64) -> F64:
        """Return what is said of the stream's first frames from where anything is heard in them.

        Digital silence at first, of whatever length, is no time that the pump was off: nobody listened yet.
        """
        heard = np.flatnonzero(features.any(axis=1))
        silent = int(heard[0]) if len(heard) else len(features)
        self._decoder.skip(silent)
        return log_likelihood[silent:]

    def _in_unknown_room(self, level_dbfs: F32, log_likelihood: F64) -> F64:
        """Doubt what is said of a pump until the room has been heard without one, or something in it has set in.

        A fridge or a fan that hums from the first moment on sounds somewhat like a pump that nobody heard start.
        """
        options = self.options.decoder
        doubted = log_likelihood.copy()
        for row, level in zip(doubted, level_dbfs, strict=True):
            self._room_frames += 1
            if self._room_frames > options.room_settling_frames:
                self._room_dbfs = min(self._room_dbfs, float(level))
            doubt = min(self._room_odds + options.room_margin, options.unknown_room_odds)
            if doubt <= 0.0 or level > self._room_dbfs + options.onset_db:
                self._room_unknown = False
                break
            counted = self._room_frames - options.room_wait_frames
            if counted > 0:
                odds = max(row[SoundClass.FILL], row[SoundClass.HOLD]) - row[SoundClass.BACKGROUND]
                self._room_odds += (odds - self._room_odds) / min(
                    counted + options.room_prior_frames, options.room_frames
                )
            row[SoundClass.FILL] -= doubt
            # That a session begins in a hold is rarer still.
            row[SoundClass.HOLD] -= doubt + options.room_margin
        return doubted

    def _judge_deaf(self, features: F32, levels: F32, log_likelihood: F64, *, lost: bool) -> None:
        """Judge frames of which the first, or all, stand for what was lost.

        That says nothing, nor do the frames behind it whose windows reach back into it: the run is gone on with as it
        sounded before.
        """
        deaf = len(features) if lost else min(self._deaf, len(features))
        self._deaf = self.options.frame.memory_hops if lost else self._deaf - deaf
        log_likelihood[:deaf] = 0.0
        if deaf < len(features):
            self.model.emission.judge(features[deaf:], self._heard, log_likelihood[deaf:])
        features[:deaf], levels[:deaf] = self._last[0][-1], self._last[1][-1]

    def _judge_release(self, possible: PossibleRelease) -> float:
        """Say how likely what the decoder takes for possible is a release."""
        assert self.model.whoosh is not None
        odds = self.model.whoosh.odds(self._ear.measure(possible, self._book.memory.near))
        if possible.on != self._whoosh_of:
            self._whoosh_odds, self._whoosh_of = MISSING, possible.on
        self._whoosh_odds = max(self._whoosh_odds, odds)
        return logistic(odds)

    def _judge_pump(self, possible: PossiblePump) -> float:
        """Say how likely a possible pump is one."""
        assert self.model.pump is not None
        odds = self.model.pump.odds(self._pump_ear.measure(possible, self._past, self._cycles.count))
        if possible.now > self._pump_asked + self.options.decoder.pump_again_frames:
            self._pump_odds = MISSING
        self._pump_odds, self._pump_asked = max(self._pump_odds, odds), possible.now
        return logistic(odds)

    def _judge_pressure(self, possible: PossiblePressure) -> float:
        """Say how likely it is that a run has gone quiet because pressure is up."""
        assert self.model.quieting is not None
        return logistic(self.model.quieting.odds(self._measure_quieting(possible)))

    def _measure_quieting(self, possible: PossiblePressure) -> F64:
        hop_s = self.options.frame.hop_s
        return self._quieting_ear.measure(possible, self._machine, self._times, hop_s, self._cycles.count)

    def _louder_db(self, on: int, set_in: int, now: int) -> float:
        return self._evidence.louder_db(on, set_in, now)

    def _sharpest_rise(self, first: int, last: int) -> int | None:
        return self._evidence.sharpest_rise(first, last)

    def _seconds(self, frame: int) -> float:
        """Time in the source of the start of the hop of `frame`."""
        rate_hz = self._rate_hz or RATE_HZ
        return self._origin / rate_hz + frame * self.options.frame.hop / RATE_HZ

    def _events(self, transitions: list[Transition]) -> list[Event]:
        events: list[Event] = []
        for transition in transitions:
            if transition.again:
                self._run.pop("pump_off", None)
                events += self._folded(self._event(transition, {"again": True}))
                continue
            if transition.kind == "pump_on":
                self._run.clear()
                self._room_unknown = False
                self._machine.begin_run()
            self._run[transition.kind] = transition
            if transition.kind == "pump_off" and "pump_on" in self._run:
                over_db = self._evidence.over_db(self._run["pump_on"].frame, transition.frame)
                self._decoder.could_drown = over_db < self.options.decoder.masked_below_db
            if transition.kind == "pressure" and transition.late:
                # Guessed when the pump had stopped: of runs that are no cycles, one such in nine is right.
                continue
            if transition.kind in ("release_end", "no_release"):
                events += self._close(transition)
            else:
                events += self._folded(self._event(transition, self._details(transition)))
        return events

    def _folded(self, *events: Event) -> list[Event]:
        """Return the events, each with the cycle that it completes."""
        return [told for event in events for told in (event, *self._cycles.push(event))]

    def _event(self, transition: Transition, details: dict[str, Detail]) -> Event:
        return Event(transition.kind, self._seconds(transition.frame), self._decided_s, transition.confidence, details)

    @property
    def _decided_s(self) -> float:
        """What is decided now is known when the audio taken so far has passed."""
        return (self._origin + self._taken) / (self._rate_hz or RATE_HZ)

    def _details(self, transition: Transition) -> dict[str, Detail]:
        if transition.kind != "pressure":
            return {}
        low, middle, high = self._evidence.quieting(self._run["pump_on"].frame, transition.frame)
        return {"quieting_db": round(float(middle + high) / 2, 1), "tone_db": round(float(low), 1)}

    def _close(self, end: Transition) -> list[Event]:
        """End a run: look back over it, tell what it was, and what it makes of those before."""
        on, off = self._run.get("pump_on"), self._run.get("pump_off")
        if on is None or off is None:
            return [self._event(end, {})]
        release = self._run.get("release")
        whoosh_odds = self._whoosh_odds if self._whoosh_of == on.frame else MISSING
        run = EndedRun(on, off, end, release, self._run.get("pressure"), self._pump_odds, whoosh_odds)
        verdict = self._book.close(run, self._cycles.count)
        if verdict.taught:
            self._expect(end.decided)
        typical = self._evidence.typical(on.frame, off.frame)
        self._past.push(PastRun(typical, off.frame, run.frames, released=release is not None, complete=verdict.likely))
        events = [] if verdict.pressure is None else [self._event(verdict.pressure, verdict.pressure_details)]
        told = self._folded(*events, self._event(verdict.end, verdict.details))
        after_all = self._book.settle(told[-1], self._cycles.count)
        return told + [self._cycles.recount(before, self._decided_s, likely) for before, likely in after_all]


class Monitor:
    """Detector and coach together: blocks in; events, cues and progress out, in the journal's order."""

    def __init__(self, detector: Detector | None = None, coach: Coach | None = None) -> None:
        self.detector = detector or Detector()
        self.coach = coach or Coach()
        self._started = False
        # Of each cycle in the coach's count, the detector's number; None where it was counted by hand.
        self._counted: list[int | None] = []

    def push(self, block: AudioBlock) -> list[Event | Cue | Progress]:
        """Take in a block; return what it made known and what the user should now be told."""
        records: list[Event | Cue | Progress] = []
        if not self._started:
            self._started = True
            records += self.coach.start((block.start - block.lost) / block.rate_hz)
        records += self._follow(self.detector.push(block))
        return records + list(self.coach.advance(self.detector.now_s))

    def act(self, action: Action) -> list[Action | Cue | Progress]:
        """Take what the user did by key or button after the last block; return it with the coach's answer."""
        answers = self._counting(partial(self.coach.act, action), None)
        return [action, *answers]

    def flush(self) -> list[Event | Cue | Progress]:
        """End the stream."""
        records = self._follow(self.detector.flush())
        return records + list(self.coach.finish(self.detector.now_s))

    def _follow(self, events: list[Event]) -> list[Event | Cue | Progress]:
        records: list[Event | Cue | Progress] = []
        for event in events:
            records += self.coach.advance(event.decided_s)
            records.append(event)
            records += self._counting(partial(self.coach.push, event), event.details.get("cycle"))
        return records

    def _counting(self, tell: Callable[[], list[Cue | Progress]], cycle: Detail) -> list[Cue | Progress]:
        """Tell the coach something, and follow its count: of a cycle that is taken back nothing stays learned."""
        before = self.coach.count
        answers = tell()
        if self.coach.count > before:
            self._counted.append(cycle if isinstance(cycle, int) else None)
        elif self.coach.count < before and self._counted:
            heard = self._counted.pop()
            if heard is not None:
                self.detector.take_back(heard)
        return answers
