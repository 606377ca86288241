"""A broken constraint is named, which SQLite does not do for foreign keys."""

from __future__ import annotations

from typing import Any

import apsw
import pytest

from harness.backend.answers import Refused
from harness.backend.constraints import broken

SCHEMA = """
CREATE TABLE parents (id INTEGER PRIMARY KEY, code TEXT UNIQUE, size INTEGER CHECK (size < 9));
CREATE TABLE "odd ""child" (id INTEGER PRIMARY KEY, "its parent" INTEGER REFERENCES parents);
CREATE TABLE by_code (id INTEGER PRIMARY KEY, code TEXT REFERENCES parents (code));
CREATE TABLE followers (id INTEGER PRIMARY KEY,
  parent_id INTEGER REFERENCES parents ON DELETE CASCADE);
CREATE TABLE grandchildren (follower_id INTEGER REFERENCES followers ON DELETE RESTRICT);
INSERT INTO parents VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1), (4, 'd', 1);
INSERT INTO followers VALUES (10, 1), (11, 2), (14, 4);
INSERT INTO "odd ""child" VALUES (1, 1);
INSERT INTO by_code VALUES (1, 'b');
INSERT INTO grandchildren VALUES (14);
"""


def fails(sql: str, table: str, **done: Any) -> Refused:
    """What a statement that breaks a constraint is answered with."""
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    connection.execute("PRAGMA foreign_keys = ON; BEGIN")
    with pytest.raises(apsw.ConstraintError) as caught:
        connection.execute(sql)
    return broken(caught.value, connection, table, **done)


def delete(key: int) -> str:
    """The constraint that keeps a parent from being deleted."""
    found = fails(f"DELETE FROM parents WHERE id = {key}", "parents", removed=key)
    assert (found.status, found.reason) == (409, "foreign-key violation")
    return str(found.more["constraint"])


def test_what_holds_a_row_is_named() -> None:
    """Odd names, keys that are no id; never the child that only follows its parent."""
    assert delete(1) == 'odd "child.its parent'
    assert delete(2) == "by_code.code"


def test_what_is_held_further_down_is_not_guessed() -> None:
    """A cascade that is stopped below names no constraint of another's."""
    found = fails("DELETE FROM parents WHERE id = 4", "parents", removed=4)
    assert found.more["constraint"] in ("", "followers.parent_id")
    assert found.reason == "foreign-key violation"


def test_a_missing_parent_is_named() -> None:
    """The column that refers to nothing, and what it refers to."""
    found = fails("INSERT INTO by_code VALUES (5, 'zz')", "by_code", added={"id": 5, "code": "zz"})
    assert (found.reason, found.more["constraint"]) == ("foreign-key violation", "by_code.code")
    assert "there is no parents zz" in str(found)


def test_other_constraints_keep_sqlites_own_name() -> None:
    """UNIQUE names its columns; CHECK is a violation too."""
    found = fails("INSERT INTO parents VALUES (9, 'a', 1)", "parents", added={"code": "a"})
    assert (found.status, found.reason) == (409, "unique violation")
    assert found.more["constraint"] == "parents.code"
    found = fails("INSERT INTO parents VALUES (9, 'z', 9)", "parents", added={"size": 9})
    assert (found.reason, found.more["constraint"]) == ("constraint violation", "size < 9")
