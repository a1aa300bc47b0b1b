"""Stands in for sounddevice in the process that holds the microphone; FAKE_SOUND says what is wrong with it.

Its one device gives a ramp at the pace of life, on 16 kHz from the second opening on.
"""

import os
import threading
import time
from pathlib import Path

MODE = os.environ["FAKE_SOUND"]
if MODE == "missing":
    raise OSError("PortAudio library not found")


class PortAudioError(Exception):
    pass


def query_hostapis():
    return [
        {"name": "MME", "devices": [0], "default_input_device": 0},
        {"name": "Windows WASAPI", "devices": [1, 2], "default_input_device": 1},
    ]


def query_devices():
    def device(name, api, channels):
        return {"name": name, "hostapi": api, "max_input_channels": channels, "default_samplerate": 48000.0}

    return [device("Microphone (Fak", 0, 2), device("Microphone (Fake)", 1, 1), device("Loudspeaker", 1, 0)]


def check_input_settings(device, channels, dtype, samplerate):
    if samplerate not in (16_000, 48_000):
        raise PortAudioError("Invalid sample rate [PaErrorCode -9997]", -9997)


class WasapiSettings:
    def __init__(self, auto_convert=False):
        self.auto_convert = auto_convert


class _Time:
    inputBufferAdcTime = currentTime = 0.0


class RawInputStream:
    def __init__(self, *, device, samplerate, channels, blocksize, callback, finished_callback, extra_settings, dtype):
        opened = Path(os.environ["FAKE_FOLDER"], "opened")
        times = int(opened.read_text()) if opened.exists() else 0
        if MODE == "busy":
            raise PortAudioError("Error opening RawInputStream: Device unavailable [PaErrorCode -9985]", -9985)
        if MODE == "hangs":
            time.sleep(1000)
        if MODE == "other rate" and times and samplerate != 16_000:
            raise PortAudioError("Error opening RawInputStream: Invalid sample rate [PaErrorCode -9997]", -9997)
        if MODE == "converted" and not (extra_settings and extra_settings.auto_convert):
            raise PortAudioError("Error opening RawInputStream: Invalid sample rate [PaErrorCode -9997]", -9997)
        opened.write_text(str(times + 1))
        self.rate, self.size, self.channels = samplerate, blocksize, channels
        self.callback, self.finished, self.first = callback, finished_callback, times == 0

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        import struct

        began, sent = time.monotonic(), 0
        while not (MODE == "other rate" and self.first and sent > self.rate / 2):
            time.sleep(max(0.0, began + (sent + self.size) / self.rate - time.monotonic()))
            values = [((sent + n) % 100 + 1) / 200 for n in range(self.size) for _ in range(self.channels)]
            self.callback(struct.pack(f"{len(values)}f", *values), self.size, _Time(), None)
            sent += self.size
        self.finished()

    def close(self):
        if MODE == "hangs when closed":
            time.sleep(1000)
