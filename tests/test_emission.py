"""The networks in numba against plain numpy in float64, and their memory."""

import numpy as np
import pytest

from acoustic.emission import MAX_LOG_ODDS, LearnedEmission, Network, RecurrentNetwork

N, H1, G, H2 = 30, 12, 9, 7
TAPS = (0, 2, 11)
# Background, fill, hold, shot, no release, release.
LOG_PRIOR = np.log([0.5, 0.3, 0.15, 0.05, 0.8, 0.2])


def random_arrays(rng, *shapes):
    return [rng.normal(0.0, 0.5, shape).astype(np.float32) for shape in shapes]


@pytest.fixture
def nets():
    rng = np.random.default_rng(1)
    phases = RecurrentNetwork(
        np.arange(N),
        *random_arrays(rng, (N, H1), H1, (H1, 3 * G), 3 * G, (G, 3 * G), 3 * G, (H1 + G, H2), H2, (H2, 5), 5),
    )
    inputs = np.array([3, 1, 4, 15, 9])
    taps = np.array(TAPS)
    return phases, Network(inputs, *random_arrays(rng, (5, 6), 6, (6 * len(taps), 4), 4, (4, 1), 1), taps)


@pytest.fixture
def features():
    return np.random.default_rng(2).normal(0.0, 1.0, (200, N)).astype(np.float32)


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def plain(phases, release, features):
    """The same, a frame at a time, as the equations read."""
    p, r = (type(net)(*(np.asarray(array, dtype=np.float64) for array in net)) for net in (phases, release))
    state = np.zeros(G)
    rows, past = [], []
    for x in features.astype(np.float64):
        first = np.maximum(x @ p.w1 + p.b1, 0)
        from_input, from_state = first @ p.wx + p.bx, state @ p.wh + p.bh
        reset, update = sigmoid((from_input + from_state)[: 2 * G]).reshape(2, G)
        new = np.tanh(from_input[2 * G :] + reset * from_state[2 * G :])
        state = (1 - update) * new + update * state
        logits = np.maximum(np.concatenate([first, state]) @ p.w2 + p.b2, 0) @ p.w3 + p.b3
        share = np.exp(logits[:3]) / np.exp(logits[:3]).sum()
        log_p = np.maximum(np.log(share), -MAX_LOG_ODDS) - LOG_PRIOR[:3]
        past.append(np.maximum(x[release.inputs] @ r.w1 + r.b1, 0))
        recalled = np.concatenate([past[max(len(past) - 1 - tap, 0)] for tap in release.taps])
        heard = np.maximum(recalled @ r.w2 + r.b2, 0)
        z = np.clip((heard @ r.w3 + r.b3)[0], -MAX_LOG_ODDS, MAX_LOG_ODDS)
        without, with_it = -np.log1p(np.exp(z)) - LOG_PRIOR[4], -np.log1p(np.exp(-z)) - LOG_PRIOR[5]
        shot = np.clip(logits[3], -MAX_LOG_ODDS, MAX_LOG_ODDS) - LOG_PRIOR[3] + LOG_PRIOR[2]
        complete = np.clip(logits[4], -MAX_LOG_ODDS, MAX_LOG_ODDS)
        rows.append([*(log_p + without), with_it + log_p[0], shot, complete])
    return np.array(rows)


def test_it_is_what_the_equations_say(nets, features):
    emission = LearnedEmission(*nets, LOG_PRIOR)
    np.testing.assert_allclose(
        emission.log_likelihood(features, emission.new_state()), plain(*nets, features), atol=1e-4
    )


def test_any_division_of_a_stream_gives_the_same(nets, features):
    emission = LearnedEmission(*nets, LOG_PRIOR)
    whole = emission.log_likelihood(features, emission.new_state())
    state = emission.new_state()
    parts = [emission.log_likelihood(part, state) for part in np.split(features, [1, 2, 90, 91])]
    assert np.array_equal(np.concatenate(parts), whole)


def test_what_others_are_judged_with_changes_nothing(nets, features):
    # Inputs that are zero are passed over, frame by frame, however many are judged at a time.
    emission = LearnedEmission(*nets, LOG_PRIOR)
    features[::3, :16] = 0.0
    features[50:70] = 0.0
    whole = emission.log_likelihood(features, emission.new_state())
    state = emission.new_state()
    alone = np.concatenate([emission.log_likelihood(row[None], state) for row in features])
    assert np.array_equal(alone, whole)
    np.testing.assert_allclose(whole[:50], plain(*nets, features[:50]), atol=1e-4)


def test_it_writes_where_it_is_told_to(nets, features):
    emission = LearnedEmission(*nets, LOG_PRIOR)
    room = np.full((len(features), 6), np.nan)
    emission.judge(features, emission.new_state(), room)
    assert np.array_equal(room, emission.log_likelihood(features, emission.new_state()))


def test_it_remembers_until_it_is_made_anew(nets, features):
    emission = LearnedEmission(*nets, LOG_PRIOR)
    state = emission.new_state()
    first = emission.log_likelihood(features[:20], state)
    assert not np.allclose(emission.log_likelihood(features[:20], state)[0], first[0])
    assert np.array_equal(emission.log_likelihood(features[:20], emission.new_state()), first)


def test_silence_before_anything_was_heard_is_not_remembered(nets, features):
    emission = LearnedEmission(*nets, LOG_PRIOR)
    silence = np.zeros((50, N), np.float32)
    later = emission.log_likelihood(np.concatenate([silence, features]), emission.new_state())[50:]
    assert np.array_equal(later, emission.log_likelihood(features, emission.new_state()))


def test_the_release_is_heard_without_any_memory_beyond_its_last_tap(nets, features):
    """Odds of release against background depend on the last frames alone."""
    emission = LearnedEmission(*nets, LOG_PRIOR)
    reach = TAPS[-1] + 1
    alone = emission.log_likelihood(features[51 - reach : 51], emission.new_state())
    later = emission.log_likelihood(features[:51], emission.new_state())
    odds, expected = (each[-1, 3] - each[-1, 0] for each in (later, alone))
    assert odds == pytest.approx(expected, abs=1e-9)
    shorter = emission.log_likelihood(features[52 - reach : 51], emission.new_state())
    assert shorter[-1, 3] - shorter[-1, 0] != pytest.approx(expected, abs=1e-4)
