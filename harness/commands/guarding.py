"""The verbs of the guard: guard, recover."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.commands.options import BUSY, DATABASE, END_SURVIVORS, files, names
from harness.commands.printing import say_aside
from harness.given_once import Once
from harness.terminal import in_colour

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(
    cls=Once,
    context_settings={"allow_interspersed_args": False},
    options_metavar="[--database DATABASE] [OPTIONS] --",
)
@DATABASE
@click.option(
    "--cleanup",
    metavar="COMMAND",
    help="A shell command line that deletes the test data, by_difference, or none (the default).",
)
@click.option(
    "--recovery",
    "recoveries",
    metavar="NAME",
    multiple=True,
    help="How to back up; again for the next of the chain; online_backup, then wal_pin.",
    shell_complete=names("recovery"),
)
@click.option(
    "--grade",
    type=click.Choice(["rows", "exact"]),
    help="Whether sequences must be back too (exact, the default), or only rows.",
)
@BUSY
@click.option(
    "--json",
    "json_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write how it ended for programs.",
)
@click.option(
    "--production-sign",
    "signs",
    metavar="WORD",
    multiple=True,
    help="One more word of yours that means production in a path; again for the next.",
)
@click.option(
    "--i-know",
    is_flag=True,
    help="Also what looks like production, lies on a network, or is in use.",
)
@click.option(
    "--archive/--no-archive",
    "archives",
    default=None,
    help="Whether to keep what a restore throws away; it is kept.",
)
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="How long to wait for another guard on the same database to end; 0.",
)
@click.option(
    "--absent-ok/--no-absent-ok",
    default=None,
    help="There need not be a database yet: what the tests make is removed again.",
)
@click.option(
    "--allow-survivors",
    is_flag=True,
    help="Processes of the command may have the database open when it has ended.",
)
@END_SURVIVORS
@click.option(
    "--survivors-wait",
    "survivors_wait_s",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="How long to wait for those that do; 5.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--verbose", is_flag=True, help="Show every row that the tests left.")
@click.argument(
    "argv",
    metavar="COMMAND...",
    nargs=-1,
    required=True,
    type=click.UNPROCESSED,
    shell_complete=files,
)
def guard(database: str | None, argv: tuple[str, ...], **options: Any) -> None:
    """Run a test command; afterwards the database is what it was, whatever happened.

    What is not given is as [tool.reliability-harness] of pyproject.toml says: harness config.

    The exit status is the command's own; 125 when the database is not proven at its baseline,
    126 or 127 when the command cannot be run.
    """
    from harness.configured.settings import settings
    from harness.guard import command
    from harness.guard.configured import asked_with, database_of

    held = settings()
    asked = asked_with(options, held)
    named = database_of(database, held)
    sys.exit(
        command.run_guarded(named, argv, say=say_aside, colours=in_colour(sys.stderr), **asked)
    )


@click.command(cls=Once)
@DATABASE
@click.option("--list", "list_", is_flag=True, help="List all that is pending, and do nothing.")
@click.option(
    "--discard", is_flag=True, help="Keep the database as it is; the backups become archives."
)
@END_SURVIVORS
@BUSY
def recover(database: str | None, *, list_: bool, **options: Any) -> None:
    """Bring back the baseline that a killed guard left behind; 125 when that cannot be done.

    Without a database, here or in pyproject.toml: list what is pending, also where the folder is
    gone.
    """
    from harness.configured.settings import settings
    from harness.guard import command
    from harness.guard.configured import database_in

    if list_ and database is not None:
        raise click.UsageError("--list is of all databases: give no --database with it")
    held = settings()
    if options["busy_timeout_ms"] is None:
        options["busy_timeout_ms"] = held.values.get("busy_timeout_ms", 1000)
    named = None if list_ else database if database is not None else database_in(held)
    sys.exit(command.run_recover(named, say=say_aside, **options))
