"""The journal: JSON Lines, one record a line, the same for `listen`, `replay` and everything that follows a session.

A line's `type` is `session`, `event`, `cue`, `progress`, `action`, `capture`, `gap` or `summary`; the rest are the
record's own fields, with its details beside them. Times are seconds in the source's own time. New types, kinds and
fields may be added: a reader passes over types it does not know and keeps fields it does not know as details.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from ..errors import BackflushError, LabelError
from ..types import Action, Cue, Detail, Event, Progress

__all__ = ["Capture", "Gap", "JournalWriter", "Opening", "Record", "Summary", "decode", "encode", "read_journal"]

_NO_DETAILS: Mapping[str, Detail] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Opening:
    """A session begins: the journal's `session` line."""

    source: str
    rate_hz: int
    model: str
    version: int = 1
    details: Mapping[str, Detail] = field(default_factory=lambda: _NO_DETAILS)


@dataclass(frozen=True, slots=True)
class Capture:
    """How the microphone is doing has changed: the state it is in now, and in words what to do about it."""

    time_s: float
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound is missing: `lost_s` seconds of it, directly before `time_s`."""

    time_s: float
    lost_s: float


@dataclass(frozen=True, slots=True)
class Summary:
    """A session has ended: complete cycles, seconds of sound, and seconds of it that were lost."""

    cycles: int
    duration_s: float
    lost_s: float
    details: Mapping[str, Detail] = field(default_factory=lambda: _NO_DETAILS)


Record = Opening | Event | Cue | Progress | Action | Capture | Gap | Summary
_TYPES: dict[str, type[Record]] = {
    "session": Opening,
    "event": Event,
    "cue": Cue,
    "progress": Progress,
    "action": Action,
    "capture": Capture,
    "gap": Gap,
    "summary": Summary,
}
_NAMES = {record_type: name for name, record_type in _TYPES.items()}
# How a field's annotation (a string, since annotations are postponed) reads in JSON.
_JSON_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def encode(record: Record) -> str:
    """Return the record as one line of JSON, without the newline.

    Raises
    ------
    ValueError
        If a detail has the name of a field, or a field is not a finite number.
    """
    line: dict[str, Any] = {"type": _NAMES[type(record)]}
    line |= {f.name: getattr(record, f.name) for f in fields(record) if f.name != "details"}
    details = getattr(record, "details", _NO_DETAILS)
    if clash := line.keys() & details.keys():
        raise ValueError(f"{record}: details may not be called {', '.join(sorted(clash))}, which are fields")
    # JSON knows no NaN or infinity.
    line |= {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in details.items()}
    return json.dumps(line, separators=(",", ":"), allow_nan=False)


def decode(line: str, where: str = "journal") -> Record | None:
    """Return the record that a line holds, None for a type of record that this version does not know.

    Parameters
    ----------
    line
        One line of JSON.
    where
        File and line number, for the error.

    Raises
    ------
    LabelError
        If the line is not a record.
    """
    try:
        values = json.loads(line, parse_constant=_refuse)
    except ValueError as error:
        raise LabelError(f"{where}: is not JSON ({error}); is this a journal?") from error
    if not isinstance(values, dict) or not isinstance(values.get("type"), str):
        raise LabelError(f'{where}: wanted an object with a "type", got {line.strip()[:60]}; is this a journal?')
    record_type = _TYPES.get(values.pop("type"))
    if record_type is None:
        return None
    known: dict[str, Any] = {}
    for f in fields(record_type):
        if f.name == "details":
            continue
        wanted = _JSON_TYPES.get(str(f.type), (str,))
        if f.name not in values:
            if f.name == "urgency":
                known["urgency"] = "info"
            elif f.default is MISSING:
                raise LabelError(f'{where}: a {_NAMES[record_type]} line wants "{f.name}"')
            continue
        value = values.pop(f.name)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise LabelError(f'{where}: "{f.name}" is {value!r}, wanted {" or ".join(t.__name__ for t in wanted)}')
        known[f.name] = value
        if f.type == "float":
            known[f.name] = float(known[f.name])
    if any(f.name == "details" for f in fields(record_type)):
        if nested := [name for name, value in values.items() if isinstance(value, list | dict)]:
            raise LabelError(f'{where}: "{nested[0]}" holds a list or object, wanted a single value')
        known["details"] = values
    return record_type(**known)


class JournalWriter:
    """Appends records to a file, each on disk as soon as it is written, so that a kill loses none.

    A file that exists is gone on with: its sessions stay, and a line that a kill tore off is closed first. The
    journal is the record of the session, not a display: it is written by the thread that detects, a few short lines a
    minute.

    Parameters
    ----------
    target
        A path, or a stream that is already open, which is not closed.

    Raises
    ------
    BackflushError
        If the file cannot be opened, or holds something else than a journal.
    """

    def __init__(self, target: str | Path | TextIO) -> None:
        self._owned = isinstance(target, str | Path)
        if isinstance(target, str | Path):
            path = Path(target)
            try:
                torn = path.is_file() and _ends_torn(path)
                self._file: TextIO = path.open("a", encoding="utf-8", newline="\n", buffering=1)
            except OSError as error:
                raise BackflushError(
                    f"{path}: the journal cannot be written: {error.strerror}; choose another place"
                ) from error
            if torn:
                self._file.write("\n")
        else:
            self._file = target

    def write(self, record: Record) -> None:
        """Write one record and see it out of the program."""
        self._file.write(encode(record) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if self._owned:
            self._file.close()

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_journal(path: str | Path) -> Iterator[Record]:
    """Yield the records of a journal file, a torn last line left out.

    Raises
    ------
    LabelError
        If the file cannot be read, or a line of it is not a record.
    """
    try:
        with Path(path).open(encoding="utf-8") as file:
            yield from _records(file, str(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise LabelError(f"{path}: the journal cannot be read: {reason}") from error


def _records(lines: Iterable[str], name: str) -> Iterator[Record]:
    torn: LabelError | None = None
    for number, line in enumerate(lines, 1):
        if not line.strip() or not line.endswith("\n"):
            continue
        try:
            record = decode(line, f"{name}:{number}")
        except LabelError as error:
            if torn:
                raise torn from None
            torn = error
            continue
        # Only a session that was killed and gone on with leaves half a line inside a journal: the next begins after it.
        if torn and not isinstance(record, Opening):
            raise torn
        torn = None
        if record is not None:
            yield record
    if torn:
        raise torn


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _ends_torn(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(1) not in (b"", b"{"):
            raise BackflushError(f"{path}: holds something else than a journal; choose another name for the journal")
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 1))
        return file.read(1) not in (b"", b"\n")
