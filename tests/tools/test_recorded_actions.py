"""Law 3 with a user in it: what was pressed while recording is pressed again by the replay."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from acoustic.assets import demo_recording
from acoustic.coach import Coach
from acoustic.displays.controls import Command, Controls
from acoustic.displays.journal import Opening, Record, read_journal
from acoustic.displays.recorder import Recording
from acoustic.pipeline import Detector, Monitor
from acoustic.procedures import choose_procedure
from acoustic.sources.file import FileSource
from acoustic.tools.listen import listen
from acoustic.tools.recording import open_recording, recorded_coach
from acoustic.tools.replay import replay
from acoustic.types import Action, AudioBlock

PRESSED: dict[float, Command] = {
    16.3: "undo",
    20.11: "count",
    31.0: "pause",
    50.02: "pause",
    66.66: "more",
    80.0: "next",
}


class Microphone:
    """The demo recording, with someone at the keys."""

    name = "mic"

    def __init__(self, controls: Controls) -> None:
        self._file = FileSource(demo_recording(), block_s=0.02)
        self.rate_hz = self._file.rate_hz
        self._controls = controls

    def __iter__(self) -> Iterator[AudioBlock]:
        waiting = dict(PRESSED)
        for block in self._file:
            for time_s in [time_s for time_s in waiting if time_s <= block.start / block.rate_hz]:
                self._controls.press(waiting.pop(time_s))
            yield block

    def close(self) -> None:
        self._file.close()


def session(records: list[Record]) -> list[Record]:
    return [record for record in records if not isinstance(record, Opening)]


@pytest.mark.parametrize(("name", "cycles"), [(None, 3), ("home", None)])
def test_a_session_with_keys_replays_to_the_same_journal(tmp_path: Path, name: str | None, cycles: int | None) -> None:
    controls, out = Controls(), tmp_path / "out.flac"
    source, recording = Microphone(controls), Recording(out, 48_000)
    monitor = Monitor(Detector(), Coach(procedure=choose_procedure(name, cycles)))
    listen(source, monitor, recording=recording, controls=controls, details={"procedure": name or "", "cycles": cycles})
    recording.close()
    live = list(read_journal(tmp_path / "out.jsonl"))
    assert [r.kind for r in live if isinstance(r, Action)] == ["undo", "count", "pause", "resume", "more", "next"]
    again = open_recording(out)
    assert session(list(replay(again, Monitor(coach=recorded_coach(again))))) == session(live)
