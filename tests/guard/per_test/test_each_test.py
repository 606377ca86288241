from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from harness.errors import BackupError, RestoreError
from harness.guard.per_test.each_test import EachTest
from harness.truth.sqlite import SqliteTruth
from tests.guard.connected import connected
from tests.recovery.helpers import DAMAGE, content, execute, make


@pytest.fixture
def each_of() -> Iterator[Any]:
    """Make EachTests that are ended whatever happens."""
    made = []

    def make_one(path: Path, **options: Any) -> EachTest:
        made.append(EachTest(path, busy_timeout_ms=50, **options))
        return made[-1]

    yield make_one
    for each in made:
        each.end()


@pytest.mark.parametrize("held", [False, True], ids=["alone", "backend connected"])
@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_every_damage_is_undone(folder: Path, each_of: Any, mode: str, held: bool) -> None:
    """Test after test comes back, whoever is connected; at the end no file and no setting stays."""
    path = make(folder, mode)
    before = content(path)
    each = each_of(path)
    each.begin()
    each.finish()
    with connected(path, "SELECT count(*) FROM bots") if held else nullcontext():
        for damage in (*DAMAGE.values(), *DAMAGE.values()):
            each.begin()
            execute(path, damage)
            each.finish()
            assert {**content(path), "journal_mode": mode} == before, damage
    each.end()
    assert content(path) == before
    assert os.listdir(folder) == [path.name]
    assert each.ways["pin"] == (1 if held else 19)
    assert bool(each.ways["pages"] and each.ways["difference"]) == held


def test_levels_nest(folder: Path, each_of: Any) -> None:
    """Inner begins come back to what the outer one seeded, the outer one to before that."""
    path = make(folder, "wal")
    before = content(path)
    each = each_of(path)
    each.begin()
    execute(path, DAMAGE["create"])
    seeded = content(path)
    for damage in DAMAGE.values():
        each.begin()
        execute(path, damage.replace("more", "yet_more"))
        each.finish()
        assert content(path) == seeded
    each.finish()
    assert content(path) == before
    each.end()
    assert os.listdir(folder) == [path.name]


def test_a_transaction_left_open_is_told(folder: Path, each_of: Any) -> None:
    """What cannot be restored is said with what to do, and never passed over."""
    path = make(folder, "wal")
    each = each_of(path)
    each.begin()
    with closing(sqlite3.connect(path)) as other:
        other.execute("DELETE FROM users")
        with pytest.raises(RestoreError, match="close every connection"):
            each.finish()


def test_no_database_no_baseline(folder: Path, each_of: Any) -> None:
    """A database that is not there is no baseline, and none is made."""
    with pytest.raises(BackupError, match="no such database"):
        each_of(folder / "missing.db").begin()
    assert os.listdir(folder) == []


def write_past(path: Path) -> None:
    """Write into the main file itself."""
    with path.open("r+b") as file:
        file.seek(5000)
        file.write(b"x")


def replace(path: Path) -> None:
    """Put an equal file in its place."""
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [write_past])
def test_a_baseline_that_is_gone_is_seen(folder: Path, each_of: Any, damage: Any) -> None:
    """A main file that was written past the pin is never called restored."""
    path = make(folder, "wal")
    each = each_of(path)
    each.begin()
    execute(path, DAMAGE["insert"])
    damage(path)
    with pytest.raises(RestoreError, match=r"written or replaced|is gone"):
        each.finish()


@pytest.mark.parametrize("damage", [replace, Path.unlink])
def test_a_baseline_that_lost_its_name_comes_back(folder: Path, each_of: Any, damage: Any) -> None:
    """Replaced or removed it is still held, also for the tests that follow."""
    path = make(folder, "wal")
    was = content(path)
    each = each_of(path)
    for _ in range(2):
        each.begin()
        execute(path, DAMAGE["insert"])
        damage(path)
        each.finish()
        assert content(path) == was


@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGKILL, "died"), (signal.SIGSTOP, "did not answer within 0.5 s")]
)
def test_a_keeper_that_cannot_answer(folder: Path, each_of: Any, number: int, told: str) -> None:
    """A keeper that was killed or stopped fails the test, in bounded time, and every later one."""
    path = make(folder, "wal")
    each = each_of(path)
    each.begin()
    each._patience_s = 0.5
    os.kill(each._keeper.pid, number)
    with pytest.raises(RestoreError, match=told):
        each.finish()
    with pytest.raises(BackupError, match="died"):
        each.begin()
    assert each._keeper.returncode == -signal.SIGKILL


def test_the_keeper_ends_with_its_parent(folder: Path) -> None:
    """After kill -9 of the tests the keeper is gone, also while a forked child holds its pipe."""
    path = make(folder, "wal")
    script = """
import os, signal, sys, time
from pathlib import Path
from harness.guard.per_test.each_test import EachTest
each = EachTest(Path(sys.argv[1]))
each.begin()
if os.fork() == 0:
    each.finish()  # the parent's: does nothing
    each.end()
    os.close(1)
    time.sleep(20)
    os._exit(0)
os.write(1, b"%d" % each._keeper.pid)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, check=False, timeout=20
    )
    assert done.returncode == -signal.SIGKILL
    pidfd = -1
    try:
        pidfd = os.pidfd_open(int(done.stdout))
    except ProcessLookupError:
        return
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    assert waiting.poll(15_000)
    os.close(pidfd)


def test_the_tests_cannot_leave_wal_mode(folder: Path, each_of: Any) -> None:
    """A test that asks for another journal mode is refused it and comes back; so does ATTACH."""
    path = make(folder, "wal")
    before = content(path)
    each = each_of(path)
    each.begin()
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("ATTACH ? AS other", (str(folder / "other.db"),))
        connection.execute("CREATE TABLE other.x AS SELECT * FROM main.bots")
        connection.execute("DELETE FROM bots")
        connection.commit()
    each.finish()
    assert content(path) == before


def test_the_truth_agrees(pristine: Path, folder: Path, each_of: Any) -> None:
    """The independent look finds the platform's baseline to be what it was."""
    path = folder / "dev.sqlite3"
    path.write_bytes(pristine.read_bytes())
    each = each_of(path)
    each.begin()
    execute(path, "DELETE FROM sqlite_sequence; PRAGMA user_version = 77")
    each.finish()
    each.end()
    assert SqliteTruth(pristine).judge(path).exact
