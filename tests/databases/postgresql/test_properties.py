from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest

from tests.postgres import Databases

pytest.importorskip("psycopg")

from harness.databases.postgresql.properties import Properties, Right, differences, read

BEFORE = (
    "CREATE ROLE boss", "CREATE ROLE web LOGIN", "CREATE DATABASE shop OWNER boss",
    "COMMENT ON DATABASE shop IS 'it''s ours'", "ALTER DATABASE shop CONNECTION LIMIT 40",
    "ALTER DATABASE shop SET search_path = app, public", "ALTER DATABASE shop SET work_mem = '7MB'",
    "ALTER ROLE web IN DATABASE shop SET statement_timeout = '3s'",
    "REVOKE CONNECT, TEMPORARY ON DATABASE shop FROM public",
    "GRANT CONNECT ON DATABASE shop TO web WITH GRANT OPTION",
)  # fmt: skip


def of(databases: Databases, name: str = "shop") -> Properties:
    """Read them from another database."""
    with closing(databases.connect()) as connection:
        return read(connection, name)


def test_all_that_a_clone_loses_is_read(databases: Databases) -> None:
    """Owner, rights, comment, limit and settings are read, also from another database."""
    databases.admin(*BEFORE)
    found = of(databases)
    assert (found.owner, found.comment, found.limit) == ("boss", "it's ours", 40)
    assert found.encoding == "UTF8"
    assert Right("web", "boss", "CONNECT", True) in found.rights
    assert {right.grantee for right in found.rights} == {"boss", "web"}
    assert found.settings == {
        "": {"search_path": "app, public", "work_mem": "7MB"},
        "web": {"statement_timeout": "3s"},
    }
    assert found.unread == {}


def test_they_go_through_json(databases: Databases) -> None:
    """What is noted in JSON is read as the same again."""
    databases.admin(*BEFORE)
    found = of(databases)
    assert Properties.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_an_unknown_database_is_an_error(databases: Databases) -> None:
    """Nothing is told of a database that is not there."""
    with pytest.raises(LookupError, match="nobody"):
        of(databases, "nobody")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER DATABASE shop CONNECTION LIMIT 3", {"connection limit": (40, 3)}),
        ("ALTER DATABASE shop IS_TEMPLATE true", {"is a template": (False, True)}),
        ("ALTER DATABASE shop ALLOW_CONNECTIONS false", {"allows connections": (True, False)}),
        ("COMMENT ON DATABASE shop IS NULL", {"comment": ("it's ours", None)}),
        ("ALTER DATABASE shop RESET work_mem", {"setting work_mem": ("7MB", None)}),
        (
            "ALTER ROLE web IN DATABASE shop SET statement_timeout = 0",
            {"setting statement_timeout of role web": ("3s", "0")},
        ),
        (
            "GRANT TEMPORARY ON DATABASE shop TO public",
            {"rights of PUBLIC": (None, "TEMPORARY by boss")},
        ),
        (
            "REVOKE GRANT OPTION FOR CONNECT ON DATABASE shop FROM web",
            {"rights of web": ("CONNECT WITH GRANT OPTION by boss", "CONNECT by boss")},
        ),
        (
            "ALTER DATABASE shop SET app.jwt_secret = 'x'",
            {"setting app.jwt_secret": (None, "(hidden)")},
        ),
    ],
)
def test_each_change_is_told(
    databases: Databases, statement: str, expected: dict[str, tuple[object, object]]
) -> None:
    """Each property that changes is told alone, by a name for people, and no secret is shown."""
    databases.admin(*BEFORE)
    was = of(databases)
    databases.admin(statement)
    assert differences(of(databases), was) == expected
    assert differences(was, was) == {}


def test_another_secret_is_told_and_not_shown(databases: Databases) -> None:
    """A setting that may hold a password is told to be another one, and neither is shown."""
    databases.admin(*BEFORE, "ALTER DATABASE shop SET app.db_password = 'one'")
    was = of(databases)
    databases.admin("ALTER DATABASE shop SET app.db_password = 'two'")
    found = differences(of(databases), was)
    assert found == {"setting app.db_password": ("(hidden)", "(hidden, another)")}


def test_the_owner_and_what_is_the_owners(databases: Databases) -> None:
    """Another owner is told, with the rights that went along."""
    databases.admin(*BEFORE)
    was = of(databases)
    databases.admin("ALTER DATABASE shop OWNER TO postgres")
    assert differences(of(databases), was)["owner"] == ("boss", "postgres")


def test_a_subscription_is_told(databases: Databases) -> None:
    """A subscription belongs to its database: one that is new, changed or gone is told."""
    databases.admin(*BEFORE)
    was = of(databases)
    databases.run(
        "shop",
        "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere password=secret' PUBLICATION p"
        " WITH (connect = false)",
        "ALTER SUBSCRIPTION feed SET (slot_name = NONE)",
    )
    made = of(databases)
    assert differences(made, was) == {"subscription feed": (None, "there")}
    assert "secret" not in str(made)
    databases.run("shop", "ALTER SUBSCRIPTION feed CONNECTION 'host=elsewhere'")
    assert differences(of(databases), made) == {"subscription feed": ("there", "changed")}
    databases.run("shop", "DROP SUBSCRIPTION feed")
    assert differences(of(databases), was) == {}


def test_what_a_role_may_not_see_is_said(databases: Databases) -> None:
    """Whoever is no superuser is told that a subscription's connection was not looked at."""
    databases.admin(*BEFORE)
    databases.run(
        "shop",
        "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere' PUBLICATION p WITH (connect = false)",
        "ALTER SUBSCRIPTION feed SET (slot_name = NONE)",
    )
    with closing(databases.connect("postgres", "web")) as connection:
        found = read(connection, "shop")
    assert found.unread == {"connection of subscription feed": "only a superuser may see it"}
    databases.run("shop", "DROP SUBSCRIPTION feed")


def test_all_are_compared(databases: Databases) -> None:
    """No field is forgotten: each, if it alone differs, is told."""
    databases.admin(*BEFORE)
    was = of(databases)
    for name in Properties.__dataclass_fields__:
        if name in ("rights", "settings", "labels", "subscriptions", "unread"):
            continue
        assert differences(replace(was, **{name: "other"}), was), name
    assert differences(replace(was, labels={"p": "x"}), was) == {"security label of p": (None, "x")}
