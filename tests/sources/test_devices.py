"""A microphone is found by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from acoustic.errors import DeviceError
from acoustic.sources.devices import (
    InputDevice,
    choose_device,
    forget_device,
    remember_device,
    remembered_device,
)


def device(name: str, host_api: str = "ALSA", *, is_default: bool = False, source: str = "") -> InputDevice:
    return InputDevice(name, host_api, 48_000, 2, is_default, source=source)


WINDOWS = [
    device("Microphone (Yeti Stereo Microph", "MME", is_default=True),
    device("Microphone (Yeti Stereo Microphone)", "Windows DirectSound"),
    device("Microphone (Yeti Stereo Microphone)", "Windows WASAPI"),
    device("Line In (Yeti Stereo Microphone)", "Windows WASAPI"),
    device("Headset (Buds)", "Windows WASAPI"),
]


@pytest.mark.parametrize("wanted", ["mic_a", "MIC_A", "mic a", "mic_a, ALSA"])
def test_an_exact_name_wins_over_a_part_of_another(wanted: str) -> None:
    devices = [device("Rig_Mic_A", "PulseAudio"), device("mic_a"), device("mic_a2")]
    assert choose_device(devices, wanted).name == "mic_a"


def test_the_least_converted_host_api_is_taken() -> None:
    assert choose_device(WINDOWS, "microphone (yeti").host_api == "Windows WASAPI"
    assert choose_device(WINDOWS, "Yeti Stereo Microph, MME").host_api == "MME"


def test_an_ambiguous_name_lists_what_it_could_be() -> None:
    with pytest.raises(DeviceError, match=r"'yeti' could be any of 'Microphone \(Yeti.*', 'Line In \(Yeti"):
        choose_device(WINDOWS, "yeti")


def test_an_unknown_name_lists_the_nearest() -> None:
    with pytest.raises(DeviceError, match=r"no microphone is called 'Headset Bud'; nearest: 'Headset \(Buds\)'"):
        choose_device(WINDOWS, "Headset Bud")
    with pytest.raises(DeviceError, match="there are: 'left', 'right'"):
        choose_device([device("left"), device("right")], "zzz")


def test_no_microphone_at_all() -> None:
    with pytest.raises(DeviceError, match="no microphone found; plug one in"):
        choose_device([], None)


def test_the_default_is_not_one_that_cancels_echo_if_there_is_another() -> None:
    cancelled = device("Built-in (echo cancelled with WebRTC)", "PulseAudio", is_default=True, source="mic.echo-cancel")
    plain = device("Built-in", "PulseAudio", source="mic")
    assert choose_device([cancelled, plain], None) == plain
    assert choose_device([cancelled], None) == cancelled
    assert choose_device([plain, device("Yeti", is_default=True)], None).name == "Yeti"


def test_the_choice_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_dir", lambda *_, **__: str(tmp_path / "config"))
    assert remembered_device() is None
    remember_device(device("Ünï 麦", "Core Audio"))
    assert remembered_device() == "Ünï 麦, Core Audio"
    (tmp_path / "config" / "device.json").write_text("{")
    assert remembered_device() is None
    forget_device()
    forget_device()
    assert remembered_device() is None


def test_a_device_survives_json() -> None:
    there = InputDevice("a", "ALSA", 44_100, 1, True, (8_000, 48_000), "alsa_input.a")
    assert InputDevice.from_json(there.to_json()) == there
