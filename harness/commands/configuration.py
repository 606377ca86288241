"""The verb that shows what is configured: config."""

from __future__ import annotations

import click

from harness.commands.printing import print_as_is, print_lines
from harness.given_once import Once
from harness.printable import printed

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(cls=Once)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def config(*, as_json: bool) -> None:
    """Show what holds in this folder, and where each value comes from; no password is shown."""
    from harness.configured.settings import settings
    from harness.guard import holds

    found = settings()
    held = holds.held(found)
    if as_json:
        print_as_is(holds.as_json(held, found))
    else:
        print_lines(printed(holds.as_lines(held, found)))
