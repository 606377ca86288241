"""The command line: its verbs together, and what an error becomes.

Exit status: 0 supported or fine, 1 refuted or dirty, 2 usage or configuration, 3 undecided,
4 harness error, 130 interrupted; ``guard`` passes its command's own status through
and says 125 when the database is not proven back, 126 or 127 when the command cannot be run.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

import click

from harness import extras
from harness.commands.verbs import Verbs
from harness.errors import HarnessError, MeasurementError
from harness.given_once import OnceGroup
from harness.printable import printable, printable_lines
from harness.version import VERSION

INTERRUPTED = 130
_STDERR = 2
_OF_UNIX = ("fcntl", "pwd", "resource", "termios")  # modules of Python's that Windows has not


@click.group(
    cls=OnceGroup,
    commands=Verbs(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="harness")
def cli() -> None:
    """Measure whether a test database really comes back clean, and guard it while tests run."""


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
    # at the end Python looks through all it has for what could be freed, and then all of it goes
    atexit.register(gc.freeze)
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
            _say_defect()
            sys.exit(MeasurementError.exit_code)
        click.echo(f"harness: {lacking}", err=True)
        sys.exit(2)
    except Exception:  # noqa: BLE001 - a defect of the harness, and 1 would mean refuted
        _say_defect()
        sys.exit(MeasurementError.exit_code)


def _say_defect() -> None:
    import traceback  # noqa: PLC0415 - a defect is rare

    traceback.print_exc()


def _lacking(error: ModuleNotFoundError) -> str | None:
    """Say what there is to do about a module that is not here; None: that is a defect."""
    if error.name in _OF_UNIX:
        return (
            f"this needs Linux or macOS: Python on {sys.platform} lacks {error.name}. "
            "Run it there, for instance in WSL or in a container; stored runs can be read here "
            "('harness check', 'harness report')."
        )
    return extras.advice(error)
