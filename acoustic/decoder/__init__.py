"""From log-likelihoods of the phases to what happened when: an explicit-duration grammar, decoded online."""

from .online import Decoder, PossiblePressure, PossiblePump, PossibleRelease, Transition
from .states import N_CLASSES, SoundClass, State

__all__ = [
    "N_CLASSES",
    "Decoder",
    "PossiblePressure",
    "PossiblePump",
    "PossibleRelease",
    "SoundClass",
    "State",
    "Transition",
]
