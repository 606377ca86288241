"""The verbs that run cycles: run, replay."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import click

from harness.commands import colours
from harness.commands.options import FOLDER
from harness.commands.printing import print_told
from harness.errors import MeasurementError
from harness.given_once import Once

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself


def _cycles(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> int | range | None:
    """Read N or A-B; a usage error for anything else."""
    if value is None:
        return None
    if number := re.fullmatch(r"[+-]?[0-9]{1,19}", value, re.ASCII):
        return int(number[0])
    if ends := re.fullmatch(r"([0-9]{1,19})-([0-9]{1,19})", value, re.ASCII):
        first, last = int(ends[1]), int(ends[2])
        if first > last:
            raise click.BadParameter(f"{value} ends before it begins; did you mean {last}-{first}?")
        return range(first, last + 1)
    raise click.BadParameter(
        f"{value!r} is neither a number of cycles, N, nor a range of them from 0, A-B"
    )


@click.command(cls=Once)
@click.argument("experiment", metavar="EXPERIMENT.toml", type=click.Path(path_type=Path))
@click.option(
    "--cycles",
    metavar="N|A-B",
    callback=_cycles,
    help="Cycles of every condition, instead of the file's and of its budget; A-B: of a shard.",
)
@click.option(
    "--rates-of",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Take the rates that a run has solved for, and the designs of its strata.",
)
@click.option(
    "--seed",
    metavar="S",
    type=int,
    help="Instead of the file's; the same seed gives the same faults and the same rows.",
)
@click.option("--workers", metavar="W", type=click.IntRange(1), help="Processes; one a core.")
@click.option(
    "--on",
    metavar="WHERE",
    help="Run cycles on a Dask cluster: tcp:// or tls://HOST:PORT; local:N starts one to try.",
)
@click.option(
    "--send-database",
    is_flag=True,
    help="With --on: let your own database go to its workers.",
)
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where results go; runs/NAME-SEED, of a shard runs/NAME-SEED-A-B.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with an interrupted run; it ends with the rows of an unbroken one.",
)
@click.option(
    "--again", is_flag=True, help="With --resume: also the cycles whose worker was killed."
)
@click.option(
    "--overwrite", is_flag=True, help="Run anew; what is there goes once that has ended well."
)
@click.option("--stop-when-decided", is_flag=True, help="End a condition once its claims are.")
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "json", "none"]),
    default="auto",
    help="On standard error: the state on a terminal, else lines (auto); lines; JSON; nothing.",
)
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Put a value into the file's."
)
def run(experiment: Path, **options: Any) -> None:
    """Run an experiment and judge what it claims."""
    from harness.experiment.run import runner
    from harness.experiment.run.options import RunOptions

    sys.exit(runner.run(experiment, RunOptions(**options)))


@click.command(cls=Once)
@FOLDER
@click.option("--condition", metavar="NAME", required=True, help="The condition.")
@click.option(
    "--cycle", metavar="N", type=click.IntRange(0), required=True, help="The cycle's number."
)
def replay(folder: Path, condition: str, cycle: int) -> None:
    """Run one stored cycle again and say whether it did the same; 0 when it did."""
    from harness.experiment.run import both_records
    from harness.experiment.run import replay as again

    stored, new = again.replay(folder, condition, cycle)
    beside = " " * (both_records.LABEL + 1)
    print_told(both_records.lines(stored, new), colours.twice, indent=beside)
    print_told([both_records.sentence(stored, new)], colours.twice)
    sys.exit(0 if both_records.same(stored, new) else MeasurementError.exit_code)
