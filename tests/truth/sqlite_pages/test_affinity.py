"""A whole number in a REAL column is one value in both its encodings, and only there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.truth import Judgement
from harness.truth.sqlite_pages.affinity import as_read, is_real, real_places
from harness.truth.sqlite_pages.file_format.btree import walk
from harness.truth.sqlite_pages.file_format.records import SchemaObject, values
from tests.truth.making import guard_copy, image, root, run

# Rows are written as integers; once a column is indexed or checked SQLite writes reals there.
RATES = """
CREATE TABLE rates(rate REAL, loose, whole NUMERIC);
CREATE TABLE pairs(note, gap AS (note) VIRTUAL, key DOUBLE PRECISION PRIMARY KEY, rate FLOAT)
    WITHOUT ROWID;
INSERT INTO rates VALUES (1, 1, 1), (2.5, 2, 2);
INSERT INTO pairs(note, key, rate) VALUES ('a', 1, 1), ('b', 2, 2);
CREATE INDEX by_loose ON rates(loose, rate);
CREATE INDEX by_rate ON pairs(rate);
"""


def judged_after(folder: Path, *statements: str) -> Judgement:
    """Judge a copy of ``RATES`` after some statements."""
    run(folder / "pristine.sqlite3", RATES)
    truth, live = guard_copy(folder / "pristine.sqlite3")
    run(live, *statements)
    return truth.judge(live)


def stored(path: Path, name: str) -> list[list[str]]:
    """Return the kinds of the fields of every record of a tree."""
    pages = image(path)
    leaves = walk(pages, root(path, name), pages.content).leaves
    entries = [entry for leaf in leaves for entry in pages.content(leaf).entries]
    return [[kind for kind, _ in values(payload)] for _, payload in entries]


def test_rows_written_anew_are_the_same_rows(folder: Path) -> None:
    """An UPDATE that sets the same values stores reals for integers, and the truth finds nothing.

    In a table with rowid, one without, and their indexes.
    """
    judgement = judged_after(
        folder, "UPDATE rates SET rate = rate, loose = loose", "UPDATE pairs SET rate = rate"
    )
    live = folder / "live" / "app.sqlite3"
    assert stored(folder / "pristine.sqlite3", "rates")[0] == ["integer"] * 3
    assert stored(live, "rates")[0] == ["real", "integer", "integer"]
    assert judgement.exact, judgement.differences


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rates SET rate = 2 WHERE rate = 1",
        "UPDATE rates SET rate = x'01' WHERE rate = 1",
        "UPDATE rates SET loose = 1.0 WHERE loose = 1",
        "UPDATE pairs SET rate = 3 WHERE rate = 2",
        "UPDATE pairs SET note = 'c' WHERE rate = 2",
        "UPDATE pairs SET note = CAST('a' AS BLOB) WHERE rate = 1",
        "DELETE FROM pairs WHERE rate = 2",
    ],
)
def test_another_value_is_another_value(folder: Path, statement: str) -> None:
    """Among rows written anew one that differs in value or type is found."""
    rewrite = ("UPDATE rates SET rate = rate, loose = loose", "UPDATE pairs SET rate = rate")
    judgement = judged_after(folder, *rewrite, statement)
    assert not judgement.rows
    assert judgement.lost


def test_an_index_that_disagrees_is_found(folder: Path) -> None:
    """An index entry with an integer for a real of another column is no reading of it."""
    rewrite = "UPDATE rates SET rate = rate"
    remade = (
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = replace(sql, 'loose, rate', 'whole, rate')"
        " WHERE name = 'by_loose'",
    )
    assert not judged_after(folder, rewrite, *remade).rows


def test_a_short_record_is_its_defaults_to_the_sign(folder: Path) -> None:
    """A row older than a column is the row with its default; a zero of the other sign is not."""
    pristine = folder / "pristine.sqlite3"
    run(
        pristine,
        "CREATE TABLE old (a); INSERT INTO old VALUES (1), (2);"
        "ALTER TABLE old ADD COLUMN b DEFAULT -0.0; ALTER TABLE old ADD COLUMN c DEFAULT 'c'",
    )
    truth, live = guard_copy(pristine)
    run(live, "UPDATE old SET b = b, c = c")
    assert truth.judge(live).exact
    run(live, "UPDATE old SET b = 0.0 WHERE a = 1")
    assert not truth.judge(live).rows


def test_where_the_reals_are(folder: Path) -> None:
    """Fields are counted as stored: key first without rowid, no virtual columns, rowid last."""
    run(folder / "pristine.sqlite3", RATES)

    def places(kind: str, name: str, table: str) -> frozenset[int]:
        return real_places(connection, SchemaObject(kind, name, table, 1, None))

    with closing(apsw.Connection(str(folder / "pristine.sqlite3"))) as connection:
        assert places("table", "rates", "rates") == {0}
        assert places("table", "pairs", "pairs") == {0, 2}
        assert places("index", "by_loose", "rates") == {1}
        assert places("index", "by_rate", "pairs") == {0, 1}
        assert places("table", "nothing", "nothing") == frozenset()


def test_only_real_columns_are_read_so() -> None:
    """SQLite's rules by the letters of a type; a record without reals stays what it is."""
    assert all(map(is_real, ("REAL", "double precision", "Float")))
    assert not any(map(is_real, ("", "INTEGER", "FLOATING POINT", "NUMERIC", "BLOB REAL", "ANY")))
    record = (("integer", 1), ("integer", 1), ("text", b"1"))
    assert as_read(record, frozenset()) is record
    one = b"\x3f\xf0\0\0\0\0\0\0"
    assert as_read(record, frozenset({1, 2})) == (record[0], ("real", one), record[2])
