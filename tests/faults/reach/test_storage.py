from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.databases.errors import describe, is_transient
from harness.databases.sqlite.session import connect
from harness.faults.reach.storage import FULL, UNMAPPED, Strike, StrikingFiles, StrikingVfs
from tests.faults.conftest import Stage
from tests.faults.reach.writing import write_all

ERRORS = {FULL: errno.ENOSPC, UNMAPPED: errno.EIO}
CHUNKS = st.lists(st.binary(max_size=300), max_size=6)


@given(chunks=CHUNKS, after_bytes=st.integers(0, 1500), device=st.sampled_from([FULL, UNMAPPED]))
def test_a_write_fails_at_the_drawn_byte(
    chunks: list[bytes], after_bytes: int, device: Path
) -> None:
    """Up to the drawn byte everything is in the file, from there on the kernel says no."""
    data = b"".join(chunks)
    files = StrikingFiles()
    strike = Strike(device, reads=False, after_bytes=after_bytes)
    files.armed.strikes.append(strike)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy"
        error = write_all(files, path, chunks)
        assert path.read_bytes() == data[:after_bytes]
        if len(data) <= after_bytes:
            assert error is None
            assert strike.said == ""
        else:
            assert error is not None
            assert error.errno == ERRORS[device]
            assert strike.said.startswith(f"write(2) said errno {error.errno} (")
    strike.close()


@given(size_bytes=st.integers(0, 500), after_bytes=st.integers(0, 600), reads=st.booleans())
def test_a_read_fails_only_where_reads_do(size_bytes: int, after_bytes: int, reads: bool) -> None:
    """Reading beyond the drawn byte fails with EIO, or not at all where only writing fails."""
    files = StrikingFiles()
    strike = Strike(UNMAPPED, reads=reads, after_bytes=after_bytes)
    files.armed.strikes.append(strike)
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"x" * size_bytes)
        file.flush()
        descriptor = files.open(Path(file.name))
        try:
            if reads and size_bytes > after_bytes:
                with pytest.raises(OSError, match="Input/output error"):
                    files.read(descriptor, 1 << 20)
                assert strike.said.startswith("read(2) said errno 5")
            else:
                assert files.read(descriptor, 1 << 20) == b"x" * size_bytes
                assert files.read(descriptor, 1 << 20) == b""
        finally:
            files.close(descriptor)
    strike.close()


def test_two_strikes_count_on_their_own(folder: Path) -> None:
    """A strike that is not due yet does not shield the one that is, nor the other way round."""
    files = StrikingFiles()
    late, early = Strike(UNMAPPED, True, 900), Strike(FULL, False, 100)
    files.armed.strikes += [late, early]
    error = write_all(files, folder / "copy", [b"x" * 50] * 4)
    assert error is not None
    assert error.errno == errno.ENOSPC
    assert (late.said, bool(early.said)) == ("", True)
    late.close()
    early.close()


def fill(connection: apsw.Connection, rows: int) -> None:
    """Write some pages."""
    connection.execute("CREATE TABLE IF NOT EXISTS filler (a)")
    for _ in range(rows):
        connection.execute("INSERT INTO filler VALUES (zeroblob(3000))")


def through_vfs(stage: Stage, vfs: StrikingVfs) -> dict[str, Callable[[], None]]:
    """What recoveries do through SQLite: back up out of the database, and into it again."""
    copy = stage.folder / "copy"

    def pour(source: Path, target: Path) -> None:
        one = apsw.Connection(str(source), vfs=vfs.vfs_name)
        two = apsw.Connection(str(target), vfs=vfs.vfs_name)
        try:
            with two.backup("main", one, "main") as backup:
                backup.step(-1)
        finally:
            two.close()
            one.close()

    pour(stage.database, copy)
    spare = stage.folder / "spare"
    return {"out": lambda: pour(stage.database, spare), "in": lambda: pour(copy, stage.database)}


@pytest.mark.parametrize("direction", ["out", "in"])
@pytest.mark.parametrize(
    ("device", "reads", "code", "reason"),
    [
        (FULL, False, apsw.SQLITE_FULL, "disk full"),
        (UNMAPPED, False, apsw.SQLITE_IOERR_WRITE, "input/output error"),
        (UNMAPPED, True, apsw.SQLITE_IOERR_READ, "input/output error"),
    ],
)
def test_sqlite_meets_the_kernels_error(
    stage: Stage, direction: str, device: Path, reads: bool, code: int, reason: str
) -> None:
    """SQLite's backup API fails with SQLite's own code, in both journal modes; nothing is lost."""
    connection = connect(stage.database)
    fill(connection, 30)
    connection.close()
    vfs = stage.scene.vfs
    action = through_vfs(stage, vfs)[direction]
    after_bytes = 3000 if reads else 40_000
    strike = Strike(device, reads, after_bytes)
    vfs.armed.strikes.append(strike)
    with pytest.raises(apsw.Error) as failed:
        action()
    assert failed.value.extendedresult == code
    assert describe(failed.value) == (reason, code)
    assert is_transient(failed.value)
    assert f"errno {ERRORS[device]}" in strike.said
    vfs.armed.strikes.remove(strike)
    strike.close()
    assert stage.rows("SELECT count(*) FROM filler") == [(30,)]
    assert stage.rows("PRAGMA integrity_check") == [("ok",)]
    assert stage.rows("PRAGMA journal_mode") == [(stage.journal_mode,)]
    action()  # and passes when nothing is armed any more


def test_the_vfs_alone_changes_nothing(stage: Stage) -> None:
    """Unarmed it is SQLite's own: it and connections without it see each other's rows and locks."""
    with_vfs = connect(stage.database, vfs=stage.scene.vfs.vfs_name, busy_timeout_ms=0)
    without = connect(stage.database, busy_timeout_ms=0)
    with_vfs.execute("INSERT INTO users VALUES (20, 'through the VFS')")
    without.execute("INSERT INTO users VALUES (21, 'without')")
    sql = "SELECT count(*) FROM users WHERE id >= 20"
    for one, other in ((with_vfs, without), (without, with_vfs)):
        assert one.execute(sql).fetchone() == (2,)
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        one.execute("ROLLBACK")
    if stage.journal_mode == "wal":
        assert Path(f"{stage.database}-wal").stat().st_size > 0
        assert with_vfs.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)[0] == 0
    with_vfs.close()
    without.close()
