"""Short sounds for the cues, told apart by melody and rhythm.

They are played by a child process (this module run as a program): PortAudio's calls hang when a sound server does,
and opening an output while the microphone is being reopened is not safe in one process. Without an output, the child
rings the terminal's bell instead.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import numpy as np
import numpy.typing as npt

from ..types import Cue, CueKind
from .controls import Controls
from .journal import Record

__all__ = ["EARCONS", "SoundDisplay", "earcon", "main", "sounds_for"]

_RATE_HZ = 48_000
# Pure tones with soft edges, above the pump's comb and below the whoosh's upper bands: what the microphone hears of
# them looks neither like a pump nor like a release. (hertz, seconds); 0 Hz is a rest.
_Note = tuple[float, float]
_REST: _Note = (0.0, 0.05)
EARCONS: dict[CueKind, tuple[_Note, ...]] = {
    "start_pump": ((1046.5, 0.16),),
    "stop_pump": ((1568.0, 0.09), (1174.7, 0.09), (1568.0, 0.09), (1174.7, 0.12)),
    "release_ok": ((987.8, 0.07), (1318.5, 0.12)),
    "wait": ((784.0, 0.16),),
    "foam_clear": ((1046.5, 0.09), (1318.5, 0.09), (1568.0, 0.16)),
    "rinse_handle": ((1174.7, 0.1), _REST, (1174.7, 0.1)),
    "flush_group": ((1174.7, 0.1), _REST, (1174.7, 0.1), _REST, (1174.7, 0.1)),
    "done": ((1046.5, 0.1), (1318.5, 0.1), (1568.0, 0.1), (2093.0, 0.3)),
    "warning": ((740.0, 0.14), _REST, (740.0, 0.14), _REST, (740.0, 0.14)),
    "faint": ((1318.5, 0.12), (987.8, 0.12), (740.0, 0.2)),
}
_LEVEL = 0.4
_EDGE_S = 0.012


def earcon(kind: CueKind, rate_hz: int = _RATE_HZ) -> npt.NDArray[np.float32]:
    """Return the sound of a cue: float32, shape (n,), peaks at -8 dBFS, at most 0.7 s."""
    return np.concatenate([_note(hertz, seconds, rate_hz) for hertz, seconds in EARCONS[kind]])


def sounds_for(record: Record) -> CueKind | None:
    """Return which sound a record makes, None for none.

    The session's own beginning makes none: whoever began it looks at the screen, and the detector still learns the
    room.
    """
    if not isinstance(record, Cue) or (record.kind == "start_pump" and record.about == "session"):
        return None
    return record.kind


def _note(hertz: float, seconds: float, rate_hz: int) -> npt.NDArray[np.float32]:
    times_s = np.arange(round(seconds * rate_hz)) / rate_hz
    edge = np.clip(np.minimum(times_s, times_s[::-1]) / _EDGE_S, 0.0, 1.0)
    # A raised cosine: a straight edge would click, and a click is broadband.
    envelope = 0.5 - 0.5 * np.cos(np.pi * edge)
    return (_LEVEL * envelope * np.sin(2.0 * np.pi * hertz * times_s)).astype(np.float32)


class SoundDisplay:
    """Plays a sound for each cue; never raises, and never waits for a loudspeaker.

    Parameters
    ----------
    controls
        Tell whether sounds are off.
    command
        Program that plays: a cue's kind on each line of its standard input.
    """

    def __init__(
        self, controls: Controls, command: tuple[str, ...] = (sys.executable, "-m", "acoustic.displays.sounds")
    ) -> None:
        self._controls = controls
        self._command = command
        self._player: subprocess.Popen[str] | None = None

    def open(self) -> None:
        """Start the player if sounds are on, so that the first cue is not late."""
        if self._controls.muted or self._player is not None:
            return
        with contextlib.suppress(OSError):
            # Standard output is shared: the child rings the terminal's bell through it.
            self._player = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )

    def show(self, record: Record) -> None:
        """Play the record's sound, if it is a cue and sounds are on."""
        kind = sounds_for(record)
        if kind is None or self._controls.muted:
            return
        self.open()
        if self._player and self._player.stdin:
            with contextlib.suppress(OSError):
                self._player.stdin.write(f"{kind}\n")

    def close(self) -> None:
        """Let the last sound end, and the player with it."""
        if self._player is None:
            return
        with contextlib.suppress(OSError):
            if self._player.stdin:
                self._player.stdin.close()
        try:
            self._player.wait(1.5)
        except subprocess.TimeoutExpired:
            self._player.kill()
            self._player.wait()
        self._player = None


def main() -> None:
    """Play the cues named on standard input until it ends; where one cannot be played, ring the terminal's bell."""
    # Ctrl-C is for the program that listens; its end of the pipe ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sounds: dict[str, npt.NDArray[np.float32]] = {kind: earcon(kind) for kind in EARCONS}
    # Whatever PortAudio raises (it is missing, there is no output, the output went away), the answer is the bell.
    with contextlib.suppress(Exception):
        import sounddevice
    for line in sys.stdin:
        try:
            sounddevice.play(sounds[line.strip()], _RATE_HZ, latency="low")
        except Exception:
            _bell()
    with contextlib.suppress(Exception):
        sounddevice.wait()


def _bell() -> None:
    if sys.stdout.isatty():
        sys.stdout.write("\a")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
