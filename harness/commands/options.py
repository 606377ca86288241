"""Arguments and options that more than one verb has."""

from __future__ import annotations

from pathlib import Path

import click

MOST_BUSY_MS = 2**31 - 1  # what SQLite takes
FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
DATABASE = click.option(
    "--database", metavar="DATABASE", help="The path of a SQLite file; pyproject.toml's."
)
BUSY = click.option(
    "--busy-timeout-ms",
    metavar="N",
    type=click.IntRange(0, MOST_BUSY_MS),
    help="How long to wait for the database's lock; 1000.",
)

END_SURVIVORS = click.option(
    "--end-survivors",
    is_flag=True,
    help="End what the tests have started and that still lives.",
)
