from __future__ import annotations

from contextlib import closing

import pytest

pytest.importorskip("psycopg")

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.session import connect
from harness.guard.postgresql.rights import Rights, rights
from tests.postgres import Databases

ROLE = "small one"


@pytest.fixture
def small(databases: Databases) -> PostgresDatabase:
    """A database of a superuser's, by the address of a role that may only connect."""
    databases.make("the shop")
    databases.admin(f'CREATE ROLE "{ROLE}" LOGIN')
    address = databases.address("the shop", user="small%20one")
    return address_of(address)  # type: ignore[return-value]


def asked(database: PostgresDatabase) -> Rights:
    """What its role may do."""
    with closing(connect(database)) as connection:
        return rights(connection, database)


def test_a_superuser_lacks_nothing(databases: Databases) -> None:
    """Whatever the recovery."""
    database = address_of(databases.make("shop"))
    found = asked(database)  # type: ignore[arg-type]
    assert found.is_superuser
    assert found.fitting(["template", "dump"]) == ("template", "dump")


def test_what_is_missing_is_named_and_the_statements_mend_it(
    databases: Databases, small: PostgresDatabase
) -> None:
    """Once a superuser has run them, nothing is missing for a clone, on every version."""
    databases.run(
        "the shop",
        "CREATE SCHEMA other",
        "CREATE TABLE other.secret (a int)",
        "ALTER TABLE team ENABLE ROW LEVEL SECURITY",
        "SELECT lo_create(7)",
    )
    found = asked(small)
    lacks = found.missing("template")
    assert [what for what, _ in lacks] == [
        "may not create databases",
        "does not own the database, postgres does",
        "may not read large objects, other.secret, public.person and 2 more",
        "may not see every row of public.team, which have row security",
    ]
    assert found.fitting(["template", "dump"]) == ()
    databases.run("the shop", *(statement for _, statement in lacks))
    assert asked(small).missing("template") == []


def test_what_a_clone_is_given_again_must_be_theirs_to_give(
    databases: Databases, small: PostgresDatabase
) -> None:
    """Settings of other roles, settings of superusers, rights that another has given on."""
    databases.admin(
        f'ALTER ROLE "{ROLE}" CREATEDB',
        f'ALTER DATABASE "the shop" OWNER TO "{ROLE}"',
        f'GRANT pg_read_all_data TO "{ROLE}"',
        "CREATE ROLE app",
        "CREATE ROLE other",
        f'ALTER ROLE "{ROLE}" IN DATABASE "the shop" SET timezone = \'UTC\'',
        "ALTER DATABASE \"the shop\" SET timezone = 'UTC'",
        "ALTER DATABASE \"the shop\" SET app.tenant = '1'",
    )
    assert asked(small).missing("template") == []
    databases.admin(
        "ALTER ROLE app IN DATABASE \"the shop\" SET timezone = 'UTC'",
        'ALTER DATABASE "the shop" SET log_min_duration_statement = 0',
        'GRANT TEMPORARY ON DATABASE "the shop" TO app WITH GRANT OPTION',
        'SET ROLE app; GRANT TEMPORARY ON DATABASE "the shop" TO other',
    )
    lacks = asked(small).missing("template")
    assert [what for what, _ in lacks] == [
        "may not give rights as app, who has given some of this database",
        "may not set log_min_duration_statement, which is set in this database",
        "may not set what is set for the role app in this database",
    ]
    databases.admin(*(statement for _, each in lacks for statement in each.split("; ")))
    assert asked(small).missing("template") == []


def test_a_dump_needs_to_make_what_others_own(
    databases: Databases, small: PostgresDatabase
) -> None:
    """It is named by owner; a clone does not need it, nor what only a superuser makes."""
    databases.run(
        "the shop",
        "CREATE ROLE writer",
        "ALTER TABLE person OWNER TO writer",
        "ALTER TABLE team OWNER TO writer",
    )
    ((extension,),) = databases.admin(
        "SELECT coalesce(min(name), '') FROM pg_available_extension_versions"
        " WHERE superuser AND NOT trusted AND coalesce(requires, '{}') = '{}'"
    )
    if extension:
        databases.run("the shop", f'CREATE EXTENSION "{extension}"')
    for what, statement in asked(small).missing("template"):
        assert what
        databases.run("the shop", statement)
    found = asked(small)
    assert found.fitting(["template", "dump"]) == ("template",)
    who, *what = found.missing("dump")
    assert who == ("may not make what writer owns", 'GRANT writer TO "small one"')
    assert len(what) == bool(extension)
    for lack, statement in what:
        assert extension in lack
        assert statement == 'ALTER ROLE "small one" SUPERUSER'


def test_an_owner_by_membership_is_one(databases: Databases, small: PostgresDatabase) -> None:
    """A member may do what its role may; from 16 on only if it may act as that role."""
    databases.admin("CREATE ROLE team_of_apps", 'ALTER DATABASE "the shop" OWNER TO team_of_apps')
    databases.admin(f'GRANT team_of_apps TO "{ROLE}"', f'ALTER ROLE "{ROLE}" CREATEDB')
    found = asked(small)
    assert found.owns
    assert found.may_give_away
    with closing(databases.connect()) as connection:
        version = connection.info.server_version
    if version >= 160000:
        databases.admin(f'GRANT team_of_apps TO "{ROLE}" WITH SET FALSE')
        (lack,) = (one for one in asked(small).missing("template") if "WITH SET" in one[1])
        databases.admin(lack[1])
        assert asked(small).may_give_away


def test_a_managed_server_is_known_by_its_role(
    databases: Databases, small: PostgresDatabase
) -> None:
    """By the role that it has in place of superusers."""
    assert asked(small).managed == ""
    databases.admin("CREATE ROLE rds_superuser")
    assert asked(small).managed == "rds_superuser"
