"""The whoosh: pressure is let out through the valve; bubbles and drops come after it."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

import numpy as np

from ...config import RATE_HZ
from .draws import uniform
from .machine import ReleaseValve
from .signals import F32, F64, add, convolve, gain, noise, samples, seconds, wander
from .small_sounds import blow, bubbles, drips

__all__ = ["Whoosh", "whoosh"]

# Below this pressure the air no longer leaves at the speed of sound.
_CHOKED_BAR: Final = 0.9
# Levels are those at 9 bar, and grow with the pressure up to 15.
_USUAL_BAR, _MOST_BAR = 9, 15
# Short-time level of the hiss is taken over this.
_LEVEL_S: Final = 0.03


class Whoosh(NamedTuple):
    """Samples; when they have sunk to a tenth, in seconds from their beginning; and how loud they are."""

    sound: F32
    end_s: float
    level: float


def whoosh(valve: ReleaseValve, rng: np.random.Generator, bar: float, strength: float = 1.0) -> Whoosh:
    """Let so much pressure out."""
    decay_s = valve.decay_s * uniform(rng, 0.8, 1.25)
    falling = _falling(bar)
    tenth = max(int(np.argmax(falling < 0.1)), 3)
    time_s = np.arange(len(falling)) * (decay_s / tenth)
    slug_s = valve.slug_s * uniform(rng, 0.5, 1.2)
    count = samples(time_s[-1] + slug_s + 0.1)
    t = seconds(count)
    level = np.interp(t - slug_s, time_s, falling, left=1.0, right=0.0) * (1 - np.exp(-t / valve.attack_s))
    level = np.where(t < slug_s, level * uniform(rng, 0.35, 0.8), level).astype(np.float32)
    burst = _hiss(valve, rng, level, decay_s + slug_s)
    heard = np.flatnonzero(level >= 0.1 * level.max())
    end_s = (heard[-1] + 1) / RATE_HZ
    sound = _with_water(valve, rng, burst, float(end_s))
    loudness = gain(valve.level_db) * (min(bar, _MOST_BAR) / _USUAL_BAR) ** 1.1 * strength
    loudness = loudness * gain(rng.normal(0, 1.2))
    return Whoosh((sound * loudness).astype(np.float32), float(end_s), loudness)


def _falling(bar: float) -> F64:
    """Blow-down of trapped air through a hole, choked and then subsonic: amplitude by equal steps of time."""
    curve, left = [], bar
    while left > 1e-3:
        curve.append(left)
        outflow = left + 1 if left > _CHOKED_BAR else 1.9 * sqrt(left / _CHOKED_BAR)
        left = max(0.0, left - 0.004 * outflow)
    return np.asarray((np.array(curve) / bar) ** 1.3)


def _hiss(valve: ReleaseValve, rng: np.random.Generator, level: F32, most_s: float) -> F32:
    """Make the burst itself, at a peak level of 1, with the pop at its beginning. It spits most from `most_s` on."""
    count = len(level)
    coming = np.minimum(1, seconds(count) / most_s)
    spitting = np.clip(wander(rng, count, uniform(rng, 8, 40), 0.8), -0.9, 2.5)
    spit = 1 + valve.spit * spitting * (0.3 + 0.7 * coming).astype(np.float32)
    # The dull part stays longer than the bright one.
    bright = convolve(noise(rng, count), valve.bright) * level ** np.float32(1.15)
    dull = convolve(noise(rng, count), valve.dull) * level ** np.float32(0.8) * np.float32(uniform(rng, 0.15, 0.8))
    hiss = (bright + dull) * spit
    width = samples(_LEVEL_S)
    loudest = np.sqrt(np.convolve(hiss.astype(float) ** 2, np.ones(width) / width, "valid").max())
    hiss = hiss / np.float32(loudest + 1e-9)
    if valve.pop:
        pop = np.zeros(count, np.float32)
        add(pop, blow(rng, "thud") * np.float32(valve.pop * uniform(rng, 0.4, 1.2)), 0.0)
        add(pop, blow(rng, "click") * np.float32(valve.pop * uniform(rng, 0.2, 0.8)), 0.0)
        hiss = hiss + pop
    return np.asarray(hiss)


def _with_water(valve: ReleaseValve, rng: np.random.Generator, burst: F32, end_s: float) -> F32:
    """Add gurgling and drips, which outlast the burst."""
    gurgle = valve.gurgle * uniform(rng, 0.5, 1.3)
    sound = np.zeros(max(samples(end_s + uniform(rng, 1.5, 5)), len(burst)), np.float32)
    sound[: len(burst)] += burst
    density = np.exp(-np.arange(len(sound)) / RATE_HZ / uniform(rng, 0.4, 1.6)).astype(np.float32)
    density[: int(0.4 * end_s * RATE_HZ)] *= 0.3
    sound += bubbles(rng, density, 70 * gurgle, 250, 2200) * np.float32(0.25 * gurgle)
    if valve.drips:
        drops = drips(rng, uniform(rng, 1, 4), uniform(rng, 0.1, 0.4), uniform(rng, 1.1, 1.6))
        add(sound, drops * np.float32(uniform(rng, 0.05, 0.25)), end_s * 0.8)
    return sound
