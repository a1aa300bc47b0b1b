"""Train a model on simulated sessions: first the two networks that judge frames, then the judge of whole runs.

Torch serves here only; what is written needs numpy and numba to run. The judge is trained on other sessions than the
networks, since their likelihoods are surer on what they have seen.
"""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..adaptation import MachineMemory, PressureTimes
from ..config import RATE_HZ, DetectorOptions, FeatureOptions
from ..decoder import Decoder, PossiblePressure, PossiblePump, PossibleRelease, State
from ..emission import N_OUTPUTS, N_PHASES, LearnedEmission, Network, RecurrentNetwork
from ..errors import BackflushError
from ..evidence import (
    CONTEXT_NAMES,
    EVIDENCE_NAMES,
    HeardRun,
    RunEvidence,
    RunFrames,
    RunJudge,
    RunMeasures,
    Trees,
    compare_within,
)
from ..features.layout import FEATURE_VERSION, feature_index, feature_names, shifted_index
from ..model import AnyNetwork, Model
from ..pipeline import Detector
from ..pump import PUMP_NAMES, PumpEar
from ..quieting import QUIETING_NAMES, QuietingEar
from ..runs import RunBook
from ..synth import Run
from ..whoosh import WHOOSH_NAMES, WhooshEar
from .lessons import FRAME_LAG_S, HOP_S, IGNORED, RELEASE, SHOT, Lesson, LessonOptions, label_complete, lessons

__all__ = [
    "LearnOptions",
    "fit_judge",
    "fit_networks",
    "fit_pump",
    "fit_quieting",
    "fit_whoosh",
    "pump_vectors",
    "quieting_vectors",
    "run_vectors",
    "train",
    "whoosh_vectors",
    "write_model",
]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
FOLDS = 5
# What becomes of a possible release is watched until the decoder believes it so far.
CERTAIN = 0.97
# Of runs that a judged one was followed by, fewer than so many are some.
SOME = 5
# Log-odds that pass every threshold.
CERTAIN_ODDS = 10.0
# What is believed so far to be a pump is learned from, less than what is asked about live: there are few false ones.
BELIEVED = 0.9
# It is asked about so often before it is told: for up to eight seconds.
MOST_ASKS = 80
# Behind the valve's opening, what is heard is its release for so long.
LONGEST_ONSET_S = 3.0
# A quieting is told a moment after it is complete, not when most of it is done: the cue has that long, and what has not
# come that far may still be a fill. From what has been quiet for long there is nothing more to learn.
QUIET_S, LONG_QUIET_S = 0.1, 2.5
Say = Callable[[str], None]

RELEASE_INPUTS: tuple[str, ...] = (
    "level-background",
    "middle-background",
    "level-middle",
    "fast-slow",
    "middle-long",
    "fast-fast@0.1s",
    "fast-fast@0.3s",
    "middle-middle@1s",
    "floor-background",
    "level-floor",
    "comb_low",
    "comb_high",
    "comb_other",
    "tonality_low",
    "tonality_middle",
    "tonality_high",
    "survival",
    "lines",
    "birth",
    "pulse_depth",
    "pulse_line",
    "pulse_double",
    "flux",
    "flatness",
)
"""What the release network hears of a frame: nothing of the run beyond the second before it."""


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """How the networks and the judge are fitted.

    `batch` frames are what the release network takes a step from, at `release_rate`. `phases_hidden` are the first
    layer, the recurrent unit and the last hidden layer. For them sessions are laid end to end in `streams`, which are
    learned from side by side, `stretch` frames at a time.
    """

    seed: int = 0
    epochs: int = 5
    batch: int = 6144
    streams: int = 48
    # A fill may take 25 s: what a hold is compared with lies that far back.
    stretch: int = 1500
    phases_hidden: tuple[int, int, int] = (64, 96, 32)
    release_hidden: tuple[int, int] = (128, 32)
    # How many frames ago what the release network hears was heard.
    taps: tuple[int, ...] = (0, 4, 8, 16, 32)
    # The release network learns from windows of so many frames; of those in which nothing weighs more than elsewhere
    # it takes this share.
    window: int = 96
    keep: float = 0.25
    learning_rate: float = 4e-3
    release_rate: float = 3e-3
    input_noise: float = 0.1
    # The network of the phases hears this share of the sessions with all bands moved by up to so many, up or down, as
    # machines sound that nobody made up: what it takes for a pump must not hang on where in the spectrum it lies.
    shifted_share: float = 0.6
    band_shift: int = 2
    judge_trees: int = 400
    judge_leaves: int = 16
    judge_rate: float = 0.05
    # Of what the judge's trees see, each split may choose among this share, and leaves that are smaller are not made:
    # trees that differ err less together.
    judge_choice: float = 0.3
    judge_smallest: int = 50
    # Into so many classes at most a measurement is cut before trees split it. To find them, by weight, takes longer
    # than to grow a few trees.
    bins: int = 255
    # The judge of whooshes, as they set in; of trees as many, at most, as do best on sessions that are held out.
    whoosh_trees: int = 150
    whoosh_leaves: int = 12
    whoosh_rate: float = 0.08
    whoosh_smallest: int = 100
    # The judge of pumps, while they run; trees likewise.
    pump_trees: int = 300
    pump_leaves: int = 12
    pump_rate: float = 0.06
    pump_choice: float = 0.3
    pump_smallest: int = 40
    # The judge of quietings, as they come; trees likewise.
    quieting_trees: int = 300
    quieting_leaves: int = 24
    quieting_rate: float = 0.08
    quieting_choice: float = 0.3
    quieting_smallest: int = 100
    # The trees over what a run's session tells of it.
    context_trees: int = 400
    context_leaves: int = 16
    context_rate: float = 0.03
    context_choice: float = 0.2
    context_smallest: int = 100
    # A fixed number, since sums split otherwise come out otherwise. More threads than free cores wait for each other.
    threads: int = 2


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise BackflushError("training needs torch: pip install 'acoustic-backflush[train]'") from None
    # Gradients that fade on their way back through a stretch become denormals, which are up to twenty times slower.
    torch.set_flush_denormal(True)
    return torch


# The first half second has too little past for any feature to mean much.
_UNFOUNDED = 60


def fit_networks(
    material: Iterable[Lesson], options: LearnOptions, say: Say = print, *, begin: LearnedEmission | None = None
) -> tuple[LearnedEmission, list[float]]:
    """Fit both networks.

    Parameters
    ----------
    material
        Sessions to learn from.
    options
        Sizes are those of `begin`, where it is given.
    say
        Takes the progress.
    begin
        Networks to go on from; from random weights if None.

    Returns
    -------
    emission
        The fitted networks.
    priors
        Shares in training, as weighted, of background, fill, hold, shot, no release and release.
    """
    sessions = list(material)
    sample = np.concatenate([lesson.features[::37] for lesson in sessions]).astype(np.float32)
    mean, scale = sample.mean(axis=0), sample.std(axis=0) + 0.05
    labels = np.concatenate([lesson.labels for lesson in sessions])
    weights = np.concatenate([lesson.weights for lesson in sessions])
    say(f"{len(labels)} frames, shares {np.round(np.bincount(labels[labels >= 0], minlength=5) / len(labels), 3)}")
    release, released = _fit_release(sessions, mean, scale, options, say, begin.release if begin else None)
    phases = _fit_phases(sessions, mean, scale, options, say, begin.phases if begin else None)
    known = labels != IGNORED
    phase_of = _phase_of(labels)
    phase_shares = (
        float(weights[known & (phase_of == phase)].sum() / weights[known].sum()) for phase in range(N_PHASES + 1)
    )
    # A small training may have seen no shot at all.
    shares = (*phase_shares, 1 - released, released)
    priors = [max(round(share, 4), 1e-4) for share in shares]
    return LearnedEmission(phases, release, np.log(np.array(priors))), priors


def _phase_of(labels: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return the outputs of the network of the phases; what is ignored is taken for background."""
    phases = np.where((labels == RELEASE) | (labels == IGNORED), 0, labels)
    return np.where(phases == SHOT, N_PHASES, phases).astype(np.int64)


def _fit_release(
    sessions: list[Lesson], mean: F32, scale: F32, options: LearnOptions, say: Say, begin: Network | None
) -> tuple[Network, float]:
    """Fit the release network on short windows in any order; return it and the releases' share of the weight."""
    torch = _torch()
    nn = torch.nn.functional
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng(options.seed)
    inputs = feature_index(FeatureOptions(), RELEASE_INPUTS)
    taps = np.array(options.taps) if begin is None else begin.taps
    reach = int(taps[-1])
    r1, r2 = options.release_hidden if begin is None else (begin.w1.shape[1], begin.w2.shape[1])
    first, second, third = torch.nn.Linear(len(inputs), r1), torch.nn.Linear(len(taps) * r1, r2), torch.nn.Linear(r2, 1)
    layers = _layers([first, second, third])
    if begin is not None:
        _go_on_from(begin, layers, mean[inputs], scale[inputs])
    at, decisive, shares = _windows(sessions, options, reach)
    each = max(options.batch // options.window, 1)
    steps = max(int((decisive + options.keep * ~decisive).sum() / each), 1)
    optimiser, schedule = _optimiser(torch.nn.ModuleList([first, second, third]), options.release_rate, options, steps)
    centre, spread = torch.tensor(mean[inputs]), torch.tensor(scale[inputs])
    for epoch in range(options.epochs):
        chosen = rng.permutation(np.flatnonzero(decisive | (rng.random(len(at)) < options.keep)))
        losses = []
        for batch in np.array_split(chosen, max(len(chosen) // each, 1)):
            parts = [(sessions[session], start) for session, start in at[np.sort(batch)]]
            heard = [lesson.features[start - reach : start + options.window][:, inputs] for lesson, start in parts]
            labels = np.stack([lesson.labels[start : start + options.window] for lesson, start in parts])
            weights = np.stack([lesson.weights[start : start + options.window] for lesson, start in parts])
            x = (torch.from_numpy(np.stack(heard).astype(np.float32)) - centre) / spread
            x = torch.relu(first(x + options.input_noise * torch.randn_like(x)))
            recalled = [x[:, reach - tap : reach - tap + options.window] for tap in taps]
            logits = third(torch.relu(second(torch.cat(recalled, dim=2))))[:, :, 0]
            truth = torch.from_numpy((labels == RELEASE).astype(np.float32))
            loss = nn.binary_cross_entropy_with_logits(logits, truth, reduction="none")
            known = torch.from_numpy(np.where(labels == IGNORED, 0, weights))
            losses.append(_descend((known * loss).sum() / (known.sum() + 1.0), optimiser, schedule))
        say(f"release, epoch {epoch + 1} of {options.epochs}: loss {np.mean(losses):.4f}")
    return Network._make([*_folded(inputs, layers, mean, scale), taps]), shares


def _windows(
    sessions: list[Lesson], options: LearnOptions, reach: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], float]:
    """Cut the sessions into windows behind whose start lie `reach` frames.

    Return the windows' sessions and starts, shape (windows, 2), whether anything in them weighs more than elsewhere,
    and the releases' share of the weight in what is learned from.
    """
    at, decisive = [], []
    released = total = 0.0
    for index, lesson in enumerate(sessions):
        weights = np.where(lesson.labels == IGNORED, 0, lesson.weights)
        for start in range(max(reach, _UNFOUNDED), len(weights) - options.window + 1, options.window):
            part = slice(start, start + options.window)
            heavy = bool((weights[part] > 1).any())
            share = 1.0 if heavy else options.keep
            released += share * float(weights[part][lesson.labels[part] == RELEASE].sum())
            total += share * float(weights[part].sum())
            at.append((index, start))
            decisive.append(heavy)
    return np.array(at), np.array(decisive), released / total


def _fit_phases(
    sessions: list[Lesson],
    mean: F32,
    scale: F32,
    options: LearnOptions,
    say: Say,
    begin: RecurrentNetwork | None,
) -> RecurrentNetwork:
    """Fit the network of the phases on sessions as they run, by backpropagation through each stretch."""
    torch = _torch()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    rng = np.random.default_rng([options.seed, 1])
    n = len(mean)
    h1, g, h2 = options.phases_hidden if begin is None else (begin.w1.shape[1], begin.wh.shape[0], begin.w2.shape[1])
    first, unit = torch.nn.Linear(n, h1), torch.nn.GRU(h1, g, batch_first=True)
    second, third = torch.nn.Linear(h1 + g, h2), torch.nn.Linear(h2, N_OUTPUTS)
    nets = torch.nn.ModuleList([first, unit, second, third])
    gru = [getattr(unit, name) for name in ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")]
    layers = [*_layers([first]), *zip(gru[::2], gru[1::2], strict=True), *_layers([second, third])]
    if begin is not None:
        _go_on_from(begin, layers, mean, scale)
    frames = sum(len(lesson.labels) for lesson in sessions)
    steps = max(frames // (options.streams * options.stretch), 1)
    # Streams are of unequal length, so that an epoch takes a few steps more than that.
    optimiser, schedule = _optimiser(nets, options.learning_rate, options, steps * 5 // 4 + 1)
    centre, spread = torch.tensor(mean), torch.tensor(scale)
    for epoch in range(options.epochs):
        losses = []
        state = torch.zeros(1, options.streams, g)
        for features, labels, complete, weights, fresh in _stretches(sessions, options, rng):
            x = (torch.from_numpy(features.astype(np.float32)) - centre) / spread
            x = torch.relu(first(x + options.input_noise * torch.randn_like(x)))
            carried = state.detach() * torch.from_numpy(1.0 - fresh)[None, :, None]
            remembered, state = unit(x, carried)
            logits = third(torch.relu(second(torch.cat([x, remembered], dim=2))))
            truth = (torch.from_numpy(each).flatten() for each in (labels, complete, weights))
            losses.append(_descend(_phase_loss(logits.flatten(0, 1), *truth), optimiser, schedule))
        say(f"phases, epoch {epoch + 1} of {options.epochs}: loss {np.mean(losses):.4f}")
    return RecurrentNetwork._make(_folded(np.arange(n), layers, mean, scale))


def _phase_loss(logits: Any, phases: Any, complete: Any, weights: Any) -> Any:
    """Mean loss: of the phases, for holds and shots of which of the two they are, after runs of what these were."""
    torch = _torch()
    nn = torch.nn.functional
    shot = phases == N_PHASES
    phase = nn.cross_entropy(logits[:, :N_PHASES], torch.where(shot, 0, phases), reduction="none", label_smoothing=0.01)
    which = nn.binary_cross_entropy_with_logits(logits[:, N_PHASES], shot.to(logits.dtype), reduction="none")
    judged = nn.binary_cross_entropy_with_logits(
        logits[:, N_PHASES + 1], complete.clamp(min=0).to(logits.dtype), reduction="none"
    )
    pressed = shot | (phases == N_PHASES - 1)
    loss = weights * (torch.where(shot, 0.0, phase) + torch.where(pressed, 0.5 * which, 0.0))
    # Few frames tell what a run was, and many of them weigh nothing otherwise: a whoosh's end is no phase of its own.
    return (loss + torch.where(complete >= 0, 3.0 * judged, 0.0)).sum() / (weights.sum() + 1.0)


def _stretches(
    sessions: list[Lesson], options: LearnOptions, rng: np.random.Generator
) -> Iterator[tuple[npt.NDArray[np.float16], npt.NDArray[np.int64], npt.NDArray[np.int64], F32, F32]]:
    """Lay the sessions out in streams, in random order, and yield them a stretch at a time.

    Features (streams, stretch, n), phases, completeness, weights, and 1 for streams whose memory begins afresh; half
    the sessions are heard with what is remembered of the one before. A session's last stretch is filled up with frames
    of no weight.
    """
    completeness = [label_complete(lesson) for lesson in sessions]
    streams: list[list[int]] = [[] for _ in range(options.streams)]
    lengths = np.zeros(options.streams, dtype=int)
    for index in rng.permutation(len(sessions)):
        shortest = int(np.argmin(lengths))
        streams[shortest].append(int(index))
        lengths[shortest] += -(-len(sessions[index].labels) // options.stretch)
    shape = (options.streams, options.stretch)
    shifts = range(-options.band_shift, options.band_shift + 1)
    moved = [shifted_index(FeatureOptions(), shift) for shift in shifts]
    heard_as = np.zeros(options.streams, dtype=int)
    at = np.zeros(options.streams, dtype=int)
    for _ in range(int(lengths.max())):
        features = np.zeros((*shape, sessions[0].features.shape[1]), dtype=np.float16)
        labels, complete = np.zeros(shape, dtype=np.int64), np.full(shape, IGNORED)
        weights = np.zeros(shape, dtype=np.float32)
        fresh = np.zeros(options.streams, dtype=np.float32)
        for row, queue in enumerate(streams):
            if not queue:
                continue
            lesson, start = sessions[queue[0]], int(at[row])
            fresh[row] = start == 0 and rng.random() < 0.5
            if start == 0:
                shifted = rng.random() < options.shifted_share
                heard_as[row] = rng.integers(len(moved)) if shifted else options.band_shift
            part = slice(start, start + options.stretch)
            phase = lesson.labels[part]
            count = len(phase)
            features[row, :count] = lesson.features[part][:, moved[heard_as[row]]]
            labels[row, :count] = _phase_of(phase)
            complete[row, :count] = completeness[queue[0]][part]
            weights[row, :count] = np.where(phase == IGNORED, 0, lesson.weights[part])
            weights[row, : max(_UNFOUNDED - start, 0)] = 0
            at[row] += options.stretch
            if at[row] >= len(lesson.labels):
                del queue[0]
                at[row] = 0
        yield features, labels, complete, weights, fresh


def _optimiser(net: Any, rate: float, options: LearnOptions, steps: int) -> tuple[Any, Any]:
    torch = _torch()
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=rate, total_steps=options.epochs * steps + 1)
    return optimiser, schedule


def _descend(loss: Any, optimiser: Any, schedule: Any) -> float:
    """Take one step; return the loss."""
    optimiser.zero_grad()
    loss.backward()
    parameters = [each for group in optimiser.param_groups for each in group["params"]]
    _torch().nn.utils.clip_grad_norm_(parameters, 1.0)
    optimiser.step()
    if schedule.last_epoch < schedule.total_steps - 1:
        schedule.step()
    return float(loss.item())


def _layers(net: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Weight and bias of each layer that has them."""
    return [(layer.weight, layer.bias) for layer in net if hasattr(layer, "weight")]


def _folded(inputs: npt.NDArray[np.int64], trained: list[tuple[Any, Any]], mean: F32, scale: F32) -> list[Any]:
    """Fold the standardisation of the inputs into the first layer; return the inputs, weights and biases."""
    weights = [weight.detach().numpy().T.astype(np.float64) for weight, _ in trained]
    biases = [bias.detach().numpy().astype(np.float64) for _, bias in trained]
    biases[0] = biases[0] - (mean[inputs] / scale[inputs]) @ weights[0]
    weights[0] = weights[0] / scale[inputs][:, None]
    pairs = [np.ascontiguousarray(a, dtype=np.float32) for pair in zip(weights, biases, strict=True) for a in pair]
    return [inputs.astype(np.int64), *pairs]


def _go_on_from(begin: AnyNetwork, layers: list[tuple[Any, Any]], mean: F32, scale: F32) -> None:
    """Set the layers to a network's weights, with inputs standardised anew: `_folded` undone."""
    torch = _torch()
    count = len(layers)
    weights = [np.asarray(each, dtype=np.float64) for each in begin[1 : 2 * count : 2]]
    biases = [np.asarray(each, dtype=np.float64) for each in begin[2 : 2 * count + 1 : 2]]
    biases[0] = biases[0] + mean @ weights[0]
    weights[0] = weights[0] * scale[:, None]
    with torch.no_grad():
        for (weight, bias), w, b in zip(layers, weights, biases, strict=True):
            weight.copy_(torch.from_numpy(w.T))
            bias.copy_(torch.from_numpy(b))


class _Taught(Detector):
    """The live detector, fed with features that are already there."""

    def feed(self, lesson: Lesson) -> None:
        self.reset()
        self._rate_hz = RATE_HZ
        self._begin(0)
        features = lesson.features.astype(np.float32)
        for start in range(0, len(features), 10):
            self._judge(features[start : start + 10], lesson.levels[start : start + 10], lost=False)


class _Eavesdropping(_Taught):
    """Keeps every onset that may be a whoosh's.

    It tells only those of which the decoder is all but certain, to see what becomes of the others.
    """

    def __init__(self, options: DetectorOptions | None, model: Model) -> None:
        super().__init__(options, model)
        self._decoder = Decoder(self.options.decoder, self.options.frame.hop_s, self._judge_release)
        self.seen: list[tuple[PossibleRelease, F64]] = []

    def _judge_release(self, possible: PossibleRelease) -> float:
        self.seen.append((possible, self._ear.measure(possible, self._book.memory.near)))
        return float(possible.belief[State.RELEASE] > CERTAIN)

    def hear(self, lesson: Lesson) -> list[tuple[PossibleRelease, F64]]:
        self.seen = []
        self.feed(lesson)
        return self.seen


def whoosh_vectors(
    emission: LearnedEmission, material: Iterable[Lesson], judge: RunJudge | None = None
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], F64]:
    """Collect what the judge of whooshes sees.

    Returns
    -------
    vectors
        Shape (onsets, measures): every frame in which the decoder took a release for possible.
    released
        Whether a whoosh had set in by then; where it only seeped, and nobody could say, it is left out.
    session
        Index of the session that each came from.
    weight
        Less for each of the many frames of one run.
    """
    detector = _Eavesdropping(None, Model("in training", emission, judge or _undecided()))
    return _moments(detector.hear, material, _whoosh_truth, len(WHOOSH_NAMES))


def _moments(
    hear: Callable[[Lesson], list[tuple[Any, F64]]],
    material: Iterable[Lesson],
    truth_of: Callable[[Any, Lesson], bool | None],
    measures: int,
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], F64]:
    """Collect the moments of all lessons of which something is known: vectors, truths, sessions and weights."""
    vectors, truths, session, weights = [], [], [], []
    for index, lesson in enumerate(material):
        told = [(moment, vector, truth_of(moment, lesson)) for moment, vector in hear(lesson)]
        of_run = Counter(moment.on for moment, _, truth in told if truth is not None)
        for moment, vector, truth in told:
            if truth is not None:
                vectors.append(vector)
                truths.append(truth)
                session.append(index)
                weights.append(of_run[moment.on] ** -0.5)
    shape = len(vectors), measures
    return np.reshape(vectors, shape), np.array(truths, bool), np.array(session, np.int64), np.array(weights)


def _whoosh_truth(onset: PossibleRelease, lesson: Lesson) -> bool | None:
    """Whether a run's release had set in by the frame of an onset; None where it is too faint to say."""
    now_s = (onset.now + 1) * HOP_S - FRAME_LAG_S + lesson.start_s
    for run in lesson.runs:
        if run.vent_s is not None and run.vent_s <= now_s < run.vent_s + LONGEST_ONSET_S:
            return True if run.released else None
    return False


def fit_whoosh(
    vectors: F64,
    released: npt.NDArray[np.bool_],
    session: npt.NDArray[np.int64],
    weight: F64,
    options: LearnOptions,
    say: Say = print,
) -> Trees:
    """Fit the judge of whooshes, and say what it makes of sessions that it has not seen."""
    judge, trees, loss = _fit_as_many_as_do_best(
        vectors,
        released,
        session,
        weight,
        trees=options.whoosh_trees,
        rate=options.whoosh_rate,
        leaves=options.whoosh_leaves,
        seed=options.seed,
        smallest=options.whoosh_smallest,
        bins=options.bins,
    )
    believed = vectors[:, WHOOSH_NAMES.index("release_belief")]
    before = np.average(np.logaddexp(0.0, np.where(released, -believed, believed)), weights=weight)
    say(
        f"whoosh: {len(vectors)} frames held out in turn, {released.mean():.0%} released: log loss {loss:.3f}, by the "
        f"decoder's belief {before:.3f}; {trees} trees"
    )
    return judge


def _fit_as_many_as_do_best(
    vectors: F64, truth: npt.NDArray[np.bool_], session: npt.NDArray[np.int64], weight: F64, **how: Any
) -> tuple[Trees, int, float]:
    """Fit the number of trees that does best on sessions held out in turn, few sessions bear few; how many, log loss.

    `how` is as `_fit_trees` takes it, `trees` being the most.
    """
    fit: Callable[..., Any] = partial(_fit_trees, **how)
    losses: F64 = np.zeros(0)
    for held_out in _folds(session):
        fitted = fit(vectors[~held_out], truth[~held_out], weight=weight[~held_out])
        sign = np.where(truth[held_out], -1.0, 1.0)
        by_count = [
            np.sum(weight[held_out] * np.logaddexp(0.0, sign * odds.ravel()))
            for odds in fitted.staged_decision_function(vectors[held_out])
        ]
        losses = losses + by_count if len(losses) else np.array(by_count)
    best = int(np.argmin(losses))
    fitted = fit(vectors, truth, weight=weight, trees=best + 1)
    return _trees(fitted), best + 1, float(losses[best] / weight.sum())


class _Overhearing(_Taught):
    """Keeps everything that may be a pump, and tells it only after having asked for a while."""

    def __init__(self, options: DetectorOptions | None, model: Model, rng: np.random.Generator) -> None:
        super().__init__(options, model)
        whoosh = None if model.whoosh is None else self._judge_release
        sooner = replace(self.options.decoder, on_posterior=BELIEVED)
        self._decoder = Decoder(sooner, self.options.frame.hop_s, whoosh, self._judge_pump)
        self._rng = rng
        self._patience = 0
        self.seen: list[tuple[PossiblePump, F64]] = []

    def _judge_pump(self, possible: PossiblePump) -> float:
        if not self.seen or self.seen[-1][0].on != possible.on:
            self._patience = int(MOST_ASKS ** self._rng.random())
        self.seen.append((possible, self._pump_ear.measure(possible, self._past, self._cycles.count)))
        self._patience -= 1
        return float(self._patience < 0)

    def hear(self, lesson: Lesson) -> list[tuple[PossiblePump, F64]]:
        self.seen = []
        self.feed(lesson)
        return self.seen


def _runs(possible: PossiblePump, lesson: Lesson) -> bool:
    """Whether a pump runs in a frame in which one was taken for possible."""
    time_s = (possible.now + 1) * HOP_S - FRAME_LAG_S + lesson.start_s
    return any(
        run.pump_on_s <= time_s < (lesson.duration_s if run.pump_off_s is None else run.pump_off_s)
        for run in lesson.runs
    )


def pump_vectors(
    emission: LearnedEmission,
    material: Iterable[Lesson],
    judge: RunJudge | None = None,
    whoosh: Trees | None = None,
    seed: int = 0,
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], F64]:
    """Collect what the judge of pumps sees.

    Returns
    -------
    vectors
        Shape (moments, measures): moments in which the decoder believed in a pump that was not told, a tenth of a
        second apart.
    running
        Whether one ran.
    session
        Index of the session that each came from.
    weight
        Less for each of the many moments of one run.
    """
    model = Model("in training", emission, judge or _undecided(), whoosh)
    detector = _Overhearing(None, model, np.random.default_rng(seed))
    return _moments(detector.hear, material, _runs, len(PUMP_NAMES))


def fit_pump(
    vectors: F64,
    running: npt.NDArray[np.bool_],
    session: npt.NDArray[np.int64],
    weight: F64,
    options: LearnOptions,
    say: Say = print,
) -> Trees:
    """Fit the judge of pumps, and say what it makes of sessions that it has not seen.

    Where the sessions hold nothing that was taken for a pump wrongly, it takes everything for one.
    """
    if running.all():
        say(f"pump: one ran in all of {len(vectors)} moments; there is nothing to tell it from")
        return _always(CERTAIN_ODDS)
    judge, trees, loss = _fit_as_many_as_do_best(
        vectors,
        running,
        session,
        weight,
        trees=options.pump_trees,
        rate=options.pump_rate,
        leaves=options.pump_leaves,
        seed=options.seed,
        smallest=options.pump_smallest,
        bins=options.bins,
        choice=options.pump_choice,
    )
    share = np.average(running, weights=weight)
    unknowing = -share * np.log(share) - (1.0 - share) * np.log1p(-share)
    say(
        f"pump: {len(vectors)} moments held out in turn, in {running.mean():.0%} of them one ran: log loss {loss:.3f}, "
        f"by their share alone {unknowing:.3f}; {trees} trees"
    )
    return judge


class _Waiting(_Taught):
    """Keeps what is heard of pumps as they run, half as often as it is asked about live, and tells no hold."""

    def __init__(self, options: DetectorOptions | None, model: Model) -> None:
        super().__init__(options, model)
        seldom = 2 * self.options.decoder.pressure_again_frames
        self._decoder = Decoder(
            replace(self.options.decoder, pressure_again_frames=seldom),
            self.options.frame.hop_s,
            None if model.whoosh is None else self._judge_release,
            None if model.pump is None else self._judge_pump,
            self._louder_db,
            self._sharpest_rise,
            self._judge_pressure,
        )
        self.seen: list[tuple[PossiblePressure, F64]] = []

    def _judge_pressure(self, possible: PossiblePressure) -> float:
        self.seen.append((possible, self._measure_quieting(possible)))
        return 0.0

    def hear(self, lesson: Lesson) -> list[tuple[PossiblePressure, F64]]:
        self.seen = []
        self.feed(lesson)
        return self.seen


def quieting_vectors(
    emission: LearnedEmission,
    material: Iterable[Lesson],
    judge: RunJudge | None = None,
    whoosh: Trees | None = None,
    pump: Trees | None = None,
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], F64]:
    """Collect what the judge of quietings sees.

    Returns
    -------
    vectors
        Shape (moments, measures): moments in which a pump ran, a tenth of a second apart.
    quiet
        Whether the quieting had been complete for `QUIET_S`, in a run against the blind basket. Shots are left out, in
        which pressure comes up too, and what was quiet long before, or is over.
    session
        Index of the session that each came from.
    weight
        Less for each of the many moments of one run.
    """
    detector = _Waiting(None, Model("in training", emission, judge or _undecided(), whoosh, pump))
    return _moments(detector.hear, material, _quieting_truth, len(QUIETING_NAMES))


def _quieting_truth(possible: PossiblePressure, lesson: Lesson) -> bool | None:
    """Whether a run had gone quiet because of pressure by a frame; None where nothing is to be learned from it."""
    now_s = (possible.now + 1) * HOP_S - FRAME_LAG_S + lesson.start_s
    run = next((run for run in reversed(lesson.runs) if run.pump_on_s <= now_s), None)
    if run is None or run.kind not in ("backflush", "shot"):
        return False
    if run.kind == "shot" or (run.pump_off_s is not None and now_s >= run.pump_off_s):
        return None
    if run.quieting_100_s is None or now_s < run.quieting_100_s + QUIET_S:
        return False
    return True if now_s < run.quieting_100_s + LONG_QUIET_S else None


def fit_quieting(
    vectors: F64,
    quiet: npt.NDArray[np.bool_],
    session: npt.NDArray[np.int64],
    weight: F64,
    options: LearnOptions,
    say: Say = print,
) -> Trees:
    """Fit the judge of quietings, and say what it makes of sessions that it has not seen.

    Where these hold none, or nothing else, it takes nothing, or everything, for one.
    """
    if quiet.all() or not quiet.any():
        say(f"quieting: {len(vectors)} moments, all alike; there is nothing to tell it from")
        return _always(CERTAIN_ODDS if len(quiet) and quiet.all() else -CERTAIN_ODDS)
    judge, trees, loss = _fit_as_many_as_do_best(
        vectors,
        quiet,
        session,
        weight,
        trees=options.quieting_trees,
        rate=options.quieting_rate,
        leaves=options.quieting_leaves,
        seed=options.seed,
        smallest=options.quieting_smallest,
        bins=options.bins,
        choice=options.quieting_choice,
    )
    believed = vectors[:, QUIETING_NAMES.index("hold_belief")].clip(1e-6, 1.0 - 1e-6)
    before = np.average(-np.log(np.where(quiet, believed, 1.0 - believed)), weights=weight)
    say(
        f"quieting: {len(vectors)} moments held out in turn, {quiet.mean():.0%} quiet: log loss {loss:.3f}, by the "
        f"decoder's belief {before:.3f}; {trees} trees"
    )
    return judge


class _KeptEvidence(RunEvidence):
    """Evidence that keeps every run with its measures."""

    def reset(self) -> None:
        super().reset()
        self.seen: list[tuple[RunFrames, RunMeasures]] = []

    def measure(
        self, run: RunFrames, machine: MachineMemory | None = None, times: PressureTimes | None = None
    ) -> RunMeasures:
        measures = super().measure(run, machine, times)
        # Two parts that may be one run are looked back over once more, as one: that is none that was told.
        if all(run.on != told.on for told, _ in self.seen):
            self.seen.append((run, measures))
        return measures


class _Listening(_Taught):
    """Keeps what its judge was shown."""

    def hear(self, lesson: Lesson) -> list[tuple[RunFrames, RunMeasures]]:
        self._evidence = kept = _KeptEvidence(self.options.feature, self._extractor.names)
        # What it measures whooshes and pumps by is what it hears now.
        self._ear, self._pump_ear, self._quieting_ear = WhooshEar(kept), PumpEar(kept), QuietingEar(kept)
        self._book = RunBook(self.options, self.model.judge, kept, self._machine, self._times)
        self.feed(lesson)
        return kept.seen


def run_vectors(
    emission: LearnedEmission,
    material: Iterable[Lesson],
    options: DetectorOptions | None = None,
    judge: RunJudge | None = None,
    whoosh: Trees | None = None,
    pump: Trees | None = None,
    quieting: Trees | None = None,
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Collect what the judge sees; with a `judge`, what is learned of a machine from cycles that were certain to it.

    Returns
    -------
    vectors
        Shape (runs, evidence).
    complete
        Whether each was truly a complete cycle; runs where either answer is fair are left out.
    session
        Index of the session that each came from.
    """
    detector = _Listening(options, Model("in training", emission, judge or _undecided(), whoosh, pump, quieting))
    vectors, complete, session = [], [], []
    for index, lesson in enumerate(material):
        for measures, verdict in _with_truth(detector.hear(lesson), lesson):
            if verdict is not None:
                vectors.append(measures.vector)
                complete.append(verdict)
                session.append(index)
    shape = -1, len(EVIDENCE_NAMES)
    return np.array(vectors).reshape(shape), np.array(complete, dtype=bool), np.array(session, dtype=np.int64)


def _undecided() -> RunJudge:
    return RunJudge(_always(0.0), _always(0.0))


def _always(odds: float) -> Trees:
    """Return a tree that says the same of everything."""
    leaf = {"feature": 0, "threshold": 0.0, "left": -1, "right": -1, "value": 0.0, "roots": 0, "baseline": odds}
    parts: dict[str, Any] = {part: np.array([value]) for part, value in leaf.items()}
    return Trees(**parts)


def _with_truth(
    heard: list[tuple[RunFrames, RunMeasures]], lesson: Lesson
) -> Iterator[tuple[RunMeasures, bool | None]]:
    """Pair each heard run with the truth: the true run that it overlaps most and whose stop is near; None if arguable.

    Where one true cycle was heard as several runs, the one with the nearest stop is it and the others are not.
    """
    pairs: list[tuple[Run | None, float]] = []
    for run, _ in heard:
        on_s, off_s = run.on * HOP_S + lesson.start_s, run.off * HOP_S + lesson.start_s
        best: tuple[float, Run | None, float] = (0.0, None, 0.0)
        for true in lesson.runs:
            stop_s = lesson.duration_s if true.pump_off_s is None else true.pump_off_s
            overlap_s, miss_s = min(off_s, stop_s) - max(on_s, true.pump_on_s), abs(off_s - stop_s)
            # A hold that nobody hears may seem to end long before it does.
            if overlap_s > best[0] and miss_s < (4.0 if true.complete else 1.5):
                best = (overlap_s, true, miss_s)
        pairs.append((best[1], best[2]))
    for (_, measures), (found, miss_s) in zip(heard, pairs, strict=True):
        if found is None:
            yield measures, False
        elif found.marginal:
            yield measures, None
        else:
            nearest = min(miss for other, miss in pairs if other is found)
            yield measures, found.complete and miss_s == nearest


def fit_judge(
    vectors: F64,
    complete: npt.NDArray[np.bool_],
    session: npt.NDArray[np.int64],
    options: LearnOptions,
    say: Say = print,
) -> RunJudge:
    """Fit the judge: trees over all runs, and trees over what each run's session tells of it.

    A session's runs stand together, in their order. The second trees see each run three times: as it ends, when all of
    its session have followed, and when some have. What they see of odds are those of sessions held out.
    """
    fit = partial(_fit_trees, seed=options.seed, bins=options.bins)
    alone = partial(
        fit,
        trees=options.judge_trees,
        rate=options.judge_rate,
        leaves=options.judge_leaves,
        choice=options.judge_choice,
        smallest=options.judge_smallest,
    )
    together = partial(
        fit,
        trees=options.context_trees,
        rate=options.context_rate,
        leaves=options.context_leaves,
        choice=options.context_choice,
        smallest=options.context_smallest,
    )
    folds = _folds(session)
    own = np.zeros(len(vectors))
    for held_out in folds:
        own[held_out] = alone(vectors[~held_out], complete[~held_out]).decision_function(vectors[held_out])
    rng = np.random.default_rng(options.seed)
    at_once, after_some, after_all = (
        _contexts(own, vectors, session, followers)
        for followers in (np.zeros(len(own), int), rng.integers(1, SOME, len(own)), np.full(len(own), len(own)))
    )
    # Whether others help is told by trees that have not seen these sessions.
    odds = {"alone": own, "among those before it": np.zeros(len(own)), "once others followed": np.zeros(len(own))}
    for held_out in folds:
        seen = np.concatenate([each[~held_out] for each in (at_once, after_some, after_all)])
        judged = together(seen, np.tile(complete[~held_out], 3))
        odds["among those before it"][held_out] = judged.decision_function(at_once[held_out])
        odds["once others followed"][held_out] = judged.decision_function(after_all[held_out])
    for name, each in odds.items():
        p = _logistic(each)
        say(
            f"judge, each run {name}: {len(p)} runs held out in turn, {complete.mean():.0%} complete: "
            f"{((p > 0.5) & ~complete).sum()} wrongly counted, {((p <= 0.5) & complete).sum()} missed, "
            f"log loss {-np.mean(np.log(np.where(complete, p, 1 - p) + 1e-9)):.3f}"
        )
    every = np.concatenate([at_once, after_some, after_all])
    return RunJudge(_trees(alone(vectors, complete)), _trees(together(every, np.tile(complete, 3))))


def _contexts(own: F64, vectors: F64, session: npt.NDArray[np.int64], followers: npt.NDArray[np.int64]) -> F64:
    """Compare each run with those of its session before it and so many `followers`, of any kind; (runs, context)."""
    runs = [HeardRun.of(float(odds), vector) for odds, vector in zip(own, vectors, strict=True)]
    contexts = np.zeros((len(runs), len(CONTEXT_NAMES)))
    edges = np.flatnonzero(np.diff(session)) + 1
    for first, last in pairwise([0, *edges, len(runs)]):
        for k in range(first, last):
            contexts[k] = compare_within(runs[first : min(k + 1 + int(followers[k]), last)], k - first)
    return contexts


def _fit_trees(
    rows: F64,
    truth: npt.NDArray[np.bool_],
    *,
    trees: int,
    rate: float,
    leaves: int,
    seed: int,
    smallest: int,
    bins: int,
    choice: float = 1.0,
    weight: F64 | None = None,
) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise BackflushError("training needs scikit-learn: pip install 'acoustic-backflush[train]'") from None
    if truth.all() or not truth.any():
        raise _too_little()
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=rate,
        max_leaf_nodes=leaves,
        l2_regularization=1.0,
        min_samples_leaf=smallest,
        max_bins=bins,
        max_features=choice,
        early_stopping=False,
        random_state=seed,
    )
    # Beside torch's threads two of scikit-learn's wait for each other: 30 trees took 49 s, 1.8 s with one.
    with threadpool_limits(1, user_api="openmp"):
        return model.fit(rows, truth, sample_weight=weight)


def _folds(session: npt.NDArray[np.int64]) -> list[npt.NDArray[np.bool_]]:
    """Return what is held out in turn: a share of the sessions each, all with something in them."""
    folds = [session % FOLDS == fold for fold in range(FOLDS)]
    if not all(held_out.any() for held_out in folds):
        raise _too_little()
    return folds


def _too_little() -> BackflushError:
    return BackflushError(
        "training: what the networks hear by now gives the judges too little to learn from; take more --sessions, "
        "--judge-sessions or --epochs, or go on from a model with --begin"
    )


def _trees(fitted: Any) -> Trees:
    """Lay scikit-learn's trees out one behind the other."""
    columns: dict[str, list[npt.NDArray[Any]]] = {part: [] for part in Trees._fields}
    first = 0
    for (tree,) in fitted._predictors:
        nodes = tree.nodes
        leaf = nodes["is_leaf"].astype(bool)
        columns["feature"].append(nodes["feature_idx"].astype(np.int64))
        columns["threshold"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
        columns["left"].append(np.where(leaf, -1, nodes["left"].astype(np.int64) + first))
        columns["right"].append(np.where(leaf, -1, nodes["right"].astype(np.int64) + first))
        columns["value"].append(nodes["value"].astype(np.float64))
        columns["roots"].append(np.array([first]))
        first += len(nodes)
    columns["baseline"].append(np.ravel(fitted._baseline_prediction).astype(np.float64))
    return Trees(**{part: np.concatenate(pieces) for part, pieces in columns.items()})


def _logistic(odds: F64) -> F64:
    """Probability from log-odds, which grow without bound where few runs can be told apart at once."""
    p: F64 = 1.0 / (1.0 + np.exp(-odds.clip(-50.0, 50.0)))
    return p


def write_model(
    folder: Path,
    emission: LearnedEmission,
    priors: list[float],
    judge: RunJudge,
    whoosh: Trees,
    pump: Trees,
    quieting: Trees,
) -> None:
    """Write `weights.npz` and `model.toml`; the card is for people to write."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "phases": emission.phases._asdict(),
        "release": emission.release._asdict(),
        "whoosh": whoosh._asdict(),
        "pump": pump._asdict(),
        "quieting": quieting._asdict(),
        "judge.alone": judge.alone._asdict(),
        "judge.together": judge.together._asdict(),
    }
    arrays: dict[str, Any] = {f"{part}.{name}": a for part, named in parts.items() for name, a in named.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    data = buffer.getvalue()
    (folder / "weights.npz").write_bytes(data)
    evidence, context, onsets, pumps, quietings = (
        ",\n".join(f'    "{name}"' for name in names)
        for names in (EVIDENCE_NAMES, CONTEXT_NAMES, WHOOSH_NAMES, PUMP_NAMES, QUIETING_NAMES)
    )
    inputs = len(feature_names(FeatureOptions()))
    text = (
        f'name = "{folder.name}"\n'
        f"feature_version = {FEATURE_VERSION}\n"
        f"features = {inputs}\n"
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
        "# Shares in training of background, fill, hold, shot, no release, release.\n"
        f"priors = {priors}\n"
        f"evidence = [\n{evidence},\n]\n"
        f"context = [\n{context},\n]\n"
        f"whoosh = [\n{onsets},\n]\n"
        f"pump = [\n{pumps},\n]\n"
        f"quieting = [\n{quietings},\n]\n"
    )
    (folder / "model.toml").write_text(text, encoding="utf-8")


def train(
    folder: Path,
    options: LearnOptions,
    material: LessonOptions,
    *,
    sessions: int,
    judge_sessions: int,
    begin: LearnedEmission | None = None,
    jobs: int = 1,
    cache: Path | None = None,
    say: Say = print,
) -> None:
    """Make lessons, fit the networks on `sessions` and the judge on `judge_sessions` others, and write the model.

    With `begin`, these networks are trained further.
    """
    # Streams of their own: no session serves twice.
    first, second = (int(seed) for seed in np.random.SeedSequence(options.seed).generate_state(2))
    say(f"making {sessions} sessions")
    made = lessons(sessions, first, material, jobs=jobs, cache=cache)
    emission, priors = fit_networks(made, options, say, begin=begin)
    say(f"making {judge_sessions} sessions for the judge")
    judged = list(lessons(judge_sessions, second, material, jobs=jobs, cache=cache))
    whoosh, pump, quieting, judge = _train_judges(emission, judged, options, say)
    write_model(folder, emission, priors, judge, whoosh, pump, quieting)
    say(f"{folder} written")


def _train_judges(
    emission: LearnedEmission, material: list[Lesson], options: LearnOptions, say: Say
) -> tuple[Trees, Trees, Trees, RunJudge]:
    """Fit the judges of whooshes, pumps and quietings, and a judge that knows what a session has taught of its machine.

    What it teaches depends on which cycles were certain to a judge, and which pumps, quietings and whooshes were heard:
    each half of the sessions is heard again with judges that were fitted on the other half.
    """
    onsets, released, of_onset, weight = whoosh_vectors(emission, material)
    vectors, complete, session = run_vectors(emission, material)
    strangers, moments = [], []
    for half in (0, 1):
        # Numbered anew, so that the folds within that half are even.
        others, other = of_onset % 2 != half, session % 2 != half
        ear = fit_whoosh(onsets[others], released[others], of_onset[others] // 2, weight[others], options, say)
        stranger = fit_judge(vectors[other], complete[other], session[other] // 2, options, say)
        strangers.append((stranger, ear))
        heard, running, index, worth = pump_vectors(emission, material[half::2], stranger, ear, options.seed + half)
        moments.append((heard, running, 2 * index + half, worth))
    pumps = [fit_pump(heard, running, of // 2, worth, options, say) for heard, running, of, worth in moments[::-1]]
    quiet: list[tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], F64]] = []
    for half, (stranger, ear) in enumerate(strangers):
        heard, truth, index, worth = quieting_vectors(emission, material[half::2], stranger, ear, pumps[half])
        quiet.append((heard, truth, 2 * index + half, worth))
    again = []
    for half, (stranger, ear) in enumerate(strangers):
        heard, truth, index, worth = quiet[1 - half]
        other_quieting = fit_quieting(heard, truth, index // 2, worth, options, say)
        heard, truth, index = run_vectors(
            emission, material[half::2], judge=stranger, whoosh=ear, pump=pumps[half], quieting=other_quieting
        )
        again.append((heard, truth, 2 * index + half))
    vectors, complete, session = (np.concatenate(column) for column in zip(*again, strict=True))
    order = np.argsort(session, kind="stable")
    judge = fit_judge(vectors[order], complete[order], session[order], options, say)
    heard, running, index, worth = (np.concatenate(column) for column in zip(*moments, strict=True))
    pump = fit_pump(heard, running, index, worth, options, say)
    heard, truth, index, worth = (np.concatenate(column) for column in zip(*quiet, strict=True))
    quieting = fit_quieting(heard, truth, index, worth, options, say)
    return fit_whoosh(onsets, released, of_onset, weight, options, say), pump, quieting, judge
