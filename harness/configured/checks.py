"""What nobody can mean by the table ``[tool.reliability-harness]``, and where its keys stand."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from harness.configured.keys import ALSO, KEYS, SAID_ONCE
from harness.configured.project_file import TABLE


def problems(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every key that is wrong, and why."""
    for key, value in table.items():
        plain = key.replace("-", "_")
        if key in KEYS:
            if not KEYS[key].fits(value):
                from harness.hidden import without_passwords  # noqa: PLC0415 - rarely needed

                yield key, f"{without_passwords(repr(value))} is not {KEYS[key].wanted}"
        elif plain in SAID_ONCE:
            yield (
                key,
                (
                    f"is for one run and cannot be said for all: give {SAID_ONCE[plain]} on "
                    "the command line where it is meant"
                ),
            )
        else:
            yield key, f"there is no such key in [tool.{TABLE}]; {_nearest(plain)}{_KNOWN}"


_KNOWN = f"known: {', '.join(KEYS)}"


def _nearest(name: str) -> str:
    near = [ALSO[name]] if name in ALSO else difflib.get_close_matches(name, KEYS, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}? " if near else ""


def lines(text: str) -> Iterator[tuple[str, int]]:
    """Give the line of every key that stands by itself below the table's header."""
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("["):
            inside = TABLE in line
        elif inside and (key := re.match(r"""\s*(["']?)([\w-]+)\1\s*=""", line)):
            yield key[2], number
