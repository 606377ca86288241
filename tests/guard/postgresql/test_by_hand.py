"""Back up, verify and restore by hand on a real server: content, names, strangers, kills."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from typing import Any

import pytest

from harness import registry
from harness.databases.engines import address_of
from harness.errors import UsageError
from harness.guard import by_hand
from harness.guard.by_hand import backup, restore, verify
from harness.guard.command import run_recover
from tests.postgres import Databases

DAMAGES = {
    "rows": ("DELETE FROM person WHERE id < 4", "person: 0 added, 3 missing, 0 changed"),
    "a table": ("CREATE TABLE more (a int)", "table more added"),
    "a table less": ("DROP TABLE person", "table person missing"),
}


def killed_guard(database: str, statement: str) -> None:
    """Guard a database, let its tests run a statement, and kill the guard."""
    script = (
        "import harness, psycopg, os, sys, signal\n"
        "g = harness.guard(sys.argv[1]); g.__enter__()\n"
        "psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, database, statement],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr


def rows(databases: Databases, name: str) -> list[Any]:
    """Read what a restore must bring back."""
    return databases.run(name, "SELECT id, team, name FROM public.person ORDER BY id")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_brings_back_what_was_damaged(databases: Databases, damage: str) -> None:
    """Verify names the damage, restore brings the content back, and what it replaced is kept."""
    address, before = databases.make("shop"), None
    before = rows(databases, "shop")
    saved = backup(address, "shop_before")
    assert saved.size_bytes > 1_000_000
    assert verify(address, "shop_before").clean("exact")
    statement, said = DAMAGES[damage]
    databases.run("shop", statement)
    assert said in verify(address, "shop_before").sentences()
    restored = restore(address, "shop_before")
    assert restored.how == "template"
    assert rows(databases, "shop") == before
    assert restored.thrown_away is not None
    assert not verify(address, restored.thrown_away.name).clean("exact")
    assert databases.left("shop", "shop_before") == {f"database {restored.thrown_away.name}"}


def test_what_is_equal_is_not_written(databases: Databases) -> None:
    """A restore onto what the database already is writes nothing and keeps no archive."""
    address = databases.make("shop")
    backup(address, "shop_before")
    number = databases.admin("SELECT oid FROM pg_database WHERE datname = 'shop'")
    restored = restore(address, "shop_before")
    assert (restored.how, restored.thrown_away) == ("", None)
    assert databases.admin("SELECT oid FROM pg_database WHERE datname = 'shop'") == number
    assert "nothing was written" in restored.sentence("shop", "shop_before")


def test_an_archive_is_a_backup(databases: Databases) -> None:
    """What a restore threw away can be put back by its name, and the list has that name."""
    address = databases.make("shop")
    backup(address, "shop_before")
    databases.run("shop", "UPDATE team SET name = 'green' WHERE id = 1")
    first = restore(address, "shop_before").thrown_away
    assert first is not None
    assert first.name in by_hand.archives(address)
    restore(address, first.name)
    assert databases.run("shop", "SELECT name FROM public.team WHERE id = 1") == [("green",)]


def test_a_database_that_is_gone_comes_back(databases: Databases) -> None:
    """Restore makes what was dropped anew, with its owner, and has nothing to keep."""
    databases.admin("CREATE ROLE shopkeeper")
    address = databases.make("shop")
    databases.admin("ALTER DATABASE shop OWNER TO shopkeeper")
    backup(address, "shop_before")
    databases.admin("DROP DATABASE shop")
    assert restore(address, "shop_before").thrown_away is None
    assert len(rows(databases, "shop")) == 20


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop", "the database itself"),
        ("template0", "the server's own"),
        ("postgres", "the server's own"),
        ("other", "is there already and was not touched"),
        ("x" * 64, "longer than the 63 bytes"),
        ("", "give the name of a database"),
        ("postgresql://postgres@127.0.0.2:1/copy", "on another server|cannot be connected to"),
        ("sqlite:///copy.db", "on another server|sqlite:"),
    ],
)
def test_a_name_that_cannot_be_a_backups(databases: Databases, name: str, said: str) -> None:
    """Each is refused with its reason, and nothing is made."""
    address = databases.make("shop")
    databases.make("other", script="")
    with pytest.raises(UsageError, match=said):
        backup(address, name)
    assert databases.left("shop", "other") == set()


def test_a_backup_is_named_by_address_too(databases: Databases) -> None:
    """An address of the same server is taken, also where its host is written otherwise."""
    address = databases.make("shop")
    elsewhere = databases.address("copy").replace("127.0.0.1", "localhost")
    backup(address, elsewhere)
    assert verify(address, "copy").clean("exact")


def test_a_backup_of_another_database_needs_force(databases: Databases) -> None:
    """It is refused by what it says of itself, and nothing is touched; force lifts that."""
    shop, other = databases.make("shop"), databases.make("other", "CREATE TABLE a (b int)")
    backup(other, "of_other")
    with pytest.raises(UsageError, match=r"of_other is a backup of other.*--force"):
        restore(shop, "of_other")
    assert len(rows(databases, "shop")) == 20
    restore(shop, "of_other", force=True)
    assert databases.run("shop", "SELECT count(*) FROM public.a") == [(0,)]


def test_what_no_backup_made_needs_force(databases: Databases) -> None:
    """Any database can be restored from, but only by force."""
    shop = databases.make("shop")
    databases.make("other", "CREATE TABLE a (b int)")
    with pytest.raises(UsageError, match="is no backup that was made here"):
        restore(shop, "other")
    restore(shop, "other", force=True)
    assert verify(shop, "other").clean("exact")


def test_a_backup_that_another_role_planted_is_not_believed(databases: Databases) -> None:
    """A comment that says whose backup it is can be written by anybody who may make a database."""
    address = databases.make("shop")
    backup(address, "shop_before")
    ((said,),) = databases.admin(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname='shop_before'"
    )
    databases.admin("DROP DATABASE shop_before", "CREATE ROLE mallory LOGIN CREATEDB")
    databases.run(
        "postgres",
        "CREATE DATABASE shop_before",
        "COMMENT ON DATABASE shop_before IS $e$" + said + "$e$",
        user="mallory",
    )
    assert "table person added" in verify(address, "shop_before").sentences()
    with pytest.raises(UsageError, match="is of the role mallory"):
        restore(address, "shop_before")
    assert len(rows(databases, "shop")) == 20


def test_no_such_backup(databases: Databases) -> None:
    """Verify and restore name what is not there."""
    address = databases.make("shop")
    for verb in (verify, restore):
        with pytest.raises(UsageError, match="no_such: there is no such database"):
            verb(address, "no_such")


def test_no_such_database(databases: Databases) -> None:
    """Backup and verify say so in one sentence."""
    address = databases.address("nobody")
    for verb in (verify, backup):
        with pytest.raises(UsageError, match="does not exist"):
            verb(address, "copy")


def test_who_is_connected_is_not_disturbed_by_a_backup(databases: Databases) -> None:
    """A session stays; where only a clone can be made, the backup is refused and names it."""
    address = databases.make("shop")
    with closing(databases.connect("shop")) as session:
        if "dump" in registry.names("recovery"):
            backup(address, "shop_before")
            assert verify(address, "shop_before").clean("exact")
        else:
            with pytest.raises(UsageError, match=f"process {session.info.backend_pid}"):
                backup(address, "shop_before")
        assert session.execute("SELECT 1").fetchall() == [(1,)]


def test_what_a_killed_guard_meant_to_bring_back_is_void(databases: Databases) -> None:
    """Restored by hand, the guard's own baseline becomes an archive, and nobody brings it back."""
    address = databases.make("shop")
    backup(address, "shop_before")
    databases.run("shop", "UPDATE team SET name = 'green' WHERE id = 1")
    killed_guard(address, "DELETE FROM person")
    restored = restore(address, "shop_before")
    assert restored.put_away is not None
    assert len(restored.put_away) == 1
    assert "brought back by nobody any more" in restored.sentence("shop", "shop_before")
    assert run_recover(address, say=print) == 0
    assert len(rows(databases, "shop")) == 20
    restore(address, restored.put_away[0].name)
    assert databases.run("shop", "SELECT name FROM public.team WHERE id = 1") == [("green",)]


def test_discard_keeps_the_database_as_it_is(databases: Databases) -> None:
    """What the killed guard had backed up becomes an archive, and the next finds nothing to do."""
    address = databases.make("shop")
    killed_guard(address, "DELETE FROM person")
    said = by_hand.discard(address_of(address))
    assert "stays as it is" in said
    assert "harness_archive_" in said
    assert rows(databases, "shop") == []
    assert "nothing to do" in by_hand.discard(address_of(address))


def test_json_and_no_password(databases: Databases) -> None:
    """What is told to programs is whole; what is told to people shows no password."""
    address = databases.make("shop").replace("postgres@", "postgres:s3cret@")
    said = backup(address, "shop_before").sentence(by_hand.shown(address))
    databases.run("shop", "DELETE FROM person")
    found = json.loads(by_hand.as_json(verify(address, "shop_before")))
    assert found["tables"]["person"]["missing"] == 20
    said += restore(address, "shop_before").sentence(by_hand.shown(address), "shop_before")
    assert "s3cret" not in said
