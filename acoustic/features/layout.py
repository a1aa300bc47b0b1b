"""What stands where in a feature vector.

The layout is a contract with trained models: a model names the version that it was trained on, and loading it fails
where that differs.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..config import FeatureOptions

__all__ = ["BAND_FEATURES", "FEATURE_VERSION", "SCALAR_FEATURES", "feature_index", "feature_names", "shifted_index"]

FEATURE_VERSION = 3
"""Raise this whenever the meaning or the order of any feature changes."""

# Each in units of 10 dB, for every band. "level" is one frame; fast, middle, slow and long are running means in dB; the
# floor is what remains between the syllables of speech or the beats of music. Plateau and peaks are the run's own.
BAND_FEATURES: tuple[str, ...] = (
    "level-background",
    "middle-background",
    "level-middle",
    "fast-slow",
    "middle-long",
    "middle-plateau",
    "fast-fast@0.1s",
    "fast-fast@0.3s",
    "middle-middle@1s",
    "middle-middle@2.5s",
    "slow-peak",
    "floor-background",
    "floor-peak",
    "level-floor",
)

SCALAR_FEATURES: tuple[str, ...] = (
    # Prominence of the lines at multiples of the better of 50 and 60 Hz, in 10 dB.
    "comb_low",
    "comb_high",
    "comb_other",
    "comb_low-1s",
    "comb_high-1s",
    # Prominence of the strongest lines of any pitch.
    "tonality_low",
    "tonality_middle",
    "tonality_high",
    # The strongest lines of 0.4-3 s ago: how far have they fallen; those of now: how far have they risen.
    "survival",
    "survival_long",
    "lines",
    "birth",
    # The envelope of 1-6 kHz: depth at the mains rate, its line over the median, at twice the rate, and slow
    # modulation.
    "pulse_depth",
    "pulse_line",
    "pulse_line-1s",
    "pulse_double",
    "pulse_slow",
    "flux",
    "flatness",
    # The run, by level alone: is there one, and for how long (log seconds).
    "gate",
    "gate_age",
    "silence_age",
)


def feature_names(options: FeatureOptions) -> tuple[str, ...]:
    """Name every feature, in order: band features by kind and band, then the scalars."""
    edges = options.band_edges_hz
    bands = [f"{low:g}-{high:g}Hz" for low, high in pairwise(edges)]
    return tuple(f"{kind} {band}" for kind in BAND_FEATURES for band in bands) + SCALAR_FEATURES


def feature_index(options: FeatureOptions, kinds: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Return the indices of all features whose name is, or begins with, one of `kinds`."""
    names = feature_names(options)
    return np.array(
        [i for i, name in enumerate(names) if any(name == kind or name.startswith(kind + " ") for kind in kinds)],
        dtype=np.int64,
    )


def shifted_index(options: FeatureOptions, shift: int) -> npt.NDArray[np.int64]:
    """Return from where each feature is taken, shape (features,), if all that is heard lay `shift` bands lower.

    Bands beyond the last are like it; what is no band's stays where it is.
    """
    bands = len(options.band_edges_hz) - 1
    index = np.arange(len(BAND_FEATURES) * bands + len(SCALAR_FEATURES), dtype=np.int64)
    banded = index[: len(BAND_FEATURES) * bands].reshape(-1, bands)
    banded[:] = banded[:, np.clip(np.arange(bands) + shift, 0, bands - 1)]
    return index
