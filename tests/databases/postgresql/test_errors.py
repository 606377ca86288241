"""What an error of PostgreSQL is."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from harness.databases.postgresql.errors import describe
from tests.postgres import Databases


@pytest.mark.parametrize(
    ("statement", "word", "transient"),
    [
        ("INSERT INTO person (team) VALUES (99)", "foreign-key violation", False),
        ("DELETE FROM keeps WHERE id = 1", "foreign-key violation", False),
        ("INSERT INTO team VALUES (1, 'x')", "constraint violation", False),
        ("INSERT INTO team VALUES (9, NULL)", "constraint violation", False),
        ("SET statement_timeout = 10; SELECT pg_sleep(9)", "timeout", True),
        ("SET ROLE nobody; DELETE FROM team", "permission denied", False),
        ("BEGIN READ ONLY; DELETE FROM team", "permission denied", False),
        ("DO $$ BEGIN RAISE 'not here'; END $$", "refused by a trigger", False),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "connection lost", True),
        ("SELECT 1 / 0", "database error", False),
        pytest.param(  # the server itself waits some seconds
            "CREATE DATABASE x TEMPLATE app_dev", "timeout", True, marks=pytest.mark.long
        ),
    ],
)
def test_each_has_its_word(
    databases: Databases, statement: str, word: str, transient: bool
) -> None:
    """In the words that every engine uses, and whether another try may pass."""
    databases.make()
    databases.admin("CREATE ROLE nobody")
    databases.run(
        "app_dev",
        "CREATE TABLE keeps (id int PRIMARY KEY); INSERT INTO keeps VALUES (1);"
        "CREATE TABLE kept (id int REFERENCES keeps ON DELETE RESTRICT);"
        "INSERT INTO kept VALUES (1)",
    )
    where = "postgres" if "CREATE DATABASE" in statement else "app_dev"
    with closing(databases.connect("app_dev")), closing(databases.connect(where)) as connection:
        *before, last = statement.split("; ") if "$$" not in statement else [statement]
        for part in before:
            connection.execute(part)
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(last)
        reason = describe(raised.value)
    assert reason is not None
    assert (reason.word, reason.transient) == (word, transient)
    assert reason.code


def test_what_the_driver_itself_says_is_a_lost_connection(databases: Databases) -> None:
    """No server, or a session that is closed: another try may pass; its text has no code."""
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect("postgresql://127.0.0.1:1/x", connect_timeout=2)
    connection = databases.connect()
    connection.close()
    with pytest.raises(psycopg.OperationalError) as closed:
        connection.execute("SELECT 1")
    for error in (raised.value, closed.value):
        reason = describe(error)
        assert reason is not None
        assert (reason.word, reason.transient) == ("connection lost", True)


def test_of_anothers_error_it_says_nothing() -> None:
    """Only of its own driver's."""
    assert describe(OSError("disk")) is None
