"""The verbs: parse, call, print. Whatever is slow to import is imported by the verb that needs it.

Exit status: 0 supported or fine, 1 refuted or dirty, 2 usage or configuration, 3 undecided,
4 harness error, 130 interrupted; ``guard`` passes its command's own status through
and says 125 when the database is not proven back, 126 or 127 when the command cannot be run.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from harness import extras
from harness.errors import HarnessError, MeasurementError, UsageError
from harness.given_once import OnceGroup
from harness.printable import printable, printable_lines, printed
from harness.version import VERSION

# ruff: noqa: PLC0415 - help must come at once, so every verb imports what it needs by itself

HARNESS_ERROR, INTERRUPTED = 4, 130
MOST_BUSY_MS = 2**31 - 1  # what SQLite takes
_STDERR = 2
_OF_UNIX = ("fcntl", "pwd", "resource", "termios")  # modules of Python's that Windows has not
FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.group(
    cls=OnceGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="harness")
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
@click.option(
    "--again", is_flag=True, help="With --resume: also the cycles whose worker was killed."
)
@click.option("--stop-when-decided", is_flag=True, help="End a condition once its claims are.")
@click.option(
    "--set", "overrides", metavar="KEY=VALUE", multiple=True, help="Put a value into the file's."
)
def run(experiment: Path, **options: Any) -> None:
    """Run an experiment and judge what it claims."""
    from harness.experiment.run import runner
    from harness.experiment.run.options import RunOptions

    sys.exit(runner.run(experiment, RunOptions(**options)))


@cli.command()
@FOLDER
@click.option("--claim", metavar="CLAIM", help='"reliability >= 0.999"; the run\'s own claims.')
@click.option("--condition", metavar="NAME", help="Only this condition.")
@click.option("--confidence", metavar="SHARE", type=float, help="0.95, or the experiment's.")
def check(folder: Path, **options: Any) -> None:
    """Judge the claims of a stored run."""
    from harness.experiment.run import verdicts

    judged = verdicts.check(folder, **options)
    _print(printed(verdicts.lines(judged)))
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
        _print_as_is(text.removesuffix("\n"))
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--output {output}: cannot be written: {error}") from error


@cli.command()
@click.argument("before", metavar="BEFORE", type=click.Path(path_type=Path, file_okay=False))
@click.argument("after", metavar="AFTER", type=click.Path(path_type=Path, file_okay=False))
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
    _print(printed(lines))
    sys.exit(status)


@cli.command()
@FOLDER
@click.option("--condition", metavar="NAME", required=True)
@click.option("--cycle", metavar="N", type=click.IntRange(0), required=True)
def replay(folder: Path, condition: str, cycle: int) -> None:
    """Run one stored cycle again and show both records; 0 when they are the same."""
    from harness.experiment.run import replay as again

    stored, new = again.replay(folder, condition, cycle)
    _print(again.side_by_side(stored, new))
    sys.exit(0 if again.same(stored, new) else HARNESS_ERROR)


@cli.command()
@click.option("--database", metavar="FILE", required=True)
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

    serve(database, say=_print, **options)


@cli.command()
@click.argument("database", metavar="DATABASE")
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

    _print(write(database, output, force=force))


@cli.command("list")
@click.argument("kind", metavar="[KIND]", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--schema", is_flag=True, help="The JSON Schema of experiment files, for editors.")
def list_(kind: str | None, *, as_json: bool, schema: bool) -> None:
    """List what an experiment can name: faults, recovery, cleanup, ..., and what measures count."""
    from harness import registry_listing

    if schema and kind:
        raise click.UsageError("--schema is of whole experiment files: give no KIND with it")
    if schema:
        from harness.experiment.written import configuration

        _print_as_is(json.dumps(configuration.schema(), indent=1))
        return
    kinds = [registry_listing.kind_of(kind)] if kind else registry_listing.KINDS
    width = shutil.get_terminal_size((80, 24)).columns
    if as_json:
        _print_as_is(registry_listing.as_json(kinds))
    else:
        _print(registry_listing.as_text(kinds, width))


DATABASE = click.option(
    "--database", metavar="DATABASE", required=True, help="The path of a SQLite file."
)
BUSY = click.option(
    "--busy-timeout-ms",
    metavar="N",
    type=click.IntRange(0, MOST_BUSY_MS),
    default=1000,
    help="How long to wait for the database's lock; 1000.",
)

END_SURVIVORS = click.option(
    "--end-survivors",
    is_flag=True,
    help="End what the tests have started and that still lives.",
)


@cli.command(
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
    sys.exit(command.run_guarded(database, argv, say=_say_aside, colours=_in_colour(), **options))


@cli.command()
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
        say=_say_aside,
    )
    sys.exit(done)


DATABASE_FILE = click.argument("database", metavar="DATABASE")


@cli.command()
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP")
def backup(database: str, backup_: str) -> None:
    """Copy a database while others use it; never over a file that is there."""
    from harness.guard import by_hand

    _print(by_hand.backup(database, backup_).sentence(database))


@cli.command()
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify(database: str, backup_: str, *, as_json: bool) -> None:
    """List every difference between a database and a backup; 0 none, 1 some."""
    from harness.guard import by_hand

    differing = by_hand.verify(database, backup_)
    if as_json:
        _print_as_is(by_hand.as_json(differing))
    else:
        _print(printed(by_hand.as_lines(differing)))
    sys.exit(0 if differing.clean("exact") else 1)


@cli.command()
@DATABASE_FILE
@click.argument("backup_", metavar="BACKUP", required=False)
@click.option("--force", is_flag=True, help="Also from a backup of another database.")
@click.option("--list", "list_", is_flag=True, help="List what restores have thrown away so far.")
def restore(database: str, backup_: str | None, *, force: bool, list_: bool) -> None:
    """Put a backup back while others are connected; what it replaces is kept as an archive."""
    from harness.guard import by_hand

    if list_ == (backup_ is not None):
        raise click.UsageError("give a BACKUP to restore, or --list to see the archives")
    if backup_ is None:
        _print(by_hand.archives(database))
    else:
        _print(by_hand.restore(database, backup_, force=force).sentence(database, backup_))


def _say_aside(text: str) -> None:
    """Print on standard error; standard output is the guarded command's."""
    click.echo(text, err=True)


def _in_colour() -> bool:
    """Whether what is said aside goes to a terminal whose user wants colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr is not None and sys.stderr.isatty() and not plain


def _print(text: str) -> None:
    """Print what people read: no name in it speaks to a terminal, or to the log of a CI."""
    _print_as_is(printable_lines(text))


def _print_as_is(text: str) -> None:
    """Print a document as it is.

    A reader who has left (``| head``) changes no exit status: 1 would mean refuted.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise MeasurementError(f"standard output cannot be written: {error}") from error


def _occupy_closed_streams() -> None:
    """Let no file of ours take the place of a standard stream that was closed (``2>&-``).

    What is meant for the stream would be written to it. Who is executed finds it closed, as given.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)


def main() -> None:
    """Run the command line; errors raised on purpose become one sentence and a status."""
    _occupy_closed_streams()
    try:
        cli.main(standalone_mode=False)
    except HarnessError as error:
        click.echo(printable_lines(f"harness: {error}"), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.ClickException as error:
        vars(error)["message"] = printable(error.message)  # final, and quotes what was given
        error.show()
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        click.echo("harness: interrupted", err=True)
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        if (lacking := _lacking(error)) is None:
            traceback.print_exc()
            sys.exit(HARNESS_ERROR)
        click.echo(f"harness: {lacking}", err=True)
        sys.exit(2)
    except Exception:  # noqa: BLE001 - a defect of the harness, and 1 would mean refuted
        traceback.print_exc()
        sys.exit(HARNESS_ERROR)


def _lacking(error: ModuleNotFoundError) -> str | None:
    """Say what there is to do about a module that is not here; None: that is a defect."""
    if error.name in _OF_UNIX:
        return (
            f"this needs Linux or macOS: Python on {sys.platform} lacks {error.name}. "
            "Run it there, for instance in WSL or in a container; stored runs can be read here "
            "('harness check', 'harness report')."
        )
    return extras.advice(error)
