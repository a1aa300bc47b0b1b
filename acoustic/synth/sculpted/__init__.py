"""A second way to make sessions: excitations, shaped by spectra that move.

It was written independently of the rest of `acoustic.synth` and shares no code with it but its types, so that what is
trained does not only hear one maker's idea of a machine. There is no water in it and no pressure in bar: a machine is a
spectrum while it fills and another under pressure, its strokes, and what sounds along. Strokes, noise, tones and grains
are filtered by short-time spectra, sent through a room from one of two places, a microphone and sometimes a laptop's
processing.

Three recordings of pumps and what is known of the procedure went into it. The rest is assumption: other pumps, how a
machine's bands change under pressure, how often which kind occurs, and the whole release, of which there was no
recording. A truth has no instants of the switch and no peak of the release.

>>> from acoustic.synth.sculpted import session
>>> made = session("home", "cleaning", 7)
>>> sum(run.complete for run in made.runs) > 0
True
"""

from __future__ import annotations

from .plan import SCENARIOS
from .session import CONDITIONS, session

__all__ = ["CONDITIONS", "SCENARIOS", "session"]
