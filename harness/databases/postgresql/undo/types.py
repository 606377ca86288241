"""On which settings of a session it depends how the values of a type are written.

https://www.postgresql.org/docs/current/runtime-config-client.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import Connection

from harness.databases.postgresql.session import Row

_TYPES = """
SELECT t.oid::int8, t.typname::text, t.typnamespace = 'pg_catalog'::regnamespace, t.typtype::text,
  coalesce(nullif(t.typelem, 0), nullif(t.typbasetype, 0), r.rngsubtype, m.rngsubtype, 0)::int8,
  CASE WHEN t.typtype = 'c' THEN ARRAY(SELECT atttypid::int8 FROM pg_attribute
    WHERE attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped) ELSE '{}' END
FROM pg_type t LEFT JOIN pg_range r ON r.rngtypid = t.oid
LEFT JOIN pg_range m ON m.rngmultitypid = t.oid WHERE t.typtype <> 'p'"""
_BY_NAME = {
    "date": ("DateStyle",),
    "timestamp": ("DateStyle",),
    "timestamptz": ("DateStyle",),
    "interval": ("IntervalStyle",),
    "money": ("lc_monetary",),
} | dict.fromkeys(
    ("float4", "float8", "point", "lseg", "path", "box", "polygon", "line", "circle"),
    ("extra_float_digits",),
) | dict.fromkeys(
    ("regproc", "regprocedure", "regoper", "regoperator", "regclass", "regtype", "regconfig",
     "regdictionary", "regcollation"),
    ("search_path",),
)  # fmt: skip
# of a type that somebody has made in C nobody knows
_ANY = frozenset({"DateStyle", "IntervalStyle", "extra_float_digits"})


class Type(NamedTuple):
    """One type.

    Attributes:
        name: its name.
        is_builtin: whether the server has it from the beginning.
        kind: b for a base type, c for a row of columns, d for a domain, e, r and m.
        of: the number of the type that it is made of; 0 if of none.
        columns: of a row, the numbers of their types.
    """

    name: str
    is_builtin: bool
    kind: str
    of: int
    columns: tuple[int, ...]


def types(connection: Connection[Row]) -> dict[int, Type]:
    """Read every type, by number."""
    return {
        int(oid): Type(name, builtin, kind, int(of), tuple(columns))
        for oid, name, builtin, kind, of, columns in connection.execute(_TYPES).fetchall()
    }


def settings_of(oid: int, known: Mapping[int, Type]) -> frozenset[str]:
    """Say on which settings it depends how the values of a type are written."""
    one = known.get(oid)
    if one is None:
        return _ANY
    if one.columns:
        return frozenset().union(*(settings_of(column, known) for column in one.columns))
    if one.of:
        return settings_of(one.of, known)
    if one.is_builtin or one.kind == "e":
        return frozenset(_BY_NAME.get(one.name, ()))
    return _ANY


__all__ = ["Type", "settings_of", "types"]
