"""What truly happened in a session, from labels beside the recording or straight from the simulator.

The labels are the field's tab-separated table: onset, offset, label, in seconds. Intervals are phases (`fill`, `hold`,
`release`) and what else ran (`shot`, `flush`, `refill`, `pulse`, `distraction`); instants, where onset and offset are
the same, are events. A table of phases only, made by hand or by `replay --format tsv` and corrected, is enough: the
events follow from it. A JSON file beside it may add condition, machine and the pump runs with their reasons, as the
simulator writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..displays.labels import Label
from ..errors import LabelError
from ..synth.truth import Run as PhysicalRun
from ..synth.truth import Truth
from ..types import EventKind, Phase

__all__ = ["PHASES", "SCORED_KINDS", "Outcome", "Reference", "Run", "read_reference", "reference_of"]

PHASES: tuple[Phase, ...] = (Phase.FILL, Phase.HOLD, Phase.RELEASE)
SCORED_KINDS: tuple[EventKind, ...] = ("pump_on", "pressure", "pump_off", "release", "cycle", "incomplete")
_OTHER_LABELS = ("shot", "flush", "refill", "pulse", "distraction")
_KNOWN = (*PHASES, *SCORED_KINDS, *_OTHER_LABELS)
# Column names that other tools give to the same things.
_COLUMNS = {"onset": "onset", "onset_s": "onset", "offset": "offset", "offset_s": "offset"} | dict.fromkeys(
    ("label", "event_label"), "label"
)
# How far labels may reach beyond the audio: they are rounded, and a phase may be cut off by the recording's end.
_BEYOND_S = 0.5


class Outcome(StrEnum):
    """What a pump run came to.

    `early_stop`: stopped before the pressure was up, on a healthy machine. `no_release`: pressure was up and the
    valve did not let it out. `other`: a shot, a flush, a refill, a leak, or a run that the session's end cuts off.
    """

    CYCLE = "cycle"
    EARLY_STOP = "early_stop"
    NO_RELEASE = "no_release"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pump as it truly was.

    `quieting_80_s` and `quieting_100_s` are when the quieting was 80 % done and complete, None where it was not, or
    where nobody knows. `arguable` is a run that stopped so close to the border of a complete cycle that either answer
    is fair.
    """

    pump_on_s: float
    pump_off_s: float
    outcome: Outcome
    quieting_80_s: float | None = None
    quieting_100_s: float | None = None
    arguable: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """What truly happened in a session: sorted times of each kind, phases, pump runs; times in seconds."""

    times_s: Mapping[EventKind, tuple[float, ...]]
    phases: tuple[Label, ...]
    runs: tuple[Run, ...]
    duration_s: float
    condition: str = ""
    scenario: str = ""
    machine: str = ""

    @classmethod
    def silent(cls, duration_s: float, condition: str) -> Reference:
        """Return the truth of sound without any espresso machine in it."""
        return cls({}, (), (), duration_s, condition)


def reference_of(truth: Truth) -> Reference:
    """Return the truth of a simulated session."""
    return _assemble([Label(*row) for row in truth.labels()], truth.duration_s, truth.to_dict())


def read_reference(labels: Path, duration_s: float) -> Reference:
    """Read the labels of a recording, and the JSON of the same name if there is one.

    Parameters
    ----------
    labels
        A .tsv file.
    duration_s
        Of the recording.

    Raises
    ------
    LabelError
        Naming file and row, or the JSON's field, where it makes no sense.
    """
    rows = _read_rows(labels, duration_s)
    facts = labels.with_suffix(".json")
    return _assemble(rows, duration_s, _read_facts(facts) if facts.is_file() else {})


def _read_rows(path: Path, duration_s: float) -> list[Label]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    header = [_COLUMNS.get(name.strip().lower(), "") for name in (lines[0] if lines else "").split("\t")]
    if missing := [name for name in ("onset", "offset", "label") if name not in header]:
        raise LabelError(
            f"{path}:1: the header lacks {', '.join(missing)}; begin the file with onset, offset and label, tabs "
            "between them"
        )
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip() and not line.startswith("#"):
            rows.append(_row(f"{path}:{number}", dict(zip(header, line.split("\t"), strict=False)), duration_s))
    return rows


def _row(where: str, cells: Mapping[str, str], duration_s: float) -> Label:
    times = []
    for name in ("onset", "offset"):
        text = cells.get(name, "").strip()
        try:
            times.append(float(text))
        except ValueError:
            raise LabelError(f"{where}: {name}={text!r} is not a number of seconds; write it like 12.34") from None
    onset_s, offset_s = times
    label = cells.get("label", "").strip().lower()
    if not 0 <= onset_s <= offset_s:
        raise LabelError(
            f"{where}: {label or 'the label'} lasts from {onset_s:g} to {offset_s:g} s, which is no stretch of a "
            "recording; are the columns swapped?"
        )
    if offset_s > duration_s + _BEYOND_S:
        raise LabelError(
            f"{where}: {label or 'the label'} ends at {offset_s:g} s, but the recording at {duration_s:.2f} s; do the "
            "labels belong to another file?"
        )
    if label not in _KNOWN:
        near = get_close_matches(label, _KNOWN, 1)
        hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(_KNOWN)}"
        raise LabelError(f"{where}: label {label!r} is unknown; {hint}")
    return Label(onset_s, offset_s, label)


def _read_facts(path: Path) -> Mapping[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        row = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise LabelError(f"{path}:{row}: is not JSON ({error}); delete it, or have it written again") from error
    if not isinstance(facts, dict):
        raise LabelError(f"{path}:1: is JSON, but not an object; delete it, or have it written again")
    return facts


def _assemble(rows: Sequence[Label], duration_s: float, facts: Mapping[str, Any]) -> Reference:
    plan = facts.get("plan", {})
    phases = tuple(row for row in rows if row.label in PHASES and row.offset_s > row.onset_s)
    times = {
        kind: tuple(sorted(row.onset_s for row in rows if row.label == kind and row.onset_s == row.offset_s))
        for kind in SCORED_KINDS
    }
    if phases and not any(times.values()):
        times = _times_of(phases)
    if "runs" in facts:
        known = {field.name for field in fields(PhysicalRun)}
        runs = tuple(
            _judged(PhysicalRun(**{key: value for key, value in run.items() if key in known}), plan, duration_s)
            for run in facts["runs"]
        )
    else:
        runs = _runs_of(times, duration_s)
    return Reference(
        times_s=times,
        phases=phases,
        runs=runs,
        duration_s=duration_s,
        condition=plan.get("condition", ""),
        scenario=plan.get("scenario", ""),
        machine=plan.get("machine", {}).get("kind", ""),
    )


def _judged(run: PhysicalRun, plan: Mapping[str, Any], duration_s: float) -> Run:
    outcome = Outcome.OTHER
    if run.complete:
        outcome = Outcome.CYCLE
    elif run.kind == "backflush" and run.pump_off_s is not None:
        if run.pressure_up_s is not None:
            outcome = Outcome.NO_RELEASE
        elif plan.get("fault") not in ("leak", "stuck_open"):
            outcome = Outcome.EARLY_STOP
    stop_s = duration_s if run.pump_off_s is None else run.pump_off_s
    return Run(run.pump_on_s, stop_s, outcome, run.quieting_80_s, run.quieting_100_s, run.marginal and run.released)


def _times_of(phases: Iterable[Label]) -> dict[EventKind, tuple[float, ...]]:
    """Events as phases alone tell them: a run is a fill, perhaps a hold, and the release that follows, if any."""
    ordered = sorted(phases, key=lambda each: each.onset_s)
    times: dict[EventKind, list[float]] = {kind: [] for kind in SCORED_KINDS}
    fills = [each for each in ordered if each.label == Phase.FILL]
    ends_s = [each.onset_s for each in fills[1:]] + [float("inf")]
    for fill, end_s in zip(fills, ends_s, strict=True):
        rest = {each.label: each for each in reversed(ordered) if fill.onset_s < each.onset_s < end_s}
        hold, release = rest.get(Phase.HOLD), rest.get(Phase.RELEASE)
        stop_s = (hold or fill).offset_s
        times["pump_on"].append(fill.onset_s)
        times["pump_off"].append(stop_s)
        if hold:
            times["pressure"].append(hold.onset_s)
        if release:
            times["release"].append(release.onset_s)
        times["cycle" if hold and release else "incomplete"].append(release.onset_s if release else stop_s)
    return {kind: tuple(sorted(each)) for kind, each in times.items()}


def _runs_of(times: Mapping[EventKind, Sequence[float]], duration_s: float) -> tuple[Run, ...]:
    """Pump runs as events alone tell them."""
    starts = [*times["pump_on"], max(duration_s, *times["pump_on"], 0.0) + 1.0]
    runs = []
    for start_s, end_s in pairwise(starts):

        def first(kind: EventKind, start_s: float = start_s, end_s: float = end_s) -> float | None:
            return next((time_s for time_s in times[kind] if start_s <= time_s < end_s), None)

        pressure_s, stop_s, release_s = first("pressure"), first("pump_off"), first("release")
        if first("cycle") is not None:
            outcome = Outcome.CYCLE
        elif first("incomplete") is None or stop_s is None:
            outcome = Outcome.OTHER
        elif pressure_s is None:
            outcome = Outcome.EARLY_STOP
        else:
            outcome = Outcome.NO_RELEASE if release_s is None else Outcome.OTHER
        runs.append(Run(start_s, duration_s if stop_s is None else stop_s, outcome, pressure_s))
    return tuple(runs)
