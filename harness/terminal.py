"""What a terminal is given: how wide, whether in colour, lines broken between words alone.

Styles are put into a text that is ``printable`` already: an escape in it is ours and has no width.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import IO, Any

Fitted = Callable[[int], Sequence[str]]  # lines for so many columns
USUAL = 80  # columns of a terminal that does not say how many it has
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_ESCAPE = re.compile(r"\x1b\[[\d;]*m")


def is_terminal(stream: IO[Any] | None) -> bool:
    """Whether somebody reads ``stream`` on a terminal."""
    return stream is not None and stream.isatty()


def in_colour(stream: IO[Any] | None) -> bool:
    """Whether ``stream`` is a terminal whose user wants colours (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return is_terminal(stream) and not plain


def columns(otherwise: int = USUAL) -> int:
    """Return how wide lines may be: COLUMNS, the terminal, or ``otherwise``."""
    import shutil  # noqa: PLC0415 - with its archives it takes as long as all the rest

    return shutil.get_terminal_size((otherwise, 24)).columns


def styled(text: str, style: str) -> str:
    """Return ``text`` in a style, such as "bold red"; as it is for ""."""
    codes = ";".join(_CODES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def room(text: str) -> int:
    """Return how many columns ``text`` takes."""
    return sum(map(_room, _ESCAPE.sub("", text)))


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Return ``text`` with blanks to be ``width`` columns wide; with more it stays what it is."""
    blanks = " " * (width - room(text))
    return blanks + text if right else text + blanks


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Break ``text`` at blanks into lines of ``width`` columns, the second and later indented.

    A word is never broken: one that is wider than a line has a line of its own, as wide as it is.
    """
    lines: list[str] = []
    line = ""
    for gap, word in re.findall(r"( *)([^ ]+)", text.rstrip()):
        if line.strip() and room(line + gap + word) > width:
            lines.append(line)
            line = indent + word
        else:
            line += gap + word
    return [*lines, line]


def command(words: Sequence[object], width: int) -> list[str]:
    r"""Return a command to copy: a line, or more of them, each but the last ended by ``\``.

    An option stays beside its value where a line has room for both.
    """
    parts: list[list[str]] = []
    for word in (quote(str(word)) for word in words):
        if parts and len(parts[-1]) == 1 and parts[-1][0].startswith("--") and word[:2] != "--":
            parts[-1].append(word)
        else:
            parts.append([word])
    lines = parts[0]
    for part in parts[1:]:
        whole = " ".join(part)
        if room(f"{lines[-1]} {whole} \\") <= width:
            lines[-1] += f" {whole}"
        elif room(f"  {whole} \\") <= width:
            lines.append(f"  {whole}")
        else:
            lines += [f"  {word}" for word in part]
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def labelled(parts: Mapping[str, Fitted], width: int, style: str = "") -> list[str]:
    """Put lines beside what they are, the labels in a column of their own.

    Args:
        parts: by label, what gives the lines for so many columns; no line, no label.
        width: of all. What does not fit beside its label stands below it.
        style: of the labels.
    """
    beside = max(map(room, parts)) + 2
    lines: list[str] = []
    for label, fitted in parts.items():
        found = fitted(width - beside)
        if any(room(line) > width - beside for line in found):
            lines += [styled(label, style), *(f"  {line}" for line in fitted(width - 2))]
        else:
            lines += [
                f"{styled(padded('' if number else label, beside), style)}{line}"
                for number, line in enumerate(found)
            ]
    return lines


def _room(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
