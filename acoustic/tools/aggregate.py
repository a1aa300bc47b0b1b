"""Scores of many sessions added up, with intervals.

Sums, means and quantiles carry 95 % intervals from a bootstrap over whole sessions, since events within one session
fail together. Shares carry exact binomial (Clopper-Pearson) ones: a bootstrap of 100 right out of 100 would claim
certainty. Rates of rare events carry the one-sided 95 % Poisson bound that the hours support.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from .reference import PHASES, SCORED_KINDS
from .scoring import COLLARS_S, Counts, Judged, SessionScore

__all__ = ["Bin", "Calibration", "Delays", "Figure", "Rate", "Retrieval", "Summary", "poisson_upper", "summarise"]

_BINS = 10
_INTERVAL = (0.025, 0.975)
_MATCHES = tuple(f"{kind}@{collar_s:g}" for kind in SCORED_KINDS for collar_s in COLLARS_S[kind])

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval; None where there is nothing to divide by.

    `of` says what it rests on: how many.
    """

    value: float | None
    low: float | None
    high: float | None
    of: int


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Precision, recall and F1 of one kind of event or phase, with the counts beneath them."""

    precision: Figure
    recall: Figure
    f1: Figure
    counts: Counts


@dataclass(frozen=True, slots=True)
class Delays:
    """Median and 95th percentile of decided_s minus the true time, in seconds."""

    p50_s: Figure
    p95_s: Figure


@dataclass(frozen=True, slots=True)
class Rate:
    """False alarms per hour, with the upper bound that so many hours support at 95 %."""

    count: int
    hours: float
    per_hour: float | None
    upper_95: float | None


@dataclass(frozen=True, slots=True)
class Bin:
    """Events with a confidence in [low, high): their mean claim, and how often they were right."""

    low: float
    high: float
    count: int
    confidence: float | None
    correct: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability table and expected calibration error: 0 if 0.9 is right nine times in ten."""

    ece: Figure
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The protocol's figures over a group of sessions.

    `events` is keyed by kind and collar, as in `release@0.2`; `phases`, `delays` and `calibration` by phase or kind.
    `fair` is the share of sessions whose count is one of those that arguable runs leave open.
    """

    sessions: int
    hours: float
    cycles: int
    cycles_counted: int
    exact: Figure
    fair: Figure
    count_error: Figure
    events: Mapping[str, Retrieval]
    phases: Mapping[str, Retrieval]
    delays: Mapping[str, Delays]
    early_cues: Figure
    false_cycles: Rate
    false_pump_on: Rate
    early_stops_counted: Figure
    early_stops_named: Figure
    clear_early_stops_counted: Figure
    unreleased_recognised: Figure
    good_releases_warned: Figure
    calibration: Mapping[str, Calibration]


def poisson_upper(count: int, hours: float) -> float | None:
    """One-sided 95 % upper bound of a rate per hour after `count` events: 3 / hours after none."""
    if hours <= 0:
        return None
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, 2 * count + 2) / 2 / hours)


def summarise(scores: Sequence[SessionScore], rng: np.random.Generator, resamples: int = 1000) -> Summary:
    """Add up the sessions' scores; intervals from `resamples` bootstrap draws of `rng`."""
    bootstrap = _Bootstrap(len(scores), rng, resamples)
    quiet = [score for score in scores if score.cycles == 0]
    silent = [score for score in scores if score.pump_runs == 0]

    def share(hits: str, total: str) -> Figure:
        return _share(sum(getattr(each, hits) for each in scores), sum(getattr(each, total) for each in scores))

    events = {key: bootstrap.retrieval([score.matches[key] for score in scores]) for key in _MATCHES}
    calibration = {"all": bootstrap.calibration([[*chain(*score.judged.values())] for score in scores])}
    calibration |= {kind: bootstrap.calibration([score.judged[kind] for score in scores]) for kind in SCORED_KINDS}
    errors = [score.cycles_counted - score.cycles for score in scores]
    return Summary(
        sessions=len(scores),
        hours=_hours(scores),
        cycles=sum(score.cycles for score in scores),
        cycles_counted=sum(score.cycles_counted for score in scores),
        exact=_share(errors.count(0), len(errors)),
        fair=_share(sum(each.cycles_fewest <= each.cycles_counted <= each.cycles_most for each in scores), len(scores)),
        count_error=bootstrap.ratio(errors, [1] * len(errors), len(errors)),
        events=events,
        phases={phase.value: bootstrap.retrieval([score.phases[phase.value] for score in scores]) for phase in PHASES},
        delays={kind: bootstrap.delays([score.delays_s[kind] for score in scores]) for kind in SCORED_KINDS},
        early_cues=share("pressure_cues_early", "pressure_cues"),
        false_cycles=_rate(sum(score.cycles_counted for score in quiet), _hours(quiet)),
        false_pump_on=_rate(sum(score.pump_on_false for score in silent), _hours(silent)),
        early_stops_counted=share("early_stops_counted", "early_stops"),
        early_stops_named=share("early_stops_named", "early_stops"),
        clear_early_stops_counted=share("clear_early_stops_counted", "clear_early_stops"),
        unreleased_recognised=share("unreleased_recognised", "unreleased"),
        good_releases_warned=share("good_releases_warned", "good_releases"),
        calibration=calibration,
    )


class _Bootstrap:
    """Draws of whole sessions with replacement, as weights of shape (resamples, sessions)."""

    def __init__(self, sessions: int, rng: np.random.Generator, resamples: int) -> None:
        drawn = (
            rng.multinomial(sessions, np.full(sessions, 1 / sessions), size=resamples) if sessions else np.empty((0, 0))
        )
        self._weights: Floats = drawn.astype(np.float64)

    def ratio(self, over: Sequence[float], under: Sequence[float], of: int) -> Figure:
        """Sum over sum, one entry a session."""
        if not sum(under):
            return Figure(None, None, None, of)
        draws_over, draws_under = (self._weights @ np.asarray(each, dtype=float) for each in (over, under))
        usable = draws_under > 0
        return Figure(sum(over) / sum(under), *_bounds(draws_over[usable] / draws_under[usable]), of)

    def retrieval(self, counts: Sequence[Counts]) -> Retrieval:
        """Micro-averaged: counts are added before dividing."""
        total = Counts(*(sum(getattr(each, name) for each in counts) for name in ("hits", "false", "missed")))
        hits = [each.hits for each in counts]

        def over(denominator: Callable[[Counts], float]) -> Figure:
            return self.ratio(hits, [denominator(each) for each in counts], round(denominator(total)))

        return Retrieval(
            precision=over(lambda each: each.hits + each.false),
            recall=over(lambda each: each.hits + each.missed),
            f1=over(lambda each: each.hits + (each.false + each.missed) / 2),
            counts=total,
        )

    def delays(self, delays_s: Sequence[Sequence[float]]) -> Delays:
        """Quantiles over all events; the smallest delay that at least so many events keep."""
        values = np.fromiter(chain.from_iterable(delays_s), float)
        owners = np.repeat(np.arange(len(delays_s)), [len(each) for each in delays_s])
        order = np.argsort(values, kind="stable")
        cumulative = np.cumsum(self._weights[:, owners[order]], axis=1) if len(values) else np.empty((0, 0))
        return Delays(*(_quantile(values[order], cumulative, share) for share in (0.5, 0.95)))

    def calibration(self, judged: Sequence[Sequence[Judged]]) -> Calibration:
        """Ten equal bins of confidence; the error is their gaps, weighed by how many events each holds."""
        counts, claimed, correct = (np.zeros((len(judged), _BINS)) for _ in range(3))
        for session, each in enumerate(judged):
            confidences = np.array([one.confidence for one in each])
            bins = np.clip((confidences * _BINS).astype(int), 0, _BINS - 1)
            np.add.at(counts[session], bins, 1.0)
            np.add.at(claimed[session], bins, confidences)
            np.add.at(correct[session], bins, np.array([float(one.correct) for one in each]))
        total = int(counts.sum())
        edges = np.linspace(0.0, 1.0, _BINS + 1)
        rows = zip(edges[:-1], edges[1:], counts.sum(0), claimed.sum(0), correct.sum(0), strict=True)
        table = tuple(
            Bin(round(float(low), 6), round(float(high), 6), int(n), sure / n if n else None, right / n if n else None)
            for low, high, n, sure, right in rows
        )
        if not total:
            return Calibration(Figure(None, None, None, 0), table)
        gaps = claimed - correct
        draws_total = (self._weights @ counts).sum(axis=1)
        usable = draws_total > 0
        draws = np.abs(self._weights @ gaps).sum(axis=1)[usable] / draws_total[usable]
        return Calibration(Figure(float(np.abs(gaps.sum(0)).sum() / total), *_bounds(draws), total), table)


def _quantile(ordered: Floats, cumulative: Floats, share: float) -> Figure:
    """Inverted-CDF quantile of sorted values; `cumulative` weights of the draws, shape (resamples, n)."""
    count = len(ordered)
    if not count:
        return Figure(None, None, None, 0)
    value = float(ordered[max(0, int(np.ceil(share * count)) - 1)])
    draws = cumulative[cumulative[:, -1] > 0]
    first = np.argmax(draws >= share * draws[:, -1:] - 1e-9, axis=1)
    return Figure(value, *_bounds(ordered[first]), count)


def _bounds(draws: Floats) -> tuple[float | None, float | None]:
    if not len(draws):
        return None, None
    low, high = np.quantile(draws, _INTERVAL)
    return float(low), float(high)


def _share(hits: int, total: int) -> Figure:
    if not total:
        return Figure(None, None, None, 0)
    from scipy.stats import binomtest

    interval = binomtest(hits, total).proportion_ci(0.95, method="exact")
    return Figure(hits / total, float(interval.low), float(interval.high), total)


def _rate(count: int, hours: float) -> Rate:
    return Rate(count, hours, count / hours if hours > 0 else None, poisson_upper(count, hours))


def _hours(scores: Sequence[SessionScore]) -> float:
    return sum(score.duration_s for score in scores) / 3600
