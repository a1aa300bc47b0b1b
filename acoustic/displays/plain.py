"""Sessions as plain lines: for pipes, for terminals that can do no more, and for `replay`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..types import Cue, Event, Progress
from .journal import Capture, Gap, Opening, Record, Summary
from .wording import clock, describe

__all__ = ["PlainDisplay", "plain_line", "plain_lines"]


def plain_line(record: Record) -> str:
    """Return a record as one line: its time, and what was heard or (after an arrow) said."""
    match record:
        case Opening() | Summary():
            return describe(record)
        case Cue():
            return f"{clock(record.time_s):>10}  >> {record.text}"
        case Progress():
            return f"{clock(record.time_s):>10}  -- {describe(record)}"
        case Capture() | Gap():
            return f"{clock(record.time_s):>10}  !! {describe(record)}"
        case _:
            return f"{clock(record.time_s):>10}  {describe(record)}"


def plain_lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield a line for each record that tells people something new, and an empty one at the end."""
    yield from (plain_line(record) for record in records if not _implied(record))
    yield ""


def _implied(record: Record) -> bool:
    # The verdict on the run comes with the whoosh's end and says how long it was; a cue says what was counted.
    return (isinstance(record, Event) and record.kind == "release_end") or (
        isinstance(record, Progress) and record.count > 0
    )


class PlainDisplay:
    """A line for each record, as it comes.

    Parameters
    ----------
    write
        Puts out one line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def open(self) -> None:
        """Nothing to get ready."""

    def show(self, record: Record) -> None:
        """Print the record, except the summary: whoever ends the session prints that."""
        if not isinstance(record, Summary) and not _implied(record):
            self._write(plain_line(record))

    def close(self) -> None:
        """Nothing to give back."""
