from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest

from tests.databases.postgresql.test_properties import BEFORE, of
from tests.postgres import Databases

pytest.importorskip("psycopg")

from harness.databases.postgresql.giving import needed, statements
from harness.databases.postgresql.properties import differences

MESS = (
    "ALTER DATABASE shop OWNER TO web", "ALTER DATABASE shop RESET ALL",
    "ALTER DATABASE shop CONNECTION LIMIT 3", "COMMENT ON DATABASE shop IS NULL",
    "ALTER ROLE web IN DATABASE shop RESET ALL", "GRANT ALL ON DATABASE shop TO public",
    "ALTER DATABASE shop SET geqo = off", "ALTER ROLE boss IN DATABASE shop SET geqo = off",
)  # fmt: skip
SETTINGS = (
    "search_path = ''",
    'search_path = "$user", public',
    'search_path = "a ""quoted"", one", "Upper", x',
    "app.plain = 'it''s a \\ thing'",
    "app.list = 'a, b'",
    "timezone = 'Europe/Paris'",
    "session_preload_libraries = ''",
    "DateStyle = 'ISO, DMY'",
)


def given(databases: Databases, *before: str, mess: tuple[str, ...] = ()) -> list[str]:
    """Note what a database has, make a mess of it or a clone, and give it back at once."""
    databases.admin(*before)
    was = of(databases)
    databases.admin(*(mess or ("CREATE DATABASE spare TEMPLATE shop",)))
    name = "shop" if mess else "spare"
    with closing(databases.connect()) as connection:
        written = needed(connection, was.to_json(), name)
        with connection.transaction():
            for statement in written:
                connection.execute(statement)
    assert differences(of(databases, name), was) == {}
    return written


def test_a_clone_gets_all_that_it_has_lost(databases: Databases) -> None:
    """A clone has the owner, rights, comment, limit and settings of its model afterwards."""
    given(databases, *BEFORE)


def test_a_mess_is_put_back(databases: Databases) -> None:
    """What was changed in the database itself is as it was, and what was added is gone."""
    given(databases, *BEFORE, mess=MESS)


def test_nothing_is_written_where_nothing_differs(databases: Databases) -> None:
    """A database that has all of it is left alone."""
    databases.admin(*BEFORE)
    assert statements(of(databases), of(databases), "shop") == []
    databases.admin("CREATE DATABASE plain", "CREATE DATABASE other")
    assert statements(of(databases, "plain"), of(databases, "other"), "plain") == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_as_people_write_them(databases: Databases, setting: str) -> None:
    """Lists, quotes, backslashes and names with dots come back as the same setting."""
    databases.admin("CREATE DATABASE shop", f"ALTER DATABASE shop SET {setting}")
    given(databases, "SELECT 1")


def test_rights_that_others_gave_on(databases: Databases) -> None:
    """Rights come back with whoever gave them, through two who gave them on."""
    given(
        databases, *BEFORE, "CREATE ROLE a", "CREATE ROLE b",
        "SET ROLE web; GRANT CONNECT ON DATABASE shop TO a WITH GRANT OPTION",
        "SET ROLE a; GRANT CONNECT ON DATABASE shop TO b, boss",
    )  # fmt: skip


def test_an_owner_without_rights(databases: Databases) -> None:
    """An owner who has taken his own rights away has none afterwards."""
    given(databases, *BEFORE, "REVOKE ALL ON DATABASE shop FROM boss, web CASCADE")


def test_names_that_need_quotes(databases: Databases) -> None:
    """Roles and databases with quotes, percent signs and spaces are written rightly."""
    databases.admin(
        'CREATE ROLE "b o""ss%s"', 'CREATE DATABASE "sh o""p%s" OWNER "b o""ss%s"',
        'ALTER ROLE "b o""ss%s" IN DATABASE "sh o""p%s" SET work_mem = \'5MB\'',
        "COMMENT ON DATABASE \"sh o\"\"p%s\" IS '100 %s \\ ''x'''", 'CREATE DATABASE "s p"',
        'REVOKE CONNECT ON DATABASE "sh o""p%s" FROM public',
    )  # fmt: skip
    was = of(databases, 'sh o"p%s')
    databases.admin(*statements(of(databases, "s p"), was, "s p"))
    assert differences(of(databases, "s p"), was) == {}


def test_a_role_that_is_gone_is_left_out(databases: Databases) -> None:
    """What is of a role that there is no more is left out, and all else is given."""
    databases.admin(*BEFORE)
    was = of(databases)
    databases.admin(
        "DROP OWNED BY web", "REVOKE ALL ON DATABASE shop FROM web CASCADE", "DROP ROLE web",
        "ALTER DATABASE shop CONNECTION LIMIT 1",
    )  # fmt: skip
    with closing(databases.connect()) as connection:
        databases.admin(*needed(connection, was.to_json(), "shop"))
    left = differences(of(databases), was)
    assert set(left) == {"rights of web", "setting statement_timeout of role web"}


def test_the_switches_of_a_database(databases: Databases) -> None:
    """Whether it is a template and takes connections is given as well."""
    databases.admin("CREATE DATABASE shop")
    was = replace(of(databases), is_template=True, allow_connections=False)
    databases.admin(*statements(of(databases), was, "shop"))
    assert differences(of(databases), was) == {}
