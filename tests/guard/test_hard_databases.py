"""The guard as people use it, on databases that are hard to read, to compare or to put back."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from harness.cli import cli
from harness.truth.sqlite import SqliteTruth
from tests.guard.damage import damage
from tests.guard.hard_databases import ONLY_THE_APPLICATION_READS, SQLITE_READS

ROOT = Path(__file__).resolve().parents[2]
DAMAGE = ROOT / "tests" / "guard" / "damage.py"
ALL = SQLITE_READS | ONLY_THE_APPLICATION_READS
# What rows written by SQL cannot put back, and what the guard's restore then does.
NOT_BY_DIFFERENCE = (
    "rowid names taken",
    "missing collation",
    "missing collation, without rowid",
    "missing function, generated",
    "missing function, check and index",
)
# One statement in a connection that has the guarded database attached to another one.
ATTACHED = """
import apsw, sys
c = apsw.Connection(":memory:")
c.execute("ATTACH ? AS guarded", (sys.argv[1],))
c.execute("CREATE TABLE own (a); INSERT INTO own SELECT a FROM guarded.loose")
c.execute("DELETE FROM guarded.loose; INSERT INTO guarded.users (email) VALUES ('t@x')")
print("2 done")
"""
MAKES_A_TABLE = "import apsw, sys; apsw.Connection(sys.argv[1]).execute('CREATE TABLE t (a)')"
INSERTS = (
    "import apsw, sys; apsw.Connection(sys.argv[1]).execute('INSERT INTO t VALUES (x\\'00\\')')"
)
GB = 1_000_000_000


def made(name: str, folder: Path) -> tuple[Path, SqliteTruth]:
    """Build a hard database, and the truth about a copy with everything folded in."""
    database, copy = folder / "work" / "hard.sqlite3", folder / "copy"
    database.parent.mkdir()
    ALL[name](database)
    for suffix in ("", "-wal", "-journal"):
        if Path(f"{database}{suffix}").exists():
            shutil.copyfile(f"{database}{suffix}", f"{copy}{suffix}")
    with closing(apsw.Connection(str(copy))) as connection:
        connection.pragma("user_version")  # rolls back what is hot; closing folds a -wal in
    return database, SqliteTruth(copy)


def guard(database: Path, *argv: str, options: tuple[str, ...] = ()) -> tuple[dict[str, Any], str]:
    """Guard a command by the command line; what is said to programs, and standard output."""
    told = database.parent.parent / "told.json"
    line = [sys.executable, "-m", "harness", "guard", "--database", str(database), *options]
    line += ["--no-archive", "--json", str(told), "--", *argv]
    ended = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode == 0, ended.stderr
    assert f"{database} is proven back at its baseline" in ended.stderr
    return json.loads(told.read_text()), ended.stdout


def said(*argv: object) -> tuple[int, str]:
    """Run one verb of the command line; its status and what it printed."""
    result = CliRunner().invoke(cli, [str(one) for one in argv])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, result.output


def must_be_back(database: Path, truth: SqliteTruth) -> None:
    """Fail unless the independent truth finds every page's content and nothing beside it."""
    judgement = truth.judge(database)
    assert judgement.exact, judgement.differences
    assert judgement.left_behind == ()
    truth.release()


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_whatever_the_tests_did_is_undone(name: str, folder: Path) -> None:
    """Rows, tables, columns and settings are damaged; every page is the baseline's again."""
    database, truth = made(name, folder)
    told, output = guard(database, sys.executable, str(DAMAGE), str(database), "everything")
    assert int(output.split()[0]) > 1
    assert told["ended"] == "restored"
    must_be_back(database, truth)


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
def test_the_cleanup_by_difference(name: str, folder: Path) -> None:
    """Rows are damaged: the cleanup puts them back where SQL can, the restore where it cannot."""
    database, truth = made(name, folder)
    by_difference = ("--cleanup", "by_difference")
    argv = (sys.executable, str(DAMAGE), str(database), "rows")
    told, output = guard(database, *argv, options=by_difference)
    assert int(output.split()[0]) > 1
    assert told["ended"] == ("restored" if name in NOT_BY_DIFFERENCE else "cleaned"), told
    must_be_back(database, truth)


@pytest.mark.parametrize("name", ALL)
def test_by_hand(name: str, folder: Path) -> None:
    """Back up, damage, verify, restore, verify, each by its own command."""
    database, truth = made(name, folder)
    backup = folder / "kept"
    assert said("backup", database, backup)[0] == 0
    assert said("verify", database, backup) == (0, "no differences\n")
    assert damage(str(database), everything=True) > 1
    assert said("verify", database, backup)[0] == 1
    # forced: the damage changed the application's mark as well, by which it would be refused
    status, text = said("restore", "--force", database, backup)
    assert status == 0, text
    assert said("verify", database, backup) == (0, "no differences\n")
    for kept in database.parent.glob("*.e2e-archive-*"):
        kept.unlink()
    must_be_back(database, truth)


def test_what_could_not_be_read_is_said_by_table(folder: Path) -> None:
    """A table that needs the application's collation is named; the others are compared."""
    database, truth = made("missing collation, without rowid", folder)
    assert said("backup", database, folder / "kept")[0] == 0
    assert damage(str(database), everything=False) > 1
    status, text = said("verify", database, folder / "kept")
    assert status == 1
    assert "named: not readable: SQLError: no query solution" in text
    assert "loose: " in text
    found = json.loads(said("verify", "--json", database, folder / "kept")[1])
    assert list(found["unread"]) == ["named"]
    assert "loose" in found["tables"]
    truth.release()


def test_attached(folder: Path) -> None:
    """Tests that attach the database to one of their own leave nothing either."""
    database, truth = made("free pages", folder)
    told, _ = guard(database, sys.executable, "-c", ATTACHED, str(database))
    assert told["found"]["tables"]["loose"]["missing"] > 1
    must_be_back(database, truth)


def test_an_empty_file(folder: Path) -> None:
    """A file of no bytes is a database without tables, and is one again."""
    database = folder / "work" / "empty.sqlite3"
    database.parent.mkdir()
    database.touch()
    guard(database, sys.executable, "-c", MAKES_A_TABLE, str(database))
    with closing(apsw.Connection(str(database))) as connection:
        assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == []


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("name", ["triggers that swallow", "triggers that raise"])
def test_no_trigger_comes_between(name: str, recursive: bool, folder: Path) -> None:
    """Triggers of every kind that undo every write undo no row that the cleanup puts back."""
    database, truth = made(name, folder)
    script = (
        "import apsw, sys; c = apsw.Connection(sys.argv[1]);"
        "c.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0);"
        f"c.pragma('recursive_triggers', {recursive});"
        "c.execute(\"DELETE FROM kept WHERE id = 1; UPDATE kept SET v = 'x' WHERE id = 2;"
        "INSERT INTO kept VALUES (9, 'y')\")"
    )
    argv = (sys.executable, "-c", script, str(database))
    told, _ = guard(database, *argv, options=("--cleanup", "by_difference"))
    assert told["ended"] == "cleaned"
    assert told["cleanup"]["removed"] == {"kept": 3}
    must_be_back(database, truth)


@pytest.mark.long
def test_a_gigabyte(tmp_path: Path) -> None:
    """1 GB is byte for byte back after one INSERT, but for the header's counters of changes.

    With wal_pin, which never writes the main file, the counters as well.
    """
    if shutil.disk_usage(tmp_path).free < 4 * GB:
        pytest.skip("needs 4 GB of free disk")
    database = tmp_path / "work" / "large.sqlite3"
    database.parent.mkdir()
    try:
        with closing(apsw.Connection(str(database))) as connection:
            connection.execute("PRAGMA page_size = 65536; PRAGMA synchronous = OFF")
            connection.execute("PRAGMA journal_mode = OFF; CREATE TABLE t (b)").fetchall()
            body = bytes(range(256)) * (20_000_000 // 256)
            for _ in range(50):
                connection.execute("INSERT INTO t VALUES (?)", (body,))
            connection.pragma("journal_mode", "wal")
        assert database.stat().st_size > GB * 0.99
        before = _digests(database)
        for recovery in ("wal_pin", "online_backup"):
            argv = (sys.executable, "-c", INSERTS, str(database))
            told, _ = guard(database, *argv, options=("--recovery", recovery, "--i-know"))
            assert told["ended"] == "restored"
            assert told["found"]["tables"]["t"] == {"added": 1, "missing": 0, "changed": 0}
            header, rest = _digests(database)
            assert rest == before[1]
            assert recovery != "wal_pin" or header == before[0]
            assert [path.name for path in database.parent.iterdir()] == [database.name]
    finally:
        shutil.rmtree(database.parent)


def _digests(path: Path) -> tuple[bytes, bytes]:
    """Give a file's header, and a hash of all of it without what SQLite counts in the header."""
    with path.open("rb") as file:
        header = file.read(100)
        digest = hashlib.sha256(header[:24] + header[28:40] + header[44:92])
        while data := file.read(1 << 20):
            digest.update(data)
    return header, digest.digest()
