"""The control that deletes all rows and puts them back; see also ``test_truncate.py``."""

from __future__ import annotations

import psycopg
import pytest

from harness.recovery.delete import Delete
from tests.postgres import Databases
from tests.recovery.postgresql.given import made


def test_counters_stay_where_the_tests_left_them(databases: Databases) -> None:
    """So the next insert meets no row, and its number is another than it was."""
    recovery = made(Delete, databases.make())
    recovery.capture()
    databases.run("app_dev", "INSERT INTO person (team, name) VALUES (1, 'new')")
    recovery.restore()
    assert recovery.differences().sequences
    assert databases.run(
        "app_dev", "INSERT INTO person (team, name) VALUES (1, 'next') RETURNING id"
    ) == [(22,)]
    recovery.dispose()


def test_a_table_of_the_tests_own_is_in_its_way(databases: Databases) -> None:
    """Rows that point to the baseline's keep them from being deleted; nothing is changed."""
    recovery = made(Delete, databases.make())
    recovery.capture()
    databases.run("app_dev", "CREATE TABLE mine (team int REFERENCES team)")
    databases.run("app_dev", "INSERT INTO mine VALUES (1)")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        recovery.restore()
    assert databases.run("app_dev", "SELECT count(*) FROM person") == [(20,)]
    recovery.dispose()
