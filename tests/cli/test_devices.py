import pytest
from click.testing import CliRunner

from acoustic.cli import main
from acoustic.errors import PortAudioMissingError
from acoustic.sources import microphone
from acoustic.sources.devices import InputDevice


def devices(monkeypatch: pytest.MonkeyPatch, found: list[InputDevice] | Exception) -> tuple[int, str, str]:
    def list_inputs() -> list[InputDevice]:
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(microphone, "list_inputs", list_inputs)
    result = CliRunner().invoke(main, ["devices"])
    return result.exit_code, result.stdout, result.stderr


def test_name_host_api_rates_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        InputDevice("USB Mic", "ALSA", 48_000, 1, True, (8_000, 44_100, 48_000)),
        InputDevice("Echo-Cancel Source", "PulseAudio", 16_000, 2),
    ]
    code, out, _ = devices(monkeypatch, found)
    assert code == 0
    rows = [" ".join(line.split()) for line in out.splitlines()]
    assert rows == [
        "name host API rates, kHz",
        "* USB Mic ALSA 8, 44.1, 48",
        "Echo-Cancel Source (processed by the system) PulseAudio 16",
        "* default",
    ]


def test_names_may_look_like_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = devices(monkeypatch, [InputDevice("Mic [/bold] [red]x", "ALSA", 48_000, 1)])
    assert code == 0
    assert "Mic [/bold] [red]x" in out


def test_no_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = devices(monkeypatch, [])
    assert (code, out) == (1, "")
    assert err.startswith("Error: no microphone found;")


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = devices(
        monkeypatch, PortAudioMissingError("PortAudio is missing; install: apt-get install libportaudio2")
    )
    assert code == 1
    assert err == "Error: PortAudio is missing; install: apt-get install libportaudio2\n"
