"""The verbs before an experiment."""

from __future__ import annotations

import json
from pathlib import Path

import apsw

from tests.command_line import Call


def test_an_experiment_is_made_of_a_database(harness: Call, folder: Path) -> None:
    """``init`` says what it found and what to do next; a second time nothing is overwritten."""
    database, output = folder / "a.db", folder / "mine.toml"
    with apsw.Connection(str(database)) as connection:
        connection.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    status, out, err = harness("init", database, "--output", output)
    assert (status, err) == (0, "")
    assert "1 table, 1 row, 0 foreign keys" in out
    assert f"Next: harness run {output}" in out
    status, out, err = harness("init", database, "--output", output)
    assert (status, out) == (2, "")
    assert "is there already" in err
    assert harness("init", database, "--output", output, "--force")[0] == 0
    assert harness("init", folder / "none.db", "--output", output, "--force")[0] == 2


def test_what_there_is_is_listed(harness: Call) -> None:
    """``list`` prints everything or one kind, for people and as JSON, and refuses unknown kinds."""
    status, out, err = harness("list")
    assert (status, err) == (0, "")
    assert {"faults", "recovery", "cleanup", "workloads", "reports", "engines"} <= {*out.split()}
    assert "timeout" not in harness("list", "recovery")[1].split()
    told = json.loads(harness("list", "fault", "--json")[1])
    assert told["version"] == 1
    assert "timeout" in {one["name"] for one in told["faults"]}
    assert harness("list", "gremlins")[0] == 2


def test_the_schema_of_experiments_is_printed(harness: Call) -> None:
    """``list --schema`` is JSON that knows the keys people may write, and no others."""
    told = json.loads(harness("list", "--schema")[1])
    assert {"conditions", "defaults", "name"} <= set(told["properties"])
    project = told["$defs"]["ProjectSetting"]
    assert {"database", "create", "test"} <= set(project["properties"])
    assert "home" not in project["properties"]
    assert harness("list", "faults", "--schema")[0] == 2
