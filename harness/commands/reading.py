"""The verbs that read stored runs: check, report, compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from harness.commands import colours
from harness.commands.options import FOLDER, names
from harness.commands.printing import print_as_is, print_told
from harness.errors import UnknownName, UsageError
from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


@click.command(cls=Once)
@FOLDER
@click.option("--claim", metavar="CLAIM", help='"reliability >= 0.999"; the run\'s own claims.')
@click.option("--condition", metavar="NAME", help="Only this condition.")
@click.option("--confidence", metavar="SHARE", type=float, help="0.95, or the experiment's.")
def check(folder: Path, **options: Any) -> None:
    """Judge the claims of a stored run."""
    from harness.experiment.run import verdicts

    judged = verdicts.check(folder, **options)
    print_told(verdicts.lines(judged), colours.verdicts)
    sys.exit(verdicts.exit_code(judged))


@click.command(cls=Once)
@FOLDER
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    default="console",
    help="console, html, ...",
    shell_complete=names("reports"),
)
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to a file.",
)
def report(folder: Path, format_: str, output: Path | None) -> None:
    """Print a stored run for people or machines."""
    from harness import registry

    try:
        kind = registry.find("reports", format_)
    except UnknownName as error:
        raise UsageError(f"--format {format_}: {error}") from None
    text = kind().render(folder)
    if output is None:
        print_as_is(text.removesuffix("\n"))
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--output {output}: cannot be written: {error}") from error


@click.command(cls=Once)
@click.argument("before", metavar="BEFORE", type=click.Path(path_type=Path))
@click.argument("after", metavar="AFTER", type=click.Path(path_type=Path))
@click.option(
    "--confidence",
    metavar="SHARE",
    type=float,
    default=0.95,
    help="That no word of all is wrong; 0.95.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["outcomes", "timings"]),
    default="outcomes",
    help="What ends with 1 where it got worse: how cycles ended (the default), or timings too.",
)
@click.option("--verbose", is_flag=True, help="Show also what shows no difference, line by line.")
def compare(before: Path, after: Path, **options: Any) -> None:
    """Say whether something got worse from one stored run to another; 1 when outcomes did."""
    from harness.analysis import compare as comparing

    lines, status = comparing.compare(before, after, **options)
    print_told(lines, colours.changes)
    sys.exit(status)
