"""Small sounds: blows, bubbles, drips, and what a hand does beside the machine."""

from __future__ import annotations

from math import pi
from typing import Final, Literal

import numpy as np

from ...config import RATE_HZ
from .draws import chance, log_uniform, uniform
from .signals import (
    F32,
    Floats,
    Plate,
    add,
    colour,
    convolve,
    fade,
    noise,
    pulses,
    ringing,
    rms,
    samples,
    seconds,
    wander,
)

__all__ = ["Blow", "Handling", "blow", "bubbles", "drips", "handling"]

Blow = Literal["ceramic", "metal", "wood", "thud", "click", "clunk", "plastic"]
Handling = Literal["lock", "unlock", "cloth", "cup", "water", "knock", "tray", "spoon"]

# What is struck, by its modes: how hard and how large it is. Assumptions.
_STRUCK: Final[dict[Blow, Plate]] = {
    "ceramic": Plate(12, 1500, 7000, (60, 300), -2, 0.35),
    "metal": Plate(18, 700, 7500, (60, 500), -2, 0.6),
    "wood": Plate(10, 120, 1800, (6, 20), -6, 0.15),
    "thud": Plate(8, 50, 400, (4, 12), -6, 0.2),
    "click": Plate(14, 1200, 7000, (6, 25), -1, 0.03),
    "clunk": Plate(16, 150, 3500, (8, 40), -4, 0.15),
    "plastic": Plate(12, 400, 4500, (6, 25), -3, 0.08),
}
# The drip tray as it is pushed home.
_TRAY: Final = Plate(20, 250, 5000, (15, 80), -3, 0.15)
# Bubbles ring at so many pitches of their own.
_PITCHES: Final = 9


def blow(rng: np.random.Generator, kind: Blow) -> F32:
    """Something is struck; peak 1."""
    sound = ringing(rng, _STRUCK[kind])
    return np.asarray((sound / (np.abs(sound).max() + 1e-9)).astype(np.float32))


def _blow(rng: np.random.Generator, kind: Blow, softest: float, hardest: float) -> F32:
    sound = blow(rng, kind)
    return np.asarray(sound * np.float32(uniform(rng, softest, hardest)))


def bubbles(
    rng: np.random.Generator, density: Floats, rate_hz: float, low_hz: float = 400, high_hz: float = 3000
) -> F32:
    """Bubbles of water, each of which rings at its pitch.

    Parameters
    ----------
    rng
        Where and how they are.
    density
        Shape (n,): where how many are.
    rate_hz
        How many there are in a second where the density is 1.
    low_hz, high_hz
        Range of their pitches.
    """
    count = len(density)
    out = np.zeros(count, np.float32)
    cumulated = np.cumsum(density.astype(np.float64)) + 1e-9
    mean = cumulated[-1] / count
    born = rng.poisson(max(rate_hz * count / RATE_HZ, 0) * mean)
    if born == 0:
        return out
    places = np.searchsorted(cumulated, rng.random(born) * cumulated[-1]).astype(float)
    pitch = rng.integers(0, _PITCHES, born)
    height = np.exp(rng.normal(0, 0.8, born)) * rng.choice([-1, 1], born)
    t = seconds(samples(0.06))
    for each in range(_PITCHES):
        these = pitch == each
        if these.any():
            hz = log_uniform(rng, low_hz, high_hz)
            damping = hz / uniform(rng, 8, 20)
            rising = uniform(rng, 0, 3)
            ring = np.sin(2 * pi * hz * t * (1 + rising * t)) * np.exp(-damping * t)
            out += convolve(pulses(count, places[these], height[these]), ring)
    return out


def drips(rng: np.random.Generator, duration_s: float, first_gap_s: float, slowing: float) -> F32:
    """Let drops fall into the tray, slower and slower."""
    out = np.zeros(samples(duration_s), np.float32)
    at_s, gap_s = uniform(rng, 0, first_gap_s), first_gap_s
    t = seconds(samples(0.05))
    while at_s < duration_s - 0.1:
        hz = log_uniform(rng, 600, 2600)
        drop = np.sin(2 * pi * hz * t * (1 + 4 * t)) * np.exp(-t * hz / 12) * uniform(rng, 0.3, 1)
        add(out, drop.astype(np.float32), at_s)
        # It strikes the plastic just before the bubble rings.
        add(out, _blow(rng, "plastic", 0.1, 0.5), at_s - 0.005 if at_s > 0.01 else at_s)
        at_s += gap_s * uniform(rng, 0.5, 1.5)
        gap_s *= slowing
    return out


def handling(rng: np.random.Generator, kind: Handling) -> F32:
    """Let a hand do something beside the machine; peak about 1."""
    sound = _HANDLING[kind](rng)
    return np.asarray((sound / (np.abs(sound).max() + 1e-9)).astype(np.float32))


def _handle(rng: np.random.Generator) -> F32:
    """Turn the handle in its lugs: it scrapes and strikes home."""
    out = np.zeros(samples(uniform(rng, 0.7, 1.4)), np.float32)
    count = samples(uniform(rng, 0.15, 0.45))
    scrape = convolve(noise(rng, count), colour(rng, 500, 5000, -3, 4, 2)) * fade(count, 0.04, 0.08)
    scrape = scrape * (1 + wander(rng, count, 25, 0.5)) * uniform(rng, 0.05, 0.25)
    add(out, scrape, 0.05)
    for _ in range(rng.integers(1, 4)):
        add(out, _blow(rng, "clunk", 0.3, 1), uniform(rng, 0, 0.5))
    add(out, _blow(rng, "thud", 0.3, 1), uniform(rng, 0.1, 0.5))
    return out


def _cloth(rng: np.random.Generator) -> F32:
    count = samples(uniform(rng, 0.6, 2.5))
    to_and_fro = np.cumsum(1 + wander(rng, count, 2, 0.3))
    rubbing = np.abs(np.sin(pi * to_and_fro / RATE_HZ * uniform(rng, 2, 4))) ** 1.5
    cloth = convolve(noise(rng, count), colour(rng, 600, 6000, -4, 3))
    return np.asarray(cloth * rubbing.astype(np.float32) * fade(count, 0.1, 0.2))


def _cups(rng: np.random.Generator) -> F32:
    out = np.zeros(samples(1.2), np.float32)
    for _ in range(rng.integers(1, 5)):
        kind: Blow = "ceramic" if chance(rng, 0.6) else "metal"
        add(out, _blow(rng, kind, 0.2, 1), uniform(rng, 0, 0.7))
    return out


def _water(rng: np.random.Generator) -> F32:
    count = samples(uniform(rng, 1, 4))
    level = fade(count, 0.15, 0.4)
    stream = convolve(noise(rng, count), colour(rng, 400, 6500, -3, 3, 1)) * level
    stream = stream * (1 + wander(rng, count, 6, 0.25))
    return np.asarray(stream + bubbles(rng, level, uniform(rng, 20, 80)) * np.float32(0.25))


def _knocks(rng: np.random.Generator) -> F32:
    """Knock the puck out."""
    out = np.zeros(samples(1.6), np.float32)
    at_s = 0.05
    for _ in range(rng.integers(1, 4)):
        add(out, _blow(rng, "thud", 0.6, 1), at_s)
        add(out, _blow(rng, "wood", 0.3, 0.8), at_s)
        at_s += uniform(rng, 0.2, 0.5)
    return out


def _tray(rng: np.random.Generator) -> F32:
    count = samples(uniform(rng, 0.5, 1.2))
    sliding = convolve(noise(rng, count), ringing(rng, _TRAY))
    out = np.asarray(sliding * np.abs(wander(rng, count, 12, 1)) * fade(count, 0.05, 0.1))
    add(out, blow(rng, "clunk") * np.float32(rms(out) * 6), count / RATE_HZ * 0.7)
    return out


def _spoon(rng: np.random.Generator) -> F32:
    """Put down a spoon, and the tin of cleaner."""
    out = np.zeros(samples(1.5), np.float32)
    for _ in range(rng.integers(2, 7)):
        kind: Blow = "plastic" if chance(rng, 0.6) else "metal"
        add(out, _blow(rng, kind, 0.1, 0.7), uniform(rng, 0, 1.1))
    return out


_HANDLING: Final = {
    "lock": _handle,
    "unlock": _handle,
    "cloth": _cloth,
    "cup": _cups,
    "water": _water,
    "knock": _knocks,
    "tray": _tray,
    "spoon": _spoon,
}
