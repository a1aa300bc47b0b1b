"""The display, looked at as a terminal shows it: rich draws into pyte, a terminal in memory."""

import io

import numpy as np
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, ConsoleDimensions
from rich.screen import Screen

from acoustic.displays.journal import Capture, Opening, Record, Summary
from acoustic.displays.terminal import Frame, TerminalDisplay, session_summary
from acoustic.displays.view import View
from acoustic.types import AudioBlock, Cue, Event, EventKind, Phase, Progress, Status

STOP = Cue("stop_pump", "Pressure is up. Turn the pump off now.", "act", 12.0)
CYCLE = Event(
    "cycle", 16.0, 16.1, 0.9, {"cycle": 1, "fill_s": 7.5, "hold_s": 2.5, "release_s": 1.4, "quieting_db": -12.0}
)
EARLY = Event("incomplete", 26.0, 26.1, 0.9, {"reason": "released before pressure was up", "fill_s": 2.0})
REACHED_BY: dict[Phase, EventKind] = {
    Phase.BACKGROUND: "release_end",
    Phase.FILL: "pump_on",
    Phase.HOLD: "pressure",
    Phase.STOPPED: "pump_off",
    Phase.RELEASE: "release",
}


class Terminal(io.StringIO):
    """Standard output of a terminal of a given size."""

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.drawn: list[str] = []
        self.console = Console(file=self, force_terminal=True, color_system="truecolor", width=columns, height=rows)

    def write(self, text: str) -> int:
        self.drawn.append(text)
        # A real terminal's driver turns a newline into carriage return and line feed.
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)


def view_of(*records: Record, phase: Phase = Phase.HOLD, since_s: float = 11.5) -> View:
    view = View(keys=True)
    view.show(Opening("recordings/demo.flac", 48_000, "default"))
    view.show(Progress(3.0, 2, 6, "Cleaner", 1, 5, 3.0))
    reached = Event(REACHED_BY[phase], since_s, since_s + 0.2, 0.9)
    events = [record for record in records if isinstance(record, Event)]
    for record in (*events, reached, *(record for record in records if not isinstance(record, Event))):
        view.show(record)
    hiss = np.random.default_rng(1).standard_normal(48_000 * 10).astype(np.float32) * 0.01
    view.update(Status(14.0, phase, since_s, -31.5, -55.0), [AudioBlock(0, hiss, 48_000)])
    return view


def shown(view: View, columns: int = 80, rows: int = 24) -> str:
    terminal = Terminal(columns, rows)
    terminal.console.print(Screen(Frame(view)), end="")
    return terminal.text


def test_at_80_by_24_everything_that_matters_is_there() -> None:
    text = shown(view_of(Event("release", 9.0, 9.1, 0.9), CYCLE, EARLY, STOP))
    # "STOP PUMP" in block letters, its top row
    assert "███████ ████████  ██████  ██████      ██████  ██    ██ ███    ███ ██████" in text
    for part in (
        "demo.flac · step 2 of 6: Cleaner",
        "0:14",
        "Pressure is up. Turn the pump off now.",
        "counted",
        "in this phase",
        "of about 2 s",
        "-32 dB",
        "▀▀▀▀▀",
        "last whoosh 0:09.0, last cue 0:12.0: Pressure is up.",
        "not counted: released before pressure was up",
        "p  pause",
        "q  quit",
    ):
        assert part in text


def test_a_faint_pump_is_in_the_header_and_its_remedy_below_until_it_is_heard_well() -> None:
    view = view_of(CYCLE, STOP)
    view.show(Capture(1.0, "ok", "Listening to mic."))
    view.show(Cue("faint", "Cannot hear the pump well. Bring the microphone nearer.", "act", 12.5))
    assert "Cannot hear the pump well. Bring" in shown(view)
    view.show(STOP)
    assert "sound ok · pump too faint" in shown(view).splitlines()[0]
    assert "  Bring the microphone nearer." in shown(view)


def test_a_stop_cue_is_not_repeated_once_the_pump_is_off() -> None:
    assert "The whoosh should come now." in shown(view_of(STOP, phase=Phase.STOPPED, since_s=13.0))


def test_the_keys_fit_the_moment() -> None:
    assert "clean" not in shown(view_of())
    looking = view_of(Cue("foam_clear", "Look into the drip tray.", "act", 13.0), phase=Phase.BACKGROUND)
    assert "space  clean  m  more" in shown(looking)
    assert "Look into the drip tray. Press space for clean, m for more." in shown(looking)
    paused = view_of(Progress(13.0, 2, 6, "Cleaner", 1, 5, 3.0, paused=True))
    assert "p  go on" in shown(paused)
    quiet = view_of()
    quiet.keys = False
    assert "Ctrl-C ends with a summary" in shown(quiet)


def test_muted_and_capture_are_told_in_the_header() -> None:
    view = view_of(Capture(13.0, "late", "The sound comes late."))
    view.controls.press("sound")
    assert "sound late  muted" in shown(view).splitlines()[0]


def test_a_deaf_microphone_says_what_to_do() -> None:
    text = shown(view_of(Capture(14.0, "lost", "Rig Mic A is gone. Plug it in again.")))
    assert "Rig Mic A is gone. Plug it in again." in text


@given(st.integers(20, 250), st.integers(6, 80), st.sampled_from(Phase))
def test_any_size_is_filled_exactly(columns: int, rows: int, phase: Phase) -> None:
    console = Console(width=columns, height=rows, file=io.StringIO(), force_terminal=True)
    lines = console.render_lines(Frame(view_of(CYCLE, EARLY, STOP, phase=phase)), console.options)
    assert len(lines) == rows
    assert all(sum(segment.cell_length for segment in line) == columns for line in lines)


def test_letters_grow_with_the_terminal() -> None:
    assert "██████████████  ████  ████" in shown(view_of(phase=Phase.FILL), 200, 50)
    assert "FILLING" in shown(view_of(phase=Phase.FILL), 60, 15)


def test_the_display_follows_a_session_and_a_resize() -> None:
    terminal = Terminal(80, 24)
    now_s = iter(range(1_000))
    display = TerminalDisplay(View(), terminal.console, clock=lambda: float(next(now_s)))
    display.open()
    display.show(Opening("mic", 48_000, "default"))
    display.show(Event("pump_on", 0.5, 0.8, 0.9))
    display.update(Status(1.0, Phase.FILL, 0.5, -30.0, -60.0), [])
    assert "The pump runs" in terminal.text
    terminal.screen.resize(30, 100)
    terminal.console.size = ConsoleDimensions(100, 30)
    display.show(Event("pressure", 1.5, 1.9, 0.9))
    display.show(STOP)
    display.update(Status(2.0, Phase.HOLD, 1.5, -30.0, -60.0), [])
    assert "Pressure is up. Turn the pump off now." in terminal.text
    assert "The pump runs" not in terminal.text
    display.close()


def test_between_records_no_more_than_five_frames_a_second_and_only_what_has_changed() -> None:
    terminal = Terminal(80, 24)
    now_s = 0.0
    display = TerminalDisplay(View(), terminal.console, clock=lambda: now_s)
    display.open()
    terminal.drawn.clear()
    for i in range(100):
        now_s = 1.0 + i / 100
        display.update(Status(now_s, Phase.FILL, 0.0, -30.0 - i, -60.0), [])
    frames = [text for text in terminal.drawn if text]
    assert 4 <= len(frames) <= 6
    # The level's row, and hardly anything else.
    assert max(map(len, frames[1:])) < 500
    display.close()


@pytest.mark.parametrize("records", [(), (CYCLE, EARLY)])
def test_the_summary_lists_every_run(records: tuple[Record, ...]) -> None:
    terminal = Terminal(100, 24)
    view = view_of(*records)
    view.show(Cue("done", "Stopped early: cleaner 2 of 5.", "info", 30.0, "session"))
    view.show(Summary(len(records) // 2, 30.0, 0.0, {"incomplete": len(records) // 2}))
    terminal.console.print(session_summary(view))
    assert ("released before pressure was up" in terminal.text) == bool(records)
    assert f"{len(records) // 2} cycle" in terminal.text
    assert "Stopped early: cleaner 2 of 5." in terminal.text
