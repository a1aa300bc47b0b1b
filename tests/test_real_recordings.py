"""What is known of real recordings: a machine's pump, and many sounds that are no backflush."""

from pathlib import Path

import pytest

import acoustic

MACHINES = ("espresso-50hz.wav", "capsule-50hz.wav")


def events_of(path):
    return acoustic.detect(path)


def times(events, kind):
    return [event.time_s for event in events if event.kind == kind]


def test_espresso_machine(corpus):
    """The recording begins with the pump running; it turns quiet at 4.2 to 5.0 s and stops at 27.9 s."""
    events = events_of(corpus / "machine" / "espresso-50hz.wav")
    pressure = times(events, "pressure")
    assert pressure
    assert 4.0 <= pressure[0] <= 6.0
    assert any(abs(t - 27.9) <= 0.3 for t in times(events, "pump_off"))


def test_faint_capsule_machine(corpus):
    """The pump starts at 4.0 s, some 5 dB above what is there before."""
    started = times(events_of(corpus / "machine" / "capsule-50hz.wav"), "pump_on")
    assert any(abs(t - 4.0) <= 1.0 for t in started)


def no_machines(folder: Path):
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in {".wav", ".flac", ".mp3"} and path.name not in MACHINES
    ]


@pytest.mark.parametrize("name", ["machine", "speech", "music", "cafe", "kitchen"])
def test_nothing_else_is_counted(corpus, name):
    counted = {}
    paths = no_machines(corpus / name)
    assert paths
    for path in paths:
        if cycles := times(events_of(path), "cycle"):
            counted[path.name] = cycles
    assert counted == {}
