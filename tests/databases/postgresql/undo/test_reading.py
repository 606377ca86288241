"""What differs from the baseline of an undo log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from psycopg import Connection

from harness.databases import Differences
from harness.databases.postgresql import matching, properties
from harness.databases.postgresql.reading import one_moment
from harness.databases.postgresql.session import Row
from harness.databases.postgresql.undo import installing, reading
from harness.databases.postgresql.undo.state import State
from tests.databases.postgresql.undo.given import TABLES, opened, undo
from tests.postgres import TWO_TABLES, Databases


@contextmanager
def recorded(
    databases: Databases, script: str = TWO_TABLES, role: str = "postgres"
) -> Iterator[tuple[Connection[Row], State]]:
    """Give a session on a database with an undo log in it, and what was noted of its baseline."""
    databases.make(script=script)
    with opened(databases) as session:
        if role != "postgres":
            session.execute(f"SET ROLE {role}")
        with session.transaction():
            had = properties.read(session, "app_dev").to_json()
            installing.alone(session)
            installing.install(session)
            state = State.taken(session, "token", had)
        yield session, state


def found(session: Connection[Row], state: State) -> Differences:
    """Compare."""
    with one_moment(session):
        return reading.differences(session, "app_dev", state)


def test_rows_are_told_as_what_happened_to_them(databases: Databases) -> None:
    """Added, missing, changed by their key; what came and went not at all."""
    with recorded(databases) as (session, state):
        assert found(session, state) == Differences()
        databases.run(
            "app_dev",
            "INSERT INTO team VALUES (3, 'green'), (4, 'gone')",
            "DELETE FROM team WHERE id = 4",
            "UPDATE team SET name = 'RED' WHERE id = 1",
            "DELETE FROM person WHERE id = 7",
        )
        tables = found(session, state).tables
        assert tables["team"].added == ((3, "green"),)
        assert tables["team"].changed == (((1, "red"), (1, "RED")),)
        assert tables["person"].missing == ((7, "2", "p7", "2024-01-01 00:00:00+00"),) or (
            tables["person"].missing[0][0] == 7
        )
        assert set(tables) == {"team", "person"}


def test_rows_of_partitions_are_told_of_their_root(databases: Databases) -> None:
    """Whichever of the two a statement named."""
    with recorded(databases, TABLES) as (session, state):
        databases.run("app_dev", "DELETE FROM app.part_1 WHERE id = 1", "DELETE FROM app.part_x")
        tables = found(session, state).tables
        assert set(tables) == {"app.part"}
        assert len(tables["app.part"]) == 61


def test_many_are_counted(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many are given as the limit says, of the others the number."""
    monkeypatch.setattr(reading, "MOST_ROWS", 10)
    with recorded(databases) as (session, state):
        databases.run("app_dev", "DELETE FROM person")
        rows = found(session, state).tables["person"]
        assert len(rows) == 20
        assert len(rows.missing) == 10
        assert rows.beyond == (0, 10, 0)
    assert matching.MOST_ROWS > 10


def test_sequences_move_without_a_row(databases: Databases) -> None:
    """Also one that nobody owns, and one that was set back."""
    with recorded(databases, TABLES) as (session, state):
        databases.run(
            "app_dev", "SELECT nextval('app.free'), setval('app.person_id_seq', 1, false)"
        )
        assert found(session, state).sequences == {
            "app.free": ((4, True), (1, True)),
            "app.person_id_seq": ((20, True), (1, False)),
        }


@pytest.mark.parametrize(
    ("defined", "told"),
    [
        ("CREATE TABLE other (a int)", "table other added"),
        ("ALTER TABLE team ALTER name DROP NOT NULL", "column team.name changed"),
        ("DROP TABLE person", "table person missing"),
        ("ALTER TABLE team DISABLE TRIGGER ALL", "changed"),
        ("DROP TRIGGER reliability_harness_undo_deleted ON team", "missing"),
        ("ALTER EVENT TRIGGER reliability_harness_undo_sql_drop DISABLE", "changed"),
    ],
)
def test_what_is_defined_is_compared(databases: Databases, defined: str, told: str) -> None:
    """Its own triggers as well: without them nothing is recorded."""
    with recorded(databases) as (session, state):
        databases.run("app_dev", defined)
        sentences = found(session, state).sentences()
        assert any(told in sentence for sentence in sentences), sentences


@pytest.mark.parametrize("role", ["postgres", "dev"])
def test_what_was_changed_and_changed_back_is_told(databases: Databases, role: str) -> None:
    """The rows may have been written anew on the way, past every trigger; so they have here."""
    databases.admin(
        "CREATE ROLE dev LOGIN CREATEDB", "GRANT SET ON PARAMETER session_replication_role TO dev"
    )
    own = "ALTER TABLE team OWNER TO dev; ALTER TABLE person OWNER TO dev; "
    grant = "GRANT CREATE ON DATABASE app_dev TO dev"
    with recorded(databases, f"{TWO_TABLES}; {own}{grant}", role) as (session, state):
        databases.run(
            "app_dev",
            "ALTER TABLE person ALTER name TYPE varchar USING 'all the same'",
            "ALTER TABLE person ALTER name TYPE text",
        )
        seen = found(session, state)
        assert not seen.clean("rows")
        assert "the undo log" in seen.damage


def test_triggers_that_were_off_for_a_while_are_told(databases: Databases) -> None:
    """Where no event trigger noted it, by their own rows in the catalog."""
    with recorded(databases) as (session, state):
        with databases.connect("app_dev") as other:
            if other.info.server_version >= 170000:
                other.execute("SET event_triggers = off")
            else:
                other.execute(
                    "ALTER EVENT TRIGGER reliability_harness_undo_ddl_command_end DISABLE"
                )
            other.execute("ALTER TABLE team DISABLE TRIGGER USER")
            other.execute("DELETE FROM team WHERE id = 2")
            for does in ("deleted", "inserted", "updated", "truncated"):
                name = f"reliability_harness_undo_{does}"
                other.execute(f"ALTER TABLE team ENABLE ALWAYS TRIGGER {name}")
            if other.info.server_version < 170000:
                other.execute(
                    "ALTER EVENT TRIGGER reliability_harness_undo_ddl_command_end ENABLE ALWAYS"
                )
        assert not found(session, state).clean("rows")
        assert reading.left(session, state) != []


def test_what_no_trigger_sees_is_told(databases: Databases) -> None:
    """Large objects, and a table that a crash of the server has emptied."""
    script = TABLES + "; SELECT lo_from_bytea(77, 'x')"
    with recorded(databases, script) as (session, state):
        assert found(session, state) == Differences()
        databases.run("app_dev", "SELECT lo_put(77, 0, 'y')")
        assert set(found(session, state).damage) == {"large objects"}
        databases.run("app_dev", "SELECT lo_unlink(77)")
        assert set(found(session, state).damage) == {"large objects"}
        with session.transaction():  # as a crash does
            installing.alone(session)
            session.execute("TRUNCATE reliability_harness_undo.not_crashed")
        assert "UNLOGGED table app.hasty" in found(session, state).damage
        assert any("app.hasty" in one for one in reading.left(session, state))


def test_settings_of_the_database_are_told(databases: Databases) -> None:
    """They belong to no table."""
    with recorded(databases) as (session, state):
        databases.admin("ALTER DATABASE app_dev SET work_mem = '5MB'")
        assert not found(session, state).clean("rows")


def test_maintenance_is_no_difference(databases: Databases) -> None:
    """What writes tables anew, and changes no row of them."""
    with recorded(databases) as (session, state):
        for work in ("VACUUM FULL", "VACUUM FREEZE", "ANALYZE", "REINDEX DATABASE app_dev"):
            databases.run("app_dev", work)
            assert found(session, state) == Differences(), work
        databases.run("app_dev", "CLUSTER team USING team_pkey")
        assert found(session, state).tables == {}


def test_truncated_and_undone_is_clean(databases: Databases) -> None:
    """Though the table has another file then."""
    with recorded(databases) as (session, state):
        databases.run("app_dev", "TRUNCATE team CASCADE")
        undo(session)
        assert found(session, state) == Differences()


def test_what_is_left_after_an_undo(databases: Databases) -> None:
    """A large object; where nothing watches, definitions. Rows that came since are another's."""
    with recorded(databases) as (session, state):
        assert reading.left(session, state) == []
        databases.run("app_dev", "INSERT INTO team VALUES (3, 'green')")
        assert reading.left(session, state) == []
        databases.run("app_dev", "SELECT lo_from_bytea(0, 'x')")
        assert "large objects" in reading.left(session, state)[0]
        databases.run("app_dev", "ALTER EVENT TRIGGER reliability_harness_undo_sql_drop DISABLE")
        assert any("changed" in one for one in reading.left(session, state))


def test_rows_that_their_own_domain_refuses_are_counted(databases: Databases) -> None:
    """A check that need not have held from the beginning keeps nobody from being told."""
    script = """
    CREATE DOMAIN small AS int; CREATE TABLE t (a small); INSERT INTO t VALUES (100);
    ALTER DOMAIN small ADD CHECK (VALUE < 10) NOT VALID"""
    with recorded(databases, script) as (session, state):
        databases.run("app_dev", "DELETE FROM t")
        assert found(session, state).tables["t"].counts == (0, 1, 0)
