"""What the faults of one cycle can reach: the database, its connections, its files."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from harness.databases.sqlite.names import folded, quoted
from harness.databases.sqlite.schema import columns, foreign_keys, names
from harness.databases.sqlite.schema import table as read_table
from harness.databases.sqlite.session import connect
from harness.faults.reach.storage import StrikingFiles, StrikingVfs
from harness.processes.terms import Terms

if TYPE_CHECKING:
    from harness.backend.process import Backend
    from harness.databases.schema import ForeignKey
    from harness.faults.wire.proxy import Proxy
    from harness.processes.server import Server

_TURN_MS = 500  # for whoever has the write lock to be done


class Scene:
    """The surroundings of one worker's database, from which faults reach the guard unseen.

    ``proxy``, ``backend`` and ``token`` are those of a site whose test data is made, or deleted,
    over HTTP. ``cleanup_vfs`` is for the site to set before a cycle: whether a storage fault may
    strike in its cleanup, whose connections then go through the striking VFS.
    """

    def __init__(
        self,
        database: Path,
        *,
        busy_timeout_ms: int,
        size_bytes: int,
        backups: dict[str, Path],
        proxy: Proxy | None = None,
        backend: Backend | Server | None = None,
        token: str = "",
        api_timeout_ms: float = 0.0,
        terms: Terms | None = None,
        own_backend: bool = False,
        pristine: Path | None = None,
    ) -> None:
        self.database = database
        self.backups = backups  # recovery -> its backup file
        self.busy_timeout_ms = busy_timeout_ms
        self.size_bytes = size_bytes
        self.proxy = proxy
        self.backend = backend
        self.token = token  # that of the API's client; never in evidence
        self.api_timeout_ms = api_timeout_ms  # how long the API's client waits for an answer
        self.terms = terms or Terms()  # those that a command of the user's own cleans under
        self.own_backend = own_backend  # requests are then announced by the proxy alone
        self.pristine = pristine  # a file that holds the baseline, and that nobody writes to
        self.cleanup_vfs = False
        self.scopes: tuple[str, ...] = ()  # the token's, before any fault of this cycle took one
        self.due: frozenset[str] = frozenset()  # kinds about to strike, while others are lifted
        self._holder: apsw.Connection | None = None  # of the write lock
        self._locks = 0  # how many faults hold it
        self.connections: list[Any] = []  # those the cleanup has opened in this cycle
        self.denials: list[Callable[[int, str | None], bool]] = []  # the permission faults' say
        self._children: dict[str, tuple[str, str, str] | None] = {}

    def connect(self, database: Path) -> Any:
        """Open a connection for the cleanup and remember it: the seam of several faults."""
        vfs = self.vfs.vfs_name if self.cleanup_vfs else None
        connection = connect(database, busy_timeout_ms=self.busy_timeout_ms, vfs=vfs)
        self.connections.append(connection)
        if self.denials:
            connection.authorizer = self._authorize
        return ClosingQuietly(connection) if self.cleanup_vfs else connection

    def apply_denials(self) -> None:
        """Put the denials as they are now to every connection of the cleanup.

        Setting an authorizer, also the same again, makes SQLite prepare statements anew, so that
        those it has cached are asked about too.
        """
        for connection in self.connections:
            if _is_open(connection):
                connection.authorizer = self._authorize if self.denials else None

    def _authorize(
        self, action: int, table: str | None, column: str | None, schema: str | None, by: str | None
    ) -> int:
        denied = any([denial(action, table) for denial in self.denials])  # noqa: C419 - ask all
        return apsw.SQLITE_DENY if denied else apsw.SQLITE_OK

    def start(self) -> None:
        """Forget what the last cycle left."""
        self.connections = []
        self.denials = []
        self.scopes = ()

    def backup_of(self, recovery: str) -> Path:
        """The path of a recovery's backup file."""
        return self.backups[recovery]

    def other(self, *, busy_timeout_ms: int = 0) -> apsw.Connection:
        """Open a connection as another program would."""
        return connect(self.database, busy_timeout_ms=busy_timeout_ms)

    def lock(self) -> bool:
        """Hold the write lock as another program does; False where somebody else keeps it.

        A backend may be at work for a client that has given up: its turn is waited for.
        """
        if self._holder is None:
            holder = self.other(busy_timeout_ms=_TURN_MS)
            try:
                holder.execute("BEGIN IMMEDIATE")
            except BaseException as error:
                holder.close()
                if isinstance(error, apsw.BusyError):
                    return False
                raise
            self._holder = holder
        self._locks += 1
        return True

    def unlock(self, *, keep: bool) -> None:
        """Give up one hold; ``keep`` the lock itself for a strike that is just about to come.

        In between somebody who waits for it could slip in, now and then.
        """
        self._locks -= 1
        if not keep:
            self.drop_lock()

    def drop_lock(self) -> None:
        """Let go of the write lock, if no fault holds it any more."""
        if self._holder is not None and self._locks == 0:
            holder, self._holder = self._holder, None
            holder.close()  # closing rolls back
            self.drain()

    def drain(self) -> None:
        """Let the backend finish what it still works on for clients that have left long ago.

        What a stopped or locked-out backend does late, it does before the next step: at which
        moment it would slip in is for nobody to know, and the same cycle is to be the same again.
        """
        backend = self.backend
        if self._locks == 0 and backend and backend.alive and not backend.suspended:
            backend.drain()

    @cached_property
    def files(self) -> StrikingFiles:
        """The file operations in which storage faults strike."""
        return StrikingFiles()

    @cached_property
    def vfs(self) -> StrikingVfs:
        """The SQLite VFS in which storage faults strike."""
        return StrikingVfs()

    def child_of(self, connection: Any, table: str) -> tuple[str, str, str] | None:
        """Return (child table, referring column, referred column) of a restricting reference.

        None when no foreign key with RESTRICT or NO ACTION refers to ``table`` from a table whose
        rows can be copied. The baseline's schema does not change between cycles, so what was
        found once holds.
        """
        if table not in self._children:
            self._children[table] = restricting_child(connection, table)
        return self._children[table]


class ClosingQuietly:
    """A connection through the striking VFS that closes as SQLite does: without an error.

    The last connection to close copies the -wal into the database. Where the disk refuses that,
    SQLite keeps the -wal and says nothing (https://www.sqlite.org/c3ref/close.html); apsw would
    raise what the VFS, being written in Python, has raised.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        """Pass on all else."""
        return getattr(self._connection, name)

    def close(self) -> None:
        """Close it; whatever the disk says, it is closed."""
        with suppress(apsw.FullError, apsw.IOError):
            self._connection.close()


def restricting_child(connection: Any, table: str) -> tuple[str, str, str] | None:
    """Find a child table of ``table`` that restricts and in which a row can be copied."""
    return _restricting_child(connection, table, foreign_keys(connection))


def restricted_tables(connection: Any) -> frozenset[str]:
    """Every table for which ``restricting_child`` finds one."""
    keys = foreign_keys(connection)
    return frozenset(
        one
        for one in names(connection, "table")
        if _restricting_child(connection, one, keys) is not None
    )


def _restricting_child(
    connection: Any, table: str, keys: list[ForeignKey]
) -> tuple[str, str, str] | None:
    for key in sorted(keys, key=lambda one: one.table):
        if (
            key.restricts
            and len(key.columns) == 1
            and folded(key.parent) == folded(table)
            and key.table != table
            and _can_be_copied(connection, key.table)
        ):
            return key.table, key.columns[0], key.referred[0] if key.referred else "rowid"
    return None


def copy_statement(connection: Any, child: str, column: str) -> str:
    """SQL that copies one row of ``child`` with another value in ``column`` and a new key."""
    copied = [
        one.name
        for one in columns(connection, child)
        if not (one.key or one.generated or one.hidden)
    ]
    chosen = ", ".join("?1" if name == column else quoted(name) for name in copied)
    listed = ", ".join(quoted(name) for name in copied)
    return f"INSERT INTO {quoted(child)} ({listed}) SELECT {chosen} FROM {quoted(child)} LIMIT 1"


def _can_be_copied(connection: Any, name: str) -> bool:
    """Whether a row with a new key can be one more.

    There must be a row; the key must not itself refer to another table; no unique index (as every
    WITHOUT ROWID table has) may forbid it.
    """
    table = read_table(connection, name)
    if table is None or table.unique_keys or (table.primary_key and table.numbered is None):
        return False
    own = folded(table.primary_key[0] if table.primary_key else "rowid")
    if any(folded(column) == own for key in table.foreign_keys for column in key.columns):
        return False
    return connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 1").fetchone() is not None


def primary_key(connection: Any, table: str) -> str:
    """Name the first column of the primary key, or what SQLite calls a row's number."""
    return next((one.name for one in columns(connection, table) if one.key == 1), "rowid")


def _is_open(connection: Any) -> bool:
    try:
        connection.db_filename("main")
    except apsw.ConnectionClosedError:
        return False
    return True
