"""`backflush procedures`: what `listen --procedure` can lead through."""

from __future__ import annotations

import click

from ..errors import OptionError
from ..procedures import Cycles, Flush, Foam, Procedure, load_procedure, procedure_names, user_folder

__all__ = ["procedures"]


@click.command()
@click.argument("name", required=False)
def procedures(name: str | None) -> None:
    """List the cleaning procedures, or the steps of one.

    Your own are TOML files in the configuration folder that the list names; the ones that come with the program are
    examples to copy.
    """
    if name is not None:
        _show(load_procedure(name))
        return
    width = max(map(len, procedure_names()))
    for known in procedure_names():
        click.echo(f"{known:{width}}  {_title(known)}")
    click.echo(f"\nYour own: TOML files in {user_folder()}")


def _title(name: str) -> str:
    try:
        return load_procedure(name).title
    except OptionError as error:
        return f"cannot be used: {error}"


def _show(procedure: Procedure) -> None:
    click.echo(procedure.title)
    if procedure.source:
        click.echo(procedure.source)
    for number, step in enumerate(procedure.steps, 1):
        match step:
            case Cycles():
                wanted = [f"{step.cycles} cycles"]
                wanted += [f"pump on for at least {step.on_s:g} s"] if step.on_s else []
                wanted += [f"{step.pause_s:g} s between them"] if step.pause_s is not None else []
                text = ", ".join(wanted)
            case Flush():
                text = f"{step.bursts} bursts. {step.text}"
            case Foam():
                text = f"{step.look_s:g} s to look; {step.more} more cycles where it is brown"
            case _:
                text = step.text
        click.echo(f"{number}. {step.name}: {text}")
