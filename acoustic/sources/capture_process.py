"""The process that holds the microphone.

PortAudio blocks for good when a sound server hangs, keeps its device list until it is started anew, and loses audio
while another thread holds Python's lock. So it lives alone in a process that does nothing else and can be killed at any
moment: `acoustic.sources.microphone` starts it, reads its standard output and ends it by closing its standard input.

No numpy here: raw streams need none, and without it the process is up in half the time.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import struct
import sys
import threading
import time
from collections.abc import Iterator
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import BackflushError, DeviceError, PortAudioMissingError
from .devices import HOST_API_RANK, InputDevice, choose_device

if TYPE_CHECKING:
    from .pulse import PulseServer

__all__ = ["HEADER", "USUAL_RATES_HZ", "Message", "main"]

HEADER = struct.Struct("<cddI")
"""Kind, monotonic time, seconds that the audio is behind, and length of what follows."""

USUAL_RATES_HZ = (8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)
_ANY_CHANNELS = 32
_CLOSE_S = 0.5
_PORTAUDIO = {
    "linux": "install it, on Debian or Ubuntu: sudo apt install libportaudio2",
    "darwin": "install it: brew install portaudio",
}


class Message(StrEnum):
    """What the process says."""

    AUDIO = "A"
    DEVICES = "D"
    ENDED = "F"
    ERROR = "E"
    OPENED = "O"
    ROUTE = "R"


class _Pipe:
    """Standard output, for messages only: what libraries print goes to standard error."""

    def __init__(self) -> None:
        self._file: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def audio(self, stamp_s: float, lag_s: float, payload: bytes) -> None:
        self._send(Message.AUDIO, stamp_s, lag_s, payload)

    def say(self, kind: Message, **values: Any) -> None:
        self._send(kind, time.monotonic(), 0.0, json.dumps(values).encode())

    def _send(self, kind: Message, stamp_s: float, lag_s: float, payload: bytes) -> None:
        message = memoryview(HEADER.pack(kind.encode(), stamp_s, lag_s, len(payload)) + payload)
        with self._lock:
            while message:
                message = message[self._file.write(message) or 0 :]


def main() -> None:
    """Do what the request on the command line says: list the devices, or send one's sound until told to end."""
    # Ctrl-C goes to the whole terminal; when to end is the parent's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    request = json.loads(sys.argv[-1])
    pipe = _Pipe()
    try:
        sounddevice = _portaudio()
        from .pulse import PulseServer

        pulse = PulseServer.connect()
        if request["task"] == "list":
            devices = _devices(sounddevice, pulse)
            rated = [_with_rates(sounddevice, device) for device in devices]
            pipe.say(Message.DEVICES, devices=[device.to_json() for device in rated])
        else:
            _capture(sounddevice, pulse, request, pipe)
    except BackflushError as error:
        pipe.say(Message.ERROR, error=type(error).__name__, text=str(error))
    except BrokenPipeError:
        pass  # the parent is gone
    except Exception as error:
        pipe.say(
            Message.ERROR, error=DeviceError.__name__, text=f"the sound system failed: {error or type(error).__name__}"
        )


def _portaudio() -> ModuleType:
    try:
        import sounddevice
    except OSError as error:
        cure = _PORTAUDIO.get(sys.platform, "reinstall the package sounddevice")
        raise PortAudioMissingError(f"the microphone needs the PortAudio library, which is missing; {cure}") from error
    module: ModuleType = sounddevice
    return module


def _devices(sounddevice: Any, pulse: PulseServer | None) -> list[InputDevice]:
    listed = list(sounddevice.query_devices())
    apis = list(sounddevice.query_hostapis())
    defaults = {api["name"]: api["default_input_device"] for api in apis if api["default_input_device"] >= 0}
    default = next((defaults[name] for name in (*HOST_API_RANK, *defaults) if name in defaults), -1)
    devices = [
        InputDevice(
            name=device["name"],
            host_api=apis[device["hostapi"]]["name"],
            default_rate_hz=round(device["default_samplerate"]),
            max_channels=device["max_input_channels"],
            is_default=index == default and pulse is None,
        )
        for index, device in enumerate(listed)
        if device["max_input_channels"] > 0
    ]
    if pulse is not None and any(device.name == pulse.DEVICE for device in devices):
        devices = pulse.inputs() + devices
    return devices


def _with_rates(sounddevice: Any, device: InputDevice) -> InputDevice:
    from dataclasses import replace

    def opens(rate_hz: int) -> bool:
        channels = min(device.max_channels, 2)
        try:
            sounddevice.check_input_settings(index, channels=channels, dtype="float32", samplerate=rate_hz)
        except (sounddevice.PortAudioError, ValueError):
            return False
        return True

    index = _index(sounddevice, device)
    return replace(device, rates_hz=tuple(filter(opens, USUAL_RATES_HZ)))


def _index(sounddevice: Any, device: InputDevice) -> int:
    """Return PortAudio's index of the device, as of now."""
    from .pulse import PulseServer

    name, api = (PulseServer.DEVICE, "ALSA") if device.source else (device.name, device.host_api)
    apis = sounddevice.query_hostapis()
    for index, listed in enumerate(sounddevice.query_devices()):
        if (listed["name"], apis[listed["hostapi"]]["name"]) == (name, api) and listed["max_input_channels"] > 0:
            return index
    raise DeviceError(f"{device.name} is not there any more")


def _capture(sounddevice: Any, pulse: PulseServer | None, request: dict[str, Any], pipe: _Pipe) -> None:
    devices = _devices(sounddevice, pulse)
    wanted = request["device"] or request["preferred"]
    missed = False
    try:
        device = choose_device(devices, wanted)
    except DeviceError:
        if request["device"]:
            raise
        wanted, missed = None, request["preferred"] is not None
        device = choose_device(devices, wanted)
    follows = wanted is None and device.is_default
    if device.source and not follows:
        # Read by the sound server's client when the stream is opened.
        os.environ["PULSE_SOURCE"] = device.source
    handed: queue.SimpleQueue[tuple[float, float, bytes] | None] = queue.SimpleQueue()

    def heard(data: Any, _frames: int, when: Any, _flags: Any) -> None:
        handed.put((time.monotonic(), when.currentTime - when.inputBufferAdcTime, bytes(data)))

    stream, opened = _open(sounddevice, pulse, device, request, heard, lambda: handed.put(None))
    _end_with_parent(stream)
    stream.start()
    pipe.say(Message.OPENED, device=device.to_json(), missed=missed, **opened)
    if pulse is not None and device.host_api in ("ALSA", "PulseAudio"):
        threading.Thread(target=_tell_routes, args=(pulse, pipe), daemon=True).start()
    while (block := handed.get()) is not None:
        pipe.audio(*block)
    pipe.say(Message.ENDED, text="the device ended the stream")


def _open(
    sounddevice: Any, pulse: PulseServer | None, device: InputDevice, request: dict[str, Any], heard: Any, finished: Any
) -> tuple[Any, dict[str, Any]]:
    """Open the device at the first of the rates and channel counts that it takes."""
    index = _index(sounddevice, device)
    refused: Exception | None = None
    for rate_hz, channels, settings in _settings(sounddevice, pulse, device, request):
        try:
            stream = sounddevice.RawInputStream(
                device=index,
                samplerate=rate_hz,
                channels=channels,
                dtype="float32",
                blocksize=round(request["block_s"] * rate_hz),
                extra_settings=settings,
                callback=heard,
                finished_callback=finished,
            )
        except sounddevice.PortAudioError as error:
            refused = error
            continue
        return stream, {"rate_hz": rate_hz, "channels": channels}
    raise DeviceError(f"{device.name} cannot be opened: {_reason(refused)}")


def _settings(
    sounddevice: Any, pulse: PulseServer | None, device: InputDevice, request: dict[str, Any]
) -> Iterator[tuple[int, int, Any]]:
    """Yield rate, channels and host API's extras to try, the device's own first."""
    rate_hz, channels = device.default_rate_hz, device.max_channels
    if channels >= _ANY_CHANNELS:
        # A stand-in for whatever the sound server takes as its default: what that one has is not known here.
        rate_hz, channels = (pulse and pulse.default_rate_hz()) or 48_000, 2
    rates = [request["rate_hz"]] if request["rate_hz"] else [*request["rates_hz"], rate_hz, 48_000, 44_100, 16_000]
    counts = [request["channels"]] if request["channels"] else [min(channels, 2), channels, 1]
    extras = _wasapi(sounddevice) if device.host_api == "Windows WASAPI" else [None]
    for extra in extras:
        for rate in dict.fromkeys(rates):
            for count in dict.fromkeys(counts):
                yield rate, count, extra


def _wasapi(sounddevice: Any) -> list[Any]:
    """Return settings to try: without the driver's processing first, with converted rates last."""
    raw = sounddevice.WasapiSettings()
    try:
        # No argument of WasapiSettings reaches this field of PortAudio's.
        raw._streaminfo.streamOption = sounddevice._lib.eStreamOptionRaw
    except AttributeError:
        return [None, sounddevice.WasapiSettings(auto_convert=True)]
    return [raw, None, sounddevice.WasapiSettings(auto_convert=True)]


def _reason(error: Exception | None) -> str:
    text = str(error)
    code = error.args[1] if error is not None and len(error.args) > 1 else 0
    busy = code == -9985 or "busy" in text.casefold()
    # PortAudio's text is "what PortAudio failed at: reason [PaErrorCode n]".
    reason = text.rsplit("[", 1)[0].split(": ")[-1].strip() or "no reason given"
    return f"{reason}; another program has it, or it has just been unplugged" if busy else f"{reason} ({code})"


def _end_with_parent(stream: Any) -> None:
    """Let go of the device and leave when the parent closes standard input, or dies; at once if the device hangs."""

    def watch() -> None:
        sys.stdin.buffer.read()
        threading.Timer(_CLOSE_S, os._exit, (0,)).start()
        stream.close()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _tell_routes(pulse: PulseServer, pipe: _Pipe) -> None:
    for route in pulse.routes():
        pipe.say(Message.ROUTE, **route)
