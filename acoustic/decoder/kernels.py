"""One frame of the forward pass over (state, entry frame), in numba.

A hypothesis is a segment under way: its state, the frame at which it was entered, and where the earlier segments of
its run began, along the likeliest way. Belief sums over ways (forward pass); the remembered ways are the likeliest
(as in Viterbi).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from .states import Grammar, State

__all__ = [
    "FILL_AT",
    "HOLD_AT",
    "MASKED_AT",
    "RELEASE_AT",
    "STOP_AT",
    "Belief",
    "advance",
    "new_belief",
    "step",
    "weigh",
]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# Columns of `Belief.path`: the frame at which each segment of the run was entered, -1 where there was none.
FILL_AT, HOLD_AT, MASKED_AT, STOP_AT, RELEASE_AT = 0, 1, 2, 3, 4
N_PATH = 5
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
    for state, follow in enumerate(grammar.follow):
        following = np.flatnonzero(follow)
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


@numba.njit(cache=True, nogil=True)
def _enter(path: I64, state: int, frame: int) -> None:
    """Note in `path` that `state` is entered at `frame`; a hold behind a lull is the one before it."""
    if state == _FILL:
        path[:] = -1
        path[FILL_AT] = frame
    elif state != _IDLE and state != _LULL and not (state == _HOLD and path[HOLD_AT] >= 0):
        path[state - 1] = frame


@numba.njit(cache=True, nogil=True)
def step(grammar: Grammar, belief: Belief, log_likelihood: F64, prune: float) -> None:
    """Take in one frame.

    `log_likelihood`, shape (classes,), is log P(frame | class) up to a constant common to all classes.
    """
    weight, state, entry, path = belief.weight, belief.state, belief.entry, belief.path
    arriving, best, best_path, heard = belief.arriving, belief.best, belief.best_path, belief.heard
    follow, hazard, sound, nexts = grammar.follow, grammar.hazard, grammar.sound, belief.nexts
    states = follow.shape[0]
    longest = hazard.shape[1]
    n = belief.counters[0]
    frame = belief.counters[1]
    top = log_likelihood.max()

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
        ends = hazard[i, age - 1]
        if ends > 0.0:
            ending = weight[h] * ends
            at = 0
            while nexts[i, at] >= 0:
                j = nexts[i, at]
                at += 1
                p = ending * follow[i, j]
                arriving[j] += p
                if p > best[j]:
                    best[j] = p
                    for k in range(N_PATH):
                        best_path[j, k] = path[h, k]
        weight[h] *= (1.0 - ends) * heard[i]
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
        least = max(least, np.partition(weight[:n], n - room)[n - room])
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


@numba.njit(cache=True, nogil=True)
def advance(
    grammar: Grammar,
    belief: Belief,
    log_likelihood: F64,
    prune: float,
    watched: npt.NDArray[np.bool_],
    above: F64,
    until: int,
) -> int:
    """Take in frames up to one after which something may have to be told; return how many were taken.

    `log_likelihood` has shape (frames, classes). It stops behind the first frame in which the belief in all states of
    a row of `watched`, shape (conditions, states), passes that row's `above`, or which is frame `until` or later.
    """
    for t in range(log_likelihood.shape[0]):
        step(grammar, belief, log_likelihood[t], prune)
        if belief.counters[1] > until:
            return t + 1
        for condition in range(watched.shape[0]):
            believed = 0.0
            for state in range(watched.shape[1]):
                if watched[condition, state]:
                    believed += belief.by_state[state]
            if believed > above[condition]:
                return t + 1
    return int(log_likelihood.shape[0])


@numba.njit(cache=True, nogil=True)
def weigh(log_likelihood: F64, evidence: float, release_odds: float) -> F64:
    """Make of what a network says of frames what the decoder may believe; shapes (frames, classes...) and (frames, 4).

    `evidence` is what a frame is worth beside its neighbours, `release_odds` by how much a release is lowered; see
    `DecoderOptions`.
    """
    weighed = np.empty((log_likelihood.shape[0], 4))
    for t in range(log_likelihood.shape[0]):
        for j in range(3):
            weighed[t, j] = evidence * log_likelihood[t, j]
        weighed[t, 3] = evidence * (log_likelihood[t, 3] - release_odds)
    return weighed
