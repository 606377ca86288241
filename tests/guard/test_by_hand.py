"""What is said of a backup, a verification and a restore by hand."""

from __future__ import annotations

import json
from pathlib import Path

from harness.databases import Differences, TableDifferences
from harness.guard.by_hand import Restored, Saved, as_json, as_lines

FOUND = Differences(
    tables={"a: b": TableDifferences(added=((1, "x" * 500),), changed=(((2, 1), (2, 2)),))}
)


def test_rows_stand_below_their_table() -> None:
    """Each with its sign, long ones cut; a name that looks like a sentence is found as well."""
    first, added, changed = as_lines(FOUND)
    assert first == "a: b: 1 added, 0 missing, 1 changed"
    assert added.startswith("  + (1, 'xxx")
    assert len(added) < 200
    assert changed == "  ~ (2, 1) -> (2, 2)"
    assert as_lines(Differences()) == ["no differences"]
    apart = {"mode": ("0664", "0600")}
    told = ["no differences of content", "mode 0664 -> 0600"]
    assert as_lines(Differences(attributes=apart)) == told


def test_machines_get_the_rows_whole() -> None:
    """With a version."""
    assert "x" * 500 in json.dumps(json.loads(as_json(FOUND)))
    assert json.loads(as_json(FOUND))["version"]


def test_a_restore_says_all_that_became_of_anything() -> None:
    """What was thrown away, what a killed guard had, and a journal that keeps the next out."""
    said = Restored("file_copy", Path("a1"), 3.0, (Path("a2"),), "db.e2e-journal").sentence(
        "db", "b"
    )
    for part in ("restored by file_copy", "is in a1", "kept as a2", "db.e2e-journal is damaged"):
        assert part in said
    other = Restored("", None, 1.0, attributes={"mode": ("0664", "0600")})
    assert "its mode stays 0600; the backup's is 0664" in other.sentence("db", "b")
    assert "nothing was written" in Restored("", None, 1.0).sentence("db", "b")
    assert "the same as db" in Saved(Path("b"), 10, 1.0).sentence("db")
