from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.cleanup.sql import SqlCleanup
from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.session import connect
from harness.errors import ConfigurationError, UsageError
from harness.experiment.plan.planning import check_script
from harness.experiment.written.configuration import Condition
from harness.processes.context import Context
from harness.retry import Retry
from harness.steps import nobody
from harness.test_rows.rows import AutoRows, plan_rows
from tests.test_rows.zoo import REFUSES, TAKES, WORDS

REAL = (
    "chinook.sqlite",
    "chinook_autoincrement.sqlite",
    "datasette_fixtures.db",
    "northwind.db",
    "sakila.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
)

# Virtual tables keep a memory of what they held; of two rows that need each other, neither can go
# in a transaction of its own.
NEVER_GONE = ("fts", "rtree", "cycle_deferred", "cycle_deferred_text")


def database_of(folder: Path, sql: str) -> Path:
    """Make a database file."""
    path = folder / "own.sqlite3"
    connection = apsw.Connection(str(path))
    connection.pragma("foreign_keys", True)
    connection.execute(sql)
    connection.close()
    return path


def planned(path: Path, *, rows: int = 2, tables: tuple[str, ...] = (), seed: int = 3) -> AutoRows:
    """Think rows out for the database at ``path``, as an experiment does."""
    connection = connect(path, immutable=True)
    try:
        return plan_rows(connection, rows=rows, tables=tables, seed=seed)
    finally:
        connection.close()


def made(auto: AutoRows, path: Path, seed: int) -> None:
    """Make the rows as a cycle does."""
    for part in auto.parts(Context(path, 0, seed), connect):
        part.run()


def cleaned(auto: AutoRows, path: Path) -> bool:
    """Delete the rows by the entities that were named before any cycle."""
    report = SqlCleanup().clean(
        path, auto.entities, connect=connect, retry=Retry(1, 0), listener=nobody
    )
    return report.ok


@pytest.mark.parametrize("name", TAKES)
def test_the_zoo_is_fed(folder: Path, name: str) -> None:
    """Every nasty schema that can take rows takes them, and they are gone by their keys again."""
    path = database_of(folder, TAKES[name])
    baseline = folder / "baseline"
    shutil.copyfile(path, baseline)
    auto = planned(path)
    assert path.read_bytes() == baseline.read_bytes(), "thinking rows out wrote to the database"
    made(auto, path, 5)
    added = sum(len(table.added) for table in differences(path, baseline).tables.values())
    assert added >= len(auto.planned) > 0
    if name not in NEVER_GONE:
        assert cleaned(auto, path)
        assert not differences(path, baseline, grade="rows").tables


@pytest.mark.parametrize("name", REFUSES)
def test_what_takes_no_row_is_said(folder: Path, name: str) -> None:
    """The error names the table, SQLite's own words and what to write instead."""
    table, words = WORDS[name]
    with pytest.raises(UsageError) as caught:
        planned(database_of(folder, REFUSES[name]))
    said = str(caught.value)
    assert said.startswith(f"table {table}: ")
    assert words in said
    assert 'create = ["INSERT' in said


@pytest.mark.parametrize("name", REAL)
def test_real_databases_are_fed(real_database: Any, name: str) -> None:
    """Every table of real databases gets its two rows, and entity by entity they are gone again."""
    path = real_database(name)
    connection = connect(path)
    connection.pragma("journal_mode", "delete")
    connection.close()
    baseline = path.with_suffix(".baseline")
    shutil.copyfile(path, baseline)
    auto = planned(path)
    made(auto, path, 5)
    assert len(auto.planned) == 2 * len({one.entity.table for one in auto.planned})
    assert cleaned(auto, path)
    left = differences(path, baseline, grade="rows").tables
    assert all("_fts_" in table for table in left)


def test_the_same_seed_makes_the_same_rows(folder: Path) -> None:
    """The same cycle's rows are the same wherever it runs; another's differ, but for their keys."""
    path = database_of(folder, "CREATE TABLE t (k TEXT PRIMARY KEY, name TEXT NOT NULL)")
    baseline = path.read_bytes()
    seen = []
    for seed in (1, 1, 2, 3, 4):
        path.write_bytes(baseline)
        auto = planned(path)
        made(auto, path, seed)
        connection = connect(path)
        seen.append(connection.execute("SELECT k, name FROM t").fetchall())
        connection.close()
        assert auto.payload_bytes > 0
    assert seen[0] == seen[1]
    assert any(other != seen[0] for other in seen[2:])
    assert len({tuple(key for key, _ in rows) for rows in seen}) == 1


def test_versions_that_do_not_go_together_fall_back(folder: Path) -> None:
    """Where a trigger compares rows, the versions that were tried together are what is made."""
    path = database_of(
        folder,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT NOT NULL); CREATE TRIGGER g BEFORE INSERT "
        "ON t WHEN new.v <> (SELECT coalesce(max(v), new.v) FROM t WHERE id > 1) "
        "BEGIN SELECT RAISE(ABORT, 'all alike'); END",
    )
    baseline = path.read_bytes()
    auto = planned(path, rows=3)
    for seed in range(12):
        path.write_bytes(baseline)
        made(auto, path, seed)
        connection = connect(path)
        assert connection.execute("SELECT count(*) FROM t").fetchall() == [(3,)]
        connection.close()


def test_only_the_tables_named_and_their_parents(folder: Path) -> None:
    """Named tables and what they refer to are filled; an unknown name gets the nearest."""
    path = database_of(
        folder,
        "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE other (id INTEGER PRIMARY KEY);"
        "CREATE TABLE Child (id INTEGER PRIMARY KEY, p INT REFERENCES p)",
    )
    auto = planned(path, rows=1, tables=("child",))
    assert [one.entity.table for one in auto.planned] == ["p", "Child"]
    with pytest.raises(UsageError, match="no table 'chlid'; did you mean 'Child'"):
        planned(path, tables=("chlid",))


def test_an_experiment_is_told_before_its_first_cycle(folder: Path) -> None:
    """Create = "auto" on a schema that takes no rows is refused with condition and key named."""
    path = database_of(folder, REFUSES["trigger_never"])
    condition = Condition.model_validate(
        {
            "name": "mine",
            "cleanup": "none",
            "project": {"database": path.name, "home": str(folder)},
        }
    )
    with pytest.raises(ConfigurationError, match=r"'mine': project.create: table t: .*read only"):
        check_script(condition, 1, path)


_TYPES = ("INTEGER", "TEXT", "VARCHAR(3)", "REAL", "BLOB", "DATE", "BOOLEAN", "")
_COLUMN = st.builds(
    lambda kind, required, unique: (
        f"{kind}{' NOT NULL' if required else ''}{' UNIQUE' if unique else ''}"
    ),
    st.sampled_from(_TYPES),
    st.booleans(),
    st.booleans(),
)
_KEY = st.sampled_from(
    ("INTEGER PRIMARY KEY", "TEXT PRIMARY KEY", "INT UNIQUE", "BLOB PRIMARY KEY")
)
_TABLE = st.tuples(
    _KEY,
    st.lists(_COLUMN, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(("", "NOT NULL", "UNIQUE"))), max_size=2),
)


@settings(max_examples=40)
@given(st.lists(_TABLE, min_size=1, max_size=4))
def test_random_schemas(tables: list[Any]) -> None:
    """Rows are accepted, or refused with a sentence that names a table; nothing else happens."""
    connection = apsw.Connection(":memory:")
    connection.pragma("foreign_keys", True)
    for number, (key, columns, references) in enumerate(tables):
        parts = [f"k {key}", *(f"c{n} {text}" for n, text in enumerate(columns))]
        parts += [
            f"r{n} {rule} REFERENCES t{parent % len(tables)} (k)"
            for n, (parent, rule) in enumerate(references)
        ]
        connection.execute(f"CREATE TABLE t{number} ({', '.join(parts)})")
    try:
        auto = plan_rows(connection, rows=2, tables=(), seed=1)
    except UsageError as error:
        assert str(error).startswith("table t")  # noqa: PT017 - either is right
        return
    auto.make(connection, 9)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
