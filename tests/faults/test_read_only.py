"""read_only: the file cannot be opened for writing, not by root either, until it is lifted."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from harness.databases.sqlite.session import connect
from harness.faults.read_only import ReadOnly
from tests.faults.conftest import Stage
from tests.faults.own_cleanup import OWN, clean, entry, program


def test_the_cleanup_is_told_by_sqlite(stage: Stage) -> None:
    """SQLite opens the database for reading and refuses the write; evidence is the kernel's."""
    report, injector = clean(stage, program(), "read_only")
    assert [failure.reason for failure in report.failures] == ["exit status 1"]
    assert "readonly database" in report.failures[0].error
    one = entry(injector, report)
    assert one.surfaced
    assert one.evidence.startswith("open(O_RDWR) of the database: [Errno ")
    assert stage.rows("SELECT count(*) FROM bots WHERE id > 7") == [(2,)]


def test_it_is_over_with_the_attempt(stage: Stage) -> None:
    """Verification and restore find the file as writable as it was, mode and all."""
    os.chmod(stage.database, 0o640)
    clean(stage, "true", "read_only")
    assert os.access(stage.database, os.W_OK)
    assert stage.database.stat().st_mode & 0o777 == 0o640


def test_for_the_cycle_it_holds(stage: Stage) -> None:
    """Until the cycle ends nobody may write."""
    report, injector = clean(stage, "true", "read_only", "cycle")
    assert not os.access(stage.database, os.W_OK)
    assert entry(injector, report).fired
    assert os.access(stage.database, os.W_OK)


def locked_for_others(stage: Stage) -> bool:
    """Whether another process is kept from writing."""
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0).execute('BEGIN IMMEDIATE')"
    command = [sys.executable, "-S", "-c", code, str(stage.database)]
    return b"locked" in subprocess.run(command, capture_output=True, check=False).stderr


def test_locks_of_this_process_are_kept(stage: Stage) -> None:
    """Nothing of it opens or closes the file in here, which would drop SQLite's locks."""
    holder = connect(stage.database)
    holder.execute("BEGIN IMMEDIATE")
    try:
        report, injector = clean(stage, "true", "read_only")
        assert locked_for_others(stage)
        entry(injector, report)
        assert locked_for_others(stage)
    finally:
        holder.close()


def test_where_it_can_never_strike() -> None:
    """What has the database open already keeps its rights."""
    assert ReadOnly.why_never(OWN) is None
    assert "command" in str(ReadOnly.why_never(replace(OWN, own_processes=False)))


def test_what_cannot_be_done_is_no_fault(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be had for it, the instrument says so and nothing has struck."""
    monkeypatch.setattr("sys.executable", "/no/such/python")
    report, injector = clean(stage, "true", "read_only")
    (one,) = injector.finish(report.failures)
    assert not one.fired
    assert injector.error is not None
