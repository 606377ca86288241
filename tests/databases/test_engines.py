"""Addresses and their engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.databases.engines import engine_of, known
from harness.databases.sqlite.engine import ENGINE
from harness.errors import UsageError
from harness.guard import Guard
from tests.distributions import installed


@pytest.mark.parametrize("path", ["db.sqlite3", "/a b/c#d?.db", Path("x") / "y"])
def test_a_path_is_a_sqlite_file(path: str | Path) -> None:
    """Any path, whatever its name, is a SQLite file."""
    assert engine_of(path) is ENGINE


@pytest.mark.parametrize("address", ["postgresql://u:secret@localhost/db", "file:///x.db"])
def test_an_address_without_an_engine_is_refused_without_its_password(address: str) -> None:
    """An address nobody can guard is refused by its scheme; the password is never repeated."""
    with pytest.raises(UsageError) as raised:
        Guard(address)
    assert "secret" not in str(raised.value)


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
        assert engine_of("acme://host/db") is ENGINE
        assert list(known()) == [ENGINE, ENGINE]
        with pytest.raises(UsageError, match=r"of rival 2\.0.*import it from there"):
            engine_of("broken://user:secret@host/db")
