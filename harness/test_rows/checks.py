"""What the CHECKs of a table ask for: the values that may satisfy them.

Nothing here decides anything: hints are tried on the database, which has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from harness.databases.sqlite.ddl import tokens_of, unquote

_PATTERN = re.compile(r"[%*?\[]")  # "_" stands in plain words as well
_OF_GLOB = re.compile(r"[*?\[]")
_DATES = {"date", "datetime", "time", "julianday", "strftime", "unixepoch"}
_DIGITS = 18  # of a number that fits SQLite's, whatever is added to it
_LONGEST = 1000  # of a text that is made because a CHECK speaks of a length
_IN_CLASSES = "a7A-_ zZ0.@x"  # tried in turn for what a class of GLOB leaves out
DATES = ("2024-02-29", "2024-02-29 12:30:45", "12:30:45", "2024-02-29T12:30:45Z", "2024-02")


class Check(NamedTuple):
    """One CHECK of a table."""

    expression: str
    names: frozenset[str]  # identifiers and words in it, in lower case
    hints: tuple[Any, ...]  # values that may satisfy it, the likeliest first


def check_of(expression: str) -> Check:
    """Read the expression of a CHECK."""
    tokens = [token.group() for token in tokens_of(expression)]
    names = frozenset(unquote(token).lower() for token in tokens)
    texts = [unquote(token) for token in tokens if token[0] in "'\""]
    numbers = [_number(token) for token in tokens if token[0].isdigit()]
    hints: list[Any] = [*DATES] if names & _DATES else []
    hints += [*_of_texts(texts), *_of_numbers(numbers, of_length="length" in names)]
    if any(name.startswith("json") for name in names):
        hints += ["{}", "[]"]
    return Check(expression, names, tuple(dict.fromkeys(hints)))


def _number(token: str) -> int | float:
    return float(token) if "." in token or len(token) > _DIGITS else int(token)


def _of_texts(texts: list[str]) -> Iterator[str]:
    yield from (text for text in texts if not _PATTERN.search(text))
    for text in texts:
        for filling in ("ab", ""):
            if "%" in text or "_" in text:
                yield like(text, filling)
            if _OF_GLOB.search(text):
                yield glob(text, filling)


def _of_numbers(numbers: list[int | float], *, of_length: bool) -> Iterator[Any]:
    if of_length:
        for number in numbers:
            for length in (number, number + 1, number - 1):
                if 0 < length <= _LONGEST:
                    yield from (letter * int(length) for letter in "aA7")
    yield from numbers
    if len(numbers) > 1:
        yield (min(numbers) + max(numbers)) / 2
        yield int(min(numbers) + max(numbers)) // 2
    for number in numbers:
        yield from (number + 1, number - 1, -number)


def like(pattern: str, filling: str) -> str:
    """Write a text that a pattern of LIKE matches."""
    return pattern.replace("%", filling).replace("_", "a")


def glob(pattern: str, filling: str) -> str:
    """Write a text that a pattern of GLOB matches."""
    written = re.sub(r"\[(\^?)(\]?[^\]]*)\]", lambda m: _one_of(m[2], bool(m[1])), pattern)
    return written.replace("*", filling).replace("?", "a")


def _one_of(members: str, but: bool) -> str:
    if not but:
        return members[0]
    refused = re.compile(f"[{re.escape(members).replace(chr(92) + '-', '-')}]")
    return next((character for character in _IN_CLASSES if not refused.match(character)), "a")


__all__ = ["DATES", "Check", "check_of", "glob", "like"]
