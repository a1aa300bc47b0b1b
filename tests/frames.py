"""Evidence made up frame by frame, for the ears that measure it."""

import numpy as np

from acoustic.config import FeatureOptions
from acoustic.emission import N_COLUMNS
from acoustic.evidence import RunEvidence
from acoustic.features.layout import feature_names

BANDS = len(FeatureOptions().band_edges_hz) - 1
NAMES = feature_names(FeatureOptions())


def evidence_of(levels, likelihoods, before, rng):
    """Return what was heard: these frames, their levels shaken a little, behind `before` frames of something else."""
    evidence = RunEvidence(FeatureOptions(), NAMES)
    features = np.zeros((len(levels), len(NAMES)), np.float32)
    for first in range(0, before, 500):
        n = min(500, before - first)
        silence = np.zeros((n, BANDS + 1), np.float32)
        evidence.push(np.zeros((n, len(NAMES)), np.float32), silence, np.zeros((n, N_COLUMNS)))
    levels = levels + rng.normal(0.0, 0.01, levels.shape)
    evidence.push(features, levels.astype(np.float32), likelihoods)
    return evidence
