"""Kinds of things that a database holds beside rows, each told by its row in a system catalog.

A definition has every column of that row, so that what a new version adds is compared as well:
references to other things by their names, never by OID. What is no difference is left out by name,
what has no text of its own is said in SQL. A column that is neither is refused, and a test sees it.

https://www.postgresql.org/docs/current/catalogs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from psycopg import Connection

FIRST_OF_USERS = 16384  # the OID with which those of users begin (FirstNormalObjectId)
# Transactions below it are those in which initdb made a system's own rows; of 15 it ends at 677, of
# 18 at 705, and the first of a user has at least 719. That a few too many are read does no harm.
FIRST_CHANGING = 700

_NAMES = {  # catalog -> the type that writes its OIDs as names
    "pg_namespace": "regnamespace",
    "pg_authid": "regrole",
    "pg_class": "regclass",
    "pg_type": "regtype",
    "pg_proc": "regprocedure",
    "pg_operator": "regoperator",
    "pg_collation": "regcollation",
    "pg_ts_config": "regconfig",
    "pg_ts_dict": "regdictionary",
}
_NAMED = {  # those that have no such type -> the name
    "pg_am": "amname",
    "pg_language": "lanname",
    "pg_foreign_data_wrapper": "fdwname",
    "pg_foreign_server": "srvname",
    "pg_tablespace": "spcname",
    "pg_opfamily": "opfnamespace::regnamespace::text || '.' || opfname",
    "pg_opclass": "opcnamespace::regnamespace::text || '.' || opcname",
    "pg_ts_parser": "prsnamespace::regnamespace::text || '.' || prsname",
    "pg_ts_template": "tmplnamespace::regnamespace::text || '.' || tmplname",
}
_TEXTS = {"name", "char", "text", "bool", "int2", "int4", "int8", "float4"}
_IN_ORDER = ("extcondition", "extconfig")  # lists whose order means something


class Unsaid(LookupError):
    """A column of a catalog that nobody has said how to compare."""


class Column(NamedTuple):
    """A column of a catalog; ``refers`` to which catalog, an array of them if ``several``."""

    type: str
    refers: str = ""
    several: bool = False


Catalogs = Mapping[str, Mapping[str, Column]]


class Kind(NamedTuple):
    """How one kind of things is read.

    Attributes:
        kind: what it is called for people, as SQL.
        catalog: whose rows it is; ``c`` in all SQL here.
        name: its name, as SQL, unique within its schema or, for a part, its table.
        schema: the OID of its schema, as SQL; none.
        relation: the OID of the table, view or type that it belongs to or is, as SQL.
        part: whether its name is one within that relation.
        place: where among its like it stands, as SQL; only the order counts.
        joins: other catalogs, as SQL.
        where: which rows, as SQL.
        oid: by which a system's own row is known.
        all: whether those of the system are always told.
        acl: which kind acldefault() takes it for, and its owner, as SQL.
        without: columns that are no difference, or stand in the name.
        said: column, or a name of one's own, -> SQL.
    """

    kind: str
    catalog: str
    name: str
    schema: str = "0"
    relation: str = "0"
    part: bool = False
    place: str = "0"
    joins: str = ""
    where: str = "true"
    oid: str = "c.oid"
    all: bool = False
    acl: tuple[str, str] = ("", "")
    without: str = ""
    said: Mapping[str, str] = {}

    def query(self, catalogs: Catalogs, *, everything: bool = False) -> str:
        """Write the query: kind, schema, name, relation, part, place, system, definition.

        Args:
            catalogs: of the server.
            everything: whether also what is the system's own and was not changed.
        """
        ours = f"{self.oid} >= {FIRST_OF_USERS} OR c.xmin::text::int8 >= {FIRST_CHANGING}"
        told = f"({self.where})" if self.all or everything else f"({self.where}) AND ({ours})"
        return (
            f"SELECT {self.kind}, nullif({self.schema}::oid, 0)::regnamespace::text, {self.name},"
            f" {self.relation}::oid, {self.part}, {self.place}, {self.oid} < {FIRST_OF_USERS},"
            f" {self.definition(catalogs)} FROM {self.catalog} c {self.joins} WHERE {told}"
        )

    def definition(self, catalogs: Catalogs, alias: str = "c") -> str:
        """Write the definition: a line for each column, or thing that is said, that has a value."""
        said = dict(self.said)
        without = set(self.without.split()) | {"oid"}
        for name, column in catalogs[self.catalog].items():
            if name not in without and name not in said:
                said[name] = self._column(name, column, alias)
        lines = [f"'{name} ' || ({sql})" for name, sql in said.items()]
        return f"concat_ws(E'\\n', {', '.join(lines)})"

    def _column(self, name: str, column: Column, alias: str) -> str:
        value = f"{alias}.{name}"
        if column.refers in _NAMES:
            names = _NAMES[column.refers]
            if column.several:
                return f"{value}::oid[]::{names}[]::text"
            return f"nullif({value}::oid, 0)::{names}::text"
        if column.refers in _NAMED:
            return f"(SELECT {_NAMED[column.refers]} FROM {column.refers} n WHERE n.oid = {value})"
        if column.type == "_aclitem" and self.acl[0]:
            return rights(value, *self.acl)
        if column.type == "regproc":
            return f"nullif({value}::oid, 0)::regprocedure::text"
        if column.type in _TEXTS or name in _IN_ORDER:
            return f"{value}::text"
        if column.type in (
            "_text",
            "_char",
        ):  # options; the order in which they were given means nothing
            return f"CASE WHEN {value} IS NOT NULL THEN {in_order(value)} END"
        raise Unsaid(f"{self.catalog}.{name} ({column.type})")


def rights(acl: str, letter: str, owner: str) -> str:
    """Write rights as sorted text; NULL where they are those that the owner's things begin with."""
    begun = sorted_rights(f"acldefault('{letter}', {owner})")
    return f"nullif({sorted_rights(acl)}, {begun})"


def sorted_rights(acl: str) -> str:
    """Write rights as sorted text; NULL for NULL."""
    return f"CASE WHEN {acl} IS NOT NULL THEN {in_order(acl)} END"


def in_order(array: str) -> str:
    """Write the items of an array as text, sorted."""
    return f'array(SELECT a::text COLLATE "C" FROM unnest({array}) a ORDER BY 1)::text'


def hidden(value: str) -> str:
    """Write what may hold a password so that it can be compared and is not held."""
    return f"md5({value}::text)"


_COLUMNS = """
SELECT r.relname, a.attname, t.typname, coalesce(f.pktable::regclass::text, ''),
  coalesce(f.is_array, false)
FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN (SELECT fktable, fkcols[1] AS fkcol, pktable, is_array
    FROM pg_get_catalog_foreign_keys() WHERE cardinality(fkcols) = 1) f
    ON f.fktable = r.oid AND f.fkcol = a.attname
WHERE r.relnamespace = 'pg_catalog'::regnamespace AND r.relkind = 'r' AND a.attnum > 0
ORDER BY r.relname, a.attnum
"""
_known: dict[int, Catalogs] = {}


def catalogs(connection: Connection[Any]) -> Catalogs:
    """Return what catalogs a server has; they are asked once for each version."""
    version = connection.info.server_version
    if version not in _known:
        found: dict[str, dict[str, Column]] = {}
        for catalog, name, kind, refers, several in connection.execute(_COLUMNS):
            found.setdefault(catalog, {})[name] = Column(kind, refers, several)
        _known[version] = found
    return _known[version]
