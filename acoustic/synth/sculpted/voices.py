"""Speech-like sound and music."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import resample_poly

from .signals import (
    BAND_CENTRES_HZ,
    CURVE_HZ,
    F32,
    F64,
    RATE_HZ,
    Floats,
    add,
    curve_points,
    curve_times_s,
    gain,
    impulses,
    interpolation_matrix,
    log_uniform,
    pick,
    rms,
    sample_times_s,
    sculpt,
    slow,
    to_samples,
    turns,
    unit_rms,
)

__all__ = ["babble", "music", "voice"]

_SPEECH_HZ: Final = np.array([90, 200, 350, 500, 700, 1000, 1400, 1900, 2500, 3200, 4500, 6000, 8000.0])
_SPEECH_MATRIX: Final = interpolation_matrix(_SPEECH_HZ)
_SILENT_DB: Final = -60.0
_FIRST_FORMANTS_HZ: Final = (500, 1500, 2500)
_FORMANTS_DB: Final = (20, 16, 12)
# How many times faster or slower the others of a crowd speak, as ratios for resampling.
_SPEEDS: Final = ((15, 16), (16, 15), (1, 1), (9, 8))
_MINOR: Final = (0, 2, 3, 5, 7, 8, 10)
_MAJOR: Final = (0, 2, 4, 5, 7, 9, 11)


def _draw_syllables(rng: np.random.Generator, points: int, duration_s: float, density: float) -> tuple[F64, F64, F64]:
    """Curves of level (dB), formants (Hz, shape (points, 3)) and voicelessness (0 to 1)."""
    levels_db, formants_hz, voiceless = np.full(points, _SILENT_DB), np.zeros((points, 3)), np.zeros(points)
    now_s = rng.uniform(0, 0.5)
    formants_hz[:] = _FIRST_FORMANTS_HZ
    while now_s < duration_s:
        if rng.random() < (1 - density) * 0.35:
            now_s += rng.uniform(0.4, 2.0)
            continue
        length_s = rng.uniform(0.09, 0.3)
        start, stop = int(now_s * CURVE_HZ), min(int((now_s + length_s) * CURVE_HZ), points)
        if stop > start:
            formants_hz[start:] = (rng.uniform(280, 800), rng.uniform(850, 2300), rng.uniform(2200, 3100))
            levels_db[start:stop] = rng.uniform(-10, 0) - 6 * np.abs(np.linspace(-1, 1, stop - start)) ** 3
            if rng.random() < 0.35:
                before = max(start - int(0.08 * CURVE_HZ), 0)
                levels_db[before:start] = rng.uniform(-22, -10)
                voiceless[before:start] = 1
        now_s += length_s * rng.uniform(0.75, 1.25)
    smooth_formants_hz = gaussian_filter1d(formants_hz, 3.0, axis=0)
    return gaussian_filter1d(levels_db, 1.2), smooth_formants_hz, gaussian_filter1d(voiceless, 1.0)


def voice(rng: np.random.Generator, duration_s: float, density: float = 0.75) -> Floats:
    """Somebody speaks: glottal pulses and breath, shaped by formants that move from syllable to syllable."""
    count = int(duration_s * RATE_HZ)
    points = curve_points(count)
    middle_hz = pick(rng, [log_uniform(rng, 90, 140), log_uniform(rng, 160, 250)])
    levels_db, formants_hz, voiceless = _draw_syllables(rng, points, duration_s, density)
    pitch_hz = middle_hz * 2 ** (0.25 * slow(rng, points, 0.25) - 0.1 * np.sin(curve_times_s(points)))
    phase = turns(pitch_hz, count)
    whole = np.arange(1, int(phase[-1]))
    at = np.interp(whole, phase, np.arange(count))
    pulses: Floats = impulses(at, 1 + 0.08 * rng.standard_normal(len(whole)), count)
    pulses = pulses / rms(pulses) + 0.08 * rng.standard_normal(count, dtype=np.float32)
    tract_db = np.full((points, len(_SPEECH_HZ)), -22.0) - 9 * np.log2(np.maximum(_SPEECH_HZ, 300) / 300) * 0.6
    for number, formant_db in enumerate(_FORMANTS_DB):
        away = np.log2(_SPEECH_HZ / formants_hz[:, number : number + 1]) / 0.28
        tract_db += formant_db * np.exp(-(away**2))
    voiced = sculpt(pulses, tract_db + levels_db[:, None], _SPEECH_MATRIX)
    hiss_db = np.interp(BAND_CENTRES_HZ, [100, 1500, 4000, 8000], [-45, -25, -12, -12])
    hiss = sculpt(rng.standard_normal(count, dtype=np.float32), hiss_db)
    hiss = hiss * to_samples(voiceless * gain(np.maximum(levels_db, _SILENT_DB)), count)
    return unit_rms(voiced / (rms(voiced) + 1e-6) + 0.5 * hiss / (rms(hiss) + 1e-3))


def babble(rng: np.random.Generator, duration_s: float, voices: int) -> Floats:
    """Many speak at once: two voices, again and again, shifted and at other speeds."""
    spoken = [voice(rng, 14, 0.9) for _ in range(2)]
    count = int(duration_s * RATE_HZ)
    sound = np.zeros(count, np.float32)
    for number in range(voices):
        one: Floats = np.roll(spoken[number % 2], int(rng.integers(len(spoken[0]))))
        speed = pick(rng, _SPEEDS)
        if speed != (1, 1):
            one = resample_poly(one, *speed).astype(np.float32)
        sound += np.resize(one, count) * float(gain(rng.uniform(-8, 0)))
    return unit_rms(sound)


def _note(hz: float, duration_s: float, brightness: float) -> F64:
    t = sample_times_s(int(duration_s * RATE_HZ))
    envelope = np.exp(-t / (duration_s * 0.5)) * (1 - np.exp(-t / 0.006))
    tone = np.zeros(len(t))
    for order in range(1, 6):
        if hz * order < 7000:
            partial = np.sin(2 * np.pi * hz * order * t * (1 + 0.0003 * order) + order)
            tone = tone + partial * brightness ** (order - 1)
    return np.asarray(tone * envelope)


def _add_drums(rng: np.random.Generator, bars: F32, beat: int, beat_s: float) -> None:
    t = sample_times_s(int(0.2 * RATE_HZ))
    kick = np.sin(2 * np.pi * (50 * t + 6 * np.exp(-t / 0.03))) * np.exp(-t / 0.07)
    add(bars, kick, beat * beat_s, 0.8 * (beat % 2 == 0))
    add(bars, rng.standard_normal(len(t)) * np.exp(-t / 0.04), beat * beat_s, 0.35 * (beat % 2))
    add(bars, rng.standard_normal(800) * np.exp(-np.arange(800) / 150), (beat + 0.5) * beat_s, 0.12)


def music(rng: np.random.Generator, duration_s: float) -> Floats:
    """Two bars of chords, bass, tune and perhaps drums, over and over."""
    beats = 8
    beat_s = 60 / rng.uniform(75, 135)
    count = int(duration_s * RATE_HZ)
    root_hz = log_uniform(rng, 90, 180)
    scale = np.array(_MINOR if rng.random() < 0.5 else _MAJOR)
    loop = int(beats * beat_s * RATE_HZ)
    # The last notes ring on at the beginning.
    bars = np.zeros(loop + RATE_HZ, np.float32)
    drums = rng.random() < 0.7
    for beat in range(beats):
        degree = int(rng.integers(7))
        for third in (0, 2, 4):
            octave, step = divmod(degree + third, 7)
            hz = root_hz * 2 * 2 ** ((scale[step] + 12 * octave) / 12)
            note = _note(hz, beat_s * rng.uniform(0.8, 1.8), rng.uniform(0.3, 0.7))
            add(bars, note, beat * beat_s, 0.25)
        add(bars, _note(root_hz * 2 ** (scale[degree] / 12), beat_s, 0.4), beat * beat_s, 0.5)
        if rng.random() < 0.8:
            note = _note(root_hz * 4 * 2 ** (scale[int(rng.integers(7))] / 12), beat_s * 0.7, 0.6)
            add(bars, note, (beat + pick(rng, [0, 0.5])) * beat_s, 0.4)
        if drums:
            _add_drums(rng, bars, beat, beat_s)
    bars[:RATE_HZ] += bars[loop : loop + RATE_HZ]
    sound = np.resize(bars[:loop], count)
    return unit_rms(sound * to_samples(gain(2 * slow(rng, curve_points(count), 2.0)), count))
