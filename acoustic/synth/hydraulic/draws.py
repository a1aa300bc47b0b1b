"""Random numbers: where they come from, and the few distributions that are used everywhere."""

from __future__ import annotations

import hashlib
from math import exp, log
from typing import Final

import numpy as np

__all__ = ["chance", "generator", "log_uniform", "uniform"]

# Every session would be another one if this were changed.
_SALT: Final = "f1-plates-and-flows-7341"


def generator(*parts: object) -> np.random.Generator:
    """Return the generator that belongs to these names and numbers."""
    digest = hashlib.sha256("|".join(map(str, (_SALT, *parts))).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from a range."""
    return float(rng.uniform(low, high))


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw from a range, every octave of it equally likely."""
    return exp(rng.uniform(log(low), log(high)))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Draw whether something is so."""
    return bool(rng.random() < probability)
