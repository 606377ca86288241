from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.databases.sqlite.session import connect
from harness.errors import UsageError
from harness.guard import command
from harness.guard.command import run_recover
from harness.guard.entrance import recover_leftovers
from harness.guard.sqlite import archive
from harness.guard.sqlite.second_names import SecondNames
from harness.system.files import Files
from harness.truth.sqlite import SqliteTruth
from harness.workloads import JournalMode
from tests.guard import test_protocol
from tests.guard.test_protocol import Raising, make_rows
from tests.pipes import line_of
from tests.recovery.helpers import content, make

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
# Makes one user, as tests would; nothing but SQLite, to start at once.
MAKE = """
import apsw, sys
c = apsw.Connection(sys.argv[1])
columns = [name for _, name, *_ in c.execute("PRAGMA table_info(users)") if name != "id"]
taken = [f"'new' || {name}" if name == "email" else name for name in columns]
c.execute(f"INSERT INTO users ({','.join(columns)}) SELECT {','.join(taken)} FROM users LIMIT 1")
c.close()
"""
# Makes rows, says so, and ends by itself with 0 only after a minute.
LONG = MAKE + "print('made', flush=True)\nimport time\ntime.sleep(60)\n"
# Signals in the guard's own steps: before the command, and twice while it restores.
STRUCK = """
import os, signal, sys
from harness.guard import command
from harness.guard.protocol import Guard
from harness.guard.trip import Trip
step, number = sys.argv[1], int(sys.argv[2])
of = Guard if hasattr(Guard, step) else Trip
real = getattr(of, step)
def struck(self, *arguments):
    os.kill(os.getpid(), number)
    os.kill(os.getpid(), number)
    return real(self, *arguments)
setattr(of, step, struck)
sys.exit(command.run_guarded(sys.argv[3], sys.argv[4:], say=lambda s: print(s, file=sys.stderr)))
"""


@cache
def image(journal_mode: JournalMode) -> bytes:
    """Build a small platform database once for all tests."""
    with tempfile.TemporaryDirectory() as folder:
        return test_protocol.baseline(Path(folder), journal_mode)[0].read_bytes()


def baseline(folder: Path, journal_mode: JournalMode = "wal") -> tuple[Path, SqliteTruth]:
    """Give a copy of a small platform database and the truth about it."""
    pristine, database = folder / "pristine", folder / "work" / "api_db_dev.sqlite3"
    database.parent.mkdir()
    for path in (pristine, database):
        path.write_bytes(image(journal_mode))
    return database, SqliteTruth(pristine)


def guarded(database: Path, *argv: str, **options: object) -> tuple[int, str]:
    """Run a command guarded in this process; its status and what was said."""
    said: list[str] = []
    status = command.run_guarded(database, argv, say=said.append, **options)  # type: ignore[arg-type]
    return status, "\n".join(said)


def rows_of(database: Path) -> int:
    """Count the users."""
    connection = connect(database)
    try:
        return int(connection.execute("SELECT count(*) FROM users").fetchone()[0])  # type: ignore[index]
    finally:
        connection.close()


def start(database: Path, *argv: str, options: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start a guard of its own process group."""
    return subprocess.Popen(
        [PYTHON, "-m", "harness", "guard", "--database", str(database), *options, "--", *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def left_beside(database: Path) -> list[Path]:
    """List what a guard left beside its database, but for the archives it is meant to leave."""
    return [p for p in database.parent.glob("*e2e*") if ".e2e-archive-" not in p.name]


def test_what_a_restore_throws_away_is_kept(folder: Path) -> None:
    """The archive holds what the tests left; there is none where none is wanted."""
    database, truth = baseline(folder)
    status, said = guarded(database, PYTHON, "-c", MAKE, str(database))
    assert status == 0, said
    (kept,) = database.parent.glob("*.e2e-archive-*")
    assert f"what was there is kept as {kept.name}" in said
    assert not truth.judge(kept).rows
    assert truth.judge(database).exact
    kept.unlink()
    status, said = guarded(database, PYTHON, "-c", MAKE, str(database), archives=False)
    assert status == 0, said
    assert not list(database.parent.glob("*e2e*"))


def test_what_cannot_be_kept_is_not_thrown_away(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no archive can be made the live database stays as it is, and the backup too: 125."""
    database, truth = baseline(folder)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive, "keep", full)
    status, said = guarded(database, PYTHON, "-c", MAKE, str(database))
    assert status == 125, said
    assert "NOT proven" in said
    assert "archive" in said
    assert not truth.judge(database).rows
    monkeypatch.undo()
    say: list[str] = []
    assert run_recover(str(database), say=say.append) == 0, say
    assert truth.judge(database).exact


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_the_baseline_comes_back_without_a_word_of_configuration(
    folder: Path, journal_mode: JournalMode
) -> None:
    """Rows that the tests made are named and gone, exact, and nothing is left beside."""
    database, truth = baseline(folder, journal_mode)
    status, said = guarded(database, PYTHON, "-c", MAKE, str(database))
    assert status == 0, said
    assert "users: 1 added" in said
    assert "restored by online_backup" in said
    assert truth.judge(database).exact
    assert not left_beside(database)


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["/etc/passwd"], 126),
        (["no-such-command"], 127),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["sh", "-c", "kill -KILL $$"], 137),
    ],
)
def test_the_commands_status_passes_and_the_database_is_proven(
    folder: Path, argv: list[str], status: int
) -> None:
    """Also a command that cannot be run leaves a proven database; quiet says only errors."""
    database, truth = baseline(folder)
    got, said = guarded(database, *argv, quiet=True, json_path=folder / "how.json")
    assert got == status
    assert bool(said) == (status in (126, 127))
    document = json.loads((folder / "how.json").read_text())
    assert (document["status"], document["proven"]) == (status, True)
    assert truth.judge(database).exact


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_while_the_tests_run(folder: Path, number: signal.Signals) -> None:
    """Sent to the guard alone, it ends the command; the status is a shell's, the baseline back."""
    database, truth = baseline(folder)
    guard = start(
        database, "sh", "-c", f"{PYTHON} -c '{MAKE}' {database}; echo made; exec sleep 60"
    )
    assert line_of(guard) == "made\n"
    time.sleep(0.1)  # so that it is sleep that is struck; without, sh is, which is as good
    guard.send_signal(number)
    _, said = guard.communicate(timeout=30)
    assert guard.returncode == 128 + number, said
    assert "proven back" in said
    assert truth.judge(database).exact


@pytest.mark.parametrize(
    ("step", "status", "ran"),
    [("begin", 143, False), ("finish", 0, True), ("restore", 0, True), ("_dispose", 0, True)],
)
def test_signals_in_the_guards_own_steps(folder: Path, step: str, status: int, ran: bool) -> None:
    """Told to end twice in a step of its own, the guard still proves its database first."""
    database, truth = baseline(folder)
    argv = [PYTHON, "-c", MAKE, str(database)]
    number = str(int(signal.SIGTERM))
    done = subprocess.run(
        [PYTHON, "-c", STRUCK, step, number, str(database), *argv],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    assert ("users: 1 added" in done.stderr) == ran
    assert truth.judge(database).exact
    assert not left_beside(database)


def killed(database: Path, *options: str) -> None:
    """Kill a guard, and its command with it, in the middle of the tests."""
    guard = start(database, PYTHON, "-c", LONG, str(database), options=options)
    assert line_of(guard) == "made\n"
    os.killpg(guard.pid, signal.SIGKILL)
    guard.communicate(timeout=20)


def test_the_next_guard_finishes_what_a_killed_one_began(folder: Path) -> None:
    """After kill -9 the next guard says that it brought the baseline back, before its command."""
    database, truth = baseline(folder)
    before = rows_of(database)
    killed(database)
    assert rows_of(database) == before + 1
    count = (
        f"import apsw, sys; c = apsw.Connection({str(database)!r});"
        f"sys.exit(c.execute('SELECT count(*) FROM users').fetchone()[0] != {before})"
    )
    status, said = guarded(database, PYTHON, "-c", count)
    assert status == 0, said
    assert "a guard of" in said
    assert "brought back by online_backup" in said
    assert truth.judge(database).exact


def test_recover_says_what_it_did(folder: Path) -> None:
    """Once it brings the baseline back, then there is nothing to do; a wrong path is status 2."""
    database, truth = baseline(folder)
    killed(database)
    said: list[str] = []
    assert command.run_recover(str(database), say=said.append) == 0
    assert "brought back by online_backup" in said[0]
    assert truth.judge(database).exact
    assert command.run_recover(str(database), say=said.append) == 0
    assert "nothing to do" in said[1]
    with pytest.raises(UsageError, match="no such file"):
        command.run_recover(str(folder / "other"), say=said.append)


def test_what_cannot_be_recovered_keeps_the_next_command_from_running(folder: Path) -> None:
    """With the backup cut short both say 125, name the command, and the next tests do not run."""
    database, _ = baseline(folder)
    killed(database, "--recovery", "online_backup")
    backup = database.with_name(database.name + ".e2e-backup")
    whole = backup.read_bytes()
    backup.write_bytes(whole[:-1])
    told = folder / "told.json"
    told.write_text('{"proven": true}')  # of an earlier run
    status, said = guarded(database, "touch", str(folder / "ran"), json_path=told)
    assert (status, (folder / "ran").exists()) == (125, False)
    assert f"harness recover --database {database}" in said
    document = json.loads(told.read_text())
    assert (document["status"], document["proven"]) == (125, False)
    assert "could not be brought back" in document["why_not_run"]
    assert command.run_recover(str(database), say=lambda _: None) == 125
    backup.write_bytes(whole)
    assert command.run_recover(str(database), say=lambda _: None) == 0


def test_a_dirty_end_is_125_and_the_command_it_names_puts_it_right(folder: Path) -> None:
    """A background process of the tests holds the lock: not proven; later recover works."""
    database, truth = baseline(folder)
    hold = (
        MAKE + "import time\nc = apsw.Connection(sys.argv[1])\nc.execute('BEGIN IMMEDIATE')\n"
        "print('held', flush=True)\ntime.sleep(60)"
    )
    keep = f'"$0" -c "$1" {database} >{folder}/held 2>&1 & echo $! >{folder}/pid;'
    wait = f"until grep -q . {folder}/held; do sleep 0.02; done"
    status, said = guarded(database, "sh", "-c", keep + wait, PYTHON, hold, busy_timeout_ms=20)
    os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
    assert status == 125, said
    assert "NOT proven" in said
    [line] = [line for line in said.splitlines() if "harness recover" in line]
    words = line.removeprefix("guard:").split()[1:]
    done = subprocess.run([PYTHON, "-m", "harness", *words], cwd=ROOT, check=False, timeout=20)
    assert done.returncode == 0
    assert not left_beside(database)
    assert truth.judge(database).exact


def test_no_backup_no_command(folder: Path) -> None:
    """When nothing can be backed up: 125, the reason, and the command has not run."""
    database, truth = baseline(folder, "delete")
    ran = folder / "ran"
    status, said = guarded(database, "touch", str(ran), recoveries=["wal_pin"], i_know=True)
    assert (status, ran.exists()) == (125, False)
    assert "wal_pin" in said
    assert truth.judge(database).exact


def test_an_error_while_the_tests_run_still_restores(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is raised in the guard itself, the database is put back before it goes on."""
    database, truth = baseline(folder)

    def interrupted(self: object, argv: object, announce: object) -> None:
        make_rows(database)
        raise KeyboardInterrupt

    monkeypatch.setattr(command.Signals, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        guarded(database, "true")
    assert truth.judge(database).exact


def test_a_cleanup_that_fails_is_told_and_made_good(folder: Path) -> None:
    """The cleanup's failure is said; the restore makes the command's status stand."""
    database, truth = baseline(folder)
    argv = (PYTHON, "-c", MAKE, str(database))
    status, said = guarded(database, *argv, cleanup=Raising())
    assert status == 0
    assert "cleanup: Everything: failed" in said
    assert truth.judge(database).exact


@pytest.mark.parametrize("word", ["by_difference", "exit 3"])
def test_the_cleanups_that_the_command_line_names(folder: Path, word: str) -> None:
    """By difference needs no restore; a command that fails is followed by one."""
    database, truth = baseline(folder)
    status, said = guarded(database, PYTHON, "-c", MAKE, str(database), cleanup=word)
    assert status == 0, said
    assert ("no restore was needed" in said) == (word == "by_difference"), said
    assert truth.judge(database).exact


def test_mistakes_are_refused_before_anything_runs(folder: Path) -> None:
    """A wrong database, recovery or file for the document is a usage error, and nothing ran."""
    database, _ = baseline(folder)
    ran = folder / "ran"
    mistakes: list[tuple[object, dict[str, object]]] = [
        (folder / "nowhere", {}),
        ("postgresql://host/db", {}),
        (database, {"recoveries": ["online_backp"]}),
        (database, {"recoveries": ["file_copy", "file_copy"]}),
        (database, {"recoveries": []}),
        (database, {"json_path": folder}),
        (database, {"json_path": folder / "no" / "where.json"}),
    ]
    for place, options in mistakes:
        with pytest.raises(UsageError):
            guarded(place, "touch", str(ran), **options)  # type: ignore[arg-type]
    assert not ran.exists()
    assert not left_beside(database)


def test_nobody_listening_does_not_keep_the_guard_from_its_work(folder: Path) -> None:
    """A closed standard error and a document that cannot be written change no status."""
    database, truth = baseline(folder)

    def deaf(line: str) -> None:
        raise BrokenPipeError

    argv = [PYTHON, "-c", MAKE, str(database)]
    assert command.run_guarded(database, argv, say=deaf) == 0
    assert truth.judge(database).exact
    full = Path("/proc/self/attr/current")  # a folder nobody can make files in
    status, said = guarded(database, "true", json_path=full)
    assert (status, "cannot be written" in said) == (0, True)


@pytest.mark.parametrize("spoilt", ["emptied", "junk"])
@pytest.mark.parametrize("beside", [True, False])
def test_what_is_given_up_becomes_an_archive(folder: Path, spoilt: str, *, beside: bool) -> None:
    """Also where nobody can read the journal, and the backup has but its second name."""
    database, truth = baseline(folder)
    killed(database)
    Path(f"{database}.e2e-journal").write_text("" if spoilt == "emptied" else "junk\n")
    if not beside:
        Path(f"{database}.e2e-backup").unlink()
    said: list[str] = []
    assert command.run_recover(str(database), say=said.append) == 125
    assert ".backup" in said[0] or "e2e-backup" in said[0]
    assert command.run_recover(str(database), discard=True, say=said.append) == 0
    (kept,) = database.parent.glob("*.e2e-archive-*")
    assert kept.name in said[-1]
    assert truth.same(kept)
    assert guarded(database, "true")[0] == 0
    assert left_beside(database) == []


def test_what_is_pending_is_listed(folder: Path) -> None:
    """Every database that a killed guard left, with the command that brings it back."""
    database, _ = baseline(folder)
    killed(database)
    said: list[str] = []
    assert command.run_recover(None, say=said.append) == 0
    assert any(f"harness recover --database {database}" in line for line in said)
    assert command.run_recover(str(database), say=said.append) == 0
    said.clear()
    command.run_recover(None, say=said.append)
    assert not any(str(database) in line for line in said)
    with pytest.raises(UsageError, match="--discard is of one database"):
        command.run_recover(None, discard=True, say=said.append)


@pytest.mark.parametrize("recovery", ["online_backup", "wal_pin"])
def test_the_folder_one_stands_in_is_removed(folder: Path, recovery: str) -> None:
    """A relative path still says which database it is, and the baseline is back."""
    (place := folder / "place").mkdir()
    path = make(place, "wal")
    before = content(path)
    harm = "rm -rf ../place"
    done = subprocess.run(
        [PYTHON, "-m", "harness", "guard", "--recovery", recovery, "--i-know",
         "--database", path.name, "--", "sh", "-c", harm],
        cwd=place, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert content(path) == before


def test_what_is_lost_is_archived_once_at_the_most(folder: Path) -> None:
    """Where nothing can be put back, nothing is about to be thrown away either."""
    database, _ = baseline(folder)
    killed(database, "--recovery", "online_backup")
    Path(f"{database}.e2e-backup").write_bytes(b"")
    for _ in range(2):
        assert guarded(database, "true")[0] == 125
    assert not list(database.parent.glob("*.e2e-archive-*"))


def test_a_deleted_database_can_be_given_up(folder: Path) -> None:
    """What was backed up is archived once, and nothing stays pending."""
    database, truth = baseline(folder)
    killed(database)
    database.unlink()
    assert command.run_recover(str(database), discard=True, say=lambda _: None) == 0
    (kept,) = database.parent.glob("*.e2e-archive-*")
    assert truth.same(kept)
    assert left_beside(database) == []


def test_a_proven_end_whose_folder_is_gone_is_over(folder: Path) -> None:
    """Nothing is made again for a guard that had only its files to remove."""
    (place := folder / "place").mkdir()
    database, _ = baseline(place)
    killed(database)
    second = SecondNames(database, Files()).journal
    assert second is not None
    with second.open("a") as journal:
        journal.write(json.dumps({"state": "proven", "backups": []}) + "\n")
    shutil.rmtree(database.parent)
    assert recover_leftovers(database) is not None
    assert not second.exists()
    assert not database.parent.exists()


def test_a_strangers_file_is_no_backup(folder: Path) -> None:
    """A link in the backup's place is neither read nor archived when the guard is given up."""
    database, _ = baseline(folder)
    killed(database)
    secret = folder / "secret"
    secret.write_text("secret")
    names = SecondNames(database, Files())
    second, backup = names.backup(0), Path(f"{database}.e2e-backup")
    assert second is not None
    second.unlink()
    backup.unlink()
    backup.symlink_to(secret)
    assert command.run_recover(str(database), discard=True, say=lambda _: None) == 0
    assert not list(database.parent.glob("*.e2e-archive-*"))
    assert secret.read_text() == "secret"


def test_a_refusal_says_so_to_programs(folder: Path) -> None:
    """And names no command: nothing is pending."""
    database, _ = baseline(folder)
    Path(f"{database}-wal").write_bytes(b"x" * 5000)
    database.write_bytes(b"")
    told = folder / "told.json"
    status, _ = guarded(database, "true", json_path=told)
    document = json.loads(told.read_text())
    assert (status, document["ended"], document["by_hand"]) == (125, "refused", None)
