"""Sessions from disk: a recording with the journal beside it gives the blocks that were heard live, gaps included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..config import CoachOptions
from ..displays.journal import Capture, Gap, Opening, Record, read_journal
from ..displays.recorder import journal_beside
from ..errors import BackflushError
from ..sources.file import FileSource
from ..types import AudioBlock

__all__ = ["RecordedSource", "coach_options", "open_recording"]


def open_recording(path: str | Path) -> FileSource | RecordedSource:
    """Return a file as a source, with its gaps if it is a session's recording.

    Raises
    ------
    AudioFileError
        If the file cannot be read.
    LabelError
        If the journal beside it is damaged.
    """
    source = FileSource(path)
    beside = journal_beside(Path(path))
    if not beside.is_file():
        return source
    try:
        records = list(read_journal(beside))
    except BackflushError:
        source.close()
        raise
    opening = next((record for record in records if isinstance(record, Opening)), None)
    if opening is None or opening.details.get("recording") != Path(path).name:
        return source  # a journal of something else
    return RecordedSource(source, records)


def coach_options(source: FileSource | RecordedSource) -> CoachOptions:
    """Return what the coach of a recorded session was told, the defaults for any other file."""
    target = source.opening.details.get("target") if isinstance(source, RecordedSource) else None
    return CoachOptions(cycles=target) if isinstance(target, int) else CoachOptions()


class RecordedSource:
    """A recording, with what its journal says was missing and what the microphone reported.

    Parameters
    ----------
    source
        The sound; zeros where some is missing.
    records
        The session's journal.
    """

    def __init__(self, source: FileSource, records: list[Record]) -> None:
        self._source = source
        self.opening = next(record for record in records if isinstance(record, Opening))
        self.name = source.name
        self.rate_hz = source.rate_hz
        self._gaps = [(self._index(r.time_s - r.lost_s), self._index(r.time_s)) for r in records if isinstance(r, Gap)]
        self._captures = [r for r in records if isinstance(r, Capture)]
        self._told = 0
        self._at = 0

    @property
    def duration_s(self) -> float | None:
        """Length of the recording."""
        return self._source.duration_s

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks that end wherever the session's journal has a line of the microphone."""
        lost = 0
        yield AudioBlock(0, np.empty(0, np.float32), self.rate_hz)
        for block in self._source:
            for piece in self._pieces(block):
                if any(start <= piece.start < stop for start, stop in self._gaps):
                    lost += len(piece.samples)
                    continue
                self._at = piece.stop
                yield AudioBlock(piece.start, piece.samples, self.rate_hz, lost)
                lost = 0

    def reports(self) -> list[Capture]:
        """Return what the microphone reported up to here."""
        found = [r for r in self._captures[self._told :] if self._index(r.time_s) <= self._at]
        self._told += len(found)
        return found

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._source.close()

    def _index(self, time_s: float) -> int:
        return round(time_s * self.rate_hz)

    def _pieces(self, block: AudioBlock) -> Iterator[AudioBlock]:
        marks = {self._index(r.time_s) for r in self._captures} | {at for gap in self._gaps for at in gap}
        edges = [block.start, *sorted(at for at in marks if block.start < at < block.stop), block.stop]
        for start, stop in itertools.pairwise(edges):
            yield AudioBlock(start, block.samples[start - block.start : stop - block.start], self.rate_hz)
