"""From the times at which a driver hands over audio to what is missing in it.

Drivers do not say what they lost: overflow flags stay unset, and after a hang one sound server delivers the whole
backlog in a burst while another has dropped it. What tells them apart is how many samples came against how much time
has passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from ..config import CaptureOptions

__all__ = ["Placed", "Timeline"]

_Block = TypeVar("_Block")


class Placed(NamedTuple, Generic[_Block]):
    """A block and where it belongs.

    `start` is the index of its first sample, `lost` the samples missing directly before it, `stamp_s` when it was
    handed over.
    """

    block: _Block
    start: int
    lost: int
    stamp_s: float


class Timeline(Generic[_Block]):
    """Gives every block its place on the sample clock, lost samples included.

    The deficit is the time that has passed less the audio that has come. Its minimum over a second is steady but for
    the drift of the device's clock. Behind a pause in the delivery the blocks are held back, some tenths of a second,
    until the backlog has all come; what the deficit is then more than before is lost, and lies in the pause. A minimum
    that grows without a pause, and faster than a clock drifts, is loss in small pieces.

    Parameters
    ----------
    rate_hz
        Samples a second of the blocks.
    options
        Thresholds.
    """

    def __init__(self, rate_hz: int, options: CaptureOptions) -> None:
        self._rate_hz = rate_hz
        self._options = options
        self._origin_s: float | None = None
        self._taken = 0
        self._last_s = 0.0
        self._level_s = 0.0
        self._window: tuple[float, float] | None = None
        self._held: list[tuple[_Block, int, float]] = []
        self._held_since_s = 0.0
        self._lowest_s = 0.0
        self._fell_to_s = 0.0
        self._fell_at_s = 0.0

    @property
    def settled(self) -> int:
        """Index behind the last sample that was yielded."""
        return self._taken - sum(samples for _, samples, _ in self._held)

    def push(self, block: _Block, samples: int, stamp_s: float, *, restarted: bool = False) -> Iterator[Placed[_Block]]:
        """Yield the blocks whose place is known now.

        Parameters
        ----------
        block
            What was handed over.
        samples
            Its length.
        stamp_s
            Monotonic time at which the driver handed it over.
        restarted
            Whether it is the first of a device that has been opened again.
        """
        if restarted:
            yield from self.flush()
        if self._origin_s is None:
            self._origin_s = self._last_s = stamp_s
        pause_s = stamp_s - self._last_s
        self._last_s = stamp_s
        deficit_s = stamp_s - self._origin_s - self._taken / self._rate_hz
        if self._held or restarted or pause_s > self._options.pause_s:
            self._taken += samples
            yield from self._hold(block, samples, stamp_s, deficit_s)
            return
        lost = self._creeping(deficit_s, stamp_s)
        start = self._taken + lost
        self._taken = start + samples
        yield Placed(block, start, lost, stamp_s)

    def flush(self) -> Iterator[Placed[_Block]]:
        """Yield what is held back: nothing more will come."""
        if self._held:
            yield from self._release()

    def _hold(self, block: _Block, samples: int, stamp_s: float, deficit_s: float) -> Iterator[Placed[_Block]]:
        if not self._held:
            self._held_since_s = self._fell_at_s = stamp_s
            self._lowest_s = self._fell_to_s = deficit_s
        self._held.append((block, samples, stamp_s))
        self._lowest_s = min(self._lowest_s, deficit_s)
        if deficit_s < self._fell_to_s - self._options.settle_s / 4:
            self._fell_to_s, self._fell_at_s = deficit_s, stamp_s
        settled = stamp_s - self._fell_at_s >= self._options.settle_s
        if settled or stamp_s - self._held_since_s >= self._options.max_hold_s:
            yield from self._release()

    def _release(self) -> Iterator[Placed[_Block]]:
        lost = self._lost(self._lowest_s)
        held, self._held = self._held, []
        start = self._taken - sum(samples for _, samples, _ in held) + lost
        self._taken += lost
        self._window = None
        for block, samples, handed_s in held:
            yield Placed(block, start, lost, handed_s)
            start += samples
            lost = 0

    def _creeping(self, deficit_s: float, stamp_s: float) -> int:
        """Return how many samples went missing in the second that is over with this block, 0 while one lasts."""
        if self._window is not None and stamp_s - self._window[0] < self._options.window_s:
            self._window = (self._window[0], min(self._window[1], deficit_s))
            return 0
        lowest_s = self._level_s if self._window is None else self._window[1]
        lost = self._lost(lowest_s)
        if not lost:
            # So the level follows the drift of the device's clock, and losses too small to be told add up.
            self._level_s = min(lowest_s, self._level_s + self._options.drift * self._options.window_s)
        self._window = (stamp_s, deficit_s - lost / self._rate_hz)
        return lost

    def _lost(self, deficit_s: float) -> int:
        missing_s = deficit_s - self._level_s
        return round(missing_s * self._rate_hz) if missing_s > self._options.jitter_s else 0
