import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO

import numpy as np
import pytest

from acoustic.coach import Coach
from acoustic.displays.feed import Feed
from acoustic.displays.journal import Capture, JournalWriter, Opening, Record, Summary, decode
from acoustic.errors import BackflushError, DeviceError
from acoustic.pipeline import Detector, Monitor
from acoustic.tools.listen import StoppableSource, listen
from acoustic.types import AudioBlock, Cue, Status


@dataclass
class Report:
    time_s: float
    state: str
    text: str


class Microphone:
    """Gives `blocks` blocks of silence, or goes on for ever; `at` is called before each."""

    name, rate_hz = "mic", 8_000

    def __init__(self, blocks: int | None, at: Callable[[int], None] = lambda index: None) -> None:
        self.blocks, self.at = blocks, at

    def __iter__(self) -> Iterator[AudioBlock]:
        index = 0
        while self.blocks is None or index < self.blocks:
            self.at(index)
            yield AudioBlock(800 * index, np.zeros(800, np.float32), 8_000)
            index += 1

    def close(self) -> None: ...


class Display:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.status: Status | None = None

    def open(self) -> None: ...

    def show(self, record: Record) -> None:
        self.records.append(record)

    def update(self, status: Status, blocks: Sequence[AudioBlock]) -> None:
        self.status = status

    def close(self) -> None: ...


def monitor() -> Monitor:
    return Monitor(Detector(), Coach())


def test_displays_and_journal_get_the_same_session() -> None:
    display, stream = Display(), StringIO()
    summary = listen(Microphone(20), monitor(), [Feed(display)], journal=JournalWriter(stream), details={"when": "now"})
    written = [decode(line) for line in stream.getvalue().splitlines()]
    assert written == display.records
    assert written[0] == Opening("mic", 8_000, "default", details={"when": "now"})
    assert written[-1] == summary == Summary(0, 2.0, 0.0, {"incomplete": 0})
    assert display.status is not None
    assert display.status.time_s == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_blocks_ends_with_a_summary(number: signal.Signals) -> None:
    def interrupt(index: int) -> None:
        if index == 5:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    assert listen(Microphone(None, interrupt), monitor()).duration_s == pytest.approx(0.5, abs=0.11)
    assert signal.getsignal(number) == before


def test_a_signal_that_comes_twice_at_once_still_ends_with_a_summary() -> None:
    def interrupt(index: int) -> None:
        if index == 5:
            os.kill(os.getpid(), signal.SIGINT)

    class Twice(Display):
        def show(self, record: Record) -> None:
            super().show(record)
            if isinstance(record, Cue) and record.kind == "done":
                os.kill(os.getpid(), signal.SIGINT)

    display = Twice()
    listen(Microphone(None, interrupt), monitor(), [Feed(display)])
    assert isinstance(display.records[-1], Summary)


def test_a_signal_leaves_no_lock_taken_that_closing_waits_for() -> None:
    class Lock:
        """Takes its lock in Python, as Python's own do, and is interrupted there once."""

        def __init__(self) -> None:
            self.inner, self.entered = threading.Lock(), 0

        def __enter__(self) -> None:
            self.inner.acquire()
            self.entered += 1
            if self.entered == 5:
                os.kill(os.getpid(), signal.SIGINT)

        def __exit__(self, *failed: object) -> None:
            self.inner.release()

    lock = Lock()

    def wait(index: int) -> None:
        with lock:
            pass

    listen(Microphone(None, wait), monitor())
    assert lock.entered == 5
    assert lock.inner.acquire(timeout=1.0)


def test_a_signal_ends_even_a_source_that_hangs() -> None:
    def hang(index: int) -> None:
        if index == 3:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
            time.sleep(60.0)

    began = time.monotonic()
    assert listen(Microphone(None, hang), monitor()).duration_s == pytest.approx(0.3)
    assert time.monotonic() - began < 30.0


def test_outside_the_main_thread_no_signal_is_touched() -> None:
    summaries: list[Summary] = []
    thread = threading.Thread(target=lambda: summaries.append(listen(Microphone(3), monitor())))
    thread.start()
    thread.join(30.0)
    assert summaries[0].duration_s == pytest.approx(0.3)


def test_a_display_that_blocks_does_not_block_the_detector() -> None:
    release = threading.Event()

    class Stuck(Display):
        def show(self, record: Record) -> None:
            release.wait(30.0)

    class Hasty(Feed):
        def close(self, timeout_s: float = 0.01) -> None:
            super().close(timeout_s)

    assert listen(Microphone(50), monitor(), [Hasty(Stuck())]).duration_s == pytest.approx(5.0)
    release.set()


def test_when_nobody_reads_the_session_ends() -> None:
    class Broken(Display):
        def show(self, record: Record) -> None:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        listen(Microphone(None, lambda index: time.sleep(0.001)), monitor(), [Feed(Broken())])


def test_a_full_disk_is_told_of_at_the_end() -> None:
    class Full(StringIO):
        def write(self, text: str) -> int:
            if "summary" not in text:
                raise OSError(28, "No space left on device")
            raise AssertionError("written after the failure")

    display = Display()
    with pytest.raises(BackflushError, match="journal is incomplete: No space left on device"):
        listen(Microphone(5), monitor(), [Feed(display)], journal=JournalWriter(Full()))
    assert isinstance(display.records[-1], Summary)


def test_a_device_that_fails_is_summed_up_first() -> None:
    def fail(index: int) -> None:
        if index == 5:
            raise DeviceError("the microphone is gone")

    display = Display()
    with pytest.raises(DeviceError, match="gone"):
        listen(Microphone(None, fail), monitor(), [Feed(display)])
    assert isinstance(display.records[-1], Summary)


def test_what_the_microphone_says_of_itself_is_shown_and_written() -> None:
    pending = [Report(0.1, "stalled", "No sound comes from mic.")]

    class Watched(Microphone):
        def reports(self) -> list[Report]:
            found = pending.copy()
            pending.clear()
            return found

    display = Display()
    listen(Watched(3), monitor(), [Feed(display)])
    assert Capture(0.1, "stalled", "No sound comes from mic.") in display.records


class _Interrupted:
    """A source whose wait fails as Python's own may when a signal comes while it takes its lock back."""

    name, rate_hz = "interrupted", 16_000

    def __init__(self, asked: bool) -> None:
        self.stoppable = StoppableSource(self)
        self._asked = asked

    def __iter__(self) -> Iterator[AudioBlock]:
        if self._asked:
            self.stoppable.stop()
        raise RuntimeError("release unlocked lock")
        yield

    def close(self) -> None:
        pass


def test_a_wait_that_fails_because_the_user_ended_it_ends_the_source() -> None:
    assert list(_Interrupted(asked=True).stoppable) == []
    with pytest.raises(RuntimeError):
        list(_Interrupted(asked=False).stoppable)


FIRST_START = """
from acoustic.features import kernels
from acoustic.tools import listen
begun = []
compile_beside = listen._compile_beside
listen._compile_beside = lambda: begun.append(compile_beside()) or begun[0]
listen.warm_detector()
print(begun[0] is not None, *(sum(kernel.stats.cache_misses.values()) for kernel in (kernels._tones, kernels._pulses)))
"""


def test_the_first_start_ever_compiles_half_of_the_kernels_in_another_process(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    # First one half is found in the cache, where the other process has put it; then nothing needs to be compiled.
    for expected in ("True 0 1", "False 0 0"):
        done = subprocess.run(
            [sys.executable, "-c", FIRST_START], env=env, capture_output=True, text=True, timeout=250, check=True
        )
        assert done.stdout.strip() == expected
