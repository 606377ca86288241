"""What lasts a power cut."""

from __future__ import annotations

from contextlib import closing

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.durable import make_durable
from harness.system.files import Files
from tests.postgres import Databases


def test_what_others_committed_without_waiting_is_on_the_disk(databases: Databases) -> None:
    """The server's log is flushed beyond a commit that did not wait for it."""
    database = address_of(databases.make())
    assert isinstance(database, PostgresDatabase)
    with closing(databases.connect("app_dev")) as other:
        other.execute("SET synchronous_commit = off")
        other.execute("INSERT INTO team VALUES (3, 'green')")
        ((written,),) = other.execute("SELECT pg_current_wal_insert_lsn()").fetchall()
        make_durable(database, Files())
        ((flushed,),) = other.execute(
            f"SELECT pg_current_wal_flush_lsn() >= '{written}'::pg_lsn"
        ).fetchall()
    assert flushed
