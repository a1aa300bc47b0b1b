"""Events, cues and summaries in words for people, and times the way a clock shows them."""

from __future__ import annotations

from collections.abc import Mapping

from ..types import Action, Cue, Detail, Event, Progress
from .journal import Capture, Gap, Opening, Record, Summary

__all__ = ["clock", "describe", "plural"]


def clock(time_s: float, *, decimals: int = 1) -> str:
    """Return seconds as m:ss or h:mm:ss, rounded once: 59.96 is 1:00.0."""
    ticks = round(max(0.0, time_s) * 10**decimals)
    whole_s, fraction = divmod(ticks, 10**decimals)
    minutes, seconds = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{text}.{fraction:0{decimals}}" if decimals else text


def plural(count: int, thing: str) -> str:
    """Return the count with its noun: 1 cycle, 5 cycles."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def describe(record: Record) -> str:
    """Return what a record says, as one line without its time."""
    match record:
        case Cue() | Capture():
            return record.text
        case Event():
            return _event(record)
        case Progress():
            return (
                f"step {record.step} of {record.steps}: {record.name}"
                if record.step <= record.steps
                else "all steps are done"
            )
        case Action():
            return f"by hand: {record.kind}"
        case Gap():
            return f"{record.lost_s:.1f} s of sound are missing"
        case Summary():
            return _summary(record)
        case Opening():
            return f"{record.source}, {record.rate_hz} Hz, model {record.model}"


def _event(event: Event) -> str:
    details = event.details
    match event.kind:
        case "pump_on":
            text = "the pump is still on" if details.get("again") else "pump on"
        case "pressure":
            text = "pressure is still up" if details.get("again") else f"pressure is up{_decibels(details)}"
        case "pump_off":
            text = "pump off"
        case "release":
            text = "whoosh"
        case "release_end":
            text = "the whoosh was drowned by the room" if details.get("unheard") else "whoosh over"
        case "no_release":
            text = "no whoosh"
        case "cycle":
            after_all = " after all, since others like it followed" if details.get("late") else ""
            drowned = ", though no whoosh was heard in the room's noise" if details.get("unheard") else ""
            text = f"cycle {details.get('cycle', '?')} counted{after_all}{drowned}: {_durations(details)}"
        case "incomplete":
            # A reason from the decoder is a clause of its own; durations tell how near the run came.
            durations = _durations(details)
            text = f"not counted: {details.get('reason', 'no reason given')}" + (f" ({durations})" if durations else "")
        case other:
            text = str(other).replace("_", " ")
    unsure = " (not sure)" if event.confidence < 0.5 else ""
    return text + unsure


def _summary(summary: Summary) -> str:
    text = f"{plural(summary.cycles, 'cycle')} counted"
    if incomplete := summary.details.get("incomplete"):
        text += f", {incomplete} not counted"
    text += f", in {clock(summary.duration_s, decimals=0)}"
    return text + (f"; {summary.lost_s:.1f} s of sound were lost" if summary.lost_s else "")


def _durations(details: Mapping[str, Detail]) -> str:
    parts = []
    for name, word in (("fill_s", "fill"), ("hold_s", "hold"), ("release_s", "whoosh")):
        value = details.get(name)
        if isinstance(value, int | float) and value > 0:
            parts.append(f"{word} {value:.1f} s")
    return ", ".join(parts) + _decibels(details)


def _decibels(details: Mapping[str, Detail]) -> str:
    value = details.get("quieting_db")
    return f", high frequencies {value:+.0f} dB" if isinstance(value, int | float) else ""
