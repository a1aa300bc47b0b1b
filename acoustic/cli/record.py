"""`backflush record`: a session that is kept."""

from __future__ import annotations

import click

from .listen import listen

__all__ = ["record"]


@click.command()
@click.argument("out", metavar="OUT.flac", type=click.Path())
@click.option("--device", metavar="NAME", help="Microphone: any part of a name that `backflush devices` lists.")
@click.option("--cycles", type=click.IntRange(1, 99), help="Cycles to lead through.")
@click.option("--mute", is_flag=True, help="No sounds.")
@click.pass_context
def record(ctx: click.Context, out: str, device: str | None, cycles: int | None, mute: bool) -> None:
    """Listen, and record what is heard.

    The same as `listen --record OUT.flac`: the sound, without loss, with the session's journal beside it as OUT.jsonl.
    What was heard is on disk at once, whatever happens to the program; `replay OUT.flac` gives the same session again.
    """
    ctx.invoke(listen, record=out, device=device, cycles=cycles, mute=mute)
