"""What a line of a verb looks like on a terminal: the word that it comes to, in its colour.

Every line is ``printable`` already, so no name in it brings an escape of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from harness.terminal import styled

Paint = Callable[[str], str]  # a line -> the same line with its colours
_VERDICTS = {
    "not refuted": "green",
    "supported": "bold green",
    "refuted": "bold red",
    "undecided": "yellow",
    "not measured": "yellow",
    "harness error": "bold red",
}
_VERDICT = re.compile(rf"(?<=: )(?:{'|'.join(_VERDICTS)})\b")
_CHANGES = {"worse": "bold red", "better": "bold green", "no difference shown": "dim"}
_CHANGE = re.compile(rf"(?<=: )(?:{'|'.join(_CHANGES)})\b(?=$| \()")
_ROWS = {"  + ": "green", "  - ": "red", "  ~ ": "yellow"}


def verdicts(line: str) -> str:
    """Colour what `harness check` finds of each claim."""
    return _VERDICT.sub(lambda found: styled(found[0], _VERDICTS[found[0]]), line)


def changes(line: str) -> str:
    """Colour what `harness compare` finds of each figure."""
    return _CHANGE.sub(lambda found: styled(found[0], _CHANGES[found[0]]), line)


def differences(line: str) -> str:
    """Colour what `harness verify` finds: rows as in any diff, and that there is nothing."""
    if line.startswith("no differences"):
        return styled(line, "bold green")
    return styled(line, _ROWS.get(line[:4], "" if line.startswith("  ") else "bold red"))


def twice(line: str) -> str:
    """Colour what `harness replay` shows: where two records differ, and what follows from it."""
    if line.startswith("the same:"):
        return styled(line, "bold green")
    if line.startswith("not the same:"):
        return styled(line, "bold red")
    return styled(line, "yellow" if line.startswith("!") else "")
