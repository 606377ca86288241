"""No password of a PostgreSQL address is seen anywhere, however a guard is called and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("psycopg")

from tests import forked
from tests.postgres import Databases

PASSWORD = "p@s/s%:#w0rd"  # noqa: S105 - of a server for tests
ENCODED = quote(PASSWORD, safe="")
LINE = "host all pat 127.0.0.1/32 scram-sha-256\n"
LEAVES_SOMETHING = """
import psycopg, sys
psycopg.connect(sys.argv[1], autocommit=True).execute("DELETE FROM person")
"""


@pytest.fixture
def where(databases: Databases) -> Iterator[str]:
    """Host, port and name of a database whose server asks pat for a password."""
    databases.make("shop")
    databases.admin(f"CREATE ROLE pat LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
    hba = databases.server.data / "pg_hba.conf"
    before = hba.read_text(encoding="utf-8")
    hba.write_text(LINE + before, encoding="utf-8")
    databases.admin("SELECT pg_reload_conf()", "SELECT pg_sleep(0.2)")
    yield f"127.0.0.1:{databases.server.port}/shop"
    hba.write_text(before, encoding="utf-8")
    databases.admin("SELECT pg_reload_conf()")


def guarded(
    address: str,
    *options: str,
    verbosity: str = "-v",
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Guard a command, by a process of its own; what it says has no password."""
    words = [verbosity, "guard", "--database", address, *options]
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    done = forked.run(words, env=plain | (environment or {}))
    said = done.stdout + done.stderr
    for part in (PASSWORD, ENCODED, "w0rd", "s/s%"):
        assert part not in said
    return done


def deletes(databases: Databases) -> list[str]:
    """A command that deletes rows, as the superuser."""
    return ["--", sys.executable, "-c", LEAVES_SOMETHING, databases.address("shop")]


def test_a_guard_shows_none(databases: Databases, where: str, tmp_path: Path) -> None:
    """Not in its log, its JSON, its sentences, nor in anything that it keeps."""
    address = f"postgresql://pat:{ENCODED}@{where}"
    told = tmp_path / "told.json"
    done = guarded(address, "--json", str(told), *deletes(databases), verbosity="-vv")
    assert "guard.trip" in done.stderr
    assert done.returncode == 0, done.stderr
    assert "w0rd" not in told.read_text()
    assert databases.run("shop", "SELECT count(*) FROM person") == [(20,)]
    kept = Path(os.environ["HARNESS_STATE_DIR"])
    for file in kept.rglob("*"):
        assert not file.is_file() or b"w0rd" not in file.read_bytes()
    comments = "SELECT string_agg(description, ' ') FROM pg_shdescription"
    assert "w0rd" not in str(databases.admin(comments))


def test_a_wrong_one_is_refused(databases: Databases, where: str) -> None:
    """With where a password may come from; nothing is run."""
    for address in (f"postgresql://pat:w0rd@{where}", f"postgresql://pat@{where}"):
        done = guarded(address, "--", "false")
        assert done.returncode == 2
        assert "PGPASSWORD" in done.stderr


@pytest.mark.parametrize("raw", [PASSWORD, "w0rd%zz", "p@w0rd", "s/w0rd"])
def test_one_that_is_not_encoded_is_refused(where: str, raw: str) -> None:
    """With how to write it; nothing of it is shown."""
    done = guarded(f"postgresql://pat:{raw}@{where}", "--", "false")
    assert done.returncode == 2
    assert "percent-encoded" in done.stderr


def test_it_is_found_where_libpq_finds_it(databases: Databases, where: str, tmp_path: Path) -> None:
    """In PGPASSWORD, in a .pgpass, in a service; by an address that has none."""
    password_file, services = tmp_path / "pgpass", tmp_path / "services"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    password_file.write_text(f"127.0.0.1:*:*:pat:{escaped}\n")
    password_file.chmod(0o600)
    services.write_text(f"[e2e]\nuser=pat\npassword={PASSWORD}\n")
    for environment in (
        {"PGPASSWORD": PASSWORD},
        {"PGPASSFILE": str(password_file)},
        {"PGSERVICE": "e2e", "PGSERVICEFILE": str(services)},
    ):
        done = guarded(f"postgresql://pat@{where}", *deletes(databases), environment=environment)
        assert done.returncode == 0, done.stderr
        assert databases.run("shop", "SELECT count(*) FROM person") == [(20,)]
