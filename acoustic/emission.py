"""How likely each class of sound makes a frame: features in, log-likelihoods out.

A model is a folder: `weights.npz` (no pickle), `model.toml` (names, shapes, hash, the feature version that it was
trained on) and a card. It holds two small networks. One, with a memory, tells background, fill and hold apart from all
features, and whether what is pressed is a blind basket or coffee. The other hears releases from short-term evidence
alone: one that saw the run's history would learn that every stop has a release, and could never say that one is
missing.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from .compiled import entry, kernel

__all__ = ["N_COLUMNS", "N_OUTPUTS", "Emission", "LearnedEmission", "Network", "RecurrentNetwork"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

# The network of the phases: background, fill and hold; the log-odds of a shot against a blind basket's hold, which
# compete with none of them, since coffee half pressed and a basket half filled sound alike; and, while a release is
# heard, the log-odds that the run before it was a complete cycle.
N_PHASES = 3
N_OUTPUTS = N_PHASES + 2
# Background, fill, hold and release; how much more a frame sounds like a shot than like a blind basket's hold, and how
# much like the end of a complete cycle.
N_COLUMNS = 6
# A network is never surer than this: sound that it was not trained on must not outweigh a whole run of evidence.
MAX_LOG_ODDS = 7.0
# The packed networks: how many sizes describe them, and how many arrays they are.
N_SIZES, N_ARRAYS = 8, 16
# float32 in a line of the cache.
LINE = 16
# First layers are worked out for so many frames at a time.
FRAMES = 8
SCRATCH_ROWS = 4 * FRAMES + 5


class Emission(Protocol):
    """Anything that judges frames."""

    def new_state(self) -> F32:
        """Make the memory of a stream that begins."""
        ...

    def log_likelihood(self, features: F32, state: F32) -> F64:
        """Judge the next frames of a stream, and move its `state` on.

        Features of shape (frames, features) give float64 of shape (frames, 6): log P(frame | class) up to a constant a
        frame, where the classes are background, fill, hold and release; and for the judge of whole runs the log-odds
        of a shot against a hold behind a blind basket, and of a complete cycle, which mean something only while
        something is pressed and while a release is heard.
        """
        ...

    def judge(self, features: F32, state: F32, log_likelihood: F64) -> None:
        """Write what `log_likelihood` returns into an array, shape (frames, 6); all arrays are contiguous."""
        ...


class Network(NamedTuple):
    """A perceptron over some of the features of a few frames.

    `inputs` are feature indices, shape (n,); `w1` (n, h1) sees one frame; `w2` (taps h1, h2) sees what that made of the
    frames so many ago, `taps`, ascending from 0; `w3` (h2, outputs); biases to match.
    """

    inputs: I64
    w1: F32
    b1: F32
    w2: F32
    b2: F32
    w3: F32
    b3: F32
    taps: I64


class RecurrentNetwork(NamedTuple):
    """A perceptron with a gated recurrent unit beside its first layer.

    `inputs` are feature indices, shape (n,); `w1` (n, h1); the unit's `wx` (h1, 3 g) and `wh` (g, 3 g) hold the gates
    reset, update and new, side by side; `w2` (h1 + g, h2) sees the first layer and the unit's state; `w3` (h2,
    outputs); biases to match.
    """

    inputs: I64
    w1: F32
    b1: F32
    wx: F32
    bx: F32
    wh: F32
    bh: F32
    w2: F32
    b2: F32
    w3: F32
    b3: F32


@kernel()
def _dense_frames(x: F32, weight: F32, bias: F32, out: F32) -> None:
    """One rectified layer for some frames at a time: `x` (frames, n), `weight` (n, m), `out` (frames, m).

    To fetch weights costs more than to multiply, and all frames share them. What is added up in which order does not
    depend on the other frames, so that a frame gives the same bits in any company.
    """
    n, m = weight.shape
    fours = n // 4 * 4
    for t in range(x.shape[0]):
        for j in range(m):
            out[t, j] = bias[j]
    for i in range(0, fours, 4):
        w0, w1, w2, w3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        for t in range(x.shape[0]):
            a, b, c, d = x[t, i], x[t, i + 1], x[t, i + 2], x[t, i + 3]
            if a == 0.0 and b == 0.0 and c == 0.0 and d == 0.0:
                continue
            row = out[t]
            for j in range(m):
                row[j] += (a * w0[j] + b * w1[j]) + (c * w2[j] + d * w3[j])
    for i in range(fours, n):
        w0 = weight[i]
        for t in range(x.shape[0]):
            a, row = x[t, i], out[t]
            for j in range(m):
                row[j] += a * w0[j]
    for t in range(x.shape[0]):
        for j in range(m):
            out[t, j] = max(out[t, j], np.float32(0.0))


@kernel()
def _dense(x: F32, weight: F32, bias: F32, out: F32, rectify: bool) -> None:
    """One layer; inputs that are zero, half of them behind a rectifier, cost nothing.

    Four rows are added at a time, since to fetch and store `out` costs more than to multiply.
    """
    n, m = weight.shape
    for j in range(m):
        out[j] = bias[j]
    first = second = third = 0
    waiting = 0
    for i in range(n):
        if x[i] == 0.0:
            continue
        if waiting == 0:
            first = i
        elif waiting == 1:
            second = i
        elif waiting == 2:
            third = i
        else:
            a, b, c, d = x[first], x[second], x[third], x[i]
            w0, w1, w2, w3 = weight[first], weight[second], weight[third], weight[i]
            for j in range(m):
                out[j] += (a * w0[j] + b * w1[j]) + (c * w2[j] + d * w3[j])
            waiting = -1
        waiting += 1
    for k in range(waiting):
        i = first if k == 0 else (second if k == 1 else third)
        value = x[i]
        row = weight[i]
        for j in range(m):
            out[j] += value * row[j]
    if rectify:
        for j in range(m):
            out[j] = max(out[j], np.float32(0.0))


# With numpy's rules for division: Python's would ask of every divisor whether it is zero, and make no vectors of that.
@kernel(error_model="numpy")
def _tanh(values: F32) -> None:
    """Take the hyperbolic tangent of all values in place, to within 3e-7.

    The quotient of polynomials that Eigen uses: a loop over it is vectorised, one that calls the library's function is
    not, and takes more than twice as long.
    """
    limit = np.float32(7.90531)
    for k in range(values.shape[0]):
        x = values[k]
        x = limit if x > limit else x
        x = -limit if x < -limit else x
        y = x * x
        p = np.float32(-2.76076847742355e-16)
        p = p * y + np.float32(2.00018790482477e-13)
        p = p * y + np.float32(-8.60467152213735e-11)
        p = p * y + np.float32(5.12229709037114e-08)
        p = p * y + np.float32(1.48572235717979e-05)
        p = p * y + np.float32(6.37261928875436e-04)
        p = p * y + np.float32(4.89352455891786e-03)
        q = np.float32(1.19825839466702e-06)
        q = q * y + np.float32(1.18534705686654e-04)
        q = q * y + np.float32(2.26843463243900e-03)
        q = q * y + np.float32(4.89352518554385e-03)
        values[k] = x * p / q


@kernel()
def _remember(net: RecurrentNetwork, x: F32, gates: F32, state: F32) -> None:
    """Move the unit's `state` on by one frame; `gates` has two rows of 3 g."""
    g = state.shape[0]
    own, past = gates[0, : 3 * g], gates[1, : 3 * g]
    _dense(x, net.wx, net.bx, own, False)
    _dense(state, net.wh, net.bh, past, False)
    # The logistic function is half of one and of the tangent at half the way.
    half = np.float32(0.5)
    for k in range(2 * g):
        own[k] = half * (own[k] + past[k])
    _tanh(own[: 2 * g])
    for k in range(g):
        own[2 * g + k] += (half + half * own[k]) * past[2 * g + k]
    _tanh(own[2 * g :])
    for k in range(g):
        update = half + half * own[g + k]
        state[k] = own[2 * g + k] + update * (state[k] - own[2 * g + k])


@kernel()
def _recall(first: F32, taps: I64, ring: F32, place: F32, out: F32) -> None:
    """Put a frame's first layer into the ring, and side by side into `out` those of so many frames ago.

    Before the first frame it sounded as in that one.
    """
    size, r1 = ring.shape
    now = int(place[0])
    if now == 0:
        for k in range(size):
            for j in range(r1):
                ring[k, j] = first[j]
    now = now % size + 1
    place[0] = now
    for j in range(r1):
        ring[now - 1, j] = first[j]
    for tap in range(taps.shape[0]):
        row = ring[(now - 1 - taps[tap]) % size]
        for j in range(r1):
            out[tap * r1 + j] = row[j]


@kernel()
def _matrix(weights: F32, at: int | np.int64, rows: int | np.int64, columns: int | np.int64) -> F32:
    """Matrix that begins at place `at` of the packed weights.

    Constants are given as int64, or numba compiles it once for each.
    """
    matrix: F32 = weights[at : at + rows * columns].reshape(rows, columns)
    return matrix


@kernel()
def _judge(weights: F32, layout: I64, log_prior: F64, features: F32, state: F32, scratch: F32, out: F64) -> None:
    """Fill `out`, shape (frames, 6).

    `weights` and `layout` are as `_packed` makes them; `scratch` has rows for the inputs and the first layers of
    `FRAMES` frames, for hidden layers and outputs, and two for the gates. In `state` stand the unit's own, the place
    of the last frame in a ring, counted from 1, and that ring: of the release network's first layers.
    """
    n, h1, g, h2, rn, r1, r2 = layout[0], layout[1], layout[2], layout[3], layout[4], layout[5], layout[6]
    n_taps = layout[7]
    at, inputs = layout[N_SIZES : N_SIZES + N_ARRAYS], layout[N_SIZES + N_ARRAYS :]
    phases = RecurrentNetwork(
        inputs[:n],
        _matrix(weights, at[0], n, h1),
        weights[at[1] : at[1] + h1],
        _matrix(weights, at[2], h1, 3 * g),
        weights[at[3] : at[3] + 3 * g],
        _matrix(weights, at[4], g, 3 * g),
        weights[at[5] : at[5] + 3 * g],
        _matrix(weights, at[6], h1 + g, h2),
        weights[at[7] : at[7] + h2],
        _matrix(weights, at[8], h2, np.int64(N_OUTPUTS)),
        weights[at[9] : at[9] + N_OUTPUTS],
    )
    release = Network(
        inputs[n : n + rn],
        _matrix(weights, at[10], rn, r1),
        weights[at[11] : at[11] + r1],
        _matrix(weights, at[12], n_taps * r1, r2),
        weights[at[13] : at[13] + r2],
        _matrix(weights, at[14], r2, np.int64(1)),
        weights[at[15] : at[15] + 1],
        inputs[n + rn : n + rn + n_taps],
    )
    widest = scratch.shape[1]
    most = FRAMES * widest
    blocks, rows = scratch[: 4 * FRAMES].reshape(4 * most), scratch[4 * FRAMES :]
    hidden, second, logits, gates = rows[0], rows[1], rows[2], rows[3:5]
    unit, place, ring = state[:g], state[g : g + 1], state[g + 1 :].reshape(-1, r1)
    for begin in range(0, features.shape[0], FRAMES):
        count = min(FRAMES, features.shape[0] - begin)
        # Without gaps between the rows, or the loops over them become no vectors.
        x, first = _matrix(blocks, np.int64(0), count, n), _matrix(blocks, most, count, h1)
        x_release, first_release = _matrix(blocks, 2 * most, count, rn), _matrix(blocks, 3 * most, count, r1)
        for t in range(count):
            for i in range(n):
                x[t, i] = features[begin + t, phases.inputs[i]]
            for i in range(rn):
                x_release[t, i] = features[begin + t, release.inputs[i]]
        _dense_frames(x, phases.w1, phases.b1, first)
        _dense_frames(x_release, release.w1, release.b1, first_release)
        for t in range(count):
            row = out[begin + t]
            heard = 0
            for i in range(n):
                heard += x[t, i] != 0.0
            if heard == 0:
                # Digital silence before anything was heard leaves every feature at zero: no pump, nothing to remember.
                row[:] = -MAX_LOG_ODDS
                row[0] = row[4] = row[5] = 0.0
                continue
            _remember(phases, first[t], gates, unit)
            for k in range(h1):
                hidden[k] = first[t, k]
            for k in range(g):
                hidden[h1 + k] = unit[k]
            _dense(hidden[: h1 + g], phases.w2, phases.b2, second[:h2], True)
            _dense(second[:h2], phases.w3, phases.b3, logits[:N_OUTPUTS], False)
            top = -np.inf
            for j in range(N_PHASES):
                top = max(top, np.float64(logits[j]))
            total = 0.0
            for j in range(N_PHASES):
                row[j] = np.exp(np.float64(logits[j]) - top)
                total += row[j]
            shot = min(max(np.float64(logits[N_PHASES]), -MAX_LOG_ODDS), MAX_LOG_ODDS)
            row[5] = min(max(np.float64(logits[N_PHASES + 1]), -MAX_LOG_ODDS), MAX_LOG_ODDS)

            _recall(first_release[t], release.taps, ring, place, hidden)
            _dense(hidden[: n_taps * r1], release.w2, release.b2, second[:r2], True)
            _dense(second[:r2], release.w3, release.b3, logits[:1], False)
            z = min(max(np.float64(logits[0]), -MAX_LOG_ODDS), MAX_LOG_ODDS)
            no_release = -np.log1p(np.exp(z)) - log_prior[4]
            for j in range(3):
                row[j] = max(np.log(row[j] / total + 1e-30), -MAX_LOG_ODDS) - log_prior[j] + no_release
            # After the stop the pump is off: a release shares the background's phase.
            row[3] = -np.log1p(np.exp(-z)) - log_prior[5] + row[0] - no_release
            row[4] = shot - log_prior[3] + log_prior[2]


def _padded(size: int) -> int:
    """Round up to whole lines of the cache."""
    return -(-size // LINE) * LINE


def _aligned(size: int) -> F32:
    """Zeros, shape (size,), from the beginning of a line of the cache on: a vector that lies across two costs two."""
    zeros = np.zeros(size + LINE, dtype=np.float32)
    first = -(zeros.ctypes.data // zeros.itemsize) % LINE
    return zeros[first : first + size]


def _packed(phases: RecurrentNetwork, release: Network) -> tuple[F32, I64]:
    """Put all weights into one array, and into another the sizes, the places of the arrays in it, and the inputs.

    Two arrays come from Python to numba in a tenth of the time that eighteen take.
    """
    arrays = [np.asarray(array, dtype=np.float32) for array in (*phases[1:], *release[1:-1])]
    ends = np.cumsum([_padded(array.size) for array in arrays])
    places = ends - [_padded(array.size) for array in arrays]
    weights = _aligned(int(ends[-1]))
    for place, array in zip(places, arrays, strict=True):
        weights[place : place + array.size] = array.ravel()
    shapes = (*phases.w1.shape, len(phases.wh), len(phases.b2), *release.w1.shape, len(release.b2))
    sizes = (*shapes, len(release.taps))
    layout = np.concatenate([sizes, places, phases.inputs, release.inputs, release.taps])
    return weights, layout.astype(np.int64)


class LearnedEmission:
    """Two trained networks.

    Parameters
    ----------
    phases
        Tells background, fill and hold, a shot from a hold, and complete cycles from others: 5 outputs.
    release
        Tells a release: 1 output, its log-odds.
    log_prior
        Log of the shares, in training, of background, fill, hold, shot, no release, release; shape (6,). They are
        taken out, since the decoder has its own.
    """

    def __init__(self, phases: RecurrentNetwork, release: Network, log_prior: F64) -> None:
        self.phases, self.release, self.log_prior = phases, release, log_prior
        (n, h1), (g, gates), h2 = phases.w1.shape, phases.wh.shape, phases.w2.shape[1]
        widest = max(n, h1 + g, gates, h2, *release.w1.shape, *release.w2.shape)
        self._weights, self._layout = _packed(phases, release)
        # Compiled when first used: in a first session ever, other kernels are compiled beside it.
        self._judge: Any = None
        self._scratch = _aligned(SCRATCH_ROWS * _padded(widest)).reshape(SCRATCH_ROWS, -1)

    def new_state(self) -> F32:
        """See `Emission`."""
        g, r1, longest = len(self.phases.wh), self.release.w1.shape[1], int(self.release.taps[-1])
        return np.zeros(g + 1 + (longest + 1) * r1, dtype=np.float32)

    def log_likelihood(self, features: F32, state: F32) -> F64:
        """See `Emission`."""
        out = np.empty((len(features), N_COLUMNS))
        self.judge(np.ascontiguousarray(features, dtype=np.float32), state, out)
        return out

    def judge(self, features: F32, state: F32, log_likelihood: F64) -> None:
        """See `Emission`."""
        given = self._weights, self._layout, self.log_prior, features, state, self._scratch, log_likelihood
        if self._judge is None:
            self._judge = entry(_judge, *given)
        self._judge(*given)
