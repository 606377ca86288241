"""What the verbs print, and where; no name in it speaks to a terminal or to the log of a CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from harness.errors import MeasurementError
from harness.printable import printable, printable_lines
from harness.terminal import columns, in_colour, is_terminal, wrapped

if TYPE_CHECKING:
    from harness.commands.colours import Paint


def say_aside(text: str) -> None:
    """Print on standard error; standard output is the guarded command's."""
    click.echo(text, err=True)


def print_lines(text: str) -> None:
    """Print what people read: no name in it speaks to a terminal, or to the log of a CI."""
    print_as_is(printable_lines(text))


def print_told(lines: Iterable[object], paint: Paint, *, indent: str | None = "  ") -> None:
    """Print what a verb found, a line each: in colour and between words on a terminal.

    Args:
        lines: no name in one of them can begin another.
        paint: gives a line its colours.
        indent: of what has no room on its line; None leaves breaking to the terminal.
    """
    told = list(map(printable, lines))
    if in_colour(sys.stdout):
        told = list(map(paint, told))
    if is_terminal(sys.stdout) and indent is not None:
        told = [part for line in told for part in wrapped(line, columns(), indent)]
    print_as_is("\n".join(told))


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
