"""What PulseAudio, or PipeWire in its place, knows of the microphones: PortAudio sees only stand-ins for them.

From the server come the microphones' own names, rates and channels, and the word that a stream was moved to another
one: that happens without any event in PortAudio.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, Self

from .devices import InputDevice

__all__ = ["PulseServer"]

_NOT_A_MONITOR = 0xFFFFFFFF


class PulseServer:
    """A connection to the sound server, for one thread."""

    DEVICE = "pulse"
    """PortAudio's name for whatever microphone the server chooses, or PULSE_SOURCE names."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    def connect(cls) -> Self | None:
        """Return a connection, None where no such server runs."""
        if sys.platform != "linux":
            return None
        try:
            import pulsectl
        except (ImportError, OSError):
            return None  # libpulse is missing, so no stream can go through it either

        pulsectl.PulseSourceInfo._init_from_struct = _keep_rate
        client = pulsectl.Pulse("backflush", connect=False)
        try:
            client.connect(autospawn=False)
        except pulsectl.PulseError:
            client.close()
            return None
        return cls(client)

    def inputs(self) -> list[InputDevice]:
        """Return the microphones, without the monitors of loudspeakers."""
        default = self._client.server_info().default_source_name
        return [
            InputDevice(
                name=source.description,
                host_api="PulseAudio",
                default_rate_hz=source.rate_hz,
                max_channels=source.channel_count,
                is_default=source.name == default,
                source=source.name,
            )
            for source in self._client.source_list()
            if source.monitor_of_sink == _NOT_A_MONITOR
        ]

    def default_rate_hz(self) -> int | None:
        """Return the rate of the default microphone, None if there is none."""
        name = self._client.server_info().default_source_name
        return next((source.rate_hz for source in self._client.source_list() if source.name == name), None)

    def routes(self) -> Iterator[dict[str, Any]]:
        """Yield the microphone that this process's stream hears, now and whenever it changes, until the server ends."""
        import pulsectl

        last: dict[str, Any] = {}
        try:
            self._client.event_mask_set("source_output", "source")
            self._client.event_callback_set(lambda _event: _stop_listening())
            while True:
                route = self._route()
                if route and route != last:
                    last = route
                    yield route
                self._client.event_listen()
        except pulsectl.PulseError:
            return

    def _route(self) -> dict[str, Any]:
        ours = str(os.getpid())
        for output in self._client.source_output_list():
            if output.proplist.get("application.process.id") == ours:
                for source in self._client.source_list():
                    if source.index == output.source:
                        return {"source": source.name, "name": source.description}
        return {}


def _keep_rate(info: Any, struct: Any) -> None:
    # pulsectl's own `sample_spec` refers to memory that is gone when its call returns.
    info.rate_hz = int(struct.sample_spec.rate)


def _stop_listening() -> None:
    import pulsectl

    raise pulsectl.PulseLoopStop
