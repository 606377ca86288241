"""Virtual tables are judged by their own rows, and by whether their index gives these rows.

Full-text and R-tree modules keep the same rows in many ways, so what differs in a shadow table is
inexact only. The rows of a full-text table are those of its content table, or else the words that
its index knows; an R-tree gives its own. Whether an index gives the rows its module says, of both
files. Where a module is missing, or a table tells too little, its shadow tables are judged.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from harness.truth.sqlite_pages.checks import TypedRow, Witness, Witnesses
from harness.truth.sqlite_pages.file_format.records import Schema, SchemaObject
from harness.truth.sqlite_pages.findings import Findings, TreeDifference

_DEFINED = re.compile(
    r"""\s*CREATE\s+VIRTUAL\s+TABLE\s+("(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|\S+)\s+"""
    r"""USING\s+["'`\[]?(\w+)(.*)""",
    re.IGNORECASE | re.DOTALL,
)
_CONTENT = re.compile(
    r"""[(,]\s*["'`\[]?content["'`\]]?\s*=\s*["'`\[]?([^"'`\],)]*)""", re.IGNORECASE
)
_PREFIX = re.compile(r"""[(,]\s*["'`\[]?prefix["'`\]]?\s*=""", re.IGNORECASE)
_FULL_TEXT = re.compile(r"(content|segments|segdir|docsize|stat)")
_TAILS = {
    "fts3": _FULL_TEXT,
    "fts4": _FULL_TEXT,
    # the settings of a table are judged as they are
    "fts5": re.compile(r"(data|idx|content|docsize)"),
    "rtree": re.compile(r"(node|parent|rowid)"),
    "rtree_i32": re.compile(r"(node|parent|rowid)"),
}
# what ranking counts with: the size of each row, and all together unless they are 0
_SIZES = {
    "fts4": (
        ("docsize", "SELECT docid, size FROM {} ORDER BY docid"),
        ("stat", "SELECT value FROM {} WHERE id = 0 AND trim(hex(value), '0') != ''"),
    ),
    "fts5": (
        ("docsize", "SELECT id, sz FROM {} ORDER BY id"),
        ("data", "SELECT block FROM {} WHERE id = 1 AND trim(hex(block), '0') != ''"),
    ),
}


class _Definition(NamedTuple):
    """What the definition of a virtual table says."""

    name: str
    module: str
    content: str | None  # the table whose rows are its rows; "": nobody keeps them; None: its own
    prefixes: bool
    sql: str


class VirtualTables:
    """The virtual tables of a baseline, and what differs of their shadow tables."""

    def __init__(self, schema: Schema, witnesses: Witnesses) -> None:
        """Read the definitions of ``schema``; ask ``witnesses`` where shadow tables differ."""
        self._schema = schema
        self._pristine, self._live = witnesses
        self._tables = {
            name: _defined(name, described.sql)
            for (kind, name), described in schema.items()
            if kind == "table" and not described.root and described.sql
        }
        self._taken: defaultdict[str, list[tuple[SchemaObject, TreeDifference]]] = defaultdict(list)

    def takes(self, relation: SchemaObject, difference: TreeDifference) -> bool:
        """Take what differs in a shadow table, or in an index of one, until ``judge``."""
        name, _, tail = relation.table.rpartition("_")
        table = self._tables.get(name)
        tails = _TAILS.get(table.module) if table else None
        if tails is None or not tails.fullmatch(tail):
            return False
        self._taken[name].append((relation, difference))
        return True

    def judge(
        self, now: Schema, different: Collection[str], findings: Findings
    ) -> Iterator[tuple[SchemaObject, TreeDifference]]:
        """Note what differs in the tables themselves; give back what their rows do not tell.

        What is ``different`` of other tables has been noted.
        """
        for name, taken in sorted(self._taken.items()):
            table = self._tables[name]
            here = now.get(("table", name))
            if here is None or here.sql != table.sql:
                yield from taken
                continue
            if table.module == "fts4" and table.content in different:
                continue
            rows = self._unjudgeable(table) or self._own_rows(table, taken)
            if not rows and (known := self._unmatched(self._pristine, name)):
                rows = f"of the baseline's own index SQLite says: {known}"
            if isinstance(rows, str):
                findings.sentences.append(f"{name}: judged by its shadow tables: {rows}")
                yield from taken
            elif rows:
                for sentence in rows.sentences(name, "row"):
                    findings.differ(sentence, lost=rows.lost)
            elif wrong := self._unmatched(self._live, name) or self._sizes(table, now):
                findings.differ(f"{name}: its index is another one: {wrong}", lost=True)
            else:
                findings.inexact(f"{name}: the same rows, stored otherwise")

    def _unjudgeable(self, table: _Definition) -> str:
        """Say why its rows and its module do not tell whether it is the same; "" where they do."""
        for witness in (self._pristine, self._live):
            answer = witness.asked(f"SELECT 1 FROM {_quoted(table.name)} LIMIT 0")
            if isinstance(answer, str):
                return answer
        if table.module == "fts4" and table.content == "":
            return "nobody keeps its rows"
        if table.module == "fts5" and table.content is not None and table.prefixes:
            return "its prefixes cannot be read"
        return ""

    def _own_rows(
        self, table: _Definition, taken: list[tuple[SchemaObject, TreeDifference]]
    ) -> TreeDifference | str:
        """Compare the rows that the table itself has; or say why they cannot be read."""
        for relation, difference in taken:
            if relation.key == ("table", f"{table.name}_content"):
                return difference
        if table.module.startswith("rtree"):
            question = f"SELECT * FROM {_quoted(table.name)}"
        elif table.module == "fts5" and table.content is not None:
            question = "SELECT doc, term, col, offset FROM temp.words_of_truth"
            words = f"USING fts5vocab(main, {_quoted(table.name)}, instance)"
            for witness in (self._pristine, self._live):
                witness.asked("DROP TABLE IF EXISTS temp.words_of_truth")
                witness.asked(f"CREATE VIRTUAL TABLE temp.words_of_truth {words}")
        else:
            return TreeDifference()
        before, now = self._pristine.asked(question), self._live.asked(question)
        if isinstance(before, str):
            return before
        if isinstance(now, str):
            return now
        return _by_rowid(before, now)

    def _unmatched(self, witness: Witness, name: str) -> str:
        """Give what the module itself finds wrong."""
        return "; ".join(witness.integrity(name))

    def _sizes(self, table: _Definition, now: Schema) -> str:
        """Say that rows of the same words are counted otherwise; "" where they are not."""
        if table.module not in _SIZES:
            return ""
        for tail, question in _SIZES[table.module]:
            name = f"{table.name}_{tail}"
            if ("table", name) not in now:
                continue
            before, after = (
                witness.asked(question.format(_quoted(name)))
                for witness in (self._pristine, self._live)
            )
            if before != after:
                return f"{name} counts otherwise"
        return ""


def _defined(name: str, sql: str) -> _Definition:
    match = _DEFINED.match(sql)
    module, rest = (match[2].lower(), match[3]) if match else ("", "")
    content = _CONTENT.search(rest) if module != "fts3" else None
    return _Definition(
        name,
        module,
        content=content and content[1].strip(),
        prefixes=_PREFIX.search(rest) is not None,
        sql=sql,
    )


def _by_rowid(before: Iterable[TypedRow], now: Iterable[TypedRow]) -> TreeDifference:
    """Compare rows, or the words of rows, by the rowid that comes first."""
    old, new = _grouped(before), _grouped(now)
    return TreeDifference(
        added=sorted(new.keys() - old.keys()),
        missing=sorted(old.keys() - new.keys()),
        changed=sorted(rowid for rowid in old.keys() & new.keys() if old[rowid] != new[rowid]),
    )


def _grouped(rows: Iterable[TypedRow]) -> dict[int, Counter[str]]:
    grouped: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in rows:
        rowid = row[0][1]
        grouped[rowid if isinstance(rowid, int) else 0][repr(row[1:])] += 1
    return dict(grouped)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
