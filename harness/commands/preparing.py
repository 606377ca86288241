"""The verbs before an experiment: init, list, backend."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import click

from harness.commands.options import MOST_BUSY_MS, files
from harness.commands.printing import print_as_is, print_lines
from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(cls=Once)
@click.argument("database", metavar="DATABASE", shell_complete=files)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    default=Path("experiment.toml"),
    help="Where to write the experiment; experiment.toml.",
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def init(database: str, output: Path, *, force: bool) -> None:
    """Look at a database of yours and write an experiment that runs on copies of it."""
    from harness.experiment.init.draft import init as write

    print_lines(write(database, output, force=force))


@click.command("list", cls=Once)
@click.argument("kind", metavar="[KIND]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--schema", is_flag=True, help="The JSON Schema of experiment files, for editors.")
def list_(kind: str | None, *, as_json: bool, schema: bool) -> None:
    """List what an experiment can name: faults, recovery, cleanup, ..., and what measures count."""
    from harness import registry_listing

    if schema and kind:
        raise click.UsageError("--schema is of whole experiment files: give no KIND with it")
    if schema:
        from harness.experiment.written.schema import schema as of_files

        print_as_is(json.dumps(of_files(), indent=1))
        return
    kinds = [registry_listing.kind_of(kind)] if kind else registry_listing.KINDS
    width = shutil.get_terminal_size((80, 24)).columns
    if as_json:
        print_as_is(registry_listing.as_json(kinds))
    else:
        print_lines(registry_listing.as_text(kinds, width))


@click.command(cls=Once)
@click.option(
    "--database",
    metavar="FILE",
    required=True,
    shell_complete=files,
    help="The SQLite database of the platform that is served.",
)
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="0: a free one."
)
@click.option(
    "--busy-timeout-ms",
    metavar="N",
    type=click.IntRange(0, MOST_BUSY_MS),
    default=1000,
    help="How long a request waits for the database's lock; 1000.",
)
@click.option(
    "--attached",
    is_flag=True,
    help="For programs: JSON on standard output, commands on standard input, end with it.",
)
def backend(database: str, **options: Any) -> None:
    """Serve the platform's API in front of a database, on loopback only.

    Ctrl-C ends it in good order: requests under way are answered, and the status is 130.
    """
    from harness.backend.serve import serve

    serve(database, say=print_lines, **options)
