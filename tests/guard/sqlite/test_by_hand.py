"""Back up, verify and restore by hand: real databases, real damage, others connected."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness import registry
from harness.databases import Differences
from harness.errors import RestoreError, UsageError
from harness.guard import by_hand, recover
from harness.guard.by_hand import backup, restore, verify
from harness.guard.document import VERSION
from harness.guard.journal import CAPTURED
from harness.guard.sqlite.archive import list_archives
from harness.guard.sqlite.journal import FileJournal
from harness.system.files import Files
from tests.guard.test_killed_anywhere import killed_guard
from tests.neighbour import Neighbour
from tests.recovery.helpers import (
    DAMAGE,
    FailingFiles,
    content,
    dying,
    execute,
    in_child,
    leftovers,
    main_bytes,
    make,
)

# kind of file -> pragmas before anything is in it, and after
KINDS = {
    "wal": ("", "journal_mode=wal"),
    "rollback": ("", "journal_mode=delete"),
    "UTF-16": ("encoding='UTF-16be'", "journal_mode=wal"),
    "pages of 512": ("page_size=512", "journal_mode=delete"),
    "pages of 64k": ("page_size=65536", "journal_mode=wal"),
    "auto_vacuum": ("auto_vacuum=1", "journal_mode=delete"),
}
SAID = {
    "insert": "bots: 59 added",
    "update": "bots: 0 added, 0 missing, 30 changed",
    "delete": "bots: 0 added, 56 missing, 0 changed",
    "drop": "table users missing",
    "alter": "table bots changed",
    "create": "table more added",
    "user_version": "setting user_version: 7 -> 99",
    "sequence": "sequence bots: 60 -> 61",
    "vacuum": "bots: 0 added, 54 missing, 0 changed",
    "index": "index bot_names no longer matches its table",
}
DAMAGES = {name: sql for name, sql in DAMAGE.items() if name != "settings"} | {
    "user_version": "PRAGMA user_version = 99",
    "sequence": "INSERT INTO bots(name) VALUES ('x'); DELETE FROM bots WHERE name = 'x'",
}


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    """Start another process; it is killed at the end."""
    other = Neighbour()
    yield other
    other.kill()


def database(folder: Path, kind: str = "rollback") -> Path:
    """Make a database of one kind of file."""
    first, last = KINDS[kind]
    path = folder / "app.sqlite3"
    if first:
        execute(path, f"PRAGMA {first}; CREATE TABLE early(x)")
    make(folder, last.rpartition("=")[2])
    return path


def saved(path: Path) -> Path:
    """Back it up."""
    return backup(path, path.with_name("saved")).backup


@pytest.mark.parametrize(
    ("kind", "damage"),
    [(k, d) for k in KINDS for d in DAMAGES if k in ("wal", "rollback") or d in ("insert", "drop")],
)
def test_there_and_back(folder: Path, kind: str, damage: str) -> None:
    """Back up, damage, verify says what, restore while another is connected, verify is clean."""
    path = database(folder, kind)
    before = content(path)
    copy = saved(path)
    other = apsw.Connection(str(path))
    other.execute("SELECT count(*) FROM bots").fetchall()
    if damage == "vacuum":  # needs the file to itself for a moment
        other.execute("PRAGMA journal_mode").fetchall()
    execute(path, DAMAGES[damage], fold=False)
    damaged = content(path)
    found = verify(path, copy)
    assert any(SAID[damage] in line for line in by_hand.as_lines(found)), by_hand.as_lines(found)
    done = restore(path, copy)
    assert done.how == "online_backup"
    assert done.thrown_away is not None
    assert verify(path, copy) == Differences()
    assert content(path) == before
    assert other.execute("SELECT count(*) FROM users").get == 2
    other.close()
    restore(path, done.thrown_away)
    assert content(path) == damaged


def test_the_platform(folder: Path, pristine: Path) -> None:
    """A baseline as an application writes it: same size, verified, and back after its own tests."""
    path = folder / "api_db_dev.sqlite3"
    path.write_bytes(pristine.read_bytes())
    path.chmod(0o640)
    made = backup(str(path), str(folder / "kept"))
    assert made.size_bytes == made.backup.stat().st_size == path.stat().st_size
    assert made.backup.stat().st_mode & 0o777 == 0o640
    assert "verified" in made.sentence(path)
    workload = registry.find("workloads", "platform")("simple", 1)
    connection = apsw.Connection(str(path))
    workload.create(connection, 5)
    connection.close()
    assert verify(path, made.backup).tables.keys() >= {"bots", "integrations", "users"}
    restore(path, made.backup)
    assert verify(path, made.backup).clean("exact")


def test_every_row_is_named(folder: Path) -> None:
    """People get one line a row; machines get JSON, whatever a cell holds."""
    path = database(folder)
    copy = saved(path)
    execute(
        path,
        "INSERT INTO users VALUES (x'ff'), (NULL), (CAST(x'ff' AS TEXT)); "
        "DELETE FROM users WHERE mail = 'a@example.org'; UPDATE users SET mail = 1 WHERE rowid = 2;"
        "PRAGMA user_version = 8",
    )
    found = verify(path, copy)
    lines = by_hand.as_lines(found)
    assert "users: 3 added, 1 missing, 1 changed" in lines
    assert "  - (1, 'a@example.org')" in lines
    assert "  ~ (2, 'b@example.org') -> (2, '1')" in lines
    document: dict[str, Any] = json.loads(by_hand.as_json(found))
    assert document["version"] == VERSION
    assert document["clean"] == {"rows": False, "exact": False}
    assert document["tables"]["users"]["rows"]["added"] == [
        [3, {"blob": "ff"}],
        [4, None],
        [5, "\udcff"],
    ]
    assert document["settings"] == {"user_version": {"baseline": 7, "now": 8}}
    assert by_hand.as_lines(Differences()) == ["no differences"]


def test_a_table_that_cannot_be_read_is_said_and_restored(folder: Path) -> None:
    """A damaged page of a table is a difference; it is archived, and the baseline is back."""
    path = database(folder)
    before, copy = content(path), saved(path)
    root = next(row[3] for row in before["schema"] if row[1] == "users")
    with path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xee" * 64)
    found = verify(path, copy)
    assert found.unread.keys() == {"users"}
    assert any("users: not readable" in line for line in by_hand.as_lines(found))
    assert restore(path, copy).thrown_away is not None
    assert content(path) == before


@pytest.mark.parametrize("what", ["file", "folder", "link", "dead link", "own -wal", "no folder"])
def test_a_backup_goes_nowhere_else(folder: Path, what: str) -> None:
    """Nothing is overwritten or followed, and nothing is left half made."""
    path = database(folder)
    target = folder / "target"
    mine = folder / "mine"
    mine.write_bytes(b"mine")
    if what == "file":
        target.write_bytes(b"mine")
    elif what == "folder":
        target.mkdir()
    elif what == "link":
        target.symlink_to(mine)
    elif what == "dead link":
        target.symlink_to(folder / "nowhere")
    elif what == "own -wal":
        target = folder / "app.sqlite3-wal"
    else:
        target = folder / "nowhere" / "target"
    before = leftovers(path)
    with pytest.raises(UsageError, match=target.name):
        backup(path, target)
    assert leftovers(path) == before
    assert mine.read_bytes() == b"mine"


def test_a_backup_whose_files_fail_leaves_nothing(folder: Path) -> None:
    """Whichever call the kernel refuses: one sentence, and a whole backup or none."""
    path = database(folder)
    refused = 0
    for nth in range(1, 40):
        files, target = FailingFiles(nth), folder / f"target{nth}"
        try:
            backup(path, target, files=files)
        except UsageError as error:
            refused += str(path) in str(error)
        if files.struck is None:
            break
        if target.exists():
            assert verify(path, target).clean("exact")
    assert files.struck is None
    assert refused > 5


def test_what_cannot_be_backed_up_is_said(folder: Path) -> None:
    """No file, a folder, a text, an address: one sentence each."""
    text = folder / "text"
    text.write_text("no database" * 1000)
    for name in (folder / "none", folder, text, "postgresql://localhost/x"):
        with pytest.raises(UsageError):
            backup(name, folder / "target")
    assert os.listdir(folder) == ["text"]


def cut(copy: Path) -> None:
    """Cut a page off."""
    os.truncate(copy, copy.stat().st_size - 4096)


def tear(copy: Path) -> None:
    """Cut half a page off."""
    os.truncate(copy, copy.stat().st_size - 2000)


def alter(copy: Path) -> None:
    """Write over the middle of a page."""
    with copy.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xee" * 100)


def empty(copy: Path) -> None:
    """Leave nothing."""
    os.truncate(copy, 0)


def no_database(copy: Path) -> None:
    """Write over the header."""
    copy.write_bytes(b"no database" * 5000)


def in_use(copy: Path) -> None:
    """Leave rows in a -wal beside it."""
    execute(copy, "PRAGMA journal_mode=wal")
    execute(copy, "DELETE FROM users", fold=False)


def gone(copy: Path) -> None:
    """Remove it."""
    copy.unlink()


@pytest.mark.parametrize("spoil", [cut, tear, alter, empty, no_database, in_use, gone])
def test_a_spoilt_backup_is_refused(folder: Path, spoil: Any) -> None:
    """The live database is not touched, not by a byte, and nothing is archived."""
    path = database(folder)
    copy = saved(path)
    spoil(copy)
    execute(path, DAMAGE["insert"])
    before, others = main_bytes(path), leftovers(path)
    with pytest.raises(UsageError):
        restore(path, copy, force=True)
    assert main_bytes(path) == before
    assert leftovers(path) == others


def test_values_that_constraints_would_forbid_are_no_damage(folder: Path) -> None:
    """A NULL in a NOT NULL column and a row against its CHECK were there before: they go back."""
    path = folder / "app.sqlite3"
    execute(
        path,
        "CREATE TABLE t(a NOT NULL, b CHECK (b > 0)); PRAGMA ignore_check_constraints=ON;"
        "INSERT INTO t VALUES (1, -1); PRAGMA writable_schema=ON; CREATE TABLE u(a);"
        "INSERT INTO u VALUES (NULL);"
        "UPDATE sqlite_schema SET sql = 'CREATE TABLE u(a NOT NULL)' WHERE name = 'u'",
    )
    copy = saved(path)
    execute(path, "DELETE FROM t")
    restore(path, copy)
    assert verify(path, copy).clean("exact")


OTHERS = {
    "application_id": ("PRAGMA application_id = 12", "application_id"),
    "tables": (
        "DROP TABLE bots; DROP TABLE users; CREATE TABLE a(x); CREATE TABLE b(x)",
        "0 tables of 2 and 2",
    ),
    "version and tables": (
        "DROP TABLE bots; ALTER TABLE users RENAME TO people; PRAGMA user_version = 8",
        "user_version 8 and 7",
    ),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_backup_of_another_database_needs_force(folder: Path, kind: str) -> None:
    """It is refused with the signs it was seen by; --force restores it, the archive undoes that."""
    path = database(folder)
    copy = saved(path)
    sql, sign = OTHERS[kind]
    execute(path, sql)
    before = content(path)
    with pytest.raises(UsageError, match=f"{sign}.*--force"):
        restore(path, copy)
    assert content(path) == before
    assert list_archives(path) == []
    done = restore(path, copy, force=True)
    assert verify(path, copy).clean("exact")
    assert done.thrown_away is not None
    restore(path, done.thrown_away, force=True)
    assert content(path) == before


@pytest.mark.parametrize("kind", ["wal", "rollback"])
@pytest.mark.parametrize("how", ["missing", "header", "emptied", "cut in the first page"])
def test_a_live_file_that_is_none_any_more(folder: Path, kind: str, how: str) -> None:
    """Missing or damaged beyond SQLite: it is replaced, and what was there is archived."""
    path = database(folder, kind)
    before, copy = content(path), saved(path)
    path.chmod(0o640)
    if how == "missing":
        path.unlink()
    elif how == "header":
        path.write_bytes(b"x" * 9000)
    else:
        os.truncate(path, 0 if how == "emptied" else 700)
    was = path.read_bytes() if path.exists() else b""
    done = restore(path, copy)
    assert content(path) == before
    assert (done.thrown_away is not None) == bool(was)
    if how == "header":
        assert done.how == "file_copy"
        assert done.thrown_away is not None
        assert done.thrown_away.read_bytes() == was


@pytest.mark.parametrize("damage", ["damaged", "deleted"])
def test_a_file_that_is_open_is_not_replaced(
    folder: Path,
    neighbour: Neighbour,
    damage: str,
) -> None:
    """An idle connection in rollback mode holds no lock, and is seen all the same."""
    path = database(folder)
    copy = saved(path)
    neighbour.open(path)
    if damage == "deleted":
        path.unlink()
    else:
        with path.open("r+b") as file:
            file.write(b"x" * 4096)
    others = leftovers(path)
    with pytest.raises(UsageError, match=str(neighbour.process.pid)):
        restore(path, copy)
    assert leftovers(path) == others
    neighbour.close()
    restore(path, copy)
    assert verify(path, copy).clean("exact")


@pytest.mark.parametrize("kind", ["wal", "rollback"])
def test_a_writer_is_waited_for_and_then_told(folder: Path, kind: str) -> None:
    """While another holds the write lock nothing is changed, and the sentence says why."""
    path = database(folder, kind)
    copy = saved(path)
    execute(path, DAMAGE["insert"])
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UsageError, match="another connection is at work"):
        verify(path, copy, busy_timeout_ms=1)
    with pytest.raises((UsageError, RestoreError), match="another connection is at work"):
        restore(path, copy, busy_timeout_ms=1)
    other.execute("ROLLBACK")
    other.close()
    assert not verify(path, copy).clean("rows")
    restore(path, copy)
    assert verify(path, copy).clean("exact")


def test_what_is_equal_already_is_not_written(folder: Path) -> None:
    """No archive, not a byte."""
    path = database(folder)
    copy = saved(path)
    before = main_bytes(path)
    done = restore(path, copy)
    assert (done.how, done.thrown_away) == ("", None)
    assert "already" in done.sentence(path, copy)
    assert main_bytes(path) == before
    with pytest.raises(UsageError, match="same file"):
        restore(path, path)
    with pytest.raises(UsageError, match="same file"):
        verify(path, path)


def test_the_oldest_archive_can_be_put_back(folder: Path) -> None:
    """It is not thinned out to make room for what its own restore throws away."""
    path = database(folder)
    copy = saved(path)
    states = []
    for round_ in range(5):
        execute(path, f"INSERT INTO users VALUES ('round {round_}')")
        states.append(content(path))
        restore(path, copy)
    oldest = list_archives(path)[0].path
    execute(path, "INSERT INTO users VALUES ('last')")
    done = restore(path, oldest)
    assert content(path) == states[0]
    assert oldest in [one.path for one in list_archives(path)]
    assert str(done.thrown_away) in by_hand.archives(path)
    assert by_hand.archives(path).count("UTC") == 5
    assert "no restore" in by_hand.archives(folder / "other")


def test_a_guard_at_work_is_left_alone(folder: Path) -> None:
    """While it lives a restore is refused; what a dead one meant to do is void afterwards."""
    path = database(folder)
    copy = saved(path)
    execute(path, DAMAGE["insert"])
    journal = FileJournal(path, Files())
    journal.begin({"state": CAPTURED, "backups": []})
    before = content(path)
    with pytest.raises(UsageError, match="guard is at work"):
        restore(path, copy)
    assert content(path) == before
    journal.release()
    done = restore(path, copy)
    assert done.put_away == ()
    assert "an earlier guard" in done.sentence(path, copy)
    assert not journal.path.exists()


def test_a_journal_nobody_can_read_is_named_and_stays(folder: Path) -> None:
    """People restore all the same, and are told what keeps the next guard from its work."""
    path = database(folder)
    copy = saved(path)
    execute(path, DAMAGE["insert"])
    journal = FileJournal(path, Files()).path
    journal.write_text("nonsense\n")
    done = restore(path, copy)
    assert done.damaged == str(journal)
    assert f"{journal} is damaged" in done.sentence(path, copy)
    assert verify(path, copy).clean("exact")
    assert journal.exists()


@pytest.mark.long
@pytest.mark.parametrize("how", ["through SQLite", "as a file"])
def test_killed_at_any_file_operation(folder: Path, how: str) -> None:
    """Whenever the process dies, a second restore ends at the baseline, and nothing was lost."""
    path = database(folder)
    before, copy = content(path), saved(path)
    for nth in range(1, 90):
        if how == "as a file":
            path.write_bytes(b"x" * 9000)
        else:
            execute(path, f"INSERT INTO users VALUES ('{nth}')")
        status = in_child(lambda n=nth: restore(path, copy, files=dying(n)))  # type: ignore[misc]
        restore(path, copy)
        assert content(path) == before
        if status == 0:
            break
        assert status == 9
    else:
        raise AssertionError("there was no end to the file operations")
    assert list_archives(path)


@pytest.mark.parametrize("journal", ["sound", "junk"])
def test_a_killed_pin_survives_every_look(folder: Path, journal: str) -> None:
    """Verify, backup and a refused restore fold nothing into the only copy of the baseline."""
    (folder / "other").mkdir()
    other, kept = make(folder / "other", "wal"), folder / "kept"
    backup(other, kept)
    path, before = killed_guard(folder, "wal_pin", mode="wal")
    pinned = path.read_bytes()
    left = Path(f"{path}.e2e-journal")
    written = left.read_text()
    if journal == "junk":
        left.write_text("junk\n")
    assert not verify(path, kept).clean("exact")
    backup(path, folder / "of the tests")
    with pytest.raises(UsageError, match="baseline"):
        restore(path, kept)
    assert path.read_bytes() == pinned
    left.write_text(written)
    assert recover(path) == "wal_pin"
    assert content(path) == before


def test_mode_and_owner_are_told_and_left(folder: Path) -> None:
    """They are no difference of a backup by hand, and no restore gives them to the database."""
    path = make(folder, "delete")
    copy = folder / "copy"
    backup(path, copy)
    os.chmod(path, 0o600)
    os.chmod(copy, 0o640)
    found = verify(path, copy)
    assert found.clean("exact")
    assert found.attributes == {"mode": ("0640", "0600")}
    execute(path, "DELETE FROM users")
    assert "its mode stays 0600" in restore(path, copy).sentence(path, copy)
    assert path.stat().st_mode & 0o777 == 0o600
    assert verify(path, copy).clean("exact")
