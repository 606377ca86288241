from __future__ import annotations

import pytest

from harness.databases.sqlite.hints import hint

MEANT = {
    "sqlite:///x.db": "./x.db",
    "sqlite:////srv/x.db": "/srv/x.db",
    "sqlite:x.db": "./x.db",
    "SQLITE:x.db": "./x.db",
    "sqlite3:db/x.db": "./db/x.db",
    "sqlite://db/x.db": "./db/x.db",
    "sqlite+aiosqlite:///a b.db?timeout=1": "./a b.db",
    "sqlite+pysqlcipher://:secret@/x.db?cipher=aes-256-cfb": "./x.db",
    "file:./dev.db?connection_limit=1": "./dev.db",
    "file:../dev.db": "../dev.db",
    "file:///srv/a%20b.db": "/srv/a b.db",
    "file://localhost/srv/x.db": "/srv/x.db",
    "jdbc:sqlite:x.db": "./x.db",
    "jdbc:sqlite:/srv/x.db": "/srv/x.db",
    "Data Source=x.db;Cache=Shared": "./x.db",
}
MEMORY = [":memory:", "sqlite://", "sqlite:///:memory:", "sqlite::memory:", "file::memory:?cache=x"]


@pytest.mark.parametrize(("address", "path"), MEANT.items())
def test_the_path_that_is_meant_is_told(address: str, path: str) -> None:
    """Of every spelling that ORMs and drivers have; no password is repeated."""
    assert hint(address).endswith(f"give the path of the file, perhaps {path}")
    assert "secret" not in hint(address)


@pytest.mark.parametrize("address", MEMORY)
def test_a_database_in_memory_is_told_apart(address: str) -> None:
    """There is no path to give."""
    assert "in memory" in hint(address)


@pytest.mark.parametrize("path", ["x.db", "./file/x", "sqlite", "files:x", "a:b", "C:/x", ""])
def test_a_path_is_no_address(path: str) -> None:
    """Nothing is said of what can be meant as it stands."""
    assert hint(path) == ""
