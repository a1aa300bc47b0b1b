"""Raw samples from a pipe: what `ffmpeg`, `arecord`, a camera or a phone sends."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ..config import MAX_RATE_HZ, MIN_RATE_HZ, CaptureOptions
from ..errors import AudioFileError, OptionError, SampleRateError
from ..types import AudioBlock
from .health import CaptureReport, CaptureState
from .pcm import heard

__all__ = ["PCM_FORMATS", "PipeSource"]

PCM_FORMATS = {"u8": 1, "s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4}
"""Bytes of a sample, by the names that ffmpeg has for the formats."""

_CONTAINERS = {b"RIFF": "a WAV header", b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}
_WAITING = 1000
_PATIENCE_S = 0.5


class PipeSource:
    """Blocks of a raw stream, until it ends.

    While nothing comes, empty blocks come instead, and `reports` tells of it. A pipe waits for its reader, so nothing
    is lost in it; what its writer loses cannot be known here.

    Parameters
    ----------
    stream
        Unbuffered, or with `read1`; closed by `close`.
    rate_hz
        Samples a second.
    channels
        Interleaved; they are averaged.
    sample_format
        One of `PCM_FORMATS`.
    name
        What the journal calls the source.
    options
        Length of a block, heartbeat, and when the stream counts as stalled.

    Raises
    ------
    SampleRateError, OptionError
        If the numbers make no sense.
    AudioFileError
        While iterating, if the stream is not raw but a file with a header.
    """

    def __init__(
        self,
        stream: BinaryIO,
        rate_hz: int,
        *,
        channels: int = 1,
        sample_format: str = "s16le",
        name: str = "pipe",
        options: CaptureOptions | None = None,
    ) -> None:
        if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
            raise SampleRateError(
                f"rate {rate_hz} Hz: wanted {MIN_RATE_HZ} to {MAX_RATE_HZ}, as the stream really has it"
            )
        if not 1 <= channels <= 64:
            raise OptionError(f"channels {channels}: wanted 1 to 64")
        if sample_format not in PCM_FORMATS:
            raise OptionError(f"format {sample_format!r}: wanted one of {', '.join(PCM_FORMATS)}")
        self.name = name
        self.rate_hz = rate_hz
        self._stream = stream
        self._channels = channels
        self._format = sample_format
        self._frame_bytes = PCM_FORMATS[sample_format] * channels
        self._options = options or CaptureOptions()
        self._reports: list[CaptureReport] = []
        self._state = CaptureState.OK
        self._closed = threading.Event()
        # Bounded: behind a slow program the pipe fills, and its writer waits.
        self._pieces: queue.Queue[bytes | OSError] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks until the stream ends or the source is closed."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._read, name="pipe", daemon=True)
            self._thread.start()
        at, rest, came_s = 0, b"", time.monotonic()
        while not self._closed.is_set():
            try:
                piece = self._pieces.get(timeout=self._options.heartbeat_s)
            except queue.Empty:
                if time.monotonic() - came_s > self._options.stalled_s:
                    self._set(CaptureState.STALLED)
                yield AudioBlock(at, np.empty(0, np.float32), self.rate_hz)
                continue
            if isinstance(piece, OSError):
                raise AudioFileError(
                    f"{self.name}: cannot be read: {piece.strerror}; start the writer again"
                ) from piece
            if not piece:
                return
            came_s = time.monotonic()
            self._set(CaptureState.OK)
            if at == 0 and not rest and (container := _CONTAINERS.get(piece[:4])):
                raise AudioFileError(
                    f"{self.name}: begins with {container}; raw samples are wanted, such as: ffmpeg -i IN -f s16le -"
                )
            rest += piece
            whole = len(rest) - len(rest) % self._frame_bytes
            if whole:
                samples = heard(self._decode(rest[:whole]))
                rest = rest[whole:]
                yield AudioBlock(at, samples, self.rate_hz)
                at += len(samples)

    def reports(self) -> list[CaptureReport]:
        """Return what has been found since the last call."""
        found, self._reports = self._reports, []
        return found

    def close(self) -> None:
        """Stop reading; safe to call twice. A read that hangs is left behind."""
        self._closed.set()

    def _read(self) -> None:
        size = max(1, round(self._options.block_s * self.rate_hz)) * self._frame_bytes
        read = getattr(self._stream, "read1", self._stream.read)
        while not self._closed.is_set():
            try:
                piece: bytes | OSError = read(size) or b""
            except OSError as error:
                piece = error
            while not self._closed.is_set():
                with contextlib.suppress(queue.Full):
                    self._pieces.put(piece, timeout=_PATIENCE_S)
                    break
            if not piece or isinstance(piece, OSError):
                return

    def _decode(self, data: bytes) -> npt.NDArray[np.float32]:
        """Return samples of shape (n, channels), full scale 1.0."""
        if self._format == "f32le":
            flat = np.frombuffer(data, "<f4").copy()  # writable, as compiled code has it from elsewhere
        elif self._format == "s24le":
            # As the upper bytes of 32 bits, whose lowest stays 0.
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            flat = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
        elif self._format == "u8":
            flat = ((np.frombuffer(data, np.uint8) - 128.0) / 128.0).astype(np.float32)
        else:
            bits = PCM_FORMATS[self._format] * 8
            flat = (np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype(np.float32)
        return flat.reshape(-1, self._channels)

    def _set(self, state: CaptureState) -> None:
        if state is not self._state:
            self._state = state
            stalled = "No sound comes through the pipe: is the program that feeds it still running?"
            text = f"Listening to {self.name}." if state is CaptureState.OK else stalled
            self._reports.append(CaptureReport(state, text))
