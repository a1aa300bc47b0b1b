"""A source through the live detector, record by record: what `replay`, `listen` and `acoustic.detect` all run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..config import DetectorOptions
from ..displays.journal import Capture, Gap, Opening, Record, Summary
from ..errors import BackflushError
from ..pipeline import Detector, Monitor
from ..types import Action, AudioBlock, AudioSource, Detail, Event
from .recording import open_recording

__all__ = ["ActedSource", "Report", "WatchedSource", "detect", "replay"]


class Report(Protocol):
    """What a source that watches itself has to say."""

    @property
    def state(self) -> str:
        """As a journal's `capture` line has it."""
        ...

    @property
    def text(self) -> str:
        """What is wrong, and what to do."""
        ...


@runtime_checkable
class WatchedSource(Protocol):
    """A source that watches itself, as the microphone does."""

    def reports(self) -> Sequence[Report]:
        """Return what has been found since the last call."""
        ...


@runtime_checkable
class ActedSource(Protocol):
    """A source that knows what the user did in its time, as a recorded session does."""

    def actions(self) -> Sequence[Action]:
        """Return what was done since the last call."""
        ...


def replay(
    source: AudioSource,
    monitor: Monitor,
    *,
    model: str = "default",
    details: Mapping[str, Detail] | None = None,
    on_block: Callable[[AudioBlock], None] | None = None,
) -> Iterator[Record]:
    """Yield a session's journal: its opening, what the monitor makes of every block, and the summary.

    Between them stand the gaps in the audio, and what a source that watches itself reports.

    Parameters
    ----------
    source
        Read to its end, not closed.
    monitor
        Fresh; decides what each block means.
    model
        What the journal calls the detector's model.
    details
        For the opening.
    on_block
        Called after each block's records have been taken.

    Raises
    ------
    BackflushError
        Whatever the source raises, after the records of all that could be read, the summary included.
    """
    yield Opening(source.name, source.rate_hz, model, details=dict(details or {}))
    cycles = incomplete = stop = lost = 0
    # Asked once: for a protocol the question takes as long as a hop's features.
    watched = source if isinstance(source, WatchedSource) else None
    acted = source if isinstance(source, ActedSource) else None
    failure: BackflushError | None = None

    def counted(records: list[Record]) -> list[Record]:
        nonlocal cycles, incomplete
        events = [record for record in records if isinstance(record, Event)]
        kinds = [event.kind for event in events]
        cycles += kinds.count("cycle")
        taken_back = sum(event.kind == "cycle" and "late" in event.details for event in events)
        incomplete += kinds.count("incomplete") - taken_back
        return records

    try:
        for block in source:
            if block.lost:
                yield Gap(block.start / block.rate_hz, block.lost / block.rate_hz)
            yield from counted([*monitor.push(block)])
            stop, lost = block.stop, lost + block.lost
            for report in watched.reports() if watched else ():
                yield Capture(stop / block.rate_hz, str(report.state), report.text)
            for action in acted.actions() if acted else ():
                yield from monitor.act(action)
            if on_block:
                on_block(block)
    except BackflushError as error:
        failure = error
    yield from counted([*monitor.flush()])
    yield Summary(cycles, stop / source.rate_hz, lost / source.rate_hz, {"incomplete": incomplete})
    if failure:
        raise failure


def detect(path: str | Path, options: DetectorOptions | None = None) -> list[Event]:
    """Return the events of a recording, in the order in which the detector knew them.

    Parameters
    ----------
    path
        Any file that libsndfile reads, 8 to 192 kHz, any number of channels.
    options
        Of the detector's stages.

    Raises
    ------
    AudioFileError
        If the file cannot be read, or breaks off.
    """
    detector = Detector(options)
    with closing(open_recording(path)) as source:
        events = [event for block in source for event in detector.push(block)]
    return events + detector.flush()
