"""What the user takes back is taken back everywhere."""

import numpy as np

from acoustic.pipeline import Detector, Monitor
from acoustic.types import Action, AudioBlock, Event

BLOCK = AudioBlock(0, np.zeros(160, np.float32), 16_000)


class Script(Detector):
    """A detector that hears what it is told, and notes what is taken back."""

    def __init__(self):
        super().__init__()
        self.heard, self.taken_back = [], []

    def push(self, block):
        return [self.heard.pop(0)] if self.heard else []

    def take_back(self, cycle):
        self.taken_back.append(cycle)


def cycle(number, time_s):
    return Event("cycle", time_s, time_s, 0.9, {"cycle": number, "fill_s": 5.0, "hold_s": 2.0, "release_s": 1.0})


def test_undo_takes_back_the_cycle_that_was_heard_last():
    detector = Script()
    monitor = Monitor(detector)
    detector.heard = [cycle(1, 10.0), cycle(2, 20.0)]
    monitor.push(BLOCK)
    monitor.push(BLOCK)
    monitor.act(Action("count", 25.0))
    monitor.act(Action("undo", 26.0))
    assert detector.taken_back == []
    monitor.act(Action("undo", 27.0))
    monitor.act(Action("undo", 28.0))
    assert detector.taken_back == [2, 1]


def test_a_cycle_that_a_pause_hid_is_none_to_take_back():
    detector = Script()
    monitor = Monitor(detector)
    detector.heard = [cycle(1, 10.0), cycle(2, 20.0)]
    monitor.push(BLOCK)
    monitor.act(Action("pause", 15.0))
    monitor.push(BLOCK)
    monitor.act(Action("resume", 25.0))
    monitor.act(Action("undo", 26.0))
    assert detector.taken_back == [1]
