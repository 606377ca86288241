"""A copy of a database holds the same things: a clone, a dump, one that was only rewritten."""

# ruff: noqa: PLC0415 - the packages may not be there

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.databases.postgresql.catalog.conftest import EVERYTHING, connected
from tests.postgres import TWO_TABLES, Databases

ROOT = Path(__file__).parents[4]
REAL = ROOT.parent / "shared" / "databases" / "postgres"
# What pg_dump does not write; whoever restores a dump is told by the comparison.
LOST = {
    "ALTER LANGUAGE plpgsql OWNER TO web": "language plpgsql changed",
    "REVOKE USAGE ON TYPE team FROM public": "table team changed",
    "ALTER FUNCTION pg_sleep COST 7": "function pg_catalog.pg_sleep(double precision) changed",
    "COMMENT ON FUNCTION pg_sleep IS 'x'": "comment on function"
    " pg_catalog.pg_sleep(double precision) changed",
    "ALTER TABLE team DISABLE TRIGGER ALL": "constraint person_team_fkey on person changed",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'person_team_idx'::regclass": "index"
    " person_team_idx added",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER EXTENSION plpgsql ADD"
    " FUNCTION f()": "extension plpgsql changed, function f() added",
    "DROP TEXT SEARCH CONFIGURATION pg_catalog.german": "comment on text search configuration"
    " pg_catalog.german missing, text search configuration pg_catalog.german missing",
}


def program(databases: Databases, name: str, *arguments: str) -> None:
    """Run one of the server's programs."""
    found = databases.server.bin / name
    if not found.exists():
        pytest.skip(f"no {name} in {databases.server.bin}")
    place = ("-h", "127.0.0.1", "-p", str(databases.server.port), "-U", "postgres")
    subprocess.run([found, *place, *arguments], check=True, capture_output=True)


def dumped(databases: Databases, name: str, folder: Path) -> str:
    """Dump a database and restore it as another; its name."""
    file = str(folder / "dump")
    program(databases, "pg_dump", "-Fc", "-f", file, name)
    databases.admin("CREATE DATABASE dumped TEMPLATE template0")
    program(databases, "pg_restore", "-d", "dumped", file)
    return "dumped"


def found(databases: Databases, live: str, baseline: str) -> str:
    """Compare two databases."""
    from harness.databases.postgresql.catalog import differences

    with (
        closing(connected(databases, live)) as one,
        closing(connected(databases, baseline)) as other,
    ):
        schema, unread, unseen = differences(one, other)
    assert unread | unseen == {}
    return ", ".join(map(str, schema))


@pytest.mark.parametrize("name", ["pagila", "northwind", "chinook_serial"])
def test_copies_of_a_real_database(databases: Databases, tmp_path: Path, name: str) -> None:
    """A clone and a dump of a database that nobody here made hold the same things as it does."""
    script = REAL / f"{name}.sql"
    if not script.exists():
        pytest.skip(f"no {script}")
    databases.make(name, "")
    program(databases, "psql", "-q", "-d", name, "-f", str(script))
    databases.admin(f"CREATE DATABASE cloned TEMPLATE {name}")
    assert found(databases, name, "cloned") == ""
    assert found(databases, name, dumped(databases, name, tmp_path)) == ""


def test_a_dump_of_everything(databases: Databases, tmp_path: Path) -> None:
    """A dump of a database with one of every thing holds the same things."""
    databases.admin("CREATE ROLE catalog_boss", "CREATE ROLE catalog_web")
    databases.make("whole", EVERYTHING)
    assert found(databases, "whole", dumped(databases, "whole", tmp_path)) == ""


@pytest.mark.parametrize("statements", LOST)
def test_what_a_dump_loses(databases: Databases, tmp_path: Path, statements: str) -> None:
    """What a dump is known to lose is told; where it does not any more, that is known as well."""
    databases.admin("CREATE ROLE web")
    databases.make("lossy")
    databases.run("lossy", statements)
    assert found(databases, "lossy", dumped(databases, "lossy", tmp_path)) == LOST[statements]


def test_what_rewrites_a_table_is_no_difference(databases: Databases) -> None:
    """VACUUM FULL, CLUSTER, REINDEX, ANALYZE, TRUNCATE and DDL that is rolled back are none."""
    databases.make("same", TWO_TABLES + ";ALTER TABLE person CLUSTER ON person_team_idx")
    databases.admin("CREATE DATABASE same_was TEMPLATE same")
    databases.run(
        "same", "VACUUM FULL", "VACUUM FREEZE", "CLUSTER", "REINDEX DATABASE same",
        "REINDEX SYSTEM same", "ANALYZE", "TRUNCATE team CASCADE",
        "BEGIN; DROP TABLE team CASCADE; CREATE TABLE more (a int); ROLLBACK",
        "CREATE TABLE more (a int); DROP TABLE more",
    )  # fmt: skip
    assert found(databases, "same", "same_was") == ""


def test_things_made_anew_are_the_same(databases: Databases) -> None:
    """What was dropped and made again has other OIDs, and is equal."""
    databases.make("same")
    databases.admin("CREATE DATABASE same_was TEMPLATE same")
    databases.run("same", "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    databases.run("same", "ALTER SCHEMA public OWNER TO pg_database_owner", TWO_TABLES)
    databases.run("same", "GRANT USAGE ON SCHEMA public TO public")
    assert found(databases, "same", "same_was") == "comment on schema public missing"


def test_what_a_role_may_not_see_is_said(databases: Databases) -> None:
    """Whoever is no superuser compares all the same, and is told what could not be looked at."""
    from harness.databases.postgresql.catalog import differences, objects

    databases.admin("CREATE ROLE catalog_boss LOGIN", "CREATE ROLE catalog_web LOGIN")
    databases.make("whole", EVERYTHING)
    databases.admin("CREATE DATABASE whole_was TEMPLATE whole")
    databases.run(
        "whole", "ALTER USER MAPPING FOR catalog_web SERVER far OPTIONS (SET password 'b')"
    )
    with (
        closing(connected(databases, "whole", "catalog_boss")) as one,
        closing(connected(databases, "whole_was", "catalog_boss")) as other,
    ):
        schema, unread, unseen = differences(one, other)
        assert "secret" not in str(objects(one))
    why = "only a superuser, the server's owner, or that user may see them"
    assert (schema, unread) == ((), {})  # else no run beside it could ever be proven
    assert unseen == {"options of user mapping catalog_web for far": why}
    assert found(databases, "whole", "whole_was") == "user mapping catalog_web for far changed"


def test_temporary_tables_of_others_are_no_difference(databases: Databases) -> None:
    """What a session has for itself is none of the database's things, while it is there."""
    databases.make("same")
    databases.admin("CREATE DATABASE same_was TEMPLATE same")
    with closing(databases.connect("same")) as other:
        other.execute(
            "CREATE TEMP TABLE t (a serial PRIMARY KEY, b text); CREATE TEMP VIEW v AS TABLE t"
        )
        other.execute("COMMENT ON TABLE t IS 'x'; CREATE TYPE pg_temp.e AS ENUM ('a')")
        assert found(databases, "same", "same_was") == ""


def test_names_of_people(databases: Databases) -> None:
    """Names with dots, quotes and percent signs are told as they are, after any other schema."""
    databases.make("same", 'CREATE SCHEMA "a.b %s"')
    databases.admin("CREATE DATABASE same_was TEMPLATE same")
    databases.run("same", 'CREATE TABLE "a.b %s"."c ""d" (a int)', 'CREATE TABLE "e.f" (a int)')
    assert found(databases, "same", "same_was") == 'table a.b %s.c "d added, table e.f added'
