import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from acoustic.displays.journal import Capture, JournalWriter, Opening, Record, Summary
from acoustic.errors import AudioFileError, BackflushError, LabelError
from acoustic.tools.report import load_session, write_report
from acoustic.types import Cue, Event, Progress

SESSION: list[Record] = [
    Opening("x.wav", 16_000, "default", details={"when": "2026-01-02T03:04:05+01:00", "procedure": "home"}),
    Progress(0.0, 1, 6, "Get ready", 0, 5, 0.0),
    Event("pump_on", 1.0, 1.2, 0.9),
    Progress(1.2, 2, 6, "Cleaner", 0, 5, 1.2),
    Event("pressure", 4.0, 4.3, 0.9, {"quieting_db": -12.0}),
    Cue("stop_pump", "Pressure is up. Turn the pump off now.", "act", 4.3, "pressure"),
    Event("pump_off", 5.0, 5.1, 0.9),
    Event("release", 5.1, 5.3, 0.9),
    Event("release_end", 6.0, 6.2, 0.9),
    Event(
        "cycle",
        6.0,
        6.2,
        0.9,
        {"cycle": 1, "fill_s": 3.0, "hold_s": 1.0, "release_s": 0.9, "quieting_db": -12.0, "over_db": 4.0},
    ),
    Cue("faint", "Cannot hear the pump well.", "act", 6.2, "microphone"),
    Capture(7.0, "lost", "mic <b>gone</b>"),
    Event("incomplete", 8.0, 8.2, 0.8, {"reason": "released before pressure was up", "fill_s": 2.0, "hold_s": 0.0}),
    Summary(1, 10.0, 0.0, {"incomplete": 1}),
]


def journal(path: Path, records: list[Record]) -> Path:
    with JournalWriter(path) as writer:
        for record in records:
            writer.write(record)
    return path


class Page(HTMLParser):
    """What a page refers to, and its tables' cells."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "action")]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and tag == self.open[-1]:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open:
            self.rows[-1][-1] += data


def test_a_journal_with_its_sound_beside_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.random.default_rng(1).standard_normal(160_000) * 0.01, 16_000)
    session = load_session(journal(tmp_path / "j.jsonl", SESSION))
    assert session.spectrogram is not None
    assert session.spectrogram.shape[0] * session.column_s == pytest.approx(10.0)
    write_report(session, tmp_path / "r.html")
    page = Page(tmp_path / "r.html")
    assert ["0:06.0", "1", "3.0", "1.0", "0.9", "12", "4", "90%", ""] in page.rows
    assert ["0:08.0", "-", "2.0", "", "", "", "", "80%", "released before pressure was up"] in page.rows
    assert ["0:04.3", "Pressure is up. Turn the pump off now."] in page.rows
    assert ["0:06.2", "Cannot hear the pump well."] in page.rows
    assert ["0:01", "Cleaner"] in page.rows
    text = (tmp_path / "r.html").read_text()
    assert "Backflush 2026-01-02 03:04" in text
    assert "1 cycle counted, 1 not counted, in 0:10" in text


def test_the_page_needs_no_other_file_and_takes_nothing_for_markup(tmp_path: Path) -> None:
    write_report(load_session(journal(tmp_path / "j.jsonl", SESSION)), tmp_path / "r.html")
    page = Page(tmp_path / "r.html")
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert ["0:07.0", "mic <b>gone</b>"] in page.rows
    assert not re.search(r"https?://|<b>|<script", (tmp_path / "r.html").read_text())


def test_a_picture(tmp_path: Path) -> None:
    write_report(load_session(journal(tmp_path / "j.jsonl", SESSION)), tmp_path / "r.png")
    assert (tmp_path / "r.png").read_bytes().startswith(b"\x89PNG")


def test_a_recording_is_listened_to(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.random.default_rng(1).standard_normal(48_000) * 0.01, 16_000)
    session = load_session(tmp_path / "x.wav")
    assert session.summary == Summary(0, 3.0, 0.0, {"incomplete": 0})
    assert session.spectrogram is not None


def test_a_session_that_was_killed_is_reported_as_far_as_it_goes(tmp_path: Path) -> None:
    session = load_session(journal(tmp_path / "j.jsonl", SESSION[:8]))
    assert session.duration_s == 5.1
    write_report(session, tmp_path / "r.html")
    assert "was cut off" in (tmp_path / "r.html").read_text()


def test_of_several_sessions_the_last(tmp_path: Path) -> None:
    last = [Opening("y.wav", 16_000, "default"), Summary(0, 3.0, 0.0)]
    assert load_session(journal(tmp_path / "j.jsonl", [*SESSION, *last])).records == tuple(last)


@pytest.mark.parametrize("out", ["r.pdf", "r", "nowhere/r.html"])
def test_what_cannot_be_written_is_said(tmp_path: Path, out: str) -> None:
    session = load_session(journal(tmp_path / "j.jsonl", SESSION))
    with pytest.raises(BackflushError, match=re.escape(out)):
        write_report(session, tmp_path / out)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"):
        load_session(tmp_path / "missing.jsonl")
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(LabelError, match=r"bad\.jsonl:1"):
        load_session(tmp_path / "bad.jsonl")
    (tmp_path / "torn.jsonl").write_text('{"type":"sess')
    with pytest.raises(LabelError, match="no session in it"):
        load_session(tmp_path / "torn.jsonl")
