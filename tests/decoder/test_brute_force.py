"""The online forward pass against a brute-force one that enumerates every segmentation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acoustic.config import DecoderOptions, DurationOptions
from acoustic.decoder.kernels import _lightest, new_belief, step
from acoustic.decoder.states import Grammar, State, backflush_grammar, duration_pmf, fill_ends


def small_grammar(rng, states=3, longest=4):
    """A random grammar without self-loops; what follows a segment depends on how long it was."""
    ends = rng.random((states, states, longest)) * (1 - np.eye(states))[:, :, None]
    ends *= rng.uniform(0.05, 0.9, (states, 1, longest)) / ends.sum(axis=1, keepdims=True)
    initial = rng.random(states)
    return Grammar(ends, np.arange(states) % 2, initial / initial.sum())


def segment_probability(ends, d, following=None):
    """P(a segment lasts exactly d frames, and what follows it), or at least d; the last chances go on for ever."""
    chance = [ends[:, min(k, ends.shape[1] - 1)] for k in range(d)]
    alive = np.prod([1 - each.sum() for each in chance[: d - 1]])
    return alive if following is None else alive * chance[d - 1][following]


def brute_force(grammar, log_likelihood):
    """Joint weight of every (state, entry) of the last frame, and the evidence: a sum over all segmentations."""
    frames, states = len(log_likelihood), len(grammar.initial)
    weights = {}
    for cuts in itertools.product((False, True), repeat=frames - 1):
        starts = [0, *(i + 1 for i, cut in enumerate(cuts) if cut)]
        ends = [*starts[1:], frames]
        for labels in itertools.product(range(states), repeat=len(starts)):
            p = grammar.initial[labels[0]]
            for label, following, start, end in zip(labels, [*labels[1:], None], starts, ends, strict=True):
                p *= segment_probability(grammar.ends[label], end - start, following)
                p *= np.exp(log_likelihood[start:end, grammar.sound[label]].sum())
            key = (labels[-1], starts[-1])
            weights[key] = weights.get(key, 0.0) + p
    total = sum(weights.values())
    return {key: w / total for key, w in weights.items()}, np.log(total)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), frames=st.integers(1, 7))
def test_forward_pass_equals_brute_force(seed, frames):
    rng = np.random.default_rng(seed)
    grammar = small_grammar(rng)
    log_likelihood = rng.normal(0, 1.5, (frames, 2))
    belief = new_belief(grammar, 64)
    for row in log_likelihood:
        step(grammar, belief, row, 0.0)
    n = belief.counters[0]
    online = {
        (int(s), int(e)): w for s, e, w in zip(belief.state[:n], belief.entry[:n], belief.weight[:n], strict=True)
    }
    expected, log_evidence = brute_force(grammar, log_likelihood)
    expected = {key: w for key, w in expected.items() if w > 0}
    assert online.keys() == expected.keys()
    for key, w in expected.items():
        assert online[key] == pytest.approx(w, rel=1e-9, abs=1e-15)
    assert belief.log_evidence[0] == pytest.approx(log_evidence, rel=1e-9, abs=1e-12)


# The same draws every time: of thousands, some favour by chance what was dropped long before, and move it by more.
@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_pruning_hardly_moves_the_belief(seed):
    rng = np.random.default_rng(seed)
    grammar = backflush_grammar(DecoderOptions(longest_s=5.0), 0.1)
    exact, pruned = new_belief(grammar, 4000), new_belief(grammar, 4000)
    for row in rng.normal(0, 1, (150, 4)):
        step(grammar, exact, row, 0.0)
        step(grammar, pruned, row, 1e-9)
        assert np.abs(exact.by_state - pruned.by_state).max() < 1e-3


def test_a_full_store_keeps_the_likeliest():
    rng = np.random.default_rng(5)
    grammar = backflush_grammar(DecoderOptions(), 0.01)
    roomy, tight = new_belief(grammar, 4000), new_belief(grammar, 40)
    for row in rng.normal(0, 0.3, (400, 4)):
        step(grammar, roomy, row, 0.0)
        step(grammar, tight, row, 0.0)
        assert tight.counters[0] <= 40
    assert np.abs(roomy.by_state - tight.by_state).max() < 0.05


def test_a_full_store_drops_the_lightest_and_never_all():
    """Where nothing is said for long, many weigh nearly the same."""
    grammar = backflush_grammar(DecoderOptions(), 0.01)
    tight = new_belief(grammar, 40)
    for _ in range(300):
        step(grammar, tight, np.zeros(4), 0.0)
        assert 0 < tight.counters[0] <= 40
    # Two hundred of equal weight and a heavier one behind them all.
    tight = new_belief(grammar, 200)
    tight.weight[:200], tight.weight[200], tight.entry[:201] = 1.0, 5.0, np.arange(201)
    tight.counters[:] = 201, 300
    step(grammar, tight, np.zeros(4), 0.0)
    assert tight.counters[0] == 200
    assert 200 in tight.entry[:200]


def test_durations_are_probabilities_and_respect_their_minimum():
    options = DecoderOptions()
    for durations in (options.idle, options.fill, options.hold, options.masked, options.stopped, options.release):
        pmf = duration_pmf(durations, 0.01, 6000)
        assert pmf.sum() == pytest.approx(1.0)
        assert pmf[: round(durations.min_s / 0.01)].sum() == 0.0
    ends = backflush_grammar(options, 0.01).ends.sum(axis=1)
    assert ((ends >= 0) & (ends < 1)).all()
    # Nothing forces an end at the table's edge.
    assert (ends[:, -1] < 0.1).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-300, 1e-6, 0.25, 0.25000000000000006, 0.7, 1.0]), min_size=1), st.data())
def test_the_lightest_are_found_as_by_sorting(weights, data):
    rank = data.draw(st.integers(0, len(weights) - 1))
    # What lies behind the first n is none of theirs.
    padded = np.array([*weights, 0.1, 2.0])
    assert _lightest(padded, len(weights), rank) == sorted(weights)[rank]


def test_a_fill_ends_when_the_machine_at_hand_is_known_to_and_may_be_stopped_at_any_time():
    options, hop_s = DecoderOptions(), 0.01
    base = backflush_grammar(options, hop_s)
    ends = fill_ends(options, hop_s, duration_pmf(DurationOptions(0.0, 5.0, 0.05), hop_s, base.ends.shape[2]))
    pressed, stopped = ends[State.HOLD], ends[State.STOPPED]
    assert pressed[:400].sum() < 1e-3
    assert pressed[500] > 10 * base.ends[State.FILL, State.HOLD, 500]
    np.testing.assert_allclose(stopped[:200], base.ends[State.FILL, State.STOPPED, :200], rtol=0.2)
    # Once the time is past, whoever goes on is about to stop early, as they see it.
    assert stopped[800] > pressed[800]
    np.testing.assert_array_equal(fill_ends(options, hop_s, None), base.ends[State.FILL])
