"""Sessions from disk: a recording with the journal beside it gives the blocks that were heard live, gaps included."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..coach import Coach
from ..displays.journal import Capture, Gap, Opening, Record, read_journal
from ..displays.recorder import journal_beside
from ..errors import BackflushError
from ..procedures import choose_procedure
from ..sources.file import FileSource
from ..types import Action, AudioBlock

__all__ = ["RecordedSource", "open_recording", "recorded_coach"]


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


def recorded_coach(source: FileSource | RecordedSource) -> Coach:
    """Return the coach of a recorded session: with its procedure and its cycles, the defaults for any other file.

    Raises
    ------
    OptionError
        If the procedure is not there any more.
    """
    details = source.opening.details if isinstance(source, RecordedSource) else {}
    name, cycles = details.get("procedure"), details.get("cycles")
    return Coach(procedure=choose_procedure(str(name) if name else None, cycles if isinstance(cycles, int) else None))


class RecordedSource:
    """A recording, with what its journal says was missing, what the microphone reported and what the user did.

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
        self._actions = [r for r in records if isinstance(r, Action)]
        self._told = 0
        self._at = 0

    @property
    def duration_s(self) -> float | None:
        """Length of the recording."""
        return self._source.duration_s

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks that end wherever the session's journal has a line of the microphone or of the user."""
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

    def actions(self) -> list[Action]:
        """Return what the user did since the last call, up to here."""
        found = [action for action in self._actions if self._index(action.time_s) <= self._at]
        del self._actions[: len(found)]
        return found

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._source.close()

    def _index(self, time_s: float) -> int:
        return round(time_s * self.rate_hz)

    def _pieces(self, block: AudioBlock) -> Iterator[AudioBlock]:
        times_s = [report.time_s for report in self._captures] + [action.time_s for action in self._actions]
        marks = {self._index(time_s) for time_s in times_s} | {at for gap in self._gaps for at in gap}
        edges = [block.start, *sorted(at for at in marks if block.start < at < block.stop), block.stop]
        for start, stop in itertools.pairwise(edges):
            yield AudioBlock(start, block.samples[start - block.start : stop - block.start], self.rate_hz)
