"""What the undo log notes of the moment at which it was begun."""

from __future__ import annotations

from harness.databases.postgresql import properties
from harness.databases.postgresql.undo import installing
from harness.databases.postgresql.undo.state import State
from tests.databases.postgresql.undo.given import TABLES, opened
from tests.postgres import Databases
from tests.recovery.postgresql.given import EVERYTHING


def test_it_is_read_as_it_was_taken(databases: Databases) -> None:
    """By another session: whoever comes after a kill."""
    databases.make(script=TABLES)
    with opened(databases) as session:
        had = properties.read(session, "app_dev").to_json()
        with session.transaction():
            assert State.read(session) is None
            installing.alone(session)
            installing.install(session)
            taken = State.taken(session, "token", had)
        assert taken.unlogged == ("app.hasty",)
    with opened(databases) as other:
        assert State.read(other) == taken


def test_large_objects_are_counted(databases: Databases) -> None:
    """Their content no trigger sees."""
    databases.make(script=EVERYTHING)
    with opened(databases) as session, session.transaction():
        installing.alone(session)
        installing.install(session)
        assert State.taken(session, "token", {}).large_objects == 1


def test_what_another_role_has_made_is_not_believed(databases: Databases) -> None:
    """Whoever may make a schema could plant one."""
    databases.make()
    databases.admin("CREATE ROLE stranger LOGIN")
    databases.run(
        "app_dev",
        "CREATE SCHEMA reliability_harness_undo AUTHORIZATION stranger",
        "CREATE TABLE reliability_harness_undo.log (a int)",
        "CREATE TABLE reliability_harness_undo.state (token text, noted text)",
        "INSERT INTO reliability_harness_undo.state VALUES ('token', '{}')",
    )
    with opened(databases) as session:
        assert State.read(session) is None
    databases.run("app_dev", "DROP SCHEMA reliability_harness_undo CASCADE")
