"""The display in a terminal, made to be read from a metre away with wet hands.

Drawn with rich's Live rather than with textual: there is nothing to click or to scroll, a frame is a pure function of
the session's state and the terminal's size, so a resize needs no handling of its own, and the first frame stands some
0.1 s earlier. Where standard output is no terminal, `plain.PlainDisplay` prints a line for each record instead.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass

from pyfiglet import Figlet
from rich.align import Align
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.padding import Padding
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..types import Event, Phase, Status
from .journal import Record
from .view import SHOWN, View
from .wording import clock, describe

__all__ = ["Frame", "TerminalDisplay", "session_summary"]

_FRAME_S = 0.125
_LETTER_ROWS = 5
# The whole screen has colours of its own, so that it looks the same on dark and on light terminals.
_FOREGROUND, _BACKGROUND = "#ffffff", "#1c1c1c"
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
        """Show a record at once."""
        self._view.show(record)
        self._refresh()

    def update(self, status: Status) -> None:
        """Show the status with the next frame."""
        self._view.update(status)
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
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    for name in ("at", "cycle", "fill s", "hold s", "whoosh s", ""):
        table.add_column(name, justify="right" if name else "left")
    for record in view.history:
        if isinstance(record, Event) and record.kind in ("cycle", "incomplete"):
            seconds = [_seconds(record.details.get(name)) for name in ("fill_s", "hold_s", "release_s")]
            number = str(record.details.get("cycle", "")) if record.kind == "cycle" else "-"
            table.add_row(clock(record.time_s), number, *seconds, str(record.details.get("reason", "")))
    last = Text(describe(view.summary) if view.summary else "")
    return Group(table, last) if table.row_count else last


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of a session, as large as the terminal is: what matters less gives way where there is no room."""

    view: View

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield exactly as many lines as the terminal has rows."""
        view, width, height = self.view, options.max_width, options.height or console.height
        scale = _scale(width, height)
        inside = options.update(width=width, height=None)
        style = Style(color=_FOREGROUND, bgcolor=_BACKGROUND)
        lines: list[list[Segment]] = []
        for part in (_header(view), _banner(view, scale), _counters(view, scale), _level(view, width), *_facts(view)):
            lines += console.render_lines(part, inside, style=style)
        blank = console.render_lines(Text(), inside, style=style)
        lines = (
            lines[: height - 1]
            + blank * (height - 1 - len(lines))
            + console.render_lines(_footer(), inside, style=style)
        )
        for number, line in enumerate(lines, 1):
            yield from line
            if number < height:
                yield Segment.line()


def _scale(width: int, height: int) -> int:
    widest = max(_letters(look.word).width for look in SHOWN.values())
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
    source = view.opening.source if view.opening else "getting ready"
    row.add_row(
        Text.assemble((" backflush ", f"bold {_BACKGROUND} on {_FOREGROUND}"), f" {source}"),
        f"{clock(view.time_s, decimals=0)} ",
    )
    return row


def _banner(view: View, scale: int) -> RenderableType:
    look = view.look
    style = f"{look.foreground} on {look.background}"
    text = _telling(view)
    gap = Text() if scale else None
    parts = [
        gap,
        Align.center(_big(look.word, scale, look.foreground)),
        gap,
        Align.center(Text(text, style="bold", justify="center")),
        gap,
    ]
    return Padding(Group(*(part for part in parts if part is not None)), (0, 1), style=style)


def _telling(view: View) -> str:
    """Return the line below the word: the cue, unless the machine has moved on from it."""
    cue = view.cue
    if view.deaf and view.capture:
        return view.capture.text
    if cue is None or (cue.kind == "stop_pump" and view.phase is not Phase.HOLD):
        return view.look.meaning.capitalize() + "."
    return cue.text


def _counters(view: View, scale: int) -> RenderableType:
    row = Table.grid(expand=True)
    for _ in range(2):
        row.add_column(ratio=1, justify="center", no_wrap=True)
    row.add_row("", "")
    # Align, not the column, centres block letters: a column would centre each of their rows by itself.
    row.add_row(
        *(
            Align.center(_big(word, scale, _FOREGROUND))
            for word in (f"{view.cycles}/{view.target_cycles}", _whole_seconds(view.phase_s))
        )
    )
    row.add_row("cycles counted", "seconds in this phase" if view.phase_s < 100 else "in this phase")
    return row


def _whole_seconds(time_s: float) -> str:
    # Without a unit: in block letters an S is a 5.
    return str(int(time_s)) if time_s < 100 else clock(int(time_s), decimals=0)


def _level(view: View, width: int) -> RenderableType:
    low, high = _LEVEL_RANGE_DBFS
    room = max(10, width - 20)
    status = view.status
    level_dbfs = status.level_dbfs if status else low
    eighths = round((min(max(level_dbfs, low), high) - low) / (high - low) * room * 8)
    bar = "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")
    value = f"{level_dbfs:4.0f} dB" if status else ""
    return Text.assemble("  level ", (bar.ljust(room), f"{view.look.background} on #444444"), f" {value}", no_wrap=True)


def _facts(view: View) -> list[Text]:
    lines = []
    if release := view.last_release:
        lines.append(Text(f"  Last whoosh  {clock(release.time_s)}", no_wrap=True, overflow="ellipsis"))
    if cue := view.cue:
        lines.append(Text(f"  Last cue     {clock(cue.time_s)}  {cue.text}", no_wrap=True, overflow="ellipsis"))
    if incomplete := view.last_incomplete:
        lines.append(
            Text(
                f"  Not counted  {clock(incomplete.time_s)}  {incomplete.details.get('reason', '')}",
                no_wrap=True,
                overflow="ellipsis",
            )
        )
    for record in reversed(view.history):
        if isinstance(record, Event) and record.kind == "cycle":
            lines.append(
                Text(
                    f"               {clock(record.time_s)}  {describe(record)}",
                    style="dim",
                    no_wrap=True,
                    overflow="ellipsis",
                )
            )
    return lines


def _footer() -> RenderableType:
    return Text(" Ctrl-C ends with a summary", style="dim", no_wrap=True, overflow="ellipsis")


def _seconds(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else ""
