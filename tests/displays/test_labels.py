import re

from acoustic.displays.journal import Record, Summary
from acoustic.displays.labels import Label, audacity_line, audacity_lines, phase_labels, tsv_lines
from acoustic.types import Event

GOOD = [
    Event("pump_on", 5.0, 5.2, 0.9),
    Event("pressure", 12.5, 13.0, 0.9),
    Event("pump_off", 15.0, 15.1, 0.9),
    Event("release", 15.1, 15.3, 0.9),
    Event("release_end", 16.5, 16.6, 0.9),
    Event("cycle", 16.5, 16.6, 0.9, {"cycle": 1, "fill_s": 7.5, "hold_s": 2.5, "release_s": 1.4}),
]
EARLY = [
    Event("pump_on", 20.0, 20.2, 0.9),
    Event("pump_off", 22.0, 22.1, 0.9),
    Event("no_release", 22.0, 24.6, 0.9),
    Event("incomplete", 22.0, 24.6, 0.9, {"reason": "too\tearly"}),
]
SESSION: list[Record] = [*GOOD, *EARLY, Event("pump_on", 28.0, 28.2, 0.9), Summary(1, 30.0, 0.0)]


def picture(labels: list[Label]) -> str:
    return " ".join(f"{label.label}:{label.onset_s:g}-{label.offset_s:g}" for label in labels)


def test_phases_of_a_cycle() -> None:
    assert picture(phase_labels(GOOD, 30.0)) == "fill:5-12.5 hold:12.5-15 release:15.1-16.5"


def test_a_run_without_pressure_is_all_fill() -> None:
    assert picture(phase_labels(EARLY, 30.0)) == "fill:20-22"


def test_what_is_open_ends_with_the_session() -> None:
    assert picture(phase_labels(GOOD[:1], 9.0)) == "fill:5-9"
    assert picture(phase_labels(GOOD[:4], 16.0)) == "fill:5-12.5 hold:12.5-15 release:15.1-16"


def test_tsv() -> None:
    assert list(tsv_lines(SESSION)) == [
        "onset\toffset\tlabel",
        "5.000\t12.500\tfill",
        "12.500\t15.000\thold",
        "15.100\t16.500\trelease",
        "20.000\t22.000\tfill",
        "28.000\t30.000\tfill",
    ]


def test_tsv_of_several_files_names_them() -> None:
    assert list(tsv_lines(SESSION, "a.wav"))[:2] == ["filename\tonset\toffset\tlabel", "a.wav\t5.000\t12.500\tfill"]


def test_audacity_lines_are_start_end_and_text_and_nothing_else() -> None:
    lines = list(audacity_lines(SESSION))
    # What Audacity's label import takes: two decimal numbers and a text, split at tabs.
    assert all(re.fullmatch(r"\d+\.\d{6}\t\d+\.\d{6}\t[^\t\n]+", line) for line in lines)
    assert "16.500000\t16.500000\tcycle 1 counted: fill 7.5 s, hold 2.5 s, whoosh 1.4 s" in lines
    assert "22.000000\t22.000000\tnot counted: too early" in lines


def test_audacity_of_several_files_names_them() -> None:
    assert next(audacity_lines(SESSION, "a.wav")) == "5.000000\t12.500000\ta.wav: fill"


def test_a_label_cannot_break_its_line() -> None:
    assert audacity_line(Label(0.0, 1.0, "a\tb\nc")) == "0.000000\t1.000000\ta b c"
