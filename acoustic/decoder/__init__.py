"""From log-likelihoods of the phases to what happened when: an explicit-duration grammar, decoded online."""

from .online import Decoder, PossiblePump, PossibleRelease, Transition
from .states import N_CLASSES, SoundClass, State

__all__ = ["N_CLASSES", "Decoder", "PossiblePump", "PossibleRelease", "SoundClass", "State", "Transition"]
