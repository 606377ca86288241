from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from harness.backend.schema import SCHEMA, TABLES
from harness.workloads.platform import Platform

Open = Callable[[Path], apsw.Connection]
HELD_BACK = ("users", "bots", "integrations", "tags", "conversations", "messages")


def restricting_children(connection: apsw.Connection, parent: str) -> list[tuple[str, str]]:
    """Find (table, column) that hold ``parent`` back and that only a primary key makes unique."""
    found = []
    for table in TABLES:
        indexes = connection.execute(f"PRAGMA index_list({table})").fetchall()
        if any(unique and origin != "pk" for _, _, unique, origin, _ in indexes):
            continue
        found += [
            (table, key[3])
            for key in connection.execute(f"PRAGMA foreign_key_list({table})")
            if key[2] == parent and key[6] in ("RESTRICT", "NO ACTION")
        ]
    return found


def test_lean() -> None:
    """A connection parses no more than 10 tables, 8 indexes and 3 triggers."""
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    kinds = dict(
        connection.execute(
            "SELECT type, count(*) FROM sqlite_schema WHERE sql IS NOT NULL GROUP BY 1"
        )
    )
    assert kinds["table"] <= 10
    assert kinds["index"] <= 8
    assert kinds["trigger"] <= 3


def test_restrict_cascade_and_self_reference() -> None:
    """There are both kinds of foreign key, a table that refers to itself, partial indexes."""
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    keys = [
        (table, key[2], key[6])
        for table in TABLES
        for key in connection.execute(f"PRAGMA foreign_key_list({table})")
    ]
    assert {action for _, _, action in keys} == {"RESTRICT", "CASCADE"}
    assert ("messages", "messages", "RESTRICT") in keys
    partial = connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%WHERE%'"
    ).get
    assert partial == 4


def test_no_trigger_fires_on_delete() -> None:
    """Triggers follow INSERT and UPDATE only."""
    connection = apsw.Connection(":memory:")
    connection.execute(SCHEMA)
    triggers = connection.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    assert len(triggers) == 3
    for (sql,) in triggers:
        assert "AFTER INSERT ON" in sql or "AFTER UPDATE OF" in sql


@pytest.mark.parametrize("parent", HELD_BACK)
def test_a_copied_child_row_holds_the_parent_back(
    parent: str, default_baseline: Path, open_copy: Open
) -> None:
    """A copy of a baseline row, under another parent, makes deleting that parent fail."""
    connection = open_copy(default_baseline)
    made = Platform("complex", 3).create(connection, 5).entities
    entity = next(e for e in reversed(made) if e.table == parent and e.before is None)
    children = restricting_children(connection, parent)
    assert children
    (table, column), number = children[0], entity.key[0][1]
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})") if row[1] != "id"]
    values = ", ".join("?" if name == column else name for name in names)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} LIMIT 1", (number,)
    )
    with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
        connection.execute(f"DELETE FROM {parent} WHERE id = ?", (number,))


@pytest.mark.parametrize("child", ["messages", "conversations", "bot_tags"])
def test_copying_a_child_row_fires_no_trigger(
    child: str, default_baseline: Path, open_copy: Open
) -> None:
    """The rows that hold a parent back leave nothing in the audit log."""
    connection = open_copy(default_baseline)
    before = connection.execute("SELECT max(id) FROM audit_log").get
    tag = connection.execute("INSERT INTO tags (name, colour) VALUES ('x', 'y') RETURNING id").get
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({child})") if row[1] != "id"]
    values = ", ".join(str(tag) if name == "tag_id" else name for name in names)
    connection.execute(
        f"INSERT INTO {child} ({', '.join(names)}) SELECT {values} FROM {child} LIMIT 1"
    )
    assert connection.execute("SELECT max(id) FROM audit_log").get == before


def test_deleting_scans_no_child_table(default_baseline: Path, open_copy: Open) -> None:
    """Every foreign key is looked up by an index, the partial ones too: few steps suffice."""
    connection = open_copy(default_baseline)
    made = Platform("complex", 3).create(connection, 5).entities
    steps: dict[str, int] = {}

    def profile(event: dict[str, object]) -> None:
        status = event["stmt_status"]
        assert isinstance(status, dict)
        steps[str(event["sql"])] = status["SQLITE_STMTSTATUS_VM_STEP"]

    connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, profile)
    for entity in reversed([e for e in made if e.before is None and not e.after]):
        where = " AND ".join(f"{column} = {value}" for column, value in entity.key)
        connection.execute(f"DELETE FROM {entity.table} WHERE {where}")
    connection.trace_v2(0)
    assert len(steps) == 45
    rows = connection.execute("SELECT count(*) FROM messages").get
    assert max(steps.values()) < 300 < rows, steps
