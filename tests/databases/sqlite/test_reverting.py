"""Putting back what differs of a whole database."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.reverting import revert
from harness.databases.sqlite.session import connect

SCHEMA = """
CREATE TABLE parent (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent REFERENCES parent ON DELETE CASCADE);
INSERT INTO parent (name) VALUES ('one'), ('two');
INSERT INTO child VALUES (1, 1), (2, 2);
PRAGMA user_version = 7;
"""


def pair(folder: Path, script: str) -> tuple[Path, Path]:
    """A database in which ``script`` was run, and what it was before."""
    live, was = folder / "live", folder / "was"
    with closing(apsw.Connection(str(live))) as connection:
        connection.execute(SCHEMA).fetchall()
    shutil.copyfile(live, was)
    run(live, script)
    return live, was


def run(path: Path, script: str) -> None:
    """Run statements, foreign keys off."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(script).fetchall()


def test_everything_but_the_schema_comes_back(folder: Path) -> None:
    """Rows that cascades would take along, the sequence, a setting: nothing differs any more."""
    live, was = pair(
        folder,
        "DELETE FROM parent WHERE id = 1; UPDATE parent SET name = 'x' WHERE id = 2;"
        "INSERT INTO parent (name) VALUES ('e2e'); PRAGMA user_version = 8",
    )
    assert revert(live, was, differences(live, was), connect=connect) == {}
    assert differences(live, was).clean("exact")


def test_what_rows_cannot_mend_is_named_and_left(folder: Path) -> None:
    """A table with another definition stays as it is, and the others come back."""
    live, was = pair(folder, "ALTER TABLE child ADD COLUMN more; DELETE FROM parent")
    refused = revert(live, was, differences(live, was), connect=connect, checks_foreign_keys=False)
    assert list(refused) == ["child"]
    assert list(differences(live, was).tables) == []


def test_a_key_that_would_be_left_broken_undoes_all_of_it(folder: Path) -> None:
    """Where a row that cannot be put back refers to one that would go, nothing is changed."""
    live, was = pair(
        folder,
        "INSERT INTO parent VALUES (9, 'e2e'); INSERT INTO child VALUES (9, 9);"
        "ALTER TABLE child ADD COLUMN more",
    )
    found = differences(live, was)
    with pytest.raises(apsw.ConstraintError, match="rows of child would refer to rows"):
        revert(live, was, found, connect=connect)
    assert differences(live, was) == found
