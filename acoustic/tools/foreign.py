"""Sound without any espresso machine, as varied as can be: what a detector must not take for a pump.

Recordings and made sounds at other speeds, with other colours, switched on and off, one over the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..config import RATE_HZ
from ..synth import Distraction, Library
from ..synth.distractions import make_distraction
from ..synth.machines import pick
from ..synth.plan import DistractionKind

__all__ = ["foreign_sound"]

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

# Motors and mains hum come most, since they are what a pump is mistaken for.
_KINDS: Final[tuple[tuple[DistractionKind, float], ...]] = (
    ("texture", 8.0),
    ("appliance", 3.0),
    ("juicer", 2.5),
    ("music", 2.0),
    ("grinder", 1.5),
    ("tap", 1.5),
    ("speech", 1.0),
    ("steam", 1.0),
    ("dishes", 1.0),
    ("knock", 0.5),
    ("beep", 0.5),
    ("bump", 0.5),
)
# How many sessions are one sound again and again.
_REPEATED_SHARE: Final = 0.5
# Knots of the colour an octave apart, from 31 Hz to 8 kHz.
_KNOTS: Final = 9


def foreign_sound(library: Library | None, rng: np.random.Generator, duration_s: float) -> F32:
    """Draw so many seconds of sound at 16 kHz, mono, within full scale.

    Parameters
    ----------
    library
        Recordings that half of the sounds are taken from; all are made here if None.
    """
    count = int(duration_s * RATE_HZ)
    if rng.random() < _REPEATED_SHARE:
        return _repeated(library, rng, count)
    out = _floor(rng, count)
    at = 0
    while at < count:
        sound = _one(library, rng)[: count - at]
        out[at : at + len(sound)] += sound
        # The next begins over this one, right after it, or after a pause.
        kind = rng.random()
        pause_s = 0.0 if kind < 0.3 else float(rng.uniform(0.3, 8.0))
        at += int(len(sound) * rng.uniform(0.2, 0.9)) if kind > 0.75 else len(sound) + int(pause_s * RATE_HZ)
    if rng.random() < 0.25:
        # Somebody turns the microphone up or down.
        out[int(rng.integers(count)) :] *= 10 ** (rng.uniform(-15.0, 15.0) / 20)
    return np.clip(out, -1.0, 1.0).astype(np.float32)


def _repeated(library: Library | None, rng: np.random.Generator, count: int) -> F32:
    """Repeat some seconds, each time at another level: a motor that is leant on, a hum that jumps."""
    piece = _floor(rng, int(RATE_HZ * rng.uniform(2.5, 10.0)))
    for _ in range(int(rng.integers(1, 4))):
        # Some are there all the time, others begin or end within it.
        whole = rng.random() < 0.6
        sound = _one(library, rng, 0.4 if not whole else 10.0, 10.0)
        if whole:
            sound = np.resize(sound, len(piece))
        start = 0 if whole else int(rng.integers(len(piece)))
        sound = sound[: len(piece) - start]
        piece[start : start + len(sound)] += sound
    loudest_db = -20.0 * np.log10(np.abs(piece).max() + 1e-6)
    spread_db = rng.uniform(5.0, 30.0)
    fade = int(RATE_HZ * rng.uniform(0.01, 0.1))
    rise = np.sqrt(np.linspace(0.0, 1.0, fade))
    out = np.zeros(count + len(piece))
    at = 0
    while at < count:
        turn = piece * 10 ** (min(rng.uniform(-spread_db, 0.6 * spread_db), loudest_db) / 20)
        turn[:fade] *= rise
        turn[-fade:] *= rise[::-1]
        out[at : at + len(turn)] += turn
        at += len(turn) - fade
    return np.clip(out[:count], -1.0, 1.0).astype(np.float32)


def _floor(rng: np.random.Generator, count: int) -> F64:
    noise = rng.standard_normal(count)
    return _coloured(noise, rng, 4.0) * 10 ** (rng.uniform(-85.0, -42.0) / 20)


def _one(library: Library | None, rng: np.random.Generator, shortest_s: float = 1.5, longest_s: float = 30.0) -> F64:
    """Draw one sound at a level of its own."""
    import soxr

    length_s = float(shortest_s * (longest_s / shortest_s) ** rng.random())
    file, offset_s = "", 0.0
    kind = pick(rng, _KINDS)
    if library is not None and rng.random() < 0.5:
        kind = "recording"
        file, whole_s = library.files[int(rng.integers(len(library.files)))]
        offset_s = float(rng.uniform(0.0, max(0.0, whole_s - length_s)))
    sound = make_distraction(
        Distraction(kind, 0.0, length_s, 0.0, seed=int(rng.integers(2**31)), file=file, offset_s=offset_s), RATE_HZ
    )
    if rng.random() < 0.5:
        sound = soxr.resample(sound, RATE_HZ, RATE_HZ * 2.0 ** rng.uniform(-0.7, 0.7))
    if rng.random() < 0.7:
        sound = _coloured(sound, rng, 6.0)
    sound = sound * _envelope(rng, len(sound))
    loud = float(np.sqrt(np.mean(np.square(sound)))) + 1e-9
    return np.asarray(sound * (10 ** (rng.uniform(-55.0, -12.0) / 20) / loud), dtype=np.float64)


def _coloured(sound: F64, rng: np.random.Generator, spread_db: float) -> F64:
    """Filter with a smooth random curve; it wanders by about `spread_db` an octave."""
    knots_db = np.cumsum(rng.normal(0.0, spread_db / 2, _KNOTS))
    spectrum = np.fft.rfft(sound)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE_HZ), 1.0) / 31.25)
    gain = 10 ** (np.interp(octaves, np.arange(_KNOTS), knots_db - knots_db.mean()) / 20)
    return np.asarray(np.fft.irfft(spectrum * gain, len(sound)), dtype=np.float64)


def _envelope(rng: np.random.Generator, count: int) -> F64:
    """Fade in and out, quickly or slowly; some sounds are switched on and off, or change their level at once."""
    envelope = np.ones(count)
    if rng.random() < 0.35:
        lowest = rng.choice([0.0, 0.1, 0.5])
        at = 0
        while at < count:
            on, off = (int(RATE_HZ * 0.3 * 20.0 ** rng.random()) for _ in range(2))
            envelope[at + on : at + on + off] = lowest
            at += on + off
        # Not quicker than a switch and a motor: 20 ms.
        envelope = np.convolve(envelope, np.full(320, 1 / 320), mode="same")
    for edge in (envelope, envelope[::-1]):
        fade = min(count // 3, int(RATE_HZ * 0.005 * 200.0 ** rng.random()))
        edge[:fade] *= np.arange(fade) / max(fade, 1)
    return envelope
