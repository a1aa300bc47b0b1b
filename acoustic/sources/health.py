"""How the capture is doing, in words that say what to do."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CaptureHealth", "CaptureReport", "CaptureState", "advice"]


class CaptureState(StrEnum):
    """What the microphone delivers.

    `late` is audio that comes, but behind; `silent` is digital zeros, which no microphone in a room gives; `stalled` is
    a device that is open and gives nothing; `lost` is one that is gone and is being looked for.
    """

    OK = "ok"
    LATE = "late"
    SILENT = "silent"
    STALLED = "stalled"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CaptureHealth:
    """The state now.

    Parameters
    ----------
    state
        What is delivered.
    text
        What is wrong and what to do; says what is heard if nothing is wrong.
    device
        What is listened to, by the name the user knows.
    since_s
        Monotonic time at which the state began.
    lag_s
        Age of the newest audio when it was handed on.
    lost
        Samples lost so far.
    """

    state: CaptureState
    text: str
    device: str
    since_s: float
    lag_s: float
    lost: int


@dataclass(frozen=True, slots=True)
class CaptureReport:
    """Something the user should know of the capture: a new state, or another microphone."""

    state: CaptureState
    text: str


_SILENT = {
    "darwin": "allow it: System Settings, Privacy & Security, Microphone, tick your terminal, start again",
    "win32": "allow it: Settings, Privacy & security, Microphone, let desktop apps use it; or unmute it with its key",
}
_BUSY = {
    "darwin": "quit the program that holds it",
    "win32": "quit the program that holds it, or take exclusive mode from it: Sound, Recording, Properties, Advanced",
}


def advice(
    state: CaptureState, device: str, *, lag_s: float = 0.0, reason: str = "", platform: str = sys.platform
) -> str:
    """Return what to tell the user.

    Parameters
    ----------
    state
        What is delivered.
    device
        Name of the microphone.
    lag_s
        How far behind the audio is, for `late`.
    reason
        What the sound system said, for `lost`.
    platform
        As `sys.platform`.
    """
    if state is CaptureState.OK:
        return f"Listening to {device}."
    if state is CaptureState.LATE:
        return f"The sound comes {lag_s:.1f} s late: the computer is too busy. Close other programs."
    if state is CaptureState.SILENT:
        cure = _SILENT.get(platform, "unmute it in the sound settings or with its mute key; is it the right one?")
        return f"{device} gives digital silence: {cure}."
    if state is CaptureState.STALLED:
        return (
            f"No sound comes from {device}: it is suspended or the sound system hangs. "
            "Wait a moment; if it stays, unplug it and plug it in again."
        )
    cure = _BUSY.get(platform, "see who holds it: pavucontrol, Recording")
    return (
        f"{device} is gone{f' ({reason})' if reason else ''}. Plug it in again; if it is plugged in, another program "
        f"has it: {cure}. Listening goes on by itself."
    )
