"""Between the detector and a display: a bounded queue and a thread, so that a slow display holds nothing up."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ..types import AudioBlock, Status
from .journal import Record

__all__ = ["Display", "Feed", "LiveDisplay"]

# Some seconds of sound, enough for any pause of a display that is still worth looking at.
_BLOCKS = 256
# A status waits so long for the next ones. To wake a thread costs more than most displays do with a status, and none
# draws more often than this.
_UPDATE_S = 0.05


class Display(Protocol):
    """Something that shows a session. All its methods are called from one thread, which is not the detector's."""

    def open(self) -> None:
        """Get ready, before the first record."""
        ...

    def show(self, record: Record) -> None:
        """Show one record."""
        ...

    def close(self) -> None:
        """Stop showing."""
        ...


@runtime_checkable
class LiveDisplay(Display, Protocol):
    """A display that also shows what is heard between the records."""

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        """Show what is heard right now, and the sound since the last call as far as it was kept."""
        ...


class Feed:
    """Runs one display in a thread of its own.

    Records and blocks wait in bounded queues, whose oldest are dropped when the display is slow; of the status only the
    latest waits. A display that raises is not called again: `failure` keeps the reason.

    Parameters
    ----------
    display
        What is fed.
    capacity
        Records that may wait.
    """

    def __init__(self, display: Display, *, capacity: int = 256) -> None:
        self.failure: Exception | None = None
        self.dropped = 0
        self._display = display
        # Asked once: for a protocol the question takes long.
        self._live = display if isinstance(display, LiveDisplay) else None
        self._records: deque[Record] = deque(maxlen=capacity)
        self._status: Status | None = None
        self._blocks: deque[AudioBlock] = deque(maxlen=_BLOCKS)
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"display {type(display).__name__}", daemon=True)
        self._thread.start()

    def show(self, record: Record) -> None:
        """Queue a record; never waits for the display."""
        with self._changed:
            self.dropped += len(self._records) == self._records.maxlen
            self._records.append(record)
            self._changed.notify()

    def hear(self, block: AudioBlock) -> None:
        """Queue the sound that the next status is shown with."""
        if self._live is not None:
            self._blocks.append(block)  # without the lock: so often, it would cost what a display costs

    def update(self, status: Status) -> None:
        """Replace the status that will be shown some hundredths of a second later."""
        if self._live is not None:
            with self._changed:
                self._status = status

    def close(self, timeout_s: float = 2.0) -> None:
        """Let the display show what waits and end it; one that hangs is left behind after `timeout_s`."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._display.open()
            try:
                self._pump()
            finally:
                self._display.close()
        except Exception as error:
            self.failure = error

    def _pump(self) -> None:
        patience_s = None if self._live is None else _UPDATE_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._records or self._closing, patience_s)
                records, status, closing = list(self._records), self._status, self._closing
                self._records.clear()
                self._status = None
            blocks = [self._blocks.popleft() for _ in range(len(self._blocks))] if status is not None else []
            for record in records:
                self._display.show(record)
            if self._live is not None and status is not None:
                self._live.update(status, blocks)
            if closing and not records and status is None:
                return
