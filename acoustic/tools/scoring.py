"""One session's detected events against its truth: matches, counts, delays.

Only plain numbers leave this module, so that sessions can be scored in processes of their own and added up afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..displays.labels import Label, phase_labels
from ..types import Event, EventKind, settled
from .reference import PHASES, SCORED_KINDS, Outcome, Reference, Run

__all__ = [
    "COLLARS_S",
    "Counts",
    "Judged",
    "SessionScore",
    "count_intersections",
    "count_matches",
    "match_times",
    "score_session",
]

# Onsets of loud, sharp things are held to tight collars; pressure is a transition of up to a second; a cycle or an
# incomplete run is a verdict on a whole run, whose time is a convention. Latency and calibration use the widest
# collar of each kind.
COLLARS_S: Mapping[EventKind, tuple[float, ...]] = {
    "pump_on": (0.2, 0.5),
    "pressure": (0.5, 1.0),
    "pump_off": (0.2, 0.5),
    "release": (0.1, 0.2, 0.5),
    "cycle": (5.0,),
    "incomplete": (5.0,),
}

# What share of an estimate must lie in the truth, and of the truth in estimates, to count: the middle of the criteria
# in use (0.1 to 0.7 in DCASE task 4).
_DETECTION_TOLERANCE = 0.5
_TRUTH_INTERSECTION = 0.5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives."""

    hits: int = 0
    false: int = 0
    missed: int = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """One detected event with the confidence it claimed, and whether it was right."""

    confidence: float
    correct: bool


@dataclass(frozen=True, slots=True)
class SessionScore:
    """Everything the protocol needs to know of one session, in numbers that add up.

    `matches` is keyed by kind and collar, as in `release@0.2`. `delays_s` holds decided_s minus the true time of each
    matched event; for pressure it is counted from the complete quieting, where the truth knows it. Of the pump runs:
    `pressure_cues` were told in runs against the blind basket, `early` of them before 80 % of the quieting; early
    stops are `named` by an incomplete run without pressure; a run without release is `recognised` by `no_release`,
    which is a false warning where there was one. Where arguable runs leave the count open it is fair from
    `cycles_fewest` to `cycles_most`; `clear_early_stops` are those that are not arguable.
    """

    name: str
    condition: str
    scenario: str
    machine: str
    duration_s: float
    matches: Mapping[str, Counts]
    phases: Mapping[str, Counts]
    delays_s: Mapping[EventKind, tuple[float, ...]]
    judged: Mapping[EventKind, tuple[Judged, ...]]
    cycles: int
    cycles_counted: int
    cycles_fewest: int
    cycles_most: int
    pump_runs: int
    pump_on_false: int
    pressure_cues: int
    pressure_cues_early: int
    early_stops: int
    early_stops_counted: int
    early_stops_named: int
    clear_early_stops: int
    clear_early_stops_counted: int
    unreleased: int
    unreleased_recognised: int
    good_releases: int
    good_releases_warned: int


def match_times(reference_s: Sequence[float], estimated_s: Sequence[float], collar_s: float) -> list[tuple[int, int]]:
    """Pairs (reference index, estimated index) of a maximum matching within the collar, bounds included."""
    if not reference_s or not estimated_s:
        return []
    from mir_eval.util import match_events

    pairs = match_events(np.asarray(reference_s, dtype=float), np.asarray(estimated_s, dtype=float), collar_s)
    return [(int(i), int(j)) for i, j in pairs]


def count_matches(reference_s: Sequence[float], estimated_s: Sequence[float], collar_s: float) -> Counts:
    """Count hits, false and missed events of one kind, each event matched at most once."""
    hits = len(match_times(reference_s, estimated_s, collar_s))
    return Counts(hits, len(estimated_s) - hits, len(reference_s) - hits)


def count_intersections(
    reference: Iterable[Label],
    estimated: Iterable[Label],
    detection_tolerance: float = _DETECTION_TOLERANCE,
    truth_intersection: float = _TRUTH_INTERSECTION,
) -> Counts:
    """Count intervals of one label by how much they cover each other, not by their borders.

    An estimate is relevant if at least `detection_tolerance` of it lies in the truth, else it is false; a true
    interval is hit if relevant estimates cover at least `truth_intersection` of it. See Bilen et al. 2020, "A
    framework for the robust evaluation of sound event detection".
    """
    truth, found = _bounds(reference), _bounds(estimated)
    covered = _overlap_s(truth, found)
    relevant = _covers(covered.sum(axis=0), found, detection_tolerance)
    hit = _covers(covered[:, relevant].sum(axis=1), truth, truth_intersection)
    hits = int(hit.sum())
    return Counts(hits, len(found) - int(relevant.sum()), len(truth) - hits)


def score_session(name: str, reference: Reference, events: Sequence[Event]) -> SessionScore:
    """Score the events of one session, in the order in which the detector gave them, against its truth."""
    events = settled(events)
    found: dict[EventKind, list[Event]] = {kind: [e for e in events if e.kind == kind] for kind in SCORED_KINDS}
    matches: dict[str, Counts] = {}
    delays_s: dict[EventKind, tuple[float, ...]] = {}
    judged: dict[EventKind, tuple[Judged, ...]] = {}
    for kind in SCORED_KINDS:
        truth_s = reference.times_s.get(kind, ())
        found_s = [event.time_s for event in found[kind]]
        for collar_s in COLLARS_S[kind]:
            matches[f"{kind}@{collar_s:g}"] = count_matches(truth_s, found_s, collar_s)
        pairs = match_times(truth_s, found_s, COLLARS_S[kind][-1])
        right = {j for _, j in pairs}
        judged[kind] = tuple(Judged(event.confidence, j in right) for j, event in enumerate(found[kind]))
        since_s = _quieted_s(reference, truth_s) if kind == "pressure" else dict(enumerate(truth_s))
        delays_s[kind] = tuple(found[kind][j].decided_s - since_s[i] for i, j in pairs if i in since_s)
    runs = list(zip(reference.runs, _told(reference.runs, events), strict=True))
    cues = [
        (run, event)
        for run, told in runs
        for event in told
        if event.kind == "pressure" and run.outcome is not Outcome.OTHER and not event.details.get("again")
    ]
    kinds: dict[Outcome, list[set[EventKind]]] = {outcome: [] for outcome in Outcome}
    for run, told in runs:
        kinds[run.outcome].append({event.kind for event in told})
    clear = [
        {event.kind for event in told} for run, told in runs if run.outcome is Outcome.EARLY_STOP and not run.arguable
    ]
    cycles = len(reference.times_s.get("cycle", ()))
    arguable = [run.outcome is Outcome.CYCLE for run in reference.runs if run.arguable]
    early, unreleased, good = (kinds[each] for each in (Outcome.EARLY_STOP, Outcome.NO_RELEASE, Outcome.CYCLE))
    estimated = phase_labels(events, reference.duration_s)
    return SessionScore(
        name=name,
        condition=reference.condition,
        scenario=reference.scenario,
        machine=reference.machine,
        duration_s=reference.duration_s,
        matches=matches,
        phases={
            phase.value: count_intersections(
                [each for each in reference.phases if each.label == phase],
                [each for each in estimated if each.label == phase],
            )
            for phase in PHASES
        },
        delays_s=delays_s,
        judged=judged,
        cycles=cycles,
        cycles_counted=len(found["cycle"]),
        cycles_fewest=cycles - sum(arguable),
        cycles_most=cycles + len(arguable) - sum(arguable),
        pump_runs=len(reference.times_s.get("pump_on", ())),
        pump_on_false=matches[f"pump_on@{COLLARS_S['pump_on'][-1]:g}"].false,
        pressure_cues=len(cues),
        pressure_cues_early=sum(
            run.quieting_80_s is None or event.decided_s < run.quieting_80_s for run, event in cues
        ),
        early_stops=len(early),
        early_stops_counted=sum("cycle" in each for each in early),
        early_stops_named=sum("incomplete" in each and "pressure" not in each for each in early),
        clear_early_stops=len(clear),
        clear_early_stops_counted=sum("cycle" in each for each in clear),
        unreleased=len(unreleased),
        unreleased_recognised=sum("no_release" in each and "release" not in each for each in unreleased),
        good_releases=len(good),
        good_releases_warned=sum("no_release" in each for each in good),
    )


def _quieted_s(reference: Reference, pressure_s: Sequence[float]) -> dict[int, float]:
    """When the quieting was complete, by the index of its pressure event; without those that a stop cut short."""
    return {
        i: run.quieting_100_s
        for i, time_s in enumerate(pressure_s)
        for run in reference.runs
        if run.quieting_100_s is not None and run.pump_on_s <= time_s <= run.pump_off_s
    }


def _told(runs: Sequence[Run], events: Iterable[Event]) -> list[list[Event]]:
    """Return what the detector told of each true run: its own run that overlaps most, from pump_on to the verdict."""
    told: list[list[Event]] = [[] for _ in runs]
    if not runs:
        return told
    true_s = np.array([(run.pump_on_s, run.pump_off_s) for run in runs])
    estimated: list[list[Event]] = []
    for event in events:
        if event.kind == "pump_on" or not estimated:
            estimated.append([])
        estimated[-1].append(event)
    for its in estimated:
        start_s = its[0].time_s
        # Without a stop, the run reaches as far as anything was told of it.
        told_s = [event.time_s for event in its if event.kind in ("pressure", "pump_off")]
        shared_s = _overlap_s(np.array([[start_s, max([*told_s, start_s])]]), true_s)[0]
        if shared_s.max() > 0:
            told[int(np.argmax(shared_s))] += its
    return told


def _bounds(intervals: Iterable[Label]) -> Floats:
    """Onsets and offsets in seconds, shape (n, 2)."""
    return np.array([(each.onset_s, each.offset_s) for each in intervals], dtype=float).reshape(-1, 2)


def _overlap_s(a: Floats, b: Floats) -> Floats:
    """Seconds that each interval of a shares with each of b, shape (len(a), len(b))."""
    ends = np.minimum(a[:, None, 1], b[None, :, 1])
    starts = np.maximum(a[:, None, 0], b[None, :, 0])
    shared_s: Floats = np.maximum(ends - starts, 0.0)
    return shared_s


def _covers(covered_s: Floats, whole: Floats, share: float) -> npt.NDArray[np.bool_]:
    """Whether the covered part of each interval reaches the share of its length."""
    lengths_s = whole[:, 1] - whole[:, 0]
    covers: npt.NDArray[np.bool_] = (covered_s >= share * lengths_s) & (lengths_s > 0)
    return covers
