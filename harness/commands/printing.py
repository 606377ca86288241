"""What the verbs print, and where; no name in it speaks to a terminal or to the log of a CI."""

from __future__ import annotations

import os
import sys

import click

from harness.errors import MeasurementError
from harness.printable import printable_lines


def say_aside(text: str) -> None:
    """Print on standard error; standard output is the guarded command's."""
    click.echo(text, err=True)


def in_colour() -> bool:
    """Whether what is said aside goes to a terminal whose user wants colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stderr is not None and sys.stderr.isatty() and not plain


def print_lines(text: str) -> None:
    """Print what people read: no name in it speaks to a terminal, or to the log of a CI."""
    print_as_is(printable_lines(text))


def print_as_is(text: str) -> None:
    """Print a document as it is.

    A reader who has left (``| head``) changes no exit status: 1 would mean refuted.
    """
    try:
        click.echo(text)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        raise MeasurementError(f"standard output cannot be written: {error}") from error
