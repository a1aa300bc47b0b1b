"""Recordings as sources: whatever libsndfile reads, block by block."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..config import MAX_RATE_HZ, MIN_RATE_HZ
from ..errors import AudioFileError
from ..types import AudioBlock

if TYPE_CHECKING:
    from soundfile import SoundFile

__all__ = ["FileSource"]

# libsndfile gives this many frames for a stream whose header does not say, such as a FLAC written into a pipe.
_UNKNOWN_FRAMES = 2**62


class FileSource:
    """A recording, streamed: memory does not grow with its length.

    Channels are averaged; samples that are not numbers become 0.

    Parameters
    ----------
    path
        Any file that libsndfile reads, 8 to 192 kHz.
    block_s
        Length of a block.
    name
        What the journal calls it, the path if not given.

    Raises
    ------
    AudioFileError
        At once if the file cannot be opened, and while iterating if it breaks off: what could be read has been yielded
        by then.
    """

    def __init__(self, path: str | Path, *, block_s: float = 0.5, name: str | None = None) -> None:
        # A name that is not valid text would end in an encoding error wherever it is printed.
        self.name = name or os.fsencode(path).decode("utf-8", "replace")
        self._file = _open(Path(path), self.name)
        self.rate_hz = int(self._file.samplerate)
        self._block = max(1, round(block_s * self.rate_hz))
        if not MIN_RATE_HZ <= self.rate_hz <= MAX_RATE_HZ:
            self._file.close()
            raise AudioFileError(
                f"{self.name}: recorded at {self.rate_hz} Hz, wanted {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz; "
                "convert it to 48000 Hz"
            )
        if self._file.frames == 0:
            self._file.close()
            raise AudioFileError(f"{self.name}: holds no sound, only a header; record or export it again")

    @property
    def duration_s(self) -> float | None:
        """Length as the header tells it, None where it does not."""
        frames = self._file.frames
        return None if frames >= _UNKNOWN_FRAMES else frames / self.rate_hz

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield the blocks from wherever reading stands."""
        start = 0 if self._file.closed else self._file.tell()
        while not self._file.closed:
            samples, failed = self._read(start)
            if len(samples):
                yield AudioBlock(start, samples, self.rate_hz)
                start += len(samples)
            if failed or (len(samples) < self._block and self._cut_short(start)):
                raise AudioFileError(
                    f"{self.name}: breaks off at {start / self.rate_hz:.2f} s{self._promised()}; what came before was "
                    "used; copy or export the file again"
                )
            if len(samples) < self._block:
                return

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()

    def _read(self, start: int) -> tuple[npt.NDArray[np.float32], bool]:
        """Return up to a block of mono samples, and whether the file failed within it."""
        raw = np.empty((self._block, self._file.channels), np.float32)
        try:
            count, failed = len(self._file.read(out=raw)), False
        except RuntimeError:
            # libsndfile has decoded up to the fault and says so only through its position.
            count, failed = self._file.tell() - start, True
        raw = raw[:count]
        if not np.isfinite(raw).all():
            raw = np.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0)
        return (raw[:, 0] if raw.shape[1] == 1 else raw.mean(axis=1, dtype=np.float32)), failed

    def _cut_short(self, stop: int) -> bool:
        # Only FLAC's header counts exactly: MP3's is an estimate, and the others are cut to fit when opened.
        return bool(self._file.format == "FLAC" and stop < self._file.frames < _UNKNOWN_FRAMES)

    def _promised(self) -> str:
        duration_s = self.duration_s
        return "" if duration_s is None else f" of {duration_s:.2f} s"


def _open(path: Path, name: str) -> SoundFile:
    import soundfile

    if not path.exists():
        raise AudioFileError(f"{name}: no such file; check the name and the folder")
    if path.is_dir():
        raise AudioFileError(f"{name}: is a folder, not a recording; name the files in it")
    if path.is_file() and path.stat().st_size == 0:
        raise AudioFileError(f"{name}: is empty (0 bytes); record or export it again")
    try:
        with path.open("rb"):
            pass
        return soundfile.SoundFile(path)
    except OSError as error:
        raise AudioFileError(f"{name}: cannot be opened: {error.strerror}") from error
    except (RuntimeError, TypeError) as error:
        # TypeError: headerless .raw wants a rate that only its maker knows.
        raise AudioFileError(
            f"{name}: is not a recording that can be read (WAV, FLAC, OGG, MP3, AIFF and others can), or its header is "
            "damaged; convert it, for instance with: ffmpeg -i IN out.flac"
        ) from error
