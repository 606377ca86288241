from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import pytest

pytest.importorskip("psycopg")

from harness.databases.engines import address_of
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.server import Server, _as_user, _free_port
from harness.databases.postgresql.session import connect, reached
from harness.errors import UsageError
from harness.guard import Guard
from harness.guard.postgresql import refusals
from harness.guard.postgresql.refusals import (
    is_other_product,
    names,
    refuse_place,
    refuse_server,
    refuse_stand_in,
)
from harness.guard.refusals import check
from harness.guard.target import target_of
from tests.guard.postgresql.pooler import pooler
from tests.postgres import Databases


def at(address: str) -> PostgresDatabase:
    """The address of a database."""
    return cast(PostgresDatabase, address_of(address))


def refused(address: str, *, override: bool = False) -> str:
    """Why a place is refused, before anything is asked of it."""
    with pytest.raises(UsageError) as caught:
        refuse_place(at(address), override=override)
    return str(caught.value)


# Places.


def test_the_names_that_say_what_it_is_for() -> None:
    """Host and database; no user, no password, no folder of a socket."""
    assert names(at("postgresql://prod:live@db.example/shop")) == ("db.example", "shop")
    assert names(at("postgresql:///shop?host=/srv/production&user=master")) == ("shop",)
    assert names(at("postgresql://live-db/shop?hostaddr=10.0.0.1")) == (
        "live-db", "10.0.0.1", "shop",
    )  # fmt: skip


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:s3cr3t@127.0.0.1:1/shop_production",
        "postgresql://u:s3cr3t@prod-db.example.internal/shop",
        "postgresql://u:s3cr3t@8.8.8.8/shop",
        "postgresql://u:s3cr3t@localhost/shop?hostaddr=8.8.8.8",
        "postgresql://u:s3cr3t@shop.abc123.eu-west-1.rds.invalid/shop",
    ],
)
def test_what_looks_like_production_is_refused_before_it_is_asked(address: str) -> None:
    """By a word of its name or its host's, and by where it is; no password is shown."""
    with pytest.raises(UsageError, match="production") as caught:
        check(address, environment={})
    assert "--i-know" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_user_may_answer_for_a_place() -> None:
    """And for the server's maintenance database; a template is never guarded."""
    assert "--i-know" in refused("postgresql://127.0.0.1/postgres")
    for address in ("postgresql://8.8.8.8/shop", "postgresql://h.invalid/postgres"):
        refuse_place(at(address), override=True)
    for name in ("template0", "template1"):
        assert "template" in refused(f"postgresql://127.0.0.1/{name}", override=True)


def test_places_nearby_pass() -> None:
    """A socket, loopback, a private network."""
    for place in ("", "localhost", "127.0.0.1", "[::1]", "10.0.0.5", "172.20.0.2"):
        refuse_place(at(f"postgresql://{place}/shop"), override=False)


# What answers.


def stands_in(database: PostgresDatabase, *, override: bool = False) -> str:
    """Why what answers is refused."""
    with closing(connect(database)) as session, pytest.raises(UsageError) as caught:
        refuse_stand_in(session, database, override=override)
    return str(caught.value)


def test_a_server_passes(databases: Databases) -> None:
    """The one that is here, by loopback."""
    database = at(databases.make("shop"))
    with closing(connect(database)) as session:
        refuse_stand_in(session, database, override=False)


@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_is_known_before_anything_is_locked(databases: Databases, mode: str) -> None:
    """By its process numbers; or it says itself that it does not take what a session needs."""
    databases.make("shop")
    with pooler(databases.server, mode=mode, ignores="options,extra_float_digits") as port:
        said = stands_in(at(f"postgresql://postgres@127.0.0.1:{port}/shop"))
        assert "pooler" in said
        assert "the server itself" in said
    with (
        pooler(databases.server, mode=mode, ignores="") as port,
        pytest.raises(UsageError, match="pooler"),
    ):
        reached(at(f"postgresql://postgres@127.0.0.1:{port}/shop"))


def test_a_session_that_was_not_told_its_settings_is_a_poolers(databases: Databases) -> None:
    """One that hides its process numbers still forgets what it was sent."""
    database = at(databases.make("shop"))
    with closing(connect(database)) as session:
        session.execute("SET search_path = public")
        with pytest.raises(UsageError, match="pooler"):
            refuse_stand_in(session, database, override=False)


def test_a_server_that_is_too_old_is_refused(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its version and the oldest that works."""
    monkeypatch.setattr(refusals, "OLDEST", 99)
    assert "works from 99 on" in stands_in(at(databases.make("shop")))


def test_other_products_are_refused() -> None:
    """They speak as PostgreSQL does and copy no database as it does."""
    assert not is_other_product("PostgreSQL 18.0 on x86_64-pc-linux-gnu, compiled by gcc")
    assert not is_other_product("PostgreSQL 15.17 (Debian 15.17-0+deb12u1) on x86_64")
    for version in (
        "CockroachDB CCL v24.1.0 (x86_64-pc-linux-gnu)",
        "PostgreSQL 15.2-YB-2025.1.0.0-b0 on x86_64",
        "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.1",
    ):
        assert is_other_product(version)


def test_where_nobody_writes_is_refused(databases: Databases) -> None:
    """A session in which nothing can be written could put nothing back."""
    database = at(databases.make("shop"))
    with (
        closing(connect(database, read_only=True)) as session,
        pytest.raises(UsageError, match="lets nobody write"),
    ):
        refuse_stand_in(session, database, override=False)


def test_the_end_of_a_tunnel_is_looked_at(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is itself at a public address is not this machine's, unless the user knows."""
    database = at(databases.make("shop"))
    monkeypatch.setattr(refusals, "is_public", lambda _: True)
    assert "tunnel" in stands_in(database)
    with closing(connect(database)) as session:
        refuse_stand_in(session, database, override=True)


def test_a_standby_is_refused(databases: Databases) -> None:
    """A real one, made by pg_basebackup: what is restored there would be the primary's."""
    primary = databases.server
    folder = primary.folder / "standby"
    folder.mkdir()
    folder.chmod(0o777)
    made = subprocess.run(
        [*_as_user(primary.folder), str(primary.bin / "pg_basebackup"), "-R", "-c", "fast",
         "-D", str(folder / "data"), "-d", primary.address()],
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    standby = Server(folder, primary.bin, _free_port())
    with (standby.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write(f"port = {standby.port}\nunix_socket_directories = ''\n")
    standby.start()
    try:
        assert "is a standby" in stands_in(at(standby.address()), override=True)
    finally:
        standby.stop("immediate")


# What it holds, and what the role may.


def server_refused(database: PostgresDatabase, recoveries: Sequence[str] = ("template",)) -> str:
    """Why a database, or a role, is refused."""
    with (
        closing(connect(database.named("postgres"))) as door,
        pytest.raises(UsageError) as caught,
    ):
        refuse_server(door, database, recoveries)
    return str(caught.value)


def passes(database: PostgresDatabase, recoveries: Sequence[str] = ("template",)) -> None:
    """Nothing is refused."""
    with closing(connect(database.named("postgres"))) as door:
        refuse_server(door, database, recoveries)


def test_the_rights_of_a_role_are_told_with_the_statements(databases: Databases) -> None:
    """By role and recovery; once they are run, nothing is refused."""
    databases.make("shop")
    databases.admin("CREATE ROLE small LOGIN")
    small = at(databases.address("shop", user="small"))
    said = server_refused(small)
    assert "the role small does not have: it may not create databases" in said
    statements = said.partition("as a superuser: ")[2].split("; ")
    assert statements == [
        "ALTER ROLE small CREATEDB",
        "ALTER DATABASE shop OWNER TO small",
        "GRANT pg_read_all_data TO small",
    ]
    databases.run("shop", *statements)
    passes(small)


def test_with_these_rights_a_trip_is_made(databases: Databases) -> None:
    """They suffice: what other roles own, and change while it is guarded, comes back."""
    databases.make("shop")
    databases.admin("CREATE ROLE small LOGIN", "CREATE ROLE app LOGIN")
    databases.run("shop", "ALTER TABLE team OWNER TO app", "ALTER TABLE person OWNER TO app")
    small = at(databases.address("shop", user="small"))
    databases.run("shop", *server_refused(small).partition("as a superuser: ")[2].split("; "))
    databases.admin("GRANT pg_signal_backend TO small")
    with ExitStack() as after, Guard(small):
        app = after.enter_context(closing(databases.connect("shop", user="app")))
        app.execute("DELETE FROM team WHERE id = 1")
        databases.run("shop", "CREATE TABLE left_over (a int)")
    assert databases.run("shop", "SELECT count(*) FROM person") == [(20,)]
    assert databases.run("shop", "SELECT to_regclass('left_over')") == [(None,)]
    assert databases.left("shop", "small", "app") == set()


def test_recoveries_are_chosen_by_rights(databases: Databases) -> None:
    """Those that lack none; all where each lacks some, so that it is told which."""
    databases.make("shop")
    databases.admin("CREATE ROLE small LOGIN", "CREATE ROLE app")
    databases.run("shop", "ALTER TABLE team OWNER TO app", "ALTER TABLE person OWNER TO app")
    small = at(databases.address("shop", user="small"))
    both = ("dump", "template")
    with closing(connect(small.named("postgres"))) as door:
        assert refusals.fitting(door, small, both) == both
        assert refusals.fitting(door, small.named("none"), both) == both
        for statement in server_refused(small).partition("as a superuser: ")[2].split("; "):
            databases.run("shop", statement)
        assert refusals.fitting(door, small, both) == ("template",)


def test_a_managed_servers_role_is_named(databases: Databases) -> None:
    """In place of a superuser, whom nobody has there."""
    databases.make("shop")
    databases.admin("CREATE ROLE small LOGIN", "CREATE ROLE neon_superuser")
    said = server_refused(at(databases.address("shop", user="small")))
    assert "as a member of neon_superuser" in said


def test_a_role_with_few_sessions_is_refused(databases: Databases) -> None:
    """A guard needs some at once."""
    databases.make("shop")
    databases.admin("CREATE ROLE small LOGIN CREATEDB CONNECTION LIMIT 4")
    said = server_refused(at(databases.address("shop", user="small")))
    assert said.endswith("ALTER ROLE small CONNECTION LIMIT -1")


def test_a_session_that_cannot_be_ended_is_told(databases: Databases) -> None:
    """Another role's with the right to give, a superuser's with what to close; an own one not."""
    databases.make("shop")
    databases.admin(
        "CREATE ROLE small LOGIN CREATEDB",
        "CREATE ROLE app LOGIN",
        "GRANT pg_read_all_data TO small",
        "ALTER DATABASE shop OWNER TO small",
    )
    small = at(databases.address("shop", user="small"))
    with closing(databases.connect("shop", user="small")):
        passes(small)
    with closing(databases.connect("shop", user="app")) as app:
        said = server_refused(small)
        assert f"process {app.info.backend_pid} of the server" in said
        assert said.endswith("GRANT pg_signal_backend TO small")
        databases.admin("GRANT pg_signal_backend TO small")
        passes(small)
    with closing(databases.connect("shop")):
        assert "a session of the superuser postgres" in server_refused(small)
        passes(at(databases.address("shop")))


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ("SELECT pg_create_logical_replication_slot('feed', 'pgoutput')", "replication slot feed"),
        ("CREATE SUBSCRIPTION \"Sub\" CONNECTION 'host=127.0.0.1' PUBLICATION p"
         " WITH (connect = false, slot_name = NONE)", "subscription Sub"),
        ("BEGIN; INSERT INTO team VALUES (9, 'x'); PREPARE TRANSACTION 'it''s'",
         "prepared transaction it's"),
    ],
)  # fmt: skip
def test_what_is_bound_to_the_database_is_refused_by_name(
    databases: Databases, made: str, what: str
) -> None:
    """A restore would leave it with another database; what removes it is told, and does."""
    database = at(databases.make("shop"))
    databases.make("other")
    databases.run("shop", *made.split("; "))
    said = server_refused(database)
    assert what in said
    passes(at(databases.address("other")))
    databases.run("shop", said.partition("remove it first: ")[2])
    passes(database)


def test_a_template_database_is_refused(databases: Databases) -> None:
    """A backup of a guard's is one."""
    database = at(databases.make("shop"))
    databases.admin("ALTER DATABASE shop IS_TEMPLATE true")
    said = server_refused(database)
    databases.admin(said.partition("run: ")[2])
    passes(database)


def test_who_is_not_let_in_is_told_why(databases: Databases, tmp_path: Path) -> None:
    """A role or a database that is not there, a server that is not, a database that is closed."""
    databases.make("shop")
    databases.admin("ALTER DATABASE shop ALLOW_CONNECTIONS false")
    port = databases.server.port
    for address, why in (
        (databases.address("shop"), "ALLOW_CONNECTIONS true"),
        (databases.address("shop", user="nobody_here"), "Check the name"),
        ("postgresql://u:s3cret@127.0.0.1:1/shop", "whether the server runs there"),
        (f"postgresql:///shop?host={tmp_path}&port={port}", "the folder of the socket"),
    ):
        with pytest.raises(UsageError, match=why) as caught:
            reached(at(address))
        assert "s3cret" not in str(caught.value)


def test_what_writes_whenever_anybody_connects_is_refused(databases: Databases) -> None:
    """The guard connects as well, so no two looks would be the same; disabled it is no matter."""
    if int(databases.admin("SHOW server_version_num")[0][0]) < 170000:
        pytest.skip("this server has no triggers for logins")
    given = databases.make("app_dev")
    databases.run(
        "app_dev",
        "CREATE FUNCTION heard() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER hears ON login EXECUTE FUNCTION heard()",
    )
    target = target_of(given)
    with pytest.raises(UsageError, match="ALTER EVENT TRIGGER hears DISABLE"):
        target.refuse_unfit(["template"])
    databases.run("app_dev", "ALTER EVENT TRIGGER hears DISABLE")
    target.refuse_unfit(["template"])
    target.journal.release()
