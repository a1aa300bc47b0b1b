"""Stands in for sounddevice in the process that holds the microphone; FAKE_SOUND says what is wrong with it.

Its one device gives a ramp at the pace of life, on 16 kHz from the second opening on. What it is opened with is written
into the folder, a line an attempt.
"""

import os
import sys
import threading
import time
import traceback
import types
from pathlib import Path

MODE = os.environ["FAKE_SOUND"]
if MODE == "missing":
    raise OSError("PortAudio library not found")


class PortAudioError(Exception):
    pass


def query_hostapis():
    if MODE == "not windows":
        return [{"name": "ALSA", "devices": [0, 1, 2], "default_input_device": 1}]
    return [
        {"name": "MME", "devices": [0], "default_input_device": 0},
        {"name": "Windows WASAPI", "devices": [1, 2], "default_input_device": 1},
    ]


def query_devices():
    def device(name, api, channels):
        return {"name": name, "hostapi": api, "max_input_channels": channels, "default_samplerate": 48000.0}

    api = 0 if MODE == "not windows" else 1
    return [device("Microphone (Fak", 0, 2), device("Microphone (Fake)", api, 1), device("Loudspeaker", api, 0)]


def check_input_settings(device, channels, dtype, samplerate):
    if samplerate not in (16_000, 48_000):
        raise PortAudioError("Invalid sample rate [PaErrorCode -9997]", -9997)


class WasapiSettings:
    def __init__(self, auto_convert=False):
        assert MODE != "not windows", "there is no WASAPI here"
        self.auto_convert = auto_convert
        if MODE == "raw":
            self._streaminfo = types.SimpleNamespace(streamOption=0)

    @property
    def said(self):
        raw = getattr(self, "_streaminfo", None)
        return "converted" if self.auto_convert else f"raw {raw.streamOption}" if raw else "nothing"


_lib = types.SimpleNamespace(eStreamOptionRaw=1)


class _Time:
    inputBufferAdcTime = currentTime = 0.0


class RawInputStream:
    def __init__(self, *, device, samplerate, channels, blocksize, callback, finished_callback, extra_settings, dtype):
        opened = Path(os.environ["FAKE_FOLDER"], "opened")
        times = int(opened.read_text()) if opened.exists() else 0
        # What others give, an int24 stream that never calls back and a float64 one that is refused, is not asked for.
        assert dtype == "float32"
        with Path(os.environ["FAKE_FOLDER"], "tried").open("a") as tried:
            tried.write(f"{samplerate} {channels} {extra_settings.said if extra_settings else 'plain'}\n")
        if MODE == "busy":
            raise PortAudioError("Error opening RawInputStream: Device unavailable [PaErrorCode -9985]", -9985)
        if MODE == "hangs":
            time.sleep(1000)
        if MODE == "other rate" and times and samplerate != 16_000:
            raise PortAudioError("Error opening RawInputStream: Invalid sample rate [PaErrorCode -9997]", -9997)
        if MODE in ("converted", "raw") and not (extra_settings and extra_settings.auto_convert):
            raise PortAudioError("Error opening RawInputStream: Invalid sample rate [PaErrorCode -9997]", -9997)
        opened.write_text(str(times + 1))
        self.rate, self.size, self.channels = samplerate, blocksize, channels
        self.callback, self.finished, self.first = callback, finished_callback, times == 0

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        import struct

        if MODE == "never calls back":
            time.sleep(1000)
        began, sent = time.monotonic(), 0
        while not (MODE == "other rate" and self.first and sent > self.rate / 2):
            time.sleep(max(0.0, began + (sent + self.size) / self.rate - time.monotonic()))
            values = [((sent + n) % 100 + 1) / 200 for n in range(self.size) for _ in range(self.channels)]
            fails = MODE == "callback fails" and self.first and sent > self.rate / 2
            try:
                self.callback(struct.pack(f"{len(values)}f", *values), self.size, None if fails else _Time(), None)
            except Exception:
                # As the real one: told on standard error only, and the stream is over.
                traceback.print_exc(file=sys.stderr)
                break
            sent += self.size
        self.finished()

    def close(self):
        if MODE == "hangs when closed":
            time.sleep(1000)
