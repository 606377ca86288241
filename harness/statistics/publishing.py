"""Figures that are computed, printed or written: as JSON, and as a page made of the same."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def publish(
    arguments: Sequence[str] | None,
    description: str,
    names: tuple[str, str],
    computed: Callable[[], dict[str, Any]],
    table: Callable[[dict[str, Any]], str],
) -> None:
    """Print the page or the figures, or write both into a folder.

    Args:
        arguments: of the command line; None: those of this process.
        description: what ``--help`` says.
        names: of the files for the figures and for the page.
        computed: gives the figures.
        table: gives the page that shows them.

    Raises:
        SystemExit: with 2, for words that cannot be understood and a folder that cannot be written.
    """
    figures_name, page_name = names
    parser = argparse.ArgumentParser(description=description)
    both = f"write {figures_name} and {page_name}"
    parser.add_argument("--output", metavar="DIR", type=Path, help=both)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    published = computed()
    figures = json.dumps(published, indent=1, allow_nan=False) + "\n"
    if given.output is None:
        sys.stdout.write(figures if given.json else table(published))
        return
    try:
        given.output.mkdir(parents=True, exist_ok=True)
        (given.output / figures_name).write_text(figures, encoding="utf-8")
        (given.output / page_name).write_text(table(published), encoding="utf-8")
    except OSError as error:
        parser.error(f"--output {given.output}: cannot be written: {error}")
