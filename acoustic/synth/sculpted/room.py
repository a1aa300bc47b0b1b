"""A room, the microphone in it, and what a laptop makes of its signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.fft
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, lfilter, oaconvolve

from .signals import (
    BANDS,
    F32,
    RATE_HZ,
    Floats,
    curve_points,
    curve_times_s,
    gain,
    log_uniform,
    pick,
    sculpt,
)

__all__ = ["Place", "digitised", "draw_one", "draw_place", "processed"]

# All of these are assumed. Reverberation times, seconds, and levels of the direct sound over the rest, dB.
_T60_S: Final = {"home": (0.15, 0.9), "kitchen": (0.25, 1.1), "hard": (0.3, 1.2), "cafe": (0.3, 1.2)}
_DIRECT_DB: Final = {"home": (-2, 12), "kitchen": (-4, 10), "hard": (-10, 5), "cafe": (-5, 9)}
# Decay times of the bands, from low to high, relative to the room's.
_DECAY_RATIOS: Final = np.array([1.2, 1.15, 1.1, 1.0, 0.9, 0.75, 0.55])
# How many microphones have no treble, and how many laptops process what they hear.
_DULL_SHARE: Final = {"home": 0.12, "kitchen": 0.15, "hard": 0.35, "cafe": 0.2}
_PROCESSED_SHARE: Final = {"home": 0.1, "kitchen": 0.15, "hard": 0.22, "cafe": 0.15}
_CLIPPED_SHARE: Final = 0.05
_MICROPHONE_POINTS_HZ: Final = np.array([0, 40, 80, 150, 300, 600, 1200, 2400, 3600, 5000, 6500, 8000.0])
_MICROPHONE_TAPS: Final = 640
_FULL_SCALE: Final = 0.97


@dataclass(frozen=True, slots=True)
class Place:
    """Impulse responses to the laptop: `near` from the machine, `far` from the rest of the room, and the microphone's.

    `near` and `far` contain the microphone's.
    """

    near: F32
    far: F32
    microphone: F32


def draw_one(rng: np.random.Generator, limits: Mapping[str, tuple[float, float]], condition: str) -> float:
    """Draw uniformly for each condition, so that draws are as many in all, and return that of one."""
    return {name: rng.uniform(*each) for name, each in limits.items()}[condition]


def draw_place(rng: np.random.Generator, condition: str) -> Place:
    """Draw a room and a microphone."""
    t60_s = {name: log_uniform(rng, *limits_s) for name, limits_s in _T60_S.items()}[condition]
    direct_db = draw_one(rng, _DIRECT_DB, condition)
    # A laptop behind something.
    dull = condition == "hard" and rng.random() < 0.5
    microphone = _draw_microphone(rng, condition)
    near = oaconvolve(_draw_response(rng, t60_s, direct_db, dull), microphone)
    far_db = direct_db - rng.uniform(3, 12)
    far = oaconvolve(_draw_response(rng, t60_s * 1.1, far_db, False), microphone)
    return Place(near, far, microphone)


def _draw_response(rng: np.random.Generator, t60_s: float, direct_db: float, dull: bool) -> F32:
    """Direct sound, early reflections and a diffuse tail, of unit energy."""
    count = int(min(max(t60_s * 1.1, 0.12), 1.3) * RATE_HZ)
    t = curve_times_s(curve_points(count))
    decays_s = t60_s * _DECAY_RATIOS * rng.uniform(0.85, 1.15, BANDS)
    levels_db = -60 * t[:, None] / decays_s + rng.normal(0, 1.5, BANDS)
    tail = sculpt(rng.standard_normal(count, dtype=np.float32), levels_db)
    tail[: int(rng.uniform(0.003, 0.015) * RATE_HZ)] = 0
    tail = tail / (np.sqrt(np.sum(tail**2)) + 1e-9)
    response: Floats = tail * float(gain(-direct_db))
    response[0] += 1.0
    for _ in range(int(rng.integers(3, 9))):
        at = int(rng.uniform(0.0006, 0.02) * RATE_HZ)
        response[at] += rng.uniform(-0.5, 0.5) * float(gain(-max(direct_db, 0) * 0.3))
    if dull:
        response = lfilter(*butter(1, log_uniform(rng, 1500, 5000), fs=RATE_HZ), response)
    return np.asarray(response / np.sqrt(np.sum(response**2)), np.float32)


def _draw_microphone(rng: np.random.Generator, condition: str) -> F32:
    hz = _MICROPHONE_POINTS_HZ
    highpass_hz = log_uniform(rng, 60, 200)
    order = pick(rng, [1, 2, 3])
    levels_db = -10 * order * np.log10(1 + (highpass_hz / np.maximum(hz, 5)) ** 2)
    levels_db = levels_db + gaussian_filter1d(rng.normal(0, 3.0, len(hz)), 0.6)
    if rng.random() < 0.5:
        # A resonance of its case.
        peak_db = rng.uniform(2, 7)
        away = np.log2(np.maximum(hz, 5) / log_uniform(rng, 2200, 6000)) / 0.4
        levels_db += peak_db * np.exp(-(away**2))
    if rng.random() < _DULL_SHARE[condition]:
        lowpass_hz = rng.uniform(5000, 7000) if condition == "home" else rng.uniform(3300, 6500)
        levels_db -= 24 * np.log2(np.maximum(hz / lowpass_hz, 1)) * 2
    size = 1024
    bins_hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    factors = gain(np.interp(bins_hz, hz, np.maximum(levels_db, -60)))
    # Minimum phase, by folding the cepstrum.
    cepstrum = np.fft.irfft(np.log(factors))
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:_MICROPHONE_TAPS]
    response[-100:] *= np.linspace(1, 0, 100)
    return response.astype(np.float32)


def processed(rng: np.random.Generator, sound: F32, condition: str) -> F32:
    """Suppress noise and level out, as some laptops do, and those at home mildly."""
    mild = condition == "home"
    if rng.random() < _PROCESSED_SHARE[condition]:
        depth_db = rng.uniform(3, 7) if mild else rng.uniform(4, 14)
        sound = _suppressed(sound, round(float(depth_db), 1))
    if rng.random() < _PROCESSED_SHARE[condition]:
        range_db = rng.uniform(2, 4) if mild else rng.uniform(3, 9)
        sound = _levelled(rng, sound, round(float(range_db), 1))
    return sound


def _suppressed(sound: F32, depth_db: float) -> F32:
    """Noise suppression: a slow minimum of the power in each bin, and a gate like Wiener's."""
    size, hop = 512, 256
    frames = len(sound) // hop + 3
    padded = np.zeros(frames * hop + size, np.float32)
    padded[hop : hop + len(sound)] = sound
    window = np.sqrt(np.hanning(size + 1)[:size]).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:frames]
    spectra = scipy.fft.rfft(windows * window, axis=1)
    power = np.abs(spectra) ** 2
    power = lfilter([0.25], [1, -0.75], power, axis=0).astype(np.float32) + 1e-12
    floor = np.empty_like(power)
    present = power[3:20].mean(0)
    for frame in range(frames):
        present = np.minimum(power[frame], present * np.float32(1.012))
        floor[frame] = present
    factors = np.sqrt(np.maximum(1 - 2.2 * floor / power, float(10 ** (-depth_db / 10))))
    factors = lfilter([0.5], [1, -0.5], factors, axis=0).astype(np.float32)
    cleaned = scipy.fft.irfft(spectra * factors, n=size, axis=1) * window
    out = np.zeros((frames + 2, hop), np.float32)
    out[:frames] += cleaned[:, :hop]
    out[1 : frames + 1] += cleaned[:, hop:]
    return out.reshape(-1)[hop : hop + len(sound)]


def _levelled(rng: np.random.Generator, sound: F32, range_db: float) -> F32:
    """Automatic gain: slow up, faster down, within `range_db` both ways."""
    hop, hop_s = 320, 0.02
    steps = len(sound) // hop
    levels_db = 20 * np.log10(np.sqrt(np.mean(sound[: steps * hop].reshape(steps, hop) ** 2, axis=1)) + 1e-6)
    target_db = rng.uniform(-26, -18)
    up_db, down_db = rng.uniform(0.3, 1.5) * hop_s, rng.uniform(3, 12) * hop_s
    now_db, gains_db = 0.0, np.zeros(steps + 1)
    for step in range(steps):
        wanted_db = np.clip(target_db - levels_db[step], -range_db, range_db)
        now_db += np.clip(wanted_db - now_db, -down_db, up_db)
        gains_db[step] = now_db
    gains_db[steps] = now_db
    factors = np.interp(np.arange(len(sound)) / hop, np.arange(steps + 1), gain(gains_db))
    return sound * factors.astype(np.float32)


def digitised(rng: np.random.Generator, sound: F32) -> F32:
    """Bring a sound into full scale, hard now and then, softly otherwise, and round it to 16 bits."""
    peak = float(np.max(np.abs(sound)))
    limited: Floats = sound
    if rng.random() < _CLIPPED_SHARE:
        limited = sound * float(1.6 / peak)
    elif peak > _FULL_SCALE:
        factor = max(_FULL_SCALE / peak, 0.35)
        limited = sound * factor
        if peak * factor > _FULL_SCALE:
            knee, above = 0.7, 0.27
            bent = np.sign(limited) * (knee + above * np.tanh((np.abs(limited) - knee) / above))
            limited = np.where(np.abs(limited) > knee, bent, limited)
    return (np.round(np.clip(limited, -0.999, 0.999) * 32767) / 32767).astype(np.float32)
