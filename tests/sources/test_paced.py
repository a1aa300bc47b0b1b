import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from acoustic.errors import OptionError
from acoustic.sources.paced import PacedSource
from acoustic.types import AudioBlock


class Zeros:
    """Blocks of 0.1 s."""

    name, rate_hz, closed = "zeros", 1_000, False

    def __init__(self, blocks: int, first: int = 0) -> None:
        self.blocks, self.first = blocks, first

    def __iter__(self) -> Iterator[AudioBlock]:
        for index in range(self.blocks):
            yield AudioBlock(self.first + 100 * index, np.zeros(100, np.float32), 1_000)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("speed", "first"), [(1.0, 0), (4.0, 0), (4.0, 5_000)])
def test_no_block_comes_before_its_last_sample_would_have_been_heard(speed: float, first: int) -> None:
    began = time.monotonic()
    for block in PacedSource(Zeros(4, first), speed):
        assert (time.monotonic() - began) * speed >= (block.stop - first) / 1_000 - 1e-6


def test_a_late_consumer_gets_all_blocks() -> None:
    ticks = iter(range(0, 100_000, 1_000))
    source = PacedSource(Zeros(5), clock=lambda: float(next(ticks)))
    assert [block.start for block in source] == [0, 100, 200, 300, 400]


def test_close_from_another_thread_ends_a_wait() -> None:
    inner = Zeros(1_000_000)
    source = PacedSource(inner, 0.001)  # the first block is due in 100 s
    threading.Timer(0.05, source.close).start()
    began = time.monotonic()
    assert list(source) == []
    assert time.monotonic() - began < 5.0
    assert inner.closed


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_speed_must_be_a_positive_number(speed: float) -> None:
    with pytest.raises(OptionError, match="speed"):
        PacedSource(Zeros(1), speed)


def test_name_and_rate_are_the_inner_ones() -> None:
    source = PacedSource(Zeros(1))
    assert (source.name, source.rate_hz) == ("zeros", 1_000)
