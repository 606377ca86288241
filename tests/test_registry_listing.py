from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import registry, registry_listing
from harness.databases.engines import engine_of
from harness.errors import UsageError
from harness.experiment.written.claimed import ROW_MEASURES, TIMED
from tests.distributions import installed


@pytest.mark.parametrize("kind", registry.PACKAGES)
def test_every_name_is_listed_with_its_contract(kind: str) -> None:
    """What the registry knows is listed once, with a sentence, and can be used."""
    ones = [one for one in registry_listing.listed(kind) if one.source == registry_listing.BUILT_IN]
    assert [one.name for one in ones] == sorted(registry.built_in(kind))
    assert all(one.contract and not one.problem for one in ones)


def test_the_words_for_a_cleanup_are_listed() -> None:
    """Beside the names: none, a command, a function and SQL."""
    words = {
        one.name
        for one in registry_listing.listed("cleanup")
        if one.source != registry_listing.BUILT_IN
    }
    assert words == {"none", '"COMMAND LINE"', '"package.module:function"', '["SQL", "SQL"]'}


def test_engines_are_those_that_guard() -> None:
    """The engine of a path is the one that is listed."""
    assert [one.name for one in registry_listing.listed("engines")] == ["postgresql", "sqlite"]
    assert engine_of("any.db").name == "sqlite"


def test_measures_are_listed_with_what_they_count() -> None:
    """Every measure of a claim or a row, and every time of a step."""
    told = {one.name: one.contract for one in registry_listing.listed("measures")}
    assert set(told) == {*ROW_MEASURES, *TIMED}
    assert told["restored_clean"].startswith("Over the cycles that tried a restore; failed: ")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """Long contracts are wrapped under themselves, nothing is cut."""
    text = registry_listing.as_text(registry_listing.KINDS, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for kind in registry_listing.KINDS:
        for one in registry_listing.listed(kind):
            assert " ".join(one.contract.split()) in words


@pytest.mark.parametrize(("written", "kind"), [("fault", "faults"), ("recoveries", "recovery")])
def test_singular_and_plural_mean_the_same(written: str, kind: str) -> None:
    """People say both."""
    assert registry_listing.kind_of(written) == registry_listing.kind_of(kind) == kind


def test_an_unknown_kind_is_refused() -> None:
    """Whoever mistypes is told what there is."""
    with pytest.raises(UsageError, match="known: faults, recovery, cleanup"):
        registry_listing.kind_of("gremlins")
    with pytest.raises(UsageError, match="did you mean 'reports'"):
        registry_listing.kind_of("repots")


@pytest.fixture
def shadowing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a distribution that offers a built-in one's name, and one that does not import."""
    points = "[harness.faults]\ntimeout = harness.faults.noop:Noop\nabsent = nothing_there:Any\n"
    with installed(folder, monkeypatch, "rival", "2.0", points):
        yield


@pytest.mark.usefixtures("shadowing")
def test_what_cannot_be_used_is_listed_with_the_reason() -> None:
    """A taken name and a missing module are told, with their distribution; the others stay."""
    theirs = {
        one.name: one for one in registry_listing.listed("faults") if one.source == "rival 2.0"
    }
    assert "the built-in timeout has this name" in theirs["timeout"].problem
    assert "No module named 'nothing_there'" in theirs["absent"].problem
    assert "CANNOT BE USED" in registry_listing.as_text(["faults"], 80)
    assert len(registry_listing.listed("faults")) == len(registry.built_in("faults")) + 2


def test_a_built_in_that_this_system_lacks_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A built-in one whose import fails hides none of the others."""
    with monkeypatch.context() as patched:
        patched.setattr(registry, "built_in", lambda _: {"noop", "no_such_file"})
        registry.names.cache_clear()
        absent, noop = registry_listing.listed("faults")[:2]
    registry.names.cache_clear()
    registry.find.cache_clear()
    assert (absent.name, noop.problem) == ("no_such_file", "")
    assert "does not load" in absent.problem
