"""Train a model on simulated sessions: first the two networks that judge frames, then the judge of whole runs.

Torch serves here only; what is written needs numpy and numba to run. The judge is trained on other sessions than the
networks, since their likelihoods are surer on what they have seen.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import RATE_HZ, DetectorOptions, FeatureOptions
from ..emission import N_PHASES, LearnedEmission, Network
from ..errors import BackflushError
from ..evidence import EVIDENCE_NAMES, RunFrames, RunJudge, RunMeasures, SessionMemory
from ..features.layout import FEATURE_VERSION, feature_index, feature_names
from ..model import Model
from ..pipeline import Detector
from ..synth import Run
from .lessons import HOP_S, IGNORED, Lesson, LessonOptions, lessons

__all__ = ["LearnOptions", "fit_judge", "fit_networks", "run_vectors", "train", "write_model"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
FOLDS = 5
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
"""What the release network hears: nothing of the run beyond its last second."""


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """How the networks and the judge are fitted."""

    seed: int = 0
    epochs: int = 8
    batch: int = 4096
    phases_hidden: tuple[int, int] = (64, 32)
    release_hidden: tuple[int, int] = (48, 24)
    learning_rate: float = 4e-3
    # Of the frames that weigh no more than any other, so many are kept: neighbours are nearly the same.
    keep: float = 0.4
    input_noise: float = 0.1
    judge_trees: int = 200
    judge_leaves: int = 12
    judge_rate: float = 0.06


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        raise BackflushError("training needs torch: pip install 'acoustic-backflush[train]'") from None
    return torch


def _frames(
    material: Iterable[Lesson], options: LearnOptions
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int8], F32]:
    rng = np.random.default_rng(options.seed)
    parts = []
    for lesson in material:
        keep = (lesson.labels != IGNORED) & ((rng.random(len(lesson.labels)) < options.keep) | (lesson.weights > 1))
        # The first half second has too little past for any feature to mean much.
        keep[:60] = False
        parts.append((lesson.features[keep], lesson.labels[keep], lesson.weights[keep]))
    features, labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return features, labels, weights


def fit_networks(
    material: Iterable[Lesson], options: LearnOptions, say: Say = print
) -> tuple[LearnedEmission, list[float]]:
    """Fit both networks.

    Returns
    -------
    emission
        The fitted networks.
    priors
        Shares of background, fill, hold, no release and release in training, as weighted.
    """
    torch = _torch()
    torch.manual_seed(options.seed)
    features, labels, weights = _frames(material, options)
    say(f"{len(labels)} frames, shares {np.round(np.bincount(labels, minlength=4) / len(labels), 3)}")
    mean = features[::37].astype(np.float32).mean(axis=0)
    scale = features[::37].astype(np.float32).std(axis=0) + 0.05
    n = features.shape[1]
    release_inputs = feature_index(FeatureOptions(), RELEASE_INPUTS)
    phases = _perceptron(n, options.phases_hidden, N_PHASES)
    release = _perceptron(len(release_inputs), options.release_hidden, 1)
    phase_of = np.where(labels == 3, 0, labels).astype(np.int64)
    is_release = (labels == 3).astype(np.float32)
    steps = len(labels) // options.batch
    optimiser = torch.optim.AdamW([*phases.parameters(), *release.parameters()], weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=options.learning_rate, total_steps=options.epochs * steps + 1
    )
    centre, spread, chosen = torch.tensor(mean), torch.tensor(scale), torch.tensor(release_inputs)
    rng = np.random.default_rng(options.seed)
    for epoch in range(options.epochs):
        order = rng.permutation(len(labels))
        losses = np.zeros(2)
        for step in range(steps):
            rows = np.sort(order[step * options.batch : (step + 1) * options.batch])
            x = (torch.from_numpy(features[rows].astype(np.float32)) - centre) / spread
            x = x + options.input_noise * torch.randn_like(x)
            weight = torch.from_numpy(weights[rows])
            phase_loss = torch.nn.functional.cross_entropy(
                phases(x), torch.from_numpy(phase_of[rows]), reduction="none", label_smoothing=0.01
            )
            release_loss = torch.nn.functional.binary_cross_entropy_with_logits(
                release(x[:, chosen])[:, 0], torch.from_numpy(is_release[rows]), reduction="none"
            )
            loss = ((phase_loss + release_loss) * weight).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses += (phase_loss * weight).mean().item(), (release_loss * weight).mean().item()
        losses /= steps
        say(f"epoch {epoch + 1} of {options.epochs}: loss {losses[0]:.4f} phases, {losses[1]:.4f} release")
    shares = np.array([weights[phase_of == phase].sum() for phase in range(N_PHASES)]) / weights.sum()
    released = float(weights[labels == 3].sum() / weights.sum())
    priors = [round(float(share), 4) for share in (*shares, 1 - released, released)]
    emission = LearnedEmission(
        _network(phases, np.arange(n), mean, scale),
        _network(release, release_inputs, mean, scale),
        np.log(np.array(priors)),
    )
    return emission, priors


def _perceptron(n: int, hidden: tuple[int, int], outputs: int) -> Any:
    layers = _torch().nn
    return layers.Sequential(
        layers.Linear(n, hidden[0]),
        layers.ReLU(),
        layers.Linear(hidden[0], hidden[1]),
        layers.ReLU(),
        layers.Linear(hidden[1], outputs),
    )


def _network(trained: Any, inputs: npt.NDArray[np.int64], mean: F32, scale: F32) -> Network:
    """Fold the standardisation of the inputs into the first layer."""
    weights = [layer.weight.detach().numpy().T.astype(np.float64) for layer in trained if hasattr(layer, "weight")]
    biases = [layer.bias.detach().numpy().astype(np.float64) for layer in trained if hasattr(layer, "bias")]
    biases[0] = biases[0] - (mean[inputs] / scale[inputs]) @ weights[0]
    weights[0] = weights[0] / scale[inputs][:, None]
    pairs = [np.ascontiguousarray(a, dtype=np.float32) for pair in zip(weights, biases, strict=True) for a in pair]
    return Network(inputs.astype(np.int64), *pairs)


class _Listening(Detector):
    """The live detector, fed with features that are already there; it keeps what its judge was shown."""

    def hear(self, lesson: Lesson) -> list[tuple[RunFrames, RunMeasures]]:
        self.reset()
        self._rate_hz = RATE_HZ
        self._begin(0)
        seen: list[tuple[RunFrames, RunMeasures]] = []
        measure = self._evidence.measure

        def spy(run: RunFrames) -> RunMeasures:
            measures = measure(run)
            seen.append((run, measures))
            return measures

        self._evidence.measure = spy  # type: ignore[method-assign]
        features = lesson.features.astype(np.float32)
        for start in range(0, len(features), 10):
            self._judge(features[start : start + 10], lesson.levels[start : start + 10], lost=False)
        del self._evidence.measure
        return seen


def run_vectors(
    emission: LearnedEmission, material: Iterable[Lesson], options: DetectorOptions | None = None
) -> tuple[F64, npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Collect what the judge sees.

    Returns
    -------
    vectors
        Shape (runs, evidence).
    complete
        Whether each was truly a complete cycle; runs where either answer is fair are left out.
    session
        Index of the session that each came from.
    """
    leaf = {"feature": 0, "threshold": 0.0, "left": -1, "right": -1, "value": 0.0, "roots": 0, "baseline": 0.0}
    parts: dict[str, Any] = {part: np.array([value]) for part, value in leaf.items()}
    undecided = RunJudge(**parts, blend=np.array([1.0, 0.0, 0.0]))
    detector = _Listening(options, Model("in training", emission, undecided))
    vectors, complete, session = [], [], []
    for index, lesson in enumerate(material):
        for measures, verdict in _with_truth(detector.hear(lesson), lesson):
            if verdict is not None:
                vectors.append(measures.vector)
                complete.append(verdict)
                session.append(index)
    return np.array(vectors), np.array(complete, dtype=bool), np.array(session)


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
    """Fit the judge on all runs; how the run's odds and the session's blend is fitted on odds of held-out sessions."""
    own = np.zeros(len(vectors))
    for fold in range(FOLDS):
        held_out = session % FOLDS == fold
        own[held_out] = _fit_trees(vectors[~held_out], complete[~held_out], options).decision_function(
            vectors[held_out]
        )
    released = vectors[:, EVIDENCE_NAMES.index("released")] > 0
    earlier = _session_odds(own, released, session)
    columns = np.stack([own, earlier, np.ones_like(own)], axis=1)
    blend = _fit_blend(columns, complete)
    for name, odds in (("alone", own), ("with its session", columns @ blend)):
        p = 1 / (1 + np.exp(-odds))
        say(
            f"judge, each run {name}: {len(p)} runs held out in turn, {complete.mean():.0%} complete: "
            f"{((p > 0.5) & ~complete).sum()} wrongly counted, {((p <= 0.5) & complete).sum()} missed, "
            f"log loss {-np.mean(np.log(np.where(complete, p, 1 - p) + 1e-9)):.3f}"
        )
    return _trees(_fit_trees(vectors, complete, options), blend)


def _fit_trees(vectors: F64, complete: npt.NDArray[np.bool_], options: LearnOptions) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        raise BackflushError("training needs scikit-learn: pip install 'acoustic-backflush[train]'") from None
    trees = HistGradientBoostingClassifier(
        max_iter=options.judge_trees,
        learning_rate=options.judge_rate,
        max_leaf_nodes=options.judge_leaves,
        l2_regularization=1.0,
        min_samples_leaf=20,
        early_stopping=False,
        random_state=options.seed,
    )
    return trees.fit(vectors, complete)


def _trees(fitted: Any, blend: F64) -> RunJudge:
    """Lay scikit-learn's trees out one behind the other."""
    columns: dict[str, list[npt.NDArray[Any]]] = {part: [] for part in RunJudge._fields}
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
    columns["blend"].append(blend)
    return RunJudge(**{part: np.concatenate(pieces) for part, pieces in columns.items()})


def _session_odds(own: F64, released: npt.NDArray[np.bool_], session: npt.NDArray[np.int64]) -> F64:
    """Return what the session's memory held before each run."""
    memory = SessionMemory()
    earlier = np.zeros_like(own)
    for i, odds in enumerate(own):
        if i == 0 or session[i] != session[i - 1]:
            memory.reset()
        earlier[i] = memory.odds
        if released[i]:
            memory.push(float(odds))
    return earlier


def _fit_blend(x: F64, complete: npt.NDArray[np.bool_]) -> F64:
    """Fit a logistic regression without regularisation, by Newton's method; x has shape (runs, 3)."""
    weights = np.array([1.0, 0.0, 0.0])
    for _ in range(25):
        p = 1 / (1 + np.exp(-(x @ weights)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        weights = weights + np.linalg.solve(curvature, x.T @ (complete - p))
    return weights


def write_model(folder: Path, emission: LearnedEmission, priors: list[float], judge: RunJudge) -> None:
    """Write `weights.npz` and `model.toml`; the card is for people to write."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = {
        "phases": emission.phases._asdict(),
        "release": emission.release._asdict(),
        "judge": judge._asdict(),
    }
    arrays: dict[str, Any] = {f"{part}.{name}": a for part, named in parts.items() for name, a in named.items()}
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    data = buffer.getvalue()
    (folder / "weights.npz").write_bytes(data)
    names = ",\n".join(f'    "{name}"' for name in EVIDENCE_NAMES)
    inputs = len(feature_names(FeatureOptions()))
    text = (
        f'name = "{folder.name}"\n'
        f"feature_version = {FEATURE_VERSION}\n"
        f"features = {inputs}\n"
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
        "# Shares in training of background, fill, hold, no release and release.\n"
        f"priors = {priors}\n"
        f"evidence = [\n{names},\n]\n"
    )
    (folder / "model.toml").write_text(text, encoding="utf-8")


def train(
    folder: Path,
    options: LearnOptions,
    material: LessonOptions,
    *,
    sessions: int,
    judge_sessions: int,
    jobs: int = 1,
    cache: Path | None = None,
    say: Say = print,
) -> None:
    """Make lessons, fit the networks on `sessions` and the judge on `judge_sessions` others, and write the model."""
    # Streams of their own: no session serves twice.
    first, second = (int(seed) for seed in np.random.SeedSequence(options.seed).generate_state(2))
    say(f"making {sessions} sessions")
    emission, priors = fit_networks(lessons(sessions, first, material, jobs=jobs, cache=cache), options, say)
    say(f"making {judge_sessions} sessions for the judge")
    vectors, complete, session = run_vectors(
        emission, lessons(judge_sessions, second, material, jobs=jobs, cache=cache)
    )
    write_model(folder, emission, priors, fit_judge(vectors, complete, session, options, say))
    say(f"{folder} written")
