"""Whose the undo log in a database is."""

from __future__ import annotations

from harness.databases.postgresql.undo import installing
from harness.databases.postgresql.undo.names import SCHEMA
from harness.databases.postgresql.undo.owner import Owner, owner
from harness.databases.postgresql.undo.state import State
from tests.databases.postgresql.undo.given import opened
from tests.postgres import Databases


def test_none_where_there_is_none(databases: Databases) -> None:
    """A database as people have it."""
    databases.make()
    with opened(databases) as session:
        assert owner(session) is None


def test_ones_own_is_told_from_anothers(databases: Databases) -> None:
    """Whole as well, another's is not believed."""
    databases.make(script="CREATE TABLE t (a int)")
    with opened(databases) as session:
        with session.transaction():
            installing.alone(session)
            installing.install(session)
            State.taken(session, "token", {})
        ((us,),) = session.execute("SELECT current_user::text").fetchall()
        assert owner(session) == Owner(str(us), ours=True, whole=True)
        assert State.read(session) is not None
        databases.admin("CREATE ROLE mallory")
        session.execute(f"ALTER SCHEMA {SCHEMA} OWNER TO mallory")
        assert owner(session) == Owner("mallory", ours=False, whole=True)
        assert State.read(session) is None


def test_an_empty_schema_of_that_name_is_no_log(databases: Databases) -> None:
    """As somebody may leave one."""
    databases.make(script=f"CREATE SCHEMA {SCHEMA}")
    with opened(databases) as session:
        there = owner(session)
        assert there is not None
        assert not there.whole
        assert State.read(session) is None
