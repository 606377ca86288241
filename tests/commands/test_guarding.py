"""The verbs of the guard."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import Call
from tests.neighbour import Neighbour
from tests.pipes import line_of


def test_guard_passes_the_status_and_leaves_the_rest_to_the_command(
    harness: Call, folder: Path, pristine: Path
) -> None:
    """Options behind the command are the command's, its status is ours, its output untouched."""
    database = folder / "api_db_dev.sqlite3"
    database.write_bytes(pristine.read_bytes())
    status, out, err = harness(
        "guard", "--database", database, "sh", "-c", "exit $#", "--", "--quiet", "-h"
    )
    assert (status, out) == (2, "")
    assert "proven back" in err
    assert harness("guard", "--quiet", "--database", database, "--", "true") == (0, "", "")
    status, out, err = harness("recover", "--database", database)
    assert (status, out, "nothing to do" in err) == (0, "", True)


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_the_verdict_is_the_last_line_and_in_colour_on_a_terminal(
    folder: Path, pristine: Path, no_colour: str
) -> None:
    """There, unless NO_COLOR is set; in ten lines at most it was told what was left."""
    database = folder / "d.db"
    database.write_bytes(pristine.read_bytes())
    tables = ";".join(f"CREATE TABLE late{number} (x)" for number in range(14))
    code = f"import sqlite3; sqlite3.connect({str(database)!r}).executescript({tables!r})"
    guard = ["guard", "--no-archive", "--database", str(database), "--", sys.executable, "-c", code]
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "harness", *guard],
        stderr=theirs,
        env=os.environ | {"NO_COLOR": no_colour, "TERM": "xterm"},
        check=False,
    )
    os.close(theirs)
    lines = os.read(ours, 1 << 16).decode().splitlines()
    os.close(ours)
    assert done.returncode == 0, lines
    verdict = f"guard: {database} is proven back at its baseline"
    assert lines[-1] == (verdict if no_colour else f"\x1b[32m\x1b[1m{verdict}\x1b[0m")
    assert "\x1b" not in "".join(lines[:-1])
    assert "guard:   and 5 more: --verbose shows them" in lines
    assert len([line for line in lines if line.startswith("guard:   ")]) == 10


def test_words_that_mean_production_can_be_added(
    harness: Call, folder: Path, pristine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--production-sign adds to the built-in words and to the environment's: 2, nothing has run."""
    path, ran = folder / "acme_eu.sqlite3", folder / "ran"
    path.write_bytes(pristine.read_bytes())
    guard = ["guard", "--database", str(path)]
    for signs in (["--production-sign", "acme"], ["--production-sign", "x", *_SIGN, "acme eu"]):
        status, _, said = harness(*guard, *signs, "--", "touch", str(ran))
        assert (status, "looks like production" in said) == (2, True)
    monkeypatch.setenv("HARNESS_PRODUCTION_SIGNS", "eu")
    assert harness(*guard, *_SIGN, "x", "--", "touch", str(ran))[0] == 2
    assert not ran.exists()
    assert harness(*guard, *_SIGN, "acme", "--i-know", "--", "touch", str(ran))[0] == 0
    assert ran.exists()


_SIGN = ["--production-sign"]


def said_by_the_real_one(folder: Path, *words: str) -> list[str]:
    """What the command says on standard error, each line after its time."""
    done = subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return [line.split(" ", 1)[1] for line in done.stderr.splitlines()]


def test_the_log_tells_each_step_and_its_details(folder: Path, pristine: Path) -> None:
    """On standard error, of the command's own option and of the group's; details at -vv."""
    (folder / "d.db").write_bytes(pristine.read_bytes())
    guard = ["guard", "--quiet", "--no-archive", "--database", "d.db"]
    make = "import sqlite3; sqlite3.connect('d.db').execute('create table x (y)')"
    tests = f'{sys.executable} -c "{make}"'
    steps = said_by_the_real_one(folder, *guard, "-v", "--", "sh", "-c", tests)
    assert [line.removeprefix("INFO reliability_harness.guard.") for line in steps] == [
        f"trip: guarding {folder}/d.db",
        "trip: backed up by online_backup, wal_pin, 327680 bytes",
        "command: sh is run",
        "command: sh ended with status 0",
        "trip: verified: table x added",
        "trip: verified: nothing differs",
        "chain: restored by online_backup",
        "trip: backups removed",
    ]
    details = said_by_the_real_one(folder, "-vv", *guard, "--", "true")
    journal = f"DEBUG reliability_harness.guard.journal: {folder}/d.db.e2e-journal: "
    assert [line.removeprefix(journal) for line in details if line.startswith(journal)] == [
        "begun, capturing", "captured", "proven", "ends",
    ]  # fmt: skip
    assert "DEBUG reliability_harness.guard.step: backup by online_backup: done" in details
    assert said_by_the_real_one(folder, *guard, "--", "true") == []


def test_the_log_tells_of_the_next_of_a_chain(
    folder: Path, pristine: Path, neighbour: Neighbour
) -> None:
    """Who could not, why, and who did."""
    (folder / "d.db").write_bytes(pristine.read_bytes())
    neighbour.open(folder / "d.db")
    chain = ["--recovery", "file_copy", "--recovery", "online_backup", "--database", "d.db"]
    make = "import sqlite3; sqlite3.connect('d.db').execute('create table x (y)')"
    words = ["guard", "--quiet", "-v", *chain, "--", sys.executable, "-c", make]
    steps = said_by_the_real_one(folder, *words)
    told = "\n".join(steps)
    assert "guard.step: restore by file_copy: attempt 1 failed: " in told
    assert "guard.chain: file_copy could not restore: the next of the chain does" in told
    assert "guard.chain: restored by online_backup" in told


def test_the_log_tells_what_is_waited_for(folder: Path, pristine: Path) -> None:
    """Another guard, by its process."""
    (folder / "d.db").write_bytes(pristine.read_bytes())
    words = [sys.executable, "-m", "harness", "guard", "--quiet", "--database", "d.db"]
    first = subprocess.Popen(
        [*words, "--", "sh", "-c", "echo; sleep 1.5"], cwd=folder, stdout=subprocess.PIPE
    )
    line_of(first)
    steps = said_by_the_real_one(folder, *words[3:], "-v", "--wait", "60", "--", "true")
    assert any(
        line.startswith("INFO reliability_harness.guard.waiting: waiting for the guard of process ")
        for line in steps
    )
    first.communicate()
    assert first.returncode == 0
