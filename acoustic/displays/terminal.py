"""The display in a terminal, made to be read from a metre away with wet hands.

Drawn with rich rather than with textual: there is nothing to click or to scroll, a frame is a pure function of the
session's state and the terminal's size, so that a resize needs no handling of its own, and the first frame stands some
0.1 s earlier. Not with rich's Live either, which draws and sends the whole screen for every frame: this does so for
the rows that have changed. Where standard output is no terminal, `plain.PlainDisplay` prints a line for each record.
"""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import numpy.typing as npt
from pyfiglet import Figlet
from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.control import Control
from rich.padding import Padding
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..types import AudioBlock, Event, Status
from .controls import KEYS, Key
from .journal import Record
from .view import LOOKS, Look, View
from .wording import clock, describe

__all__ = ["Frame", "TerminalDisplay", "session_summary"]

_FRAME_S = 0.2
_LETTER_ROWS = 5
# The whole screen has colours of its own, so that it looks the same on dark and on light terminals.
_FOREGROUND, _BACKGROUND = "#ffffff", "#1c1c1c"
_PAPER = Style(color=_FOREGROUND, bgcolor=_BACKGROUND)
# Rows of facts that come before the picture of the sound, and the most rows that picture takes.
_FACT_ROWS, _SOUND_ROWS = 3, 12
# matplotlib's cividis in steps, made for colour-blind eyes (Nunez, Anderton and Renslow 2018).
_SHADES = ("#00224e", "#1e3a6f", "#47516c", "#666970", "#848279", "#a59c74", "#c8b866", "#fee838")
# What a level bar spans, in dBFS: a quiet kitchen at night to full scale.
_LEVEL_RANGE_DBFS = (-80.0, 0.0)
_EIGHTHS = " ▏▎▍▌▋▊▉█"

_Line = list[Segment]


class TerminalDisplay:
    """The whole screen of a terminal.

    Parameters
    ----------
    view
        The state that is shown; this display folds the records into it.
    console
        Where to draw.
    clock
        Monotonic seconds, to draw no more than five frames a second between records.
    """

    def __init__(self, view: View, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._console = console
        self._clock = clock
        self._drawn_s = -1.0
        self._drawn: list[_Line] = []
        self._size: tuple[int, int] = (0, 0)

    def open(self) -> None:
        """Take the screen."""
        self._console.set_alt_screen(True)
        self._console.show_cursor(False)
        self._draw()

    def show(self, record: Record) -> None:
        """Show a record at once; the machine comes before the web page's address."""
        self._view.show(record)
        if isinstance(record, Event):
            self._view.controls.code = False
        self._draw()

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        """Show the status with the next frame."""
        self._view.update(status, blocks)
        if self._clock() - self._drawn_s >= _FRAME_S:
            self._draw()

    def close(self) -> None:
        """Give the screen back."""
        self._console.show_cursor(True)
        self._console.set_alt_screen(False)

    def _draw(self) -> None:
        self._drawn_s = self._clock()
        width, height = size = self._console.size
        if size != self._size:
            # Whatever the terminal has made of the old picture, none of it is right any more.
            self._size, self._drawn = size, []
        lines = Frame(self._view).lines(width, height)
        with self._console as console:
            for row, line in enumerate(lines):
                if row >= len(self._drawn) or line != self._drawn[row]:
                    console.print(Control.move_to(0, row), Segments(line), sep="", end="", crop=False, no_wrap=True)
        self._drawn = lines


def session_summary(view: View) -> RenderableType:
    """Return what remains on the terminal after a session: a line for each run of the pump, and the sum.

    The sum is of what was heard; how far the cleaning has come is the coach's word, which knows of counts by hand.
    """
    words = [describe(view.summary)] if view.summary else []
    words += [view.cue.text] if view.cue and view.cue.kind == "done" else []
    last = Text("\n".join(words))
    if not view.runs:
        return last
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("at", "cycle", "fill s", "hold s", "whoosh s", ""):
        table.add_column(name, justify="right" if name else "left")
    for run in view.runs:
        seconds = [_seconds(run.details.get(name)) for name in ("fill_s", "hold_s", "release_s")]
        number = str(run.details.get("cycle", "")) if run.kind == "cycle" else "-"
        table.add_row(clock(run.time_s), number, *seconds, Text(str(run.details.get("reason", ""))))
    return Group(table, last)


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a session, as large as the terminal is: what matters less gives way where there is no room."""

    view: View

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield exactly as many lines as the terminal has rows."""
        lines = self.lines(options.max_width, options.height or console.height)
        for number, line in enumerate(lines, 1):
            yield from line
            if number < len(lines):
                yield Segment.line()

    def lines(self, width: int, height: int) -> list[_Line]:
        """Return `height` lines of `width` cells."""
        view = self.view
        if view.controls.code and view.code and len(view.code) + 3 <= height and len(view.code[0]) <= width:
            return _drawn(_code, width, tuple(view.code), view.address, view.keys, height)
        scale = _scale(width, height)
        above = [
            *_drawn(_header, width, *_place(view)),
            *_drawn(_banner, width, view.look, _telling(view), scale),
            *_drawn(_counters, width, _count(view), view.phase_s // 1, scale),
            *_drawn(_bar, width, *_usual(view)),
            *_drawn(_bar, width, *_level(view)),
        ]
        facts = [line for fact in _facts(view, height) for line in _drawn(_fact, width, fact)]
        # The facts of the moment first, then the sound, then the runs so far in what is left.
        free = height - 1 - len(above) - min(len(facts), _FACT_ROWS)
        rows = min(_SOUND_ROWS, max(0, free if free < 4 else free * 2 // 3))
        lines = [*above, *_sound(view.sound.newest(width - 4), width, rows), *facts]
        blank = _drawn(_fact, width, "")
        keys = _drawn(_keys, width, *_fitting_keys(view))
        return [*lines[: height - 1], *blank * (height - 1 - len(lines)), *keys]


# Parts of the frame, each a function of what it shows.


@functools.lru_cache(maxsize=256)
def _drawn(part: Callable[..., RenderableType], width: int, *content: Hashable) -> list[_Line]:
    """Return a part's lines; what has been drawn before is not drawn again. Not to be changed."""
    console = Console(
        width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor", legacy_windows=False
    )
    return console.render_lines(part(*content), style=_PAPER)


def _scale(width: int, height: int) -> int:
    """Return how many cells a block of a letter is wide and high, 0 if there is no room for block letters."""
    widest = max(_letters(look.word).width for look in LOOKS)
    # Two rows of letters (word and counters) and some ten rows of text.
    return max(0, min((width - 4) // widest, (height - 12) // (2 * _LETTER_ROWS)))


class _Letters:
    """A word in block letters, as rows of equal width."""

    def __init__(self, word: str) -> None:
        rows = Figlet("ansi_regular", width=1000).renderText(word).splitlines()[:_LETTER_ROWS]
        self.width = max(len(row.rstrip()) for row in rows)
        self.rows = [row[: self.width].ljust(self.width) for row in rows]

    def scaled(self, scale: int) -> str:
        return "\n".join("".join(cell * scale for cell in row) for row in self.rows for _ in range(scale))


_letters = functools.lru_cache(maxsize=256)(_Letters)


def _big(word: str, scale: int, colour: str) -> Text:
    """Return the word in block letters, or as it is where there is no room for them."""
    shown = _letters(word).scaled(scale) if scale else word
    text = Text(shown, style=f"bold {colour}", justify="left", no_wrap=True, overflow="crop")
    # The same colour behind the blocks: no font then shows seams between them.
    text.highlight_regex("█+", f"{colour} on {colour}")
    return text


def _place(view: View) -> tuple[str, str]:
    """Return what the header says on the left and on the right."""
    where = [view.opening.source if view.opening else "getting ready"]
    if view.progress:
        where.append(describe(view.progress))
    state = [view.hearing, "muted" if view.controls.muted else ""]
    return " · ".join(where), "  ".join([*filter(None, state), f"{clock(view.time_s // 1, decimals=0)} "])


def _header(left: str, right: str) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    row.add_column(justify="right", no_wrap=True)
    row.add_row(Text.assemble((" backflush ", f"bold {_BACKGROUND} on {_FOREGROUND}"), " ", left), right)
    return row


def _banner(look: Look, telling: str, scale: int) -> RenderableType:
    gap = [Text()] if scale else []
    word = Align.center(_big(look.word, scale, look.foreground))
    text = Align.center(Text(telling, style="bold", justify="center"))
    return Padding(Group(*gap, word, *gap, text), (0, 1), style=f"{look.foreground} on {look.background}")


def _telling(view: View) -> str:
    """Return the line below the word, with the keys that answer it."""
    asked = view.cue is not None and view.cue.kind in ("foam_clear", "rinse_handle") and view.telling == view.cue.text
    return f"{view.telling} Press space for clean, m for more." if asked and view.keys else view.telling


def _counters(count: str, seconds: float, scale: int) -> RenderableType:
    row = Table.grid(expand=True)
    for _ in range(2):
        row.add_column(ratio=1, justify="center", no_wrap=True)
    if scale:
        row.add_row("", "")
    # Without a unit: in block letters an S is a 5.
    time = str(int(seconds)) if seconds < 100 else clock(seconds, decimals=0)
    # Align, not the column, centres block letters: a column would centre each of their rows by itself.
    row.add_row(*(Align.center(_big(word, scale, _FOREGROUND)) for word in (count, time)))
    row.add_row("counted", "seconds in this phase" if seconds < 100 else "in this phase")
    return row


def _count(view: View) -> str:
    return f"{view.progress.count}/{view.progress.target}" if view.progress else "-"


def _usual(view: View) -> tuple[str, float | None, str, str]:
    """Return how far the phase has come, against what it usually takes here."""
    usual_s = view.usual_s
    if usual_s is None:
        return "", None, "", ""
    return "phase", _rounded(view.phase_s / usual_s), f"of about {usual_s:.0f} s", view.look.background


def _level(view: View) -> tuple[str, float | None, str, str]:
    if view.status is None:
        return "", None, "", ""
    low, high = _LEVEL_RANGE_DBFS
    share = (view.status.level_dbfs - low) / (high - low)
    return "level", _rounded(share), f"{view.status.level_dbfs:4.0f} dB", view.look.background


def _rounded(share: float) -> float:
    # To what a bar can show: equal bars are drawn once.
    return round(min(max(share, 0.0), 1.0), 3)


def _bar(name: str, share: float | None, value: str, colour: str) -> RenderableType:
    return Text() if share is None else _Bar(name, share, value, colour)


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    share: float
    value: str
    colour: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(4, options.max_width - 24)
        eighths = round(self.share * room * 8)
        bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
        parts = (f"  {self.name} ", (bar.ljust(room), f"{self.colour} on #444444"), f" {self.value}")
        yield Text.assemble(*parts, no_wrap=True, overflow="crop")


def _sound(columns: npt.NDArray[np.float32], width: int, rows: int) -> list[_Line]:
    """Return the spectrogram of the last seconds: two bands a row, high ones above."""
    if rows < 1 or not len(columns):
        return _drawn(_fact, width, "") * rows
    edges = np.linspace(0, columns.shape[1], 2 * rows + 1).round().astype(int)
    bands = np.stack([columns[:, a:b].mean(axis=1) for a, b in pairwise(edges)])[::-1]
    shades = np.minimum((bands * len(_SHADES)).astype(int), len(_SHADES) - 1).tolist()
    left, right = Segment(" " * (width - 2 - len(columns)), _PAPER), Segment("  ", _PAPER)
    lines = []
    for upper, lower in zip(shades[::2], shades[1::2], strict=True):
        runs = groupby(zip(upper, lower, strict=True))
        lines.append([left, *(Segment("▀" * sum(1 for _ in run), _shade(*pair)) for pair, run in runs), right])
    return lines


@functools.cache
def _shade(above: int, below: int) -> Style:
    return Style(color=_SHADES[above], bgcolor=_SHADES[below])


def _facts(view: View, rows: int) -> list[str]:
    """Return up to so many lines of what has happened, what matters most first."""
    lines = []
    last = [f"last whoosh {clock(view.last_release.time_s)}"] if view.last_release else []
    last += [f"last cue {clock(view.cue.time_s)}: {view.cue.text}"] if view.cue else []
    if last:
        lines.append(f"  {', '.join(last)}")
    if view.faint and view.faint is not view.cue:
        # The header says what is wrong; here is what to do, which has to fit a line.
        lines.append(f"  {view.faint.text.partition('. ')[2]}")
    lines += [f"  {clock(run.time_s)}  {describe(run)}" for run in view.runs[: -rows - 1 : -1]]
    if view.address:
        lines.insert(_FACT_ROWS - 1, f"  web page {view.address}")
    return lines[:rows]


def _fact(text: str) -> RenderableType:
    return Text(text, no_wrap=True, overflow="ellipsis")


def _code(code: Sequence[str], address: str, keys: bool, height: int) -> RenderableType:
    """Return the web page's address to be scanned."""
    square = Text("\n".join(code), style="#000000 on #ffffff", justify="left", no_wrap=True)
    words = f"\nScan this, or open {address}" + (" ([w] goes on)" if keys else "")
    return Align(Group(Align.center(square), Text(words, justify="center")), "center", vertical="middle", height=height)


def _fitting_keys(view: View) -> tuple[tuple[Key, ...], bool]:
    """Return the keys that do something now, and whether the session is paused; none without a keyboard."""
    unfit = {*(() if view.looking else ("clean", "more")), *(() if view.address else ("code",))}
    keys = tuple(key for key in KEYS if key.command not in unfit) if view.keys else ()
    return keys, bool(view.progress and view.progress.paused)


def _keys(keys: Sequence[Key], paused: bool) -> RenderableType:
    if not keys:
        return Text(" Ctrl-C ends with a summary", style="dim", no_wrap=True, overflow="ellipsis")
    text = Text(no_wrap=True, overflow="ellipsis")
    for key in keys:
        text.append(f" {'space' if key.key == ' ' else key.key} ", f"{_BACKGROUND} on #bbbbbb")
        text.append(f" {'go on' if paused and key.command == 'pause' else key.label} ")
    return text


def _seconds(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else ""
