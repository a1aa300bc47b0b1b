"""From log-likelihoods of the phases to what happened when: an explicit-duration grammar, decoded online."""

from .online import Decoder, Transition

__all__ = ["Decoder", "Transition"]
