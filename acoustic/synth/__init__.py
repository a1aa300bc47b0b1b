"""A physical simulator of espresso machines being backflushed, with exact truth.

>>> import numpy as np
>>> from acoustic.synth import sample_plan, synthesise
>>> rng = np.random.default_rng(7)
>>> recording = synthesise(sample_plan("kitchen", rng), rng, rate_hz=16000)
>>> recording.truth.cycles > 0
True
"""

from __future__ import annotations

from .conditions import CONDITIONS
from .loops import Library, splices_from_labels
from .machines import MACHINE_KINDS, sample_machine
from .plan import (
    Action,
    Background,
    Distraction,
    Hydraulics,
    MachineParameters,
    MicrophoneParameters,
    Plan,
    Resonance,
    RoomParameters,
    SoundLevels,
    Splice,
)
from .scenarios import FAULTS, SCENARIOS, sample_plan
from .simulator import Recording, Simulator, SynthSource, synthesise, write_session
from .truth import Run, Truth

__all__ = [
    "CONDITIONS",
    "FAULTS",
    "MACHINE_KINDS",
    "SCENARIOS",
    "Action",
    "Background",
    "Distraction",
    "Hydraulics",
    "Library",
    "MachineParameters",
    "MicrophoneParameters",
    "Plan",
    "Recording",
    "Resonance",
    "RoomParameters",
    "Run",
    "Simulator",
    "SoundLevels",
    "Splice",
    "SynthSource",
    "Truth",
    "sample_machine",
    "sample_plan",
    "splices_from_labels",
    "synthesise",
    "write_session",
]
