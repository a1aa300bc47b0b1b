"""Sessions from equations of pressure and flow: a second way to make them.

Written independently of the rest of `acoustic.synth`, and sharing only types with it, so that what is trained does not
only hear one maker's idea of a machine. The flow of the pump, the trapped air, the over-pressure valve, a leak
or a puck are integrated in time; the sources of sound (magnet, piston, motor, water, valves, loose panels) take their
strength from the pressures and flows, excite resonances, and reach the microphone through a room. The truth is read
off the same curves.

What is assumption: the ranges of all that is drawn, and how loud each source is beside the others. They were chosen by
hand, after what is known of such machines; some that come out are stranger than any real one. Pressure is up where the
modelled quieting of the working sources is complete.

>>> from acoustic.synth.hydraulic import session
>>> made = session("home", "shots", 0)
>>> made.runs[0].kind in ("shot", "flush")
True
"""

from __future__ import annotations

from .session import CONDITIONS, SCENARIOS, session

__all__ = ["CONDITIONS", "SCENARIOS", "session"]
