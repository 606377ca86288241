"""What every engine must do: back up, differ, restore, recover, refuse, archive, and keep a log.

Written against what is asked of engines, targets and recoveries; a folder of ``harness.databases``
without a file here that says how to make its databases fails.
"""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import pytest

from harness import registry
from harness.databases import engines
from harness.databases.engines import address_of
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard import Guard, recover, refusals
from harness.guard.journal import CAPTURED, CAPTURING, AtWork
from harness.guard.target import pending, target_of
from harness.system.files import Files
from tests.contract.subject import Subject
from tests.guard.killing import forked

PRISTINE = [(1, "one"), (2, "two")]
TESTS = "INSERT INTO item (name) VALUES ('e2e')"


@pytest.fixture(params=engines.built_in())
def subject(request: pytest.FixtureRequest, folder: Path) -> Subject:
    """How to deal with an engine's databases."""
    made: Subject = importlib.import_module(f"tests.contract.{request.param}").Subject(
        folder, request
    )
    return made


def chains(subject: Subject) -> list[str]:
    """Every recovery that says it is for the engine, and that all comes back by it."""
    name = address_of(subject.make("any_dev")).engine.name
    known = [registry.find("recovery", one) for one in registry.names("recovery")]
    return [kind.name for kind in known if name in kind.engines and not kind.rows_alone]


# Address.


def test_an_address_is_made_once_and_means_the_same_anywhere(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Given whole, in another folder, it is the same database; printed it is what was given."""
    given = subject.make()
    address = address_of(given)
    monkeypatch.chdir(tmp_path)
    again = address_of(address.whole)
    assert (again.engine, again.whole) == (address.engine, address.whole)
    assert address.absolute().whole == address.whole
    assert str(address) == given
    assert address.name == "app_dev"


# Back up, differ, restore.


def test_every_recovery_brings_everything_back(subject: Subject) -> None:
    """Rows added, changed and gone, a table made, a sequence moved: found, and put back exactly."""
    for name in chains(subject):
        given = subject.make(f"by_{name}_dev")
        recovery = target_of(given).recovery(name, 0)
        recovery.capture()
        assert recovery.differences().clean("exact")
        assert "e2e" not in json.dumps(recovery.describe())  # no path: a journal gives none
        for statement in (
            TESTS,
            "UPDATE item SET name = 'changed' WHERE id = 1",
            "DELETE FROM item WHERE id = 2",
            "CREATE TABLE left_behind (id INTEGER)",
        ):
            subject.run(given, statement)
        found = recovery.differences()
        added, missing, changed = found.tables["item"].counts
        # where it is not safe to read rows they are counted, and one that was changed counts twice
        assert (added + changed, missing + changed) == (2, 2)
        assert any("left_behind" in str(sentence) for sentence in found.sentences())
        assert not found.clean("rows")
        assert found.sequences
        if not recovery.definitions:  # it says so, and the next of the chain does
            with pytest.raises(RestoreError, match="left_behind"):
                recovery.restore()
            recovery.dispose()
            continue
        recovery.restore()
        recovery.check()
        assert recovery.differences().clean("exact")
        recovery.dispose()
        assert subject.rows(given) == PRISTINE
    assert subject.left() == set()


def test_a_sequence_alone_is_no_difference_by_rows(subject: Subject) -> None:
    """A cleanup by DELETE never puts one back: by rows it is clean, exactly it is not."""
    given = subject.make()
    recovery = target_of(given).recovery(chains(subject)[0], 0)
    recovery.capture()
    subject.run(given, TESTS)
    subject.run(given, "DELETE FROM item WHERE name = 'e2e'")
    found = recovery.differences()
    assert found.clean("rows")
    assert not found.clean("exact")
    recovery.restore()
    recovery.dispose()


def test_a_guard_leaves_the_baseline_and_nothing_else(subject: Subject) -> None:
    """With the engine's own chain, whatever tests left."""
    given = subject.make()
    with Guard(given) as guard:
        subject.run(given, TESTS)
    assert guard.result.ended == "restored"
    assert guard.result.backed_up_by
    assert not guard.result.undisposed
    assert subject.rows(given) == PRISTINE
    assert subject.left() == set()
    subject.run(given, TESTS)
    assert subject.rows(given)[-1] == (3, "e2e")  # the sequence is where it was


# Recover.


def test_a_killed_guard_is_recovered_from(subject: Subject) -> None:
    """By every recovery; until then it is pending, and afterwards there is nothing to do."""
    for name in chains(subject):
        given = subject.make(f"by_{name}_dev")

        def killed(given: str = given, name: str = name) -> None:
            Guard(given, recoveries=[name]).begin()
            subject.run(given, TESTS)
            os.kill(os.getpid(), 9)

        forked(killed)
        target = target_of(given)
        assert target.journal.exists
        assert [entry.at_work for entry in pending() if entry.whole == target.address.whole] == [
            False
        ]
        assert recover(given) == name
        assert recover(given) is None
        assert subject.rows(given) == PRISTINE
    assert subject.left() == set()


# Refuse.


def test_two_guards_on_one_database_are_refused(subject: Subject) -> None:
    """The second is, whether it begins or recovers; nothing of the first is touched."""
    given = subject.make()
    with Guard(given) as guard:
        for second in (lambda: Guard(given).begin(), lambda: recover(given)):
            with pytest.raises(AtWork):
                second()
        subject.run(given, TESTS)
    assert guard.result.ended == "restored"


def test_what_looks_like_production_is_refused(subject: Subject) -> None:
    """By a word of its name; whoever knows passes."""
    given = subject.make("shop_production")
    with pytest.raises(UsageError, match="production"):
        refusals.check(given, environment={})
    refusals.check(given, override=True, environment={})


def test_what_is_no_database_is_refused_and_left_alone(subject: Subject) -> None:
    """Nothing is written of it or beside it."""
    given = subject.foreign()
    before = subject.left()
    with pytest.raises(UsageError):
        refusals.check(given, environment={})
    with pytest.raises((UsageError, BackupError)):
        Guard(given).begin()
    assert subject.left() == before


# Archive.


def test_what_a_restore_throws_away_is_kept(subject: Subject) -> None:
    """As a database of its own, in which what the tests left can be read."""
    given = subject.make()
    own = address_of(given).engine.default_recoveries
    apart = [one for one in own if not registry.find("recovery", one).changes_database]
    with Guard(given, recoveries=apart, archives=True) as guard:
        subject.run(given, TESTS)
    assert guard.result.archive is not None
    assert subject.rows(str(guard.result.archive))[-1] == (3, "e2e")
    assert subject.rows(given) == PRISTINE


# Log.


def test_a_journal_has_one_holder_and_is_adopted_whole(subject: Subject) -> None:
    """Begun, it keeps others out; let go, the next has every entry; ended, there is none."""
    given = subject.make()
    first, second = target_of(given).journal, target_of(given).journal
    assert first.adopt() == []
    first.begin({"state": CAPTURING, "backups": []})
    first.write({"state": CAPTURED, "backups": []})
    assert first.is_held
    for attempt in (second.adopt, lambda: second.begin({"state": CAPTURING})):
        with pytest.raises(UsageError):
            attempt()
    first.release()
    assert not first.is_held
    assert second.exists
    assert [entry["state"] for entry in second.adopt()] == [CAPTURING, CAPTURED]
    second.end()
    assert not first.exists
    assert subject.left() == set()


def test_a_journal_may_be_begun_again_by_who_adopted_it(subject: Subject) -> None:
    """What the dead wrote is not in it any more."""
    given = subject.make()
    dead, living = target_of(given).journal, target_of(given).journal
    dead.begin({"state": CAPTURED, "backups": []})
    dead.release()
    living.adopt()
    living.end()
    living.begin({"state": CAPTURING, "backups": []})
    living.release()
    assert [entry["state"] for entry in dead.adopt()] == [CAPTURING]
    dead.end()


# Errors, durability.


def test_a_lock_may_pass(subject: Subject) -> None:
    """In people's words a timeout, with the engine's own code; others' errors are none of its."""
    given = subject.make()
    engine = address_of(given).engine
    error = subject.locked(given)
    assert isinstance(error, engine.Error)
    reason = engine.describe(error)
    assert reason is not None
    assert (reason.word, reason.transient) == ("timeout", True)
    assert reason.code
    assert engine.describe(RestoreError("x")) is None


def test_made_durable_it_is_what_it_was(subject: Subject) -> None:
    """Nothing of the content changes."""
    given = subject.make()
    engine = address_of(given).engine
    recovery = target_of(given).recovery(engine.default_recoveries[-1], 0)
    recovery.capture()
    target_of(given, files=Files()).make_durable()
    assert recovery.differences().clean("exact")
    recovery.dispose()
    assert subject.rows(given) == PRISTINE
