"""What a database loses that is unloaded and reloaded, and what is done about it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.databases.postgresql import reloaded
from harness.errors import RecoveryRefused
from harness.recovery.dump import Dump
from tests.postgres import Databases
from tests.recovery.postgresql.given import made


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "CREATE MATERIALIZED VIEW stale AS SELECT count(*) FROM team;"
            " INSERT INTO team VALUES (3, 'green')",
            "public.stale holds something else: REFRESH MATERIALIZED VIEW public.stale",
        ),
        (
            "CREATE INDEX dead ON team (name);"
            " UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'dead'::regclass",
            "the index public.dead: REINDEX or drop it",
        ),
        (
            "CREATE TABLE one (n int); INSERT INTO one VALUES (1);"
            " CREATE FUNCTION lost() RETURNS int LANGUAGE plpgsql AS"
            " 'BEGIN RETURN (SELECT n FROM one); END';"
            " ALTER TABLE team ADD CHECK (id >= lost())",
            'pg_restore failed: .* relation "one" does not exist',
        ),
    ],
    ids=["stale view", "invalid index", "a function that needs a search_path"],
)
def test_what_cannot_be_reloaded_is_refused(databases: Databases, script: str, said: str) -> None:
    """By its name and with what to do; nothing is left on the server."""
    dump = made(Dump, databases.make())
    databases.run("app_dev", script)
    with pytest.raises(RecoveryRefused, match=said):
        dump.capture()
    assert databases.left("app_dev") == set()


def test_triggers_of_foreign_keys_stay_disabled(databases: Databases) -> None:
    """Each as it was; without a superuser that is refused, with the tables."""
    databases.admin("CREATE ROLE owner LOGIN CREATEDB")
    dump = made(Dump, databases.make())
    databases.run("app_dev", "ALTER TABLE person DISABLE TRIGGER ALL")
    dump.capture()
    assert _triggers(databases, "app_dev") == _triggers(databases, "app_dev_backup")
    dump.dispose()
    databases.run(
        "app_dev", *(f"ALTER TABLE {table} OWNER TO owner" for table in ("team", "person"))
    )
    databases.admin("ALTER DATABASE app_dev OWNER TO owner")
    with pytest.raises(RecoveryRefused, match=r"foreign keys of public.person again, and only a"):
        made(Dump, databases.address("app_dev", "owner")).capture()


def _triggers(databases: Databases, name: str) -> set[tuple[Any, ...]]:
    return {row[:-1] for row in databases.run(name, reloaded._TRIGGERS)}


def test_what_public_is_no_more(databases: Databases) -> None:
    """A schema public, or a language, that was dropped is not there in the backup either."""
    dump = made(Dump, databases.make(script="DROP SCHEMA public; DROP EXTENSION plpgsql"))
    dump.capture()
    query = "SELECT nspname FROM pg_namespace UNION SELECT extname FROM pg_extension ORDER BY 1"
    assert databases.run("app_dev", query) == databases.run("app_dev_backup", query)
    dump.dispose()
