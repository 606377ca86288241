"""Virtual tables: what differs in the tables they are stored in, told as what differs in them.

A module keeps what a virtual table holds in ordinary tables, its shadow tables
(https://www.sqlite.org/vtab.html#xshadowname), and may keep the very same rows in many ways: after
an insert and a delete a full-text index has other segments and gives the same answers. So where
shadow tables differ, the table's own rows are compared, and its module is asked whether the index
matches them, in both states: equal rows and a matching index give equal answers. Where that cannot
be told, the shadow tables count as tables of the user's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import apsw

from harness.databases import Differences, Row, TableDifferences
from harness.databases.sqlite.ddl import tokens_of, unquote
from harness.databases.sqlite.names import folded, quoted
from harness.databases.sqlite.pages import encoding_of
from harness.databases.sqlite.stored import Objects

_FTS3, _RTREE = ("content", "segments", "segdir", "docsize", "stat"), ("node", "parent", "rowid")
# How the shadow tables are called of modules that can say whether an index matches its rows.
_SHADOWS = {
    "fts3": _FTS3,
    "fts4": _FTS3,
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "rtree": _RTREE,
    "rtree_i32": _RTREE,
}
_WORDS = "temp.harness_words"
# The words of each row that the index knows, in order: all that a table says that keeps no rows.
_OF_WORDS = (
    'SELECT doc, CAST(json_group_array(json_array(term, col, "offset") '
    f'ORDER BY term, col, "offset") AS BLOB) FROM {_WORDS} GROUP BY doc ORDER BY doc'
)


class VirtualTable(NamedTuple):
    """A virtual table, by its definition."""

    name: str
    module: str  # in lower case
    options: dict[str, str]  # "name = value" among its arguments; names in lower case

    def shadow(self, what: str) -> str:
        """Name one of its shadow tables."""
        return f"{self.name}_{what}"

    @property
    def shadows(self) -> list[str]:
        """Name every shadow table that it may have; none for a module that is not known here."""
        return [self.shadow(what) for what in _SHADOWS.get(self.module, ())]

    @property
    def keeps_rows(self) -> bool:
        """Whether a full-text table stores what it indexes: not elsewhere, and not nowhere."""
        return self.module == "fts3" or "content" not in self.options


def virtual_tables(known: Objects) -> dict[str, VirtualTable]:
    """Give the virtual tables of a schema."""
    return {
        name: _described(name, sql or "")
        for (kind, name), (_, root, sql) in known.items()
        if kind == "table" and not root
    }


def _described(name: str, sql: str) -> VirtualTable:
    words = [token.group() for token in tokens_of(sql)]
    using = next((at for at, word in enumerate(words) if word.upper() == "USING"), len(words))
    module, *arguments = [*words[using + 1 :], ""]
    options = {
        unquote(arguments[at - 1]).lower(): unquote(arguments[at + 1])
        for at, word in enumerate(arguments[:-1])
        if word == "=" and at
    }
    return VirtualTable(name, unquote(module).lower(), options)


def told(
    base: apsw.Connection,
    live: apsw.Connection,
    schemas: tuple[Objects, Objects],
    found: Differences,
    *,
    checked: bool,
) -> Differences:
    """Tell what differs in shadow tables as what differs in their virtual tables.

    Args:
        base: the baseline.
        live: the live database; nothing is written to it.
        schemas: of both.
        found: with shadow tables among the tables.
        checked: whether each module is asked if the index matches the rows, which reads all of
            both; off for who puts back what is stored, whatever it says.
    """
    if not (found.tables or found.schema):
        return found
    tables = virtual_tables(schemas[0]) | virtual_tables(schemas[1])
    for table in tables.values():
        found = _Telling(base, live, table, found).told(schemas, tables, checked=checked)
    return found


class _Telling:
    """What one virtual table has to do with the differences found."""

    def __init__(
        self,
        base: apsw.Connection,
        live: apsw.Connection,
        table: VirtualTable,
        found: Differences,
    ) -> None:
        self._base, self._live, self._table, self._found = base, live, table, found
        self._stored = {name: found.tables[name] for name in table.shadows if name in found.tables}

    def told(
        self, schemas: tuple[Objects, Objects], tables: Iterable[str], *, checked: bool
    ) -> Differences:
        table = self._table
        if any(thing.kind == "table" and thing.name == table.name for thing in self._found.schema):
            return self._of_another_definition(schemas)
        if table.module not in _SHADOWS:
            return self._of_another_module([name for name in tables if name != table.name])
        if not self._stored:
            return self._found
        if reason := self._why_not():
            return self._by_shadows(reason)
        self._stored.pop(table.shadow("config"), None)  # its settings: they are told as they are
        return self._by_own_rows(checked=checked) if self._stored else self._found

    def _why_not(self) -> str | None:
        """Say why its own rows do not tell everything; None where they do."""
        table = self._table
        try:
            for connection in (self._base, self._live):
                connection.execute(f"SELECT 1 FROM main.{quoted(table.name)} LIMIT 0").fetchall()
        except apsw.Error as error:
            return str(error)  # "no such module: vec0", "no such tokenizer: ..."
        if table.module == "fts4" and table.options.get("content") == "":
            return "it keeps no rows"
        if table.module == "fts5" and not table.keeps_rows and "prefix" in table.options:
            return "it has an index of prefixes and keeps no rows"
        return None

    def _by_shadows(self, reason: str) -> Differences:
        """Leave the shadow tables among the user's, and say why."""
        by_shadows = self._found.by_shadows | {self._table.name: reason}
        return replace(self._found, by_shadows=by_shadows)

    def _of_another_module(self, others: Iterable[str]) -> Differences:
        """Say why, where a table differs that may by its name be a shadow of this one."""
        begin = folded(f"{self._table.name}_")
        neighbours = {name for name in map(folded, others) if name.startswith(begin)}
        longer = tuple(f"{name}_" for name in neighbours)
        differing = {folded(name) for name in self._found.tables} - neighbours
        if not any(name.startswith(begin) and not name.startswith(longer) for name in differing):
            return self._found
        module = self._table.module
        return self._by_shadows(self._why_not() or f"nothing is known of rows kept by {module}")

    def _of_another_definition(self, schemas: tuple[Objects, Objects]) -> Differences:
        """Tell of the table alone: what it is stored in came, went or changed with it."""
        shadows = set(self._table.shadows)
        objects_of_both = schemas[1] | schemas[0]
        schema = tuple(
            thing
            for thing in self._found.schema
            if objects_of_both[thing.kind, thing.name][0] not in shadows
        )
        return replace(self._with(self._stored.get(self._table.shadow("content"))), schema=schema)

    def _by_own_rows(self, *, checked: bool) -> Differences:
        try:
            rows = self._own_rows(checked=checked)
        except (apsw.Error, UnicodeDecodeError) as error:
            return self._by_shadows(str(error))
        if rows or not checked:
            return self._with(rows)
        before, now = self._complaint(self._base), self._complaint(self._live)
        if before:
            return self._by_shadows(f"the baseline's own index is not vouched for: {before}")
        found = self._with(rows)
        if now:
            now = f"does not match its rows any more: {now}"
        elif self._other_sizes():
            now = "counts other sizes of rows, by which it ranks"
        damage = {f"the index of {self._table.name}": now} if now else {}
        return replace(found, damage=found.damage | damage)

    def _with(self, rows: TableDifferences | None) -> Differences:
        """Move the shadow tables from the tables to where their virtual table has them."""
        name = self._table.name
        if not self._stored:
            return self._found
        tables = {
            other: table for other, table in self._found.tables.items() if other not in self._stored
        }
        if rows:
            tables[name] = rows
        return replace(
            self._found, tables=tables, shadows=self._found.shadows | {name: dict(self._stored)}
        )

    def _own_rows(self, *, checked: bool) -> TableDifferences | None:
        """Compare what the table itself gives, be it another table's rows."""
        table = self._table
        if table.shadow("node") in table.shadows:
            return _apart(self._rows(self._base), self._rows(self._live))
        if rows := self._stored.get(table.shadow("content")):
            return _rowid_once(rows)  # as it was given them
        if table.module == "fts5" and not table.keeps_rows and checked:
            return _apart(self._words(self._base), self._words(self._live))
        if table.module == "fts4" and not table.keeps_rows:
            tables = {folded(name): rows for name, rows in self._found.tables.items()}
            return tables.get(folded(table.options["content"]))
        return None

    def _rows(self, connection: apsw.Connection) -> Iterator[Row]:
        name = quoted(self._table.name)
        return iter(connection.execute(f"SELECT rowid, * FROM main.{name} ORDER BY rowid"))

    def _words(self, connection: apsw.Connection) -> Iterator[Row]:
        """Give for each row that the index knows its rowid and its words, each with its place.

        The table for them is a temporary one, of this connection.
        """
        codec = encoding_of(connection)
        connection.execute(
            f"CREATE VIRTUAL TABLE {_WORDS} USING fts5vocab(main, {quoted(self._table.name)}, "
            "instance)"
        ).fetchall()
        with closing(connection.cursor()) as cursor:
            for rowid, words in cursor.execute(_OF_WORDS):
                yield rowid, words.decode(codec, "backslashreplace")
        connection.execute(f"DROP TABLE {_WORDS}").fetchall()

    def _complaint(self, connection: apsw.Connection) -> str:
        """Ask the module whether the index matches the rows; "" where it does."""
        question = f"PRAGMA main.integrity_check({quoted(self._table.name)})"
        try:
            lines = [str(line) for (line,) in connection.execute(question)]
        except apsw.Error as error:
            return str(error)
        return "; ".join(line for line in lines if line != "ok")

    def _other_sizes(self) -> bool:
        """Whether an index of words counts other sizes of rows, or other totals."""
        table = self._table
        sizes = self._stored.get(table.shadow("docsize"), TableDifferences())
        # what follows id and size says in which segment a row came to be
        if sizes.added or sizes.missing or any(was[:3] != now[:3] for was, now in sizes.changed):
            return True
        place = {"fts5": (table.shadow("data"), 1), "fts4": (table.shadow("stat"), 0)}
        name, rowid = place.get(table.module, ("", 0))
        totals = self._stored.get(name, TableDifferences())
        before = (*totals.missing, *(was for was, _ in totals.changed))
        now = (*totals.added, *(now for _, now in totals.changed))
        return _total(before, rowid) != _total(now, rowid)


def _total(rows: Iterable[Row], rowid: int) -> list[object]:
    """Give what stands in one row; nothing where there is none or all that it counts is 0."""
    values = [row[-1] for row in rows if row[0] == rowid]
    return [value for value in values if not isinstance(value, bytes) or any(value)]


def _rowid_once(rows: TableDifferences) -> TableDifferences:
    """Leave out the column that is the rowid in the table that rows are stored in."""
    return TableDifferences(
        tuple((row[0], *row[2:]) for row in rows.added),
        tuple((row[0], *row[2:]) for row in rows.missing),
        tuple(((was[0], *was[2:]), (now[0], *now[2:])) for was, now in rows.changed),
    )


def _apart(rows_before: Iterator[Row], rows_now: Iterator[Row]) -> TableDifferences:
    """Compare rows that come in the order of their keys, the first value of each."""
    added: list[Row] = []
    missing: list[Row] = []
    changed: list[tuple[Row, Row]] = []
    before, now = next(rows_before, None), next(rows_now, None)
    while before is not None or now is not None:
        if now is None or (before is not None and before[0] < now[0]):
            assert before is not None  # noqa: S101 - says it to the type checker
            missing.append(before)
            before = next(rows_before, None)
        elif before is None or now[0] < before[0]:
            added.append(now)
            now = next(rows_now, None)
        else:
            if repr(before) != repr(now):  # exact in type too
                changed.append((before, now))
            before, now = next(rows_before, None), next(rows_now, None)
    return TableDifferences(tuple(added), tuple(missing), tuple(changed))
