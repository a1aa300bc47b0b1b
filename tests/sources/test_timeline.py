"""Loss, told from when audio was handed over. A picture is one letter a block of 10 ms.

`.` a block handed over on time, `_` time in which none is (the audio of that time is lost), `~` time in which none is
handed over either, but whose block comes with the next burst, at once.
"""

from __future__ import annotations

import numpy as np
import pytest

from acoustic.config import CaptureOptions
from acoustic.sources.timeline import Placed, Timeline

RATE_HZ, BLOCK = 48_000, 480


def place(picture: str, *, drift: float = 0.0, jitter: np.random.Generator | None = None) -> list[Placed[int]]:
    """Return the placed blocks of a picture, each block being its own position in true time."""
    timeline: Timeline[int] = Timeline(RATE_HZ, CaptureOptions())
    placed: list[Placed[int]] = []
    backlog: list[int] = []
    for number, letter in enumerate(picture):
        backlog += [number] * (letter != "_")
        if letter == ".":
            late_s = 0.0 if jitter is None else jitter.uniform(0.0, 0.02)
            for block in backlog:
                placed += timeline.push(block, BLOCK, number * BLOCK / RATE_HZ * (1.0 + drift) + late_s)
            backlog = []
    return [*placed, *timeline.flush()]


def losses(placed: list[Placed[int]]) -> list[tuple[int, int]]:
    """Return the block behind each loss, and how many blocks' worth was lost."""
    return [(p.block, round(p.lost / BLOCK)) for p in placed if p.lost]


def test_steady_delivery_loses_nothing() -> None:
    placed = place("." * 500)
    assert losses(placed) == []
    assert [p.start for p in placed] == [n * BLOCK for n in range(500)]


def test_a_burst_of_backlog_is_not_a_loss() -> None:
    placed = place("." * 200 + "~" * 200 + "." * 100)
    assert losses(placed) == []
    assert [p.block for p in placed] == list(range(500))
    assert [p.start for p in placed] == [n * BLOCK for n in range(500)]


def test_a_pause_without_backlog_is_a_loss_of_its_length() -> None:
    placed = place("." * 200 + "_" * 200 + "." * 100)
    assert losses(placed) == [(400, 200)]
    assert placed[-1].start == 499 * BLOCK


def test_a_pause_whose_backlog_came_in_part_is_a_loss_of_the_rest() -> None:
    placed = place("." * 200 + "_" * 100 + "~" * 50 + "." * 150)
    assert losses(placed) == [(300, 100)]
    assert placed[-1].start == 499 * BLOCK


def test_two_pauses_close_together_are_told_apart() -> None:
    placed = place("." * 200 + "_" * 50 + "." * 60 + "_" * 30 + "." * 200)
    assert losses(placed) == [(250, 50), (340, 30)]


def test_small_losses_without_a_pause_are_noticed_within_two_seconds() -> None:
    placed = place("." * 300 + ("." * 9 + "_") * 20 + "." * 300)
    assert sum(blocks for _, blocks in losses(placed)) == pytest.approx(20, abs=1)
    assert placed[-1].start == pytest.approx(799 * BLOCK, abs=2 * BLOCK)


def test_losses_too_small_to_be_told_one_by_one_add_up() -> None:
    placed = place("." * 300 + ("." * 49 + "_") * 20 + "." * 300)
    assert sum(blocks for _, blocks in losses(placed)) == pytest.approx(20, abs=7)


def test_a_delivery_that_is_later_from_now_on_loses_nothing() -> None:
    timeline: Timeline[int] = Timeline(RATE_HZ, CaptureOptions())
    placed = [p for n in range(1000) for p in timeline.push(n, BLOCK, n / 100 + (0.04 if 300 <= n < 700 else 0.0))]
    assert losses(placed) == []


@pytest.mark.parametrize("drift", [-3e-4, 3e-4])
def test_a_clock_that_runs_fast_or_slow_loses_nothing(drift: float) -> None:
    # Ten minutes: 0.18 s of drift, three times what would be taken for a loss if it came at once.
    assert losses(place("." * 60_000, drift=drift)) == []


def test_jitter_loses_nothing() -> None:
    rng = np.random.default_rng(5)
    placed = place("." * 2000, jitter=rng)
    assert losses(placed) == []


def test_blocks_behind_a_device_that_was_opened_again_stand_at_their_time() -> None:
    timeline: Timeline[int] = Timeline(RATE_HZ, CaptureOptions())
    placed = [p for n in range(100) for p in timeline.push(n, BLOCK, n / 100)]
    for n in range(400, 450):
        placed += timeline.push(n, BLOCK, n / 100, restarted=n == 400)
    assert losses(placed) == [(400, 300)]
    assert placed[-1].start == 449 * BLOCK


def test_memory_stays_bounded() -> None:
    timeline: Timeline[int] = Timeline(RATE_HZ, CaptureOptions())
    held = 0
    for n in range(10_000):
        list(timeline.push(n, BLOCK, n * 0.2))  # every block behind a pause
        held = max(held, len(timeline._held))
    assert held <= 10
