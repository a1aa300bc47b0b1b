"""How likely each class of sound makes a frame: features in, log-likelihoods out, no memory."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Emission", "RuleEmission"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]


class Emission(Protocol):
    """Anything that judges frames."""

    def log_likelihood(self, features: F32) -> F64:
        """Judge frames.

        Features of shape (frames, features) give log P(frame | class) up to a constant a frame, shape (frames, 4); the
        classes are background, fill, hold and release.
        """
        ...


class RuleEmission:
    """Hand-set logistic rules from measurements on real machines: the baseline for a learned emission."""

    def __init__(self, n_bands: int) -> None:
        self._n = n_bands

    def log_likelihood(self, features: F32) -> F64:
        """See `Emission`."""
        n = self._n
        f = features.astype(np.float64) * 10.0
        kinds = f[:, : 10 * n].reshape(len(f), 10, n)
        scalars = f[:, 10 * n :]
        over = kinds[:, 1, 2:6].mean(axis=1)
        comb, survival, pulse = scalars[:, 0], scalars[:, 8], scalars[:, 13]
        pump = (
            0.3 * np.clip(comb - 10.0, -6.0, 8.0)
            + 0.1 * np.clip(pulse - 10.0, -10.0, 10.0)
            + 0.3 * np.clip(over - 6.0, -8.0, 8.0)
            + 0.4 * np.clip(survival + 8.0, -8.0, 0.0)
        )
        against_plateau = kinds[:, 5, 7:13].mean(axis=1)
        lately = np.minimum(kinds[:, 9, 7:13].mean(axis=1), kinds[:, 4, 7:13].mean(axis=1))
        gate = scalars[:, 19] > 5.0
        quiet = -0.6 * (np.where(gate, against_plateau, lately) + 5.0)
        hiss = kinds[:, 0, 10:14].mean(axis=1)
        rise = kinds[:, 7, 10:14].mean(axis=1)
        release = 0.4 * np.clip(hiss - 12.0, -10.0, 10.0) + 0.1 * np.clip(rise, -10.0, 10.0) - pump - 1.0
        p_pump = _log_sigmoid(pump)
        return np.stack(
            [
                _log_sigmoid(-pump) + _log_sigmoid(-release),
                p_pump + _log_sigmoid(-quiet),
                p_pump + _log_sigmoid(quiet),
                _log_sigmoid(release) + _log_sigmoid(-pump),
            ],
            axis=1,
        )


def _log_sigmoid(x: F64) -> F64:
    return -np.logaddexp(0.0, -x)
