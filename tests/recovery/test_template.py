"""A clone of the database by the server itself."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from harness.errors import RecoveryRefused
from harness.recovery.template import Template
from tests.postgres import Databases
from tests.real_databases import needed
from tests.recovery.postgresql.given import EVERYTHING, load, made, version_of, written


def test_it_holds_all_that_the_database_holds(databases: Databases) -> None:
    """What pg_dump writes of both is one text; triggers and stale views are as they were."""
    template = made(Template, databases.make(script=EVERYTHING))
    databases.run(
        "app_dev", "ALTER EVENT TRIGGER frozen DISABLE", "DELETE FROM app.person WHERE team = 1"
    )
    template.capture()
    version = version_of(databases)
    assert written(template.database, version) == written(template.backup, version)
    for query in (
        "SELECT * FROM app.full_one ORDER BY 1",
        "SELECT count(*), tgenabled FROM pg_trigger GROUP BY 2 ORDER BY 2",
    ):
        assert databases.run("app_dev", query) == databases.run("app_dev_backup", query)
    template.dispose()
    assert databases.left("app_dev", "reader") == set()


@pytest.mark.parametrize("name", ["pagila", "northwind", "chinook_serial"])
def test_real_databases_come_back(databases: Databases, name: str) -> None:
    """After tests and a restore pg_dump writes the same text as before."""
    script = needed(f"{name}.sql")
    template = made(Template, databases.make(script=""))
    load(databases.server.bin, databases.address("app_dev"), script)
    before = written(template.database, version_of(databases))
    template.capture()
    databases.run("app_dev", "DROP SCHEMA public CASCADE", "CREATE SCHEMA other")
    template.restore()
    assert template.differences().clean("exact")
    assert written(template.database, version_of(databases)) == before
    template.dispose()
    assert databases.left("app_dev") == set()


def test_others_are_waited_for(databases: Databases) -> None:
    """Nobody is ended at a capture: who closes in time is no obstacle."""
    template = made(Template, databases.make(), busy_timeout_ms=20_000)
    other = databases.connect("app_dev")
    closes = threading.Timer(0.3, other.close)
    closes.start()
    template.capture()
    closes.join()
    assert template.differences().clean("exact")
    template.dispose()


def test_who_stays_is_named(databases: Databases) -> None:
    """With program, role and state, and what to do; who is connected stays so."""
    template = made(Template, databases.make(), busy_timeout_ms=100)
    with closing(databases.connect("app_dev")) as other:
        other.execute("SET application_name = 'web'; BEGIN")
        other.execute("SELECT 1")
        pid = other.info.backend_pid
        said = rf"session {pid} \(web, of postgres, idle in transaction.* take the recovery dump"
        with pytest.raises(RecoveryRefused, match=said):
            template.capture()
        assert other.execute("SELECT count(*) FROM team").fetchall() == [(2,)]
    assert databases.left("app_dev") == set()
