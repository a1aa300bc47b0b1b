"""The process that holds the microphone, with a sound system that misbehaves in ways no virtual sound card can."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from acoustic.config import CaptureOptions
from acoustic.errors import DeviceError, PortAudioMissingError
from acoustic.sources.health import CaptureState
from acoustic.sources.microphone import MicrophoneSource, list_inputs, open_microphone
from acoustic.types import AudioBlock

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def sound(mode: str) -> None:
        monkeypatch.setenv("PYTHONPATH", os.fspath(Path(__file__).with_name("fake")))
        monkeypatch.setenv("FAKE_SOUND", mode)
        monkeypatch.setenv("FAKE_FOLDER", os.fspath(tmp_path))
        monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
        monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: os.fspath(tmp_path))

    return sound


def blocks(source: MicrophoneSource, seconds: float) -> list[AudioBlock]:
    """Return what comes in so many seconds of the clock on the wall."""
    taken, began_s = [], time.monotonic()
    for block in source:
        taken.append(block)
        if time.monotonic() - began_s > seconds:
            return taken
    return taken


def test_without_portaudio_the_user_is_told_what_to_install(fake: Callable[[str], None]) -> None:
    fake("missing")
    with pytest.raises(PortAudioMissingError, match=r"needs the PortAudio library, which is missing; .*install it"):
        MicrophoneSource()
    with pytest.raises(PortAudioMissingError):
        list_inputs()


def test_a_busy_device_is_told(fake: Callable[[str], None]) -> None:
    fake("busy")
    with pytest.raises(DeviceError, match=r"Microphone \(Fake\) cannot be opened: Device unavailable; another program"):
        MicrophoneSource()


def test_a_device_that_hangs_while_opening_is_given_up(fake: Callable[[str], None]) -> None:
    fake("hangs")
    with pytest.raises(DeviceError, match="did not open within 1 s: the sound system hangs"):
        MicrophoneSource(options=CaptureOptions(open_s=1.0))


def test_a_device_that_hangs_while_closing_is_left_behind(fake: Callable[[str], None]) -> None:
    fake("hangs when closed")
    source = MicrophoneSource()
    assert blocks(source, 0.3)
    began_s = time.monotonic()
    source.close()
    source.close()
    assert time.monotonic() - began_s < 3.0


def test_the_default_of_the_least_converted_host_api_is_taken(fake: Callable[[str], None]) -> None:
    fake("fine")
    inputs = list_inputs()
    assert [(d.name, d.host_api, d.is_default) for d in inputs] == [
        ("Microphone (Fak", "MME", False),
        ("Microphone (Fake)", "Windows WASAPI", True),
    ]
    assert inputs[1].rates_hz == (16_000, 48_000)
    source = MicrophoneSource()
    source.close()
    assert source.name == "Microphone (Fake), Windows WASAPI"


def test_rates_are_converted_by_the_system_only_where_nothing_else_opens(fake: Callable[[str], None]) -> None:
    fake("converted")
    source = MicrophoneSource()
    assert blocks(source, 0.2)
    source.close()


def test_a_device_that_comes_back_at_another_rate_keeps_the_session_at_the_first(fake: Callable[[str], None]) -> None:
    fake("other rate")
    source = MicrophoneSource()
    began_s = time.monotonic()
    taken = blocks(source, 3.0)
    lasted_s = time.monotonic() - began_s
    source.close()
    at = taken[0].start
    for block in taken:
        assert (block.rate_hz, block.start - block.lost) == (48_000, at)
        at = block.stop
    assert sum(block.lost > 0 for block in taken) == 1
    assert at / 48_000 == pytest.approx(lasted_s, abs=0.3)
    # The ramp of 100 samples at 16 kHz is one of 300 at 48 kHz.
    late = np.concatenate([block.samples for block in taken])[-9_600:]
    assert np.abs(np.fft.rfft(late * np.hanning(9_600)))[10:].argmax() + 10 == pytest.approx(9_600 / 300, abs=1)


def test_the_choice_is_remembered_and_a_missing_one_replaced(fake: Callable[[str], None]) -> None:
    fake("fine")
    open_microphone("fake").close()
    source = open_microphone(None)
    source.close()
    assert source.name == "Microphone (Fake), Windows WASAPI"
    gone = MicrophoneSource(preferred="Yeti, ALSA")
    gone.close()
    assert [report.text for report in gone.reports()] == [
        "Yeti, ALSA is not there: listening to Microphone (Fake) instead."
    ]
    assert gone.health.state is CaptureState.OK
    open_microphone("default").close()


def tried(folder: Path) -> list[str]:
    return (folder / "tried").read_text().splitlines()


def test_wasapi_is_asked_for_the_raw_sound_first_and_to_convert_last(
    fake: Callable[[str], None], tmp_path: Path
) -> None:
    fake("raw")
    MicrophoneSource().close()
    kinds = list(dict.fromkeys(line.split(" ", 2)[2] for line in tried(tmp_path)))
    assert kinds == ["raw 1", "plain", "converted"]


def test_wasapi_is_not_mentioned_elsewhere(fake: Callable[[str], None], tmp_path: Path) -> None:
    fake("not windows")
    MicrophoneSource().close()
    assert tried(tmp_path) == ["48000 1 plain"]


def test_a_stream_whose_callback_fails_is_opened_again(
    fake: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    fake("callback fails")
    source = MicrophoneSource()
    taken = blocks(source, 2.5)
    states = [report.state for report in source.reports()]
    source.close()
    assert states == [CaptureState.LOST, CaptureState.OK]
    assert len(taken[-1].samples)
    assert sum(block.lost > 0 for block in taken) == 1
    assert capfd.readouterr() == ("", "")


def test_a_stream_that_opens_and_never_calls_back_is_stalled(fake: Callable[[str], None]) -> None:
    fake("never calls back")
    source = MicrophoneSource()
    began_s = time.monotonic()
    for _ in source:
        if source.health.state is CaptureState.STALLED or time.monotonic() - began_s > 5.0:
            break
    assert time.monotonic() - began_s < 1.5
    source.close()
    assert [report.text for report in source.reports()] == [source.health.text]
    assert "No sound comes from Microphone (Fake)" in source.health.text
