import numpy as np
import pytest

from acoustic.displays.controls import Controls
from acoustic.displays.journal import Capture, Opening, Summary
from acoustic.displays.view import LOOKS, Look, View
from acoustic.types import (
    CUE_KINDS,
    EVENT_KINDS,
    AudioBlock,
    Cue,
    CueKind,
    Detail,
    Event,
    EventKind,
    Phase,
    Progress,
    Status,
)

CUES: dict[str, CueKind] = {kind: kind for kind in CUE_KINDS}
EVENTS: dict[str, EventKind] = {kind: kind for kind in EVENT_KINDS}


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.1 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("look", LOOKS)
def test_every_word_can_be_read_against_its_colour(look: Look) -> None:
    light, dark = sorted((luminance(look.foreground), luminance(look.background)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_nothing_rests_on_colour_alone() -> None:
    # "STOP PUMP" has three, which say below the word how urgent it is and why.
    assert len({look.word for look in LOOKS}) == len(LOOKS) - 2


class Told:
    """A view that is told things at a time."""

    def __init__(self) -> None:
        self.view, self.now_s = View(), 0.0

    def at(self, time_s: float, *kinds: str, **details: Detail) -> str:
        """Show events (or cues, written with a `!`) and return the word."""
        self.view.update(Status(time_s, Phase.BACKGROUND, 0.0, -40.0, -60.0))
        for kind in kinds:
            if kind.endswith("!"):
                self.view.show(Cue(CUES[kind[:-1]], f"{kind} text", "info", time_s))
            else:
                self.view.show(Event(EVENTS[kind], time_s, time_s, 0.9, details))
        return self.view.look.word


def test_a_session_word_by_word() -> None:
    told = Told()
    assert told.view.look.word == "STARTING"
    assert told.at(0.1) == "LISTENING"
    assert told.at(0.2, "start_pump!") == "START"
    assert told.at(5.0, "pump_on") == "FILLING"
    assert told.view.telling == "The pump runs, pressure is building up."
    assert told.at(12.0, "pressure") == "PRESSURE"
    assert told.at(13.0, "stop_pump!") == "STOP PUMP"
    assert told.view.telling == "stop_pump! text"
    assert told.at(33.0, "warning!") == "STOP PUMP"
    assert told.view.look.meaning == "Pressure has been up for long."
    assert told.at(34.0, "pump_off") == "PUMP OFF"
    assert told.view.telling == "The whoosh should come now."
    assert told.at(34.1, "release") == "WHOOSH"
    assert told.at(35.5, "release_end", "cycle", "release_ok!") == "COUNTED"
    assert told.at(36.0, "foam_clear!") == "FOAM?"
    assert told.at(44.0, "rinse_handle!") == "RINSE"
    assert told.at(90.0, "flush_group!") == "FLUSH"
    assert told.at(95.0, "done!") == "DONE"
    assert told.at(99.0, "pump_on") == "FILLING"


def test_a_stop_that_was_none() -> None:
    told = Told()
    told.at(5.0, "pump_on")
    told.at(12.0, "pressure", "stop_pump!")
    assert told.at(14.0, "pump_off") == "PUMP OFF"
    assert told.at(15.0, "pressure", again=True) == "STOP PUMP"
    assert told.view.phase_s == pytest.approx(3.0)
    assert told.at(16.0, "pump_off") == "PUMP OFF"
    told.at(30.0, "release", "release_end", "cycle", "pump_on")
    told.at(33.0, "pump_off")
    assert told.at(34.0, "pump_on", again=True) == "FILLING"


def test_pressure_that_nobody_heard() -> None:
    told = Told()
    told.at(0.0, "pump_on", "pressure", "stop_pump!", "pump_off")
    assert told.at(20.0, "pump_on") == "FILLING"
    assert told.at(45.0, "stop_pump!") == "STOP PUMP"
    assert told.view.look.meaning == "Pressure should be up by now."
    assert told.at(46.0, "pump_off") == "PUMP OFF"


def test_an_alarm_stays_when_the_pump_is_off() -> None:
    told = Told()
    told.at(5.0, "pump_on", "pressure", "pump_off", "no_release")
    told.view.show(Cue("warning", "Do not unlock the handle.", "alarm", 8.0))
    assert (told.view.look.word, told.view.telling) == ("CAREFUL", "Do not unlock the handle.")


def test_a_run_that_does_not_count_is_a_word_as_well() -> None:
    told = Told()
    told.at(5.0, "pump_on", "pump_off", "no_release", "incomplete")
    told.view.show(Cue("warning", "Not counted: too early.", "info", 8.0, "incomplete"))
    assert (told.view.look.word, told.view.telling) == ("NO COUNT", "Not counted: too early.")


def test_a_faint_pump_is_said_and_stays_known_until_it_is_heard_well() -> None:
    told = Told()
    told.view.show(Capture(0.0, "ok", "Listening."))
    told.at(5.0, "pump_on", "release_end", "cycle", over_db=3.0)
    assert told.at(6.0, "release_ok!", "faint!") == "TOO FAINT"
    assert told.at(12.0, "start_pump!") == "START"
    assert (told.view.hearing, told.view.faint is not None) == ("sound ok · pump too faint", True)
    told.at(20.0, "cycle")  # of an old journal, which does not say
    assert told.view.faint
    told.at(30.0, "cycle", over_db=9.0)
    assert told.view.hearing == "sound ok"


def test_the_foam_can_be_answered_until_the_next_step_whatever_is_said_meanwhile() -> None:
    told = Told()
    told.at(5.0, "foam_clear!", "warning!")
    assert told.view.looking
    told.view.show(Progress(11.0, 4, 6, "Water", 0, 4, 11.0))
    assert not told.view.looking


def test_a_new_step_takes_away_what_the_old_one_said() -> None:
    told = Told()
    told.at(5.0, "foam_clear!")
    told.view.show(Progress(11.0, 4, 6, "Water", 0, 4, 11.0))
    assert told.view.look.word == "LISTENING"


def test_pausing_is_seen() -> None:
    told = Told()
    told.at(5.0, "pump_on")
    told.view.show(Progress(6.0, 2, 6, "Cleaner", 1, 5, 5.0, paused=True))
    assert told.view.look.word == "PAUSED"


@pytest.mark.parametrize(
    ("state", "word"), [("stalled", "NO SOUND"), ("silent", "NO SOUND"), ("lost", "NO SOUND"), ("late", "FILLING")]
)
def test_a_deaf_microphone_comes_before_the_phase(state: str, word: str) -> None:
    told = Told()
    told.at(5.0, "pump_on")
    told.view.show(Capture(12.0, state, "Plug it in again."))
    assert told.view.look.word == word
    told.view.show(Capture(14.0, "ok", "Listening to mic."))
    assert told.view.look.word == "FILLING"


def test_what_a_phase_usually_takes_is_the_median_of_the_cycles() -> None:
    told = Told()
    told.at(5.0, "pump_on")
    assert told.view.usual_s is None
    for fill_s in (12.0, 6.0, 7.0):
        told.at(20.0, "release_end", "cycle", fill_s=fill_s, hold_s=2.0, release_s=0.0)
    assert told.view.usual_s is None  # background takes as long as people like
    told.at(30.0, "pump_on")
    assert told.view.usual_s == 7.0
    told.at(37.0, "pressure")
    assert told.view.usual_s == 2.0
    told.at(39.0, "pump_off", "release")
    assert told.view.usual_s is None  # no cycle has said how long


def test_phase_seconds_count_from_the_event() -> None:
    told = Told()
    told.at(5.0, "pump_on")
    told.at(12.5)
    assert told.view.phase_s == 7.5


def test_counts_and_ends() -> None:
    view = View(Controls(muted=True))
    view.show(Opening("mic", 48_000, "default"))
    view.show(Event("cycle", 16.0, 16.1, 0.9, {"cycle": 1}))
    view.show(Event("incomplete", 26.0, 26.1, 0.9, {"reason": "too early"}))
    view.show(Summary(1, 40.0, 0.0))
    assert [run.kind for run in view.runs] == ["cycle", "incomplete"]
    assert view.summary == Summary(1, 40.0, 0.0)
    assert view.controls.muted


def test_the_history_is_bounded() -> None:
    view = View()
    for i in range(1_000):
        view.show(Event("pump_on", float(i), float(i), 0.9))
    assert len(view.history) == 100


def test_sound_becomes_columns() -> None:
    view = View()
    view.update(Status(1.0, Phase.FILL, 0.0, -30.0, -60.0), [AudioBlock(0, np.zeros(48_000, np.float32), 48_000)])
    assert view.sound.newest(400).shape[0] == 10
