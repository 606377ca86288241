from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from harness.cleanup.given.project import OwnCleanup
from harness.databases.sqlite.session import connect
from harness.faults import Planned, Shape, Slot
from harness.faults.reach.scene import Scene
from harness.faults.schedule.injector import Injector
from harness.faults.unseen_child import UnseenChild
from harness.processes.actions import Sql
from harness.processes.context import Context
from harness.retry import Retry
from harness.steps import Step

SCHEMA = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE "log ins" (id TEXT PRIMARY KEY NOT NULL CHECK (length(id) = 8),
  user_id INT NOT NULL UNIQUE REFERENCES users ON DELETE RESTRICT,
  kind TEXT NOT NULL CHECK (kind IN ('web', 'app')));
CREATE TABLE soft (id INTEGER PRIMARY KEY, user_id INT REFERENCES users ON DELETE CASCADE);
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
"""
TEST_DATA = "INSERT INTO users VALUES (7, 'Test'), (8, 'Test')"
DELETE = "DELETE FROM users WHERE name = 'Test'"
OWN = (Slot("cleanup", "statement 1", 1),)


class Place:
    """A project's database after its tests, beside the baseline it had before."""

    def __init__(self, folder: Path, schema: str = SCHEMA, data: str = TEST_DATA) -> None:
        self.pristine, self.database = folder / "pristine", folder / "own.sqlite3"
        with closing(apsw.Connection(str(self.pristine))) as connection:
            connection.execute(schema)
        shutil.copyfile(self.pristine, self.database)
        with closing(connect(self.database)) as connection:
            connection.execute(data)
        self.scene = Scene(
            self.database, busy_timeout_ms=20, size_bytes=0, backups={}, pristine=self.pristine
        )

    def rows(self, table: str) -> list[tuple[object, ...]]:
        """Read a table."""
        with closing(connect(self.database)) as connection:
            return list(connection.execute(f'SELECT * FROM "{table}"'))

    def struck(self, lasting: str, *, where: float = 0.5, cleans: bool = True):  # noqa: ANN201 - an entry of the ledger
        """Plan one strike, run the project's own cleanup by SQL, and give the ledger's entry."""
        injector = Injector(self.scene, [Planned("unseen_child", OWN[0], lasting, where)])
        failures = []
        if cleans:
            report = OwnCleanup(Sql((DELETE,)), lambda: Context(self.database, 0, 1)).clean(
                self.database,
                (),
                connect=self.scene.connect,
                retry=Retry(1, 0),
                listener=injector.listener,
            )
            failures = report.failures
        else:
            injector.listener(Step("cleanup", "statement 1", 1))
        entry = injector.finish(failures)[0]
        assert injector.error is None
        return entry


def test_the_database_refuses_the_cleanup(folder: Path) -> None:
    """A child row that every constraint takes is there; the DELETE fails, and that is surfaced."""
    place = Place(folder)
    entry = place.struck("cycle")
    assert entry.fired
    assert entry.surfaced
    ((key, user, kind),) = place.rows("log ins")
    assert len(str(key)) == 8
    assert kind in ("web", "app")
    assert entry.evidence == f"log ins {key} committed, refers to users {user}"
    assert user in (7, 8), "it refers to a row the tests made, never to the baseline's"
    assert len(place.rows("users")) == 4


def test_for_one_attempt_it_is_taken_away_again(folder: Path) -> None:
    """Lasting for one attempt nothing of it stays, and no connection is left open."""
    place = Place(folder)
    assert place.struck("attempt").surfaced
    assert place.rows("log ins") == []
    with closing(connect(place.database, busy_timeout_ms=0)) as connection:
        connection.execute("BEGIN EXCLUSIVE")


def test_where_chooses_the_row(folder: Path) -> None:
    """The plan's draw chooses which of the new rows gets the child."""
    users = set()
    for number, where in enumerate((0.0, 0.99)):
        home = folder / str(number)
        home.mkdir()
        place = Place(home)
        place.struck("cycle", where=where)
        users.add(place.rows("log ins")[0][1])
    assert users == {7, 8}


@pytest.mark.parametrize(
    ("schema", "data"),
    [
        (SCHEMA, "DELETE FROM users WHERE id = 2"),
        ("CREATE TABLE users (id INTEGER PRIMARY KEY, name)", "INSERT INTO users VALUES (1, 'x')"),
        (
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name);"
            "CREATE TABLE c (u INT NOT NULL REFERENCES users CHECK (u < 0))",
            "INSERT INTO users VALUES (1, 'x')",
        ),
    ],
    ids=["nothing new", "nothing restricts", "no child can be"],
)
def test_it_does_not_fire_where_it_cannot(folder: Path, schema: str, data: str) -> None:
    """No new row, no restricting key, no child the schema takes: nothing is claimed or changed."""
    place = Place(folder, schema, data)
    before = place.database.read_bytes()
    entry = place.struck("cycle", cleans=False)
    assert not entry.fired
    assert place.database.read_bytes() == before


def test_locked_out_it_does_not_fire(folder: Path) -> None:
    """While somebody else writes, no child can be committed: it did not fire."""
    place = Place(folder)
    with closing(connect(place.database)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert not place.struck("cycle", cleans=False).fired


@pytest.mark.parametrize(
    ("schema", "data", "evidence"),
    [
        (
            "CREATE TABLE users (a TEXT, b INT, name TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;"
            "INSERT INTO users VALUES ('z', 9, 'old');"
            "CREATE TABLE c (id INTEGER PRIMARY KEY, x TEXT, y INT, "
            "FOREIGN KEY (x, y) REFERENCES users)",
            "INSERT INTO users VALUES ('a', 1, 'Test')",
            "c 1 committed, refers to users a 1",
        ),
        (
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, boss INT REFERENCES users);"
            "INSERT INTO users VALUES (5, 'old', NULL)",
            "INSERT INTO users VALUES (2, 'Test', 5)",
            "users 6 committed, refers to users 2",
        ),
    ],
    ids=["a composite key", "itself, in a gap"],
)
def test_new_rows_are_found_by_any_key(folder: Path, schema: str, data: str, evidence: str) -> None:
    """Composite keys, tables without rowid, references to the same table, keys put into a gap."""
    assert Place(folder, schema, data).struck("cycle").evidence == evidence


def test_a_command_may_say_what_it_likes(folder: Path) -> None:
    """SQL must fail by the foreign key to count as surfaced; other code has words of its own."""
    place = Place(folder)
    for operation, reasons in (("statement 1", {"foreign-key violation"}), ("command", None)):
        fault = UnseenChild(place.scene, Planned("unseen_child", OWN[0], "attempt", 0.5))
        fault.strike(Step("cleanup", operation, 1))
        assert fault.reasons == reasons
        fault.lift()
    assert place.rows("log ins") == []


def test_slots_and_why_never() -> None:
    """It strikes at every attempt of a cleanup of the user's own, where a foreign key restricts."""
    restricted = frozenset({"users"})
    shape = Shape((), True, True, (), 3, restricted, own=OWN)
    assert UnseenChild.slots(shape) == list(OWN)
    assert UnseenChild.why_never(shape) is None
    for other, why in (
        (Shape((), False, True, (), 3, restricted, own=OWN), "runs no cleanup"),
        (Shape((), True, True, (), 3, restricted), "none of the user's own"),
        (Shape((), True, True, (), 3, own=OWN), "no restricting foreign key"),
    ):
        assert UnseenChild.slots(other) == []
        assert why in str(UnseenChild.why_never(other))
