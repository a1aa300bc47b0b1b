"""Plays a sound in a process of its own: PortAudio's calls hang when a sound server does.

Run as a program it plays float32 samples from its standard input, mono, at the rate given as its argument.
"""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import numpy.typing as npt

__all__ = ["Loudspeaker", "main"]


class Loudspeaker:
    """A sound being played.

    Parameters
    ----------
    samples
        float32, shape (n,), full scale 1.0.
    rate_hz
        Of the samples.
    command
        Program that plays.
    """

    def __init__(
        self,
        samples: npt.NDArray[np.float32],
        rate_hz: int,
        command: tuple[str, ...] = (sys.executable, "-m", "acoustic.displays.loudspeaker"),
    ) -> None:
        self._player = subprocess.Popen(
            [*command, str(rate_hz)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        assert self._player.stdin is not None
        try:
            self._player.stdin.write(samples.tobytes())
            self._player.stdin.close()
        except OSError:
            pass  # `failed` tells

    @property
    def failed(self) -> bool:
        """Whether nothing can be played."""
        return self._player.poll() not in (None, 0)

    def close(self) -> None:
        """End the sound."""
        self._player.kill()
        self._player.wait(5.0)


def main() -> None:
    """Play what comes on standard input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that started this one
    import sounddevice

    samples = np.frombuffer(sys.stdin.buffer.read(), np.float32)
    sounddevice.play(samples, int(sys.argv[1]))
    sounddevice.wait()


if __name__ == "__main__":
    main()
