"""`backflush bench`: is this machine fast enough, and by how much."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

__all__ = ["bench"]

# What importing and compiling cost before the first block is heard: everything but the microphone.
_READY = (
    "import numpy, acoustic; acoustic.Detector().push(acoustic.AudioBlock(0, numpy.zeros(4800, numpy.float32), 48000))"
)


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.5, max=60.0),
    default=5.0,
    show_default=True,
    help="How long to measure at the pace of life.",
)
@click.option("--loopback", is_flag=True, help="Play a chirp, and measure how late the microphone hears it.")
@click.option("--device", metavar="NAME", help="Microphone for --loopback.  [default: the system's]")
@click.option("--output", metavar="NAME", help="Loudspeaker for --loopback.  [default: the system's]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(seconds: float, loopback: bool, device: str | None, output: str | None, as_json: bool) -> None:
    """Measure how fast the detector is on this machine.

    A live session needs 10 ms of sound to be heard in less than 10 ms. What is measured: that, at the pace of a
    microphone; how much faster than life a recording can be read; and how long the program takes to start.
    """
    from ..assets import demo_recording
    from ..tools.bench import HOP_S, loopback_s, pace, ready_s, real_time_factor

    recording = demo_recording()
    paced = pace(recording, seconds)
    speed, help_s, first_s = (
        real_time_factor(recording),
        ready_s("-m", "acoustic", "--help"),
        ready_s("-c", _READY),
    )
    echo_s = loopback_s(device, output) if loopback else None
    if as_json:
        figures = {"hop": asdict(paced), "times_real_time": speed, "help_s": help_s, "ready_s": first_s}
        click.echo(json.dumps(figures | ({} if echo_s is None else {"loopback_s": echo_s}), indent=1))
        return
    share = 100 * paced.p99_us / 1e6 / HOP_S
    click.echo(
        f"10 ms of sound  {paced.p50_us:.0f} us (median), {paced.p99_us:.0f} us (99 %), {paced.max_us:.0f} us (worst)"
    )
    click.echo(f"                99 % of them need less than {share:.1f} % of the time there is")
    click.echo(f"a recording     {speed:.0f} times faster than life")
    click.echo(f"--help          {help_s:.2f} s")
    click.echo(f"first sound     {first_s:.2f} s after the start, not counting what the microphone needs to open")
    if echo_s is not None:
        click.echo(f"loopback        {1000 * echo_s:.0f} ms through loudspeaker and microphone")
