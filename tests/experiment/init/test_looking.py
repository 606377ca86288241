from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.errors import UsageError
from harness.experiment.cycle.grounds.sqlite.private_copy import private_copy
from harness.experiment.init.draft import init
from harness.experiment.init.looking import look

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent);
CREATE TABLE loose (parent INTEGER REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent VALUES (1, 'one'), (2, 'two');
"""


def made(path: Path, sql: str) -> Path:
    """Make a database; collations and functions of somebody else's are theirs alone."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.create_collation("theirs", lambda a, b: (a > b) - (a < b))
        connection.create_scalar_function("also_theirs", lambda value: value)
        connection.execute(sql).fetchall()
    return path


def test_all_of_it_is_found(folder: Path) -> None:
    """Tables with their rows, foreign keys with what they do, and that rows can be made."""
    path = made(folder / "a.db", SCHEMA)
    with private_copy(path) as copy:
        found = look(copy, path, rows=2)
    assert found.rows == {"child": 0, "loose": 0, "parent": 2}
    assert [(r.table, r.parent, r.restricts) for r in found.references] == [
        ("child", "parent", True),
        ("loose", "parent", False),
    ]
    assert set(found.fills) == set(found.rows)
    assert not found.unread and not found.refused  # noqa: PT018 - one thing: nothing is left out


def test_nothing_is_written_beside_it(folder: Path) -> None:
    """Rows that are in the -wal alone are seen; no byte changes, and no -shm is made."""
    path = folder / "wal.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode=wal; " + SCHEMA).fetchall()
        kept = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal")}
    for suffix, data in kept.items():
        Path(f"{path}{suffix}").write_bytes(data)
    before = {one.name: one.read_bytes() for one in folder.iterdir()}
    with private_copy(path) as copy:
        found = look(copy, path, rows=2)
    assert (found.journal_mode, found.rows["parent"]) == ("wal", 2)
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == before
    assert not copy.exists()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("CREATE TABLE odd (a TEXT PRIMARY KEY COLLATE theirs) WITHOUT ROWID", "collation"),
        (
            "CREATE TABLE odd (a); CREATE TRIGGER t AFTER INSERT ON odd "
            "BEGIN SELECT also_theirs(new.a); END",
            "also_theirs",
        ),
    ],
)
def test_what_cannot_be_read_is_left_out(folder: Path, sql: str, said: str) -> None:
    """A table that needs a collation or a function nobody has here is named, and why."""
    path = made(folder / "a.db", f"CREATE TABLE good (a); {sql}")
    with private_copy(path) as copy:
        found = look(copy, path, rows=1)
    assert said in found.unread["odd"]
    assert list(found.rows) == ["good"]
    assert found.fills == ("good",)


def test_a_table_of_a_missing_module_and_its_parts_are_left_out(folder: Path) -> None:
    """Neither the virtual table nor what is named after it is filled; an experiment is drafted."""
    odd = "INSERT INTO sqlite_schema VALUES('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING x')"
    path = made(folder / "a.db", "CREATE TABLE good (a); CREATE TABLE v_chunks (a)")
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(f"PRAGMA writable_schema = ON; {odd}").fetchall()
    with private_copy(path) as copy:
        found = look(copy, path, rows=1)
    assert found.unread == {"v": "no such module: x"}
    assert found.fills == ("good",)
    assert found.refused == {"v_chunks": "it seems to belong to v"}
    init(path, folder / "e.toml", force=False)
    assert 'tables = ["good"]' in (folder / "e.toml").read_text()


def test_a_table_that_takes_no_rows_is_left_out(folder: Path) -> None:
    """Where no row can be made the others are filled all the same, and why is said."""
    never = "CREATE TABLE never (a CHECK (a IS NULL AND a IS NOT NULL)); CREATE TABLE good (a)"
    path = made(folder / "a.db", never)
    with private_copy(path) as copy:
        found = look(copy, path, rows=1)
    assert found.fills == ("good",)
    assert "never" in found.refused["never"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"no database at all, only text", "is no SQLite database"),
        (b"", "holds no tables"),
        (b"SQLite format 3\x00" + b"\xff" * 4080, "cannot be read"),
    ],
)
def test_what_is_no_database_is_refused(folder: Path, data: bytes, said: str) -> None:
    """Other files, empty ones and encrypted ones are usage errors that name the file."""
    path = folder / "a.db"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=said) as refused, private_copy(path) as copy:
        look(copy, path, rows=1)
    assert str(path) in str(refused.value)


def test_nothing_and_folders_are_refused(folder: Path) -> None:
    """A path where nothing is, and a folder, are told from each other."""
    with pytest.raises(UsageError, match="No such file"), private_copy(folder / "none.db"):
        pass
    with pytest.raises(UsageError, match="is a folder"), private_copy(folder):
        pass
