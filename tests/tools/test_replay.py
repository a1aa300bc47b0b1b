from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

import acoustic
from acoustic.coach import Coach
from acoustic.displays.journal import Opening, Record, Summary
from acoustic.errors import AudioFileError
from acoustic.pipeline import Detector, Monitor
from acoustic.sources.file import FileSource
from acoustic.tools.replay import detect, replay
from acoustic.types import AudioBlock, Event


class Counting(Detector):
    """Says `pump_on` at every block, and a cycle at the end."""

    def push(self, block: AudioBlock) -> list[Event]:
        super().push(block)
        return [Event("pump_on", block.start / block.rate_hz, block.stop / block.rate_hz, 0.9)]

    def flush(self) -> list[Event]:
        return [Event("cycle", 9.0, 9.5, 0.9, {"cycle": 1})]


class Source:
    """Three blocks, the second after a gap."""

    name, rate_hz = "three", 8_000

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def __iter__(self) -> Iterator[AudioBlock]:
        for start, lost in ((0, 0), (12_000, 4_000), (20_000, 0)):
            yield AudioBlock(start, np.zeros(8_000, np.float32), 8_000, lost)
        if self.error:
            raise self.error

    def close(self) -> None: ...


def kinds(records: list[Record]) -> list[str]:
    return [getattr(record, "kind", type(record).__name__) for record in records]


def test_a_session_has_an_opening_its_events_and_cues_and_a_summary() -> None:
    blocks: list[AudioBlock] = []
    records = list(replay(Source(), Monitor(Counting(), Coach()), details={"x": 1}, on_block=blocks.append))
    assert records[0] == Opening("three", 8_000, "default", details={"x": 1})
    assert records[-1] == Summary(1, 3.5, 0.5, {"incomplete": 0})
    assert kinds(records).count("pump_on") == 3
    assert [block.start for block in blocks] == [0, 12_000, 20_000]


def test_a_source_that_fails_is_summed_up_before_its_error() -> None:
    session = replay(Source(AudioFileError("breaks off")), Monitor(Counting(), Coach()))
    records: list[Record] = []
    with pytest.raises(AudioFileError, match="breaks off"):
        records.extend(session)
    assert isinstance(records[-1], Summary)
    assert "cycle" in kinds(records)


def test_detect_is_the_detector_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.random.default_rng(1).standard_normal(48_000) * 0.01, 16_000)
    detector = Detector()
    events = [event for block in FileSource(path, block_s=0.1) for event in detector.push(block)] + detector.flush()
    assert detect(path) == events
    assert acoustic.detect is detect


def test_detect_names_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"):
        detect(tmp_path / "x.wav")


def test_the_package_gives_what_programs_need() -> None:
    assert {"Detector", "Monitor", "detect", "AudioBlock", "Event", "Cue"} <= set(dir(acoustic))
    assert all(getattr(acoustic, name) is not None for name in acoustic.__all__)
    with pytest.raises(AttributeError, match="detector"):
        _ = acoustic.detector
