"""Named conditions: the room, the microphone and the noise around a machine.

| condition | where |
|---|---|
| `home` | quiet kitchen, decent microphone near the machine |
| `kitchen` | somebody cooks, speaks, runs a tap; laptop or phone microphones with some processing |
| `cafe` | rotary or E61 machine, chatter, grinders, a steam wand, far microphone |
| `hard` | all of it at once: little level, strong noise, reverberation, noise suppression, AGC, Bluetooth |
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..errors import OptionError
from .machines import between, log_between
from .plan import Background, MicrophoneParameters, Resonance, RoomParameters

__all__ = ["CONDITIONS", "check_condition", "sample_background", "sample_microphone", "sample_room"]

CONDITIONS: Final = ("home", "kitchen", "cafe", "hard")


def check_condition(condition: str) -> None:
    """Raise OptionError for an unknown condition."""
    if condition not in CONDITIONS:
        raise OptionError(f"condition {condition!r} is unknown; one of {', '.join(CONDITIONS)} is wanted")


def sample_room(condition: str, rng: np.random.Generator) -> RoomParameters:
    """Draw a room and the microphone's place in it."""
    t60 = {"home": (0.15, 0.8), "kitchen": (0.25, 0.9), "cafe": (0.4, 1.2), "hard": (0.15, 1.2)}[condition]
    far = {"home": (0.25, 1.5), "kitchen": (0.3, 2.5), "cafe": (0.5, 4.0), "hard": (0.3, 5.0)}[condition]
    size = between(rng, 2.0, 5.0) if condition in {"home", "kitchen"} else between(rng, 2.0, 10.0)
    t60_s = log_between(rng, *t60)
    return RoomParameters(
        t60_s=t60_s,
        high_t60_ratio=between(rng, 0.3, 0.95),
        distance_m=log_between(rng, *far),
        # 0.057 sqrt(V / T60), with the volume of a room about 2.6 m high.
        critical_distance_m=0.057 * float(np.sqrt(size * size * 2.6 / t60_s)) * between(rng, 0.8, 1.6),
        size_m=size,
    )


def sample_microphone(condition: str, rng: np.random.Generator) -> MicrophoneParameters:
    """Draw a microphone and the processing behind it."""
    level = {"home": (-44.0, -14.0), "kitchen": (-48.0, -16.0), "cafe": (-50.0, -16.0), "hard": (-55.0, -8.0)}[
        condition
    ]
    processed = {"home": 0.05, "kitchen": 0.2, "cafe": 0.15, "hard": 0.5}[condition]
    bands = tuple(
        Resonance(log_between(rng, 150.0, 9000.0), log_between(rng, 0.5, 3.0), between(rng, -8.0, 8.0))
        for _ in range(int(rng.integers(1, 5)))
    )
    # Some hear little treble: behind something, turned away, in a case.
    lowpass = log_between(rng, 3500.0, 9000.0) if rng.random() < 0.2 else log_between(rng, 9000.0, 22000.0)
    order = 2
    dropouts = 0.0
    bluetooth = rng.random()
    if bluetooth < {"home": 0.0, "kitchen": 0.05, "cafe": 0.03, "hard": 0.25}[condition]:
        lowpass, order = (3600.0 if rng.random() < 0.4 else 7300.0), 8
        dropouts = between(rng, 0.0, 4.0)
    fill = between(rng, *level)
    clipping = rng.random() < {"home": 0.02, "kitchen": 0.05, "cafe": 0.05, "hard": 0.15}[condition]
    return MicrophoneParameters(
        fill_dbfs=fill,
        highpass_hz=log_between(rng, 40.0, 200.0),
        highpass_order=int(rng.integers(1, 3)),
        lowpass_hz=lowpass,
        lowpass_order=order,
        equaliser=bands,
        noise_dbfs=fill - between(rng, 25.0 if condition == "hard" else 35.0, 65.0),
        dc=between(rng, -0.02, 0.02) if rng.random() < 0.2 else 0.0,
        clip_dbfs=fill + between(rng, 3.0, 12.0) if clipping else 0.0,
        soft_clip=bool(rng.random() < 0.5),
        agc_db=between(rng, 6.0, 24.0) if rng.random() < processed else 0.0,
        agc_target_dbfs=between(rng, -30.0, -16.0),
        suppression_db=between(rng, 6.0, 21.0) if rng.random() < 0.6 * processed else 0.0,
        dropout_per_min=dropouts,
    )


def sample_background(condition: str, rng: np.random.Generator) -> Background:
    """Draw the room's steady noise."""
    snr = {"home": (18.0, 42.0), "kitchen": (6.0, 26.0), "cafe": (6.0, 22.0), "hard": (0.0, 20.0)}[condition]
    fan = rng.random() < {"home": 0.2, "kitchen": 0.35, "cafe": 0.2, "hard": 0.5}[condition]
    return Background(
        snr_db=between(rng, *snr),
        slope_db_octave=between(rng, -7.0, -1.0),
        corner_hz=log_between(rng, 60.0, 400.0),
        swell_db=between(rng, 0.2, 1.0) if condition == "home" else between(rng, 0.3, 3.0),
        hum_db=between(rng, -40.0, -6.0),
        fan_db=between(rng, -24.0, -4.0) if fan else -100.0,
        fan_hz=log_between(rng, 150.0, 900.0),
    )
