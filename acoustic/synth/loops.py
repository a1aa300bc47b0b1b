"""Recordings from a folder: as single sounds, as an endless bed, or in place of the pump's own sound."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import AudioFileError, LabelError
from .filters import Floats
from .plan import Splice

__all__ = ["Library", "Loop", "read_sound", "splices_from_labels"]

_SUFFIXES: Final = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif"})
_LONGEST_S: Final = 120.0
_CROSSFADE_S: Final = 0.12


@dataclass(frozen=True, slots=True)
class Library:
    """Recordings of what is not the machine, by path and length.

    What a file's name says of it does not matter: level and place are drawn for all alike.
    """

    files: tuple[tuple[str, float], ...]

    @classmethod
    def from_folder(cls, folder: Path | str, exclude: Sequence[str] = ()) -> Library:
        """All recordings below a folder, in order of their names.

        Parameters
        ----------
        folder
            Searched recursively.
        exclude
            Names of subfolders, or of files, to leave out.

        Raises
        ------
        AudioFileError
            If there are none.
        """
        import soundfile

        folder = Path(folder)
        files = []
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if path.suffix.lower() not in _SUFFIXES or any(part in exclude for part in parts):
                continue
            try:
                duration_s = soundfile.info(path).duration
            except soundfile.LibsndfileError as error:
                raise AudioFileError(f"{path}: cannot be read as audio ({error}); remove it from the folder") from error
            files.append((str(path), float(duration_s)))
        if not files:
            raise AudioFileError(
                f"{folder}: no recordings found there; give a folder with .wav, .flac, .ogg or .mp3 files"
            )
        return cls(tuple(files))

    def without(self, names: Sequence[str]) -> Library:
        """Return the same library without the files of these names: for holding some out."""
        return Library(tuple(entry for entry in self.files if Path(entry[0]).name not in names))


@functools.lru_cache(maxsize=32)
def _whole(file: str, rate_hz: int) -> Floats:
    import soundfile
    import soxr

    try:
        samples, rate = soundfile.read(file, dtype="float64", always_2d=True, stop=-1)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioFileError(f"{file}: cannot be read ({error}); is the folder of recordings still there?") from error
    mono = samples[: int(_LONGEST_S * rate)].mean(axis=1)
    return np.asarray(soxr.resample(mono, rate, rate_hz) if rate != rate_hz else mono, dtype=np.float64)


def read_sound(file: str, offset_s: float, duration_s: float, rate_hz: int) -> Floats:
    """Stretch of a recording, mono, at `rate_hz`; wraps round where the file is shorter."""
    whole = _whole(file, rate_hz)
    count = max(1, int(duration_s * rate_hz))
    at = int(offset_s * rate_hz) % max(1, len(whole))
    return np.take(whole, np.arange(at, at + count), mode="wrap")


class Loop:
    """Endless sound from a few stretches of recordings, with crossfades that keep the mains phase.

    Parameters
    ----------
    stretches
        Mono samples; each at least 0.3 s long.
    rate_hz
        Their rate.
    rng
        Draws where to go on.
    period_hz
        Jumps are whole multiples of its period, so that a comb of lines stays coherent; 0 for any.
    """

    def __init__(
        self, stretches: Sequence[Floats], rate_hz: int, rng: np.random.Generator, period_hz: float = 0.0
    ) -> None:
        self._stretches = list(stretches)
        self._fade = min(int(_CROSSFADE_S * rate_hz), min(len(stretch) for stretch in stretches) // 4)
        self._ramp = np.sqrt(np.arange(self._fade) / max(1, self._fade))
        self._period = rate_hz / period_hz if period_hz else 1.0
        self._rng = rng
        self._written = 0
        self._ready = self._segment()
        self._tail = np.empty(0)

    def _segment(self) -> Floats:
        """Another stretch, entered anywhere in its first half, at the phase where the last one would go on."""
        stretch = self._stretches[int(self._rng.integers(len(self._stretches)))]
        at = self._rng.random() * 0.5 * len(stretch)
        if self._period > 1.0:
            at = self._written % self._period + round(at / self._period) * self._period
        at = min(int(at), max(0, len(stretch) - 4 * self._fade))
        return stretch[at:]

    def read(self, count: int) -> Floats:
        """Next samples."""
        parts = []
        missing = count
        while missing > 0:
            usable = len(self._ready) - self._fade
            if usable > 0:
                part = self._ready[: min(usable, missing)]
                self._ready = self._ready[len(part) :]
                parts.append(part)
                self._written += len(part)
                missing -= len(part)
            else:
                following = self._segment().copy()
                following[: self._fade] = following[: self._fade] * self._ramp + self._ready * self._ramp[::-1]
                self._ready = following
        return np.concatenate(parts)


def splices_from_labels(
    labels: Path | str, folder: Path | str | None = None, mains_hz: float = 50.0
) -> tuple[Splice, ...]:
    """One splice for each recording that has both `fill` and `pressurised` stretches in a label table.

    Parameters
    ----------
    labels
        Tab-separated with a header: file, onset_s, offset_s, label.
    folder
        Where the files lie; beside the table if None.
    mains_hz
        Of all of them.

    Raises
    ------
    LabelError
        If the table cannot be read, or holds no such recording.
    """
    labels = Path(labels)
    folder = labels.parent if folder is None else Path(folder)
    found: dict[str, dict[str, list[tuple[str, float, float]]]] = {}
    try:
        rows = labels.read_text(encoding="utf-8").splitlines()[1:]
    except OSError as error:
        raise LabelError(
            f"{labels}: cannot be read ({error.strerror}); a table of file, onset_s, offset_s, label is wanted"
        ) from error
    for number, row in enumerate(rows, start=2):
        try:
            name, onset, offset, label = row.split("\t")
            stretch = (str(folder / name), float(onset), float(offset))
        except ValueError as error:
            raise LabelError(f"{labels}:{number}: {row!r} is not file, onset_s, offset_s, label") from error
        if label in {"fill", "pressurised"}:
            found.setdefault(name, {}).setdefault(label, []).append(stretch)
    splices = tuple(
        Splice(tuple(parts["fill"]), tuple(parts["pressurised"]), mains_hz)
        for parts in found.values()
        if {"fill", "pressurised"} <= parts.keys()
    )
    if not splices:
        raise LabelError(f"{labels}: no recording has both fill and pressurised stretches")
    return splices
