"""Pages of the file and of the -wal."""

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.databases.sqlite import pages
from harness.databases.sqlite.pages import (
    Image,
    newest_frames,
    pages_apart,
    wal_state,
)
from harness.databases.sqlite.session import connect
from tests.databases.guarded import COUNT
from tests.databases.sqlite.tables import (
    copied,
    image,
    made,
)


def test_pages_apart_are_exactly_those_written(folder: Path) -> None:
    """Of files of several chunks the changed pages are named, and those only one file has."""
    filler = f"CREATE TABLE f(v); {COUNT.format(700)} INSERT INTO f SELECT zeroblob(4000) FROM n"
    one = made(folder / "x.db", filler)
    shutil.copyfile(folder / "x.db", folder / "y.db")
    size = (folder / "x.db").stat().st_size
    with (folder / "y.db").open("r+b") as file:
        for number in (3, 300, 600):
            file.seek(number * 4096 - 1)
            file.write(b"!")
        file.seek(size)
        file.write(bytes(4096))
    other = connect(folder / "y.db")
    assert pages_apart(one, other, 4096, (size, size + 4096)) == {3, 300, 600, size // 4096 + 1}
    assert pages_apart(one, one, 4096, (size, size)) == set()


@given(commits=st.lists(st.integers(1, 2000), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_pages_read_through_the_wal_are_what_sqlite_reads(folder: Path, commits: list[int]) -> None:
    """After any commits every page, WAL first, is the page of a checkpointed copy."""
    for path in folder.iterdir():
        path.unlink()
    with closing(made(folder / "x.db")) as connection:
        connection.pragma("journal_mode", "wal")
        for row in commits:
            connection.execute("UPDATE t SET v = v || 'x' WHERE rowid >= ?", (row,))
        state = wal_state(connection)
        assert state is not None
        assert (state.frames > 0) == bool(commits)
        live = Image(connection, 4096, newest_frames(connection, state, 4096))
        with closing(copied(connection, folder / "y.db")) as copy:
            whole = image(copy)
            count = copy.pragma("page_count")
            assert all(live.page(n) == whole.page(n) for n in range(2, count + 1))


def test_the_wal_of_another_state_is_told_apart(folder: Path) -> None:
    """A log begun anew, a longer log and no log at all are different states."""
    connection = made(folder / "x.db")
    states = [wal_state(connection)]
    connection.pragma("journal_mode", "wal")
    states.append(wal_state(connection))
    for _ in range(2):
        connection.execute("UPDATE t SET v = 1 WHERE rowid = 1")
        states.append(wal_state(connection))
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    connection.execute("UPDATE t SET v = 2 WHERE rowid = 1")
    states.append(wal_state(connection))
    assert None not in states
    assert len(set(states)) == 5


def test_only_what_the_file_system_cannot_vouch_for_is_read(
    sharing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a reflink one page in a hundred thousand is read, and it is the one that was written."""
    live, was = sharing / "live.db", sharing / "was.db"
    connection = apsw.Connection(str(live))
    connection.execute("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(8000000))")
    connection.close()
    subprocess.run(["cp", "--reflink=always", str(live), str(was)], check=True)
    with live.open("r+b") as file:
        file.seek(1000 * 4096 + 17)
        file.write(b"garbled")
    one, other = (
        apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY) for path in (was, live)
    )
    for each in (one, other):
        each.execute("SELECT * FROM sqlite_schema").fetchall()  # opens the file
    sizes = was.stat().st_size, live.stat().st_size
    pieces = list(pages._pieces_apart(one, other, 4096, sizes[0]))
    assert pages.pages_apart(one, other, 4096, sizes) == {1001}
    assert sum(amount for _, amount in pieces) <= 1 << 16
    # nobody vouches: the same is found, and all is read
    monkeypatch.setattr(pages.extents, "apart", lambda one, other: None)
    assert pages.pages_apart(one, other, 4096, sizes) == {1001}
    whole = sum(amount for _, amount in pages._pieces_apart(one, other, 4096, sizes[0]))
    assert whole == sizes[0]
    one.close()
    other.close()
