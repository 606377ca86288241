"""Which recoveries people are led to."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from harness import registry
from harness.experiment.written.recoveries import advice, of_another_engine, recoveries_that


def test_they_are_asked_what_they_can_do() -> None:
    """By their own words, and never the control."""
    assert recoveries_that(lambda kind: kind.pins) == ["wal_pin"]
    everyone = recoveries_that(lambda _: True)
    left_out = {registry.find("recovery", n) for n in set(registry.names("recovery")) - {*everyone}}
    assert all(kind.control or "sqlite" not in kind.engines for kind in left_out)
    assert {"naive_copy", "template", "dump", "truncate"} <= {kind.name for kind in left_out}


def test_those_of_another_engine_are_told() -> None:
    """By their names, with what there is for the database of an experiment."""
    assert of_another_engine(["wal_pin", "naive_copy"]) is None
    said = of_another_engine(["online_backup", "dump", "delete"])
    assert said is not None
    assert said.startswith("dump, delete: for postgresql, and experiments are on sqlite")
    assert said.endswith("choose of file_copy, online_backup, wal_pin")


def test_what_works_while_others_are_connected_is_named() -> None:
    """In any journal mode, or in this one; a mode that none works in has none."""
    assert advice() == "add online_backup"
    assert advice(journal_mode="delete") == "add online_backup"
    assert advice(journal_mode="wal") == "add online_backup or wal_pin"


def test_what_does_not_load_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's broken package is no reason to fail."""
    broken = EntryPoint("theirs", "no_such_module:Theirs", "harness.recovery")
    monkeypatch.setattr(registry, "others", lambda _: (broken,))
    for function in (registry.find, registry.names):
        function.cache_clear()
    try:
        assert "theirs" in registry.names("recovery")
        assert advice() == "add online_backup"
    finally:
        for function in (registry.find, registry.names):
            function.cache_clear()
