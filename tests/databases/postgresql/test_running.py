"""A statement that runs while this process does something else."""

from __future__ import annotations

import time
from contextlib import closing

import psycopg
import pytest

from harness.databases.postgresql.running import Running
from harness.databases.postgresql.session import connect
from tests.databases.postgresql.addresses import of
from tests.postgres import Databases


def test_it_is_waited_for_no_longer_than_said(databases: Databases) -> None:
    """And the session goes on after it as before."""
    with closing(connect(of(databases, "postgres"))) as our:
        running = Running(our, "SELECT pg_sleep(0.3)")
        began = time.monotonic()
        assert not running.has_ended(0.05)
        assert time.monotonic() - began < 0.25
        assert running.has_ended(5)
        running.take()
        assert our.execute("SELECT 1").fetchall() == [(1,)]


def test_its_error_is_the_servers(databases: Databases) -> None:
    """As the driver would have raised it."""
    with closing(connect(of(databases, "postgres"))) as our:
        running = Running(our, "CREATE DATABASE postgres")
        with pytest.raises(psycopg.errors.DuplicateDatabase, match="already exists"):
            running.take()
        our.execute("SELECT 1")


def test_a_session_that_is_ended_meanwhile(databases: Databases) -> None:
    """It is an error, and never taken for a statement that went well."""
    with closing(connect(of(databases, "postgres"))) as our:
        running = Running(our, "SELECT pg_sleep(60)")
        databases.admin(f"SELECT pg_terminate_backend({our.info.backend_pid}, 5000)")
        with pytest.raises(psycopg.OperationalError):
            _wait(running)


def _wait(running: Running) -> None:
    while not running.has_ended(0.1):
        pass
    running.take()
