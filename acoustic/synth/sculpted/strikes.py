"""Sounds that are made of short events: things that ring when struck, and textures of many grains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from scipy.signal import lfilter

from .signals import (
    F32,
    F64,
    HOP,
    RATE_HZ,
    Floats,
    add,
    gain,
    log_uniform,
    log_uniforms,
    sample_times_s,
    unit_peak,
)

__all__ = ["Strike", "bounce", "bubbles", "clatter", "grains", "modal", "strike", "ticks"]

Strike = Literal["dish", "metal", "thud", "clunk"]

# Higher modes would fold back.
_HIGHEST_MODE_HZ: Final = 7600
# Grains stay shorter than this, in samples; more events than these nobody hears apart.
_LONGEST_GRAIN: Final = 9000
_MOST_GRAINS: Final = 2500


def modal(
    rng: np.random.Generator,
    modes_hz: F64,
    decays_s: F64,
    levels: F64,
    duration_s: float,
    attack_s: float = 0.0006,
) -> F32:
    """Decaying sines; `decays_s` are the times in which they sink by 60 dB."""
    count = int(duration_s * RATE_HZ)
    t = sample_times_s(count)
    sound = np.zeros(count)
    for hz, decay_s, level in zip(modes_hz, decays_s, levels, strict=True):
        if hz < _HIGHEST_MODE_HZ:
            sound += level * np.exp(-6.9 * t / decay_s) * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6.28))
    sound *= 1 - np.exp(-t / attack_s)
    return sound.astype(np.float32)


def _unit_energy(grain: F64) -> F32:
    return np.asarray(grain / (np.sqrt(np.sum(grain * grain)) + 1e-9), np.float32)


def bubbles(rng: np.random.Generator, count: int, low_hz: float, high_hz: float) -> tuple[F32, ...]:
    """Bank of drops: decaying, slightly rising tones, as a bubble under water makes (Minnaert 1933)."""
    bank = []
    for _ in range(count):
        hz = log_uniform(rng, low_hz, high_hz)
        decay_s = np.clip(rng.uniform(8, 40) / hz, 0.004, 0.12)
        t = np.arange(int(decay_s * 4 * RATE_HZ)) / RATE_HZ
        rise = rng.uniform(0, 1.2)
        phase = 2 * np.pi * hz * (t + rise * t * t / (8 * decay_s))
        bank.append(_unit_energy(np.sin(phase) * np.exp(-t / decay_s) * (1 - np.exp(-t / 0.001))))
    return tuple(bank)


def ticks(rng: np.random.Generator, count: int, low_hz: float, high_hz: float) -> tuple[F32, ...]:
    """Bank of short coloured bursts of noise."""
    bank = []
    for _ in range(count):
        hz = log_uniform(rng, low_hz, high_hz)
        decay_s = log_uniform(rng, 0.002, 0.03)
        t = np.arange(int(decay_s * 5 * RATE_HZ) + 8) / RATE_HZ
        burst = rng.standard_normal(len(t)) * np.exp(-t / decay_s)
        resonance = [1, -2 * 0.9 * np.cos(2 * np.pi * hz / RATE_HZ), 0.81]
        bank.append(_unit_energy(lfilter([1, 0, -1], resonance, burst)))
    return tuple(bank)


def grains(
    rng: np.random.Generator,
    count: int,
    rate_hz: float,
    bank: Sequence[F32],
    spread_db: float,
    density: F64 | None = None,
) -> F32:
    """Texture of grains of random times and levels, `count` samples; `density` is a curve of how many are kept."""
    sound = np.zeros(count + _LONGEST_GRAIN, np.float32)
    events = min(rng.poisson(rate_hz * count / RATE_HZ), _MOST_GRAINS)
    at = rng.integers(0, max(count, 1), events)
    levels = gain(rng.normal(0, spread_db, events))
    if density is not None:
        kept_share = np.interp(at / HOP, np.arange(len(density)), density)
        kept = rng.random(events) < kept_share / (np.max(density) + 1e-9)
        at, levels = at[kept], levels[kept]
    which = rng.integers(0, len(bank), len(at))
    for start, level, number in zip(at, levels, which, strict=True):
        grain = bank[number]
        sound[start : start + len(grain)] += level * grain
    return sound[:count]


def strike(rng: np.random.Generator, kind: Strike) -> Floats:
    """Something is set down or knocked, peak 1: a dish, metal, a dull thud, the handle's clunk (a thud and metal)."""
    if kind == "dish":
        modes = 7
        lowest_hz = log_uniform(rng, 900, 3000)
        modes_hz = lowest_hz * np.r_[1, np.cumsum(rng.uniform(0.15, 0.9, modes - 1)) + 1]
        sound = modal(rng, modes_hz, log_uniforms(rng, 0.08, 0.9, modes), rng.uniform(0.2, 1, modes), 0.8)
    elif kind == "metal":
        modes = 9
        modes_hz = log_uniforms(rng, 350, 6800, modes)
        sound = modal(rng, modes_hz, log_uniforms(rng, 0.05, 0.6, modes), rng.uniform(0.1, 1, modes), 0.6)
    elif kind == "thud":
        modes = 6
        modes_hz = log_uniforms(rng, 70, 700, modes)
        sound = modal(rng, modes_hz, log_uniforms(rng, 0.04, 0.25, modes), rng.uniform(0.2, 1, modes), 0.35, 0.002)
    else:
        low, high = 6, 4
        modes_hz = np.r_[log_uniforms(rng, 90, 500, low), log_uniforms(rng, 900, 4500, high)]
        decays_s = np.r_[log_uniforms(rng, 0.05, 0.2, low), log_uniforms(rng, 0.04, 0.3, high)]
        levels = np.r_[rng.uniform(0.4, 1, low), rng.uniform(0.05, 0.5, high)]
        sound = modal(rng, modes_hz, decays_s, levels, 0.4)
    contact = min(len(sound), 400)
    scrape = rng.standard_normal(contact) * np.exp(-np.arange(contact) / 40.0) * rng.uniform(0.05, 0.5)
    sound[:contact] += scrape.astype(np.float32)
    return unit_peak(sound)


def clatter(rng: np.random.Generator, kind: Strike, count: int, span_s: float) -> Floats:
    """Several strikes at random times, peak 1."""
    sound = np.zeros(int((span_s + 0.9) * RATE_HZ), np.float32)
    for at_s in np.sort(rng.uniform(0, span_s, count)):
        add(sound, strike(rng, kind), at_s, gain(rng.uniform(-16, 0)))
    return unit_peak(sound)


def bounce(rng: np.random.Generator) -> Floats:
    """Let a disk or a spoon fall and come to rest, with ever faster hits; peak 1."""
    sound = np.zeros(int(1.6 * RATE_HZ), np.float32)
    hit, at_s, gap_s, level = strike(rng, "metal"), 0.0, rng.uniform(0.1, 0.22), 1.0
    while at_s < 1.0 and gap_s > 0.008:
        add(sound, hit, at_s, level * rng.uniform(0.7, 1.1))
        at_s, gap_s, level = at_s + gap_s, gap_s * rng.uniform(0.68, 0.85), level * 0.8
    return unit_peak(sound)
