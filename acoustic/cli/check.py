"""`backflush check`: tells whether this microphone, in this place, will do."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..config import CheckOptions
    from ..sources.microphone import MicrophoneSource
    from ..tools.check import Finding, Heard

__all__ = ["check"]

_PUMP_S = 24.0
# The microphone's first moments: some fade in.
_SETTLE_S = 0.5


@click.command()
@click.option("--device", metavar="NAME", help="Microphone: any part of a name that `backflush devices` lists.")
@click.option("--pump", is_flag=True, help="Judge the machine's own pump instead of a test sound.")
@click.pass_context
def check(ctx: click.Context, device: str | None, pump: bool) -> None:
    r"""Test microphone and place, in some 20 seconds.

    Tells whether sound comes at all, how loud the place is, whether something is overdriven, lost or cut off, and above
    all whether the system suppresses noise or levels the sound, which takes away what must be heard. A test sound is
    played for that: put loudspeaker and microphone where the microphone will stand, and be quiet. Without a loudspeaker
    use --pump, and let water run without the basket when asked.

    \b
    Exit code: 0 all is well, 3 it may do, 4 it will not do.
    """
    from ..config import CheckOptions
    from ..sources.microphone import open_microphone
    from ..tools.check import judge, judge_pump, worst

    options = CheckOptions()
    with ExitStack() as stack:
        microphone = stack.enter_context(closing(open_microphone(device)))
        click.echo(f"Microphone: {microphone.name}, {microphone.rate_hz} Hz.")
        if pump:
            click.echo("Be quiet for four seconds; then let the pump run for ten, without the basket, and stop it.")
            findings = judge_pump(_hear(microphone, _PUMP_S), options)
        else:
            click.echo(
                f"A steady noise is played, loud and then softer. Be quiet for {options.duration_s:.0f} seconds."
            )
            findings = judge(_hear(microphone, options.duration_s + options.max_latency_s, _play(options)), options)
    for finding in findings:
        click.echo(_line(finding))
    verdict = worst(findings)
    click.echo({0: "Fit to listen.", 3: "It may do: see above.", 4: "It will not do: see above."}[verdict.value])
    ctx.exit(verdict.value)


def _play(options: CheckOptions) -> npt.NDArray[np.float32]:
    import numpy as np

    from ..tools.check import TEST_RATE_HZ, check_sound

    return check_sound(TEST_RATE_HZ, options, np.random.default_rng(1))


def _hear(microphone: MicrophoneSource, seconds: float, sound: npt.NDArray[np.float32] | None = None) -> Heard:
    """Listen for so long, while `sound` is played, with a line a second that counts down on a terminal."""
    import time

    import numpy as np

    from ..displays.loudspeaker import Loudspeaker
    from ..errors import DeviceError
    from ..tools.check import TEST_RATE_HZ, Heard

    parts: list[npt.NDArray[np.float32]] = []
    lost = begun = 0
    loudspeaker: Loudspeaker | None = None
    deadline_s = time.monotonic() + seconds + 10.0
    try:
        for block in microphone:
            if block.stop < _SETTLE_S * block.rate_hz and time.monotonic() < deadline_s - seconds - 5.0:
                begun = block.stop
                continue
            if sound is not None and loudspeaker is None:
                loudspeaker = Loudspeaker(sound, TEST_RATE_HZ)
            # As the sample clock has it: what was lost is silence.
            parts += [np.zeros(block.lost, np.float32), block.samples]
            lost += block.lost
            left_s = seconds - (block.stop - begun) / block.rate_hz
            _count_down(left_s)
            if left_s <= 0.0 or time.monotonic() > deadline_s:
                break
        if loudspeaker is not None and loudspeaker.failed:
            raise DeviceError("no sound can be played here; judge the pump itself instead: backflush check --pump")
    finally:
        _count_down(None)
        if loudspeaker is not None:
            loudspeaker.close()
    return Heard(np.concatenate([np.zeros(0, np.float32), *parts]), microphone.rate_hz, lost)


def _count_down(left_s: float | None) -> None:
    if sys.stderr.isatty():
        text = "" if left_s is None else f"{max(0.0, left_s):3.0f} s "
        click.echo(f"\r{text:6}" + ("\r" if left_s is None else ""), nl=False, err=True)


def _line(finding: Finding) -> str:
    mark = {0: "ok  ", 3: "hmm ", 4: "BAD "}[finding.verdict.value]
    return f"{mark} {finding.text[0].upper()}{finding.text[1:]}." + (
        f"\n     {finding.advice}." if finding.advice else ""
    )
