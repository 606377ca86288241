from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import RestoreError, UsageError
from harness.guard import Guard, recover
from harness.guard.sqlite.journal import SUFFIX, FileJournal
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files
from tests.guard.killing import UNFOLDED, Case, Countdown, Moment, forked
from tests.neighbour import Neighbour
from tests.recovery.helpers import content, execute, leftovers, make
from tests.small_process import SmallProcess

DEFAULT = ("wal_pin", "online_backup")
KILLED = -9
SAMPLE = 11  # of the points, every so many: where there is no time for all of them

# Chain, journal mode, what the tests do, and when at the nth operation the process is killed.
Chain = tuple[str, ...]
Series = tuple[Chain, str, str, Moment]
EVERYWHERE: list[Series] = [
    *(
        (recoveries, mode, "kept", "before")
        for recoveries, mode in (
            (("online_backup",), "wal"),
            (("online_backup",), "delete"),
            (("file_copy",), "wal"),
            (("file_copy",), "delete"),
            (("wal_pin",), "wal"),
            (DEFAULT, "wal"),
        )
    ),
    # what else tests do, and where else it is killed: each with every chain, in either mode
    (("online_backup",), "delete", "kept", "half"),
    (("file_copy",), "wal", "kept", "half"),
    (("wal_pin",), "wal", "kept", "half"),
    (("online_backup",), "wal", "removed", "before"),
    (("file_copy",), "delete", "removed", "before"),
    (("wal_pin",), "wal", "removed", "before"),  # its last step, the -wal into the main file
    (DEFAULT, "wal", "removed", "half"),
    (DEFAULT, "wal", "kept", "after"),  # the state before the next operation, seen once more
    (DEFAULT, "wal", "nothing", "before"),
]
SAMPLED: list[Series] = [
    (("online_backup",), "wal", "kept", "before"),
    (("online_backup",), "delete", "kept", "half"),
    (("file_copy",), "delete", "kept", "before"),
    (DEFAULT, "wal", "kept", "before"),
    (DEFAULT, UNFOLDED, "kept", "after"),
    (DEFAULT, "delete", "kept", "before"),
]


@pytest.fixture(scope="module")
def points() -> Iterator[list[int]]:
    """Count the points tried, and tell how many at the end (seen with -s)."""
    counted: list[int] = []
    yield counted
    print(f"\nkilled at {sum(counted)} points in {len(counted)} series")  # noqa: T201 - it is asked for


def kill_at_every(
    case: Case, run: Callable[[int], int], bring_back: Callable[[int], int], step: int
) -> int:
    """Kill ``run`` at every ``step``-th operation until it lives; how often it was killed."""
    nth, killed = step, 0
    while True:
        case.renew()
        status = run(nth)
        assert status in (0, KILLED), f"operation {nth}: the guard failed (its error is above)"
        if status == KILLED:
            killed += 1
            assert bring_back(nth) == 0, f"operation {nth}: not recovered: {case.wrong()}"
        assert not (wrong := case.wrong()), f"operation {nth}: {wrong}"
        if status == 0:
            return killed
        nth += step


def guard_killed(folder: Path, series: Series, step: int) -> int:
    """Kill a guard all along one series; ``recover`` or, every third time, a guard follows."""
    *setting, moment = series
    case = Case(folder, *setting)
    return kill_at_every(
        case,
        lambda nth: case.guarded(Countdown(nth, moment)),
        lambda nth: case.recovered(Countdown(0)) if nth % 3 else case.next_guard(),
        step,
    )


@pytest.mark.parametrize("series", SAMPLED, ids=str)
def test_killed_here_and_there(
    folder: Path, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """A guard killed at a sample of its operations leaves what brings the exact baseline back."""
    points.append(small_process.run(guard_killed, folder, series, SAMPLE))
    assert points[-1] >= 3


SHARED: list[Series] = [
    (("online_backup",), "wal", "kept", "before"),
    (("file_copy",), "delete", "kept", "after"),
]


def guard_killed_sharing(folder: Path, series: Series, step: int) -> int:
    """The same, with the second names on the same file system."""
    own = os.environ["HARNESS_STATE_DIR"]
    os.environ["HARNESS_STATE_DIR"] = str(folder / "state")
    (folder / "app").mkdir()
    try:
        return guard_killed(folder / "app", series, step)
    finally:
        os.environ["HARNESS_STATE_DIR"] = own


@pytest.mark.long
@pytest.mark.parametrize("series", SHARED, ids=str)
def test_killed_where_blocks_are_shared(
    sharing: Path, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """A backup that is a reflink is found, known and put back as any other."""
    points.append(small_process.run(guard_killed_sharing, sharing, series, 3))
    assert points[-1] >= 3


@pytest.mark.long
@pytest.mark.parametrize("series", EVERYWHERE, ids=str)
def test_killed_anywhere(
    folder: Path, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """A guard killed at any operation of a whole run, its own or SQLite's: exact, nothing left."""
    points.append(small_process.run(guard_killed, folder, series, 1))
    assert points[-1] >= 10


def killed_beside_others(folder: Path, neighbour: Neighbour, chain: Chain, step: int) -> int:
    """Kill a guard all along while another process has the database open; ``recover`` beside it."""
    case = Case(folder, chain, "wal", "kept")

    def run(nth: int) -> int:
        neighbour.open(case.database)
        neighbour.run("SELECT count(*) FROM bots")
        return case.guarded(Countdown(nth, "before"))

    def recovered() -> int:
        status = case.recovered(Countdown(0))
        assert neighbour.run("SELECT count(*) FROM bots WHERE name = 'test'") == [[0]]
        neighbour.close()
        return status

    nth, killed = step, 0
    while True:
        case.renew()
        status = run(nth)
        assert status in (0, KILLED), f"operation {nth}: the guard failed (its error is above)"
        killed += status == KILLED
        assert recovered() == 0, f"operation {nth}: not recovered: {case.wrong()}"
        assert not (wrong := case.wrong()), f"operation {nth}: {wrong}"
        if status == 0:
            return killed
        nth += step


@pytest.mark.parametrize("chain", [("wal_pin",), DEFAULT], ids=str)
def test_killed_here_and_there_beside_others(
    folder: Path, neighbour: Neighbour, chain: Chain
) -> None:
    """Somebody stays connected: killed at a sample of its operations, the baseline comes back."""
    assert killed_beside_others(folder, neighbour, chain, 2 * SAMPLE) >= 2


@pytest.mark.long
@pytest.mark.parametrize("chain", [("wal_pin",), DEFAULT], ids=str)
def test_killed_anywhere_beside_others(folder: Path, neighbour: Neighbour, chain: Chain) -> None:
    """Somebody stays connected: killed at any of its operations, the baseline comes back."""
    assert killed_beside_others(folder, neighbour, chain, 1) >= 10


def recover_killed(folder: Path, series: Series, step: int, left: Callable[[Case], int]) -> int:
    """Kill ``recover`` all along after what ``left`` leaves behind, and recover again."""
    *setting, moment = series
    case = Case(folder, *setting)

    def run(nth: int) -> int:
        assert left(case) == KILLED
        return case.recovered(Countdown(nth, moment))

    return kill_at_every(case, run, lambda _: case.recovered(Countdown(0)), step)


def after_tests(case: Case) -> int:
    """Leave a guard killed when its tests had run."""
    return case.guarded(Countdown(0), killed_after_tests=True)


RECOVERS: list[Series] = [
    (("online_backup",), "wal", "kept", "before"),
    (("online_backup",), "delete", "kept", "half"),
    (("file_copy",), "wal", "kept", "before"),
    (("wal_pin",), "wal", "kept", "before"),
    (DEFAULT, "wal", "kept", "before"),
]


@pytest.mark.parametrize("series", RECOVERS, ids=str)
def test_recover_killed_here_and_there(
    folder: Path, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """``recover`` killed at a sample of its operations can be run again."""
    points.append(small_process.run(recover_killed, folder, series, SAMPLE, after_tests))


@pytest.mark.long
@pytest.mark.parametrize("series", RECOVERS, ids=str)
def test_recover_killed_anywhere(
    folder: Path, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """``recover`` killed at any operation, its own or SQLite's, can be run again."""
    points.append(small_process.run(recover_killed, folder, series, 1, after_tests))
    assert points[-1] >= 5


def torn(case: Case) -> int:
    """Leave a guard killed within its last entry."""
    status = after_tests(case)
    with Path(f"{case.database}{SUFFIX}").open("ab") as journal:
        journal.write(b'{"state": "proven", "backups": [{"reco')
    return status


@pytest.mark.long
def test_recover_killed_after_a_torn_last_line(
    folder: Path, points: list[int], small_process: SmallProcess
) -> None:
    """A guard killed within its last entry and a recover killed while it tidies: still exact.

    The second entry must not be glued to the torn one: unread, it would ask for backups back
    that are gone.
    """
    series: Series = (("file_copy",), "delete", "kept", "before")

    points.append(small_process.run(recover_killed, folder, series, 1, torn))


def killed_guard(
    folder: Path, *recoveries: str, mode: str = "delete"
) -> tuple[Path, dict[str, object]]:
    """Leave a database with test data, backup and journal of a guard that was killed."""
    database = make(folder, mode)
    before = content(database)

    def run() -> None:
        Guard(database, recoveries=recoveries).begin()
        execute(database, "INSERT INTO bots(name) VALUES ('test')")
        os.kill(os.getpid(), 9)

    assert forked(run) == KILLED
    return database, before


def refused(database: Path, reason: str) -> None:
    """See ``recover`` and the next guard refuse for ``reason``, and nothing changed on disk."""

    def everything() -> dict[str, bytes]:
        return {p.name: p.read_bytes() for p in database.parent.iterdir() if p.is_file()}

    there = everything()
    with pytest.raises(RestoreError, match=reason):
        recover(database)
    assert everything() == there
    with pytest.raises(RestoreError, match=reason):
        Guard(database, recoveries=["file_copy"]).begin()
    assert everything() == there


@pytest.mark.parametrize("recovery", ["file_copy", "online_backup"])
@pytest.mark.parametrize("spoilt", ["truncated", "altered", "another", "missing"])
def test_a_spoilt_backup_is_refused(folder: Path, recovery: str, spoilt: str) -> None:
    """A backup that is not what was written is not put back; the live database is untouched."""
    database, _ = killed_guard(folder, recovery)
    backup = Path(f"{database}.e2e-backup")
    data = backup.read_bytes()
    (elsewhere := folder / "elsewhere").mkdir()
    reason = "altered"
    if spoilt == "truncated":
        backup.write_bytes(data[:-4096])
        reason = "bytes where"
    elif spoilt == "altered":
        backup.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif spoilt == "another":
        shutil.copyfile(make(elsewhere, "delete", rows=61), backup)
        reason = "altered|bytes where"
    else:
        backup.unlink()
        second = SecondNames(database, Files()).backup(0)
        assert second is not None
        second.unlink()
        reason = "missing"
    refused(database, reason)
    if spoilt != "missing":
        backup.write_bytes(data)  # found again: nothing was lost by having tried
        assert recover(database) == recovery


@pytest.mark.parametrize(
    ("first_line", "reason"),
    [
        ('{"version": 99, "state": "captured", "backups": []}', "another version"),
        ('{"state": "captured", "backups": []}', "another version"),
        ('{"version": 1, "state": "unheard of"}', "damaged"),
        ("\0\0\0\0", "is empty, but there is a backup"),
        ("[1]", "damaged"),
    ],
)
def test_a_journal_nobody_can_read_is_refused(folder: Path, first_line: str, reason: str) -> None:
    """A journal of another version, or an altered one, is no reason to touch anything."""
    database, _ = killed_guard(folder, "file_copy")
    journal = Path(f"{database}{SUFFIX}")
    _, *rest = journal.read_text().splitlines()
    journal.write_text("\n".join([first_line, *rest]) + "\n")
    refused(database, reason)


@pytest.mark.parametrize("name", ["app.sqlite3", "link"])
def test_two_guards_on_one_database(folder: Path, name: str) -> None:
    """The second is refused, also when it comes by a link, and the first goes on unharmed."""
    database = make(folder, "wal")
    (folder / "link").symlink_to(database)
    before = content(database)
    first = Guard(database, recoveries=["online_backup"])
    first.begin()
    execute(database, "INSERT INTO bots(name) VALUES ('test')")
    for act in (Guard(folder / name).begin, lambda: recover(folder / name)):
        with pytest.raises(UsageError, match="at work"):
            act()
    assert first.finish().ended == "restored"
    assert content(database) == before
    assert leftovers(database) == ["link"]


def test_somebody_elses_file_survives_a_killed_guard(folder: Path) -> None:
    """Killed after it refused a file in the backup's place, a guard's recovery leaves that file."""
    database = make(folder, "delete")
    theirs = Path(f"{database}.e2e-backup")
    theirs.write_text("three years of work")

    def run() -> None:
        guard = Guard(database, recoveries=["file_copy"])
        guard._trip._refuse = lambda: os.kill(os.getpid(), 9)  # type: ignore[method-assign, assignment, return-value]
        guard.begin()

    assert forked(run) == KILLED
    assert recover(database) is None
    assert theirs.read_text() == "three years of work"
    assert leftovers(database) == [theirs.name]


class Stubborn(Files):
    """The real operations, but a backup cannot be removed: the kernel says EISDIR."""

    def unlink(self, path: Path) -> None:
        """Give the kernel a folder in the backup's stead."""
        super().unlink(path.parent if path.name.endswith("-backup") else path)


def test_recover_that_fails_can_be_run_again_at_once(folder: Path) -> None:
    """A recover that cannot tidy up keeps no lock: the same process may try again."""
    database, before = killed_guard(folder, "file_copy")
    with pytest.raises(RestoreError, match="directory"):
        recover(database, files=Stubborn())
    assert recover(database) is None  # proven back already; only the tidying was left
    assert content(database) == before
    assert leftovers(database) == []


def test_a_journal_replaced_while_it_is_locked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal whose guard ended and made way for another's is not the one to act upon."""
    database, before = killed_guard(folder, "file_copy")
    journal = Path(f"{database}{SUFFIX}")
    import fcntl  # noqa: PLC0415 - patched below, where the race would strike

    real, living = fcntl.flock, FileJournal(database, Files())

    def flock(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        journal.unlink()
        living.begin({"state": "captured", "backups": []})
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    there = content(database)
    with pytest.raises(UsageError, match="at work"):
        recover(database)
    assert journal.exists()
    assert Path(f"{database}.e2e-backup").exists()
    assert content(database) == there != before
    living.end()


class Failing(Files):
    """The real operations, but the journal takes no last entry and cannot be removed."""

    def write(self, descriptor: int, data: bytes) -> None:
        """Let the kernel refuse the entry that says that the baseline is proven (EBADF)."""
        super().write(-1 if b'"proven"' in data else descriptor, data)

    def unlink(self, path: Path) -> None:
        """Give the kernel a folder in the journal's stead (EISDIR)."""
        super().unlink(path.parent if path.name.endswith(SUFFIX) else path)


def test_backups_stay_while_a_journal_asks_for_them(folder: Path) -> None:
    """A journal that can be neither ended nor removed keeps its backups: recover needs them."""
    database = make(folder, "delete")
    before = content(database)
    guard = Guard(database, recoveries=["file_copy"], files=Failing())
    guard.begin()
    execute(database, "INSERT INTO bots(name) VALUES ('test')")
    assert guard.finish().undisposed
    assert guard.result.says_clean
    assert recover(database) == "file_copy"
    assert content(database) == before
    assert leftovers(database) == []
