"""The grammar of a backflush as data: states, what each sounds like, what may follow it, and how long it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..config import DecoderOptions, DurationOptions

__all__ = [
    "CLASSES",
    "N_CLASSES",
    "N_STATES",
    "Grammar",
    "SoundClass",
    "State",
    "backflush_grammar",
    "duration_pmf",
    "fill_ends",
    "set_ends",
]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


class SoundClass(IntEnum):
    """What the emission tells apart, in its order."""

    BACKGROUND = 0
    FILL = 1
    HOLD = 2
    RELEASE = 3


class State(IntEnum):
    """States of the grammar.

    `MASKED` is a hold that sinks below the room's noise: it sounds like the background, lasts longer than any pause
    between the pump's stop and the release, and only a release can prove it. `LULL` is a moment within a hold in which
    it cannot be heard, or not as a hold: a bang, or a suppressor that takes it for noise.
    """

    IDLE = 0
    FILL = 1
    HOLD = 2
    MASKED = 3
    STOPPED = 4
    RELEASE = 5
    LULL = 6


N_STATES = len(State)
CLASSES: tuple[SoundClass, ...] = tuple(SoundClass)
N_CLASSES = len(CLASSES)

_SOUND = {
    State.IDLE: SoundClass.BACKGROUND,
    State.FILL: SoundClass.FILL,
    State.HOLD: SoundClass.HOLD,
    State.MASKED: SoundClass.BACKGROUND,
    State.STOPPED: SoundClass.BACKGROUND,
    State.RELEASE: SoundClass.RELEASE,
    State.LULL: SoundClass.BACKGROUND,
}

# What follows what. A fill may stop early, a hold may turn loud again (a second wave of air), a handle may be
# switched on again before the release; each is rare, and rare here is a prior of a few percent, not a rule.
_NEXT: dict[State, dict[State, float]] = {
    State.IDLE: {State.FILL: 1.0},
    State.FILL: {State.HOLD: 0.77, State.STOPPED: 0.23},
    State.HOLD: {State.STOPPED: 0.97, State.FILL: 0.03},
    State.LULL: {State.HOLD: 1.0},
    State.MASKED: {State.RELEASE: 1.0},
    State.STOPPED: {State.RELEASE: 0.8, State.IDLE: 0.17, State.FILL: 0.03},
    State.RELEASE: {State.IDLE: 0.97, State.FILL: 0.03},
}


class Grammar(NamedTuple):
    """A segment model.

    `ends[i, j, d - 1]` is the probability that a segment of `i` that has lasted `d` frames ends there and `j` follows,
    shape (states, states, D); beyond D it stays at its last value, so that segments may last for ever in bounded
    memory. `sound[i]` is the class that state `i` emits.
    """

    ends: F64
    sound: I64
    initial: F64


def duration_pmf(options: DurationOptions, hop_s: float, frames: int) -> F64:
    """Probability of each duration of 1 to `frames` hops, shape (frames,): log-normal, shifted by the minimum."""
    d = np.arange(1, frames + 1) * hop_s
    beyond = d - options.min_s
    inside = beyond > 0
    x = np.where(inside, beyond, 1.0)
    spread = np.log(x / max(options.median_s - options.min_s, hop_s)) / options.sigma
    pmf: F64 = np.where(inside, np.exp(-0.5 * spread**2) / x, 0.0)
    pmf /= pmf.sum()
    return pmf


def set_ends(ends: F64, ways: Sequence[tuple[int, float, F64]]) -> None:
    """Fill one state's part of a grammar's `ends`, shape (states, D), in place.

    `ways` are the states that may follow, how often each does, and the durations (D,) of the segments that it follows.
    """
    joint = np.stack([share * pmf for _, share, pmf in ways])
    alive = joint.sum(axis=0)[::-1].cumsum()[::-1]
    leaving = np.divide(joint, alive, out=np.zeros_like(joint), where=alive > 1e-12)
    # The last durations of a truncated tail would force an end: hold the chance where 2 % are still alive.
    cut = int(np.searchsorted(-alive, -0.02))
    if cut < len(alive):
        leaving[:, cut:] = leaving[:, [max(cut - 1, 0)]]
    ends[:] = 0.0
    for (state, _, _), chance in zip(ways, leaving, strict=True):
        ends[state] = chance


def backflush_grammar(options: DecoderOptions, hop_s: float) -> Grammar:
    """Build the grammar of a cleaning at frames of `hop_s`."""
    frames = round(options.longest_s / hop_s)
    ends = np.zeros((N_STATES, N_STATES, frames))
    for state, ways in _ways(options, hop_s, frames).items():
        set_ends(ends[state], ways)
    # A recording may begin with the pump running.
    initial = np.zeros(N_STATES)
    initial[State.IDLE], initial[State.FILL], initial[State.HOLD] = 0.9, 0.08, 0.02
    return Grammar(ends, np.array([_SOUND[state] for state in State], dtype=np.int64), initial)


def fill_ends(options: DecoderOptions, hop_s: float, until_pressure: F64 | None) -> F64:
    """Build the part of a grammar's `ends` that fills have, shape (states, D), for what a machine is known to take.

    `until_pressure` is the probability of each duration of a fill that ends with pressure, shape (D,); that of any
    machine if None. Fills that are stopped early are the user's doing, and last as on any machine; so do those before
    a hold that nobody hears, or a burst as long as the machine's fills would pass for one.
    """
    frames = round(options.longest_s / hop_s)
    ways = _ways(options, hop_s, frames)[State.FILL]
    if until_pressure is not None:
        ways = [(*way[:2], until_pressure) if way[0] == State.HOLD else way for way in ways]
    ends = np.zeros((N_STATES, frames))
    set_ends(ends, ways)
    return ends


def _ways(options: DecoderOptions, hop_s: float, frames: int) -> dict[State, list[tuple[int, float, F64]]]:
    """For each state, what may follow it, how often, and after which durations."""
    durations = {
        State.IDLE: options.idle,
        State.FILL: options.fill,
        State.HOLD: options.hold,
        State.MASKED: options.masked,
        State.STOPPED: options.stopped,
        State.RELEASE: options.release,
        State.LULL: options.lull,
    }
    # What nobody can hear takes its share from all that follows otherwise.
    unheard = {
        State.FILL: (State.MASKED, options.masked_share),
        State.HOLD: (State.LULL, options.lull_share),
    }
    ways: dict[State, list[tuple[int, float, F64]]] = {}
    for state, nexts in _NEXT.items():
        pmf = duration_pmf(durations[state], hop_s, frames)
        other, share = unheard.get(state, (None, 0.0))
        ways[state] = [(following, p * (1.0 - share), pmf) for following, p in nexts.items()]
        if other is not None:
            ways[state].append((other, share, pmf))
    return ways
