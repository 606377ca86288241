from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from harness.databases.sqlite.session import connect
from harness.faults import Shape
from harness.faults.foreign_key import ForeignKey
from harness.faults.reach.scene import Scene, restricted_tables
from harness.steps import Entity, Step
from tests.faults.conftest import ENTITIES, Stage, plan
from tests.faults.served import Served


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("delete users 7", apsw.SQLITE_CONSTRAINT_TRIGGER),  # ON DELETE RESTRICT
        ("delete bots 8", apsw.SQLITE_CONSTRAINT_FOREIGNKEY),  # NO ACTION
    ],
)
def test_the_database_itself_refuses(stage: Stage, operation: str, code: int) -> None:
    """The DELETE fails with SQLite's own code, RESTRICT's included; a retry beats one attempt."""
    injector = stage.injector(plan("foreign_key", operation))
    report = stage.clean(injector)
    assert [(f.step.operation, f.reason, f.code) for f in report.failures] == [
        (operation, "foreign-key violation", code)
    ]
    assert report.ok
    (entry,) = injector.finish(report.failures)
    assert entry.fired
    assert entry.surfaced
    assert injector.error is None
    assert stage.nothing_survives()  # while the fault itself is still there
    assert stage.rows("SELECT count(*) FROM users, bots, notes") == [(2 * 2 * 2,)]  # as it was


@pytest.mark.parametrize("lasting", ["phase", "cycle"])
def test_no_retry_beats_what_stays(stage: Stage, lasting: str) -> None:
    """Nobody takes the child row away: three attempts fail, and it is one more thing left."""
    injector = stage.injector(plan("foreign_key", "delete bots 9", lasting))
    report = stage.clean(injector)
    assert [f.step.attempt for f in report.failures if f.step.operation == "delete bots 9"] == [
        1,
        2,
        3,
    ]
    assert report.removed == {"bots": 1}  # nor can the user go while the bot stays
    assert injector.finish(report.failures)[0].surfaced
    assert stage.rows("SELECT body FROM notes WHERE bot_id = 9") == [("hello",)]


def test_a_child_that_cascades_is_masked(stage: Stage) -> None:
    """A planted child that the database deletes by itself: fired, and nobody could notice."""
    stage.scene._children["users"] = ("logins", "user_id", "id")
    injector = stage.injector(plan("foreign_key", "delete users 7"))
    report = stage.clean(injector)
    assert report.failures == []
    (entry,) = injector.finish(report.failures)
    assert (entry.fired, entry.surfaced) == (True, False)
    assert entry.evidence.startswith("logins 3 committed")


def test_two_at_once_do_not_undo_each_other(stage: Stage) -> None:
    """A child that stays does not keep another from being taken away."""
    injector = stage.injector(
        plan("foreign_key", "delete bots 9", "phase"), plan("foreign_key", "delete bots 8")
    )
    report = stage.clean(injector)
    assert [e.label for e, _ in report.failed] == ["delete bots 9", "delete users 7"]
    assert all(entry.surfaced for entry in injector.finish(report.failures))
    assert stage.rows("SELECT bot_id FROM notes WHERE id > 2") == [(9,)]


def test_with_a_lock_at_the_same_attempt(stage: Stage) -> None:
    """The lock that came after the child row does not keep it from being taken away again."""
    injector = stage.injector(
        plan("foreign_key", "delete bots 9"), plan("timeout", "delete bots 9")
    )
    report = stage.clean(injector)
    assert report.ok
    assert [f.reason for f in report.failures] == ["timeout"]
    child, lock = injector.finish(report.failures)
    assert (child.fired, child.surfaced) == (True, False)  # the lock was in the way first
    assert (lock.fired, lock.surfaced) == (True, True)
    assert child.evidence.endswith("bots 9")


def test_nothing_fires_where_it_cannot(stage: Stage) -> None:
    """No evidence while a lock keeps writers out, without a parent, or without a row to copy."""
    injector = stage.injector(
        plan("timeout", "delete bots 9", "phase"), plan("foreign_key", "delete bots 8")
    )
    report = stage.clean(injector, ENTITIES[1:], attempts=1)
    assert [e.fired for e in injector.finish(report.failures)] == [True, False]
    for operation in ("delete bots 77", "delete notes 1"):
        injector = stage.injector(plan("foreign_key", operation))
        injector.listener(Step(*injector._faults[0].planned.slot))
        assert injector.finish([])[0].fired is False
    connection = connect(stage.database)
    connection.execute("DELETE FROM notes")
    connection.close()
    injector = stage.injector(plan("foreign_key", "delete bots 8"))
    report = stage.clean(injector)
    assert report.ok
    assert injector.finish(report.failures)[0].fired is False
    assert injector.error is None


AWKWARD = """
CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT UNIQUE, "group" INTEGER, place INTEGER,
  UNIQUE ("group", place));
CREATE TABLE seats (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER,
  FOREIGN KEY (a, b) REFERENCES people ("group", place));
CREATE TABLE pairs (one INTEGER REFERENCES people, two INTEGER, PRIMARY KEY (one, two));
CREATE TABLE "select" (id INTEGER PRIMARY KEY, "from" TEXT REFERENCES PEOPLE (email));
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES tree);
CREATE TABLE bare (id INTEGER PRIMARY KEY);
CREATE TABLE none (id INTEGER PRIMARY KEY, bare INTEGER REFERENCES bare);
INSERT INTO people VALUES (1, 'a@x.test', 1, 1), (2, 'b@x.test', 1, 2);
INSERT INTO seats VALUES (1, 1, 1);
INSERT INTO pairs VALUES (1, 1);
INSERT INTO "select" VALUES (1, 'a@x.test');
INSERT INTO tree VALUES (1, NULL);
INSERT INTO bare VALUES (1);
"""


def test_only_references_that_a_copied_row_can_make(folder: Path) -> None:
    """Keys of two columns, unique and empty tables, self references do not count; others do."""
    database = folder / "awkward.sqlite3"
    connection = apsw.Connection(str(database))
    connection.execute(AWKWARD)
    assert restricted_tables(connection) == {"people"}
    connection.close()
    scene = Scene(database, busy_timeout_ms=0, size_bytes=0, backups={})
    fault = ForeignKey(scene, plan("foreign_key", "delete people 2"))
    fault.strike(Step(*fault.planned.slot))
    connection = connect(database)
    assert list(connection.execute('SELECT "from" FROM "select"')) == [
        ("a@x.test",),
        ("b@x.test",),  # the column that is referred to, not the key
    ]
    with pytest.raises(apsw.ConstraintError, match="FOREIGN KEY"):
        connection.execute("DELETE FROM people WHERE id = 2")
    fault.lift()
    connection.execute("DELETE FROM people WHERE id = 2")
    connection.close()


def test_opportunities(stage: Stage) -> None:
    """Every attempt at deleting a row that something could refer to; else it says why never."""
    slots = ForeignKey.slots(stage.shape())
    assert [(s.operation, s.attempt) for s in slots] == [
        (entity.label, attempt) for entity in ENTITIES for attempt in (1, 2, 3)
    ]
    other = (
        Entity("bots", (("id", 8), ("name", "x"))),
        Entity("bots", (("id", 1),), before=(("name", "x"),)),
        Entity("bots", (("id", 2),), after=True),
        Entity("notes", (("id", 1),)),
    )
    shape = Shape(other, True, True, (), 3, stage.restricted)
    assert ForeignKey.slots(shape) == []
    assert "no restricting foreign key" in str(ForeignKey.why_never(shape))
    assert "no cleanup" in str(ForeignKey.why_never(stage.shape(cleans=False)))
    assert ForeignKey.why_never(stage.shape()) is None


def test_through_the_backend(served: Served) -> None:
    """The backend answers 409 and the constraint; a retry beats one attempt, none what stays."""
    for entity, lasting, attempts in ((served.last, "attempt", 1), (served.first, "phase", 3)):
        injector = served.injector(plan("foreign_key", entity.label, lasting))
        report = served.clean(injector, [entity])
        assert [(f.reason, f.code) for f in report.failures] == [
            ("foreign-key violation", 409)
        ] * attempts
        assert report.ok is (lasting == "attempt")
        assert injector.finish(report.failures)[0].surfaced
    assert served.left() == [served.first.key[0][1]]
