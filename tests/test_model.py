"""The bundled model loads; a damaged or foreign one is refused in one line."""

import shutil

import numpy as np
import pytest

from acoustic.assets import model_folder
from acoustic.errors import ModelError
from acoustic.evidence import EVIDENCE_NAMES
from acoustic.features.extractor import FeatureExtractor
from acoustic.model import load_model


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(model_folder(), tmp_path / "model")


def rewrite(folder, **arrays):
    """Change arrays of the weights, and the hash with them."""
    import hashlib

    with np.load(folder / "weights.npz") as found:
        kept = dict(found)
    for name, array in arrays.items():
        if array is None:
            del kept[name]
        else:
            kept[name] = array
    np.savez(folder / "weights.npz", **kept)
    digest = hashlib.sha256((folder / "weights.npz").read_bytes()).hexdigest()
    text = (folder / "model.toml").read_text()
    lines = [f'sha256 = "{digest}"' if line.startswith("sha256") else line for line in text.splitlines()]
    (folder / "model.toml").write_text("\n".join(lines))


def test_the_bundled_model_judges_frames():
    features = FeatureExtractor().push(np.random.default_rng(0).standard_normal(16_000).astype(np.float32) * 0.01)[0]
    emission = load_model().emission
    log_likelihood = emission.log_likelihood(features, emission.new_state())
    assert log_likelihood.shape == (100, 6)
    assert np.isfinite(log_likelihood).all()


def test_a_journal_calls_the_bundled_model_what_a_user_calls_it():
    assert load_model().name == load_model("default").name == "default"


def test_no_pickle_is_ever_loaded(folder):
    rewrite(folder, **{"judge.alone.value": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ModelError, match="cannot be read as arrays"):
        load_model(str(folder))


@pytest.mark.parametrize("taps", [[4, 8, 12, 16, 20], [0, 8, 4, 16, 32], [0, 4, 8, 16, 200]])
def test_a_network_that_hears_other_frames_than_the_last_ones_is_refused(folder, taps):
    rewrite(folder, **{"release.taps": np.array(taps)})
    with pytest.raises(ModelError, match="taps of release"):
        load_model(str(folder))


def test_a_missing_folder_is_named():
    with pytest.raises(ModelError, match="nowhere: no such model"):
        load_model("nowhere")


def test_other_features_are_refused(folder):
    text = (folder / "model.toml").read_text()
    (folder / "model.toml").write_text(text.replace("feature_version = ", "feature_version = 9"))
    with pytest.raises(ModelError, match="train it again"):
        load_model(str(folder))


def test_a_missing_array_is_named(folder):
    rewrite(folder, **{"phases.w2": None})
    with pytest.raises(ModelError, match=r"phases\.w2"):
        load_model(str(folder))


def test_shapes_that_do_not_fit_are_refused(folder):
    rewrite(folder, **{"release.b1": np.zeros(3, np.float32)})
    with pytest.raises(ModelError, match="shapes of release"):
        load_model(str(folder))


@pytest.mark.parametrize("part", ["judge.alone", "judge.together", "whoosh", "pump"])
def test_a_tree_that_leads_back_is_refused(folder, part):
    # Its walk would never end.
    with np.load(folder / "weights.npz") as found:
        left = found[f"{part}.left"].copy()
    left[0] = 0
    rewrite(folder, **{f"{part}.left": left})
    with pytest.raises(ModelError, match=f"trees of {part} are damaged"):
        load_model(str(folder))


def test_evidence_has_names_of_its_own():
    assert len(set(EVIDENCE_NAMES)) == len(EVIDENCE_NAMES)
