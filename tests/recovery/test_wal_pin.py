"""The pin: the main file stays the baseline, whatever others do."""

from __future__ import annotations

import json
import os
from pathlib import Path

import apsw
import pytest

from harness import registry
from harness.databases import Differences
from harness.errors import RecoveryRefused, RestoreError
from harness.faults.reach.sqlite.vfs import StrikingVfs
from harness.faults.reach.storage import UNMAPPED, Strike
from harness.recovery.wal_pin import WalPin
from harness.system.files import Files
from tests.recovery.helpers import (
    DAMAGE,
    content,
    execute,
    in_child,
    leftovers,
    make,
    recovery,
)

MANY = "INSERT INTO bots(body) SELECT randomblob(3000) FROM bots a, bots b LIMIT 1200"


def _bytes(path: Path) -> bytes:
    """The main file's bytes read by another process: a close here would drop the pin's locks."""
    out = path.with_name("copy")

    def copy() -> None:
        out.write_bytes(path.read_bytes())

    assert in_child(copy) == 0
    data = out.read_bytes()
    out.unlink()
    return data


@pytest.mark.parametrize("pinned", [True, False])
def test_no_checkpoint_reaches_the_main_file(folder: Path, neighbour, pinned: bool) -> None:  # noqa: ANN001 - another process
    """A neighbour that writes, checkpoints and closes changes no byte; without the pin it does."""
    path = make(folder, "wal")
    before = _bytes(path)
    one = recovery(WalPin, path)
    if pinned:
        one.capture()
    neighbour.open(path)
    neighbour.run("PRAGMA busy_timeout=20")
    for _ in range(2):  # past the automatic checkpoint at 1000 pages
        neighbour.run(MANY)
        if pinned:
            with pytest.raises(RuntimeError, match="BusyError"):
                neighbour.checkpoint()
        neighbour.run("PRAGMA wal_checkpoint(RESTART)")
    neighbour.close()
    assert (_bytes(path) == before) is pinned
    if pinned:
        assert len(content(path)["rows bots"]) > 2000
        assert _bytes(path) == before
        one.restore()
        assert _bytes(path) == before
        assert leftovers(path) == []


def test_untouched_is_proven_only_while_nothing_can_hold_a_change(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
) -> None:
    """A write of anybody's ends it, one that was rolled back afterwards does not begin it again."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    assert not one.untouched()
    one.capture()
    assert one.untouched()
    neighbour.open(path)
    neighbour.run("SELECT count(*) FROM bots")
    assert one.untouched()
    neighbour.run("INSERT INTO bots(body) VALUES ('test')")
    assert not one.untouched()
    neighbour.close()
    one.restore()
    assert not one.untouched()  # nothing is pinned any more


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("how", ["removed", "another", "written"])
def test_a_file_that_is_not_what_was_pinned_proves_nothing(
    folder: Path, suffix: str, how: str
) -> None:
    """Whichever of the three files it is: gone, another of the same bytes, or written in place."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    one.capture()

    def harm() -> None:
        file = Path(f"{path}{suffix}")
        data = file.read_bytes()
        if how == "written":
            with file.open("r+b") as opened:
                opened.write(b"x" if suffix == "-wal" else data[:1])
                os.fsync(opened.fileno())
        else:
            file.unlink()
            if how == "another":
                file.write_bytes(data)

    assert in_child(harm) == 0
    # a lock's page says nothing of content; and an empty -wal is as good as another one
    same = (suffix, how) in {("-shm", "written"), ("-wal", "another")}
    assert one.untouched() is same
    one.release()


def test_an_empty_wal_in_the_place_of_a_written_one_proves_nothing(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
) -> None:
    """What was committed to the one that was removed would be folded in as the pin is given up."""
    path = make(folder, "wal")
    before = content(path)
    one = recovery(WalPin, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("INSERT INTO users VALUES ('test')")
    neighbour.close()
    wal = folder / "app.sqlite3-wal"
    wal.unlink()
    wal.touch()
    assert not one.untouched()
    one.restore()
    one.dispose()
    assert content(path) == before


def test_a_transaction_under_way_proves_nothing(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """It has written nothing yet, and commits a moment later; one that only reads is no matter."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("BEGIN; SELECT * FROM users")
    assert one.untouched()
    neighbour.run("COMMIT; BEGIN IMMEDIATE; INSERT INTO users VALUES ('test')")
    assert not one.untouched()
    neighbour.run("ROLLBACK")
    assert one.untouched()
    one.dispose()


def test_rollback_mode_is_refused(folder: Path) -> None:
    """Without WAL mode there is nothing to pin; nothing is changed or left."""
    path = make(folder, "delete")
    with pytest.raises(RecoveryRefused, match="needs WAL mode"):
        recovery(WalPin, path).capture()
    assert leftovers(path) == []
    execute(path, "INSERT INTO users VALUES ('free')")


def test_a_reader_of_the_wal_is_busy(folder: Path) -> None:
    """While somebody reads from the -wal it cannot be emptied: busy, and nothing is pinned."""
    path = make(folder, "wal")
    reader, writer = apsw.Connection(str(path)), apsw.Connection(str(path))
    writer.execute("INSERT INTO users VALUES ('x')")
    reader.execute("BEGIN; SELECT * FROM users").fetchall()
    writer.execute("INSERT INTO users VALUES ('y')")
    one = recovery(WalPin, path)
    with pytest.raises(apsw.BusyError):
        one.capture()
    reader.close()
    writer.close()
    assert leftovers(path) == []


@pytest.mark.parametrize("who", ["here", "there"])
def test_others_connected_at_restore(folder: Path, neighbour, who: str) -> None:  # noqa: ANN001 - another process
    """They see the baseline, again and again; pinned all along: no checkpoint, no close folds."""
    path = make(folder, "wal")
    before, pages = content(path), _bytes(path)
    one = recovery(WalPin, path)
    one.capture()
    if who == "here":
        mine = apsw.Connection(str(path))
        run, close = lambda sql: mine.execute(sql).fetchall(), mine.close
    else:
        neighbour.open(path)
        run, close = neighbour.run, neighbour.close
    for _ in range(2):
        run(MANY)
        one.restore()
        assert [list(row) for row in run("SELECT count(*) FROM bots")] == [[59]]
        assert content(path) == before
        assert one.differences() == Differences()
    run("INSERT INTO users VALUES ('still writing')")
    assert one.differences() != Differences()
    run("PRAGMA wal_checkpoint(TRUNCATE)")
    if who == "there":
        assert _bytes(path) == pages
    close()
    assert _bytes(path) == pages
    one.restore()
    assert content(path) == before
    one.dispose()
    assert leftovers(path) == []


def test_a_writer_among_others_is_busy(folder: Path, neighbour) -> None:  # noqa: ANN001 - another process
    """Nothing is restored into a transaction of somebody else's; once it ends it is."""
    path = make(folder, "wal")
    before = content(path)
    one = recovery(WalPin, path)
    one.capture()
    neighbour.open(path)
    neighbour.run("BEGIN IMMEDIATE")
    neighbour.run("INSERT INTO users VALUES ('late')")
    with pytest.raises(apsw.BusyError):
        one.restore()
    neighbour.run("COMMIT")
    assert one.differences() != Differences()
    one.restore()
    assert content(path) == before
    one.dispose()
    neighbour.close()
    assert leftovers(path) == []


@pytest.mark.parametrize("damage", DAMAGE)
def test_whatever_others_did_goes_while_they_stay(folder: Path, damage: str, neighbour) -> None:  # noqa: ANN001 - another process
    """Rows, schema, settings, pages given up: their next statement sees the baseline's."""
    path = make(folder, "wal")
    before = content(path)
    names = "SELECT name, sql FROM sqlite_schema ORDER BY name"
    neighbour.open(path)
    schema = neighbour.run(names)
    one = recovery(WalPin, path)
    one.capture()
    for statement in filter(None, map(str.strip, DAMAGE[damage].split(";"))):
        neighbour.run(statement)
    assert one.differences() != Differences()
    one.restore()
    assert one.differences() == Differences()
    assert neighbour.run(names) == schema
    assert neighbour.run("SELECT count(*) FROM bots") == [[59]]
    neighbour.run("CREATE TABLE again(x)")  # the very number that the tests' own schema had
    assert neighbour.run("SELECT count(*) FROM again") == [[0]]
    one.restore()
    one.dispose()
    neighbour.close()
    assert content(path) == before
    assert leftovers(path) == []


@pytest.mark.parametrize("at", [0.1, 0.6, 0.95])
def test_a_disk_that_fails_half_way_changes_nothing(folder: Path, at: float) -> None:
    """Beside others the pages are one transaction: EIO within it leaves the live state, pinned."""
    path = make(folder, "wal", rows=600)
    before = content(path)
    vfs = StrikingVfs()
    one = recovery(WalPin, path, vfs=vfs.vfs_name)
    one.capture()
    other = apsw.Connection(str(path))
    other.execute("INSERT INTO users VALUES ('test')")
    live = content(path)
    strike = Strike(UNMAPPED, reads=True, after_bytes=int(at * path.stat().st_size))
    vfs.armed.strikes.append(strike)
    with pytest.raises(apsw.IOError):
        one.restore()
    vfs.armed.strikes.clear()
    strike.close()
    assert strike.said
    assert content(path) == live
    one.restore()
    assert content(path) == before
    one.dispose()
    other.close()
    assert leftovers(path) == []


def test_dispose_keeps_what_the_tests_left(folder: Path) -> None:
    """Without a restore the -wal is folded: the database is what SQL made of it."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    one.capture()
    execute(path, DAMAGE["insert"])
    live = content(path)
    one.dispose()
    assert leftovers(path) == []
    assert content(path) == live


@pytest.mark.parametrize("end", ["dispose", "release"])
def test_the_end_leaves_locks_of_others_here_alone(folder: Path, neighbour, end: str) -> None:  # noqa: ANN001 - another process
    """A writer of this process keeps its lock on the -shm when the pin is given up."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    one.capture()
    writer = apsw.Connection(str(path))
    writer.execute("BEGIN IMMEDIATE; INSERT INTO users VALUES ('x')").fetchall()
    getattr(one, end)()
    neighbour.open(path)
    with pytest.raises(RuntimeError, match="BusyError"):
        neighbour.run("BEGIN IMMEDIATE")
    writer.execute("COMMIT")
    neighbour.run("PRAGMA wal_checkpoint(TRUNCATE)")
    neighbour.close()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        one.capture()
        getattr(one, end)()
    assert len(os.listdir("/proc/self/fd")) <= descriptors + 1
    writer.close()


def _crash(path: Path) -> dict[str, object]:
    """Pin and write in a process that then dies; what its journal knew."""
    journal = path.with_name("journal")

    def die() -> None:
        one = recovery(WalPin, path)
        one.capture()
        journal.write_text(json.dumps(one.describe()))
        execute(path, DAMAGE["insert"], fold=False)
        os._exit(9)

    assert in_child(die) == 9
    known: dict[str, object] = json.loads(journal.read_text())
    journal.unlink()
    return known


def test_resume_pins_again(folder: Path) -> None:
    """After a crash the pin is taken again: looking at the database folds nothing."""
    path = make(folder, "wal")
    before, pages = content(path), _bytes(path)
    known = _crash(path)
    one = recovery(WalPin, path)
    one.resume(known)
    assert content(path) != before  # opened, read and closed as the last connection
    assert _bytes(path) == pages
    one.restore()
    assert content(path) == before


@pytest.mark.parametrize("what", ["folded", "replaced", "gone"])
def test_resume_refuses_a_main_file_that_changed(folder: Path, what: str) -> None:
    """What somebody wrote, replaced or removed after the crash is not called the baseline."""
    path = make(folder, "wal")
    known = _crash(path)
    if what == "folded":
        execute(path, "SELECT 1 FROM users")
    elif what == "replaced":
        data = path.read_bytes()
        path.rename(folder / "old")
        path.write_bytes(data)
    else:
        path.unlink()
    one = recovery(WalPin, path)
    there = leftovers(path)
    with pytest.raises(RestoreError, match=r"was written or replaced|is gone"):
        one.resume(known)
    assert leftovers(path) == there
    with pytest.raises(RestoreError):
        one.restore()


def test_a_main_file_written_past_the_pin_is_refused(folder: Path) -> None:
    """Who writes the file without SQLite is noticed before the -wal is thrown away."""
    path = make(folder, "wal")
    one = recovery(WalPin, path)
    one.capture()
    execute(path, DAMAGE["insert"])
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    wal = (folder / "app.sqlite3-wal").stat().st_size
    with pytest.raises(RestoreError, match="was written or replaced"):
        one.restore()
    assert (folder / "app.sqlite3-wal").stat().st_size == wal > 0
    one.dispose()


def test_nothing_is_copied(folder: Path) -> None:
    """Capture writes no byte of the database's, whatever its size."""
    path = make(folder, "wal", rows=5000)
    one = recovery(WalPin, path)
    one.capture()
    sizes = {name: (folder / name).stat().st_size for name in leftovers(path)}
    assert sizes == {"app.sqlite3-wal": 0, "app.sqlite3-shm": 32768}
    one.dispose()


@pytest.mark.parametrize("end", ["dispose", "restore", "release"])
def test_no_descriptor_is_kept_when_nobody_else_is_connected(folder: Path, end: str) -> None:
    """Thousands of cycles in one process: capture and its end leave no open descriptor."""
    database = folder / "db"
    connection = apsw.Connection(str(database))
    connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE t (a)").fetchall()
    connection.close()

    def cycle() -> int:
        recovery = registry.find("recovery", "wal_pin")(database, folder / "x", files=Files())
        recovery.capture()
        writer = apsw.Connection(str(database))
        writer.execute("INSERT INTO t VALUES (1)")
        writer.close()
        getattr(recovery, end)()
        recovery.release()
        return len(os.listdir("/proc/self/fd"))

    before = len(os.listdir("/proc/self/fd"))
    assert [cycle() for _ in range(5)] == [before] * 5
