"""`backflush devices`: what could listen."""

from __future__ import annotations

import click

from ..errors import DeviceError

__all__ = ["devices"]


@click.command()
def devices() -> None:
    """List the microphones.

    Each with its host API and the rates at which it opens; the default is marked. `listen --device` takes any part of a
    name.
    """
    from rich.console import Console
    from rich.table import Table

    from ..sources.microphone import list_inputs

    inputs = list_inputs()
    if not inputs:
        raise DeviceError(
            "no microphone found; plug one in, or let this terminal use it in the system's privacy settings"
        )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("", "name", "host API", "rates, kHz"):
        table.add_column(heading, overflow="fold")
    for device in inputs:
        rates = ", ".join(f"{rate_hz / 1000:g}" for rate_hz in device.rates_hz or (device.default_rate_hz,))
        name = f"{device.name} (processed by the system)" if device.processed else device.name
        table.add_row("*" if device.is_default else "", name, device.host_api, rates)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
    console.print("* default")
