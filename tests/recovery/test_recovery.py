"""What every sound SQLite recovery must do."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import RecoveryRefused, RestoreError
from harness.recovery import Recovery
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.wal_pin import WalPin
from harness.registry import find, names
from tests.recovery.helpers import (
    CASES,
    DAMAGE,
    SOUND,
    FailingFiles,
    as_pages,
    content,
    dying,
    execute,
    in_child,
    leftovers,
    main_bytes,
    make,
    recovery,
)

REAL = [
    "chinook_autoincrement.sqlite",
    "northwind.db",
    "sakila.db",
    "datasette_fixtures.db",
    "wagtail_bakerydemo.sqlite3",
    "wal_database.db",
]
WITH_FILE = [case for case in CASES if case[0] is not WalPin]


def test_every_recovery_is_found_by_its_name() -> None:
    """A file in the package is a recovery that experiments can name."""
    for name in ("naive_copy", "file_copy", "online_backup", "wal_pin"):
        assert name in names("recovery")
        assert find("recovery", name).name == name
    assert "sqlite_files" not in names("recovery")


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_what_was_damaged_comes_back(
    folder: Path, kind: type[Recovery], mode: str, damage: str
) -> None:
    """After restore the database is the baseline, byte for byte or page by page."""
    path = make(folder, mode)
    before, pages = content(path), main_bytes(path)
    one = recovery(kind, path)
    one.capture()
    execute(path, DAMAGE[damage])
    assert content(path) != before
    one.restore()
    assert content(path) == before
    if kind is OnlineBackup:
        assert as_pages(main_bytes(path)) == as_pages(pages)
    else:
        assert main_bytes(path) == pages
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_a_cache_size_kept_in_the_header_comes_back(
    folder: Path, kind: type[Recovery], mode: str
) -> None:
    """What a connection writes into the header alone is found and put back, to the byte."""
    path = make(folder, mode)
    it = recovery(kind, path)
    it.capture()
    # SQLite as Python has it: apsw has no such pragma any more
    sets = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])"
    statement = "PRAGMA default_cache_size = 777"
    subprocess.run([sys.executable, "-c", sets, str(path), statement], check=True)
    assert it.differences().settings == {"default_cache_size": (0, 777)}
    it.restore()
    assert it.differences().clean("exact")
    it.dispose()
    assert main_bytes(path)[48:52] == bytes(4)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_any_number_of_times(tmp_path_factory: pytest.TempPathFactory, data) -> None:  # noqa: ANN001 - hypothesis's own
    """Restoring twice from one backup, after any damage, ends at the baseline."""
    kind, mode = data.draw(st.sampled_from(CASES))
    path = make(tmp_path_factory.mktemp("any"), mode, rows=20)
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    damages = st.lists(st.sampled_from(["insert", "update", "alter", "settings", "vacuum"]))
    for fold in (True, False):
        for damage in dict.fromkeys(data.draw(damages)):
            execute(path, DAMAGE[damage], fold=fold)
        if kind is WalPin and fold is False:
            break  # the pin ends with the restore; what follows it may be folded
        one.restore()
        assert content(path) == before
    one.dispose()


@pytest.mark.parametrize("kind", SOUND)
@pytest.mark.parametrize("name", REAL)
def test_real_databases_come_back(
    real_database,  # noqa: ANN001 - a function from name to path
    kind: type[Recovery],
    name: str,
) -> None:
    """Databases with full-text tables, broken views and deferred keys come back."""
    path = real_database(name)
    if kind is WalPin:
        execute(path, "PRAGMA journal_mode=wal")
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    captured = content(one.baseline, immutable=True)
    captured["journal_mode"] = before["journal_mode"]  # without a -wal SQLite reports another
    assert captured == before
    execute(path, "CREATE TABLE more(x); INSERT INTO more VALUES (randomblob(90000))")
    one.restore()
    assert content(path) == before
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize("another_owner", [False, True])
@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_mode_and_owner_are_kept(
    folder: Path, kind: type[Recovery], mode: str, another_owner: bool
) -> None:
    """Backup and restored file have the database's permission bits and owner."""
    path = make(folder, mode)
    path.chmod(0o640)
    if another_owner:
        if os.getuid() != 0:
            pytest.skip("only root can give files away")
        os.chown(path, 1234, 4321)
    owner = (path.stat().st_uid, path.stat().st_gid)
    one = recovery(kind, path)
    one.capture()
    execute(path, DAMAGE["insert"])
    one.restore()
    for file in (path, one.baseline):
        status = file.stat()
        assert stat.S_IMODE(status.st_mode) == 0o640
        assert (status.st_uid, status.st_gid) == owner


@pytest.mark.parametrize("make_it", ["symlink", "dangling", "file"])
@pytest.mark.parametrize(("kind", "mode"), WITH_FILE)
def test_nothing_in_the_backups_place_is_overwritten(
    folder: Path, kind: type[Recovery], mode: str, make_it: str
) -> None:
    """A link or a file that stands where the backup would go is refused and left alone."""
    path, other = make(folder, mode), folder / "precious"
    one = recovery(kind, path)
    if make_it == "file":
        one.backup.write_text("precious")
    else:
        one.backup.symlink_to(other)
        if make_it == "symlink":
            other.write_text("precious")
    with pytest.raises(RecoveryRefused, match=r"link|file"):
        one.capture()
    one.dispose()
    assert os.path.lexists(one.backup)
    assert make_it == "dangling" or one.backup.read_text() == "precious"
    assert not (make_it == "dangling" and other.exists())


def _truncate(backup: Path) -> None:
    os.truncate(backup, backup.stat().st_size - 4096)


def _alter(backup: Path) -> None:
    with backup.open("r+b") as file:
        file.seek(9000)
        byte = file.read(1)
        file.seek(9000)
        file.write(bytes([byte[0] ^ 1]))


def _link(backup: Path) -> None:
    backup.rename(backup.with_name("elsewhere"))
    backup.symlink_to(backup.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (Path.unlink, "missing"),
        (_truncate, "bytes where"),
        (_alter, "altered"),
        (_link, "no regular file"),
    ],
)
@pytest.mark.parametrize(("kind", "mode"), WITH_FILE)
def test_a_spoilt_backup_is_refused(
    folder: Path, kind: type[Recovery], mode: str, spoil: Callable[[Path], None], says: str
) -> None:
    """After a kill a backup that is missing, short, altered or a link is refused, and no more."""
    path = make(folder, mode)
    one = recovery(kind, path)
    one.capture()
    execute(path, DAMAGE["insert"], fold=False)
    files = {name: (folder / name).read_bytes() for name in os.listdir(folder) if "wal" in name}
    live = main_bytes(path)
    spoil(one.backup)
    known = one.describe()
    one.release()  # while it lives it holds the file itself
    one = recovery(kind, path)
    one.resume(known)
    with pytest.raises(RestoreError, match=says):
        one.restore()
    assert main_bytes(path) == live
    assert all((folder / name).read_bytes() == data for name, data in files.items())
    assert not [name for name in os.listdir(folder) if name.endswith((".restoring", ".part"))]


@pytest.mark.parametrize("kind", SOUND)
def test_restore_before_capture_is_refused(folder: Path, kind: type[Recovery]) -> None:
    """Without a backup there is nothing to put back, and nothing to dispose of."""
    path = make(folder, "wal")
    one = recovery(kind, path)
    with pytest.raises(RestoreError, match="captured no backup"):
        one.restore()
    one.dispose()
    with pytest.raises(RecoveryRefused, match="no such database"):
        recovery(kind, folder / "absent").capture()
    assert leftovers(path) == []


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_a_link_to_the_database_stays_a_link(folder: Path, kind: type[Recovery], mode: str) -> None:
    """A database reached through a symbolic link is restored where it really is."""
    path = make(folder, mode)
    before = content(path)
    (folder / "links").mkdir()
    link = folder / "links" / "app"
    link.symlink_to(path)
    one = recovery(kind, link)
    one.capture()
    execute(link, DAMAGE["insert"], fold=False)
    one.restore()
    assert link.is_symlink()
    assert content(path) == before


@pytest.mark.parametrize("who", ["here", "there"])
@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_others_that_read_are_not_broken(
    folder: Path,
    neighbour,  # noqa: ANN001 - another process
    kind: type[Recovery],
    mode: str,
    who: str,
) -> None:
    """With a reader in a transaction, in any process, restore is refused as busy or works."""
    path = make(folder, mode)
    before = content(path)
    one = recovery(kind, path)
    one.capture()
    execute(path, DAMAGE["insert"], fold=False)
    live = content(path)
    mine = apsw.Connection(str(path))
    run, close = lambda sql: mine.execute(sql).fetchall(), mine.close
    if who == "there":
        mine.close()
        neighbour.open(path)
        run, close = neighbour.run, neighbour.close
    run("BEGIN")
    seen = run("SELECT count(*) FROM bots")
    works = kind in (OnlineBackup, WalPin) and mode == "wal"
    if works:
        one.restore()
    else:
        with pytest.raises(apsw.BusyError):
            one.restore()
    assert run("SELECT count(*) FROM bots") == seen
    run("COMMIT")
    if not works:
        assert content(path) == live
    close()
    one.restore()
    assert content(path) == before
    one.dispose()
    assert leftovers(path) == []


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_a_writer_in_the_way_is_busy(folder: Path, kind: type[Recovery], mode: str) -> None:
    """A lock that SQLite would wait for makes restore raise BusyError, code included."""
    path = make(folder, mode)
    one = recovery(kind, path)
    one.capture()
    writer = apsw.Connection(str(path))
    writer.execute("BEGIN IMMEDIATE; INSERT INTO users VALUES ('x')").fetchall()
    with pytest.raises(apsw.BusyError) as caught:
        one.restore()
    assert caught.value.result == apsw.SQLITE_BUSY
    writer.execute("COMMIT")
    assert writer.execute("SELECT count(*) FROM users").get == 3
    writer.close()


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_every_file_operation_may_fail_once(folder: Path, kind: type[Recovery], mode: str) -> None:
    """Whatever the kernel refuses, the database is live or baseline and a retry succeeds."""
    struck: set[str] = set()
    for nth in range(1, 100):
        (place := folder / str(nth)).mkdir()
        path = make(place, mode, rows=10)
        files = FailingFiles(nth)
        one = recovery(kind, path, files=files)
        before = content(path)
        live = before
        for step in (one.capture, one.restore, one.dispose):
            if step == one.restore:
                execute(path, DAMAGE["insert"], fold=False)
                live = content(path)
            try:
                step()
            except OSError:
                assert content(path) in (live, before)
                step()
            if step == one.restore:
                assert content(path) == before
        assert leftovers(path) == []
        if files.struck is None:
            break
        struck.add(files.struck)
    assert struck >= ({"unlink", "sync"} if kind is WalPin else {"replace", "read", "sync"})


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_killed_at_any_file_operation(folder: Path, kind: type[Recovery], mode: str) -> None:
    """A process killed before any operation leaves what another can resume and restore from."""
    for nth in range(1, 100):
        (place := folder / str(nth)).mkdir()
        path, journal = make(place, mode, rows=10), place / "journal"
        before = content(path)

        def cycle(nth: int = nth, path: Path = path, journal: Path = journal) -> None:
            one = recovery(kind, path, files=dying(nth))
            journal.write_text(json.dumps(one.describe()))
            one.capture()
            journal.write_text(json.dumps(one.describe()))
            execute(path, DAMAGE["insert"], fold=False)
            one.restore()

        status = in_child(cycle)
        assert status in (0, 9)
        known = json.loads(journal.read_text())
        journal.unlink()
        after = recovery(kind, path)
        after.resume(known)
        found = content(path)
        assert found == before or len(found["rows bots"]) == 2 * len(before["rows bots"])
        if len(known) > 2:  # capture had finished
            after.restore()
        assert content(path) == before
        after.dispose()
        assert leftovers(path) == []
        if status == 0:
            break
    assert nth > 2


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_release_leaves_all_as_it_is(folder: Path, kind: type[Recovery], mode: str) -> None:
    """After release another recovery works, and the -wal and the backup are still there."""
    path = make(folder, mode)
    before = content(path)
    first = recovery(kind, path)
    first.capture()
    second = find("recovery", "file_copy")(
        path, folder / "second", files=first.files, busy_timeout_ms=20
    )
    second.capture()
    execute(path, DAMAGE["insert"], fold=False)
    there = leftovers(path)
    first.release()
    assert leftovers(path) == there
    second.restore()
    assert content(path) == before


@pytest.mark.parametrize(("kind", "mode"), WITH_FILE)
def test_a_file_that_is_put_back_has_its_mode_and_times(
    folder: Path, kind: type[Recovery], mode: str
) -> None:
    """As the database had them when it was backed up, taken from the backup's own file."""
    path = make(folder, mode)
    path.chmod(0o640)
    os.utime(path, ns=(10**18, 10**18 + 5))
    one = recovery(kind, path)
    one.capture()
    known = one.describe()
    assert not {"mode", "uid", "gid", "backup"} & known.keys()
    path.unlink()
    again = recovery(kind, path)
    again.resume(known)
    again.restore()
    assert path.stat().st_mode & 0o7777 == 0o640
    assert path.stat().st_mtime_ns == 10**18 + 5
    again.dispose()
