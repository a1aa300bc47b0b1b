"""The display in a terminal, made to be read from a metre away with wet hands.

Drawn with rich's Live rather than with textual: there is nothing to click or to scroll, a frame is a pure function of
the session's state and the terminal's size, so a resize needs no handling of its own, and the first frame stands some
0.1 s earlier. Where standard output is no terminal, `plain.PlainDisplay` prints a line for each record instead.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
from pyfiglet import Figlet
from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..types import AudioBlock, Event, Status
from .controls import KEYS
from .journal import Record
from .view import LOOKS, View
from .wording import clock, describe

__all__ = ["Frame", "TerminalDisplay", "session_summary"]

_FRAME_S = 0.125
_LETTER_ROWS = 5
# The whole screen has colours of its own, so that it looks the same on dark and on light terminals.
_FOREGROUND, _BACKGROUND = "#ffffff", "#1c1c1c"
# Rows of facts that come before the picture of the sound, and the most rows that picture takes.
_FACT_ROWS, _SOUND_ROWS = 3, 12
# matplotlib's cividis in 16 steps, made for colour-blind eyes (Nunez, Anderton and Renslow 2018).
_SHADES = (
    "#00224e", "#002e6c", "#1e3a6f", "#35456c", "#47516c", "#575d6d", "#666970", "#757575",
    "#848279", "#948e77", "#a59c74", "#b7a96e", "#c8b866", "#dbc75a", "#eed649", "#fee838",
)  # fmt: skip
# What a level bar spans, in dBFS: a quiet kitchen at night to full scale.
_LEVEL_RANGE_DBFS = (-80.0, 0.0)
_EIGHTHS = " ▏▎▍▌▋▊▉█"


class TerminalDisplay:
    """The whole screen of a terminal.

    Parameters
    ----------
    view
        The state that is shown; this display folds the records into it.
    console
        Where to draw.
    clock
        Monotonic seconds, to draw no more than eight frames a second between records.
    """

    def __init__(self, view: View, console: Console, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._console = console
        self._clock = clock
        self._drawn_s = -1.0
        self._live = Live(
            console=console,
            screen=True,
            auto_refresh=False,
            get_renderable=lambda: Frame(view),
        )

    def open(self) -> None:
        """Take the screen."""
        self._live.start(refresh=True)

    def show(self, record: Record) -> None:
        """Show a record at once; the machine comes before the web page's address."""
        self._view.show(record)
        if isinstance(record, Event):
            self._view.controls.code = False
        self._refresh()

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        """Show the status with the next frame."""
        self._view.update(status, blocks)
        if self._clock() - self._drawn_s >= _FRAME_S:
            self._refresh()

    def close(self) -> None:
        """Give the screen back."""
        self._live.stop()

    def _refresh(self) -> None:
        self._drawn_s = self._clock()
        self._live.refresh()


def session_summary(view: View) -> RenderableType:
    """Return what remains on the terminal after a session: a line for each run of the pump, and the sum."""
    last = Text(describe(view.summary) if view.summary else "")
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
        view, width, height = self.view, options.max_width, options.height or console.height
        if view.controls.code and view.code and len(view.code) + 3 <= height and len(view.code[0]) <= width:
            yield from _code(view, width, height).__rich_console__(console, options)
            return
        scale = _scale(width, height)
        inside = options.update(width=width, height=None)
        style = Style(color=_FOREGROUND, bgcolor=_BACKGROUND)

        def lines_of(*parts: RenderableType) -> list[list[Segment]]:
            return [line for part in parts for line in console.render_lines(part, inside, style=style)]

        above = lines_of(
            _header(view), _banner(view, scale), _counters(view, scale), _usual(view, width), _level(view, width)
        )
        facts = lines_of(*_facts(view))
        # The facts of the moment first, then the sound, then the runs so far in what is left.
        free = height - 1 - len(above) - min(len(facts), _FACT_ROWS)
        picture = lines_of(*_sound(view, width, min(_SOUND_ROWS, max(0, free if free < 4 else free * 2 // 3))))
        lines = above + picture + facts
        blank = lines_of(Text())
        lines = lines[: height - 1] + blank * (height - 1 - len(lines)) + lines_of(_keys(view))
        for number, line in enumerate(lines, 1):
            yield from line
            if number < height:
                yield Segment.line()


def _scale(width: int, height: int) -> int:
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
    text = Text(
        _letters(word).scaled(scale) if scale else word,
        style=f"bold {colour}",
        justify="left",
        no_wrap=True,
        overflow="crop",
    )
    # The same colour behind the blocks: no font then shows seams between them.
    text.highlight_regex("█+", f"{colour} on {colour}")
    return text


def _header(view: View) -> RenderableType:
    row = Table.grid(expand=True)
    row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    row.add_column(justify="right", no_wrap=True)
    where = [view.opening.source if view.opening else "getting ready"]
    if view.progress:
        where.append(describe(view.progress))
    state = [f"sound {view.capture.state}" if view.capture else "", "muted" if view.controls.muted else ""]
    left = Text.assemble((" backflush ", f"bold {_BACKGROUND} on {_FOREGROUND}"), " ", " · ".join(where))
    row.add_row(left, "  ".join([*filter(None, state), f"{clock(view.time_s, decimals=0)} "]))
    return row


def _banner(view: View, scale: int) -> RenderableType:
    look = view.look
    style = f"{look.foreground} on {look.background}"
    text = view.telling
    gap = Text() if scale else None
    parts = [
        gap,
        Align.center(_big(look.word, scale, look.foreground)),
        gap,
        Align.center(Text(text, style="bold", justify="center")),
        gap,
    ]
    return Padding(Group(*(part for part in parts if part is not None)), (0, 1), style=style)


def _counters(view: View, scale: int) -> RenderableType:
    row = Table.grid(expand=True)
    for _ in range(2):
        row.add_column(ratio=1, justify="center", no_wrap=True)
    row.add_row("", "")
    # Align, not the column, centres block letters: a column would centre each of their rows by itself.
    row.add_row(
        *(Align.center(_big(word, scale, _FOREGROUND)) for word in (_count(view), _whole_seconds(view.phase_s)))
    )
    row.add_row("counted", "seconds in this phase" if view.phase_s < 100 else "in this phase")
    return row


def _count(view: View) -> str:
    return f"{view.progress.count}/{view.progress.target}" if view.progress else "-"


def _whole_seconds(time_s: float) -> str:
    # Without a unit: in block letters an S is a 5.
    return str(int(time_s)) if time_s < 100 else clock(int(time_s), decimals=0)


def _usual(view: View, width: int) -> RenderableType:
    """Return how far the phase has come, against what it usually takes here."""
    usual_s = view.usual_s
    if usual_s is None:
        return Text()
    share, value = view.phase_s / usual_s, f"of about {usual_s:.0f} s"
    return _bar("  phase ", share, value, view.look.background, width)


def _level(view: View, width: int) -> RenderableType:
    if view.status is None:
        return Text()
    low, high = _LEVEL_RANGE_DBFS
    share = (view.status.level_dbfs - low) / (high - low)
    return _bar("  level ", share, f"{view.status.level_dbfs:4.0f} dB", view.look.background, width)


def _bar(name: str, share: float, value: str, colour: str, width: int) -> Text:
    room = max(4, width - 24)
    eighths = round(min(max(share, 0.0), 1.0) * room * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    return Text.assemble(name, (bar.ljust(room), f"{colour} on #444444"), f" {value}", no_wrap=True, overflow="crop")


def _sound(view: View, width: int, rows: int) -> list[Text]:
    """Return the spectrogram of the last seconds: two bands a row, high ones above."""
    columns = view.sound.newest(width - 4)
    if rows < 1 or not len(columns):
        return [Text()] * rows
    edges = np.linspace(0, columns.shape[1], 2 * rows + 1).round().astype(int)
    bands = np.stack([columns[:, a:b].mean(axis=1) for a, b in pairwise(edges)])[::-1]
    shades = np.minimum((bands * len(_SHADES)).astype(int), len(_SHADES) - 1)
    lines = []
    for upper, lower in zip(shades[::2], shades[1::2], strict=True):
        line = Text(" " * (width - 2 - len(columns)), no_wrap=True, overflow="crop")
        for (above, below), run in groupby(zip(upper.tolist(), lower.tolist(), strict=True)):
            line.append("▀" * sum(1 for _ in run), f"{_SHADES[above]} on {_SHADES[below]}")
        lines.append(line)
    return lines


def _code(view: View, width: int, height: int) -> Align:
    """Return the web page's address to be scanned."""
    text = Text("\n".join(view.code), style="#000000 on #ffffff", justify="left", no_wrap=True)
    words = "\nScan this, or open " + view.address + (" ([w] goes on)" if view.keys else "")
    both = Group(Align.center(text), Text(words, justify="center"))
    style = f"{_FOREGROUND} on {_BACKGROUND}"
    return Align(both, "center", vertical="middle", style=style, width=width, height=height)


def _facts(view: View) -> list[Text]:
    lines = []
    if release := view.last_release:
        length_s = view.runs[-1].details.get("release_s") if view.runs else None
        over = view.runs and view.runs[-1].time_s >= release.time_s and isinstance(length_s, float)
        lines.append(f"  Last whoosh  {clock(release.time_s)}" + (f"  {length_s:.1f} s long" if over else ""))
    if view.cue:
        lines.append(f"  Last cue     {clock(view.cue.time_s)}  {view.cue.text}")
    if view.address:
        lines.append(f"  Web page     {view.address}")
    for run in reversed(view.runs):
        lines.append(f"               {clock(run.time_s)}  {describe(run)}")
    return [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]


def _keys(view: View) -> RenderableType:
    if not view.keys:
        return Text(" Ctrl-C ends with a summary", style="dim", no_wrap=True, overflow="ellipsis")
    looking = view.cue is not None and view.cue.kind in ("foam_clear", "rinse_handle")
    unfit = {*(() if looking else ("clean", "more")), *(() if view.address else ("code",))}
    keys = [key for key in KEYS if key.command not in unfit]
    names = {"pause": "go on"} if view.progress and view.progress.paused else {}
    text = Text(no_wrap=True, overflow="ellipsis")
    for key in keys:
        text.append(f" {'space' if key.key == ' ' else key.key} ", f"{_BACKGROUND} on #bbbbbb")
        text.append(f" {names.get(key.command, key.label)}  ")
    return text


def _seconds(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else ""
