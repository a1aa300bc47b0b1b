"""A room: direct sound, early reflections and a decaying tail.

The tail is a feedback delay network (Jot and Chaigne 1991) with a low-pass in every line, so that it decays at the
stated T60 and faster at high frequencies. It needs no FFT and no stored response.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from .filters import Floats
from .plan import RoomParameters

__all__ = ["Room"]

_LINES: Final = 12
_EARLY: Final = 8
_SPEED_M_S: Final = 343.0


@numba.njit(cache=True, nogil=True)
def _reverberate(
    direct: Floats,
    diffuse: Floats,
    early: Floats,
    taps: npt.NDArray[np.int64],
    tap_gains: Floats,
    early_at: int,
    lines: Floats,
    lengths: npt.NDArray[np.int64],
    line_at: npt.NDArray[np.int64],
    feedback: Floats,
    damping: Floats,
    low: Floats,
    gain: float,
) -> int:
    """Add the room's answer to `diffuse` onto `direct`, in place; return the new write position of `early`."""
    mix = 2.0 / _LINES
    for n in range(len(direct)):
        x = diffuse[n]
        early[early_at] = x
        y = 0.0
        for i in range(_EARLY):
            at = early_at - taps[i]
            if at < 0:
                at += len(early)
            y += tap_gains[i] * early[at]
        early_at += 1
        if early_at == len(early):
            early_at = 0
        total = 0.0
        tail = 0.0
        for i in range(_LINES):
            v = lines[i, line_at[i]]
            low[i] += damping[i] * (v - low[i])
            total += feedback[i] * low[i]
            tail += low[i] if i % 2 == 0 else -low[i]
        total *= mix
        for i in range(_LINES):
            lines[i, line_at[i]] = x + feedback[i] * low[i] - total
            line_at[i] += 1
            if line_at[i] == lengths[i]:
                line_at[i] = 0
        direct[n] += y + gain * tail
    return early_at


class Room:
    """Streaming room for two kinds of sources: what reaches the microphone directly and what excites the room.

    The energy of the whole response to the machine is 1, so that a machine is as loud in every room.
    """

    def __init__(self, parameters: RoomParameters, rate_hz: int, rng: np.random.Generator) -> None:
        self._critical_m = parameters.critical_distance_m
        size_s = parameters.size_m / _SPEED_M_S
        delays_s = size_s * (0.35 + 1.4 * (np.arange(_LINES) + rng.random(_LINES)) / _LINES)
        self._lengths = np.maximum(8, (delays_s * rate_hz).astype(np.int64)) | 1
        self._lines = np.zeros((_LINES, int(self._lengths.max())))
        seconds = self._lengths / rate_hz
        self._feedback = 10.0 ** (-3.0 * seconds / parameters.t60_s)
        # One-pole low-pass: its loss at 8 kHz (or the band's end) makes up the shorter T60 there.
        loss = self._feedback ** (1.0 / parameters.high_t60_ratio - 1.0)
        angle = 2.0 * math.pi * min(8000.0, 0.45 * rate_hz) / rate_hz
        self._damping = np.array([_one_pole(float(value), angle) for value in loss])
        self._taps = np.sort((size_s * rate_hz * (0.15 + 1.6 * rng.random(_EARLY))).astype(np.int64) + 1)
        gains = (0.25 + 0.75 * rng.random(_EARLY)) * np.where(rng.random(_EARLY) < 0.3, -1.0, 1.0)
        self._tap_gains = gains / (1.0 + self._taps / (size_s * rate_hz))
        self._early = np.zeros(int(self._taps[-1]) + 1)
        self._early_at = 0
        self._gain = 1.0
        self._reset()
        # Early reflections carry a fifth of the reverberant energy.
        self._tap_gains *= math.sqrt(0.2 / np.sum(np.square(self._tap_gains)))
        response = np.zeros(int(rate_hz * min(0.6, parameters.t60_s)))
        impulse = np.zeros(len(response))
        impulse[0] = 1.0
        saved, self._tap_gains = self._tap_gains, np.zeros(_EARLY)
        self._run(response, impulse)
        self._tap_gains = saved
        self._gain = math.sqrt(0.8 / float(np.sum(np.square(response))))
        self._reset()
        self._direct, self._diffuse = self.gains(parameters.distance_m)
        norm = math.hypot(self._direct, self._diffuse)
        self._norm = 1.0 / norm

    def _reset(self) -> None:
        self._lines[:] = 0.0
        self._early[:] = 0.0
        self._low = np.zeros(_LINES)
        self._line_at = np.zeros(_LINES, dtype=np.int64)
        self._early_at = 0

    def _run(self, direct: Floats, diffuse: Floats) -> None:
        self._early_at = _reverberate(
            direct,
            diffuse,
            self._early,
            self._taps,
            self._tap_gains,
            self._early_at,
            self._lines,
            self._lengths,
            self._line_at,
            self._feedback,
            self._damping,
            self._low,
            self._gain,
        )

    def gains(self, distance_m: float) -> tuple[float, float]:
        """Amplitudes of direct and reverberant sound for a source so far away."""
        return self._critical_m / max(distance_m, 0.05), 1.0

    def process(self, machine: Floats, others: list[tuple[float, Floats]]) -> Floats:
        """Sound at the microphone, of the machine and of other sources, each with its distance in metres."""
        direct = machine * (self._direct * self._norm)
        diffuse = machine * (self._diffuse * self._norm)
        for distance_m, sound in others:
            near, far = self.gains(distance_m)
            norm = 1.0 / math.hypot(near, far)
            direct += sound * (near * norm)
            diffuse += sound * (far * norm)
        self._run(direct, diffuse)
        return direct


def _one_pole(gain: float, angle: float) -> float:
    """Coefficient d of y += d * (x - y) whose gain at `angle` is `gain`."""
    # |H|^2 = d^2 / (1 - 2 (1-d) cos + (1-d)^2): bisection, since it is monotone in d.
    low, high = 1e-4, 1.0
    for _ in range(50):
        d = 0.5 * (low + high)
        if d / math.sqrt(1.0 - 2.0 * (1.0 - d) * math.cos(angle) + (1.0 - d) ** 2) < gain:
            low = d
        else:
            high = d
    return 0.5 * (low + high)
