"""How likely each class of sound makes a frame: features in, log-likelihoods out, no memory.

A model is a folder: `weights.npz` (no pickle), `model.toml` (names, shapes, hash, the feature version that it was
trained on) and a card. It holds two small networks. One tells background, fill and hold apart from all features. The
other hears releases from short-term evidence alone: one that saw the run's history would learn that every stop has a
release, and could never say that one is missing.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numba
import numpy as np
import numpy.typing as npt

__all__ = ["Emission", "LearnedEmission", "Network"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

N_PHASES = 3
N_CLASSES = 4
# A network is never surer than this: sound that it was not trained on must not outweigh a whole run of evidence.
MAX_LOG_ODDS = 7.0


class Emission(Protocol):
    """Anything that judges frames."""

    def log_likelihood(self, features: F32) -> F64:
        """Judge frames.

        Features of shape (frames, features) give log P(frame | class) up to a constant a frame, float64, shape
        (frames, 4); the classes are background, fill, hold and release.
        """
        ...


class Network(NamedTuple):
    """A two-layer perceptron over some of the features.

    `inputs` are feature indices, shape (n,); `w1` (n, h1), `w2` (h1, h2), `w3` (h2, outputs); biases to match.
    """

    inputs: I64
    w1: F32
    b1: F32
    w2: F32
    b2: F32
    w3: F32
    b3: F32


@numba.njit(cache=True, nogil=True)
def _dense(x: F32, weight: F32, bias: F32, out: F32, rectify: bool) -> None:
    n, m = weight.shape
    for j in range(m):
        out[j] = bias[j]
    for i in range(n):
        value = x[i]
        if value != 0.0:
            for j in range(m):
                out[j] += value * weight[i, j]
    if rectify:
        for j in range(m):
            out[j] = max(out[j], np.float32(0.0))


@numba.njit(cache=True, nogil=True)
def _judge(phases: Network, release: Network, log_prior: F64, features: F32, scratch: F32, out: F64) -> None:
    """Fill `out`, shape (frames, 4); `scratch` has rows for the inputs, both hidden layers and the outputs."""
    logit = np.zeros(N_PHASES)
    for t in range(features.shape[0]):
        for which in range(2):
            net = phases if which == 0 else release
            n, h1 = net.w1.shape
            h2 = net.w2.shape[1]
            for i in range(n):
                scratch[0, i] = features[t, net.inputs[i]]
            _dense(scratch[0, :n], net.w1, net.b1, scratch[1, :h1], True)
            _dense(scratch[1, :h1], net.w2, net.b2, scratch[2, :h2], True)
            _dense(scratch[2, :h2], net.w3, net.b3, scratch[3, : net.w3.shape[1]], False)
            if which == 0:
                for j in range(N_PHASES):
                    logit[j] = scratch[3, j]
        top = logit.max()
        total = 0.0
        for j in range(N_PHASES):
            total += np.exp(logit[j] - top)
        z = min(max(np.float64(scratch[3, 0]), -MAX_LOG_ODDS), MAX_LOG_ODDS)
        no_release = -np.log1p(np.exp(z)) - log_prior[3]
        for j in range(N_PHASES):
            log_p = logit[j] - top - np.log(total)
            out[t, j] = max(log_p, -MAX_LOG_ODDS) - log_prior[j] + no_release
        # After the stop the pump is off: a release shares the background's phase.
        background = max(logit[0] - top - np.log(total), -MAX_LOG_ODDS) - log_prior[0]
        out[t, 3] = -np.log1p(np.exp(-z)) - log_prior[4] + background


class LearnedEmission:
    """Two trained networks.

    Parameters
    ----------
    phases
        Tells background, fill and hold: 3 outputs.
    release
        Tells a release: 1 output, its log-odds.
    log_prior
        Log of the shares, in training, of background, fill, hold, no release, release; shape (5,). They are taken
        out, since the decoder has its own.
    """

    def __init__(self, phases: Network, release: Network, log_prior: F64) -> None:
        self.phases, self.release, self._log_prior = phases, release, log_prior
        widest = max(max(len(net.inputs), net.w1.shape[1], net.w2.shape[1]) for net in (phases, release))
        self._scratch = np.zeros((4, widest), dtype=np.float32)

    def log_likelihood(self, features: F32) -> F64:
        """See `Emission`."""
        out = np.empty((len(features), N_CLASSES))
        _judge(self.phases, self.release, self._log_prior, features, self._scratch, out)
        return out
