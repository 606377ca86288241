"""The guarded database, made at the door."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from harness.databases import engines
from harness.databases.engines import address_of
from harness.errors import UsageError
from harness.guard.target import Target, pending, target_of
from tests.recovery.helpers import make


def test_it_is_made_once_and_carried(folder: Path) -> None:
    """A path, its address and its target mean one; what was made before is itself."""
    address = address_of(folder / "db")
    target = target_of(address)
    assert target.address is address
    assert target_of(target) is target
    assert address_of(address) is address
    assert target.engine is address.engine


def test_every_engine_has_targets_that_answer_all_of_it(folder: Path) -> None:
    """Everything that a guard asks of a target is there, with the same arguments."""
    addresses = {"postgresql": "postgresql://nobody@127.0.0.1:1/db", "sqlite": str(folder / "db")}
    assert engines.built_in() == tuple(sorted(addresses))  # another needs an address here
    for engine in engines.known():
        target = target_of(addresses[engine.name])
        for name, asked in inspect.getmembers(Target, inspect.isfunction):
            if name.startswith("_"):
                continue
            answered = inspect.signature(getattr(type(target), name))
            assert list(answered.parameters) == list(inspect.signature(asked).parameters), name
        for name, _ in inspect.getmembers(Target, lambda member: isinstance(member, property)):
            assert name in dir(target)


def test_what_no_engine_knows_is_refused() -> None:
    """With the scheme, and without what follows it."""
    with pytest.raises(UsageError, match="oracle://") as refused:
        target_of("oracle://scott:tiger@db")
    assert "tiger" not in str(refused.value)


def test_what_is_left_is_listed(folder: Path) -> None:
    """A guard at work is pending; one that has ended is not."""
    database = make(folder, "delete")
    target = target_of(database)
    target.journal.begin({"state": "capturing", "backups": []})
    noted = [entry for entry in pending() if entry.whole == str(database)]
    assert [entry.at_work for entry in noted] == [True]
    target.journal.end()
    assert str(database) not in [entry.whole for entry in pending()]
