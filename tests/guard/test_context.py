from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

import harness
from harness.cleanup.sql import SqlCleanup
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard import Guard, protocol
from harness.steps import Entity

PYTHON = sys.executable


@pytest.fixture
def path(folder: Path) -> Path:
    """A database with one row."""
    made = folder / "dev.sqlite3"
    with closing(apsw.Connection(str(made))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)")
    return made


def add(path: Path, number: int = 2) -> None:
    """Leave a row, as tests do."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("INSERT INTO t VALUES (?)", (number,))


def rows(path: Path) -> list[int]:
    """Every row there is."""
    with closing(apsw.Connection(str(path))) as connection:
        return [int(row[0]) for row in connection.execute("SELECT id FROM t ORDER BY id")]


def beside(path: Path) -> list[str]:
    """What a guard left beside its database, archives aside."""
    return [name for name in os.listdir(path.parent) if "e2e" in name and "archive" not in name]


def locked(path: Path) -> apsw.Connection:
    """A connection that keeps everybody from writing."""
    holder = apsw.Connection(str(path))
    holder.execute("BEGIN IMMEDIATE")
    return holder


def test_a_block_leaves_the_database_as_it_was(path: Path) -> None:
    """What the block left is named, archived and gone; the same object serves again."""
    guarded = harness.guard(path)
    for _ in range(2):
        with guarded as g:
            add(path)
            assert g.database == path
        assert (g.result.ended, g.result.restored_by) == ("restored", "online_backup")
        assert g.result.found is not None
        assert g.result.found.sentences() == ["t: 1 added, 0 missing, 0 changed"]
        assert rows(path) == [1]
        assert beside(path) == []
    assert len(list(path.parent.glob("*.e2e-archive-*"))) == 2
    with harness.guard(path, archives=False):
        add(path)
    assert len(list(path.parent.glob("*.e2e-archive-*"))) == 2


def test_an_asyncio_block_leaves_the_database_as_it_was(path: Path) -> None:
    """``async with`` does the same."""

    async def tests() -> str:
        async with harness.guard(str(path)) as g:
            add(path)
        return g.result.ended

    assert asyncio.run(tests()) == "restored"
    assert rows(path) == [1]


@pytest.mark.parametrize("cleanup", ["by_difference", "shell", "tracked"])
def test_each_kind_of_cleanup(path: Path, cleanup: str) -> None:
    """By difference, by a shell's command line and by an object: each makes a restore needless."""
    delete = (
        "import apsw, os; apsw.Connection(os.environ['HARNESS_DATABASE'])"
        ".execute('DELETE FROM t WHERE id = 2')"
    )
    named = {"shell": f'{PYTHON} -c "{delete}"', "tracked": SqlCleanup()}
    with harness.guard(path, cleanup=named.get(cleanup, cleanup)) as g:
        add(path)
        g.track([Entity("t", (("id", 2),))])
    assert g.result.report is not None
    assert g.result.report.ok, g.result.report.sentences()
    assert g.result.ended == "cleaned"
    assert rows(path) == [1]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_the_blocks_own_error_goes_on(path: Path, kind: type[BaseException]) -> None:
    """An error or Ctrl-C in the block: the baseline is back before it is raised, without a note."""

    def tests() -> None:
        with harness.guard(path):
            add(path)
            raise kind("mine")

    with pytest.raises(kind) as caught:
        tests()
    assert not hasattr(caught.value, "__notes__")
    assert rows(path) == [1]


@pytest.mark.parametrize("error", [None, ValueError("mine")])
def test_what_cannot_be_restored_is_raised(path: Path, error: ValueError | None) -> None:
    """A lock that stays: RestoreError with what puts it right, or a note on the block's error."""
    holders: list[apsw.Connection] = []
    guarded = harness.guard(path, busy_timeout_ms=10)

    def tests() -> None:
        with guarded:
            add(path)
            holders.append(locked(path))
            if error is not None:
                raise error

    with pytest.raises(RestoreError if error is None else ValueError) as caught:
        tests()
    holders[0].close()
    said = str(caught.value) if error is None else caught.value.__notes__[0]
    assert "NOT proven" in said
    assert f"harness recover --database {path}" in said
    assert guarded.result.ended == "dirty"
    with guarded as g:
        assert g.recovered is not None
        assert "brought back by online_backup" in g.recovered
        assert rows(path) == [1]


def test_an_unforeseen_error_is_told_as_not_proven(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever finish raises, the caller hears RestoreError, and the next guard brings it back."""

    def broken(self: Guard) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(protocol.Guard, "finish", broken)
    with pytest.raises(RestoreError, match="a defect"), harness.guard(path):
        add(path)
    monkeypatch.undo()
    with harness.guard(path):
        assert rows(path) == [1]


def test_what_must_not_be_guarded_is_refused(path: Path) -> None:
    """Production by the user's own word, no file, a wrong chain, an address: no block runs."""
    for options in ({"signs": "dev"}, {"recoveries": []}, {"recoveries": ["online_backp"]}):
        with pytest.raises(UsageError), harness.guard(path, **options):  # type: ignore[arg-type]
            raise AssertionError("ran")
    with pytest.raises(UsageError), harness.guard(path.with_name("none")):
        raise AssertionError("ran")
    with pytest.raises(UsageError):
        harness.guard("oracle://host/db")
    with (
        pytest.raises(BackupError),
        harness.guard(path.with_name("e.db"), recoveries="wal_pin", i_know=True),
    ):
        raise AssertionError("ran")
    with harness.guard(path, signs=["dev"], i_know=True):
        pass


@pytest.fixture(autouse=True)
def _rollback_mode_beside(folder: Path) -> None:
    with closing(apsw.Connection(str(folder / "e.db"))) as connection:
        connection.execute("CREATE TABLE t(x)")


def test_one_database_one_guard(path: Path) -> None:
    """A second guard, nested, or of another thread, is refused; the first one ends well."""
    refused: list[str] = []

    def second() -> None:
        try:
            with harness.guard(path):
                raise AssertionError("ran")
        except UsageError as error:
            refused.append(str(error))

    with harness.guard(path) as g:
        add(path)
        second()
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(20)
        with pytest.raises(UsageError), g:
            raise AssertionError("ran")
    assert len(refused) == 2
    assert "already guarded in this process" in refused[0]
    assert (g.result.ended, rows(path)) == ("restored", [1])


def test_a_function_is_guarded_each_time(path: Path) -> None:
    """As a decorator, of plain and async functions; a generator is refused."""

    @harness.guard(path)
    def plain(number: int) -> list[int]:
        add(path, number)
        return rows(path)

    @harness.guard(path)
    async def slow(number: int) -> list[int]:
        add(path, number)
        return rows(path)

    assert plain(2) == [1, 2]
    assert plain(3) == [1, 3]
    assert asyncio.run(slow(4)) == [1, 4]
    assert rows(path) == [1]
    with pytest.raises(UsageError, match="generator"):

        @harness.guard(path)
        def several() -> object:
            yield 1


# In a process of its own: that another SQLite library is loaded must be nobody else's business.
SQLITE3 = """
import asyncio, sqlite3, sys
import harness
from harness.errors import RestoreError, UsageError
path = sys.argv[1]
with harness.guard(path) as g:
    left = sqlite3.connect(path)
    left.execute("INSERT INTO t VALUES (2)")
    left.commit()
print(g.result.ended, g.result.restored_by, left.execute("SELECT count(*) FROM t").fetchone()[0])
try:
    with harness.guard(path): print("ran")
except UsageError as error:
    print("sqlite3 has it open" in str(error))
left.close()
try:
    with harness.guard(path):
        left = sqlite3.connect(path)
        left.execute("INSERT INTO t VALUES (3)")  # a transaction that stays open
except RestoreError as error:
    print("another process" in str(error))
left.close()
async def tests():
    elsewhere = sqlite3.connect(":memory:")
    async with harness.guard(path, recoveries=["wal_pin"], i_know=True) as g:
        print(g.recovered is not None)
        import apsw
        apsw.Connection(path).execute("INSERT INTO t VALUES (4)")
    print(g.result.restored_by, g.result.found.sentences(), g.result.failures)
asyncio.run(tests())
"""


def test_pythons_sqlite3_open_at_the_end_is_no_trouble(path: Path) -> None:
    """What it has open another process restores beside it, or says why not; elsewhere is nothing.

    A connection to another database, made in the loop's thread, sends nobody to a process.
    """
    done = subprocess.run(
        [PYTHON, "-c", SQLITE3, str(path)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "restored online_backup 1", "True", "True", "True",
        "wal_pin ['t: 1 added, 0 missing, 0 changed'] []",
    ], done.stderr  # fmt: skip
    assert (rows(path), beside(path)) == ([1], [])


LOOP_GONE = """
import asyncio, os, signal, sys, threading, time
import apsw, harness
from harness.guard.protocol import Guard
path = sys.argv[1]
real = Guard.finish
inside, patience = threading.Event(), time.sleep
def slow(self):
    inside.set()
    patience(0.5)  # the loop ends meanwhile
    return real(self)
Guard.finish = slow
async def tests():
    async with harness.guard(path):
        apsw.Connection(path).execute("INSERT INTO t VALUES (2)")
async def main():
    left = asyncio.create_task(tests())
    await asyncio.to_thread(inside.wait)
    if sys.argv[2] == "interrupted":
        raise KeyboardInterrupt
if sys.argv[2] == "closed":
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main())
    loop.close()
else:
    asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["ended", "interrupted", "closed"])
def test_a_loop_that_ends_first_breaks_nothing_off(path: Path, how: str) -> None:
    """The thread finishes its work with the journal held, whatever becomes of loop and tasks."""
    done = subprocess.run(
        [PYTHON, "-c", LOOP_GONE, str(path), how],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (rows(path), beside(path)) == ([1], []), done.stderr


PIN_DROPPED = """
import sqlite3, sys
import harness
from harness.errors import RestoreError
path, *recoveries = sys.argv[1:]
try:
    with harness.guard(path, recoveries=recoveries, i_know=True) as g:
        for number in (2, 3):  # the first that closes drops the locks, the second folds the -wal
            one = sqlite3.connect(path)
            one.execute("INSERT INTO t VALUES (?)", (number,))
            one.commit()
            one.close()
    print(g.result.restored_by)
except RestoreError as error:
    print("no longer holds the baseline" in str(error))
"""


@pytest.mark.parametrize(
    ("recoveries", "said"),
    [(["wal_pin"], "True"), (["wal_pin", "online_backup"], "online_backup")],
)
def test_a_pin_that_sqlite3_dropped_proves_nothing(
    path: Path, recoveries: list[str], said: str
) -> None:
    """Its library drops the pin's locks in here: that is seen, and the next of the chain restores.

    Nothing is restored where there is no other, and it is said.
    """
    done = subprocess.run(
        [PYTHON, "-c", PIN_DROPPED, str(path), *recoveries],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stdout.split() == [said], done.stderr
    assert rows(path) == ([1] if "online_backup" in recoveries else [1, 2, 3])


@pytest.mark.parametrize(
    "wrong",
    [{"cleanup": 3}, {"cleanup": print}, {"grade": "row"}, {"busy_timeout_ms": "1"},
     {"busy_timeout_ms": -1}, {"busy_timeout_ms": 2**40}],
    ids=str,
)  # fmt: skip
def test_a_wrong_option_is_refused_at_once(path: Path, wrong: dict[str, Any]) -> None:
    """Not when the tests have run and the database is dirty; the sentence names the option."""
    with pytest.raises(UsageError, match=f"^{next(iter(wrong))}="):
        harness.guard(path, **wrong)


def test_what_cannot_be_a_path(path: Path) -> None:
    """Is refused by a sentence; bytes, as os functions take them, are a path."""
    for odd in ("a\0b", "x" * 5000):
        with pytest.raises(UsageError, match=r"cannot be the path|is too long"):
            harness.guard(odd)
    with harness.guard(os.fsencode(path)):
        add(path)
    assert rows(path) == [1]


def test_a_forked_child_finishes_nothing(path: Path) -> None:
    """A child that leaves the block, by its end or an error, leaves the guard to its parent."""
    with harness.guard(path) as g:
        add(path)
        for error in (None, ValueError("child")):
            child = os.fork()
            if child == 0:  # nothing of pytest may run on in here
                g.__exit__(None, error, None)
                os._exit(rows(path) != [1, 2])
            assert os.waitpid(child, 0)[1] == 0
    assert (g.result.ended, rows(path)) == ("restored", [1])


STRUCK = """
import os, signal, sys
import apsw, harness
from harness.guard.protocol import Guard
path, step = sys.argv[1:]
real = getattr(Guard, step)
def struck(self):
    os.kill(os.getpid(), signal.SIGINT)
    done = real(self)
    print(step, "ran to its end", flush=True)
    return done
setattr(Guard, step, struck)
try:
    with harness.guard(path):
        print("block", flush=True)
        apsw.Connection(path).execute("INSERT INTO t VALUES (2)")
except KeyboardInterrupt:
    print("raised", flush=True)
"""


@pytest.mark.parametrize(("step", "ran"), [("begin", False), ("finish", True)])
def test_ctrl_c_in_the_guards_own_steps(path: Path, step: str, ran: bool) -> None:
    """It waits until the step is done, the baseline is proven, and only then it is raised."""
    done = subprocess.run(
        [PYTHON, "-c", STRUCK, str(path), step],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    words = [f"{step} ran to its end", "raised"]
    assert done.stdout.splitlines() == (["block", *words] if ran else words), done.stderr
    assert rows(path) == [1]
    assert beside(path) == []


class Slow:
    """Makes one step of the guard wait until it is let go, for a while at most."""

    def __init__(self, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.let_go, self.ended = (threading.Event() for _ in range(3))
        real = getattr(protocol.Guard, step)

        def slow(guard: Guard) -> object:
            self.began.set()
            assert self.let_go.wait(20)
            done = real(guard)
            self.ended.set()
            return done

        monkeypatch.setattr(protocol.Guard, step, slow)


@pytest.mark.parametrize("step", ["begin", "finish"])
def test_the_loop_goes_on(path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the guard is at work a task of the loop runs: it is what lets the guard go on."""
    slow = Slow(step, monkeypatch)

    async def tick() -> int:
        ticks = 0
        while ticks < 20 or not slow.began.is_set():
            await asyncio.sleep(0.001)
            ticks += 1
        slow.let_go.set()
        return ticks

    async def tests() -> str:
        ticking = asyncio.create_task(tick())
        async with harness.guard(path) as g:
            add(path)
        assert await ticking >= 20
        return g.result.ended

    assert asyncio.run(asyncio.wait_for(tests(), 30)) == "restored"


@pytest.mark.parametrize(("step", "ran"), [("begin", False), ("finish", True)])
def test_a_cancellation_waits(
    path: Path, step: str, ran: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled twice in a step of the guard, the task ends cancelled and the baseline is back."""
    slow = Slow(step, monkeypatch)
    seen: list[str] = []

    async def tests() -> None:
        async with harness.guard(path):
            seen.append("block")
            add(path)

    async def main() -> bool:
        task = asyncio.create_task(tests())
        while not slow.began.is_set():
            await asyncio.sleep(0.001)
        for _ in range(2):
            task.cancel()
            await asyncio.sleep(0.005)
        assert not task.done()
        slow.let_go.set()
        await asyncio.wait({task}, timeout=20)
        return task.cancelled()

    assert asyncio.run(main())
    assert slow.ended.is_set()
    assert bool(seen) == ran
    assert (rows(path), beside(path)) == ([1], [])


def test_a_cancelled_block_is_restored(path: Path) -> None:
    """A deadline that strikes in the block: restored, then raised as the deadline."""

    async def tests() -> None:
        async with asyncio.timeout(0.01), harness.guard(path):
            add(path)
            await asyncio.sleep(20)

    with pytest.raises(TimeoutError):
        asyncio.run(tests())
    assert (rows(path), beside(path)) == ([1], [])


def test_another_loop_than_asyncios_is_refused(path: Path) -> None:
    """Driven by hand, as trio would, ``async with`` says what to write instead."""

    async def tests() -> None:
        async with harness.guard(path):
            raise AssertionError("ran")

    with pytest.raises(UsageError, match="asyncio only"):
        tests().send(None)


def test_a_killed_block_is_made_good_by_the_next(path: Path) -> None:
    """SIGKILL in the block; the next one brings the baseline back before it begins, and says so."""
    script = (
        "import os, sys, apsw, harness\n"
        "with harness.guard(sys.argv[1]):\n"
        "    apsw.Connection(sys.argv[1]).execute('INSERT INTO t VALUES (2)')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([PYTHON, "-c", script, str(path)], check=False, timeout=30)
    assert done.returncode == -signal.SIGKILL
    assert rows(path) == [1, 2]
    with harness.guard(path) as g:
        assert g.recovered is not None
        assert rows(path) == [1]


@pytest.mark.parametrize("recovery", ["online_backup", "file_copy", "wal_pin"])
def test_what_a_block_removes_comes_back(path: Path, recovery: str) -> None:
    """A glob over the database takes backup and journal along, and the baseline comes back."""
    path.chmod(0o640)
    with harness.guard(path, recoveries=[recovery], i_know=True):
        add(path)
        for found in path.parent.glob(f"{path.name}*"):
            found.unlink()
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute("CREATE TABLE another(x)")
    assert rows(path) == [1]
    if recovery != "online_backup":  # which writes into whatever database it finds
        assert path.stat().st_mode & 0o777 == 0o640
    assert beside(path) == []


def test_a_pin_that_lost_its_name_is_rescued(path: Path) -> None:
    """Where it cannot be copied back, as somebody has the other file open, it becomes a backup."""
    holder: list[apsw.Connection] = []

    @harness.guard(path, recoveries=["wal_pin"], busy_timeout_ms=10, i_know=True)
    def tests() -> None:
        for found in path.parent.glob(f"{path.name}*"):
            found.unlink()
        holder.append(locked(path))
        holder[0].execute("CREATE TABLE another(x)")

    with pytest.raises(RestoreError, match="harness recover"):
        tests()
    holder[0].close()
    with harness.guard(path) as g:
        assert rows(path) == [1]
    assert g.recovered is not None
    assert beside(path) == []
