"""Sounds of water, cloth, motors, steam and appliances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from .signals import (
    BAND_CENTRES_HZ,
    BAND_WIDTHS_HZ,
    BANDS,
    CURVE_HZ,
    F32,
    F64,
    RATE_HZ,
    TILT,
    Floats,
    add,
    angles,
    curve_points,
    curve_times_s,
    fade,
    gain,
    impulses,
    log_uniform,
    rms,
    sample_times_s,
    sculpt,
    shaped_noise,
    slow,
    to_samples,
    turns,
    unit_rms,
)
from .strikes import bubbles, grains, strike, ticks

__all__ = ["MOTORS", "beeps", "birds", "cloth", "microwave", "motor", "steam", "steps", "tap"]

_MOTOR_POINTS_HZ: Final = np.array([100, 400, 1500, 4000, 8000])


@dataclass(frozen=True, slots=True)
class _Motor:
    """A household motor (assumed).

    It turns at a rate within `turns_hz` and sags under load; or, if that is None, moves `mains_ratio` times a period of
    the mains. `colour_db` are levels at `_MOTOR_POINTS_HZ`.
    """

    turns_hz: tuple[float, float] | None
    noise_share: tuple[float, float]
    colour_db: tuple[float, ...]
    run_up_s: float
    mains_ratio: int = 1


_MOTORS: Final = {
    "grinder": _Motor((24, 300), (0.5, 0.85), (-14, -4, 0, -5, -10), 0.15),
    "blender": _Motor((150, 330), (0.2, 0.6), (-12, -2, 0, -4, -12), 0.3),
    "juicer": _Motor(None, (0.2, 0.5), (-4, 0, -6, -14, -22), 0.1),
    "vacuum": _Motor((250, 500), (0.6, 0.9), (-6, 0, -2, -6, -14), 0.8),
    "mixer": _Motor((120, 260), (0.3, 0.6), (-14, -3, 0, -6, -14), 0.2),
    "shaver": _Motor(None, (0.1, 0.3), (-6, 0, -4, -8, -16), 0.05, 2),
}
MOTORS: Final = tuple(_MOTORS)


def _texture(
    rng: np.random.Generator, duration_s: float, colour_db: F64, swell_db: float, swell_s: float, drift_db: float
) -> F32:
    """Noise whose colour drifts and whose level swells."""
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    levels_db = colour_db + drift_db * slow(rng, points, 0.5)[:, None] * TILT
    noise = sculpt(rng.standard_normal(count, dtype=np.float32), levels_db)
    return noise * to_samples(gain(swell_db * slow(rng, points, swell_s)), count)


def tap(rng: np.random.Generator, duration_s: float) -> F32:
    """Water runs into a sink."""
    centre_hz = log_uniform(rng, 600, 4000)
    colour_db = -np.abs(np.log2(BAND_CENTRES_HZ / centre_hz)) * rng.uniform(2, 5)
    colour_db = colour_db - 10 * np.log10(BAND_WIDTHS_HZ / 400) * 0.3
    stream = unit_rms(_texture(rng, duration_s, colour_db, rng.uniform(0.5, 2.5), 0.06, 2))
    drops = grains(rng, len(stream), rng.uniform(30, 140), bubbles(rng, 16, 350, 3500), 6)
    water = unit_rms(stream + rng.uniform(0.2, 1.2) * drops / (rms(drops) + 1e-6))
    return fade(water, rng.uniform(0.05, 0.3), rng.uniform(0.05, 0.3))


def cloth(rng: np.random.Generator, duration_s: float) -> F32:
    """Something is wiped, to and fro."""
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    angle = np.pi * rng.uniform(1.2, 3.5) * np.arange(points) / CURVE_HZ + slow(rng, points, 0.4)
    colour_db = np.interp(BAND_CENTRES_HZ, [100, 800, 3000, 8000], [-25, -6, 0, -6])
    noise = _texture(rng, duration_s, colour_db, 1.5, 0.03, 1.0)
    return fade(unit_rms(noise * to_samples(np.abs(np.sin(angle)) ** 1.5, count)), 0.1, 0.1)


def motor(rng: np.random.Generator, duration_s: float, kind: str, mains_hz: int) -> F32:
    """One of `MOTORS` is used."""
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    t = curve_times_s(points)
    # Drawn for all kinds, so that draws are as many whichever it is.
    drawn: dict[str, tuple[float, float]] = {}
    for name, each in _MOTORS.items():
        synchronous_hz = float(mains_hz * each.mains_ratio)
        full_hz = synchronous_hz if each.turns_hz is None else log_uniform(rng, *each.turns_hz)
        drawn[name] = full_hz, rng.uniform(*each.noise_share)
    (turns_hz, noise_share), made = drawn[kind], _MOTORS[kind]
    unsteady, load = slow(rng, points, 0.3), np.clip(slow(rng, points, 0.7), -1.5, 1.5)
    if made.turns_hz is None:
        rate_hz = np.full(points, turns_hz)
    else:
        rate_hz = turns_hz * (1 - np.exp(-(t + 0.02) / made.run_up_s)) * (1 + 0.01 * unsteady)
        rate_hz = rate_hz * (1 - 0.04 * load)
    phase = turns(rate_hz, count)
    per_turn = int(rng.integers(1, 7))
    events = np.arange(1, int(phase[-1] * per_turn)) / per_turn
    pattern = np.tile(1 + 0.4 * rng.standard_normal(per_turn), len(events) // per_turn + 1)[: len(events)]
    levels = pattern * (1 + 0.1 * rng.standard_normal(len(events)))
    struck = impulses(np.interp(events, phase, np.arange(count)), levels, count)
    push: Floats = np.sqrt(1 - noise_share) * struck / (rms(struck) + 1e-9)
    push = push + np.sqrt(noise_share) * rng.standard_normal(count, dtype=np.float32)
    if kind in ("grinder", "blender") and rng.random() < 0.8:
        # Universal motors pulse with the mains' half-waves.
        push = push * (1 + 0.3 * np.sin(2 * np.pi * 2 * mains_hz * np.arange(count) / RATE_HZ)).astype(np.float32)
    colour_db = np.interp(np.log(BAND_CENTRES_HZ), np.log(_MOTOR_POINTS_HZ), made.colour_db)
    colour_db = colour_db + rng.normal(0, 2.5, BANDS)
    loaded_db = 2.0 * load[:, None] * np.linspace(-0.5, 1, BANDS)
    sound = unit_rms(sculpt(push, colour_db + loaded_db))
    if kind == "grinder":
        left = np.clip(1.2 - t / max(duration_s, 1), 0.1, 1)
        beans = grains(rng, count, 90, ticks(rng, 16, 700, 6000), 7, left)
        sound = sound + 0.7 * beans / (rms(beans) + 1e-6)
    return fade(unit_rms(sound), 0.03, rng.uniform(0.08, 0.5))


def steam(rng: np.random.Generator, duration_s: float, into_milk: bool) -> F32:
    """Blow steam from a wand, into the air or into milk, where it screams and bubbles."""
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    t = curve_times_s(points)
    centre_hz = log_uniform(rng, 2500, 6500)
    colour_db = -np.abs(np.log2(BAND_CENTRES_HZ / centre_hz)) * 3.5
    drift_db = (3 * slow(rng, points, 0.5))[:, None] * TILT
    sound = unit_rms(sculpt(rng.standard_normal(count, dtype=np.float32), colour_db + drift_db))
    if into_milk:
        scream_hz = log_uniform(rng, 500, 2600) * (1 - 0.3 * t / duration_s)
        sound = sound * to_samples(gain(2.5 * slow(rng, points, 0.04)), count)
        if rng.random() < 0.6:
            angle = angles(scream_hz * (1 + 0.02 * slow(rng, points, 0.03)), count)
            scream = to_samples(np.clip(slow(rng, points, 0.4), 0, 2), count) * np.sin(angle)
            sound = sound + scream.astype(np.float32) * rng.uniform(0.2, 1)
        drops = grains(rng, count, 60, bubbles(rng, 12, 250, 1500), 6)
        sound = sound + 0.5 * drops / (rms(drops) + 1e-6)
    return fade(unit_rms(sound), rng.uniform(0.04, 0.1), rng.uniform(0.1, 0.25))


def beeps(rng: np.random.Generator) -> Floats:
    """Tell that an appliance is done."""
    hz, count = log_uniform(rng, 900, 3800), int(rng.integers(1, 6))
    length_s, gap_s = rng.uniform(0.08, 0.4), rng.uniform(0.1, 0.6)
    sound = np.zeros(int(count * (length_s + gap_s) * RATE_HZ) + 10, np.float32)
    t = sample_times_s(int(length_s * RATE_HZ))
    third = 0.3 * np.sin(6 * np.pi * hz * t) * (3 * hz < 7500)
    beep = fade(np.sin(2 * np.pi * hz * t) + third, 0.005, 0.01)
    for number in range(count):
        add(sound, beep, number * (length_s + gap_s))
    return unit_rms(sound)


def steps(rng: np.random.Generator) -> F32:
    """Somebody walks by."""
    count = int(rng.integers(3, 9))
    sound = np.zeros(int((count * 0.6 + 0.5) * RATE_HZ), np.float32)
    for number in range(count):
        add(sound, strike(rng, "thud"), number * 0.55 + rng.uniform(0, 0.05), rng.uniform(0.4, 1))
    return sound


def birds(rng: np.random.Generator) -> Floats:
    """Chirps through the window."""
    sound = np.zeros(3 * RATE_HZ, np.float32)
    hz = log_uniform(rng, 2300, 5000)
    for at_s in np.sort(rng.uniform(0, 2.6, 9)):
        t = sample_times_s(int(rng.uniform(0.05, 0.15) * RATE_HZ))
        chirp = np.sin(2 * np.pi * (hz * t + rng.uniform(-4000, 4000) * t * t))
        add(sound, fade(chirp, 0.01, 0.02), at_s)
    return unit_rms(sound)


def microwave(rng: np.random.Generator, mains_hz: int) -> Floats:
    """Make the sound of a transformer and a fan."""
    count = int(rng.uniform(6, 18) * RATE_HZ)
    t = sample_times_s(count)
    hum = np.zeros(count)
    for order in range(1, 12):
        hum = hum + np.sin(2 * np.pi * mains_hz * 2 * order * t + order) * rng.uniform(0.1, 1) / order**0.7
    sound = unit_rms(hum) + 0.6 * shaped_noise(rng, count, [30, 200, 1000, 4000, 8000], [-8, 0, -6, -18, -30])
    return unit_rms(fade(sound, 0.05, 0.05))
