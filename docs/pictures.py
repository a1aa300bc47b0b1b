"""Draws docs/display.svg: the real display, in the middle of the demo recording.

python docs/pictures.py
"""

from __future__ import annotations

import io
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.screen import Screen

from acoustic.assets import demo_recording
from acoustic.displays.journal import Opening
from acoustic.displays.terminal import Frame
from acoustic.displays.view import View
from acoustic.pipeline import Monitor
from acoustic.sources.file import FileSource
from acoustic.types import Cue

COLUMNS, ROWS = 80, 24


def view_at(kind: str, number: int, after_s: float) -> View:
    """Return the session's state `after_s` after the cue of that kind has come for the `number`-th time."""
    monitor, view, until_s = Monitor(), View(keys=True), float("inf")
    with closing(FileSource(demo_recording(), block_s=0.02, name="demo recording")) as source:
        view.show(Opening(source.name, source.rate_hz, "default"))
        for block in source:
            for record in monitor.push(block):
                view.show(record)
                if isinstance(record, Cue) and record.kind == kind:
                    number -= 1
                    until_s = record.time_s + after_s if number == 0 else until_s
            view.update(monitor.detector.status, [block])
            if view.time_s >= until_s:
                return view
    raise SystemExit(f"the demo recording has no cue {kind} that often")


def draw(view: View, path: Path) -> None:
    """Export one frame."""
    console = Console(
        width=COLUMNS, height=ROWS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Screen(Frame(view)), end="")
    console.save_svg(str(path), title="backflush listen")


if __name__ == "__main__":
    draw(view_at("stop_pump", 3, 1.2), Path(__file__).with_name("display.svg"))
