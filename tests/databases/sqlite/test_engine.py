"""The SQLite engine."""

from __future__ import annotations

from pathlib import Path

import apsw

from harness.databases.engines import engine_of
from harness.databases.sqlite.engine import ENGINE as engine  # noqa: N811 - a thing to ask


def test_it_finds_what_its_own_connections_change(tmp_path: Path) -> None:
    """What the engine of a path connects to, compares and makes durable is one database."""
    live, was = tmp_path / "live.sqlite3", tmp_path / "was.sqlite3"
    for path in (live, was):
        apsw.Connection(str(path)).execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    assert engine_of(live) is engine
    assert engine.differences(live, was).clean("exact")
    with engine.connect(live) as connection:
        connection.execute("INSERT INTO t VALUES (2)")
    connection.close()
    assert engine.differences(live, was).sentences() == ["t: 1 added, 0 missing, 0 changed"]
