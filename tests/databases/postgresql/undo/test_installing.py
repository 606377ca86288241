"""Put the undo log into a database, and remove it again."""

from __future__ import annotations

import psycopg
import pytest

from harness.databases.postgresql.undo import installing
from tests.databases.postgresql.undo.given import TABLES, address, install, opened
from tests.postgres import Databases
from tests.recovery.postgresql.given import version_of, written


def test_nothing_stays_of_it(databases: Databases) -> None:
    """What pg_dump writes is the same text before and after; there is one more schema meanwhile."""
    databases.make(script=TABLES)
    place, version = address(databases), version_of(databases)
    before = written(place, version)
    with opened(databases) as session:
        install(session)
        while_there = written(place, version)
        with session.transaction():
            installing.remove(session)
    assert written(place, version) == before
    assert "CREATE SCHEMA reliability_harness_undo" in while_there
    assert "CREATE TRIGGER reliability_harness_undo_inserted" in while_there


def test_every_event_of_every_table_is_recorded(databases: Databases) -> None:
    """By four triggers, which fire whatever the session; by rows only where tables inherit."""
    databases.make(script=TABLES)
    with opened(databases) as session:
        install(session)
        rows = session.execute(
            "SELECT tgrelid::regclass::text, count(*), bool_and(tgenabled = 'A'),"
            " bool_or(tgtype & 1 = 1) FROM pg_trigger WHERE tgname ^@ 'reliability_harness'"
            " GROUP BY 1 ORDER BY 1"
        ).fetchall()
        ((tables,),) = session.execute(
            "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p') AND oid >= 16384 AND"
            " relnamespace <> 'reliability_harness_undo'::regnamespace"
        ).fetchall()
    assert len(rows) == tables
    assert {(number, always) for _, number, always, _ in rows} == {(4, True)}
    assert [name for name, _, _, by_row in rows if by_row] == [
        "app.base",
        "app.child",
        "app.grandchild",
    ]


def test_who_has_written_is_waited_for(databases: Databases) -> None:
    """No table is recorded while somebody has changed it and may go on."""
    databases.make()
    with opened(databases) as session, databases.connect("app_dev") as application:
        with application.transaction():
            application.execute("UPDATE team SET name = 'x' WHERE id = 1")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                install(session)
        install(session)


def test_the_applications_event_triggers_do_not_fire(databases: Databases) -> None:
    """One that forbids every definition is in nobody's way."""
    script = """
    CREATE TABLE t (a int);
    CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'no %', tg_tag; END $$;
    CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION no()"""
    databases.make(script=script)
    with opened(databases) as session:
        install(session)
        with session.transaction():
            installing.remove(session)


def test_nobody_else_may_call_its_functions(databases: Databases) -> None:
    """They act as the guard's role: another's trigger must not be made of them."""
    databases.make()
    databases.admin("CREATE ROLE stranger LOGIN")
    databases.run("app_dev", "GRANT ALL ON SCHEMA public TO PUBLIC")
    with opened(databases) as session:
        install(session)
        ((callable_ones,),) = session.execute(
            "SELECT count(*) FROM pg_proc WHERE pronamespace ="
            " 'reliability_harness_undo'::regnamespace AND has_function_privilege('stranger', oid,"
            " 'EXECUTE')"
        ).fetchall()
        assert callable_ones == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        databases.run(
            "app_dev",
            "CREATE TABLE mine (a int)",
            "CREATE TRIGGER t AFTER INSERT ON mine REFERENCING NEW TABLE AS come"
            " EXECUTE FUNCTION reliability_harness_undo.inserted('1')",
            user="stranger",
        )


def test_default_privileges_give_nobody_a_right_on_it(databases: Databases) -> None:
    """Whoever could put a trigger on the log would act as the guard's role."""
    databases.admin("CREATE ROLE stranger LOGIN")
    databases.make()
    given = "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON"
    databases.run(
        "app_dev", *(f"{given} {what} TO stranger" for what in ("TABLES", "FUNCTIONS", "SCHEMAS"))
    )
    with opened(databases) as session:
        install(session)
        schema = "'reliability_harness_undo'"
        ((may,),) = session.execute(
            f"SELECT has_schema_privilege('stranger', {schema}, 'USAGE') OR bool_or("
            "has_table_privilege('stranger', oid, 'TRIGGER, INSERT, SELECT')) FROM pg_class"
            f" WHERE relkind = 'r' AND relnamespace = {schema}::regnamespace"
        ).fetchall()
        assert may is False
        ((callable_ones,),) = session.execute(
            f"SELECT count(*) FROM pg_proc WHERE pronamespace = {schema}::regnamespace"
            " AND has_function_privilege('stranger', oid, 'EXECUTE')"
        ).fetchall()
        assert callable_ones == 0


def test_names_that_look_like_its_own_text(databases: Databases) -> None:
    """Of tables and sequences: they are written into its functions."""
    databases.make(script='CREATE TABLE "t$body$" (a serial, "b$1" text)')
    with opened(databases) as session:
        install(session)


def test_another_role_may_write_all_the_same(databases: Databases) -> None:
    """The application's role needs no right on the log."""
    databases.make()
    databases.admin("CREATE ROLE web LOGIN")
    databases.run("app_dev", "GRANT INSERT ON team TO web")
    with opened(databases) as session:
        install(session)
        databases.run("app_dev", "INSERT INTO team VALUES (3, 'green')", user="web")
        assert session.execute("SELECT image FROM reliability_harness_undo.log").fetchall() == [
            ("(3,green)",)
        ]


def test_one_that_is_put_aside_is_freed(databases: Databases) -> None:
    """Nothing is done where there is none, or where another role has made it."""
    databases.make()
    installing.free(address(databases))
    with opened(databases) as session:
        install(session)
    installing.free(address(databases))
    schemas = "SELECT nspname FROM pg_namespace WHERE nspname ^@ 'reliability'"
    assert databases.run("app_dev", schemas) == []
    databases.admin("CREATE ROLE stranger LOGIN")
    databases.run("app_dev", "CREATE SCHEMA reliability_harness_undo AUTHORIZATION stranger")
    installing.free(address(databases))
    assert databases.run("app_dev", schemas) == [("reliability_harness_undo",)]
    databases.run("app_dev", "DROP SCHEMA reliability_harness_undo")
