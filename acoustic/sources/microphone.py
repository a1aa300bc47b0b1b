"""The microphone, live: opened in a process of its own, watched, and opened again when it goes away."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import errors
from ..config import CaptureOptions
from ..errors import BackflushError, DeviceError
from ..types import AudioBlock
from .capture_process import HEADER, Message
from .devices import InputDevice, forget_device, remember_device, remembered_device
from .health import CaptureHealth, CaptureReport, CaptureState, advice
from .pcm import heard
from .timeline import Timeline

__all__ = ["MicrophoneSource", "list_inputs", "open_microphone"]

_LIST_S = 15.0
_END_S = 1.5


class _Message(NamedTuple):
    kind: Message
    stamp_s: float
    lag_s: float
    payload: bytes | bytearray

    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(self.payload)
        return values


class _Process:
    """The process that holds the device, and the thread that takes in what it says."""

    def __init__(self, request: dict[str, Any], capacity: int) -> None:
        self.heard_s = time.monotonic()
        """When audio last came from it, or it was started."""
        self._capacity = capacity
        self._waiting: queue.SimpleQueue[_Message] = queue.SimpleQueue()
        self._ended = False
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {__package__}.capture_process import main; main()", json.dumps(request)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # ALSA and JACK chatter there, into the middle of a display
            env={**os.environ, "PYTHONPATH": path},
        )
        self._thread = threading.Thread(target=self._read, name="microphone", daemon=True)
        self._thread.start()

    def take(self, timeout_s: float) -> list[_Message]:
        """Return what has been said, after waiting for something up to `timeout_s`; an ENDED comes last, once."""
        try:
            return [self._waiting.get(timeout=timeout_s), *self._rest()]
        except queue.Empty:
            return []

    def end(self, patience_s: float = _END_S) -> None:
        """Have the device let go, and kill what does not obey in time."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone already
            self._process.stdin.close()
        # A process stuck in the kernel is left behind after the second wait: it holds nothing that is needed here.
        for last_resort in (self._process.kill, lambda: None):
            try:
                self._process.wait(patience_s)
                break
            except subprocess.TimeoutExpired:
                last_resort()
                patience_s = _END_S
        self._thread.join(_END_S)

    def kill(self) -> None:
        """Kill it at once; what the device still held is lost."""
        self._process.kill()
        self.end()

    def _read(self) -> None:
        assert isinstance(self._process.stdout, BufferedReader)
        with self._process.stdout as pipe:
            while (header := _exactly(pipe, HEADER.size)) is not None:
                kind, stamp_s, lag_s, length = HEADER.unpack(header)
                payload = _exactly(pipe, length)
                if payload is None:
                    break
                self._put(_Message(Message(kind.decode()), stamp_s, lag_s, payload))
        self._put(_Message(Message.ENDED, time.monotonic(), 0.0, b""))

    def _put(self, message: _Message) -> None:
        if message.kind is Message.ENDED:
            if self._ended:
                return
            self._ended = True
        if message.kind is Message.AUDIO:
            self.heard_s = message.stamp_s
            if self._waiting.qsize() >= self._capacity:
                # So old that it helps nobody: the present is worth more, and the sample clock counts it as lost.
                for waiting in self._rest():
                    if waiting.kind is not Message.AUDIO:
                        self._waiting.put(waiting)
        self._waiting.put(message)

    def _rest(self) -> list[_Message]:
        """Take what waits, without waiting for more."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                messages.append(self._waiting.get_nowait())
        return messages


def list_inputs() -> list[InputDevice]:
    """Return the microphones there are now.

    Raises
    ------
    PortAudioMissingError
        If the PortAudio library is not installed.
    DeviceError
        If the sound system does not answer.
    """
    process = _Process({"task": "list"}, 0)
    try:
        deadline_s = time.monotonic() + _LIST_S
        while (left_s := deadline_s - time.monotonic()) > 0:
            for message in process.take(left_s):
                if message.kind is Message.DEVICES:
                    return [InputDevice.from_json(values) for values in message.values()["devices"]]
                _raise_if_failed(message)
    finally:
        process.kill()
    raise DeviceError(f"the sound system has not answered for {_LIST_S:.0f} s; restart it, or log out and in again")


def open_microphone(device: str | None) -> MicrophoneSource:
    """Open what the user names and remember it; without a name what was remembered, `default` forgets it.

    Raises
    ------
    DeviceError, PortAudioMissingError
        As `MicrophoneSource`.
    BackflushError
        If the choice cannot be kept.
    """
    if device is None:
        return MicrophoneSource(preferred=remembered_device())
    if device == "default":
        forget_device()
        return MicrophoneSource()
    source = MicrophoneSource(device)
    try:
        remember_device(source.device)
    except BackflushError:
        source.close()
        raise
    return source


class MicrophoneSource:
    """A microphone's blocks, for as long as it is not closed.

    While nothing comes, empty blocks come instead every `heartbeat_s`, so that whoever iterates can look at `health`
    and `reports`. What was lost is told by the blocks. A device that ends or hangs is opened again, by name and host
    API.

    Parameters
    ----------
    device
        As `choose_device` takes it; None for the system's default.
    preferred
        With `device` None: what to take instead of the default if it is there, and to say so if it is not.
    options
        How to open and how to watch.

    Raises
    ------
    DeviceError
        If there is no such device, if it could be several, or if it cannot be opened.
    PortAudioMissingError
        If the PortAudio library is not installed.
    """

    def __init__(
        self, device: str | None = None, options: CaptureOptions | None = None, *, preferred: str | None = None
    ) -> None:
        self._options = options or CaptureOptions()
        self._wanted, self._preferred = device, preferred
        self._closed = threading.Event()
        self._reports: deque[CaptureReport] = deque(maxlen=1000)
        self._process = self._start()
        self._early: list[_Message] = []
        opened = self._first_answer()
        self.device = InputDevice.from_json(opened["device"])
        self.name = self.device.label
        self.rate_hz: int = opened["rate_hz"]
        self._chosen = device is not None or (preferred is not None and not opened["missed"])
        self._channels: int = opened["channels"]
        self._resampler: Any = None
        self._timeline: Timeline[npt.NDArray[np.float32]] = Timeline(self.rate_hz, self._options)
        self._opened_s: float | None = time.monotonic()
        self._restarted = False
        self._retry_s: float | None = None
        self._silent_s = 0.0
        self._sounded_s: float | None = None
        self._spoken_name = self.device.name
        self._route: str | None = None
        self._lag_s = 0.0
        self._lost = 0
        self._state = CaptureState.OK
        self._since_s = self._opened_s
        self._reason = ""
        if opened["missed"]:
            self._report(f"{preferred} is not there: listening to {self.device.name} instead.")

    @property
    def health(self) -> CaptureHealth:
        """How the capture is doing, from any thread."""
        return CaptureHealth(
            state=self._state,
            text=advice(self._state, self._spoken_name, lag_s=self._lag_s, reason=self._reason),
            device=self._spoken_name,
            since_s=self._since_s,
            lag_s=self._lag_s,
            lost=self._lost,
        )

    def reports(self) -> list[CaptureReport]:
        """Return what has been found since the last call, oldest first."""
        found = []
        while self._reports:
            found.append(self._reports.popleft())
        return found

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the source is closed."""
        while not self._closed.is_set():
            messages, self._early = self._early or self._process.take(self._options.heartbeat_s), []
            came = False
            for message in messages:
                if message.kind is Message.AUDIO:
                    for block in self._place(message):
                        came = True
                        yield block
                else:
                    self._note(message)
                self._watch(time.monotonic())
            if not messages:
                self._watch(time.monotonic())
            if not came and not self._closed.is_set():
                yield AudioBlock(self._timeline.settled, np.empty(0, np.float32), self.rate_hz)

    def close(self) -> None:
        """Let go of the device; safe to call twice and from any thread."""
        if not self._closed.is_set():
            self._closed.set()
            self._process.end()

    def _start(self) -> _Process:
        wanted, rates_hz = self._wanted, []
        if hasattr(self, "device"):
            # The same one again, and not whatever else a part of the name may fit by now.
            wanted = self.device.label if self._chosen else None
            rates_hz = [self.rate_hz]
        request = {
            "task": "open",
            "device": wanted,
            "preferred": self._preferred,
            "rate_hz": self._options.rate_hz,
            "rates_hz": rates_hz,
            "channels": self._options.channels,
            "block_s": self._options.block_s,
        }
        return _Process(request, round(self._options.max_backlog_s / self._options.block_s))

    def _first_answer(self) -> dict[str, Any]:
        deadline_s = time.monotonic() + self._options.open_s
        try:
            while (left_s := deadline_s - time.monotonic()) > 0:
                messages = self._process.take(left_s)
                for number, message in enumerate(messages, 1):
                    if message.kind is Message.OPENED:
                        self._early = messages[number:]
                        return message.values()
                    _raise_if_failed(message)
            raise DeviceError(
                f"the microphone did not open within {self._options.open_s:.0f} s: the sound system hangs; "
                "unplug the microphone and plug it in again, or restart the sound system"
            )
        except DeviceError:
            self._process.kill()
            raise

    def _place(self, message: _Message) -> Iterator[AudioBlock]:
        raw = np.frombuffer(message.payload, np.float32).reshape(-1, self._channels)
        # The first sample tells nearly always, and sooner than all of them.
        if (raw.size and raw[0, 0]) or raw.any() or self._sounded_s is None:
            self._sounded_s = message.stamp_s
        self._silent_s = message.stamp_s - self._sounded_s
        samples = heard(raw)
        if self._resampler is not None:
            samples = heard(self._resampler.resample_chunk(samples)[:, np.newaxis])
        restarted, self._restarted = self._restarted, False
        for placed in self._timeline.push(samples, len(samples), message.stamp_s, restarted=restarted):
            self._lag_s = time.monotonic() - placed.stamp_s + message.lag_s
            self._lost += placed.lost
            yield AudioBlock(placed.start, placed.block, self.rate_hz, placed.lost)

    def _note(self, message: _Message) -> None:
        if message.kind is Message.OPENED:
            self._reopened(message.values())
        elif message.kind is Message.ROUTE:
            self._routed(message.values())
        elif message.kind is Message.ERROR:
            self._set(CaptureState.LOST, message.values()["text"].rsplit(": ", 1)[-1])
        elif message.kind is Message.ENDED:
            self._opened_s = None
            self._retry_s = message.stamp_s + self._options.reopen_every_s
            self._set(CaptureState.LOST, self._reason if self._state is CaptureState.LOST else "")

    def _reopened(self, opened: dict[str, Any]) -> None:
        device = InputDevice.from_json(opened["device"])
        self._channels = opened["channels"]
        self._resampler = None
        if opened["rate_hz"] != self.rate_hz:
            import soxr

            self._resampler = soxr.ResampleStream(opened["rate_hz"], self.rate_hz, 1, dtype="float32")
        self._opened_s = time.monotonic()
        self._sounded_s = None
        self._restarted = True
        if device.label != self.device.label:
            self._changed_to(device.name)
        self.device = device

    def _routed(self, route: dict[str, Any]) -> None:
        if self._route not in (None, route["source"]):
            self._changed_to(route["name"])
        self._route = route["source"]
        self._spoken_name = route["name"]

    def _changed_to(self, name: str) -> None:
        self._spoken_name = name
        self._report(f"The microphone has changed: listening to {name} now.")

    def _watch(self, now_s: float) -> None:
        """Judge the state, and open the device again where that is due."""
        options = self._options
        if self._retry_s is not None:
            if now_s >= self._retry_s:
                self._retry_s = None
                self._restart()
            return
        age_s = now_s - self._process.heard_s
        if age_s > options.stalled_reopen_s:
            self._restart()
        if self._opened_s is None:
            return  # being opened again: as lost or stalled as before
        if age_s > options.stalled_s:
            self._set(CaptureState.STALLED)
        elif self._silent_s >= options.silent_s:
            self._set(CaptureState.SILENT)
        elif self._lag_s > options.late_s / (2.0 if self._state is CaptureState.LATE else 1.0):
            self._set(CaptureState.LATE)
        elif self._sounded_s is not None:
            self._set(CaptureState.OK)

    def _restart(self) -> None:
        self._opened_s = None
        self._process.kill()
        self._process = self._start()
        if self._closed.is_set():  # closed meanwhile: close() has ended the one before
            self._process.end()

    def _set(self, state: CaptureState, reason: str = "") -> None:
        self._reason = reason
        if state is not self._state:
            self._state, self._since_s = state, time.monotonic()
            self._report(self.health.text)

    def _report(self, text: str) -> None:
        self._reports.append(CaptureReport(self._state, text))


def _exactly(pipe: BufferedReader, size: int) -> bytearray | None:
    # An array over it may be written to, which compiled code takes at once; to tell the type of any other costs more
    # than to hear it.
    data = bytearray(size)
    return data if pipe.readinto(data) == size else None


def _raise_if_failed(message: _Message) -> None:
    if message.kind is Message.ERROR:
        values = message.values()
        raise getattr(errors, values["error"])(values["text"])
    if message.kind is Message.ENDED:
        raise DeviceError("the process that holds the microphone ended by itself; start again")
