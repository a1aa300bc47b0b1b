"""Whether what has just set in behind a stop is a whoosh: measured as it begins, judged by learned trees.

The release's network hears a moment and nothing of the run, lest it learn that every stop has one; the decoder knows
what may follow what. Neither knows how loud the hold was, or the room before the run, or how the session's whooshes
sounded so far. Where the decoder takes a release for possible, all of that is put into one vector, frame by frame, and
trees that were trained on such vectors, stops without a release among them, say how likely it is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .config import FeatureOptions
from .decoder import PossibleRelease, SoundClass, State
from .evidence import COMPARED, MISSING, HeardRun, RunEvidence

__all__ = ["WHOOSH_NAMES", "WhooshEar"]

F64 = npt.NDArray[np.float64]

# A release comes at the latest 2.6 s after the stop; what is heard before the stop is half a second more.
REACH = 400
BELIEFS = (State.STOPPED, State.IDLE, State.HOLD, State.FILL, State.MASKED)
COMPARISONS = (
    "now-hold",
    "now-before",
    "now-fill",
    "rise",
    "now-least",
    "now-most",
    "least-before",
    "longer-hold",
)
BANDWISE = ("now-before", "now-hold", "now-least")
GROUPS = ("low", "middle", "high", "all")
# Of the session's last runs with a release.
REMEMBERED = ("rise middle", "rise_over high", "rise_fill high", "release_peak", "log_release_s")
_REMEMBERED = [COMPARED.index(name) for name in REMEMBERED]


def _names() -> tuple[str, ...]:
    edges = FeatureOptions().band_edges_hz
    bands = [f"{low:g}-{high:g}Hz" for low, high in pairwise(edges)]
    return (
        "release_belief",
        *(f"{state.name.lower()}_belief" for state in BELIEFS),
        "frames_since_stop",
        "frames_since_onset",
        "log_run_frames",
        "told_pressure",
        "told_stop",
        *(f"release_odds {frames}" for frames in (1, 3, 5, 10, 20)),
        "release_odds most",
        *(f"{what}_odds {frames}" for what in ("hold", "fill") for frames in (5, 10)),
        "release_odds below",
        "release_frames",
        *(f"{what} {group}" for what in COMPARISONS for group in GROUPS),
        *(f"{what} {band}" for what in BANDWISE for band in bands),
        "earlier",
        *(f"earlier {name}" for name in REMEMBERED),
    )


WHOOSH_NAMES: tuple[str, ...] = _names()
"""Order of the vector that the trees were trained on; levels in dB, odds as log-likelihoods."""


class WhooshEar:
    """Measures onsets of releases.

    Parameters
    ----------
    evidence
        What was heard of late, frame by frame.
    """

    def __init__(self, evidence: RunEvidence) -> None:
        self._evidence = evidence
        # Levels are measured again only when the frames change over which they are taken.
        self._kept: dict[str, tuple[tuple[int, int], F64]] = {}

    def reset(self) -> None:
        """Forget what was measured."""
        self._kept.clear()

    def _level(self, what: str, first: int, last: int) -> F64:
        kept = self._kept.get(what)
        if kept is None or kept[0] != (first, last):
            kept = self._kept[what] = (first, last), self._evidence.levels(first, last)
        return kept[1]

    def measure(self, onset: PossibleRelease, earlier: Sequence[HeardRun]) -> F64:
        """Put an onset into a vector, in the order of `WHOOSH_NAMES`.

        `earlier` are the session's last runs with a release.
        """
        end = onset.now + 1
        stop = min(max(onset.stop, onset.on + 5), onset.now)
        levels, likelihoods = self._evidence.recent(end, REACH)
        n = len(levels)
        back = min(end - stop, n)
        before = self._level("before", onset.on - 70, onset.on - 10)
        fill = self._level("fill", onset.on + 20, max(onset.on + 60, min(onset.on + 200, stop - 10)))
        # The hold's last moments, short of the stop's click.
        held_from = max(n - end + max(stop - 60, onset.on), 0)
        held_to = max(n - end + max(stop - 8, onset.on + 1), held_from + 1)
        held = levels[held_from:held_to].mean(axis=0)
        since = levels[n - back :]
        least, most = since.min(axis=0), since.max(axis=0)
        now, longer = levels[-5:].mean(axis=0), levels[-10:].mean(axis=0)
        rise = levels[-3:].mean(axis=0) - levels[-8:-3].mean(axis=0)
        compared = np.stack(
            [now - held, now - before, now - fill, rise, now - least, now - most, least - before, longer - held]
        )
        heard = likelihoods[:, [SoundClass.RELEASE, SoundClass.HOLD, SoundClass.FILL]]
        odds = heard - likelihoods[:, [SoundClass.BACKGROUND]]
        release = odds[:, 0]
        last_5, last_10 = odds[-5:].mean(axis=0), odds[-10:].mean(axis=0)
        belief = onset.belief
        sure = float(belief[State.RELEASE])
        session: list[float] = [0.0, *[MISSING] * len(REMEMBERED)]
        if earlier:
            session = [len(earlier), *np.mean([run.trace[_REMEMBERED] for run in earlier], axis=0)]
        vector: F64 = np.array(
            [
                np.log((sure + 1e-6) / (1.0 - sure + 1e-6)),
                *belief[list(BELIEFS)],
                end - stop,
                end - onset.release,
                np.log(stop - onset.on),
                "pressure" in onset.told,
                "pump_off" in onset.told,
                release[-1],
                release[-3:].mean(),
                last_5[0],
                last_10[0],
                release[-20:].mean(),
                release[-10:].max(),
                last_5[1],
                last_10[1],
                last_5[2],
                last_10[2],
                np.minimum(release[-30:], 0.0).mean(),
                np.count_nonzero(release[n - back :] > 0.0),
                *self._evidence.grouped(compared).ravel(),
                *compared[1],
                *compared[0],
                *compared[4],
                *session,
            ],
            dtype=np.float64,
        )
        return vector
