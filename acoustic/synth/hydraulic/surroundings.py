"""What is heard around the machine: a steady bed, recordings, and events of the kitchen or the café.

How often each comes, and how loud it is, is assumption.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import gcd
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import soundfile
from scipy.signal import resample_poly

from ...config import RATE_HZ
from ...errors import AudioFileError
from .appliances import (
    appliance,
    babble,
    dishwasher,
    fan,
    fridge,
    grinder,
    hum,
    music,
    room_noise,
    running_tap,
    steam,
    voice,
)
from .draws import chance, uniform
from .signals import F32, fade, gain, rms, samples
from .small_sounds import Handling, blow, handling

__all__ = ["Event", "bed", "events"]

# At most so much of a recording is used, from a place of its own.
_LONGEST_S: Final = 30
# What is shorter or fainter than this is left out.
_SHORTEST_S: Final = 0.5
_FAINTEST: Final = 1e-6
# How a recording's end goes over into its beginning.
_CROSSFADE_S: Final = 0.25
# In a hard place everything else is so much louder, dB.
_LOUDER_DB: Final = 8
# What hands do elsewhere in the room, and how often.
_SMALL: Final[tuple[Handling, ...]] = ("cup", "spoon", "cup", "tray", "knock")


def bed(rng: np.random.Generator, condition: str, count: int, mains_hz: float, recordings: Sequence[str | Path]) -> F32:
    """Steady noise of a condition, with recordings if there are any; RMS about 1."""
    sound = room_noise(rng, count, uniform(rng, -6, -2))
    if chance(rng, 0.6):
        sound = sound + hum(rng, count, mains_hz) * np.float32(gain(uniform(rng, -14, 2)))
    for lasting, lowest_db, highest_db in _lasting(rng, condition, count, mains_hz):
        sound = sound + lasting * np.float32(gain(uniform(rng, lowest_db, highest_db)))
    sound = sound / rms(sound)
    if recordings:
        recorded = _recorded(rng, count, recordings)
        if rms(recorded) > _FAINTEST:
            sound = sound * np.float32(gain(uniform(rng, -12, 0))) + recorded / rms(recorded)
    return np.asarray(sound)


def _lasting(
    rng: np.random.Generator, condition: str, count: int, mains_hz: float
) -> Iterator[tuple[F32, float, float]]:
    """Yield what lasts in a condition, with the range of its level beside the room's noise, dB."""
    cold = partial(fridge, mains_hz=mains_hz)
    if condition == "home":
        if chance(rng, 0.3):
            yield cold(rng, count), -6, 6
    elif condition == "kitchen":
        for make, probability in ((cold, 0.5), (fan, 0.3), (music, 0.2), (voice, 0.3), (running_tap, 0.1)):
            if chance(rng, probability):
                yield make(rng, count), -4, 5
    elif condition == "hard":
        makers = (fan, running_tap, dishwasher, babble, partial(room_noise, tilt_db=-1))
        for which in rng.choice(len(makers), int(rng.integers(1, 3)), replace=False):
            yield makers[which](rng, count), 3, 10
    else:
        yield babble(rng, count), 2, 10
        if chance(rng, 0.7):
            yield music(rng, count), -2, 8
        if chance(rng, 0.3):
            yield fan(rng, count), -3, 4


def _recorded(rng: np.random.Generator, count: int, recordings: Sequence[str | Path]) -> F32:
    """Loop recordings over one another, each from somewhere, at a level of its own."""
    out = np.zeros(count, np.float32)
    for path in recordings:
        sound = _read(rng, path)
        if len(sound) < _SHORTEST_S * RATE_HZ or rms(sound) < _FAINTEST:
            continue
        length = min(len(sound) // 4, samples(_CROSSFADE_S))
        loop = sound[:-length].copy()
        loop[:length] = sound[:length] * np.linspace(0, 1, length) + sound[-length:] * np.linspace(1, 0, length)
        loop = np.roll(np.tile(loop, count // len(loop) + 1), int(rng.integers(len(loop))))[:count]
        out += (loop / rms(loop) * gain(uniform(rng, -8, 0))).astype(np.float32)
    return out


def _read(rng: np.random.Generator, path: str | Path) -> F32:
    """Read some seconds from somewhere in a recording, mono."""
    try:
        with soundfile.SoundFile(path) as file:
            wanted = min(file.frames, _LONGEST_S * file.samplerate)
            file.seek(int(rng.integers(0, max(file.frames - wanted, 0) + 1)))
            sound = file.read(wanted, dtype="float32", always_2d=True).mean(1)
            rate_hz = file.samplerate
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: cannot be read as audio ({error}); leave it out of the backgrounds") from error
    if rate_hz != RATE_HZ:
        common = gcd(rate_hz, RATE_HZ)
        sound = resample_poly(sound, RATE_HZ // common, rate_hz // common).astype(np.float32)
    return np.asarray(sound)


class Event(NamedTuple):
    """A sound of RMS about 1, when it begins, and its level beside the filling pump's."""

    sound: F32
    at_s: float
    level_db: float


class _Events:
    """Collects events of a session of so many seconds."""

    def __init__(self, rng: np.random.Generator, duration_s: float) -> None:
        self._rng, self._duration_s = rng, duration_s
        self.all: list[Event] = []

    def put(self, sound: F32, lowest_db: float, highest_db: float) -> None:
        """Put a sound somewhere."""
        latest_s = max(self._duration_s - len(sound) / RATE_HZ, 1)
        at_s = uniform(self._rng, 0, latest_s)
        self.all.append(Event(sound, at_s, uniform(self._rng, lowest_db, highest_db)))

    def put_small(self, lowest_db: float, highest_db: float) -> None:
        """Put what a hand does."""
        kind = _SMALL[int(self._rng.integers(len(_SMALL)))]
        # Its peak is 1, and so its RMS far below.
        self.put(handling(self._rng, kind) * np.float32(3), lowest_db, highest_db)

    def put_wood(self, lowest_db: float, highest_db: float) -> None:
        """Put a door or a board."""
        self.put(blow(self._rng, "wood") * np.float32(5), lowest_db, highest_db)

    def put_voice(self, longest_s: float, lowest_db: float, highest_db: float, shortest_s: float = 2) -> None:
        """Put somebody who says something."""
        self.put(voice(self._rng, samples(uniform(self._rng, shortest_s, longest_s))), lowest_db, highest_db)


def events(
    rng: np.random.Generator,
    condition: str,
    duration_s: float,
    mains_hz: float,
    idle: bool,
    other_pump: Callable[[np.random.Generator], F32],
) -> list[Event]:
    """Draw what happens in a condition; more of it where no machine is heard (`idle`)."""
    drawn = _Events(rng, duration_s)
    if condition == "home":
        _at_home(drawn, rng, mains_hz, idle)
    elif condition == "cafe":
        _in_a_cafe(drawn, rng, other_pump)
    else:
        _in_a_kitchen(drawn, rng, mains_hz, condition == "hard", idle)
    if idle and condition != "cafe":
        for _ in range(int(rng.integers(1, 4))):
            kind = rng.random()
            if kind < 0.6:
                sound = appliance(rng, uniform(rng, 4, 18), mains_hz)
            elif kind < 0.75:
                sound = grinder(rng, uniform(rng, 4, 10))
            else:
                sound = steam(rng, uniform(rng, 0.6, 5))
            drawn.put(sound, -12, 3)
    return drawn.all


def _at_home(drawn: _Events, rng: np.random.Generator, mains_hz: float, idle: bool) -> None:
    for _ in range(int(rng.integers(0, 3)) + (3 if idle else 0)):
        kind = rng.random()
        if kind < 0.4:
            drawn.put_small(-24, -12)
        elif kind < 0.6:
            drawn.put_voice(4, -26, -14, shortest_s=1.5)
        elif kind < 0.75:
            drawn.put_wood(-22, -10)
        elif idle and chance(rng, 0.6):
            drawn.put(appliance(rng, uniform(rng, 4, 15), mains_hz), -12, 0)
        elif idle:
            drawn.put(running_tap(rng, samples(uniform(rng, 3, 12))), -14, -4)


def _in_a_kitchen(drawn: _Events, rng: np.random.Generator, mains_hz: float, hard: bool, idle: bool) -> None:
    louder_db = _LOUDER_DB if hard else 0
    for _ in range(int(rng.integers(4, 12))):
        kind = rng.random()
        if kind < 0.4:
            for _ in range(int(rng.integers(1, 4))):
                drawn.put_small(-18 + louder_db, -3 + louder_db)
        elif kind < 0.55:
            count = samples(uniform(rng, 2, 12))
            drawn.put(running_tap(rng, count) * fade(count, 0.2, 0.3), -16 + louder_db, -5 + louder_db)
        elif kind < 0.8:
            drawn.put_voice(10, -16 + louder_db, -4 + louder_db)
        elif kind < 0.88 and (idle or hard):
            drawn.put(appliance(rng, uniform(rng, 3, 15), mains_hz), -12 + louder_db, -2 + louder_db)
        else:
            drawn.put_wood(-12 + louder_db, louder_db)


def _in_a_cafe(drawn: _Events, rng: np.random.Generator, other_pump: Callable[[np.random.Generator], F32]) -> None:
    for _ in range(int(rng.integers(6, 14))):
        kind = rng.random()
        if kind < 0.2:
            drawn.put(grinder(rng, uniform(rng, 3, 10)), -10, 5)
        elif kind < 0.38:
            drawn.put(steam(rng, uniform(rng, 5, 18)), -12, 3)
            if chance(rng, 0.6):
                # The wand is purged after it.
                sound, at_s, level_db = drawn.all[-1]
                purge = steam(rng, uniform(rng, 0.4, 1.3))
                purge_s = at_s + len(sound) / RATE_HZ + uniform(rng, 0.5, 2)
                drawn.all.append(Event(purge, purge_s, level_db + uniform(rng, -3, 3)))
        elif kind < 0.5:
            drawn.put(other_pump(rng), -14, -4)
        elif kind < 0.65:
            drawn.put(handling(rng, "knock") * np.float32(5), -10, 4)
        elif kind < 0.85:
            drawn.put_small(-14, 0)
        else:
            drawn.put_voice(8, -12, 0)
