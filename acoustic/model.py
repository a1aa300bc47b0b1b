"""A trained model: a folder with `weights.npz` (no pickle), `model.toml` (hash, versions, priors) and a card.

It holds the two networks of the emission, the judges of pumps, quietings and whooshes as they set in, and that of whole
runs.
"""

from __future__ import annotations

import hashlib
import io
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from .assets import model_folder
from .emission import N_OUTPUTS, LearnedEmission, Network, RecurrentNetwork
from .errors import ModelError
from .evidence import CONTEXT_NAMES, EVIDENCE_NAMES, RunJudge, Trees
from .features.layout import FEATURE_VERSION
from .pump import PUMP_NAMES
from .quieting import QUIETING_NAMES
from .whoosh import WHOOSH_NAMES

__all__ = ["Model", "load_model"]

Arrays = dict[str, npt.NDArray[np.generic]]
AnyNetwork = TypeVar("AnyNetwork", Network, RecurrentNetwork)
# A release network that heard much of the run would learn that every stop has one; its features reach back a second
# themselves.
MOST_TAP = 50
MEASURES = EVIDENCE_NAMES, CONTEXT_NAMES, WHOOSH_NAMES, PUMP_NAMES, QUIETING_NAMES


@dataclass(frozen=True, slots=True)
class Model:
    """What a detector needs to have learned.

    Without `pump`, the decoder's belief alone tells a pump, without `quieting` pressure, without `whoosh` a release.
    """

    name: str
    emission: LearnedEmission
    judge: RunJudge
    whoosh: Trees | None = None
    pump: Trees | None = None
    quieting: Trees | None = None


def load_model(name: str = "default") -> Model:
    """Load a bundled model by name, or any model by its folder.

    Raises
    ------
    ModelError
        If the folder is missing or damaged, or was made for other features.
    """
    folder = model_folder(name)
    where = folder / "weights.npz"
    try:
        card = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
        data = where.read_bytes()
        version, digest = card["feature_version"], card["sha256"]
        evidence = tuple(tuple(card[name]) for name in ("evidence", "context", "whoosh", "pump", "quieting"))
        log_prior = np.log(np.array(card["priors"], dtype=np.float64))
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise ModelError(f"{folder}: cannot be read as a model ({error}); install it again") from error
    if version != FEATURE_VERSION or evidence != MEASURES:
        raise ModelError(
            f"{folder}: made for features of version {version}, this program has {FEATURE_VERSION}; train it again"
        )
    if hashlib.sha256(data).hexdigest() != digest:
        raise ModelError(f"{where}: its hash is not the one in model.toml; install the model again")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as found:
            arrays: Arrays = dict(found)
        phases = _network(RecurrentNetwork, arrays, "phases")
        release = _network(Network, arrays, "release")
        whoosh = _trees(arrays, "whoosh", len(WHOOSH_NAMES), where)
        pump = _trees(arrays, "pump", len(PUMP_NAMES), where)
        quieting = _trees(arrays, "quieting", len(QUIETING_NAMES), where)
        judge = RunJudge(
            _trees(arrays, "judge.alone", len(EVIDENCE_NAMES), where),
            _trees(arrays, "judge.together", len(CONTEXT_NAMES), where),
        )
    except KeyError as error:
        raise ModelError(f"{where}: array {error} is missing; install the model again") from None
    except ValueError as error:
        raise ModelError(f"{where}: cannot be read as arrays ({error}); install the model again") from error
    for net, shapes, what in (
        (phases, _shapes_of_recurrent(phases), "phases"),
        (release, _shapes_of_perceptron(release), "release"),
    ):
        if tuple(weights.shape for weights in net[1:]) != shapes:
            raise ModelError(f"{where}: the shapes of {what} do not fit together; install the model again")
    taps = release.taps
    if taps.ndim != 1 or not len(taps) or taps[0] != 0 or (np.diff(taps) < 1).any() or taps[-1] > MOST_TAP:
        raise ModelError(f"{where}: the taps of release make no sense; install the model again")
    emission = LearnedEmission(phases, release, log_prior)
    return Model(str(card.get("name", Path(name).name)), emission, judge, whoosh, pump, quieting)


def _trees(arrays: Arrays, part: str, inputs: int, where: Path) -> Trees:
    found: dict[str, Any] = {name: np.ascontiguousarray(arrays[f"{part}.{name}"]) for name in Trees._fields}
    trees = Trees(**found)
    nodes = len(trees.feature)
    below = np.concatenate([trees.left, trees.right, trees.roots])
    sizes = {len(each) for each in (trees.threshold, trees.left, trees.right, trees.value)}
    if sizes != {nodes} or trees.baseline.shape != (1,):
        raise ModelError(f"{where}: the shapes of {part} do not fit together; install the model again")
    # A node leads only to later ones, so that every walk ends.
    inner = trees.left >= 0
    later = np.minimum(trees.left, trees.right)[inner] > np.flatnonzero(inner)
    if not later.all() or below.max(initial=0) >= nodes or trees.feature.max(initial=0) >= inputs:
        raise ModelError(f"{where}: the trees of {part} are damaged; install the model again")
    return trees


def _network(kind: type[AnyNetwork], arrays: Arrays, prefix: str) -> AnyNetwork:
    parts: dict[str, Any] = {}
    for name in kind._fields:
        whole = name in ("inputs", "taps")
        parts[name] = np.ascontiguousarray(arrays[f"{prefix}.{name}"], dtype=np.int64 if whole else np.float32)
    return kind(**parts)


Shapes = tuple[tuple[int, ...], ...]


def _shapes_of_perceptron(net: Network) -> Shapes:
    n, h1, h2, taps = len(net.inputs), len(net.b1), len(net.b2), len(net.taps)
    return (n, h1), (h1,), (taps * h1, h2), (h2,), (h2, 1), (1,), (taps,)


def _shapes_of_recurrent(net: RecurrentNetwork) -> Shapes:
    n, h1, g, h2 = len(net.inputs), len(net.b1), len(net.wh), len(net.b2)
    unit = (h1, 3 * g), (3 * g,), (g, 3 * g), (3 * g,)
    return (n, h1), (h1,), *unit, (h1 + g, h2), (h2,), (h2, N_OUTPUTS), (N_OUTPUTS,)
