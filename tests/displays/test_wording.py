import pytest

from acoustic.displays.journal import Opening, Summary
from acoustic.displays.wording import clock, describe, plural
from acoustic.types import EVENT_KINDS, Event, EventKind


@pytest.mark.parametrize(
    ("time_s", "text"),
    [
        (0.0, "0:00.0"),
        (59.94, "0:59.9"),
        (59.96, "1:00.0"),
        (3599.96, "1:00:00.0"),
        (3661.25, "1:01:01.2"),
        (-1.0, "0:00.0"),
    ],
)
def test_clock(time_s: float, text: str) -> None:
    assert clock(time_s) == text


def test_clock_without_decimals() -> None:
    assert clock(89.6, decimals=0) == "1:30"


def test_plural() -> None:
    assert [plural(n, "cycle") for n in (0, 1, 2)] == ["0 cycles", "1 cycle", "2 cycles"]


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_every_kind_of_event_has_words_with_and_without_details(kind: EventKind) -> None:
    assert describe(Event(kind, 1.0, 1.2, 0.9))


def test_people_read_whoosh() -> None:
    cycle = Event(
        "cycle", 16.0, 16.5, 0.9, {"cycle": 2, "fill_s": 7.5, "hold_s": 2.5, "release_s": 1.4, "quieting_db": -12.4}
    )
    assert describe(cycle) == "cycle 2 counted: fill 7.5 s, hold 2.5 s, whoosh 1.4 s, high frequencies -12 dB"
    assert describe(Event("release", 1.0, 1.2, 0.9)) == "whoosh"


def test_doubt_is_said() -> None:
    assert describe(Event("pump_on", 1.0, 1.2, 0.3)) == "pump on (not sure)"


def test_a_reason_and_its_numbers() -> None:
    event = Event(
        "incomplete", 3.0, 3.5, 0.9, {"reason": "released before pressure was up", "fill_s": 2.0, "hold_s": 0.0}
    )
    assert describe(event) == "not counted: released before pressure was up (fill 2.0 s)"


def test_summary() -> None:
    assert describe(Summary(5, 141.2, 0.0, {"incomplete": 0})) == "5 cycles counted, in 2:21"
    assert describe(Summary(1, 61.0, 0.5, {"incomplete": 2})) == (
        "1 cycle counted, 2 not counted, in 1:01; 0.5 s of sound were lost"
    )
    assert describe(Opening("x.wav", 48_000, "default")) == "x.wav, 48000 Hz, model default"
