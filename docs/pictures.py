"""Draws the pictures in this folder from the real displays and the demo recording.

The page and the report are photographed in Chromium, which playwright drives: python docs/pictures.py
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.screen import Screen

from acoustic.assets import demo_recording
from acoustic.coach import Coach
from acoustic.displays.journal import Opening
from acoustic.displays.terminal import Frame
from acoustic.displays.view import View
from acoustic.pipeline import Detector, Monitor
from acoustic.procedures import choose_procedure
from acoustic.sources.file import FileSource
from acoustic.types import Cue, Event

FOLDER = Path(__file__).parent
COLUMNS, ROWS = 80, 24
# What is waited for, the how manieth of it, and how long after it the picture is taken.
MOMENTS = {
    "display-filling": ("pump_on", 3, 4.0),
    "display": ("stop_pump", 3, 1.2),
    "display-counted": ("release_ok", 3, 0.5),
    "display-foam": ("foam_clear", 1, 0.5),
}


def view_at(kind: str, number: int, after_s: float) -> View:
    """Return the session's state `after_s` after an event or cue of that kind has come for the `number`-th time."""
    monitor = Monitor(Detector(), Coach(procedure=choose_procedure("home", None)))
    view, until_s = View(keys=True), float("inf")
    with closing(FileSource(demo_recording(), block_s=0.02, name="demo recording")) as source:
        view.show(Opening(source.name, source.rate_hz, "default"))
        for block in source:
            for record in monitor.push(block):
                view.show(record)
                if isinstance(record, Cue | Event) and record.kind == kind:
                    number -= 1
                    until_s = record.time_s + after_s if number == 0 else until_s
            view.update(monitor.detector.status, [block])
            if view.time_s >= until_s:
                return view
    return view


def draw(view: View, path: Path) -> None:
    """Export one frame of the terminal display."""
    console = Console(
        width=COLUMNS, height=ROWS, record=True, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Screen(Frame(view)), end="")
    console.save_svg(str(path), title="backflush listen --procedure home")


def photograph() -> None:
    """Take pictures of the page during a session, and of a report."""
    from playwright.sync_api import sync_playwright

    backflush = [sys.executable, "-m", "acoustic"]
    arguments = ["listen", "--demo", "--speed", "2", "--procedure", "home", "--web", "--web-port", "8377"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with subprocess.Popen([*backflush, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as session:
            assert session.stderr is not None
            session.stderr.readline()
            for name, word, width, height in (("page-phone", "STOP PUMP", 390, 780), ("page", "STOP PUMP", 1024, 700)):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.goto("http://127.0.0.1:8377/")
                page.locator("#word", has_text=word).wait_for(timeout=60_000)
                page.wait_for_timeout(400)
                page.screenshot(path=FOLDER / f"{name}.png")
                page.close()
            session.terminate()
        report = Path(folder) / "report.html"
        subprocess.run([*backflush, "report", "recordings/demo.flac", "-o", str(report)], check=True, cwd=FOLDER.parent)
        page = browser.new_page(viewport={"width": 1024, "height": 900})
        page.goto(report.as_uri())
        page.screenshot(path=FOLDER / "report.png")
        browser.close()


if __name__ == "__main__":
    for name, moment in MOMENTS.items():
        draw(view_at(*moment), FOLDER / f"{name}.svg")
    photograph()
