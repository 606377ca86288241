"""The verbs of the guard: guard, recover."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.commands.options import BUSY, DATABASE, END_SURVIVORS
from harness.commands.printing import in_colour, say_aside
from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(
    cls=Once,
    context_settings={"allow_interspersed_args": False},
    options_metavar="--database DATABASE [OPTIONS] --",
)
@DATABASE
@click.option(
    "--cleanup",
    metavar="COMMAND",
    help="A shell command line that deletes the test data, or by_difference; none.",
)
@click.option(
    "--recovery",
    "recoveries",
    metavar="NAME",
    multiple=True,
    help="How to back up; again for the next of the chain; online_backup.",
)
@click.option(
    "--grade",
    type=click.Choice(["rows", "exact"]),
    default="exact",
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
    "--no-archive",
    "archives",
    flag_value=False,
    default=True,
    help="Do not keep what a restore throws away.",
)
@click.option(
    "--wait",
    "wait_s",
    metavar="SECONDS",
    type=click.FloatRange(0),
    default=0.0,
    help="How long to wait for another guard on the same database to end; 0.",
)
@click.option(
    "--absent-ok",
    is_flag=True,
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
    default=5.0,
    help="How long to wait for those that do; 5.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--verbose", is_flag=True, help="Show every row that the tests left.")
@click.argument("argv", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def guard(database: str, argv: tuple[str, ...], **options: Any) -> None:
    """Run a test command; afterwards the database is what it was, whatever happened.

    The exit status is the command's own; 125 when the database is not proven at its baseline,
    126 or 127 when the command cannot be run.
    """
    from harness.guard import command

    options["recoveries"] = options["recoveries"] or None
    sys.exit(command.run_guarded(database, argv, say=say_aside, colours=in_colour(), **options))


@click.command(cls=Once)
@click.option("--database", metavar="DATABASE", help="The path of a SQLite file; none: list all.")
@click.option(
    "--discard", is_flag=True, help="Keep the database as it is; the backups become archives."
)
@END_SURVIVORS
@BUSY
def recover(
    database: str | None, busy_timeout_ms: int, *, discard: bool, end_survivors: bool
) -> None:
    """Bring back the baseline that a killed guard left behind; 125 when that cannot be done.

    Without --database: list what is pending, also where the folder is gone.
    """
    from harness.guard import command

    done = command.run_recover(
        database,
        busy_timeout_ms=busy_timeout_ms,
        discard=discard,
        end_survivors=end_survivors,
        say=say_aside,
    )
    sys.exit(done)
