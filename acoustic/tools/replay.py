"""A source through the live detector, record by record: what `replay`, `listen` and `acoustic.detect` all run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from ..config import DetectorOptions
from ..displays.journal import Opening, Record, Summary
from ..errors import BackflushError
from ..pipeline import Detector, Monitor
from ..sources.file import FileSource
from ..types import AudioBlock, AudioSource, Detail, Event

__all__ = ["detect", "replay"]


def replay(
    source: AudioSource,
    monitor: Monitor,
    *,
    model: str = "default",
    details: Mapping[str, Detail] | None = None,
    on_block: Callable[[AudioBlock], None] | None = None,
) -> Iterator[Record]:
    """Yield a session's journal: its opening, what the monitor makes of every block, and the summary.

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
    failure: BackflushError | None = None

    def counted(records: list[Record]) -> list[Record]:
        nonlocal cycles, incomplete
        kinds = [record.kind for record in records if isinstance(record, Event)]
        cycles += kinds.count("cycle")
        incomplete += kinds.count("incomplete")
        return records

    try:
        for block in source:
            yield from counted([*monitor.push(block)])
            stop, lost = block.stop, lost + block.lost
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
    with closing(FileSource(path)) as source:
        events = [event for block in source for event in detector.push(block)]
    return events + detector.flush()
