import sys
import time
from pathlib import Path

import pytest

from acoustic.displays import speech
from acoustic.displays.controls import Controls
from acoustic.displays.speech import SpeechDisplay, find_voice, spoken
from acoustic.errors import OptionError
from acoustic.types import Cue, Event, Urgency


def cue(text: str, urgency: Urgency = "info") -> Cue:
    return Cue("stop_pump", text, urgency, 1.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Pressure is up. Turn the pump off now.", "Pressure is up. Turn the pump off now."),
        ("One. Two. Three. Four.", "One. Two."),
        ("From 2.0 to 1.0 s. Look. Now.", "From 2.0 to 1.0 s. Look."),
        ("Ready? Turn it on.", "Ready? Turn it on."),
        ("Turn it off!", "Turn it off!"),
        ("Without an end", "Without an end"),
    ],
)
def test_two_sentences_are_enough(text: str, said: str) -> None:
    assert spoken(cue(text)) == said


def voice(log: Path, seconds: float = 0.0) -> tuple[str, ...]:
    """A voice that writes what it says when it has said it."""
    code = f"import sys, time; time.sleep({seconds}); open({str(log)!r}, 'a').write(sys.argv[1] + '\\n')"
    return (sys.executable, "-c", code)


def said(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_cues_are_said_and_nothing_else_and_not_while_muted(tmp_path: Path) -> None:
    log, controls = tmp_path / "log", Controls()
    display = SpeechDisplay(controls, voice(log))
    display.open()
    display.show(Event("release", 1.0, 1.1, 0.9))
    controls.press("sound")
    display.show(cue("Muted."))
    controls.press("sound")
    display.show(cue("Hello."))
    display.close()
    display.close()
    assert said(log) == ["Hello."]


def test_what_is_urgent_cuts_off_and_what_is_not_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    display = SpeechDisplay(Controls(), voice(log, 0.6))
    display.show(cue("A long story."))
    display.show(cue("By the way."))
    display.show(cue("Stop.", "act"))
    display.close()
    assert said(log) == ["Stop."]


def test_a_voice_that_hangs_or_is_gone_is_borne(tmp_path: Path) -> None:
    display = SpeechDisplay(Controls(), voice(tmp_path / "log", 60.0))
    display.show(cue("Hello."))
    began = time.monotonic()
    display.close()
    assert time.monotonic() - began < 10.0
    gone = SpeechDisplay(Controls(), ("/nowhere/voice",))
    gone.show(cue("Hello."))
    gone.close()


def test_the_first_voice_there_is_is_taken_and_none_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech.shutil, "which", lambda name: name if name == "espeak" else None)
    assert find_voice() == ("espeak",)
    monkeypatch.setattr(speech.shutil, "which", lambda name: None)
    with pytest.raises(OptionError, match="has no voice; install one"):
        find_voice()
