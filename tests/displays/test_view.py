import pytest

from acoustic.displays.journal import Capture, Opening, Summary
from acoustic.displays.view import SHOWN, View
from acoustic.types import Cue, Event, Phase, Status


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_can_be_read_against_its_colour(phase: Phase) -> None:
    look = SHOWN[phase]
    light, dark = sorted((luminance(look.foreground), luminance(look.background)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_no_two_phases_rest_on_colour_alone() -> None:
    assert len({look.word for look in SHOWN.values()}) == len(SHOWN)


def test_a_session_as_it_is_seen() -> None:
    view = View(5)
    assert view.look.word == "STARTING"
    view.show(Opening("mic", 48_000, "default"))
    view.update(Status(0.1, Phase.BACKGROUND, 0.0, -60.0, -60.0))
    assert view.look.word == "LISTENING"
    view.show(Event("pump_on", 5.0, 5.3, 0.9))
    view.update(Status(12.0, Phase.FILL, 5.0, -30.0, -60.0))
    assert (view.look.word, view.phase_s) == ("FILLING", 7.0)
    words = []
    for kind in ("pressure", "pump_off", "release", "release_end", "cycle"):
        view.show(Event(kind, 15.0, 15.2, 0.9))  # type: ignore[arg-type]
        words.append(view.look.word)
    assert words == ["STOP PUMP", "PUMP OFF", "WHOOSH", "LISTENING", "LISTENING"]
    assert view.last_release is not None
    view.show(Event("incomplete", 26.0, 26.1, 0.9, {"reason": "too early"}))
    assert (view.cycles, view.incomplete) == (1, 1)
    view.show(Cue("done", "All done.", "info", 30.0))
    assert view.look.word == "DONE"
    view.show(Event("pump_on", 35.0, 35.3, 0.9))
    assert view.look.word == "FILLING"
    view.show(Summary(1, 40.0, 0.0))
    assert view.summary == Summary(1, 40.0, 0.0)


@pytest.mark.parametrize(
    ("state", "word"), [("stalled", "NO SOUND"), ("silent", "NO SOUND"), ("lost", "NO SOUND"), ("late", "FILLING")]
)
def test_a_deaf_microphone_comes_before_the_phase(state: str, word: str) -> None:
    view = View(5)
    view.show(Event("pump_on", 5.0, 5.3, 0.9))
    view.update(Status(12.0, Phase.FILL, 5.0, -30.0, -60.0))
    view.show(Capture(12.0, state, "Plug it in again."))
    assert view.look.word == word
    view.show(Capture(14.0, "ok", "Listening to mic."))
    assert view.look.word == "FILLING"


def test_the_history_is_bounded() -> None:
    view = View(5)
    for i in range(1_000):
        view.show(Event("pump_on", float(i), float(i), 0.9))
    assert len(view.history) == 100
    assert view.history[-1].time_s == 999.0
