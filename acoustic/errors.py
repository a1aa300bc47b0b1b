"""Errors that a user can act on.

Every message says where, what was got, what was wanted and what to do, in one line: the command prints it on stderr
as it is and exits with 1.
"""

from __future__ import annotations

__all__ = [
    "AudioFileError",
    "BackflushError",
    "DeviceError",
    "LabelError",
    "ModelError",
    "OptionError",
    "PortAudioMissingError",
    "SampleRateError",
]


class BackflushError(Exception):
    """Base of everything that this package raises on purpose."""


class AudioFileError(BackflushError):
    """A recording cannot be read: missing, empty, not audio, or cut short."""


class DeviceError(BackflushError):
    """A microphone is unknown, ambiguous, busy or gone."""


class PortAudioMissingError(DeviceError):
    """The PortAudio library, which sounddevice needs, is not installed."""


class SampleRateError(BackflushError):
    """A sample rate is outside 8 to 192 kHz, or changed within one stream."""


class LabelError(BackflushError):
    """A label or journal file has a row that makes no sense."""


class ModelError(BackflushError):
    """A model folder is missing, damaged, or made for other features."""


class OptionError(BackflushError):
    """An option's value is outside what its stage can work with."""
