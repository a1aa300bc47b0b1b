"""Adding sessions up: point values by hand, intervals by what they must cover."""

import numpy as np
import pytest
from scipy.stats import poisson

from acoustic.tools.aggregate import poisson_upper, summarise
from acoustic.tools.reference import Outcome, Reference, Run
from acoustic.tools.scoring import score_session
from acoustic.types import Event


def session(found, *, name="a", truth=(10.0,), confidence=0.9, delay_s=0.2, duration_s=60.0):
    """One score: true releases (each a cycle) at `truth`, detected ones at `found`."""
    runs = tuple(Run(t - 8, t - 0.1, Outcome.CYCLE, t - 2.3, t - 2) for t in truth)
    reference = Reference({"release": truth, "cycle": truth}, (), runs, duration_s)
    events = [Event(kind, time_s, time_s + delay_s, confidence) for time_s in found for kind in ("release", "cycle")]
    return score_session(name, reference, events)


def summary(scores, seed=1):
    return summarise(scores, np.random.default_rng(seed), 400)


def test_counts_are_added_before_they_are_divided():
    got = summary([session([10.05]), session([10.05, 30.0]), session([], truth=(10.0, 20.0))])
    release = got.events["release@0.1"]
    assert (release.counts.hits, release.counts.false, release.counts.missed) == (2, 1, 2)
    assert release.precision.value == pytest.approx(2 / 3)
    assert release.recall.value == pytest.approx(2 / 4)
    assert release.f1.value == pytest.approx(4 / 7)
    assert (got.cycles, got.cycles_counted) == (4, 3)
    assert got.exact.value == pytest.approx(1 / 3)
    assert got.count_error.value == pytest.approx((0 + 1 - 2) / 3)


def test_intervals_hold_their_value_and_shrink_with_more_sessions():
    few = [session([10.0] if i % 4 else []) for i in range(12)]
    small, large = summary(few), summary(few * 20)
    for got in (small, large):
        figure = got.events["release@0.2"].recall
        assert figure.value == pytest.approx(0.75)
        assert figure.low < 0.75 < figure.high

    def width(got):
        return got.events["release@0.2"].recall.high - got.events["release@0.2"].recall.low

    assert width(large) < width(small) / 3


def test_bootstrap_interval_of_a_mean_agrees_with_the_normal_one():
    rng = np.random.default_rng(5)
    errors = rng.integers(0, 3, 400)
    got = summary([session([10.0 + 7 * k for k in range(1 + error)]) for error in errors]).count_error
    spread = errors.std() / np.sqrt(len(errors))
    assert got.low == pytest.approx(errors.mean() - 1.96 * spread, abs=0.25 * spread)
    assert got.high == pytest.approx(errors.mean() + 1.96 * spread, abs=0.25 * spread)


def test_all_right_does_not_claim_certainty():
    exact = summary([session([10.0])] * 100).exact
    assert exact.value == 1.0
    assert exact.low == pytest.approx(0.025 ** (1 / 100))  # Clopper-Pearson at n of n


def test_same_seed_same_intervals():
    scores = [session([10.0 + 0.05 * i]) for i in range(9)]
    assert summary(scores, seed=3) == summary(scores, seed=3)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_delays_are_the_quantiles_numpy_gives(share):
    rng = np.random.default_rng(2)
    delays_s = rng.exponential(0.3, 137)
    got = summary([session([10.0], delay_s=delay_s) for delay_s in delays_s]).delays["release"]
    figure = got.p50_s if share == 0.5 else got.p95_s
    assert figure.value == pytest.approx(np.quantile(delays_s, share, method="inverted_cdf"))
    assert figure.low <= figure.value <= figure.high
    assert figure.of == 137


def test_a_confidence_kept_is_calibrated_and_one_broken_is_not():
    kept = [session([10.0] if i % 10 else [40.0], confidence=0.9) for i in range(200)]
    broken = [session([10.0] if i % 2 else [40.0], confidence=0.9) for i in range(200)]
    assert summary(kept).calibration["release"].ece.value == pytest.approx(0.0, abs=1e-9)
    assert summary(broken).calibration["release"].ece.value == pytest.approx(0.4)
    bins = summary(broken).calibration["all"].bins
    assert [each.count for each in bins] == [0] * 9 + [400]
    assert bins[-1].correct == pytest.approx(0.5)
    assert bins[-1].confidence == pytest.approx(0.9)


def test_rates_count_negatives_only():
    got = summary([session([10.0, 30.0]), session([30.0, 40.0], truth=(), duration_s=1800.0)])
    assert got.false_cycles.count == 2
    assert got.false_cycles.hours == pytest.approx(0.5)
    assert got.false_cycles.per_hour == pytest.approx(4.0)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_upper_bound_leaves_five_percent(count):
    assert poisson.cdf(count, 6 * poisson_upper(count, 6.0)) == pytest.approx(0.05)


def test_nothing_at_all_gives_no_figures_and_no_warnings():
    got = summary([])
    assert got.sessions == 0
    assert got.exact.value is None
    assert got.false_cycles.upper_95 is None
    assert got.calibration["all"].ece.value is None
