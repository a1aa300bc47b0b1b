"""A microphone and the processing that systems put behind it."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
import numpy.typing as npt

from .filters import Floats, filter_block, first_order, lowpass, noise, peaking, second_order_highpass
from .plan import MicrophoneParameters
from .suppressor import Suppressor

__all__ = ["Microphone"]

_DROPOUT_S: Final = 0.06


@numba.njit(cache=True, nogil=True)
def _convert(
    x: Floats,
    gain: float,
    noise_rms: float,
    dc: float,
    ceiling: float,
    soft: bool,
    dropout: float,
    rate_hz: float,
    seeds: npt.NDArray[np.int64],
    state: Floats,
    out: npt.NDArray[np.float32],
) -> None:
    """Noise, offset, clipping, dropouts; the gain is in already where the AGC is on."""
    for n in range(len(x)):
        v = x[n] * gain + dc
        # Not drawn where it counts for nothing: sound that was suppressed has been here before.
        if noise_rms > 0.0:
            v += noise_rms * noise(seeds, 0)
        if soft:
            u = min(1.5, max(-1.5, v / ceiling))
            v = ceiling * (u - u * u * u * (4.0 / 27.0))
        v = min(ceiling, max(-ceiling, v))
        if dropout > 0.0:
            if state[0] > 0.0:
                state[0] -= 1.0
                v = 0.0
            elif abs(noise(seeds, 1)) * 0.4082 > 1.0 - math.sqrt(dropout):
                state[0] = _DROPOUT_S * rate_hz * (0.3 + abs(noise(seeds, 1)))
        out[n] = v


@numba.njit(cache=True, nogil=True)
def _level(x: Floats, largest: float, target: float, attack: float, release: float, state: Floats) -> None:
    """Automatic gain control in place: gain follows target over envelope, slowly up, fast down."""
    envelope, gain = state
    for n in range(len(x)):
        v = abs(x[n])
        envelope += (attack if v > envelope else release) * (v - envelope)
        wanted = min(largest, target / max(envelope, 1e-7))
        gain += (attack if wanted < gain else release) * (wanted - gain)
        x[n] *= gain
    state[0] = envelope
    state[1] = gain


class Microphone:
    """Streaming microphone; `gain` turns room units into full scale."""

    def __init__(self, parameters: MicrophoneParameters, gain: float, rate_hz: int, rng: np.random.Generator) -> None:
        self._parameters = parameters
        self._gain = gain
        self._rate_hz = rate_hz
        sections = [
            second_order_highpass(parameters.highpass_hz, rate_hz)
            if parameters.highpass_order == 2
            else first_order(parameters.highpass_hz, rate_hz, high=True)
        ]
        sections += [peaking(resonance, rate_hz) for resonance in parameters.equaliser]
        sections += lowpass(parameters.lowpass_hz, rate_hz, parameters.lowpass_order)
        self._sections = np.array(sections)
        self._memory = np.zeros((len(sections), 2))
        self._seeds = rng.integers(1, 2**32 - 1, size=2, dtype=np.int64)
        self._state = np.zeros(1)
        self._agc = np.array([0.0, 1.0])
        self._suppressor = Suppressor(parameters.suppression_db, rate_hz) if parameters.suppression_db > 0.0 else None

    def process(self, sound: Floats) -> npt.NDArray[np.float32]:
        """Convert sound at the capsule to samples; `sound` is overwritten."""
        p = self._parameters
        filter_block(sound, self._sections, self._memory)
        noise_rms = 10.0 ** (p.noise_dbfs / 20.0)
        out = np.empty(len(sound), dtype=np.float32)
        if self._suppressor is not None:
            # The noise of the capsule comes before the processing, as in life.
            captured = np.empty(len(sound), dtype=np.float32)
            _convert(
                sound, self._gain, noise_rms, 0.0, 1.0, False, 0.0, self._rate_hz, self._seeds, self._state, captured
            )
            sound = self._suppressor.process(captured.astype(np.float64))
            gain, noise_rms = 1.0, 0.0
        else:
            gain = self._gain
        if p.agc_db > 0.0:
            sound *= gain
            rate = float(self._rate_hz)
            _level(
                sound,
                10.0 ** (p.agc_db / 20.0),
                10.0 ** (p.agc_target_dbfs / 20.0),
                1.0 - math.exp(-1.0 / (0.02 * rate)),
                1.0 - math.exp(-1.0 / (1.5 * rate)),
                self._agc,
            )
            gain = 1.0
        dropout = p.dropout_per_min / 60.0 / self._rate_hz
        ceiling = 10.0 ** (p.clip_dbfs / 20.0)
        _convert(
            sound, gain, noise_rms, p.dc, ceiling, p.soft_clip, dropout, self._rate_hz, self._seeds, self._state, out
        )
        return out
