"""Machines re-made from recordings: another synthesiser, on whose sound the detector is measured.

Real clips are taken apart (strokes, tones and what is left of them, knocks, hisses) and put together again as other
machines: strokes laid at another rate; blenders, fans and juicers at another speed as rotary and gear pumps. Pressure
is a filter that moves. It shares no code with `acoustic.synth`, and nothing was trained on it; but how much of each
training the bundled networks took was chosen with 48 of its first hundred sessions in view. Its material is not all
unknown: two of the three recordings of pumps were also lent to training, which mixes in two thirds of the sounds of
cafes, speech and music, too; the rest, and all sounds of kitchens, are test-only clips. Releases are invented, as no
recording of one exists: steam, taps and frying, blown down. Of machines, rooms and users nearly all limits are assumed.
Pressure is up where 80 % of the quieting, in dB, are done.

Only benchmarks and tests may import it. It needs the folder of recordings at run time.
"""

from __future__ import annotations

from .plan import SCENARIOS
from .session import CONDITIONS, ResynthesisedSession

__all__ = ["CONDITIONS", "SCENARIOS", "ResynthesisedSession"]
