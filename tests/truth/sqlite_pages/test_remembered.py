"""A judgement remembered is the judgement that looking again would give."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.truth.sqlite import SqliteTruth

SCHEMA = """
CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT, n INT);
CREATE INDEX t_n ON t (n);
WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 400)
INSERT INTO t (body, n) SELECT printf('row %d %s', i, hex(zeroblob(i % 50))), i % 97 FROM c;
"""


def baseline(folder: Path) -> tuple[Path, SqliteTruth]:
    """Write a baseline and a copy of it, with its truth."""
    pristine, database = folder / "pristine", folder / "work" / "db"
    connection = apsw.Connection(str(pristine))
    connection.execute(SCHEMA)
    connection.close()
    database.parent.mkdir(exist_ok=True)
    shutil.copyfile(pristine, database)
    return database, SqliteTruth(pristine)


def run(database: Path, *statements: str) -> None:
    """Run statements as a test and its cleanup would."""
    connection = apsw.Connection(str(database))
    for statement in statements:
        connection.execute(statement)
    connection.close()


def added(count: int, length: int) -> str:
    """SQL that adds rows of a length."""
    return (
        f"WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < {count}) "
        f"INSERT INTO t (body, n) SELECT 'new ' || hex(randomblob({length})), i FROM c"
    )


CLEAN = "DELETE FROM t WHERE body LIKE 'new %'"


def test_the_second_look_is_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same end state with other bytes in free space is not compared anew."""
    database, truth = baseline(folder)
    run(database, added(3, 20), CLEAN)
    first = truth.judge(database)
    truth.reset(database)
    monkeypatch.setattr("harness.truth.sqlite.Comparison", None)  # any comparison would raise
    run(database, added(3, 20), CLEAN)
    assert truth.judge(database) == first


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 60)), min_size=1, max_size=4),
    st.sampled_from(
        [
            "",
            "UPDATE t SET n = n + 1 WHERE id = 7",
            "UPDATE t SET body = 'ROW' || substr(body, 4) WHERE id = 399",
            "DELETE FROM t WHERE id = 400",
            "UPDATE sqlite_sequence SET seq = seq + 1",
            "PRAGMA user_version = 9",
            "INSERT INTO t (body, n) VALUES ('left', 1)",
        ]
    ),
)
def test_memory_changes_no_judgement(
    folder: Path, history: list[tuple[int, int]], damage: str
) -> None:
    """After any history a judge that remembers says what a judge that has met nothing says."""
    shutil.rmtree(folder)
    folder.mkdir()
    database, truth = baseline(folder)
    for count, length in history:
        run(database, added(count, length), CLEAN)
        assert truth.judge(database).rows
        truth.reset(database)
    run(database, added(*history[0]), CLEAN, damage)
    fresh = SqliteTruth(folder / "pristine").judge(database)
    assert truth.judge(database) == fresh
    assert fresh.exact is False


def test_a_hole_in_free_space_is_not_passed_over(folder: Path) -> None:
    """A page with the cells of a page met before, and a broken free list within, is not sound."""
    database, truth = baseline(folder)
    run(database, added(3, 20), CLEAN)
    assert truth.judge(database).rows
    data = bytearray(database.read_bytes())
    pristine = (folder / "pristine").read_bytes()
    changed = next(
        page
        for page in range(1, len(data) // 4096)
        if data[page * 4096 : page * 4096 + 4096] != pristine[page * 4096 : page * 4096 + 4096]
        and data[page * 4096] == 13
    )
    data[changed * 4096 + 7] ^= 0x55  # the count of fragmented free bytes
    database.write_bytes(data)
    judgement = truth.judge(database)
    assert not judgement.rows
    assert judgement.lost
