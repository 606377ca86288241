"""The verb that joins runs: merge."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(cls=Once)
@click.argument(
    "folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--output",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="The folder of the run that they become.",
)
def merge(folders: tuple[Path, ...], output: Path) -> None:
    """Join shards of one run into that run, and judge what it claims."""
    from harness.experiment.run import merge as merging
    from harness.experiment.run.runner import Printer

    sys.exit(merging.merge(folders, output, Printer()))
