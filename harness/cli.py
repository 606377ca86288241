"""The verbs: parse, call, print. Whatever is slow to import is imported by the verb that needs it.

Exit status: 0 supported or fine, 1 refuted or dirty, 2 usage or configuration, 3 undecided,
4 harness error, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from harness import __version__
from harness.errors import HarnessError, MeasurementError, UsageError

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself

HARNESS_ERROR, INTERRUPTED = 4, 130
FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="harness")
def cli() -> None:
    """Measure whether a test database really comes back clean, and guard it while tests run."""


@cli.command()
@click.argument("experiment", metavar="EXPERIMENT.toml", type=click.Path(path_type=Path))
@click.option("--cycles", metavar="N", type=int, help="Cycles of every condition.")
@click.option("--seed", metavar="S", type=int, help="Instead of the seed in the file.")
@click.option("--workers", metavar="W", type=click.IntRange(1), help="Processes; one a core.")
@click.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where results go; runs/NAME-SEED.",
)
@click.option("--resume", is_flag=True, help="Go on with the results that are there.")
@click.option("--stop-when-decided", is_flag=True, help="End a condition once its claims are.")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Put a value into the file's."
)
def run(experiment: Path, **options: Any) -> None:
    """Run an experiment and judge what it claims."""
    from harness.experiment import runner

    sys.exit(runner.run(experiment, **options))


@cli.command()
@FOLDER
@click.option("--claim", metavar="CLAIM", help='"reliability >= 0.999"; the run\'s own claims.')
@click.option("--condition", metavar="NAME", help="Only this condition.")
@click.option("--confidence", metavar="SHARE", type=float, help="0.95, or the experiment's.")
def check(folder: Path, **options: Any) -> None:
    """Judge the claims of a stored run."""
    from harness.experiment import verdicts

    judged = verdicts.check(folder, **options)
    for one in judged:
        _print(one.sentence())
    sys.exit(verdicts.exit_code(judged))


@cli.command()
@FOLDER
@click.option("--format", "format_", metavar="NAME", default="console", help="console, html, ...")
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
def report(folder: Path, format_: str, output: Path | None) -> None:
    """Print a stored run for people or machines."""
    from harness import registry

    text = registry.find("reports", format_)().render(folder)
    if output is None:
        _print(text.removesuffix("\n"))
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--output {output}: cannot be written: {error}") from error


@cli.command()
@FOLDER
@click.option("--condition", metavar="NAME", required=True)
@click.option("--cycle", metavar="N", type=click.IntRange(0), required=True)
def replay(folder: Path, condition: str, cycle: int) -> None:
    """Run one stored cycle again and show both records; 0 when they are the same."""
    from harness.experiment import replay as again

    stored, new = again.replay(folder, condition, cycle)
    _print(again.side_by_side(stored, new))
    sys.exit(0 if again.same(stored, new) else HARNESS_ERROR)


@cli.command()
@click.option("--database", metavar="FILE", required=True, type=click.Path(path_type=Path))
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65535), default=0, help="0: a free one."
)
@click.option(
    "--busy-timeout-ms",
    metavar="N",
    type=click.IntRange(0),
    default=1000,
    help="How long a request waits for the database's lock; 1000.",
)
@click.option(
    "--attached",
    is_flag=True,
    help="For programs: JSON on standard output, commands on standard input, end with it.",
)
def backend(database: Path, **options: Any) -> None:
    """Serve the platform's API in front of a database, on loopback only.

    Ctrl-C ends it in good order: requests under way are answered, and the status is 130.
    """
    from harness.backend.serve import serve

    serve(database, say=_print, **options)


def _print(text: str) -> None:
    """Print; a reader who has left (``| head``) changes no exit status: 1 would mean refuted."""
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise MeasurementError(f"standard output cannot be written: {error}") from error


def main() -> None:
    """Run the command line; errors raised on purpose become one sentence and a status."""
    try:
        cli.main(standalone_mode=False)
    except HarnessError as error:
        click.echo(f"harness: {error}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("harness: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except Exception:  # noqa: BLE001 - a defect of the harness, and 1 would mean refuted
        traceback.print_exc()
        sys.exit(HARNESS_ERROR)
