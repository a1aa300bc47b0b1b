"""Label tracks: the phases of a session as intervals, for Audacity and for the field's tab-separated files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..types import PHASE_AFTER, Event, Phase
from .journal import Record, Summary
from .wording import describe

__all__ = ["Label", "PhaseLabels", "audacity_line", "audacity_lines", "phase_labels", "tsv_lines"]

_LABELLED = (Phase.FILL, Phase.HOLD, Phase.RELEASE)


@dataclass(frozen=True, slots=True)
class Label:
    """A stretch of sound, [onset_s, offset_s), or a moment where the two are the same."""

    onset_s: float
    offset_s: float
    label: str


class PhaseLabels:
    """A fold over events in the order of their decision: fill, hold and release of every pump run.

    Fill lasts from `pump_on` to `pressure` or `pump_off`, hold from `pressure` to `pump_off`, release from `release` to
    `release_end`.
    """

    def __init__(self) -> None:
        self._phase = Phase.BACKGROUND
        self._onset_s = 0.0

    def push(self, event: Event) -> list[Label]:
        """Take one event and return the labels that it completes."""
        if event.kind not in PHASE_AFTER:
            return []
        done = self._end(event.time_s)
        self._phase, self._onset_s = PHASE_AFTER[event.kind], event.time_s
        return done

    def finish(self, duration_s: float) -> list[Label]:
        """End with the session: a phase that is still open ends there."""
        done = self._end(duration_s)
        self._phase = Phase.BACKGROUND
        return done

    def _end(self, time_s: float) -> list[Label]:
        if self._phase not in _LABELLED or time_s <= self._onset_s:
            return []
        return [Label(self._onset_s, time_s, self._phase)]


def phase_labels(events: Iterable[Event], duration_s: float) -> list[Label]:
    """Return the phases of a whole session, events in the order of their decision."""
    fold = PhaseLabels()
    return [label for event in events for label in fold.push(event)] + fold.finish(duration_s)


def tsv_lines(records: Iterable[Record], filename: str | None = None) -> Iterator[str]:
    """Yield a header and a line for each phase: onset, offset, label; before them the file's name if one is given."""
    first = [] if filename is None else ["filename"]
    yield "\t".join([*first, "onset", "offset", "label"])
    yield from tsv_rows(records, filename)


def tsv_rows(records: Iterable[Record], filename: str | None = None) -> Iterator[str]:
    """Yield the lines of `tsv_lines` without the header, for the second file and those after it."""
    for label in _labels(records):
        first = [] if filename is None else [filename]
        yield "\t".join([*first, f"{label.onset_s:.3f}", f"{label.offset_s:.3f}", label.label])


def audacity_lines(records: Iterable[Record], filename: str | None = None) -> Iterator[str]:
    """Yield the lines of an Audacity label track: the phases as regions; cycles, or why there was none, as points."""
    for label in _labels(records, verdicts=True):
        yield audacity_line(
            label if filename is None else Label(label.onset_s, label.offset_s, f"{filename}: {label.label}")
        )


def audacity_line(label: Label) -> str:
    """Return one label as Audacity imports it: start, end and text between tabs."""
    return f"{label.onset_s:.6f}\t{label.offset_s:.6f}\t{' '.join(label.label.split())}"


def _labels(records: Iterable[Record], *, verdicts: bool = False) -> Iterator[Label]:
    fold = PhaseLabels()
    for record in records:
        if isinstance(record, Event):
            yield from fold.push(record)
            if verdicts and record.kind in ("cycle", "incomplete"):
                yield Label(record.time_s, record.time_s, describe(record))
        elif isinstance(record, Summary):
            yield from fold.finish(record.duration_s)
