"""What an undo log cannot be begun with."""

from __future__ import annotations

import pytest

from harness.databases.postgresql.undo import refusing
from harness.errors import RecoveryRefused
from tests.databases.postgresql.undo.given import TABLES, address, opened
from tests.postgres import Databases

FUNCTION = """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TABLE t (a int); """


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            FUNCTION + "CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();"
            "ALTER TABLE t ENABLE ALWAYS TRIGGER g",
            "trigger g on public.t fires whatever",
        ),
        (
            FUNCTION + "CREATE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f();"
            "ALTER TABLE t ENABLE REPLICA TRIGGER g",
            "trigger g on public.t fires whatever",
        ),
        (
            "CREATE TABLE t (a int); CREATE RULE r AS ON DELETE TO t DO INSTEAD NOTHING;"
            "ALTER TABLE t ENABLE ALWAYS RULE r",
            "rule r on public.t fires whatever",
        ),
        (
            "CREATE TABLE t (a int); CREATE FUNCTION c(t) RETURNS text LANGUAGE sql AS"
            " $$ SELECT 'same' $$; CREATE CAST (t AS text) WITH FUNCTION c(t) AS ASSIGNMENT",
            "public.t AS text is a cast of a table's rows",
        ),
        ("CREATE TABLE t ()", "has no column of its own"),
        (
            "CREATE TABLE t (a int, b int) PARTITION BY LIST (a); CREATE TABLE p (b int, a int);"
            "ALTER TABLE t ATTACH PARTITION p DEFAULT",
            "has its columns in another order",
        ),
        ("CREATE SCHEMA reliability_harness_undo", "of which no journal tells"),
        ("CREATE PUBLICATION p FOR ALL TABLES", "publication p is published so that"),
        (
            "CREATE TABLE t (a int); CREATE PUBLICATION p FOR TABLE t",
            "table public.t is published so that",
        ),
        ("DROP EXTENSION plpgsql", "the language plpgsql is not in it"),
    ],
)
def test_what_could_not_be_undone_is_refused(databases: Databases, script: str, why: str) -> None:
    """Before anything is written, in a sentence that names it."""
    databases.make(script=script)
    with opened(databases) as session, pytest.raises(RecoveryRefused, match=why):
        refusing.refuse(session, address(databases))


def test_what_another_server_writes_is_refused(databases: Databases) -> None:
    """What is applied of it fires no trigger of a statement."""
    databases.make()
    databases.run(
        "app_dev",
        "CREATE SUBSCRIPTION s CONNECTION 'dbname=none' PUBLICATION p"
        " WITH (connect = false, slot_name = NONE)",
    )
    with (
        opened(databases) as session,
        pytest.raises(RecoveryRefused, match="subscription s writes what no trigger"),
    ):
        refusing.refuse(session, address(databases))
    databases.run("app_dev", "DROP SUBSCRIPTION s")


def test_what_can_be_is_not(databases: Databases) -> None:
    """A database with tables of every kind."""
    databases.make(script=TABLES)
    with opened(databases) as session:
        refusing.refuse(session, address(databases))


def test_without_a_superuser_nobody_sees_a_view_refreshed(databases: Databases) -> None:
    """No event trigger may be made, and a refresh can leave the catalogs as they are."""
    databases.admin(
        "CREATE ROLE dev LOGIN", "GRANT SET ON PARAMETER session_replication_role TO dev"
    )
    databases.make(script="CREATE MATERIALIZED VIEW seen AS SELECT 1 AS one")
    databases.run("app_dev", "GRANT SELECT ON seen TO dev")
    with opened(databases) as session:
        refusing.refuse(session, address(databases))
        session.execute("SET ROLE dev")
        with pytest.raises(RecoveryRefused, match=r"public\.seen is a materialised view"):
            refusing.refuse(session, address(databases))


def test_an_open_transaction_that_has_written_is_refused(databases: Databases) -> None:
    """What it has defined would be seen by nobody."""
    databases.make()
    with opened(databases) as session, databases.connect("app_dev") as other:
        refusing.refuse_under_way(session, address(databases))
        with other.transaction():
            other.execute("CREATE TABLE later (a int)")
            with pytest.raises(refusing.UnderWay, match="open transaction of session"):
                refusing.refuse_under_way(session, address(databases))
