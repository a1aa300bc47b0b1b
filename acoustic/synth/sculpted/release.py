"""The sound of a release: hiss whose colour falls with the pressure, a pop, spitting, gurgling, drops into the tray.

All of it is assumed: no recording of a release was at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from .signals import (
    BAND_CENTRES_HZ,
    BANDS,
    F32,
    F64,
    RATE_HZ,
    Floats,
    add,
    curve_points,
    curve_times_s,
    fade,
    gain,
    log_uniform,
    log_uniforms,
    pick,
    rms,
    sample_times_s,
    sculpt,
    slow,
    to_samples,
    unit_peak,
)
from .strikes import grains, modal

__all__ = ["Release", "draw_release", "release_sound"]

ReleaseShape = Literal["exp", "sqrt", "plateau", "double"]

# Drops may fall for so long after the hiss.
_DRIPPING_S: Final = 9
_RELEASE_SHAPES: Final[dict[ReleaseShape, float]] = {"exp": 0.45, "sqrt": 0.25, "plateau": 0.12, "double": 0.18}


@dataclass(frozen=True, slots=True)
class Release:
    """The burst of steam and water when the valve opens, and what comes after it; levels relative to the fill.

    Its colour falls from `high_hz` to `low_hz` as the pressure goes; `tenth_s` is when it has sunk to a tenth. `pop`
    and `gurgle` are factors, 0 for none. `delay_s` is from the pump's stop.
    """

    level_db: float
    tenth_s: float
    shape: ReleaseShape
    attack_s: float
    high_hz: float
    low_hz: float
    tilt_db: float
    bumps_db: F64
    pop: float
    pop_hz: float
    spit: float
    gurgle: float
    drips: int
    delay_s: float


def draw_release(rng: np.random.Generator, lever: bool) -> Release:
    """Draw a machine's release; with a lever it may come late."""
    level_db = float(np.clip(rng.normal(-6, 5.5), -18, 5))
    tenth_s = float(np.clip(np.exp(rng.normal(np.log(0.5), 0.55)), 0.12, 1.6))
    shape = pick(rng, list(_RELEASE_SHAPES), list(_RELEASE_SHAPES.values()))
    attack_s = log_uniform(rng, 0.003, 0.07)
    high_hz, low_hz = log_uniform(rng, 1300, 5500), log_uniform(rng, 500, 2200)
    tilt_db = rng.uniform(-5, 1)
    bumps_db = rng.normal(0, 3.5, BANDS)
    pop = gain(rng.uniform(-8, 8)) if rng.random() < 0.6 else 0.0
    pop_hz = log_uniform(rng, 90, 700)
    spit = rng.uniform(0, 1)
    gurgle = gain(rng.uniform(-26, -8)) if rng.random() < 0.65 else 0.0
    drips = int(rng.integers(0, 14))
    if lever and rng.random() < 0.5:
        # The user moves it on after the pump has stopped.
        delay_s = rng.uniform(0.7, 2.0)
    else:
        delays_s = [rng.uniform(0.0, 0.06), rng.uniform(0.03, 0.3), rng.uniform(0.2, 0.6)]
        delay_s = pick(rng, delays_s, [0.45, 0.4, 0.15])
    return Release(
        level_db,
        tenth_s,
        shape,
        attack_s,
        high_hz,
        low_hz,
        tilt_db,
        bumps_db,
        pop,
        pop_hz,
        spit,
        gurgle,
        drips,
        delay_s,
    )


def release_sound(
    rng: np.random.Generator, release: Release, drops: Sequence[F32], spits: Sequence[F32], level_db: float, weak: bool
) -> tuple[Floats, float]:
    """Sound of a release, and the time in it when its hiss has sunk to a tenth.

    Parameters
    ----------
    rng
        Draws what differs from one to the next.
    release
        That of the machine.
    drops, spits
        Grains: water in its tray, and what spits.
    level_db
        Added to the machine's own level.
    weak
        Whether there was little pressure: it is shorter and does not pop.
    """
    hiss, end_s = _draw_hiss(rng, release, spits, weak)
    sound = np.zeros(len(hiss) + _DRIPPING_S * RATE_HZ, np.float32)
    sound[: len(hiss)] += hiss
    if release.pop and not weak:
        add(sound, _draw_pop(rng, release), 0.0, release.pop * 1.5)
    if release.gurgle:
        gurgle = _draw_gurgle(rng, drops, weak)
        add(sound, gurgle, max(end_s * rng.uniform(0.4, 1.0), 0.05), release.gurgle * 0.6)
    dry = weak and rng.random() < 0.4
    for _ in range(0 if dry else release.drips):
        drop = drops[int(rng.integers(len(drops)))]
        add(sound, drop, end_s + rng.exponential(2.2), gain(rng.uniform(-22, -4)) * 2)
    return sound * float(gain(release.level_db + level_db)), end_s


def _outflow(release: Release, t: F64, tenth_s: float) -> F64:
    """How much flows, peak 1."""
    if release.shape == "exp":
        flow = np.exp(-2.303 * t / tenth_s)
    elif release.shape == "sqrt":
        flow = np.clip(1 - t / (tenth_s * 1.1), 0, 1) ** 1.3 + 0.03 * np.exp(-t / tenth_s)
    elif release.shape == "plateau":
        flow = 1 / (1 + np.exp((t - tenth_s * 0.8) / (0.06 * tenth_s + 0.01)))
    else:
        flow = 0.65 * np.exp(-t / 0.05) + 0.55 * np.exp(-2.0 * t / tenth_s)
    flow = flow * (1 - np.exp(-t / (release.attack_s / 2)))
    return np.asarray(flow / flow.max())


def _draw_hiss(rng: np.random.Generator, release: Release, spits: Sequence[F32], weak: bool) -> tuple[Floats, float]:
    tenth_s = float(np.clip(release.tenth_s * rng.lognormal(0, 0.13) * (0.5 if weak else 1), 0.08, 2.0))
    count = int((tenth_s * 2.2 + 0.4) * RATE_HZ)
    t, points = sample_times_s(count), curve_points(count)
    flow = _outflow(release, t, tenth_s)
    end_s = float(t[np.nonzero(flow > 0.1)[0][-1]])
    pressure = np.interp(curve_times_s(points), t, flow)
    centre_hz = release.low_hz * (release.high_hz / release.low_hz) ** np.sqrt(pressure)
    away = np.abs(np.log2(BAND_CENTRES_HZ / centre_hz[:, None]))
    colour_db = -(away**1.5) * 3.0 + release.tilt_db * 0.4 * np.log2(BAND_CENTRES_HZ / 1000) + release.bumps_db
    colour_db[:, 0] -= 8
    hiss: Floats = sculpt(rng.standard_normal(count, dtype=np.float32), colour_db)
    hiss = hiss / (rms(hiss[: int(max(end_s, 0.06) * RATE_HZ)]) + 1e-6)
    # The less pressure, the more it spits.
    spit = release.spit * (1.2 - pressure)
    spit_db = np.clip(spit * 5 * slow(rng, points, 0.015), -14, 7)
    hiss = hiss * flow.astype(np.float32) * to_samples(gain(spit_db), count)
    if release.spit > 0.3:
        spitting = grains(rng, count, 70, spits, 6, pressure)
        hiss = hiss + spitting * rng.uniform(1, 5) * release.spit
    return hiss, end_s


def _draw_pop(rng: np.random.Generator, release: Release) -> Floats:
    modes = 5
    modes_hz = release.pop_hz * log_uniforms(rng, 0.6, 3, modes)
    pop = modal(rng, modes_hz, log_uniforms(rng, 0.03, 0.12, modes), rng.uniform(0.2, 1, modes), 0.15)
    burst = rng.standard_normal(len(pop)).astype(np.float32)
    pop += burst * np.exp(-sample_times_s(len(pop)) / 0.006).astype(np.float32) * 0.5
    return unit_peak(pop)


def _draw_gurgle(rng: np.random.Generator, drops: Sequence[F32], weak: bool) -> F32:
    duration_s = rng.uniform(0.4, 3.0) * (0.6 if weak else 1)
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    t = curve_times_s(points)
    strength = np.exp(-2.5 * t / duration_s) * np.clip(t / 0.1, 0, 1)
    colour_db = np.interp(np.log(BAND_CENTRES_HZ), np.log([80, 350, 900, 3000, 8000]), [-12, 0, -3, -18, -32])
    flow: Floats = sculpt(rng.standard_normal(count, dtype=np.float32), colour_db)
    unsteady = gain(np.clip(7 * slow(rng, points, 0.025), -20, 8))
    flow = flow / rms(flow) * to_samples(strength * unsteady, count)
    dropping = grains(rng, count, 45, drops, 6, strength)
    return fade(flow + dropping * 4, 0.01, 0.1)
