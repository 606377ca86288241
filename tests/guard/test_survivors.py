"""What the tests have started and what outlives them: waited for, ended when asked, and named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import harness
from harness.errors import RestoreError, UsageError
from harness.guard import Guard, command, recover, survivors
from harness.guard.entrance import Asked, admit, made
from harness.guard.survivors import mark_in
from harness.guard.target import target_of
from harness.system.descendants import VARIABLE
from tests.guard.test_command import MAKE, PYTHON, baseline, guarded, left_beside

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="only there the system tells who has a file open"
)
# A grandchild: its parent ends with the command. The one has the database open, the other not.
HOLDS = (
    '(exec 3<"$0"; echo >up; exec sleep 60) >/dev/null 2>&1 & echo $! >pid; '
    "until test -e up; do :; done"
)
RUNS = "sleep 60 >/dev/null 2>&1 & echo $! >pid"
# Makes a row a moment after the command has ended, and ends.
WRITES_LATE = '(exec 3<"$0"; echo >up; sleep 0.3; "$1" -c "$2" "$0") & until test -e up; do :; done'


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In a folder of its own, with little patience; whoever noted its number is killed at last."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(survivors, "KILLED_WAIT_S", 0.1)
    yield
    if Path("pid").exists():
        end(noted())


def noted() -> int:
    """The process that a script noted."""
    return int(Path("pid").read_text())


def end(pid: int) -> None:
    """Kill it, if it is there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def run(database: Path, script: str, wait_s: float = 0.1, **asked: object) -> tuple[int, str]:
    """Guard a shell's script."""
    argv = ("sh", "-c", f'"$1" -c "$2" "$0"; {script}', str(database), PYTHON, MAKE)
    return guarded(database, *argv, survivors_wait_s=wait_s, **asked)


def test_one_that_has_the_database_open_is_waited_for_and_named(folder: Path) -> None:
    """Restored all the same, but not proven: it may write. Once it is gone it can be recovered."""
    database, truth = baseline(folder)
    status, said = run(database, HOLDS)
    assert status == 125, said
    assert f"waiting up to 0.1 s for process {noted()} (" in said
    assert said.count(f"process {noted()} (") == 2
    assert "NOT proven" in said.splitlines()[-1]
    assert "sleep 60), started by the tests, still has" in said
    assert "restored by online_backup" not in said  # which would read as if all were well
    assert truth.judge(database).exact
    assert left_beside(database) != []
    with pytest.raises(RestoreError, match=rf"process {noted()} .* End it \('kill {noted()}' or"):
        recover(database)
    told: list[str] = []
    assert command.run_recover(str(database), end_survivors=True, say=told.append) == 0
    assert f"ended process {noted()} (sleep 60)" in told[0]
    assert truth.judge(database).exact
    assert left_beside(database) == []


def test_one_that_is_allowed_is_named_alone(folder: Path) -> None:
    """The command's status stands, and nothing is left beside the database."""
    database, truth = baseline(folder)
    status, said = run(database, f"{HOLDS}; exit 3", allow_survivors=True)
    assert status == 3, said
    assert f"process {noted()} (sleep 60), started by the tests, still has" in said
    assert "as allowed" in said
    assert truth.judge(database).exact
    assert left_beside(database) == []


def test_those_that_live_are_ended_when_asked(folder: Path) -> None:
    """After the wait, before the verification: what they wrote is undone, and all is proven."""
    database, truth = baseline(folder)
    status, said = run(database, HOLDS, end_survivors=True)
    assert status == 0, said
    assert f"ended process {noted()} (sleep 60)" in said
    assert truth.judge(database).exact
    assert left_beside(database) == []


def test_what_one_writes_that_ends_in_time_is_undone(folder: Path) -> None:
    """The wait comes before the verification, and ends as soon as nobody is left to wait for."""
    database, truth = baseline(folder)
    began = time.monotonic()
    argv = ("sh", "-c", WRITES_LATE, str(database), PYTHON, MAKE)
    status, said = guarded(database, *argv, survivors_wait_s=30)
    assert status == 0, said
    assert "users: 1 added" in said
    assert "still" not in said.split("waiting", 1)[1].split("\n", 1)[1]
    assert time.monotonic() - began < 15
    assert truth.judge(database).exact


def test_the_guard_of_another_container_is_not_taken_for_dead(folder: Path) -> None:
    """Its number is nobody's, or anybody's, here: what its tests have started is left alone."""
    database, _ = baseline(folder)
    with harness.guard(database):
        entries = target_of(database).journal.noted()
    here = {**entries[0], "pid": 2**22 + 1, "mark": entries[0]["mark"]}
    environment = {**os.environ, VARIABLE: here["mark"]}
    with subprocess.Popen(["sleep", "60"], env=environment) as marked:
        time.sleep(0.1)
        assert survivors.is_of_the_dead([here])
        assert not survivors.is_of_the_dead([{**here, "namespace": "pid:[1]"}])
        marked.kill()


def test_recover_leaves_alone_who_has_the_database_not_open(folder: Path) -> None:
    """A killed guard's daemon keeps the next guard from beginning; who asks gets the baseline."""
    database, truth = baseline(folder)
    first = made(target_of(database), Asked(), remark=print)
    first.begin()
    subprocess.run(["sh", "-c", f"{RUNS}; exec true"], check=True)
    first.abandon()  # as a kill would
    status, said = guarded(database, "true")
    assert (status, f"still runs, as process {noted()} (sleep 60)" in said) == (125, True), said
    told: list[str] = []
    assert command.run_recover(str(database), say=told.append) == 0
    assert f"process {noted()} (sleep 60), started by the tests, still runs, without" in told[0]
    assert truth.judge(database).exact


def test_recover_refuses_for_who_has_the_database_open(folder: Path) -> None:
    """Also when it is asked for: it would write into the baseline that is brought back."""
    database, truth = baseline(folder)
    first = made(target_of(database), Asked(), remark=print)
    first.begin()
    subprocess.run(["sh", "-c", HOLDS, str(database)], check=True)
    first.abandon()
    told: list[str] = []
    assert command.run_recover(str(database), say=told.append) == 125
    assert f"still runs, as process {noted()} (sleep 60)" in told[0]
    assert command.run_recover(str(database), end_survivors=True, say=told.append) == 0
    assert truth.judge(database).exact


def test_one_without_the_database_open_is_named_in_one_line(folder: Path) -> None:
    """It is not waited for, and the status is the command's: it may be any daemon."""
    database, truth = baseline(folder)
    status, said = run(database, RUNS, wait_s=30)
    assert status == 0, said
    (line,) = [line for line in said.splitlines() if str(noted()) in line]
    assert f"process {noted()} (sleep 60), started by the tests, still runs, without" in line
    assert truth.judge(database).exact


def test_who_was_there_before_is_not_accused(folder: Path) -> None:
    """A server that opens the database while the tests run, as it is told to, is none of theirs."""
    database, truth = baseline(folder)
    os.mkfifo("go")
    serve = 'read x <go; exec 3<"$0"; echo >up; exec sleep 60'
    with subprocess.Popen(["sh", "-c", serve, str(database)]) as server:
        status, said = run(database, "echo >go; until test -e up; do :; done")
        assert server.poll() is None
        server.kill()
    assert status == 0, said
    assert str(server.pid) not in said
    assert truth.judge(database).exact


def test_the_next_guard_refuses_while_what_a_killed_one_started_lives(folder: Path) -> None:
    """All that live, the database open or not, and their numbers for kill; nothing is touched."""
    database, truth = baseline(folder)
    guard = made(target_of(database), Asked(), remark=print)
    guard.begin()
    subprocess.run(["sh", "-c", RUNS], check=True)
    subprocess.run([PYTHON, "-c", MAKE, str(database)], check=True)
    guard.abandon()  # as a kill would
    before = sorted(folder.rglob("*"))
    status, said = guarded(database, "touch", "ran")
    assert status == 125
    assert f"process {noted()} (sleep 60)" in said
    assert "nothing was touched" in said
    assert sorted(folder.rglob("*")) == before
    status, said = guarded(database, "touch", "ran", end_survivors=True)
    assert status == 0
    assert f"ended process {noted()} (sleep 60)" in said
    assert "brought back by online_backup" in said
    assert truth.judge(database).exact


def test_what_a_recovery_runs_in_is_to_be_left(folder: Path) -> None:
    """A shell of the tests that outlived its guard is not told to end itself by name."""
    database, _ = baseline(folder)
    guard = made(target_of(database), Asked(), remark=print)
    assert guard.options.survivors is not None
    token = guard.options.survivors.mark.token
    guard.begin()
    guard.abandon()  # as a kill would
    script = (
        "import sys; from harness.guard import entrance, survivors; survivors.KILLED_WAIT_S = 0.1;"
        "entrance.recover_leftovers(sys.argv[1], end_survivors=True)"
    )
    marked = {**os.environ, VARIABLE: token}
    argv = ["sh", "-c", '"$0" -c "$1" "$2"; exit $?', PYTHON, script, str(database)]
    ended = subprocess.run(argv, env=marked, capture_output=True, text=True, check=False)
    assert "is around this one: leave it" in ended.stderr
    assert "('kill" not in ended.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only there a fork bears the mark")
def test_a_fork_of_a_killed_guard_is_no_guard(folder: Path) -> None:
    """It has inherited the lock of the journal, and is named and ended as any other survivor."""
    database, truth = baseline(folder)
    guard_pid = os.fork()
    if guard_pid == 0:
        made(target_of(database), Asked(), remark=print).begin()
        if pid := os.fork():
            Path("pid").write_text(str(pid))
            os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()
    os.waitpid(guard_pid, 0)
    with pytest.raises(RestoreError, match=f"still runs, as process {noted()} "):
        recover(database)
    told: list[str] = []
    assert command.run_recover(str(database), end_survivors=True, say=told.append) == 0
    assert f"ended process {noted()} " in told[0]
    assert truth.judge(database).exact


@pytest.mark.skipif(sys.platform != "linux", reason="only there a fork bears the mark")
def test_a_fork_keeps_no_lock_of_a_guard_that_has_ended(folder: Path) -> None:
    """Whoever finishes it later is told who lives, not that another guard is at work."""
    database, truth = baseline(folder)

    def forked() -> int:
        if pid := os.fork():
            Path("pid").write_text(str(pid))  # it is killed at last, however this ends
            while not Path("up").exists():
                time.sleep(0.001)
            return pid
        os.open(database, os.O_RDONLY)
        Path("up").touch()
        signal.pause()
        os._exit(0)

    pids = []
    with pytest.raises(RestoreError), harness.guard(database, survivors_wait_s=0.1):
        pids.append(forked())
    (pid,) = pids
    with pytest.raises(RestoreError, match=f"still runs, as process {pid} "):
        recover(database)
    end(pid)
    os.waitpid(pid, 0)
    assert recover(database) == "online_backup"
    assert truth.judge(database).exact


def test_a_block_says_the_same(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Leaving it raises and names who has the database open; allowed, the result names it."""
    database, truth = baseline(folder)
    argv = ["sh", "-c", HOLDS, str(database)]
    with pytest.raises(RestoreError) as one, harness.guard(database, survivors_wait_s=0.1):
        subprocess.run(argv, check=True)
    first = noted()
    assert f"process {first} (sleep 60), started by the tests" in str(one.value)
    assert f"waiting up to 0.1 s for process {first} " in caplog.text
    with harness.guard(database, end_survivors=True, allow_survivors=True, survivors_wait_s=0) as g:
        assert f"ended process {first} " in caplog.text
        Path("up").unlink()
        subprocess.run(argv, check=True)
    assert [one.has_it_open for one in g.result.survivors] == []  # ended
    with harness.guard(database, allow_survivors=True, survivors_wait_s=0) as g:
        Path("up").unlink()
        subprocess.run(argv, check=True)
    assert [(one.pid, one.has_it_open) for one in g.result.survivors] == [(noted(), True)]
    assert truth.judge(database).exact


def test_the_mark_is_set_for_the_tests_alone(folder: Path) -> None:
    """In the block and no longer, whichever way it ends, and never around a refused one."""
    database, _ = baseline(folder)
    seen = []
    assert VARIABLE not in os.environ
    with harness.guard(database):
        seen.append(os.environ[VARIABLE])
    assert VARIABLE not in os.environ
    with pytest.raises(ZeroDivisionError), harness.guard(database):
        seen.append(1 / 0)
    assert VARIABLE not in os.environ
    with harness.guard(database):
        seen.append(os.environ[VARIABLE])
    with pytest.raises(UsageError), harness.guard(database, signs=[database.stem]):
        pass
    assert VARIABLE not in os.environ
    assert len(set(seen)) == 2


def test_a_guard_without_entrance_marks_nothing(folder: Path) -> None:
    """What is measured is the guard alone: its journal tells of no mark, as older ones do not."""
    database, _ = baseline(folder)
    journals = []

    def entries(guard: Guard) -> list[dict[str, object]]:
        guard.begin()
        assert (VARIABLE in os.environ) == bool(guard.options.survivors)
        guard.abandon()
        found = guard.target.journal.adopt()
        guard.target.journal.release()
        recover(database)
        return found

    journals = [entries(Guard(database)), entries(made(target_of(database), Asked(), remark=print))]
    assert mark_in(journals[0]) == ""
    assert len(mark_in(journals[1])) == 32
    assert mark_in([]) == ""


def test_a_wait_is_a_number_of_seconds() -> None:
    """Less than none, without end, and no number: refused before anything is looked at."""
    for wrong in (-1.0, float("nan"), float("inf"), "1", None, True):
        with pytest.raises(UsageError, match=r"survivors_wait_s.* seconds"):
            admit(target_of("any.db"), Asked(survivors_wait_s=wrong))  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"survivors_wait_s.* seconds"):
            harness.guard("any.db", survivors_wait_s=wrong)  # type: ignore[arg-type]
