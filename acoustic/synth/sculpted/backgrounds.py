"""What is heard all the time: the room, appliances, voices, music, weather, or a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import butter, oaconvolve, resample_poly, sosfilt

from ...errors import AudioFileError
from .household import tap
from .room import Place
from .signals import (
    F32,
    RATE_HZ,
    Floats,
    curve_points,
    curve_times_s,
    gain,
    log_uniform,
    pick,
    rms,
    sample_times_s,
    shaped_noise,
    slow,
    to_samples,
    unit_rms,
)
from .voices import babble, music, voice

__all__ = ["background", "dishwasher", "kettle"]

_POINTS_HZ: Final = np.array([30, 80, 160, 300, 600, 1200, 2500, 5000, 8000.0])
# Heard from across the room.
_FAR: Final = frozenset({"babble", "radio", "music", "water", "dishwasher"})


@dataclass(frozen=True, slots=True)
class _Choice:
    """What a condition's background is drawn from, by weight, and how many at once: at least, and fewer than."""

    weights: Mapping[str, float]
    least: int
    fewer_than: int


# Assumed.
_CHOICES: Final = {
    "home": _Choice({"fan": 3, "fridge": 3, "traffic": 2, "rain": 0.5, "radio": 0.3}, 0, 2),
    "kitchen": _Choice(
        {
            "fan": 1.5,
            "fridge": 2.5,
            "radio": 2,
            "water": 1,
            "dishwasher": 1.5,
            "kettle": 0.7,
            "babble": 0.8,
            "traffic": 1,
        },
        1,
        3,
    ),
    "hard": _Choice(
        {"fan": 3, "water": 1.5, "dishwasher": 2, "kettle": 1, "babble": 1, "music": 1, "rain": 1, "radio": 1}, 1, 3
    ),
    "cafe": _Choice({"babble": 4, "music": 3, "fan": 1.5, "dishwasher": 1, "traffic": 0.7, "radio": 0.6}, 2, 3),
}


def background(
    rng: np.random.Generator, condition: str, count: int, mains_hz: int, place: Place, files: Sequence[str]
) -> F32:
    """Background of a session as the microphone hears it, of any level; with `files`, one of them is in it."""
    sound = np.zeros(count, np.float32)
    beds = _recorded(rng, count, place, files) if files else _made(rng, condition, count, mains_hz, place)
    for bed, factor in beds:
        sound += (unit_rms(bed) * factor).astype(np.float32)
    if rng.random() < 0.3:
        # The recording hums, whether the pump runs or not.
        level = rms(sound) * gain(rng.uniform(-12, 0))
        t = sample_times_s(count)
        hum = np.zeros(count)
        for order, share in ((1, 0.7), (2, 1.0), (3, rng.uniform(0, 0.5))):
            hum = hum + np.sin(2 * np.pi * mains_hz * order * t + order) * share
        sound += (level * hum).astype(np.float32)
    return sound


def _recorded(rng: np.random.Generator, count: int, place: Place, files: Sequence[str]) -> list[tuple[Floats, float]]:
    recording = _read(rng, pick(rng, list(files)), count)
    beds: list[tuple[Floats, float]] = [(oaconvolve(recording, place.microphone)[:count], 1.0)]
    if rng.random() < 0.5:
        room = oaconvolve(_room(rng, count), place.microphone)[:count]
        beds.append((room, float(gain(rng.uniform(-14, -4)))))
    return beds


def _made(
    rng: np.random.Generator, condition: str, count: int, mains_hz: int, place: Place
) -> list[tuple[Floats, float]]:
    choice = _CHOICES[condition]
    shares = np.array(list(choice.weights.values())) / sum(choice.weights.values())
    number = int(rng.integers(choice.least, choice.fewer_than))
    names = [str(name) for name in rng.choice(list(choice.weights), size=number, replace=False, p=shares)]
    if condition == "cafe" and "babble" not in names and rng.random() < 0.7:
        names[0] = "babble"
    room = oaconvolve(_room(rng, count), place.microphone)[:count]
    beds = [(room, float(gain(rng.uniform(-12, 0))))]
    for name in names:
        response = place.far if name in _FAR else place.microphone
        bed = oaconvolve(_MAKERS[name](rng, count, mains_hz), response)[:count]
        beds.append((bed, float(gain(rng.uniform(-8, 3)))))
    return beds


def _read(rng: np.random.Generator, path: str, count: int) -> Floats:
    """Draw a stretch of a recording; one that is too short goes round."""
    import soundfile

    try:
        info = soundfile.info(path)
        wanted = int((count / RATE_HZ) * info.samplerate) + 1
        start = int(rng.integers(0, max(info.frames - wanted, 0) + 1))
        frames, rate_hz = soundfile.read(
            path, start=start, frames=min(wanted, info.frames), dtype="float32", always_2d=True
        )
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioFileError(f"{path}: cannot be read as audio ({error}); leave it out of the backgrounds") from error
    sound: Floats = frames.mean(1)
    if rate_hz != RATE_HZ:
        common = np.gcd(int(rate_hz), RATE_HZ)
        sound = resample_poly(sound, RATE_HZ // common, int(rate_hz) // common).astype(np.float32)
    if len(sound) == 0:
        return np.zeros(count, np.float32)
    if len(sound) < count:
        # A soft seam.
        seam = min(800, len(sound) // 4)
        sound = sound.copy()
        if seam:
            rise = np.linspace(0, 1, seam, dtype=np.float32)
            sound[:seam] = sound[:seam] * rise + sound[-seam:] * (1 - rise)
            sound = sound[:-seam]
        sound = np.roll(sound, int(rng.integers(len(sound))))
    return np.resize(sound, count)


def _room(rng: np.random.Generator, count: int) -> Floats:
    levels_db = -rng.uniform(4, 8) * np.log2(_POINTS_HZ / 30) + rng.normal(0, 2.5, len(_POINTS_HZ))
    return shaped_noise(rng, count, _POINTS_HZ, levels_db)


def _fan(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    """Make the noise and the whine of a laptop's fan, or of an extractor hood."""
    levels_db = np.array([-6, -2, 0, 0, -3, -8, -14, -22, -32.0]) + rng.normal(0, 3, len(_POINTS_HZ))
    noise = shaped_noise(rng, count, _POINTS_HZ, levels_db)
    t = sample_times_s(count)
    hz = log_uniform(rng, 120, 900)
    whine = rng.uniform(0, 0.5) * np.sin(2 * np.pi * hz * t + 3 * np.sin(2 * np.pi * 0.13 * t))
    sound = noise + whine + rng.uniform(0, 0.2) * np.sin(4 * np.pi * hz * t)
    return unit_rms(sound.astype(np.float32))


def _fridge(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    """Hum and noise of a compressor, which may start or stop."""
    t = sample_times_s(count)
    hum = np.zeros(count)
    for order in range(1, 9):
        # Odd orders come from the motor, which slips.
        slip = 1 if order % 2 == 0 else 0.985
        hum = hum + rng.uniform(0, 1) / order * np.sin(2 * np.pi * mains_hz * order * slip * t + order)
    sound = unit_rms(hum * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * t)))
    sound = sound + 0.5 * shaped_noise(rng, count, _POINTS_HZ, [0, 0, 0, -4, -10, -18, -26, -34, -44])
    points = np.arange(curve_points(count))
    running = np.ones(len(points))
    if rng.random() < 0.4:
        switched_at = rng.uniform(0.2, 0.8) * len(points)
        running = ((points > switched_at) if rng.random() < 0.5 else (points < switched_at)).astype(float)
        running = gaussian_filter1d(running, 20)
    return unit_rms((sound * to_samples(running, count)).astype(np.float32))


def _water(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    stream = tap(rng, min(count / RATE_HZ, 17))
    return unit_rms(np.resize(stream[3000:-5000], count))


def dishwasher(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    """Water that is thrown about, and a pump's hum."""
    t = curve_times_s(curve_points(count))
    levels_db = np.array([-8, 0, 0, -2, -4, -8, -14, -22, -30.0]) + rng.normal(0, 2, len(_POINTS_HZ))
    noise = shaped_noise(rng, count, _POINTS_HZ, levels_db)
    swash = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.4, 1.3) * t + slow(rng, len(t), 2))
    hum = np.sin(2 * np.pi * mains_hz * 2 * 0.98 * np.arange(count) / RATE_HZ)
    sound = noise * to_samples(0.4 + swash, count) + rng.uniform(0.1, 0.8) * hum
    return unit_rms(sound.astype(np.float32))


def kettle(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    """Water comes to the boil."""
    t = curve_times_s(curve_points(count))
    noise = shaped_noise(rng, count, _POINTS_HZ, [-20, -14, -8, -3, 0, -3, -8, -14, -22])
    heat = np.clip(t / (count / RATE_HZ) * rng.uniform(0.8, 2), 0, 1)
    level_db = -14 + 14 * heat + 1.5 * slow(rng, len(t), 0.1)
    return unit_rms(noise * to_samples(gain(level_db), count))


def _babble(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    return babble(rng, count / RATE_HZ, int(rng.integers(5, 12)))


def _radio(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    """Music or a speaker, through a small loudspeaker."""
    duration_s = count / RATE_HZ
    musical = rng.random() < 0.5
    sound = music(rng, duration_s) if musical else np.resize(voice(rng, min(duration_s, 35), 0.95), count)
    band_hz = [rng.uniform(150, 350), rng.uniform(2800, 6500)]
    sections = butter(2, band_hz, "band", fs=RATE_HZ, output="sos")
    return unit_rms(sosfilt(sections, sound)).astype(np.float32)


def _music(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    return music(rng, count / RATE_HZ)


def _traffic(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    noise = shaped_noise(rng, count, _POINTS_HZ, [0, 0, -3, -6, -8, -12, -20, -30, -42])
    return unit_rms(noise * to_samples(gain(5 * slow(rng, curve_points(count), 2.5)), count))


def _rain(rng: np.random.Generator, count: int, mains_hz: int) -> Floats:
    levels_db = np.array([-25, -20, -14, -8, -4, 0, 0, -3, -6.0]) + rng.normal(0, 2, len(_POINTS_HZ))
    return shaped_noise(rng, count, _POINTS_HZ, levels_db)


_MAKERS: Final[dict[str, Callable[[np.random.Generator, int, int], Floats]]] = {
    "fan": _fan,
    "fridge": _fridge,
    "water": _water,
    "dishwasher": dishwasher,
    "kettle": kettle,
    "babble": _babble,
    "radio": _radio,
    "music": _music,
    "traffic": _traffic,
    "rain": _rain,
}
