"""Sessions of the harness's own."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest

from harness.databases.engines import address_of
from harness.databases.postgresql.session import APPLICATION, connect, reached
from harness.errors import UsageError
from tests.postgres import Databases
from tests.recovery.postgresql.given import until

SET = {  # by a role or a database, and none of them reaches a session of ours
    "timezone": "Asia/Tokyo",
    "datestyle": "German",
    "statement_timeout": "1ms",
    "search_path": "elsewhere",
    "client_encoding": "LATIN1",
    "bytea_output": "escape",
    "extra_float_digits": "-3",
    "default_transaction_read_only": "on",
    "lock_timeout": "1ms",
    "idle_session_timeout": "50ms",
    "row_security": "on",
}


def test_nothing_that_is_set_elsewhere_reaches_it(databases: Databases) -> None:
    """Neither of the database nor of the role; a timeout of a millisecond ends nothing."""
    given = databases.make()
    for name, value in SET.items():
        databases.admin(f"ALTER DATABASE app_dev SET {name} = '{value}'")
    with closing(connect(address_of(given))) as session:
        session.execute("SELECT pg_sleep(0.1)")
        shown = {
            name: session.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[index]
            for name in SET
        }
        ((text,),) = session.execute("SELECT '2024-03-01 12:00+00'::timestamptz::text").fetchall()
    assert all(shown[name] != value for name, value in SET.items())
    assert text == "2024-03-01 12:00:00+00"


def test_no_time_is_set_for_a_transaction(databases: Databases) -> None:
    """From 17 on a database can have one, which would end a long comparison."""
    given = databases.make()
    if int(databases.admin("SHOW server_version_num")[0][0]) < 170000:
        pytest.skip("this server has no transaction_timeout")
    databases.admin("ALTER DATABASE app_dev SET transaction_timeout = '100ms'")
    with closing(connect(address_of(given))) as session, session.transaction():
        session.execute("SELECT pg_sleep(0.3)")


def test_it_shows_whose_it_is(databases: Databases) -> None:
    """In the list of sessions by its name, and never by a password."""
    given = databases.make()
    with closing(connect(address_of(given))):
        asked = "SELECT application_name FROM pg_stat_activity WHERE datname = 'app_dev'"
        until(lambda: databases.admin(asked) == [(APPLICATION,)], "its name, and the others' end")


def test_a_lock_is_waited_for_as_long_as_asked(databases: Databases) -> None:
    """And no longer: who has the table is not waited for until they are done."""
    given = databases.make()
    with closing(databases.connect("app_dev")) as other, other.transaction():
        other.execute("LOCK TABLE team IN ACCESS EXCLUSIVE MODE")
        with (
            closing(connect(address_of(given), busy_timeout_ms=50)) as session,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            session.execute("SELECT count(*) FROM public.team")


def test_read_only_writes_nothing(databases: Databases) -> None:
    """The server keeps it from that."""
    with (
        closing(connect(address_of(databases.make()), read_only=True)) as session,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        session.execute("DELETE FROM public.team")


def test_what_cannot_be_reached_is_said(databases: Databases) -> None:
    """Which database it is, and what the server says; not the password."""
    with pytest.raises(UsageError, match=r"none_dev.*does not exist"):
        reached(address_of(databases.address("none_dev")))
    with pytest.raises(UsageError, match="cannot be connected to") as raised:
        reached(address_of("postgresql://pat:s3cret@127.0.0.1:1/app_dev"))
    assert "s3cret" not in str(raised.value)
