"""Databases to recover, ways to damage them, and what they hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from harness.recovery import Recovery
from harness.recovery.file_copy import FileCopy
from harness.recovery.online_backup import OnlineBackup
from harness.recovery.wal_pin import WalPin
from harness.system.files import Files

SOUND: tuple[type[Recovery], ...] = (FileCopy, OnlineBackup, WalPin)
CASES = [
    (FileCopy, "wal"),
    (FileCopy, "delete"),
    (OnlineBackup, "wal"),
    (OnlineBackup, "delete"),
    (WalPin, "wal"),
]

DAMAGE = {
    "insert": "INSERT INTO bots(name) SELECT 'test' || id FROM bots",
    "update": "UPDATE bots SET name = 'changed' WHERE id % 2",
    "delete": "DELETE FROM bots WHERE id > 3; DELETE FROM users",
    "drop": "DROP TABLE users",
    "alter": "ALTER TABLE bots ADD COLUMN extra DEFAULT 7",
    "create": "CREATE TABLE more(x); INSERT INTO more VALUES (randomblob(50000))",
    "settings": "PRAGMA user_version = 99; PRAGMA application_id = 98",
    "vacuum": "DELETE FROM bots WHERE id > 5; VACUUM",
    # an index that no longer matches its table, under a schema that is the same
    "index": """
        PRAGMA writable_schema = on;
        UPDATE sqlite_schema SET sql = sql || ' WHERE id < 9' WHERE name = 'bot_names';
        PRAGMA writable_schema = reset; REINDEX; PRAGMA writable_schema = on;
        UPDATE sqlite_schema SET sql = replace(sql, ' WHERE id < 9', '') WHERE name = 'bot_names';
        PRAGMA writable_schema = reset
    """,
}


def execute(path: Path, sql: str, *, fold: bool = True) -> None:
    """Run SQL through a connection of its own; without ``fold`` the -wal is left behind."""
    connection = apsw.Connection(str(path))
    if not fold:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute(sql).fetchall()
    connection.close()


def make(folder: Path, mode: str, *, rows: int = 60) -> Path:
    """Make a small database with sequences, an index and settings of its own."""
    path = folder / "app.sqlite3"
    execute(path, f"PRAGMA journal_mode={mode}")
    execute(
        path,
        f"""
        CREATE TABLE bots(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, body BLOB);
        CREATE TABLE users(mail TEXT);
        CREATE INDEX bot_names ON bots(name);
        WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows})
        INSERT INTO bots(name, body) SELECT 'bot ' || n, randomblob(300) FROM c;
        INSERT INTO users VALUES ('a@example.org'), ('b@example.org');
        DELETE FROM bots WHERE id = {rows};
        PRAGMA user_version = 7;
        PRAGMA application_id = 11;
        """,
    )
    return path


def content(path: Path, *, immutable: bool = False) -> dict[str, Any]:
    """Everything SQL can see: rows, sequences, schema, settings, and what is damaged."""
    name, flags = str(path), apsw.SQLITE_OPEN_READWRITE
    if immutable:
        name, flags = f"file:{path}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(name, flags=flags)
    settings = ("user_version", "application_id", "page_size", "auto_vacuum", "encoding")
    found: dict[str, Any] = {key: connection.pragma(key) for key in settings}
    found["journal_mode"] = connection.pragma("journal_mode")
    found["schema"] = connection.execute(
        "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema ORDER BY 1, 2"
    ).fetchall()
    for kind, table, *_ in found["schema"]:
        if kind == "table":
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            found[f"rows {table}"] = sorted(map(repr, rows))
    found["damage"] = connection.execute("PRAGMA integrity_check").fetchall()
    connection.close()
    return found


def main_bytes(path: Path) -> bytes:
    """The file's bytes; only when no connection of this process is open on it."""
    return path.read_bytes()


def as_pages(data: bytes) -> bytes:
    """The file's bytes without SQLite's own counters: change counter, schema cookie, versions."""
    return data[:24] + data[28:40] + data[44:92] + data[100:]


def recovery(kind: type[Recovery], path: Path, **options: Any) -> Recovery:
    """Make a recovery whose backup stands beside the database."""
    options.setdefault("files", Files())
    options.setdefault("busy_timeout_ms", 20)
    return kind(path, path.with_name(path.name + ".e2e-backup"), **options)


def leftovers(path: Path) -> list[str]:
    """Every other file in the database's folder."""
    return sorted(name for name in os.listdir(path.parent) if name != path.name)


class FailingFiles(Files):
    """Let operation number ``nth`` fail: the kernel is given a call that it refuses."""

    def __init__(self, nth: int) -> None:
        self.nth = nth
        self.calls: list[str] = []

    def _strike(self, name: str) -> bool:
        self.calls.append(name)
        return len(self.calls) == self.nth

    @property
    def struck(self) -> str | None:
        """The operation that failed, if it came to that."""
        return self.calls[self.nth - 1] if len(self.calls) >= self.nth else None

    def create(self, path: Path, mode: int) -> int:
        """ENOENT."""
        return super().create(path.parent / "gone" / "x" if self._strike("create") else path, mode)

    def open(self, path: Path) -> int:
        """ENOTDIR."""
        return super().open(path / "x" if self._strike("open") else path)

    def read(self, descriptor: int, size_bytes: int) -> bytes:
        """EIO, from memory that is not mapped."""
        if self._strike("read"):
            _become(descriptor, "/proc/self/mem", os.O_RDONLY)
        return super().read(descriptor, size_bytes)

    def write(self, descriptor: int, data: bytes) -> None:
        """ENOSPC, after half was written."""
        if self._strike("write"):
            super().write(descriptor, data[: len(data) // 2])
            _become(descriptor, "/dev/full", os.O_WRONLY)
        super().write(descriptor, data)

    def copy(
        self,
        source: Path,
        descriptor: int,
        size_bytes: int,
        copied: Callable[[int], None],
        *,
        identity: tuple[int, int],
    ) -> None:
        """ENOSPC."""
        if self._strike("copy"):
            _become(descriptor, "/dev/full", os.O_WRONLY)
        super().copy(source, descriptor, size_bytes, copied, identity=identity)

    def sync(self, descriptor: int) -> None:
        """EINVAL, from a device that cannot sync."""
        if self._strike("sync"):
            _become(descriptor, "/dev/full", os.O_WRONLY)
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        """EBADF; the descriptor is closed, as after any failed close on Linux."""
        if self._strike("close"):
            super().close(descriptor)
        super().close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """ENOTDIR."""
        super().replace(source, target / "x" if self._strike("replace") else target)

    def unlink(self, path: Path) -> None:
        """EISDIR."""
        super().unlink(path.parent if self._strike("unlink") else path)

    def sync_folder(self, folder: Path) -> None:
        """ENOENT."""
        super().sync_folder(folder / "gone" if self._strike("sync_folder") else folder)


def _become(descriptor: int, path: str, flags: int) -> None:
    other = os.open(path, flags)
    os.dup2(other, descriptor)
    os.close(other)


def dying(nth: int) -> Files:
    """File operations of which the nth does not happen: the process is gone."""

    class Dying(Files):
        calls = 0

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if not callable(found):
                return found
            Dying.calls += 1
            if Dying.calls == nth:
                os._exit(9)
            return found

    return Dying()


def in_child(action: Callable[[], None]) -> int:
    """Run ``action`` in a forked process; its exit status, 0 when it came to its end."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
