"""Lasting noise of a room: sloping noise that swells, mains hum, a laptop's fan, a recording's bed."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from .filters import Floats, noise, weighted_rms
from .loops import Loop, read_sound
from .plan import Background

__all__ = ["Ambience"]

_POLES: Final = 6
_BED_S: Final = 30.0


@numba.njit(cache=True, nogil=True)
def _ambient(
    out: Floats,
    poles: Floats,
    weights: Floats,
    white: float,
    swell: float,
    hum: float,
    hum_step: float,
    fan: float,
    fan_step: float,
    rate_hz: float,
    seeds: npt.NDArray[np.int64],
    low: Floats,
    state: Floats,
) -> None:
    slow = math.exp(-2.0 * math.pi * 0.15 / rate_hz)
    drive = math.sqrt(1.0 - slow * slow)
    for n in range(len(out)):
        w = noise(seeds, 0)
        y = white * w
        for i in range(len(poles)):
            low[i] += poles[i] * (w - low[i])
            y += weights[i] * low[i]
        state[0] = slow * state[0] + drive * noise(seeds, 1)
        y *= math.exp(swell * state[0])
        # Hum and blade tone as polynomial sines: phase in turns.
        state[1] = (state[1] + hum_step) % 1.0
        u = 2.0 * state[1] - 1.0
        v = 2.0 * ((2.0 * state[1]) % 1.0) - 1.0
        w3 = 2.0 * ((3.0 * state[1]) % 1.0) - 1.0
        y += hum * (u * (1.0 - abs(u)) + 3.0 * v * (1.0 - abs(v)) + w3 * (1.0 - abs(w3)))
        state[2] = (state[2] + fan_step * (1.0 + 0.002 * state[0])) % 1.0
        f = 2.0 * state[2] - 1.0
        y += fan * (4.0 * f * (1.0 - abs(f)) + 0.8 * noise(seeds, 2))
        out[n] = y


class Ambience:
    """Streaming noise of weighted RMS 1 times `level`."""

    def __init__(
        self, parameters: Background, level: float, mains_hz: float, rate_hz: int, rng: np.random.Generator
    ) -> None:
        self._rate_hz = rate_hz
        self._seeds = rng.integers(1, 2**32 - 1, size=3, dtype=np.int64)
        # A power-law slope is a sum of one-pole low-passes, one every octave and a half.
        corners = parameters.corner_hz * 2.0 ** (1.5 * np.arange(_POLES))
        slope = parameters.slope_db_octave
        self._poles = 1.0 - np.exp(-2.0 * np.pi * np.minimum(corners, 0.45 * rate_hz) / rate_hz)
        wanted = 10.0 ** (slope * 1.5 * np.arange(_POLES) / 20.0)
        self._weights = wanted * (1.0 - 10.0 ** (slope * 1.5 / 20.0))
        self._white = 0.3 * float(self._weights[-1])
        self._swell = parameters.swell_db * math.log(10.0) / 20.0
        self._hum_step = mains_hz / rate_hz
        self._fan_step = parameters.fan_hz / rate_hz
        self._hum = self._fan = 0.0
        self._reset()
        seeds = self._seeds.copy()
        norm = 1.0 / weighted_rms(self._run(rate_hz // 2), rate_hz)
        self._seeds = seeds
        self._weights *= level * norm
        self._white *= level * norm
        self._hum = level * 10.0 ** (parameters.hum_db / 20.0) * 4.0
        self._fan = level * 10.0 ** (parameters.fan_db / 20.0)
        self._bed: Loop | None = None
        if parameters.bed:
            sound = read_sound(parameters.bed, 0.0, _BED_S, rate_hz)
            gain = level * 10.0 ** (parameters.bed_db / 20.0) / weighted_rms(sound, rate_hz)
            self._bed = Loop([sound * gain], rate_hz, rng)
        self._reset()

    def _reset(self) -> None:
        self._low = np.zeros(_POLES)
        self._state = np.zeros(3)

    def _run(self, count: int) -> Floats:
        out = np.empty(count)
        _ambient(
            out,
            self._poles,
            self._weights,
            self._white,
            self._swell,
            self._hum,
            self._hum_step,
            self._fan,
            self._fan_step,
            float(self._rate_hz),
            self._seeds,
            self._low,
            self._state,
        )
        return out

    def render(self, count: int) -> Floats:
        """Next samples."""
        sound = self._run(count)
        if self._bed is not None:
            sound += self._bed.read(count)
        return sound
