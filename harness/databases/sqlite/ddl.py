"""What only the SQL of a definition says, as no pragma does: CHECKs, deferral, words.

It is taken apart into tokens and no further: SQLite has parsed it already.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]"""
    r"""|[^\W\d][\w$]*|\d+(?:\.\d+)?|\S""",
    re.DOTALL,
)
_DEFERRED = re.compile(r"\bINITIALLY\s+DEFERRED\b", re.IGNORECASE)


def checks_of(sql: str) -> tuple[str, ...]:
    """Find the expression of every CHECK in a CREATE TABLE."""
    if "CHECK" not in sql.upper():  # most have none, and taking them apart takes longest
        return ()
    tokens = tokens_of(sql)
    checks = []
    for at, token in enumerate(tokens[:-1]):
        if token.group().upper() == "CHECK" and tokens[at + 1].group() == "(":
            inside = _inside(tokens[at + 1 :])
            if inside:
                checks.append(sql[inside[0].start() : inside[-1].end()])
    return tuple(checks)


def is_deferred(sql: str) -> bool:
    """Whether some foreign key of the table is looked at when the transaction ends."""
    return _DEFERRED.search(sql) is not None


def tokens_of(sql: str) -> list[re.Match[str]]:
    """Take SQL apart, comments left out."""
    return [token for token in _TOKEN.finditer(sql) if not token.group().startswith(("--", "/*"))]


def unquote(name: str) -> str:
    """Take the quotes off an identifier."""
    ends = {'"': '"', "`": "`", "[": "]", "'": "'"}
    if len(name) > 1 and ends.get(name[0]) == name[-1]:
        return name[1:-1].replace(name[-1] * 2, name[-1])
    return name


def words_of(sql: str) -> frozenset[str]:
    """Every identifier and word in ``sql``, in lower case."""
    return frozenset(unquote(token).lower() for token in _TOKEN.findall(sql))


def _inside(tokens: list[re.Match[str]]) -> list[re.Match[str]]:
    """What stands between the first token, a bracket, and the one that closes it."""
    depth = 0
    for at, token in enumerate(tokens):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            return tokens[1:at]
    return []


__all__ = ["checks_of", "is_deferred", "tokens_of", "unquote", "words_of"]
