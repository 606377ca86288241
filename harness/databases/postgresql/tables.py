"""The tables of a PostgreSQL database that hold rows, as far as comparing rows has to know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from psycopg import Connection

from harness.databases.postgresql.mark import Mark
from harness.databases.postgresql.names import quoted
from harness.databases.postgresql.session import Row

FIRST_OF_USERS = 16384  # the first OID that is none of the server's own
_HEAP = 2  # the OID of the way in which rows are stored, where nobody has chosen another
_WHOLE_NUMBERS = (20, 21, 23)  # the OIDs of the types bigint, smallint, integer
# The text of a value of these comes from a catalog: regproc, regprocedure, regoper, regoperator,
# regclass, regtype, regconfig, regdictionary, regnamespace, regrole, regcollation.
_REFERRING = "24,2202,2203,2204,2205,2206,3734,3769,4089,4096,4191"

Name = tuple[str, str]  # of the schema, and in it


@dataclass(frozen=True, slots=True)
class StoredTable:
    """One table, leaf of a partitioned one, or materialised view.

    Attributes:
        schema: where it is.
        name: in its schema.
        oid: its number.
        kind: r or m, as the catalog has it.
        node: the number of its file; a rewrite gives it another.
        pages: how long its file is.
        is_heap: whether it is stored as tables usually are: rows have a place and a writer.
        populated: False for a materialised view that cannot be read before it is refreshed.
        columns: all, in order.
        written: those that are not computed from others.
        whole_numbers: those that are integers.
        key: of the primary key; () where there is none.
        shape: all that has to be the same for the same stored row to mean the same.
        plain: whether what a stored row means depends on nothing else in the database, or on the
            labels of enumerations alone.
        unread: why it may not be read; empty if it may.
    """

    schema: str
    name: str
    oid: int
    kind: str
    node: int
    pages: int
    is_heap: bool
    populated: bool
    columns: tuple[str, ...]
    written: tuple[str, ...]
    whole_numbers: frozenset[str]
    key: tuple[str, ...]
    shape: str
    plain: bool
    unread: str

    @property
    def sql(self) -> str:
        """Its name for SQL, with what descends from it left out."""
        return f"ONLY {quoted(self.schema)}.{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Stored:
    """All tables of one database at one moment.

    Attributes:
        database: its OID.
        next_number: of the server's next transaction, with its epoch.
        age: of the mark's first new transaction: rows so old or younger are new.
        labels: a digest of all labels of enumerations.
        tables: by schema and name.
    """

    database: int
    next_number: int
    age: int
    labels: str
    tables: Mapping[Name, StoredTable]


_MOMENT = """
SELECT d.oid::int8, pg_snapshot_xmax(pg_current_snapshot())::text::int8, age('{number}'::xid),
  (SELECT md5(string_agg(concat_ws(' ', oid, enumtypid, enumlabel), ',' ORDER BY oid)) FROM pg_enum)
FROM pg_database d WHERE d.datname = current_database()"""

_TABLES = f"""
SELECT n.nspname::text, c.relname::text, c.oid::int8, c.relkind::text, c.relfilenode::int8,
  coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int, c.relam = {_HEAP},
  c.relispopulated, a.names, a.written, a.whole, i.indkey, i.indnkeyatts, a.numbers, a.shape,
  a.plain,
  CASE WHEN NOT (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))
    THEN 'permission denied: it needs USAGE on its schema and SELECT on all of it'
    WHEN c.relrowsecurity AND row_security_active(c.oid)
    THEN 'row security hides rows of it from the role' ELSE '' END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indisvalid
CROSS JOIN LATERAL (SELECT coalesce(array_agg(attname::text ORDER BY attnum), '{{}}') AS names,
  coalesce(array_agg(attname::text ORDER BY attnum) FILTER (WHERE attgenerated = ''), '{{}}')
    AS written,
  coalesce(array_agg(attname::text) FILTER (WHERE atttypid IN {_WHOLE_NUMBERS}), '{{}}') AS whole,
  array_agg(attnum ORDER BY attnum) AS numbers,
  coalesce(string_agg(concat_ws(' ', attnum, atttypid, atttypmod, attgenerated, attname,
    CASE attgenerated WHEN 'v' THEN (SELECT adbin::text FROM pg_attrdef
      WHERE adrelid = attrelid AND adnum = attnum) END), E'\\n' ORDER BY attnum), '') AS shape,
  coalesce(bool_and(CASE j.typtype WHEN 'b' THEN j.oid NOT IN ({_REFERRING}) WHEN 'd' THEN EXISTS (
      SELECT FROM pg_type b WHERE b.oid = j.typbasetype AND b.typelem = 0 AND (b.typtype = 'e'
        OR b.typtype = 'b' AND b.oid NOT IN ({_REFERRING})))
    ELSE j.typtype IN ('e', 'r', 'm') END), true) AS plain
  FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
  JOIN pg_type j ON j.oid = CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN t.typelem ELSE t.oid END
  WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) a
WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.oid >= {FIRST_OF_USERS}"""


def stored(connection: Connection[Row], mark: Mark | None = None) -> Stored:
    """Read which tables there are.

    Args:
        connection: in a transaction, which ``age`` is good for.
        mark: from which on rows are new; None where nobody asks.
    """
    number = (mark.first_new if mark is not None else 3) % 2**32
    ((database, following, age, labels),) = connection.execute(
        _MOMENT.format(number=number)
    ).fetchall()
    tables = map(_table, connection.execute(_TABLES).fetchall())
    return Stored(
        database, following, age, labels or "", {(one.schema, one.name): one for one in tables}
    )


def _table(row: Row) -> StoredTable:
    schema, name, oid, kind, node, pages, is_heap, populated, *rest = row
    names, written, whole, places, of_key, numbers, shape, plain, unread = rest
    by_number = dict(zip(numbers or (), names, strict=True))
    key = str(places or "").split()[:of_key]  # INCLUDE brings columns that are none of the key
    return StoredTable(
        schema,
        name,
        oid,
        kind,
        node,
        pages,
        bool(is_heap),
        populated,
        tuple(names),
        tuple(written),
        frozenset(whole),
        tuple(by_number[int(place)] for place in key),
        shape,
        plain,
        unread,
    )


def told(names: Iterable[Name]) -> dict[Name, str]:
    """Give the name under which people are told of each: without its schema if that is public.

    Where two would be called the same, as with a dot in a name, each is quoted.
    """
    plain = {one: one[1] if one[0] == "public" else ".".join(one) for one in names}
    taken: dict[str, int] = {}
    for text in plain.values():
        taken[text] = taken.get(text, 0) + 1
    return {
        one: text if taken[text] == 1 else ".".join(map(quoted, one)) for one, text in plain.items()
    }


__all__ = ["FIRST_OF_USERS", "Name", "Stored", "StoredTable", "stored", "told"]
