"""Any source at the pace of life, or a multiple of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from ..errors import OptionError
from ..types import AudioBlock, AudioSource

__all__ = ["PacedSource"]


class PacedSource:
    """Gives each block when its last sample would have been heard, as a microphone does.

    Parameters
    ----------
    source
        What to slow down.
    speed
        1.0 for real pace, 10.0 for ten times as fast. A consumer that cannot keep up gets the blocks late, never fewer.
    clock
        Monotonic seconds.

    Raises
    ------
    OptionError
        If `speed` is not positive.
    """

    def __init__(self, source: AudioSource, speed: float = 1.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0.0 < speed < float("inf"):
            raise OptionError(
                f"speed {speed}: wanted a positive number, such as 1 for real pace or 10 for ten times it"
            )
        self._source = source
        self._speed = speed
        self._clock = clock
        self._closed = threading.Event()
        self._reading = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the source inside."""
        return self._source.name

    @property
    def rate_hz(self) -> int:
        """Rate of the source inside."""
        return self._source.rate_hz

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks in time, until the source ends or is closed."""
        began = None
        blocks = iter(self._source)
        while (block := self._next(blocks)) is not None:
            if began is None:
                began = self._clock() - block.start / block.rate_hz / self._speed
            due = began + block.stop / block.rate_hz / self._speed
            if self._closed.wait(max(0.0, due - self._clock())):
                return
            yield block

    def close(self) -> None:
        """End the iteration, from any thread and even in the middle of a wait, and close the source inside."""
        self._closed.set()
        with self._reading:
            self._source.close()

    def _next(self, blocks: Iterator[AudioBlock]) -> AudioBlock | None:
        # The lock keeps close() from taking a file away under a read.
        with self._reading:
            return None if self._closed.is_set() else next(blocks, None)
