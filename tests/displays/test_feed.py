import threading
import time
from collections.abc import Sequence

import numpy as np

from acoustic.displays.feed import Feed
from acoustic.displays.journal import Record
from acoustic.types import AudioBlock, Event, Phase, Status


class Recorder:
    """A display that can be held up."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.seen: list[str] = []
        self.threads: set[str] = set()

    def open(self) -> None:
        self.seen.append("open")

    def show(self, record: Record) -> None:
        self.go.wait(10.0)
        self.threads.add(threading.current_thread().name)
        assert isinstance(record, Event)
        self.seen.append(f"{record.time_s:g}")

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        self.go.wait(10.0)
        self.seen.append(f"status {status.time_s:g}, {len(blocks)} blocks")

    def close(self) -> None:
        self.seen.append("close")


def event(time_s: float) -> Event:
    return Event("release", time_s, time_s, 1.0)


def status(time_s: float) -> Status:
    return Status(time_s, Phase.FILL, 0.0, -30.0, -60.0)


def test_records_arrive_in_order_in_one_thread_of_their_own() -> None:
    display = Recorder()
    feed = Feed(display)
    for i in range(100):
        feed.show(event(i))
    feed.close()
    assert display.seen == ["open", *map(str, range(100)), "close"]
    assert len(display.threads) == 1
    assert threading.current_thread().name not in display.threads
    assert feed.dropped == 0


def test_a_blocked_display_drops_the_oldest_and_holds_nothing_up() -> None:
    display = Recorder()
    display.go.clear()
    feed = Feed(display, capacity=4)
    feed.show(event(0))
    while feed._records:  # the display has taken the first one and hangs in it
        time.sleep(0.001)
    began = time.monotonic()
    for i in range(1, 1_001):
        feed.show(event(i))
        feed.hear(AudioBlock(i, np.zeros(1, np.float32), 8_000))
        feed.update(status(i))
    assert time.monotonic() - began < 1.0
    assert feed.dropped == 996
    display.go.set()
    feed.close()
    assert display.seen == ["open", "0", "997", "998", "999", "1000", "status 1000, 256 blocks", "close"]


def test_a_display_that_hangs_is_left_behind() -> None:
    display = Recorder()
    display.go.clear()
    feed = Feed(display)
    feed.show(event(0))
    began = time.monotonic()
    feed.close(timeout_s=0.05)
    assert time.monotonic() - began < 1.0
    display.go.set()


def test_a_display_that_raises_is_let_go_of_with_its_reason() -> None:
    class Broken(Recorder):
        def show(self, record: Record) -> None:
            raise BrokenPipeError("nobody reads")

    display = Broken()
    feed = Feed(display)
    for i in range(10):
        feed.show(event(i))
    feed.close()
    assert isinstance(feed.failure, BrokenPipeError)
    assert display.seen == ["open", "close"]
