"""The foreign keys of a PostgreSQL database, and how many rows refer to what is not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import Name

# conpfeqop are the operators that compare a parent's column (left) with a child's. Of a key that
# refers to a partitioned table there is a copy for each of its partitions: those say nothing alone.
_READ = """
SELECT c.conname::text,
  ARRAY[cn.nspname, cr.relname]::text[], ARRAY[pn.nspname, pr.relname]::text[],
  (SELECT array_agg(attname::text ORDER BY n) FROM unnest(c.conkey) WITH ORDINALITY k(place, n)
    JOIN pg_attribute ON attrelid = c.conrelid AND attnum = place),
  (SELECT array_agg(attname::text ORDER BY n) FROM unnest(c.confkey) WITH ORDINALITY k(place, n)
    JOIN pg_attribute ON attrelid = c.confrelid AND attnum = place),
  (SELECT array_agg(format('OPERATOR(%I.%s)', nspname, oprname) ORDER BY n)
    FROM unnest(c.conpfeqop) WITH ORDINALITY k(number, n) JOIN pg_operator o ON o.oid = number
    JOIN pg_namespace s ON s.oid = oprnamespace),
  c.confdeltype::text, c.condeferrable, coalesce(to_jsonb(c) ->> 'conperiod', 'false')::boolean,
  coalesce(to_jsonb(c) ->> 'conenforced', 'true')::boolean, cr.relkind = 'p'
FROM pg_constraint c
JOIN pg_class cr ON cr.oid = c.conrelid JOIN pg_namespace cn ON cn.oid = cr.relnamespace
JOIN pg_class pr ON pr.oid = c.confrelid JOIN pg_namespace pn ON pn.oid = pr.relnamespace
LEFT JOIN pg_constraint whole ON whole.oid = c.conparentid
WHERE c.contype = 'f' AND (whole.oid IS NULL OR whole.confrelid = c.confrelid) ORDER BY 2, 1"""

_ANCESTORS = """
SELECT ARRAY[n.nspname, c.relname]::text[], ARRAY[an.nspname, ac.relname]::text[]
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
LATERAL pg_partition_ancestors(c.oid) a JOIN pg_class ac ON ac.oid = a.relid
JOIN pg_namespace an ON an.oid = ac.relnamespace WHERE c.relispartition AND ac.oid <> c.oid"""

_ACTIONS = {
    "a": "NO ACTION", "r": "RESTRICT", "c": "CASCADE", "n": "SET NULL", "d": "SET DEFAULT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """One foreign key.

    Attributes:
        name: of the constraint.
        table: the child.
        parent: the table it refers to.
        columns: of the child.
        referred: of the parent.
        equal: the operators that compare them, the parent's first.
        on_delete: "NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT".
        deferrable: whether it may be looked at when the transaction ends.
        of_period: whether it compares spans of time, for which it takes several rows.
        enforced: whether the server minds it.
        of_whole: whether the child is a partitioned table; its partitions have it as well.
    """

    name: str
    table: Name
    parent: Name
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    equal: tuple[str, ...]
    on_delete: str
    deferrable: bool
    of_period: bool
    enforced: bool
    of_whole: bool


def references(connection: Connection[Row]) -> list[Reference]:
    """Read all of them."""
    return [
        Reference(
            name,
            (table[0], table[1]),
            (parent[0], parent[1]),
            tuple(columns),
            tuple(referred),
            tuple(equal or ()),
            _ACTIONS[on_delete],
            *rest,
        )
        for name, table, parent, columns, referred, equal, on_delete, *rest in connection.execute(
            _READ
        ).fetchall()
    ]


def with_wholes(connection: Connection[Row], tables: Iterable[Name]) -> dict[Name, set[Name]]:
    """Give for each table itself and the partitioned tables that it is a part of."""
    wholes = {table: {table} for table in tables}
    for part, whole in connection.execute(_ANCESTORS).fetchall():
        if (name := (part[0], part[1])) in wholes:
            wholes[name].add((whole[0], whole[1]))
    return wholes


def violations(connection: Connection[Row], key: Reference) -> int:
    """Count the rows of a table that refer to a row that is not there; it reads both tables."""
    present = " AND ".join(f"c.{quoted(column)} IS NOT NULL" for column in key.columns)
    pairs = " AND ".join(
        f"p.{quoted(referred)} {equal} c.{quoted(column)}"
        for referred, equal, column in zip(key.referred, key.equal, key.columns, strict=True)
    )
    child, parent = (".".join(map(quoted, name)) for name in (key.table, key.parent))
    ((count,),) = connection.execute(
        f"SELECT count(*) FROM {child} c WHERE {present} "
        f"AND NOT EXISTS (SELECT FROM {parent} p WHERE {pairs})"
    ).fetchall()
    return int(count)


def ranks(
    keys: Iterable[Reference], tables: Collection[Name], wholes: Mapping[Name, set[Name]]
) -> dict[Name, int]:
    """Give each table a number greater than that of those it refers to, but for circles."""
    above: dict[Name, set[Name]] = {table: set() for table in tables}
    for key in keys:
        for table in tables:
            if key.table in wholes[table]:
                above[table] |= {one for one in tables if key.parent in wholes[one]}
    return {table: len(_reach(above, table)) for table in tables}


def _reach(above: Mapping[Name, set[Name]], table: Name) -> set[Name]:
    found, pending = {table}, [table]
    while pending:
        new = above[pending.pop()] - found
        found |= new
        pending += new
    return found


__all__ = ["Reference", "ranks", "references", "violations", "with_wholes"]
