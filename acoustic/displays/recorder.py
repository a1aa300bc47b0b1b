"""A lossless recording of what is heard, whole on disk at any moment.

FLAC, 24 bits, one channel. The file's header always says how many samples the frames on disk hold, so that a session
that was killed leaves a recording like any other. Missing audio is recorded as zeros, so that times stay true.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..errors import BackflushError
from ..types import AudioBlock
from .journal import JournalWriter, Opening, Record

__all__ = ["FlacRecorder", "Recording", "journal_beside"]

_SYNC_S = 0.4
# Taken together: to wake the writing thread for each block costs more than to write it.
_GATHERED_S = 0.2
# What waits for a slow disk, before the recording is given up.
_MAX_WAITING_S = 60.0
_ZEROS_AT_ONCE = 1 << 20

# FLAC begins with "fLaC", a block header of four bytes, and STREAMINFO: the largest block's size at byte 10, the number
# of samples in the low 36 bits of bytes 21 to 25. See RFC 9639, section 8.2.
_BLOCK_SIZE_AT, _TOTAL_AT, _HEADER_BYTES = 10, 21, 42


class FlacRecorder:
    """Writes blocks to a FLAC file, in a thread of its own.

    A recording that fails (the disk is full, or too slow) does not raise: `failure` says what happened, and what was
    written until then stays playable.

    Parameters
    ----------
    path
        A file that does not exist yet.
    rate_hz
        Rate of every block.

    Raises
    ------
    BackflushError
        If the file cannot be made, or exists.
    """

    def __init__(self, path: str | Path, rate_hz: int) -> None:
        self.path = Path(path)
        self.failure: str | None = None
        self._rate_hz = rate_hz
        self._file = _CountedFile(self.path)
        self._begun = False
        self._waiting: deque[AudioBlock] = deque()
        self._waiting_samples = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def push(self, block: AudioBlock) -> None:
        """Take a block, whose samples must not change any more; never waits for the disk."""
        if not len(block.samples):
            return
        with self._changed:
            if self.failure is None:
                self._waiting.append(block)
                self._waiting_samples += len(block.samples)
                if self._waiting_samples > _MAX_WAITING_S * self._rate_hz:
                    self.failure = f"{self.path}: the disk is too slow; the recording ends here, listening goes on"

    def close(self, timeout_s: float = 10.0) -> None:
        """Write what waits and end the file; a disk that hangs is left behind after `timeout_s`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive() and self.failure is None:
            self.failure = f"{self.path}: the disk does not answer; the end of the recording may be missing"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._write()
        except Exception as error:
            # libsndfile tells of a failed write in its own words; the file knows the system's.
            reason = self._file.failure or error
            text = reason.strerror if isinstance(reason, OSError) else str(reason)
            self.failure = f"{self.path}: {text or 'cannot be written'}; the recording ends here, listening goes on"
        finally:
            with contextlib.suppress(OSError):
                self._file.close()

    def _write(self) -> None:
        import soundfile

        with soundfile.SoundFile(
            self._file, "w", samplerate=self._rate_hz, channels=1, format="FLAC", subtype="PCM_24"
        ) as flac:
            taken = 0
            synced_s = time.monotonic()
            while self.failure is None:
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, _GATHERED_S)
                    blocks = list(self._waiting)
                    self._waiting.clear()
                    self._waiting_samples = 0
                    ending = self._closing
                for piece in self._pieces(blocks):
                    flac.write(piece)
                    taken += len(piece)
                if ending and not blocks:
                    break
                if time.monotonic() - synced_s >= _SYNC_S:
                    self._file.settle(taken)
                    synced_s = time.monotonic()
        self._file.sync()

    def _pieces(self, blocks: list[AudioBlock]) -> Iterator[npt.NDArray[np.int32]]:
        together: list[npt.NDArray[np.float32]] = []
        for block in blocks:
            # What was lost before the first block lies before the recording.
            lost = block.lost if self._begun else 0
            self._begun = True
            if lost and together:
                yield _integers(np.concatenate(together))
                together.clear()
            for at in range(0, lost, _ZEROS_AT_ONCE):
                yield np.zeros(min(_ZEROS_AT_ONCE, lost - at), np.int32)
            together.append(block.samples)
        if together:
            yield _integers(np.concatenate(together))


def _integers(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    # Their upper 24 bits libsndfile takes as they are; floats it would scale by 2**23 - 1.
    grid = np.rint(samples.astype(np.float64) * 2.0**23)
    return np.clip(grid, -(2**23), 2**23 - 1).astype(np.int32) << 8


class Recording:
    """A session on disk: what was heard in `path`, and its journal beside it, which together replay it.

    Parameters
    ----------
    path
        As `FlacRecorder` has it; the journal has the same name with `.jsonl`.
    rate_hz
        Rate of every block.

    Raises
    ------
    BackflushError
        If either file cannot be made, or exists.
    """

    def __init__(self, path: str | Path, rate_hz: int) -> None:
        beside = journal_beside(Path(path))
        if beside.exists():
            raise BackflushError(f"{beside}: exists already; choose another name for the recording")
        self._recorder = FlacRecorder(path, rate_hz)
        self._journal = JournalWriter(beside)
        self._failure: str | None = None
        self._told = False

    def push(self, block: AudioBlock) -> None:
        """Take a block's sound."""
        self._recorder.push(block)

    def write(self, record: Record) -> None:
        """Take a record of the session."""
        if isinstance(record, Opening):
            record = replace(record, details={**record.details, "recording": self._recorder.path.name})
        if self._failure is None:
            try:
                self._journal.write(record)
            except OSError as error:
                self._failure = f"{error.strerror or error}; the recording's journal ends here, listening goes on"

    def new_failure(self) -> str | None:
        """Return what has gone wrong, once."""
        failure = None if self._told else self._recorder.failure or self._failure
        self._told = self._told or failure is not None
        return failure

    def close(self) -> None:
        """End both files."""
        self._recorder.close()
        self._journal.close()


def journal_beside(path: Path) -> Path:
    """Return where a recording's journal lies."""
    return path.with_suffix(".jsonl")


class _CountedFile:
    """A FLAC file as libsndfile writes it, whose header can be made true in between.

    An error of the disk may not pass through libsndfile's callbacks: it is kept, and no byte counts as written.
    """

    def __init__(self, path: Path) -> None:
        self.failure: OSError | None = None
        try:
            self._file = path.open("x+b", buffering=0)
        except FileExistsError as error:
            raise BackflushError(f"{path}: exists already; choose another name for the recording") from error
        except OSError as error:
            raise BackflushError(
                f"{path}: the recording cannot be written: {error.strerror}; choose another place"
            ) from error

    def write(self, data: bytes) -> int:
        try:
            self._put(data)
        except OSError as error:
            self.failure = error
            return 0
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size) or b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def settle(self, taken: int) -> None:
        """Make the header say what the frames on disk hold, and see both to the disk."""
        end = self._file.tell()
        self._file.seek(0)
        header = bytearray(self.read(_HEADER_BYTES))
        block = (
            int.from_bytes(header[_BLOCK_SIZE_AT : _BLOCK_SIZE_AT + 2], "big") if len(header) == _HEADER_BYTES else 0
        )
        if block:
            # The encoder puts out a frame when it has one sample more than the frame holds.
            total = max(0, taken - 1) // block * block
            upper = header[_TOTAL_AT] & 0xF0
            self.sync()
            self._file.seek(_TOTAL_AT)
            self._put(bytes([upper | total >> 32]) + (total & 0xFFFFFFFF).to_bytes(4, "big"))
        self._file.seek(end)
        self.sync()

    def sync(self) -> None:
        """Wait until what was written is on the disk, and not only on its way."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]
