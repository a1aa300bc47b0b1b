"""What else sounds in a room: its noise and hum, appliances, water, voices, music. All of RMS 1 unless faded."""

from __future__ import annotations

from math import exp, pi
from typing import Final

import numpy as np
from scipy.signal import lfilter

from ...config import RATE_HZ
from .draws import chance, uniform
from .room import room
from .signals import (
    F32,
    Plate,
    add,
    colour,
    convolve,
    fade,
    gain,
    noise,
    pulses,
    ringing,
    rms,
    samples,
    seconds,
    wander,
)
from .small_sounds import bubbles

__all__ = [
    "appliance",
    "babble",
    "dishwasher",
    "fan",
    "fridge",
    "grinder",
    "hum",
    "music",
    "room_noise",
    "running_tap",
    "steam",
    "voice",
]

# Formants of six vowels, and how wide each formant is.
_VOWELS_HZ: Final = (
    (700, 1200, 2500),
    (400, 2000, 2600),
    (300, 2300, 3000),
    (450, 800, 2500),
    (330, 900, 2300),
    (550, 1600, 2500),
)
_FORMANT_WIDTHS_HZ: Final = (80, 110, 160)
# Babble is made for so long, and then repeats.
_BABBLE_S: Final = 14
# Semitones of the roots of chords, and of the notes over them.
_ROOTS: Final = (0, 2, 4, 5, 7, 9)
_NOTES: Final = (0, 4, 7, 12, 16, 19)
_BEATS: Final = 16
# What beans strike in a grinder.
_BURRS: Final = Plate(30, 700, 7500, (5, 25), -2, 0.04)


def room_noise(rng: np.random.Generator, count: int, tilt_db: float) -> F32:
    """Steady noise with a slope, dB an octave."""
    white = noise(rng, count)
    sound = convolve(white, colour(rng, 40, uniform(rng, 1500, 7900), tilt_db, 3, int(rng.integers(0, 3))))
    return _level(sound * (1 + wander(rng, count, 0.3, uniform(rng, 0.03, 0.18))))


def _level(sound: F32) -> F32:
    return np.asarray(sound / rms(sound))


def hum(rng: np.random.Generator, count: int, mains_hz: float) -> F32:
    """Eight harmonics of the mains."""
    t = seconds(count)
    out = np.zeros(count, np.float32)
    for k in range(1, 9):
        height = np.float32(gain(-4 * k + rng.normal(0, 6)))
        out += height * np.sin((2 * pi * ((k * mains_hz * t) % 1) + uniform(rng, 0, 6)).astype(np.float32))
    return _level(out)


def fridge(rng: np.random.Generator, count: int, mains_hz: float) -> F32:
    """Hum of a compressor, with slip or without, that may start or stop within the time."""
    turning = hum(rng, count, mains_hz * (1 if chance(rng, 0.5) else uniform(rng, 0.94, 0.99)))
    sound = turning + 0.3 * convolve(noise(rng, count), colour(rng, 100, 1500, -4, 4, 3))
    level = np.ones(count, np.float32)
    if chance(rng, 0.5):
        turn = int(uniform(rng, 0.2, 0.8) * count)
        if chance(rng, 0.5):
            level[turn:] = 0
        else:
            level[:turn] = 0
        level = lfilter([0.0008], [1, -0.9992], level).astype(np.float32)
    return _level(sound * level)


def voice(rng: np.random.Generator, count: int) -> F32:
    """Pulses of a talker's glottis through formants, syllable by syllable."""
    out = np.zeros(count, np.float32)
    pitch_hz = uniform(rng, 90, 230)
    tract = uniform(rng, 0.9, 1.2)
    at = int(uniform(rng, 0, 1) * RATE_HZ)
    while at < count:
        syllables = int(rng.integers(4, 16))
        phrase_hz = pitch_hz * uniform(rng, 0.9, 1.25)
        for each in range(syllables):
            length = int(uniform(rng, 0.1, 0.28) * RATE_HZ)
            if at + length >= count:
                break
            # Pitch falls along a phrase.
            out[at : at + length] += _vowel(rng, length, phrase_hz * (1.1 - 0.25 * each / syllables), tract)
            if chance(rng, 0.35):
                hiss = int(uniform(rng, 0.04, 0.12) * RATE_HZ)
                consonant = np.diff(rng.normal(0, 1, hiss + 1)) * np.hanning(hiss) * uniform(rng, 0.05, 0.2)
                out[at : at + hiss] += consonant[: len(out[at : at + hiss])].astype(np.float32)
            at += int(length * uniform(rng, 0.8, 1.1))
        at += int(uniform(rng, 0.2, 1.6) * RATE_HZ)
    return _level(out)


def _vowel(rng: np.random.Generator, length: int, pitch_hz: float, tract: float) -> F32:
    bent_hz = pitch_hz * (1 + np.linspace(0, rng.normal(0, 0.08), length))
    phase = np.cumsum(bent_hz) / RATE_HZ
    sound = (1 - (phase % 1)) ** 2 - 0.33
    sound = sound + rng.normal(0, 0.05, length)
    formants_hz = _VOWELS_HZ[int(rng.integers(len(_VOWELS_HZ)))]
    for formant_hz, width_hz in zip(formants_hz, _FORMANT_WIDTHS_HZ, strict=True):
        radius = exp(-pi * width_hz / RATE_HZ)
        poles = [1, -2 * radius * np.cos(2 * pi * formant_hz * tract / RATE_HZ), radius * radius]
        sound = lfilter([1 - radius], poles, sound)
    swell = np.sin(np.linspace(0, pi, length)) ** 0.6
    sound = sound / (np.abs(sound).max() + 1e-9) * swell * uniform(rng, 0.4, 1)
    return np.asarray(sound.astype(np.float32))


def babble(rng: np.random.Generator, count: int) -> F32:
    """Many talkers in a hall: some, each of them more than once."""
    length = min(count, _BABBLE_S * RATE_HZ)
    out = np.zeros(length, np.float32)
    for _ in range(4):
        talker = voice(rng, length)
        for _ in range(int(rng.integers(2, 4))):
            out += np.roll(talker, int(rng.integers(length))) * np.float32(uniform(rng, 0.3, 1))
    out = convolve(out, room(rng, uniform(rng, 0.5, 1.1), 6))
    return _level(np.tile(out, count // length + 1)[:count])


def music(rng: np.random.Generator, count: int) -> F32:
    """Four chords, a drum and a hi-hat, again and again."""
    beat_s = 60 / uniform(rng, 70, 130)
    length = int(beat_s * _BEATS * RATE_HZ)
    out = np.zeros(length + RATE_HZ, np.float32)
    root_hz = uniform(rng, 90, 200)
    chords = rng.choice(_ROOTS, 4)
    decay = uniform(rng, 1.5, 8)
    drum_s = seconds(samples(0.2))
    for beat in range(_BEATS):
        for _ in range(int(rng.integers(1, 4))):
            semitones = chords[beat // 4] + rng.choice(_NOTES)
            hz = root_hz * 2 ** (semitones / 12)
            t = seconds(int(beat_s * uniform(rng, 0.5, 2) * RATE_HZ))
            tones = np.asarray(sum(np.sin(2 * pi * hz * order * t) / order**1.3 for order in range(1, 6)))
            note = tones * np.exp(-decay * t) * np.minimum(1, t * 200)
            add(out, (note * 0.4).astype(np.float32), beat_s * (beat + rng.choice([0, 0.5])))
        if beat % 2 == 0:
            drum = 1.2 * np.sin(2 * pi * 55 * drum_s + 8 * np.exp(-30 * drum_s)) * np.exp(-18 * drum_s)
            add(out, drum.astype(np.float32), beat_s * beat)
        hat = np.diff(rng.normal(0, 0.3, len(drum_s) + 1)) * np.exp(-60 * drum_s)
        add(out, hat.astype(np.float32), beat_s * (beat + 0.5))
    return _level(np.tile(out[:length], count // length + 1)[:count])


def running_tap(rng: np.random.Generator, count: int) -> F32:
    """Water into a sink."""
    white = noise(rng, count)
    stream = convolve(white, colour(rng, uniform(rng, 200, 800), 7500, uniform(rng, -5, 0), 4, 2))
    stream = stream * (1 + wander(rng, count, 3, 0.15))
    return _level(stream + bubbles(rng, np.ones(count, np.float32), 60) * np.float32(0.6))


def fan(rng: np.random.Generator, count: int) -> F32:
    """Noise of an extractor hood, and tones of its shaft and blades."""
    t = seconds(count)
    turning_hz = uniform(rng, 18, 50)
    out = convolve(noise(rng, count), colour(rng, 60, 4000, -5, 3, 2))
    for order in (1, int(rng.integers(5, 9)), int(rng.integers(9, 16))):
        height = np.float32(uniform(rng, 0.05, 0.5))
        out += height * np.sin(2 * pi * turning_hz * order * t).astype(np.float32)
    return _level(out)


def dishwasher(rng: np.random.Generator, count: int) -> F32:
    """Water that is flung round and round, and the pump's hum."""
    t = seconds(count)
    turning_hz = uniform(rng, 0.4, 0.9)
    water = convolve(noise(rng, count), colour(rng, 150, 3000, -5, 4, 2))
    water = water * (0.6 + 0.4 * np.sin(2 * pi * turning_hz * t)).astype(np.float32)
    return _level(water + 0.5 * hum(rng, count, 50 if chance(rng, 0.5) else 60))


def grinder(rng: np.random.Generator, duration_s: float) -> F32:
    """Motor and beans of a coffee grinder, fewer beans towards the end."""
    count = samples(duration_s)
    t = seconds(count)
    turning_hz = uniform(rng, 18, 30) * (1 - np.exp(-t / 0.15)) * (1 + 0.03 * wander(rng, count, 2, 1))
    phase = 2 * pi * np.cumsum(turning_hz) / RATE_HZ
    tones = [gain(rng.normal(-6, 5)) * np.sin(k * phase + uniform(rng, 0, 6)) for k in (1, 2, 4, 7, 12, 20, 31)]
    motor = np.asarray(sum(tones)).astype(np.float32)
    beans = int(duration_s * uniform(rng, 150, 600))
    left = np.clip(1 - (t / duration_s) ** 4 * uniform(rng, 0.2, 1), 0.05, 1)
    places = rng.uniform(0, count, beans)
    heights = np.exp(rng.normal(0, 0.7, beans)) * np.interp(places, np.arange(count), left)
    cracking = convolve(pulses(count, places, heights), ringing(rng, _BURRS))
    sound = motor / rms(motor) * 0.6 + cracking / rms(cracking) * uniform(rng, 0.7, 1.4)
    return np.asarray(sound * fade(count, 0.12, 0.3))


def steam(rng: np.random.Generator, duration_s: float) -> F32:
    """Hiss of a steam wand: short, it is a purge; long, it screams in milk and grows dull."""
    count = samples(duration_s)
    level = fade(count, uniform(rng, 0.05, 0.3), uniform(rng, 0.1, 0.3))
    white = noise(rng, count)
    sound = convolve(white, colour(rng, uniform(rng, 500, 1500), 7900, uniform(rng, -2, 3), 3, 2))
    sound = sound * (1 + wander(rng, count, 20, 0.25))
    if duration_s > 3:
        scream_hz = uniform(rng, 700, 2500) * (1 - 0.3 * np.linspace(0, 1, count))
        scream_hz = scream_hz * (1 + 0.08 * wander(rng, count, 8, 1))
        rising = np.clip(wander(rng, count, 5, 1), 0, 3)
        scream = rising * np.sin(2 * pi * np.cumsum(scream_hz) / RATE_HZ).astype(np.float32)
        sound += scream * np.float32(uniform(rng, 0.2, 1.5))
        sound = sound * (0.7 + 0.3 * np.linspace(1, 0, count)).astype(np.float32)
    return np.asarray(_level(sound) * level)


def appliance(rng: np.random.Generator, duration_s: float, mains_hz: float) -> F32:
    """Something with a motor that is no pump, or a kettle."""
    count = samples(duration_s)
    kind = rng.choice(["blender", "juicer", "microwave", "kettle", "frother"])
    if kind in ("blender", "frother"):
        sound = _blender(rng, count)
    elif kind == "juicer":
        load = np.clip(0.5 + wander(rng, count, 0.8, 0.5), 0, 1.5)
        rough = convolve(noise(rng, count), colour(rng, 200, 5000, -3, 4, 3))
        turning = np.abs(np.sin(pi * mains_hz * seconds(count))).astype(np.float32) ** 2
        sound = rough * turning * (0.3 + load) + hum(rng, count, mains_hz) * (0.5 + 0.5 * load)
    elif kind == "microwave":
        sound = _microwave(rng, duration_s, mains_hz)
    else:
        boiling = np.linspace(0, 1, count).astype(np.float32)
        hiss = convolve(noise(rng, count), colour(rng, 150, 3000, -4, 3, 2))
        hiss = hiss * np.linspace(0.1, 1, count).astype(np.float32) ** 2
        sound = hiss + bubbles(rng, boiling, 120, 150, 900) * np.float32(0.3)
    return np.asarray(_level(sound) * fade(count, 0.1, 0.2))


def _blender(rng: np.random.Generator, count: int) -> F32:
    t = seconds(count)
    turning_hz = uniform(rng, 120, 260) * (1 - np.exp(-t / 0.3)) * (1 + 0.1 * wander(rng, count, 0.6, 1))
    phase = 2 * pi * np.cumsum(turning_hz) / RATE_HZ
    tones = [np.sin(k * phase) * gain(rng.normal(-3 * k**0.5, 4)) for k in (1, 2, 3, 5, 8, 13)]
    motor = np.asarray(sum(tones)).astype(np.float32)
    return np.asarray(motor + convolve(noise(rng, count), colour(rng, 300, 7000, -2, 4, 2)))


def _microwave(rng: np.random.Generator, duration_s: float, mains_hz: float) -> F32:
    """Hum and a fan; a longer one ends with three beeps."""
    count = samples(duration_s)
    out = hum(rng, count, mains_hz)
    out = out + 0.3 * convolve(noise(rng, count), colour(rng, 100, 3000, -3, 3))
    if duration_s > 4:
        length = samples(0.4)
        beep = (1.5 * np.sin(2 * pi * 2050 * np.arange(length) / RATE_HZ)).astype(np.float32)
        for k in range(3):
            add(out, beep * fade(length, 0.01, 0.01), duration_s - 2.4 + 0.8 * k)
    return out
