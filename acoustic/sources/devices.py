"""Which microphone: what an input device is, how one is chosen by name, and how the choice is remembered.

Names and host APIs, never indices: those shift whenever something is plugged in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import BackflushError, DeviceError

__all__ = ["HOST_API_RANK", "InputDevice", "choose_device", "forget_device", "remember_device", "remembered_device"]

# Where one microphone is listed by several host APIs, the one earlier in this list: it is the least converted, and MME
# cuts names to 31 characters.
HOST_API_RANK = (
    "Windows WASAPI",
    "Core Audio",
    "PulseAudio",
    "ALSA",
    "JACK Audio Connection Kit",
    "Windows DirectSound",
    "MME",
    "Windows WDM-KS",
)
_PROCESSED = ("echo-cancel", "echo cancel", "echocancel", "noise suppression", "noise-suppression", "noise_suppression")
_NEAREST = 4


@dataclass(frozen=True, slots=True)
class InputDevice:
    """A microphone as the system lists it.

    Parameters
    ----------
    default_rate_hz
        Its own rate where the system knows it; sound servers' stand-ins such as ALSA's `default` name one they do not
        have.
    max_channels
        Its own channels; 32 and more mean that it takes any number.
    rates_hz
        The usual rates from 8 to 192 kHz at which it opens.
    source
        The sound server's own name of it, empty where PortAudio opens it by `name`.
    """

    name: str
    host_api: str
    default_rate_hz: int
    max_channels: int
    is_default: bool = False
    rates_hz: tuple[int, ...] = field(default=())
    source: str = ""

    @property
    def label(self) -> str:
        """Name and host API, which `choose_device` takes as well."""
        return f"{self.name}, {self.host_api}"

    @property
    def processed(self) -> bool:
        """Whether its name tells that the system cancels echo or noise in it, which flattens what must be heard."""
        return any(word in f"{self.name} {self.source}".casefold() for word in _PROCESSED)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> InputDevice:
        """Return what `to_json` was given."""
        known = {f.name: values[f.name] for f in fields(cls)}
        return cls(**known | {"rates_hz": tuple(values["rates_hz"])})


def choose_device(devices: Sequence[InputDevice], wanted: str | None) -> InputDevice:
    """Return the device that is meant.

    Parameters
    ----------
    devices
        What there is.
    wanted
        The name, or any part of "name, host API", in either case, underscores like spaces; None for the system's
        default, unless that cancels echo or noise and there is one that does not.

    Raises
    ------
    DeviceError
        If there is no such device, or more than one.
    """
    if not devices:
        raise DeviceError("no microphone found; plug one in, then look at: backflush devices")
    if wanted is None:
        return _default(devices)
    key = _plain(wanted)
    found = [d for d in devices if key in (_plain(d.name), _plain(d.label))]
    found = found or [d for d in devices if key in _plain(d.label)]
    if not found:
        raise DeviceError(f"no microphone is called {wanted!r}; {_nearest(devices, key)}; see: backflush devices")
    best = min(map(_rank, found))
    found = [d for d in found if _rank(d) == best]
    if len(found) > 1:
        names = ", ".join(repr(d.name) for d in found)
        raise DeviceError(f"{wanted!r} could be any of {names}; give more of the name")
    return found[0]


def remember_device(device: InputDevice) -> None:
    """Keep the choice for the next session.

    Raises
    ------
    BackflushError
        If the configuration folder cannot be written.
    """
    path = _memory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"name": device.name, "host_api": device.host_api}) + "\n", encoding="utf-8")
    except OSError as error:
        raise BackflushError(f"{path}: the choice of microphone cannot be kept: {error.strerror}") from error


def remembered_device() -> str | None:
    """Return "name, host API" of the device chosen last, None if none was."""
    try:
        values = json.loads(_memory().read_text(encoding="utf-8"))
        return f"{values['name']}, {values['host_api']}"
    except (OSError, ValueError, LookupError, TypeError):
        # A damaged memory is no reason not to listen: the next choice mends it.
        return None


def forget_device() -> None:
    """Go back to the system's default."""
    _memory().unlink(missing_ok=True)


def _memory() -> Path:
    import platformdirs

    return Path(platformdirs.user_config_dir("backflush", appauthor=False)) / "device.json"


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").strip()


def _rank(device: InputDevice) -> int:
    return HOST_API_RANK.index(device.host_api) if device.host_api in HOST_API_RANK else len(HOST_API_RANK)


def _default(devices: Sequence[InputDevice]) -> InputDevice:
    plain = [d for d in devices if not d.processed] or list(devices)
    chosen = [d for d in devices if d.is_default] or plain
    return next((d for d in chosen if d in plain), plain[0])


def _nearest(devices: Sequence[InputDevice], key: str) -> str:
    import difflib

    names = {_plain(d.name): d.name for d in devices}
    near = difflib.get_close_matches(key, names, _NEAREST, cutoff=0.4)
    return ("nearest: " if near else "there are: ") + ", ".join(repr(names[name]) for name in near or names)
