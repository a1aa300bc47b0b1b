"""What a laptop does to its microphone's signal. How often and how far it does so is assumed."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from .signals import RATE_HZ, Floats, from_spectra, spectra

__all__ = ["processed"]

# A suppressor learns the noise from so many frames at once, and believes that it rises by 0.6 dB in these.
_LEARNT_FRAMES: Final = 16
_NOISE_RISE: Final = 10**0.06
_LEVEL: Final = 0.05
_LEVEL_S: Final = 0.05
_FASTER, _SLOWER = 0.2, 0.015
_LOUDEST: Final = 0.98
_BENT_FROM: Final = 0.7
_BENT: Final = 0.29
# Above this a signal is rather bent than clipped.
_FAR_TOO_LOUD: Final = 4


def processed(sound: Floats, condition: str, rng: np.random.Generator) -> Floats:
    """Signal as a program gets it: some noise may be suppressed, its level kept, its peaks clipped."""
    home = condition == "home"
    if rng.random() < (0.1 if home else 0.2):
        sound = _suppressed(sound, rng.uniform(4, 8) if home else rng.uniform(5, 13))
    if rng.random() < 0.15:
        sound = _kept_level(sound, rng.uniform(0.2, 0.45))
    peak = np.abs(sound).max()
    if rng.random() < 0.06:
        sound = np.tanh(sound) if peak >= _FAR_TOO_LOUD else sound * max(1, rng.uniform(1.0, 1.6) / peak)
    elif peak > _LOUDEST:
        magnitude = np.abs(sound)
        bent = np.sign(sound) * (_BENT_FROM + _BENT * np.tanh((magnitude - _BENT_FROM) / _BENT))
        sound = np.where(magnitude > _BENT_FROM, bent, sound)
    return np.clip(sound, -1, 1)


def _suppressed(sound: Floats, most_db: float) -> Floats:
    """Signal without some of what stays, by `most_db` at most."""
    frames = spectra(sound)
    power = np.abs(frames) ** 2
    steps = len(power) // _LEARNT_FRAMES
    means = power[: steps * _LEARNT_FRAMES].reshape(steps, _LEARNT_FRAMES, -1).mean(1)
    means = gaussian_filter1d(means, 3, axis=1)
    noise = np.empty_like(means)
    latest = means[:4].min(0)
    for step, mean in enumerate(means):
        lower, higher = 0.5 * latest + 0.5 * mean, np.minimum(latest * _NOISE_RISE, mean)
        latest = np.where(mean < latest, lower, higher)
        noise[step] = latest
    noise = np.repeat(noise, _LEARNT_FRAMES, axis=0)
    noise = np.concatenate([noise, np.repeat(noise[-1:], len(power) - len(noise), axis=0)])
    factors = np.sqrt(np.clip(1 - noise / (power + 1e-12), 10 ** (-most_db / 10), 1))
    return from_spectra(frames * uniform_filter1d(factors, 3, axis=0), len(sound))


def _kept_level(sound: Floats, share: float) -> Floats:
    """Signal brought nearer to one level, as far as `share` says."""
    hop = int(_LEVEL_S * RATE_HZ)
    levels = np.sqrt(np.mean(sound[: len(sound) // hop * hop].reshape(-1, hop) ** 2, axis=1) + 1e-10)
    factors = np.empty(len(levels))
    followed = levels[0]
    for step, level in enumerate(levels):
        followed += (level - followed) * (_FASTER if level > followed else _SLOWER)
        factors[step] = np.clip((_LEVEL / followed) ** share, 0.3, 3)
    return sound * np.interp(np.arange(len(sound)), np.arange(len(factors)) * hop, factors)
