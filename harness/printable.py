"""Names and messages of others, made safe for a terminal and for the log of a CI.

A name may hold anything: a newline that begins a line of its own, an escape sequence that clears
the screen or retitles the window, a mark that turns the reading direction around, or the very words
that a CI obeys in what a step prints (``::error::``, ``##[error]``, ``##vso[...]``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_OBEYED = re.compile(r"##(?=\w*\[)")  # anywhere in a line: Azure, TeamCity, GitHub's older form
_COMMAND = re.compile(r"\A(\s*):(?=:)")  # at its beginning: GitHub


def printable(text: object) -> str:
    r"""Return ``text`` in one line, as it may be printed anywhere in a line or as one.

    What no reader would see as itself is written as Python would (``\n``, ``\x1b``, ``\u202e``).
    """
    seen = "".join(c if c.isprintable() or _harmless(c) else _escaped(c) for c in str(text))
    seen = _OBEYED.sub(r"#\\x23", seen)
    return _COMMAND.sub(r"\1\\x3a", seen)


def printable_lines(text: object) -> str:
    """Return ``text`` with its own line breaks, and each line ``printable``."""
    return "\n".join(map(printable, str(text).split("\n")))


def printed(lines: Iterable[object]) -> str:
    """Join lines, each ``printable``: no name in one of them can begin another."""
    return "\n".join(map(printable, lines))


def _harmless(character: str) -> bool:
    """Whether it is a space of another kind, or a character that this Python does not know yet."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
