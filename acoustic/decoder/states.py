"""The grammar of a backflush as data: states, what each sounds like, what may follow it, and how long it lasts."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..config import DecoderOptions, DurationOptions

__all__ = ["CLASSES", "N_CLASSES", "N_STATES", "Grammar", "SoundClass", "State", "backflush_grammar", "duration_pmf"]

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

    `log P[state(t+1) = j | segment of i ended at t]` is `log follow[i, j]`, shape (states, states). `hazard[i, d -
    1]` is the probability that a segment of `i` that has lasted `d` frames ends there, shape (states, D); beyond D it
    stays at its last value, so that segments may last for ever in bounded memory. `sound[i]` is the class that state
    `i` emits.
    """

    follow: F64
    hazard: F64
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


def _hazard(pmf: F64) -> F64:
    alive = pmf[::-1].cumsum()[::-1]
    hazard: F64 = np.divide(pmf, alive, out=np.zeros_like(pmf), where=alive > 1e-12)
    # The last durations of a truncated tail would force an end: hold the hazard where 2 % are still alive.
    cut = int(np.searchsorted(-alive, -0.02))
    if cut < len(hazard):
        hazard[cut:] = hazard[max(cut - 1, 0)]
    return hazard


def backflush_grammar(options: DecoderOptions, hop_s: float) -> Grammar:
    """Build the grammar of a cleaning at frames of `hop_s`."""
    durations = {
        State.IDLE: options.idle,
        State.FILL: options.fill,
        State.HOLD: options.hold,
        State.MASKED: options.masked,
        State.STOPPED: options.stopped,
        State.RELEASE: options.release,
        State.LULL: options.lull,
    }
    frames = round(options.longest_s / hop_s)
    follow = np.zeros((N_STATES, N_STATES))
    for state, nexts in _NEXT.items():
        for following, p in nexts.items():
            follow[state, following] = p
    follow[State.FILL] *= 1.0 - options.masked_share
    follow[State.FILL, State.MASKED] = options.masked_share
    follow[State.HOLD] *= 1.0 - options.lull_share
    follow[State.HOLD, State.LULL] = options.lull_share
    hazard = np.stack([_hazard(duration_pmf(durations[state], hop_s, frames)) for state in State])
    # A recording may begin with the pump running.
    initial = np.zeros(N_STATES)
    initial[State.IDLE], initial[State.FILL], initial[State.HOLD] = 0.9, 0.08, 0.02
    return Grammar(follow, hazard, np.array([_SOUND[state] for state in State], dtype=np.int64), initial)
