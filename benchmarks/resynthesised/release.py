"""The release: real hisses, blown down as the pressure falls, with a pop, spits, gurgles and drips.

There is no recording of a release. All of this is invented from what is known of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from scipy.ndimage import uniform_filter1d

from .endless import extended, looped
from .materials import BOILING, DRIPS, HISSES, KNOCKS
from .recordings import flat_hiss, knock, recording
from .signals import (
    BINS_HZ,
    F32,
    F64,
    KNOTS,
    LOG_BINS,
    RATE_HZ,
    Floats,
    curve_db,
    filter_moving,
    gain,
    pick,
    unit,
    wear,
)

__all__ = ["Release", "draw_release"]

Shape = Literal["exp", "blow", "twice", "plateau"]

_SHAPES: Final[tuple[Shape, ...]] = ("exp", "exp", "blow", "twice", "plateau")
_COLOUR_DB: Final = np.array([-14, -8, -5, -1, 0, 0, -1, -3])
_COLOUR_SHARE: Final = 0.7
_SPITS_HZ: Final = 28
# Above its highest frequency a hiss falls by so much an octave.
_SLOPE_DB: Final = -12
_PIPE_WIDTH: Final = 0.25
_LEVEL_WINDOW: Final = 480
# As rounded; what a tenth is the exponential of.
_LN_10: Final = 2.303
_LONGEST_AFTER_S: Final = 4.0


@dataclass(frozen=True, slots=True)
class Release:
    """A valve's release, relative to the fill; 0 for what is not there.

    It sinks to a tenth of its pressure in `tenth_s`. The highest frequency sinks with the pressure from `top_hz` to
    `low_hz`, the more bent the further `bend` is from 1; a pipe resonates. It comes `delay_s` after the pump's stop.
    """

    hiss: str
    other_hiss: str
    hiss_share: float
    level: float
    tenth_s: float
    shape: Shape
    attack_s: float
    colour_db: Floats
    top_hz: float
    low_hz: float
    bend: float
    pipe_hz: float
    pipe_db: float
    spits: float
    pop_mix: float
    pop: str
    pop_pitch: float
    gurgle_mix: float
    gurgle: str
    gurgle_pitch: float
    drips: int
    drip: str
    delay_s: float

    def sound(self, corpus: Path, rng: np.random.Generator, strength: float, longest_s: float) -> tuple[F32, F32]:
        """Release once, of a strength of about 1 for full pressure, within so much time.

        Returns
        -------
        hiss, after
            The hiss with its pop, and what gurgles and drips afterwards. Both begin at once.
        """
        tenth_s = self.tenth_s * rng.uniform(0.8, 1.25) * (0.5 + 0.5 * strength)
        tenth_s = float(np.clip(tenth_s, 0.1, max(0.12, longest_s - 0.25)))
        hiss = self._hiss(corpus, rng, tenth_s)
        level = self.level * strength**1.5 * rng.uniform(0.8, 1.2)
        envelope = np.sqrt(np.maximum(uniform_filter1d(hiss.astype(float) ** 2, _LEVEL_WINDOW), 0))
        hiss = hiss / (envelope.max() + 1e-9) * level
        if self.pop_mix:
            pop = knock(corpus, self.pop, rng, rng.uniform(0.015, 0.06), self.pop_pitch)
            hiss[: len(pop)] += pop * self.pop_mix * level
        count = max(len(hiss), int(min(longest_s, _LONGEST_AFTER_S) * RATE_HZ))
        return hiss.astype(np.float32), self._after(corpus, rng, count, tenth_s, level)

    def _hiss(self, corpus: Path, rng: np.random.Generator, tenth_s: float) -> Floats:
        count = int((tenth_s * 2.2 + 0.3) * RATE_HZ)
        t = np.arange(count) / RATE_HZ
        hiss, other = (
            share * unit(extended(flat_hiss(corpus, name), count, rng))
            for share, name in ((self.hiss_share, self.hiss), (1 - self.hiss_share, self.other_hiss))
        )
        pressure = _pressure(self.shape, t, tenth_s)
        envelope = pressure * np.minimum(1, t / self.attack_s)
        # Less is not heard.
        if self.spits > 0.02:
            points = int(count / RATE_HZ * _SPITS_HZ) + 4
            spits = np.interp(np.arange(count) * _SPITS_HZ / RATE_HZ, np.arange(points), rng.random(points) ** 2 * 2.2)
            envelope = envelope * (1 + self.spits * (1 - pressure) * (spits - 1))
        highest_hz = self.low_hz + (self.top_hz - self.low_hz) * pressure**self.bend

        def gains_db(at_s: F64) -> F64:
            cut_hz = np.interp(at_s, t, highest_hz)[:, None]
            pipe_hz = self.pipe_hz * (0.7 + 0.3 * np.interp(at_s, t, pressure)[:, None])
            resonance = np.exp(-(((LOG_BINS - np.log(pipe_hz)) / _PIPE_WIDTH) ** 2))
            slope_db = np.clip(_SLOPE_DB * np.log2(np.maximum(BINS_HZ, 40) / cut_hz), -40, 0)
            return np.asarray(slope_db + self.pipe_db * resonance)

        sound = filter_moving(wear(hiss + other, self.colour_db, _COLOUR_SHARE), gains_db) * envelope
        sound[:8] *= np.linspace(0, 1, 8)
        return sound

    def _after(self, corpus: Path, rng: np.random.Generator, count: int, tenth_s: float, level: float) -> F32:
        after = np.zeros(count, np.float32)
        if self.gurgle_mix:
            water = unit(looped(recording(corpus, self.gurgle), count, rng, self.gurgle_pitch))
            t = np.arange(count) / RATE_HZ
            rise = np.clip(t / (0.6 * tenth_s + 0.05), 0, 1)
            end = np.clip((count / RATE_HZ - t) / 0.1, 0, 1)
            after += self.gurgle_mix * level * water * rise * np.exp(-t / rng.uniform(0.4, 1.4)) * end
        for _ in range(int(self.drips * rng.uniform(0.5, 1.5))):
            drip = knock(corpus, self.drip, rng, rng.uniform(0.02, 0.08), rng.uniform(0.7, 2.2))
            drip = drip * level * rng.uniform(0.03, 0.3)
            at = int(rng.uniform(0.5 * tenth_s, count / RATE_HZ) * RATE_HZ)
            drip = drip[: max(0, count - at)]
            after[at : at + len(drip)] += drip
        return after


def _pressure(shape: Shape, t: F64, tenth_s: float) -> F64:
    """How the pressure falls, from 1 on."""
    if shape == "exp":
        pressure = np.exp(-_LN_10 * t / tenth_s)
    elif shape == "blow":
        pressure = np.clip(1 - t / (tenth_s * 1.25), 0, 1) ** 1.45
    elif shape == "twice":
        again_s = 0.35 * tenth_s
        pressure = 0.75 * np.exp(-_LN_10 * t / (0.55 * tenth_s))
        again = np.exp(-_LN_10 * np.clip(t - again_s, 0, None) / (0.6 * tenth_s))
        pressure = pressure + 0.6 * again * (t > again_s)
    else:
        pressure = 1 / (1 + np.exp((t - 0.75 * tenth_s) / (0.11 * tenth_s)))
    return np.asarray(pressure / pressure.max())


def draw_release(rng: np.random.Generator, *, lever: bool) -> Release:
    """Draw a valve's release; where there is a lever it may come late."""
    return Release(
        hiss=pick(rng, HISSES),
        other_hiss=pick(rng, HISSES),
        hiss_share=rng.uniform(0, 1),
        level=gain(rng.uniform(-12, 7)),
        tenth_s=_log_uniform(rng, 0.15, 1.7),
        shape=pick(rng, _SHAPES),
        attack_s=_log_uniform(rng, 0.003, 0.08),
        colour_db=curve_db(_COLOUR_DB + rng.normal(0, 4.5, KNOTS)),
        top_hz=rng.uniform(4500, 9000),
        low_hz=rng.uniform(500, 2500),
        bend=rng.uniform(0.3, 1.2),
        pipe_hz=rng.uniform(300, 3500),
        pipe_db=rng.uniform(0, 10),
        spits=rng.uniform(0.2, 0.9) if rng.random() < 0.4 else rng.uniform(0, 0.1),
        pop_mix=rng.uniform(0.5, 3) if rng.random() < 0.55 else 0.0,
        pop=pick(rng, KNOCKS),
        pop_pitch=rng.uniform(0.5, 1.8),
        gurgle_mix=rng.uniform(0, 0.3) if rng.random() < 0.6 else 0.0,
        gurgle=pick(rng, BOILING),
        gurgle_pitch=rng.uniform(0.5, 1.4),
        drips=int(rng.integers(0, 14)) if rng.random() < 0.6 else 0,
        drip=pick(rng, DRIPS),
        delay_s=_draw_delay_s(rng, lever=lever),
    )


def _draw_delay_s(rng: np.random.Generator, *, lever: bool) -> float:
    if rng.random() < 0.2:
        return rng.uniform(0.5, 1.9) if lever else rng.uniform(0.35, 0.6)
    return rng.uniform(0.0, 0.3)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
