"""One frame of the forward pass over (state, entry frame), in numba.

A hypothesis is a segment under way: its state, the frame at which it was entered, and where the earlier segments of
its run began, along the likeliest way. Belief sums over ways (forward pass); the remembered ways are the likeliest
(as in Viterbi).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..compiled import kernel
from .states import Grammar, State

__all__ = [
    "ALL",
    "FILL_AT",
    "HOLD_AT",
    "MASKED_AT",
    "NOT_FINITE",
    "RELEASE_AT",
    "STOP_AT",
    "Belief",
    "advance",
    "new_belief",
    "packed",
    "step",
    "weigh",
]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Columns of `Belief.path`: the frame at which each segment of the run was entered, -1 where there was none.
FILL_AT, HOLD_AT, MASKED_AT, STOP_AT, RELEASE_AT = 0, 1, 2, 3, 4
N_PATH = 5
ALL, NOT_FINITE = -1, -2
_IDLE, _FILL, _HOLD, _LULL = int(State.IDLE), int(State.FILL), int(State.HOLD), int(State.LULL)


class Belief(NamedTuple):
    """What is believed after a frame.

    `weight[:n]` sums to 1; `state`, `entry` and `path`, shape (capacity, 5), describe each hypothesis. `counters`
    holds n and the present frame; `log_evidence[0]` is log P(all observations so far). `nexts[i]` are the states that
    may follow `i`, then -1. `arriving`, `best`, `best_path` and `heard` are scratch.
    """

    counters: I64
    log_evidence: F64
    weight: F64
    state: I64
    entry: I64
    path: I64
    arriving: F64
    best: F64
    best_path: I64
    heard: F64
    by_state: F64
    nexts: I64


def new_belief(grammar: Grammar, capacity: int) -> Belief:
    """Make the belief before the first frame."""
    states = len(grammar.initial)
    nexts = np.full((states, states + 1), -1, dtype=np.int64)
    for state, ends in enumerate(grammar.ends):
        following = np.flatnonzero(ends.any(axis=1))
        nexts[state, : len(following)] = following
    return Belief(
        counters=np.zeros(2, dtype=np.int64),
        log_evidence=np.zeros(1),
        weight=np.zeros(capacity + states),
        state=np.zeros(capacity + states, dtype=np.int64),
        entry=np.zeros(capacity + states, dtype=np.int64),
        path=np.full((capacity + states, N_PATH), -1, dtype=np.int64),
        arriving=np.zeros(states),
        best=np.zeros(states),
        best_path=np.full((states, N_PATH), -1, dtype=np.int64),
        heard=np.zeros(states),
        by_state=np.zeros(states),
        nexts=nexts,
    )


def packed(grammar: Grammar, belief: Belief) -> tuple[F64, I64, Grammar, Belief]:
    """Copy grammar and belief into two arrays, of what is no whole number and of what is.

    Returns them, and grammar and belief as views of them. Two arrays come from Python to numba in a tenth of the time
    that sixteen take. `_views` is the way back.
    """
    states, _, longest = grammar.ends.shape
    sizes = np.array([states, longest, len(belief.weight)])
    floats: list[npt.NDArray[Any]] = [grammar.ends, grammar.initial]
    integers: list[npt.NDArray[Any]] = [sizes, grammar.sound]
    for array in belief:
        (floats if array.dtype == np.float64 else integers).append(array)
    all_floats = np.concatenate([array.ravel() for array in floats])
    all_integers = np.concatenate([array.ravel() for array in integers])
    return all_floats, all_integers, *_views(all_floats, all_integers)


def _views(floats: F64, integers: I64) -> tuple[Grammar, Belief]:
    """Give grammar and belief as views of what `packed` made of them, in whose order they lie."""
    states, longest, places = integers[0], integers[1], integers[2]
    at = states * states * longest
    ends = floats[:at].reshape(states, states, longest)
    grammar = Grammar(ends, integers[3 : 3 + states], floats[at : at + states])
    at += states
    log_evidence, weight = floats[at : at + 1], floats[at + 1 : at + 1 + places]
    at += 1 + places
    arriving, best = floats[at : at + states], floats[at + states : at + 2 * states]
    heard, by_state = floats[at + 2 * states : at + 3 * states], floats[at + 3 * states : at + 4 * states]
    at = 3 + states
    counters, state, entry = integers[at : at + 2], integers[at + 2 :][:places], integers[at + 2 + places :][:places]
    at += 2 + 2 * places
    path = integers[at : at + places * N_PATH].reshape(places, N_PATH)
    at += places * N_PATH
    best_path = integers[at : at + states * N_PATH].reshape(states, N_PATH)
    at += states * N_PATH
    nexts = integers[at : at + states * (states + 1)].reshape(states, states + 1)
    belief = Belief(
        counters, log_evidence, weight, state, entry, path, arriving, best, best_path, heard, by_state, nexts
    )
    return grammar, belief


_unpacked = kernel()(_views)


@kernel()
def _enter(path: I64, state: int, frame: int) -> None:
    """Note in `path` that `state` is entered at `frame`; a hold behind a lull is the one before it."""
    if state == _FILL:
        path[:] = -1
        path[FILL_AT] = frame
    elif state != _IDLE and state != _LULL and not (state == _HOLD and path[HOLD_AT] >= 0):
        path[state - 1] = frame


@kernel()
def _lightest(weight: F64, n: int, rank: int) -> float:
    """Find which of the first `n` weights has `rank` lighter ones beside it.

    Not by numpy's partition, which takes numba seconds to compile at the first start ever.
    """
    # What is not negative ranks as its bits do: halve the range until just so many lie at or below its end.
    bits = weight.view(np.int64)
    low, high = bits[0], bits[0]
    for h in range(n):
        low, high = min(low, bits[h]), max(high, bits[h])
    low -= 1
    while high - low > 1:
        middle = low + (high - low) // 2
        below = 0
        for h in range(n):
            below += bits[h] <= middle
        if below > rank:
            high = middle
        else:
            low = middle
        if below == rank + 1:
            break
    lightest = 0.0
    for h in range(n):
        lightest = max(lightest, weight[h] if bits[h] <= high else 0.0)
    return lightest


@kernel()
def step(grammar: Grammar, belief: Belief, log_likelihood: F64, prune: float) -> None:
    """Take in one frame.

    `log_likelihood`, shape (classes,), is log P(frame | class) up to a constant common to all classes.
    """
    weight, state, entry, path = belief.weight, belief.state, belief.entry, belief.path
    arriving, best, best_path, heard = belief.arriving, belief.best, belief.best_path, belief.heard
    ends, sound, nexts = grammar.ends, grammar.sound, belief.nexts
    states, longest = ends.shape[0], ends.shape[2]
    n = belief.counters[0]
    frame = belief.counters[1]
    top = log_likelihood[0]
    for j in range(1, log_likelihood.shape[0]):
        top = max(top, log_likelihood[j])

    for j in range(states):
        arriving[j] = 0.0
        best[j] = 0.0
        heard[j] = np.exp(log_likelihood[sound[j]] - top)
    if n == 0:
        for j in range(states):
            arriving[j] = grammar.initial[j]
            best_path[j, :] = -1
    for h in range(n):
        i = state[h]
        age = min(frame - entry[h], longest)
        leaving = 0.0
        at = 0
        while nexts[i, at] >= 0:
            j = nexts[i, at]
            at += 1
            chance = ends[i, j, age - 1]
            leaving += chance
            p = weight[h] * chance
            arriving[j] += p
            if p > best[j]:
                best[j] = p
                for k in range(N_PATH):
                    best_path[j, k] = path[h, k]
        weight[h] *= (1.0 - leaving) * heard[i]
    for j in range(states):
        if arriving[j] > 0.0:
            weight[n] = arriving[j] * heard[j]
            state[n] = j
            entry[n] = frame
            for k in range(N_PATH):
                path[n, k] = best_path[j, k]
            _enter(path[n], j, frame)
            n += 1

    total = 0.0
    for h in range(n):
        total += weight[h]
    belief.log_evidence[0] += np.log(total) + top
    kept = 0
    room = weight.shape[0] - states
    least = prune * total
    equal = n
    if n > room:
        # Rare: more hypotheses than places. The lightest go, or new ones, which come last, would never get in.
        least = max(least, _lightest(weight, n, n - room))
        equal = room
        for h in range(n):
            equal -= weight[h] > least
    for j in range(states):
        belief.by_state[j] = 0.0
    for h in range(n):
        if weight[h] > least or (weight[h] == least and equal > 0):
            equal -= weight[h] == least
            w = weight[h] / total
            weight[kept] = w
            if kept < h:
                state[kept] = state[h]
                entry[kept] = entry[h]
                for k in range(N_PATH):
                    path[kept, k] = path[h, k]
            belief.by_state[state[kept]] += w
            kept += 1
    belief.counters[0] = kept
    belief.counters[1] = frame + 1


@kernel()
def weigh(log_likelihood: F64, evidence: float, release_odds: float, weighed: F64) -> None:
    """Make of what a network says of a frame what the decoder may believe; shapes (classes...) and (4,).

    `evidence` is what a frame is worth beside its neighbours, `release_odds` by how much a release is lowered; see
    `DecoderOptions`.
    """
    for j in range(3):
        weighed[j] = evidence * log_likelihood[j]
    weighed[3] = evidence * (log_likelihood[3] - release_odds)


@kernel()
def advance(
    floats: F64,
    integers: I64,
    log_likelihood: F64,
    first: int,
    worth: F64,
    watched: npt.NDArray[np.bool_],
    above: F64,
    until: int,
) -> int:
    """Take in frames from `first` on, up to one after which something may have to be told; return the one behind it.

    `floats` and `integers` are `packed`; `log_likelihood` has shape (frames, classes...); `worth` holds `evidence` and
    `release_odds` as `weigh` takes them, the share of belief below which a hypothesis is dropped, and four places of
    scratch. It stops behind the first frame in which the belief in all states of a row of `watched`, shape (conditions,
    states), passes that row's `above`, or which is frame `until` or later. Where it took all and there is nothing to
    tell, it returns `ALL`; where a value is not finite, `NOT_FINITE`, and nothing was taken.
    """
    grammar, belief = _unpacked(floats, integers)
    weighed = worth[3:]
    frames = log_likelihood.shape[0]
    for t in range(first, frames):
        for j in range(weighed.shape[0]):
            if not np.isfinite(log_likelihood[t, j]):
                return NOT_FINITE
    for t in range(first, frames):
        weigh(log_likelihood[t], worth[0], worth[1], weighed)
        step(grammar, belief, weighed, worth[2])
        if belief.counters[1] > until:
            return t + 1
        for condition in range(watched.shape[0]):
            believed = 0.0
            for state in range(watched.shape[1]):
                if watched[condition, state]:
                    believed += belief.by_state[state]
            if believed > above[condition]:
                return t + 1
    return ALL
