"""Cleaning procedures as data: the ones that come with the package, and the user's own TOML files.

A procedure is a title and a list of steps. Of each step, `kind` says what it is:

| kind | what happens | how it ends by itself |
|---|---|---|
| `prepare` | the user gets ready | the pump starts |
| `cycles` | `cycles` backflushes, the pump on for at least `on_s`, `pause_s` apart | they are counted |
| `foam` | the user looks into the drip tray | after `look_s`; another backflush before that goes back to the cycles |
| `rinse` | the handle is rinsed | pressure is heard again |
| `flush` | the handle is off, and the pump runs `bursts` times | they are counted |
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from ..config import CoachOptions
from ..errors import OptionError

__all__ = [
    "Cycles",
    "Flush",
    "Foam",
    "Prepare",
    "Procedure",
    "Rinse",
    "Step",
    "choose_procedure",
    "counting",
    "load_procedure",
    "procedure_names",
    "user_folder",
]

_Text = Annotated[str, Meta(min_length=1, max_length=400)]
_Name = Annotated[str, Meta(min_length=1, max_length=24)]
_Count = Annotated[int, Meta(ge=1, le=99)]
_Seconds = Annotated[float, Meta(ge=0.0, le=600.0)]


class _Step(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class Prepare(_Step, frozen=True, tag="prepare"):
    """What to do before the first cycle."""

    text: _Text
    name: _Name = "Get ready"


class Cycles(_Step, frozen=True, tag="cycles"):
    """Backflushes.

    `on_s` is how long the pump is to run at least, also where pressure is up earlier; `pause_s` is the shortest time
    from a whoosh to the next pump start, the coach's own where not given.
    """

    name: _Name
    cycles: _Count
    text: _Text | None = None
    on_s: _Seconds = 0.0
    pause_s: _Seconds | None = None


class Foam(_Step, frozen=True, tag="foam"):
    """A look into the drip tray, which no sound can replace; `more` cycles are added where the foam is still brown."""

    name: _Name = "Look at the foam"
    look_s: _Seconds = 6.0
    more: _Count = 2


class Rinse(_Step, frozen=True, tag="rinse"):
    """The handle comes off and is rinsed."""

    text: _Text
    name: _Name = "Rinse the handle"


class Flush(_Step, frozen=True, tag="flush"):
    """The pump on and off without the handle."""

    text: _Text
    bursts: _Count
    name: _Name = "Flush the group"


Step = Prepare | Cycles | Foam | Rinse | Flush


class Procedure(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole cleaning.

    Parameters
    ----------
    title
        What it is called in lists.
    source
        Where its numbers come from.
    steps
        In order; a look at the foam needs cycles before it.
    """

    title: Annotated[str, Meta(min_length=1, max_length=80)]
    source: str
    steps: Annotated[tuple[Step, ...], Meta(min_length=1, max_length=30)]

    def with_cycles(self, cycles: int) -> Procedure:
        """Return the procedure with that many backflushes in its first step that has any."""
        steps, changed = list(self.steps), False
        for index, step in enumerate(steps):
            if isinstance(step, Cycles) and not changed:
                steps[index], changed = msgspec.structs.replace(step, cycles=cycles), True
        return msgspec.structs.replace(self, steps=tuple(steps))


def counting(cycles: int) -> Procedure:
    """Return the procedure of those who know what to do: cycles, and the look at the foam."""
    steps = (
        Prepare("Blind basket and cleaner in? Turn the pump on."),
        Cycles("Cycles", cycles),
        Foam(),
    )
    return Procedure("Count cycles", "", steps)


def choose_procedure(name: str | None, cycles: int | None) -> Procedure:
    """Return the procedure of that name, or the counting of cycles; with another number of cycles if one is given.

    Raises
    ------
    OptionError
        As `load_procedure` does.
    """
    procedure = load_procedure(name) if name is not None else counting(CoachOptions().cycles)
    return procedure if cycles is None else procedure.with_cycles(cycles)


def user_folder() -> Path:
    """Folder of the user's own procedures."""
    import platformdirs

    return Path(platformdirs.user_config_dir("backflush", appauthor=False)) / "procedures"


def procedure_names() -> list[str]:
    """Return the names of all procedures, those that come with the package first."""
    return list(dict.fromkeys(path.stem for path in _files()))


def load_procedure(name: str) -> Procedure:
    """Return the procedure of that name, or in that TOML file. One of the user's own comes before one of the package's.

    Raises
    ------
    OptionError
        If there is none, or the file says something that makes no sense.
    """
    found = {path.stem: path for path in _files()}
    path = Path(name) if name.endswith(".toml") else found.get(name)
    if path is None:
        raise OptionError(
            f"no procedure is called {name!r}; there are {', '.join(found)}, and your own in {user_folder()}"
        )
    try:
        procedure = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Procedure)
    except OSError as error:
        raise OptionError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"{path}: is not text; a procedure is a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise OptionError(f"{path}: is not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise OptionError(f"{path}: {_worded(str(error))}") from error
    cycles_seen = False
    for number, step in enumerate(procedure.steps, 1):
        cycles_seen |= isinstance(step, Cycles)
        if isinstance(step, Foam) and not cycles_seen:
            raise OptionError(
                f"{path}: step {number}: there is no foam to look at before any cycles; move it behind them"
            )
    if not cycles_seen:
        raise OptionError(f'{path}: has no step of kind "cycles", so there is nothing to count')
    return procedure


def _files() -> Iterator[Path]:
    yield from sorted(Path(__file__).parent.glob("*.toml"))
    yield from sorted(user_folder().glob("*.toml"))


def _worded(message: str) -> str:
    """Turn msgspec's `- at $.steps[0].cycles` into words that come first."""
    text, _, path = message.partition(" - at `$")
    if not path:
        return text
    path = re.sub(r"\.?steps\[(\d+)\]", lambda match: f"step {int(match[1]) + 1}", path.rstrip("`").lstrip("."))
    return f"{path.replace('.', ', ')}: {text}"
