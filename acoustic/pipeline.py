"""The detector: wires the stages, computes nothing of its own."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .coach import Coach
from .config import RATE_HZ, DetectorOptions
from .cycles import CycleFold
from .decoder import Decoder, Transition
from .emission import Emission, RuleEmission
from .errors import SampleRateError
from .features.extractor import FeatureExtractor
from .features.history import LevelHistory
from .features.resample import Resampler
from .types import AudioBlock, Cue, Detail, Event, Phase, Status

__all__ = ["Detector", "Monitor"]

F32 = npt.NDArray[np.float32]


class Detector:
    """Hears one machine: audio blocks in, events out.

    The same audio gives the same events however it is chopped into blocks. Samples that are not finite count as zero;
    what a block says is lost is bridged.

    Parameters
    ----------
    options
        Of all stages.
    emission
        Judges frames; by default the bundled model.
    """

    def __init__(self, options: DetectorOptions | None = None, emission: Emission | None = None) -> None:
        self.options = options or DetectorOptions()
        self._extractor = FeatureExtractor(self.options.frame, self.options.feature)
        self._emission = emission or RuleEmission(self._extractor.n_bands)
        self._decoder = Decoder(self.options.decoder, self.options.frame.hop_s)
        self._cycles = CycleFold(self.options.cycle)
        self._history = LevelHistory(self.options.feature)
        self.reset()

    def reset(self) -> None:
        """Forget everything, the count included."""
        self._rate_hz: int | None = None
        self._cycles.reset()
        self._begin(0)

    def _begin(self, origin: int) -> None:
        """Start hearing afresh at sample `origin` of the source."""
        self._origin = origin
        self._taken = 0
        self._frames = 0
        self._level_dbfs = -110.0
        self._resampler: Resampler | None = None if self._rate_hz is None else Resampler(self._rate_hz)
        self._extractor.reset()
        self._decoder.reset()
        self._history.reset()
        self._run: dict[str, int] = {}

    def push(self, block: AudioBlock) -> list[Event]:
        """Take in a block; return the events that it made known, in the order in which they became known.

        Raises
        ------
        SampleRateError
            If the rate is outside 8 to 192 kHz, or differs from the first block's.
        """
        if self._rate_hz is None:
            self._rate_hz = block.rate_hz
            self._begin(block.start - block.lost)
        elif block.rate_hz != self._rate_hz:
            raise SampleRateError(
                f"sample {block.start}: the rate changed from {self._rate_hz} to {block.rate_hz} Hz within one stream; "
                "call reset() or use a new Detector"
            )
        events: list[Event] = []
        if block.lost > self.options.max_bridge_s * block.rate_hz:
            events += self.flush()
            self._begin(block.start)
        elif block.lost:
            events += self._hear(np.zeros(block.lost, dtype=np.float32), lost=True)
        samples = np.asarray(block.samples, dtype=np.float32)
        if not np.isfinite(samples).all():
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        return events + self._hear(np.clip(samples, -4.0, 4.0), lost=False)

    def flush(self) -> list[Event]:
        """End the stream: return what the audio still inside makes known."""
        events: list[Event] = []
        if self._resampler is not None:
            for piece, n in self._resampler.flush():
                events += self._advance(piece, n, lost=False)
        return events + self._events(self._decoder.flush())

    @property
    def status(self) -> Status:
        """The present phase and level, for displays."""
        now_s = self._seconds(self._frames)
        return Status(
            time_s=now_s,
            phase=self._decoder.phase,
            since_s=now_s if self._decoder.phase is Phase.BACKGROUND else self._seconds(self._decoder.since_frame),
            level_dbfs=self._level_dbfs,
            background_dbfs=self._extractor.background_dbfs,
        )

    def _hear(self, samples: F32, *, lost: bool) -> list[Event]:
        assert self._resampler is not None
        events: list[Event] = []
        for piece, n in self._resampler.push(samples):
            events += self._advance(piece, n, lost=lost)
        return events

    def _advance(self, piece: F32, taken: int, *, lost: bool) -> list[Event]:
        self._taken += taken
        features, levels = self._extractor.push(piece, lost=lost)
        if not len(features):
            return []
        self._history.push(levels)
        self._frames += len(features)
        self._level_dbfs = float(levels[-1, -1])
        log_likelihood = self._emission.log_likelihood(features) * self.options.decoder.evidence
        if lost:
            log_likelihood[:] = 0.0
        return self._events(self._decoder.push(log_likelihood))

    def _seconds(self, frame: int) -> float:
        """Time in the source of the start of the hop of `frame`."""
        rate_hz = self._rate_hz or RATE_HZ
        return self._origin / rate_hz + frame * self.options.frame.hop / RATE_HZ

    def _events(self, transitions: list[Transition]) -> list[Event]:
        events: list[Event] = []
        for transition in transitions:
            event = Event(
                transition.kind,
                self._seconds(transition.frame),
                (self._origin + self._taken) / (self._rate_hz or RATE_HZ),
                transition.confidence,
                self._measure(transition),
            )
            events.append(event)
            events += self._cycles.push(event)
        return events

    def _measure(self, transition: Transition) -> dict[str, Detail]:
        run, frame, now = self._run, transition.frame, self._frames
        details: dict[str, Detail] = {}
        if transition.kind == "pump_on":
            run.clear()
        run[transition.kind] = frame
        if transition.kind == "pressure":
            step = self._history.step(
                (max(run["pump_on"] + 20, frame - 300), frame - 30), (frame + 20, max(now, frame + 30))
            )
            if step is not None:
                details = {"quieting_db": round(step.high_db, 1), "tone_db": round(step.low_db, 1)}
            if transition.masked:
                details["masked"] = True
        elif transition.kind == "release":
            rise = self._history.hiss((frame - 30, frame - 5), (frame, now))
            if rise is not None:
                details = {"rise_db": round(rise, 1)}
        return details


class Monitor:
    """Detector and coach together: blocks in, events and cues out, in the journal's order."""

    def __init__(self, detector: Detector | None = None, coach: Coach | None = None) -> None:
        self.detector = detector or Detector()
        self.coach = coach or Coach()
        self._started = False

    def push(self, block: AudioBlock) -> list[Event | Cue]:
        """Take in a block; return what it made known and what the user should now be told."""
        records: list[Event | Cue] = []
        if not self._started:
            self._started = True
            records += self.coach.start((block.start - block.lost) / block.rate_hz)
        records += self._follow(self.detector.push(block))
        return records + list(self.coach.advance(self.detector.status.time_s))

    def flush(self) -> list[Event | Cue]:
        """End the stream."""
        records = self._follow(self.detector.flush())
        return records + list(self.coach.finish(self.detector.status.time_s))

    def _follow(self, events: list[Event]) -> list[Event | Cue]:
        records: list[Event | Cue] = []
        for event in events:
            records += self.coach.advance(event.decided_s)
            records.append(event)
            records += self.coach.push(event)
        return records
