"""`python -m acoustic` is `backflush`."""

from .cli import main

main(prog_name="backflush")
