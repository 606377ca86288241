"""Which tables are recorded, and what has to be known of each to undo what was written to it."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import Connection

from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.tables import FIRST_OF_USERS
from harness.databases.postgresql.undo.names import SCHEMA
from harness.databases.postgresql.undo.types import settings_of, types

_WHOLE_NUMBERS = (20, 21, 23)  # the OIDs of the types bigint, smallint, integer

# Of a partition the root counts: a row that comes through the one may go through the other. In a
# tree of tables that inherit, a statement to the parent gives no trigger of a child's all columns.
_TABLES = f"""
SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind = 'p',
  CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid ELSE c.oid END::int8,
  EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
    WHERE c.oid IN (h.inhrelid, h.inhparent) AND p.relkind = 'r'),
  a.names, a.written, a.stored, a.whole, a.types,
  coalesce(k.names, '{{}}'), coalesce(k.operators, '{{}}')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{{}}') AS names,
  coalesce(array_agg(attname::text ORDER BY attnum) FILTER (WHERE attgenerated = ''), '{{}}')
    AS written,
  coalesce(array_agg(attname::text ORDER BY attnum) FILTER (WHERE attgenerated <> 'v'), '{{}}')
    AS stored,
  coalesce(array_agg(attname::text) FILTER (WHERE atttypid IN {_WHOLE_NUMBERS}), '{{}}') AS whole,
  coalesce(array_agg(DISTINCT atttypid::int8), '{{}}') AS types
  FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
LEFT JOIN LATERAL (SELECT i.indexrelid, i.indisprimary,
    array_agg(a.attname::text ORDER BY p.place) AS names,
    array_agg(format('%I.%s', s.nspname, o.oprname) ORDER BY p.place) AS operators
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[], i.indclass::oid[])
    WITH ORDINALITY p (attnum, opclass, place)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.attnum AND a.attnotnull
  JOIN pg_opclass f ON f.oid = p.opclass
  JOIN pg_amop m ON m.amopfamily = f.opcfamily AND m.amopstrategy = 3
    AND m.amoplefttype = f.opcintype AND m.amoprighttype = f.opcintype
  JOIN pg_operator o ON o.oid = m.amopopr JOIN pg_namespace s ON s.oid = o.oprnamespace
  WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND i.indexprs IS NULL AND p.place <= i.indnkeyatts
  GROUP BY i.indexrelid, i.indisprimary, i.indnkeyatts HAVING count(*) = i.indnkeyatts
  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) k ON true
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND c.oid >= {FIRST_OF_USERS}
  AND n.nspname <> '{SCHEMA}' ORDER BY c.oid"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One table that triggers are put on.

    Attributes:
        oid: its number.
        schema: where it is.
        name: in its schema.
        is_partitioned: whether its rows lie in partitions.
        root: the number of the table under which its rows are recorded; its own but for partitions.
        inherits: whether it is in a tree of tables that inherit, and not by partitions.
        columns: all, in order.
        written: those that are not computed from others.
        stored: those that are in a row as it is stored: not those computed when it is read.
        whole_numbers: those that are integers.
        key: columns that tell its rows apart, by an index; () where none does.
        operators: of the key's columns, what the index means by equal.
        settings: on which it depends how its rows are written, in alphabetical order.
    """

    oid: int
    schema: str
    name: str
    is_partitioned: bool
    root: int
    inherits: bool
    columns: tuple[str, ...]
    written: tuple[str, ...]
    stored: tuple[str, ...]
    whole_numbers: frozenset[str]
    key: tuple[str, ...]
    operators: tuple[str, ...]
    settings: tuple[str, ...]

    @property
    def sql(self) -> str:
        """Its name for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"

    @property
    def alone(self) -> str:
        """Its name for SQL, without what descends from it; of a partitioned one with that."""
        return self.sql if self.is_partitioned else f"ONLY {self.sql}"


def tables(connection: Connection[Row]) -> dict[int, Recorded]:
    """Read which tables there are, by number; partitions and their roots as well."""
    known = types(connection)
    found = {}
    for row in connection.execute(_TABLES).fetchall():
        oid, schema, name, is_partitioned, root, inherits, names, written, stored, *rest = row
        whole, of, key, by = rest
        settings = frozenset().union(*(settings_of(one, known) for one in of))
        found[int(oid)] = Recorded(
            int(oid), schema, name, is_partitioned, int(root), inherits, tuple(names),
            tuple(written), tuple(stored), frozenset(whole), tuple(key), tuple(by),
            tuple(sorted(settings)),
        )  # fmt: skip
    return found


__all__ = ["Recorded", "tables"]
