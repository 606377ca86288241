"""SQLite's own look: it changes nothing, and says when it cannot look."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import apsw
import pytest

from harness.truth.sqlite_pages.checks import NOT_RUN, Witness, fold_in
from tests.truth.making import build, run


@pytest.mark.parametrize("journal_mode", ["DELETE", "WAL"])
def test_a_file_and_its_bytes_give_the_same_answers(folder: Path, journal_mode: str) -> None:
    """A file, also in WAL mode, is looked at without a trace beside it."""
    path = folder / "a.sqlite3"
    build(path, journal_mode=journal_mode)
    run(path, "DELETE FROM users WHERE id = 3")
    data = path.read_bytes()
    for source in (path, data):
        witness = Witness(source)
        assert witness.integrity() == ()
        assert witness.integrity("bots") == ()
        assert witness.violations() == Counter([("bots", 3, "users")])
        rows = witness.rows("users", 4)
        assert rows is not None
        assert rows[0][:2] == (("int", 4), ("str", "4@example.org"))
        witness.close()
    assert os.listdir(folder) == ["a.sqlite3"]
    assert path.read_bytes() == data


def test_a_check_that_cannot_run_says_so(folder: Path) -> None:
    """An application's own collation is missing here: that is an answer, not an error."""
    path = folder / "a.sqlite3"
    connection = apsw.Connection(str(path))
    connection.create_collation("own", lambda a, b: (a > b) - (a < b))
    connection.execute("CREATE TABLE t(a); CREATE INDEX i ON t(a COLLATE own)").fetchall()
    connection.close()
    assert Witness(path).integrity()[0].startswith(NOT_RUN)


def test_references_that_cannot_be_checked_say_so(folder: Path) -> None:
    """A foreign key to what is not unique: SQLite's refusal is one line, not an error."""
    path = folder / "a.sqlite3"
    run(path, "CREATE TABLE parent(a)", "CREATE TABLE child(b REFERENCES parent(a))")
    run(path, "INSERT INTO child VALUES (1)")
    witness = Witness(path)
    [((line, rowid, parent), count)] = witness.violations().items()
    assert line.startswith(f"{NOT_RUN}foreign key mismatch")
    assert (rowid, parent, count) == (None, "", 1)
    witness.close()


def test_who_chooses_rowids(folder: Path) -> None:
    """A table's rowids are its own only where a column is the rowid."""
    path = folder / "a.sqlite3"
    build(path)
    run(path, "CREATE TABLE texts(a TEXT PRIMARY KEY)")
    witness = Witness(path)
    chosen = {name: witness.chooses_rowids(name) for name in ("users", "notes", "texts")}
    assert chosen == {"users": False, "notes": True, "texts": True}
    witness.close()


def test_folding_in_leaves_one_file(folder: Path) -> None:
    """What waits in a -wal is in the file afterwards, and the -wal is gone."""
    path = folder / "a.sqlite3"
    build(path, journal_mode="WAL")
    writer = apsw.Connection(str(path))
    writer.execute("INSERT INTO notes VALUES(zeroblob(9000), 1)").fetchall()
    copied = folder / "b.sqlite3"
    for suffix in ("", "-wal"):
        Path(f"{copied}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    writer.close()
    fold_in(copied)
    rows = Witness(copied).rows("notes", 61)
    assert rows == [(("bytes", bytes(9000)), ("float", 1.0))]
    assert not Path(f"{copied}-wal").exists()
