"""The decoder alone: microseconds a frame against the longest duration D, and equality with the plain forward pass."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from acoustic.config import RATE_HZ, DecoderOptions, FrameOptions
from acoustic.decoder.kernels import Belief, new_belief, step
from acoustic.decoder.states import N_CLASSES, Grammar, backflush_grammar
from acoustic.features.extractor import FeatureExtractor
from acoustic.model import load_model

from .results import table, write_section
from .workloads import session

__all__ = ["run"]

F64 = npt.NDArray[np.float64]
_DURATIONS = (300, 600, 3000, 6000)
_FRAMES = 6000
_ROUNDS = 5


class PlainForward:
    """The textbook's explicit-duration forward pass: the belief in every (state, age), nothing pruned, in numpy."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._leaving = grammar.ends.sum(axis=1)
        self._belief = np.zeros(self._leaving.shape)
        self._first = True

    def step(self, log_likelihood: F64) -> F64:
        """Take in a frame; return the belief in each state, shape (states,)."""
        grammar, belief = self._grammar, self._belief
        arriving = np.einsum("id,ijd->j", belief, grammar.ends)
        staying = belief * (1.0 - self._leaving)
        belief[:, 1:] = staying[:, :-1]
        belief[:, -1] += staying[:, -1]  # beyond D the chance of an end stays as it is
        belief[:, 0] = grammar.initial if self._first else arriving
        self._first = False
        belief *= np.exp(log_likelihood[grammar.sound] - log_likelihood.max())[:, None]
        belief /= belief.sum()
        by_state: F64 = belief.sum(axis=1)
        return by_state


def _heard() -> F64:
    """Log-likelihoods of a minute of the session, as the detector's decoder gets them."""
    features, _ = FeatureExtractor().push(session(RATE_HZ))
    emission = load_model().emission
    heard = emission.log_likelihood(features, emission.new_state())
    weighted: F64 = heard[:_FRAMES, :N_CLASSES] * DecoderOptions().evidence
    return weighted


def _decode(grammar: Grammar, log_likelihood: F64, options: DecoderOptions) -> tuple[float, int, Belief]:
    """Microseconds a frame, the most hypotheses at a time, and the last belief."""
    belief = new_belief(grammar, options.capacity)
    most, began = 0, time.perf_counter()
    for row in log_likelihood:
        step(grammar, belief, row, options.prune)
        most = max(most, int(belief.counters[0]))
    return (time.perf_counter() - began) / len(log_likelihood) * 1e6, most, belief


def run() -> None:
    hop_s = FrameOptions().hop_s
    heard, nothing = _heard(), np.zeros((_FRAMES, N_CLASSES))
    rows, medians = [], {}
    for d in _DURATIONS:
        options = replace(DecoderOptions(), longest_s=d * hop_s)
        grammar = backflush_grammar(options, hop_s)
        _decode(grammar, heard[:10], options)
        plain = PlainForward(grammar)
        began = time.perf_counter()
        for row in heard[:500]:
            plain.step(row)
        plain_us = (time.perf_counter() - began) / 500 * 1e6
        runs = {
            name: [_decode(grammar, given, options) for _ in range(_ROUNDS)]
            for name, given in (("heard", heard), ("nothing", nothing))
        }
        medians[d] = {name: float(np.median([each[0] for each in each_run])) for name, each_run in runs.items()}
        rows.append(
            [
                str(d),
                f"{medians[d]['heard']:.1f}",
                str(runs["heard"][0][1]),
                f"{medians[d]['nothing']:.1f}",
                str(runs["nothing"][0][1]),
                f"{plain_us:.0f}",
            ]
        )
    header = ["D, frames", "session, us", "hypotheses", "silence of the emission, us", "hypotheses", "plain numpy, us"]
    body = table(header, rows)
    last, tenth = medians[_DURATIONS[-1]], medians[_DURATIONS[1]]
    body += "\n\n" + table(
        ["", "wanted", "measured"],
        [
            ["session, D = 6000", "< 40 us", f"{last['heard']:.1f} us"],
            ["emission that says nothing, D = 6000", "< 40 us", f"{last['nothing']:.1f} us"],
            ["cost of D = 6000 over D = 600, session", "< 10", f"{last['heard'] / tenth['heard']:.1f}"],
            ["largest difference of belief from the plain forward pass, session", "", f"{_difference(heard):.1e}"],
        ],
    )
    body += (
        "\n\nTimes include one call from Python a frame. Hypotheses: the most at a time, of which those below "
        f"{DecoderOptions().prune:g} are dropped; where the emission says nothing for a minute, none can be told apart."
    )
    write_section("decode", "Decoder", "python -m benchmarks decode", body)


def _difference(heard: F64) -> float:
    hop_s, options = FrameOptions().hop_s, DecoderOptions()
    options = replace(options, longest_s=_DURATIONS[-1] * hop_s)
    grammar = backflush_grammar(options, hop_s)
    plain, belief = PlainForward(grammar), new_belief(grammar, options.capacity)
    worst = 0.0
    for row in heard[:3000]:
        step(grammar, belief, row, options.prune)
        worst = max(worst, float(np.abs(plain.step(row) - belief.by_state).max()))
    return worst
