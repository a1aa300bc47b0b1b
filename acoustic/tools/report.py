"""A session on one page: timeline, spectrogram, cycles, and why the others did not count."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..displays.journal import Capture, Gap, Opening, Record, Summary, read_journal
from ..displays.labels import Label, phase_labels
from ..displays.spectrum import HIGH_HZ, LOW_HZ, SpectrumStrip
from ..displays.view import PHASE_LOOKS
from ..displays.wording import clock, describe
from ..errors import BackflushError, LabelError, OptionError
from ..pipeline import Monitor
from ..types import Action, Cue, Event, Phase, Progress, settled
from .recording import open_recording, recorded_coach
from .replay import replay

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["SessionRecords", "load_session", "write_report"]

_BANDS = 72
_MAX_COLUMNS = 3_000
_TICKS_HZ = (100, 200, 500, 1_000, 2_000, 5_000)
# Rows of the timeline, from below: steps, phases, what was said.
_STEPS_AT, _PHASES_AT, _CUES_AT = 0.0, 1.2, 2.6
_BAR = 0.8
_SHOWN_CUES = {
    "stop_pump": "v",
    "warning": "X",
    "faint": "s",
    "foam_clear": "o",
    "rinse_handle": "o",
    "flush_group": "o",
    "done": "*",
}


@dataclass(frozen=True, slots=True)
class SessionRecords:
    """One session: its journal, and its sound where that is still there.

    Parameters
    ----------
    records
        From the opening to the summary; the summary is missing where the program was killed.
    spectrogram
        Shape (columns, bands), 0 to 1, None without sound.
    column_s
        Seconds a column.
    """

    records: tuple[Record, ...]
    spectrogram: npt.NDArray[np.float32] | None = None
    column_s: float = 0.1

    @property
    def opening(self) -> Opening | None:
        """The session's first line."""
        return next((record for record in self.records if isinstance(record, Opening)), None)

    @property
    def summary(self) -> Summary | None:
        """The session's last line."""
        return next((record for record in self.records if isinstance(record, Summary)), None)

    @property
    def events(self) -> list[Event]:
        """What was heard."""
        return [record for record in self.records if isinstance(record, Event)]

    @property
    def runs(self) -> list[Event]:
        """The verdict on every run of the pump."""
        return settled(event for event in self.events if event.kind in ("cycle", "incomplete"))

    @property
    def duration_s(self) -> float:
        """Length of the session, as far as it is known."""
        if self.summary is not None:
            return self.summary.duration_s
        return max((record.time_s for record in self.records if not isinstance(record, Opening | Summary)), default=0.0)


def load_session(path: str | Path) -> SessionRecords:
    """Read a journal's last session, or run a recording through the detector.

    A journal's sound is looked for beside it, and where its source was.

    Raises
    ------
    BackflushError
        If the file is neither, or cannot be read.
    """
    path = Path(path)
    if not _is_journal(path):
        with closing(open_recording(path)) as source:
            records = tuple(replay(source, Monitor(coach=recorded_coach(source))))
        return SessionRecords(records, *_spectrogram(path))
    records = _last_session(read_journal(path))
    if not records:
        raise LabelError(f"{path}: has no session in it; is this a journal?")
    opening = records[0]
    if isinstance(opening, Opening):
        for name in (opening.details.get("recording"), opening.source):
            for sound in (path.parent / str(name), Path(str(name))) if name else ():
                if sound.is_file():
                    return SessionRecords(records, *_spectrogram(sound))
    return SessionRecords(records)


def write_report(session: SessionRecords, out: str | Path) -> None:
    """Write the report: a page that needs no other file if `out` ends in .html, its picture alone if in .png.

    Raises
    ------
    OptionError
        If it ends in something else.
    BackflushError
        If the file cannot be written.
    """
    out = Path(out)
    if out.suffix.lower() not in (".html", ".htm", ".png"):
        raise OptionError(f"{out}: a report is a page or a picture; end its name in .html or .png")
    picture = io.BytesIO()
    _figure(session).savefig(picture, format="png", dpi=110)
    data = picture.getvalue()
    if out.suffix.lower() != ".png":
        data = _page(session, data).encode()
    try:
        out.write_bytes(data)
    except OSError as error:
        raise BackflushError(f"{out}: the report cannot be written: {error.strerror}") from error


# Reading.


def _is_journal(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(1) == b"{"
    except OSError:
        return False  # whoever opens it as a recording says what is wrong


def _last_session(records: Iterable[Record]) -> tuple[Record, ...]:
    session: list[Record] = []
    for record in records:
        if isinstance(record, Opening):
            session = []
        session.append(record)
    return tuple(session)


def _spectrogram(path: Path) -> tuple[npt.NDArray[np.float32] | None, float]:
    try:
        with closing(open_recording(path)) as source:
            # Without a length in the header, columns of a tenth of a second are as good as any.
            column_s = max(0.05, (source.duration_s or 0.0) / _MAX_COLUMNS)
            strip = SpectrumStrip(None, bands=_BANDS, column_s=column_s)
            for block in source:
                strip.hear(block)
    except BackflushError:
        return None, 0.1  # the rest of the report does not depend on it
    return strip.newest(strip.count), column_s


# Drawing.


def _figure(session: SessionRecords) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_width_in(session), 5.5), layout="constrained")
    FigureCanvasAgg(figure)
    sound, line = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    _draw_sound(sound, session)
    _draw_timeline(line, session)
    line.set_xlim(0.0, max(session.duration_s, 1.0))
    line.xaxis.set_major_formatter(lambda time_s, _: clock(time_s, decimals=0))
    return figure


def _draw_sound(axes: Axes, session: SessionRecords) -> None:
    if session.spectrogram is None or not len(session.spectrogram):
        axes.text(0.5, 0.5, "The sound of this session was not kept.", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
    else:
        columns, bands = session.spectrogram.shape
        extent = (0.0, columns * session.column_s, 0.0, float(bands))
        axes.imshow(session.spectrogram.T, origin="lower", aspect="auto", cmap="cividis", vmin=0, vmax=1, extent=extent)
        axes.set_yticks([_band(hertz, bands) for hertz in _TICKS_HZ], [f"{hertz:,}" for hertz in _TICKS_HZ])
        axes.set_ylabel("Hz")
        for label in phase_labels(session.events, session.duration_s):
            colour = PHASE_LOOKS[Phase(label.label)].background
            axes.axvspan(label.onset_s, label.offset_s, ymax=0.035, color=colour, lw=0)
            axes.axvline(label.onset_s, color=colour, lw=0.8)
    for event in session.events:
        if event.kind == "release":
            axes.axvline(event.time_s, color="white", lw=0.6, ls=":")
    if session.spectrogram is not None:
        _draw_cues(axes, session, 0.96 * session.spectrogram.shape[1])


def _draw_timeline(axes: Axes, session: SessionRecords) -> None:
    for label in phase_labels(session.events, session.duration_s):
        look = PHASE_LOOKS[Phase(label.label)]
        width_s = label.offset_s - label.onset_s
        axes.broken_barh([(label.onset_s, width_s)], (_PHASES_AT, _BAR), color=look.background)
        if _fits(session, _SPOKEN[Phase(label.label)], width_s):
            middle = (label.onset_s + label.offset_s) / 2, _PHASES_AT + _BAR / 2
            axes.text(*middle, _SPOKEN[Phase(label.label)], ha="center", va="center", color=look.foreground, fontsize=7)
    for run in session.runs:
        text = f"{run.details.get('cycle', '')}" if run.kind == "cycle" else "not counted"
        axes.text(run.time_s, _PHASES_AT + _BAR + 0.1, text, ha="center", fontsize=8, weight="bold")
    for number, step in enumerate(_steps(session)):
        shade = "0.85" if number % 2 else "0.93"
        axes.broken_barh([(step.onset_s, step.offset_s - step.onset_s)], (_STEPS_AT, _BAR), color=shade)
        if _fits(session, step.label, step.offset_s - step.onset_s):
            axes.text(step.onset_s, _STEPS_AT + _BAR / 2, f" {step.label}", va="center", fontsize=7, clip_on=True)
    _draw_cues(axes, session, _CUES_AT)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=6, fontsize=8, frameon=False)
    rows = ((_STEPS_AT, "step"), (_PHASES_AT, "heard"), (_CUES_AT - _BAR / 2, "said"))
    axes.set_yticks([at + _BAR / 2 for at, _ in rows], [name for _, name in rows])
    axes.set_ylim(-0.2, _CUES_AT + 0.5)


def _draw_cues(axes: Axes, session: SessionRecords, at: float) -> None:
    for number, (kind, marker) in enumerate(_SHOWN_CUES.items()):
        times_s = [record.time_s for record in session.records if isinstance(record, Cue) and record.kind == kind]
        if times_s:
            (marks,) = axes.plot(times_s, [at] * len(times_s), marker, color=f"C{number}", ms=7, mec="white", mew=0.5)
            marks.set(label=kind.replace("_", " "), clip_on=False)


def _width_in(session: SessionRecords) -> float:
    return min(max(10.0, session.duration_s / 12.0), 40.0)


def _fits(session: SessionRecords, text: str, width_s: float) -> bool:
    """Whether so small a text has room in so many seconds."""
    inches = width_s / max(session.duration_s, 1.0) * _width_in(session)
    return inches > 0.07 * (len(text) + 1)


def _band(hertz: float, bands: int) -> float:
    return float(np.log(hertz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ) * bands)


def _steps(session: SessionRecords) -> list[Label]:
    """Return the steps of the procedure as stretches of time."""
    told = [record for record in session.records if isinstance(record, Progress)]
    starts = [
        progress
        for before, progress in zip([None, *told], told, strict=False)
        if before is None or before.step != progress.step
    ]
    ends_s = [progress.time_s for progress in starts[1:]] + [session.duration_s]
    return [Label(start.time_s, end_s, start.name) for start, end_s in zip(starts, ends_s, strict=True)]


# Writing.


def _page(session: SessionRecords, picture: bytes) -> str:
    opening, summary = session.opening, session.summary
    when = str(opening.details.get("when", "")) if opening else ""
    title = f"Backflush {when[:16].replace('T', ' ')}".strip()
    facts = [
        ("Result", describe(summary) if summary else "The session was cut off; this is what was kept of it."),
        ("Source", f"{opening.source}, {opening.rate_hz} Hz" if opening else ""),
        ("Procedure", str(opening.details.get("procedure", "")) if opening else ""),
        ("Model", opening.model if opening else ""),
    ]
    said = [record for record in session.records if isinstance(record, Cue | Capture | Gap | Action)]
    return _PAGE.format(
        title=html.escape(title),
        facts="".join(f"<dt>{name}</dt><dd>{html.escape(text)}</dd>" for name, text in facts if text),
        picture=base64.b64encode(picture).decode(),
        runs=_table(
            ("at", "cycle", "fill, s", "hold, s", "whoosh, s", "quieter by, dB", "over room, dB", "sure", "why not"),
            map(_run, session.runs),
        ),
        steps=_table(("from", "step"), ([clock(step.onset_s, decimals=0), step.label] for step in _steps(session))),
        said=_table(
            ("at", "what was said, and what was done"), ([clock(record.time_s), describe(record)] for record in said)
        ),
    )


def _run(run: Event) -> list[str]:
    details = run.details
    seconds = [
        f"{value:.1f}" if isinstance(value := details.get(name), int | float) and value else "" for name in _LENGTHS
    ]
    quieting, over = details.get("quieting_db"), details.get("over_db")
    return [
        clock(run.time_s),
        str(details.get("cycle", "")) if run.kind == "cycle" else "-",
        *seconds,
        f"{-quieting:.0f}" if isinstance(quieting, int | float) else "",
        f"{over:.0f}" if isinstance(over, int | float) else "",
        f"{run.confidence:.0%}",
        str(details.get("reason", "")),
    ]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f"<th>{html.escape(heading)}</th>" for heading in headings)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else "<p>None.</p>"


_SPOKEN = {Phase.FILL: "fill", Phase.HOLD: "hold", Phase.RELEASE: "whoosh"}
_LENGTHS = ("fill_s", "hold_s", "release_s")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }}
body {{ color: #1c1c1c; background: #fff; }}
h2 {{ margin-top: 2rem; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }}
dt {{ color: #555; }} dd {{ margin: 0; }}
.wide {{ overflow-x: auto; }} .wide img {{ display: block; min-width: 100%; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }}
td {{ font-variant-numeric: tabular-nums; }}
</style>
<h1>{title}</h1>
<dl>{facts}</dl>
<div class="wide"><img alt="Spectrogram and timeline of the session" src="data:image/png;base64,{picture}"></div>
<h2>Runs of the pump</h2>
<div class="wide">{runs}</div>
<h2>Steps</h2>
<div class="wide">{steps}</div>
<h2>Said and done</h2>
<div class="wide">{said}</div>
<p>What sound cannot show, such as clean foam, is for the eye: this page says what was heard.</p>
</html>
"""
