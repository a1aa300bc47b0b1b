"""From log-likelihoods of the phases to what happened when: an explicit-duration grammar, decoded online."""

from .online import Decoder, Transition
from .states import N_CLASSES, SoundClass

__all__ = ["N_CLASSES", "Decoder", "SoundClass", "Transition"]
