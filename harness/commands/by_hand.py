"""The verbs for one step by hand: backup, verify, restore."""

from __future__ import annotations

import sys

import click

from harness.commands import colours
from harness.commands.options import files
from harness.commands.printing import print_as_is, print_lines, print_told
from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself

DATABASE_FILE = click.argument("database", metavar="DATABASE", shell_complete=files)


@click.command(cls=Once)
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP", shell_complete=files)
def backup(database: str, backup_: str) -> None:
    """Copy a database while others use it; never over a file that is there."""
    from harness.guard import by_hand

    print_lines(by_hand.backup(database, backup_).sentence(by_hand.shown(database)))


@click.command(cls=Once)
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP", shell_complete=files)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(database: str, backup_: str, *, as_json: bool) -> None:
    """List every difference between a database and a backup; 0 none, 1 some."""
    from harness.guard import by_hand

    differing = by_hand.verify(database, backup_)
    if as_json:
        print_as_is(by_hand.as_json(differing))
    else:
        print_told(by_hand.as_lines(differing), colours.differences, indent=None)
    sys.exit(0 if differing.clean("exact") else 1)


@click.command(cls=Once)
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP", required=False, shell_complete=files)
@click.option("--force", is_flag=True, help="Also from a backup of another database.")
@click.option("--list", "list_", is_flag=True, help="List what restores have thrown away so far.")
def restore(database: str, backup_: str | None, *, force: bool, list_: bool) -> None:
    """Put a backup back while others are connected; what it replaces is kept as an archive."""
    from harness.guard import by_hand

    if list_ == (backup_ is not None):
        raise click.UsageError("give a BACKUP to restore, or --list to see the archives")
    if backup_ is None:
        print_lines(by_hand.archives(database))
    else:
        restored = by_hand.restore(database, backup_, force=force)
        print_lines(restored.sentence(by_hand.shown(database), by_hand.shown(backup_)))
