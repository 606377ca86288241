"""Arguments and options that more than one verb has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def files(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete a file's name: for what may also be an address, and so is no Path."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a completion needs it

    return [CompletionItem(incomplete, type="file")]


def names(kind: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Complete the names that there are of a kind, "recovery", for whoever presses the key."""

    def named(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from harness import registry  # noqa: PLC0415 - only a completion needs it

        return [name for name in registry.names(kind) if name.startswith(incomplete)]

    return named


MOST_BUSY_MS = 2**31 - 1  # what SQLite takes
FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
DATABASE = click.option(
    "--database",
    metavar="DATABASE",
    help="The path of a SQLite file or a postgresql:// address; pyproject.toml's.",
    shell_complete=files,
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
