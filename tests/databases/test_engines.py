"""Addresses and their engines."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from harness.databases import engines
from harness.databases.engines import built_in, engine_of, known
from harness.databases.errors import describe, is_transient
from harness.databases.sqlite.engine import ENGINE
from harness.errors import UsageError
from harness.guard import Guard
from tests.distributions import installed


@pytest.mark.parametrize("path", ["db.sqlite3", "/a b/c#d?.db", Path("x") / "y"])
def test_a_path_is_a_sqlite_file(path: str | Path) -> None:
    """Any path, whatever its name, is a SQLite file."""
    assert engine_of(path) is ENGINE


@pytest.mark.parametrize("address", ["mysql://u:secret@localhost/db", "file:///x.db"])
def test_an_address_without_an_engine_is_refused_without_its_password(address: str) -> None:
    """An address nobody can guard is refused by its scheme; the password is never repeated."""
    with pytest.raises(UsageError) as raised:
        Guard(address)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("address", ["u:secret@h/db?x=http://y", "jdbc:acme:db?password=secret"])
def test_what_is_no_address_is_not_repeated(address: str) -> None:
    """What stands where a scheme does may be a password."""
    with pytest.raises(UsageError, match="postgresql://USER@HOST:PORT/NAME") as raised:
        engine_of(address)
    assert "secret" not in str(raised.value)


def test_a_scheme_may_have_capitals() -> None:
    """PostgreSQL's own library minds them, the door does not."""
    with pytest.raises(UsageError, match="mysql:// databases cannot be guarded yet"):
        engine_of("MySQL://h/db")


def test_other_peoples_engines_go_by_their_scheme(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that loads is used; one that does not is told where it is asked for, and nowhere else."""
    points = (
        "[harness.databases]\n"
        "acme = harness.databases.sqlite.engine:ENGINE\n"
        "broken = harness.files:Files\n"
    )
    with installed(folder, monkeypatch, "rival", "2.0", points):
        for address in ("acme://host/db", "acme+driver://host/db", "jdbc:acme://host/db"):
            assert engine_of(address) is ENGINE
        assert [engine.name for engine in known()] == [*built_in(), ENGINE.name]
        with pytest.raises(UsageError, match=r"of rival 2\.0.*import it from there"):
            engine_of("broken://user:secret@host/db")


def test_errors_of_other_peoples_engines_are_told_by_them(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once such an engine is in use, what its driver raises has the word that it gives."""
    (folder / "acme_engine.py").write_text(
        "from harness.databases.engine import Reason\n"
        "class Lost(Exception): pass\n"
        "class Acme:\n"
        "    def describe(self, error):\n"
        "        return Reason('lost', 7, True) if isinstance(error, Lost) else None\n"
        "ENGINE = Acme()\n"
    )
    points = "[harness.databases]\nlossy = acme_engine:ENGINE\n"
    with installed(folder, monkeypatch, "lossy", "1.0", points):
        monkeypatch.setattr(engines, "_theirs", {})
        engine_of("lossy://host/db")
        lost = importlib.import_module("acme_engine").Lost()
        assert describe(lost) == ("lost", 7)
        assert is_transient(lost)
        monkeypatch.setattr(engines, "_theirs", {})  # the check itself is checked
        assert describe(lost) == ("Lost", 0)
