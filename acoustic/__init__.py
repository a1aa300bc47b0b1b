"""Listens to an espresso machine being backflushed: hears the pump, the pressure and the whoosh, and counts the cycles.

`Detector` takes blocks of audio and gives events; `Monitor` adds what to tell the user; `detect` reads a whole
recording.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .pipeline import Detector, Monitor
    from .sources.file import FileSource
    from .tools.replay import detect
    from .types import AudioBlock, AudioSource, Cue, Cycle, Event, Phase, Session, Status

__version__ = "0.1.0"

__all__ = [
    "AudioBlock",
    "AudioSource",
    "Cue",
    "Cycle",
    "Detector",
    "Event",
    "FileSource",
    "Monitor",
    "Phase",
    "Session",
    "Status",
    "__version__",
    "detect",
]

_HOMES = dict.fromkeys(
    ("AudioBlock", "AudioSource", "Cue", "Cycle", "Event", "Phase", "Session", "Status"), "types"
) | {
    "Detector": "pipeline",
    "FileSource": "sources.file",
    "Monitor": "pipeline",
    "detect": "tools.replay",
}


def __getattr__(name: str) -> Any:
    # Imported when asked for: numba alone takes longer than `backflush --help` may.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
