"""A guard of a database that is not there yet, by each of its entrances."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import UsageError
from harness.guard import Guard
from harness.guard.command import run_recover
from harness.guard.sqlite.archive import list_archives
from tests.guard.test_command import guarded
from tests.recovery.helpers import content, execute, make

MAKE = """
import apsw, sys
c = apsw.Connection(sys.argv[1])
c.execute("PRAGMA journal_mode=wal").fetchall()
c.execute("CREATE TABLE t(x); CREATE TABLE u(x); INSERT INTO t VALUES (1), (2), (3)")
"""


def absent(folder: Path) -> Path:
    """The path of a database that nobody has made."""
    return folder / "app.sqlite3"


def test_what_the_tests_make_is_removed(folder: Path) -> None:
    """All of it, told with its tables and rows, to programs too, and kept as an archive."""
    path, told = absent(folder), folder.parent / f"{folder.name}.json"
    command = [sys.executable, "-c", MAKE, str(path)]
    try:
        status, said = guarded(path, *command, absent_ok=True, json_path=told)
        document = json.loads(told.read_text())
    finally:
        told.unlink(missing_ok=True)
    assert status == 0, said
    assert "left by the tests: the whole database (2 tables, 3 rows)" in said
    assert "it was removed" in said
    (archive,) = list_archives(path)
    assert len(content(archive.path)["rows t"]) == 3
    assert os.listdir(folder) == [archive.path.name]
    assert document["absent"] is True
    assert document["proven"] is True
    assert document["found"]["whole"] == "the whole database (2 tables, 3 rows)"
    assert document["remaining"]["clean"]["exact"] is True


@pytest.mark.parametrize("cleanup", [None, "by_difference", "rm -f app.sqlite3*"])
def test_what_a_cleanup_removes_needs_no_restore(
    folder: Path, cleanup: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing made, nothing left: proven; by_difference is the removal itself."""
    monkeypatch.chdir(folder)
    make = [] if cleanup is None else ["-c", MAKE, "app.sqlite3"]
    status, said = guarded(
        absent(folder), sys.executable, *(make or ["-c", ""]),
        absent_ok=True, cleanup=cleanup, archives=False,
    )  # fmt: skip
    assert status == 0, said
    assert ("no restore was needed" in said) == (cleanup != "by_difference")
    assert os.listdir(folder) == []


def test_it_must_be_asked_for_and_have_a_folder(folder: Path) -> None:
    """The refusal names the option; no folder, or the rest of another database, is refused."""
    path = absent(folder)
    for option in ("--absent-ok", "--guard-absent-ok", "absent_ok=True"):
        with pytest.raises(UsageError, match=option):
            guarded(path, "true")
    with pytest.raises(UsageError, match="no such folder"):
        guarded(folder / "none" / "app.sqlite3", "true", absent_ok=True)
    Path(f"{path}-wal").write_bytes(b"of another")
    with pytest.raises(UsageError, match="without its database"):
        guarded(path, "true", absent_ok=True)
    assert os.listdir(folder) == [f"{path.name}-wal"]


def test_a_database_that_is_there_is_guarded_as_always(folder: Path) -> None:
    """The option changes nothing for it; one of no bytes is there as well."""
    path = make(folder, "delete")
    before = content(path)
    with harness.guard(path, absent_ok=True, archives=False) as g:
        execute(path, "DELETE FROM users")
    assert g.result.backed_up_by == ("online_backup",)
    assert content(path) == before
    path.write_bytes(b"")
    with harness.guard(path, absent_ok=True, archives=False):
        execute(path, "CREATE TABLE t(x)")
    assert path.exists()
    assert not [key for key in content(path) if key.startswith("rows t")]


def test_a_block_that_makes_one(folder: Path) -> None:
    """What is still open in it is removed all the same."""
    path = absent(folder)
    with harness.guard(path, absent_ok=True, archives=False) as g:
        execute(path, "CREATE TABLE t(x)", fold=False)
    assert g.result.found is not None
    assert g.result.found.whole == "the whole database (1 table, 0 rows)"
    assert (g.result.absent, g.result.restored_by) == (True, "absence")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("by", ["guard", "recover"])
def test_a_kill_is_survived(folder: Path, by: str) -> None:
    """Whoever comes next removes what the tests had made, and keeps it whatever was asked."""
    path = absent(folder)
    guard = Guard(path, recoveries=["absence"])
    guard.begin()
    execute(path, "CREATE TABLE t(x)")
    guard.abandon()
    said: list[str] = []
    if by == "recover":
        assert run_recover(str(path), say=said.append) == 0
    else:
        assert guarded(path, "true", absent_ok=True, archives=False)[0] == 0
    (archive,) = list_archives(path)
    assert os.listdir(folder) == [archive.path.name]
    assert all("there is no database again, as before it" in sentence for sentence in said)


def test_what_people_made_since_is_not_removed_unasked(folder: Path) -> None:
    """With the journal beside it gone nobody knows whose the database is: asked for, it goes."""
    path = absent(folder)
    guard = Guard(path, recoveries=["absence"])
    guard.begin()
    guard.abandon()
    Path(f"{path}.e2e-journal").unlink()
    execute(path, "CREATE TABLE dear(x)")
    status, said = guarded(path, "true", absent_ok=True)
    assert status == 125
    assert "this is another database at the same path" in said
    assert path.exists()
    assert run_recover(str(path), say=lambda _: None, discard=True) == 0
    assert path.exists()
    assert guarded(path, "true")[0] == 0
