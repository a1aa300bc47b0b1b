"""`backflush train`: make a model from simulated sessions."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import click

__all__ = ["train"]


@click.command()
@click.argument("folder", metavar="MODEL", type=click.Path(path_type=Path, file_okay=False))
@click.option("--sessions", type=click.IntRange(min=2), default=1000, show_default=True, help="For the networks.")
@click.option("--judge-sessions", type=click.IntRange(min=10), default=500, show_default=True, help="For the judge.")
@click.option("--epochs", type=click.IntRange(min=1), default=5, show_default=True, help="Passes over all frames.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of everything random.")
@click.option("--begin", metavar="MODEL", help="Go on from this model's networks, not from random weights.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Recordings to mix into the sessions: folders cafe, speech and music, and machine with labels for its pumps.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the sessions' features here (5 MB each), and take from here what is there.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=os.cpu_count() or 1,
    show_default="one a core",
    help="Processes.",
)
def train(
    folder: Path,
    sessions: int,
    judge_sessions: int,
    epochs: int,
    seed: int,
    begin: str | None,
    corpus: Path | None,
    cache: Path | None,
    jobs: int,
) -> None:
    r"""Train a model on simulated sessions and write it to the folder MODEL.

    A third of the recordings in --corpus, by a hash of their names, is left out: evaluation mixes in those. It needs
    torch, which comes with the extra `train`.

    \b
    Example
      backflush train models/mine --sessions 400 --judge-sessions 200 --corpus recordings/
      backflush listen --model models/mine
    """
    from ..model import load_model
    from ..tools.learn import LearnOptions
    from ..tools.learn import train as learn
    from ..tools.lessons import BRIGHT_SHARE, OTHER_SHARE, RUMBLE_SHARE, STRANGE_SHARE, LessonOptions, from_corpus

    material = LessonOptions() if corpus is None else from_corpus(corpus)
    learn(
        folder,
        LearnOptions(seed=seed, epochs=epochs),
        replace(
            material,
            strange_share=STRANGE_SHARE,
            other_share=OTHER_SHARE,
            bright_share=BRIGHT_SHARE,
            rumble_share=RUMBLE_SHARE,
        ),
        sessions=sessions,
        judge_sessions=judge_sessions,
        begin=None if begin is None else load_model(begin).emission,
        jobs=jobs,
        cache=cache,
        say=lambda text: click.echo(text, err=True),
    )
