"""What differs between a database and its baseline."""

from __future__ import annotations

import psycopg
import pytest

from harness.databases import Differences
from harness.databases.engines import address_of
from harness.databases.postgresql import differences as module
from harness.databases.postgresql.address import PostgresDatabase
from harness.databases.postgresql.differences import differences
from harness.recovery.template import Template
from harness.system.files import Files
from tests.postgres import Databases


def address(given: str) -> PostgresDatabase:
    """The address, as the engine makes it."""
    made = address_of(given)
    assert isinstance(made, PostgresDatabase)
    return made


def captured(databases: Databases) -> Template:
    """A clone of a database of two tables."""
    live = address(databases.make())
    made = Template(live, live.named("app_dev_e2e_backup"), files=Files())
    made.capture()
    return made


def found(template: Template, *, quiet: bool = False) -> Differences:
    """What differs from that clone."""
    return differences(template.database, template.backup, quiet=quiet)


CHANGES = {
    "rows": ("DELETE FROM team WHERE id = 2", "person: 0 added, 10 missing, 0 changed"),
    "a sequence": ("SELECT nextval('person_id_seq')", "sequence person_id_seq: "),
    "a definition": ("ALTER TABLE team ADD CHECK (id > 0)", "added"),
    "a large object": ("SELECT lo_from_bytea(4711, 'x')", "pg_largeobject: 1 added"),
    "the database's own": ("ALTER DATABASE app_dev CONNECTION LIMIT 7", "connection limit"),
    "its comment": ("COMMENT ON DATABASE app_dev IS 'mine'", "comment"),
}


@pytest.mark.parametrize(("statement", "said"), CHANGES.values(), ids=CHANGES)
def test_each_part_is_looked_at(databases: Databases, statement: str, said: str) -> None:
    """Whatever the tests change is told, and nothing is before they do."""
    template = captured(databases)
    assert found(template).sentences() == []
    databases.run("app_dev", statement)
    assert any(said in sentence for sentence in found(template).sentences())


def test_a_database_that_is_no_backup_is_compared_by_content(databases: Databases) -> None:
    """Two that were made by the same script are equal; what is the database's own is not asked."""
    one, other = databases.make("one_dev"), databases.make("other_dev")
    databases.admin("ALTER DATABASE other_dev CONNECTION LIMIT 3")
    assert differences(address(one), address(other)).sentences() == []
    databases.run("one_dev", "UPDATE team SET name = 'x' WHERE id = 1")
    assert differences(address(one), address(other)).sentences() == [
        "team: 0 added, 0 missing, 1 changed"
    ]


def test_one_made_anew_is_not_taken_for_the_one_that_was_backed_up(databases: Databases) -> None:
    """Its rows may be older than the backup, as those of another model: they are read."""
    databases.make("golden", "")
    databases.run("golden", "CREATE TABLE team (id int PRIMARY KEY, name text)")
    databases.run("golden", "INSERT INTO team VALUES (1, 'other'), (2, 'rows')")
    live = address(databases.make("app_dev", "CREATE TABLE team (id int PRIMARY KEY, name text)"))
    databases.run("app_dev", "INSERT INTO team VALUES (1, 'red'), (2, 'blue')")
    template = Template(live, live.named("app_dev_e2e_backup"), files=Files())
    template.capture()
    databases.admin("DROP DATABASE app_dev", "CREATE DATABASE app_dev TEMPLATE golden")
    assert len(found(template).tables["team"].changed) == 2


def test_where_nobody_has_written_only_sequences_are_asked(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They move without a transaction that would show."""
    template = captured(databases)
    monkeypatch.setattr(module, "rows", None)  # nothing else is looked at
    assert found(template, quiet=True).clean("exact")
    databases.run("app_dev", "SELECT nextval('person_id_seq')")
    assert list(found(template, quiet=True).sequences) == ["person_id_seq"]


def test_a_lock_that_is_not_had_is_raised(databases: Databases) -> None:
    """What could not be compared is never equal."""
    template = captured(databases)
    with databases.connect("app_dev") as other, other.transaction():
        other.execute("LOCK TABLE team IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            differences(template.database, template.backup, busy_timeout_ms=20)


def test_what_a_crash_has_emptied_on_both_sides_is_told(databases: Databases) -> None:
    """It empties the UNLOGGED tables of the backup too, so that nothing differs any more."""
    live = address(databases.make("app_dev", "CREATE UNLOGGED TABLE cache AS SELECT 1 AS a"))
    template = Template(live, live.named("app_dev_e2e_backup"), files=Files())
    template.capture()
    assert found(template).sentences() == []
    for name in ("app_dev", "app_dev_e2e_backup"):
        databases.run(name, "TRUNCATE cache")
    assert found(template).sentences() == [
        "UNLOGGED table cache was emptied by a crash of the server, in the backup as well"
    ]


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("n int, s int, t int", "100000 + i, i, i"),
        ("n text, s text, t text", "'a' || i, 'b', 'c'"),
        ("n int, p int, g int", "-i, 1, 2"),
        ("ctid_ int, row int, many int", "i, i, i"),
    ],
)
def test_no_name_of_a_column_is_in_the_way(databases: Databases, columns: str, values: str) -> None:
    """Of a table that is looked at in parts, whatever its columns are called."""
    live = address(databases.make("app_dev", ""))
    databases.run(
        "app_dev",
        f"CREATE TABLE item (id int PRIMARY KEY, {columns}, v text)",
        f"INSERT INTO item SELECT i, {values}, repeat('x', 100) FROM generate_series(1, 5000) i",
    )
    template = Template(live, live.named("app_dev_e2e_backup"), files=Files())
    template.capture()
    assert found(template).sentences() == []
    databases.run(
        "app_dev", "UPDATE item SET v = 'y' WHERE id = 7", "DELETE FROM item WHERE id = 4000"
    )
    assert found(template).sentences() == ["item: 0 added, 1 missing, 1 changed"]
