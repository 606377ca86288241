"""What SQLite itself finds wrong with a file that it did not find wrong with the baseline.

``PRAGMA integrity_check`` reads everything. It is asked where the pages leave a doubt, or cannot be
compared at all: https://www.sqlite.org/pragma.html#pragma_integrity_check.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import apsw

_ALL = 2**31 - 1  # of the lines: SQLite stops at 100 otherwise
_SHOWN = 3
_NO_FINDING = ("ok", "*** in database main ***")
_OF_INDEX = re.compile(r"(?:missing from|entries in|entry in) index (.+)$")
NO_MATCH = "no longer matches its table"


def new_damage(base: apsw.Connection, live: apsw.Connection) -> dict[str, str] | None:
    """Give what is damaged -> how, of what the baseline has not; None where SQLite cannot tell.

    An index by another rule than its own, which stock SQLite finds short in both, matches its
    table as it did.
    """
    try:
        lines = _lines(live)
        new = lines and lines - _lines(base)
    except apsw.SQLError:  # a collation or function of the application's is not there
        return None
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in new:
        named = _OF_INDEX.search(line)
        if named:
            found[f"index {named[1]}"] = [NO_MATCH]
        else:
            found["the file"].append(line)
    return {what: _sentence(said) for what, said in found.items()}


def _sentence(said: list[str]) -> str:
    if said == [NO_MATCH]:
        return NO_MATCH
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    return f"is damaged: {'; '.join(said[:_SHOWN])}{more}"


def _lines(connection: apsw.Connection) -> Counter[str]:
    lines: Counter[str] = Counter()
    try:
        for (answer,) in connection.execute(f"PRAGMA main.integrity_check({_ALL})"):
            lines.update(line for line in str(answer).splitlines() if line not in _NO_FINDING)
    except apsw.CorruptError as error:  # it is told so far, and no further
        lines[str(error)] += 1
    return lines
