import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acoustic.displays.journal import (
    Capture,
    Gap,
    JournalWriter,
    Opening,
    Record,
    Summary,
    decode,
    encode,
    read_journal,
)
from acoustic.errors import BackflushError, LabelError
from acoustic.types import ACTION_KINDS, CUE_KINDS, EVENT_KINDS, Action, Cue, Event, Progress

RESERVED = {"type", "kind", "time_s", "decided_s", "confidence", "source", "rate_hz", "model", "version"} | {
    "cycles",
    "duration_s",
    "lost_s",
}
numbers = st.floats(allow_nan=False, allow_infinity=False)
text = st.text()
details = st.dictionaries(
    st.text(min_size=1).filter(lambda name: name not in RESERVED),
    st.none() | st.booleans() | st.integers() | numbers | text,
    max_size=5,
)
events = st.builds(Event, st.sampled_from(EVENT_KINDS), numbers, numbers, numbers, details)
cues = st.builds(Cue, st.sampled_from(CUE_KINDS), text, st.sampled_from(["info", "act", "alarm"]), numbers, text)
openings = st.builds(Opening, text, st.integers(), text, st.just(1), details)
summaries = st.builds(Summary, st.integers(), numbers, numbers, details)
captures = st.builds(Capture, numbers, text, text)
gaps = st.builds(Gap, numbers, numbers)
whole = st.integers()
progresses = st.builds(Progress, numbers, whole, whole, text, whole, whole, numbers, st.booleans())
actions = st.builds(Action, st.sampled_from(ACTION_KINDS), numbers)
records = st.one_of(events, cues, openings, summaries, captures, gaps, progresses, actions)


@given(records)
def test_every_record_survives_the_trip(record: Record) -> None:
    line = encode(record)
    assert "\n" not in line
    assert decode(line) == record
    assert line.isascii()


@given(st.lists(records, max_size=5))
def test_a_journal_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, session: list[Record]) -> None:
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    with JournalWriter(path) as writer:
        for record in session:
            writer.write(record)
    assert list(read_journal(path)) == session


def test_details_stand_beside_the_fields() -> None:
    event = Event("pressure", 12.8, 13.21, 0.95, {"quieting_db": -12.4})
    assert json.loads(encode(event)) == {
        "type": "event",
        "kind": "pressure",
        "time_s": 12.8,
        "decided_s": 13.21,
        "confidence": 0.95,
        "quieting_db": -12.4,
    }


def test_a_detail_may_not_hide_a_field() -> None:
    with pytest.raises(ValueError, match="kind"):
        encode(Event("release", 1.0, 1.0, 1.0, {"kind": "other"}))


def test_what_json_cannot_say_is_null() -> None:
    assert json.loads(encode(Event("release", 1.0, 1.0, 1.0, {"rise_db": float("nan")})))["rise_db"] is None


def test_a_cue_as_the_schema_gives_it_is_read() -> None:
    line = '{"type":"cue","kind":"stop_pump","time_s":13.21,"text":"Pressure is up. Turn the pump off now."}'
    assert decode(line) == Cue("stop_pump", "Pressure is up. Turn the pump off now.", "info", 13.21)


def test_records_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    release = Event("release", 1.0, 1.2, 0.9)
    path = tmp_path / "j.jsonl"
    path.write_text('{"type":"hologram","x":[1]}\n' + encode(release) + "\n")
    assert list(read_journal(path)) == [release]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", 'an object with a "type"'),
        ("{}", 'an object with a "type"'),
        ('{"type":"event","kind":"release","time_s":1,"decided_s":1}', '"confidence"'),
        ('{"type":"event","kind":"release","time_s":"1","decided_s":1,"confidence":1}', "wanted int or float"),
        ('{"type":"event","kind":"release","time_s":true,"decided_s":1,"confidence":1}', "wanted int or float"),
        ('{"type":"event","kind":"release","time_s":NaN,"decided_s":1,"confidence":1}', "not JSON"),
        ('{"type":"event","kind":3,"time_s":1,"decided_s":1,"confidence":1}', "wanted str"),
        ('{"type":"event","kind":"release","time_s":1,"decided_s":1,"confidence":1,"x":[]}', "a list or object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text(encode(Event("release", 1.0, 1.2, 0.9)) + "\n" + line + "\n")
    with pytest.raises(LabelError, match=message) as caught:
        list(read_journal(path))
    assert f"{path}:2: " in str(caught.value)


def test_a_kill_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    code = (
        "import os, signal, sys\n"
        "from acoustic.displays.journal import JournalWriter\n"
        "from acoustic.types import Event\n"
        "writer = JournalWriter(sys.argv[1])\n"
        "for i in range(50): writer.write(Event('release', float(i), i + 0.1, 0.5))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    assert [record.time_s for record in read_journal(path)] == list(range(50))


def test_a_second_session_is_appended_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    first, second = Event("release", 1.0, 1.2, 0.9), Opening("mic", 48_000, "default")
    path.write_text(encode(first) + '\n{"type":"event","ki')
    assert list(read_journal(path)) == [first]
    with JournalWriter(path) as writer:
        writer.write(second)
    assert list(read_journal(path)) == [first, second]


def test_half_a_line_within_a_session_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.jsonl"
    path.write_text('{"type":"event","ki\n' + encode(Event("release", 1.0, 1.2, 0.9)) + "\n")
    with pytest.raises(LabelError, match=":1: "):
        list(read_journal(path))


def test_another_file_is_not_written_into(tmp_path: Path) -> None:
    path = tmp_path / "holiday.wav"
    path.write_bytes(b"RIFF....")
    with pytest.raises(BackflushError, match="something else than a journal"):
        JournalWriter(path)
    assert path.read_bytes() == b"RIFF...."


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackflushError, match=r"nowhere/j\.jsonl: the journal cannot be written"):
        JournalWriter(tmp_path / "nowhere" / "j.jsonl")
    with pytest.raises(LabelError, match="cannot be read"):
        list(read_journal(tmp_path / "nowhere"))


def test_an_open_stream_stays_open() -> None:
    stream = StringIO()
    with JournalWriter(stream) as writer:
        writer.write(Summary(1, 2.0, 0.0))
    assert json.loads(stream.getvalue())["type"] == "summary"
