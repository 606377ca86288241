"""Settings and schema that are not the baseline's are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.truth.sqlite_pages.definitions import compare_schema, compare_settings
from harness.truth.sqlite_pages.file_format.records import read_schema
from harness.truth.sqlite_pages.findings import Doubts, Findings
from tests.truth.making import build, image, run


def _settings(before: Path, now: Path) -> tuple[Findings, Doubts]:
    findings, doubts = Findings(), Doubts()
    compare_settings(image(before).header, image(now).header, findings, doubts)
    return findings, doubts


def test_a_setting_is_content(folder: Path) -> None:
    """What people set is lost when it is another; a counter of SQLite's own is no setting."""
    before, now = folder / "before", folder / "now"
    build(before)
    build(now)
    run(now, "UPDATE users SET score = 9")
    assert _settings(before, now) == (Findings(), Doubts())
    run(now, "PRAGMA user_version = 4")
    findings, doubts = _settings(before, now)
    assert findings == Findings(False, True, True, ["setting user_version: 0 -> 4"])
    assert not doubts.whole_file


def test_a_file_of_another_format_is_in_doubt(folder: Path) -> None:
    """Whether there are pointer maps is a setting, and something for SQLite to check."""
    before, now = folder / "before", folder / "now"
    build(before)
    build(now, auto_vacuum="FULL")
    findings, doubts = _settings(before, now)
    assert findings.sentences == ["setting auto_vacuum: none -> full"]
    assert doubts.whole_file


@pytest.mark.parametrize(
    ("statement", "sentence", "lost"),
    [
        ("CREATE TABLE t(a)", "table t added", False),
        ("DROP VIEW busy", "view busy missing", True),
        ("ALTER TABLE notes ADD COLUMN x", "table notes changed", True),
    ],
)
def test_the_schema_is_compared_by_name(
    folder: Path, statement: str, sentence: str, lost: bool
) -> None:
    """What is added loses nothing; what is missing or another one does."""
    path = folder / "a.sqlite3"
    build(path)
    before = read_schema(image(path))
    run(path, statement, "VACUUM")  # which gives every tree another root
    findings = Findings()
    compare_schema(before, read_schema(image(path)), findings)
    assert findings == Findings(False, True, lost, [sentence])


def test_the_table_of_sequences_is_of_the_grade_exact(folder: Path) -> None:
    """SQLite makes it for itself, and it holds no row of anybody's."""
    path = folder / "a.sqlite3"
    run(path, "CREATE TABLE t(a)")
    before = read_schema(image(path))
    run(path, "CREATE TABLE s(a INTEGER PRIMARY KEY AUTOINCREMENT)", "DROP TABLE s")
    after = read_schema(image(path))
    for old, new, word in ((before, after, "added"), (after, before, "missing")):
        findings = Findings()
        compare_schema(old, new, findings)
        assert findings == Findings(True, False, False, [f"table sqlite_sequence {word}"])
