"""Law 7: the program's own sounds, heard by its own microphone, change no event."""

from contextlib import closing

import numpy as np
import pytest

from acoustic.assets import demo_recording
from acoustic.displays.sounds import earcon, sounds_for
from acoustic.pipeline import Monitor
from acoustic.sources.file import FileSource
from acoustic.types import AudioBlock, Event

BLOCK_S = 0.05
# From the cue to the loudspeaker to the microphone.
WAY_S = 0.08
# A beep over a change of the sound may move the frame in which the change is seen.
SAME_TIME_S = 0.05


@pytest.fixture(scope="module")
def demo() -> tuple[np.ndarray, int]:
    with closing(FileSource(demo_recording())) as source:
        return np.concatenate([block.samples for block in source]), source.rate_hz


def session(samples: np.ndarray, rate_hz: int, gain_db: float | None) -> list[Event]:
    """Events of a session whose sounds come back into the microphone, so much louder or fainter than they are made."""
    monitor, gain = Monitor(), 0.0 if gain_db is None else 10.0 ** (gain_db / 20.0)
    beeps = np.zeros(len(samples) + rate_hz, np.float32)
    events: list[Event] = []
    size = round(BLOCK_S * rate_hz)
    for start in range(0, len(samples), size):
        piece = samples[start : start + size]
        stop = start + len(piece)
        for record in monitor.push(AudioBlock(start, piece + gain * beeps[start:stop], rate_hz)):
            if isinstance(record, Event):
                events.append(record)
            elif kind := sounds_for(record):
                sound = earcon(kind, rate_hz)
                at = stop + round(WAY_S * rate_hz)
                beeps[at:] = 0.0  # a new sound cuts off the one before
                beeps[at : at + len(sound)] = sound[: len(beeps) - at]
    return events + [record for record in monitor.flush() if isinstance(record, Event)]


@pytest.fixture(scope="module")
def unheard(demo: tuple[np.ndarray, int]) -> list[Event]:
    return session(*demo, None)


@pytest.mark.parametrize("gain_db", [-40.0, -20.0, 0.0])
def test_the_same_events_however_loud_the_sounds_come_back(
    demo: tuple[np.ndarray, int], unheard: list[Event], gain_db: float
) -> None:
    assert [event.kind for event in unheard].count("cycle") == 5
    heard = session(*demo, gain_db)
    assert [event.kind for event in heard] == [event.kind for event in unheard]
    assert max(abs(a.time_s - b.time_s) for a, b in zip(heard, unheard, strict=True)) <= SAME_TIME_S
