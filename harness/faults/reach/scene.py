"""What the faults of one cycle can reach: the database, its connections, its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.databases.sqlite.names import folded, quoted
from harness.databases.sqlite.schema import columns, foreign_keys
from harness.databases.sqlite.schema import table as read_table
from harness.databases.sqlite.stored import names
from harness.faults.reach import reach_of
from harness.processes.terms import Terms

if TYPE_CHECKING:
    from harness.backend.process import Backend
    from harness.databases.schema import ForeignKey
    from harness.faults.wire.proxy import Proxy
    from harness.processes.server import Server


@dataclass(frozen=True, slots=True)
class Front:
    """What stands in front of a database whose test data is made, or deleted, over HTTP."""

    proxy: Proxy | None = None
    backend: Backend | Server | None = None
    token: str = ""  # that of the API's client; never in evidence
    api_timeout_ms: float = 0.0  # how long the API's client waits for an answer
    own_backend: bool = False  # requests are then announced by the proxy alone


class Scene:
    """The surroundings of one worker's database, from which faults reach the guard unseen.

    ``proxy``, ``backend`` and ``token`` are those of its ``front``; ``reach`` is how the database
    itself is struck, which is another way for each engine.
    """

    def __init__(
        self,
        database: Path,
        *,
        busy_timeout_ms: int,
        size_bytes: int,
        backups: dict[str, Path],
        front: Front | None = None,
        terms: Terms | None = None,
        pristine: Path | None = None,
    ) -> None:
        self.database = database
        self.reach = reach_of(database)
        self.backups = backups  # recovery -> its backup file
        self.busy_timeout_ms = busy_timeout_ms
        self.size_bytes = size_bytes
        front = front or Front()
        self.proxy, self.backend, self.token = front.proxy, front.backend, front.token
        self.api_timeout_ms = front.api_timeout_ms
        self.terms = terms or Terms()  # those that a command of the user's own cleans under
        self.own_backend = front.own_backend
        self.pristine = pristine  # a file that holds the baseline, and that nobody writes to
        self.scopes: tuple[str, ...] = ()  # the token's, before any fault of this cycle took one
        self.due: frozenset[str] = frozenset()  # kinds about to strike, while others are lifted
        self._locked = ""  # how the write lock is held
        self._locks = 0  # how many faults hold it
        self._children: dict[str, tuple[str, str, str] | None] = {}

    @property
    def connections(self) -> list[Any]:
        """Those that the cleanup has opened in this cycle."""
        return self.reach.connections

    def connect(self, database: Path) -> Any:
        """Open a connection for the cleanup: the seam of several faults."""
        return self.reach.connect(database, busy_timeout_ms=self.busy_timeout_ms)

    def start(self) -> None:
        """Forget what the last cycle left."""
        self.reach.start()
        self.scopes = ()

    def backup_of(self, recovery: str) -> Path:
        """The path of a recovery's backup file."""
        return self.backups[recovery]

    def other(self, *, busy_timeout_ms: int = 0) -> Any:
        """Open a connection as another program would."""
        return self.reach.other(busy_timeout_ms=busy_timeout_ms)

    def lock(self) -> str:
        """Hold the write lock as another program does; say how, or "" where they keep it."""
        if not self._locked:
            self._locked = self.reach.lock()
            if not self._locked:
                return ""
        self._locks += 1
        return self._locked

    def unlock(self, *, keep: bool) -> None:
        """Give up one hold; ``keep`` the lock itself for a strike that is just about to come.

        In between somebody who waits for it could slip in, now and then.
        """
        self._locks -= 1
        if not keep:
            self.drop_lock()

    def drop_lock(self) -> None:
        """Let go of the write lock, if no fault holds it any more."""
        if self._locked and self._locks == 0:
            self._locked = ""
            self.reach.unlock()
            self.drain()

    def drain(self) -> None:
        """Let the backend finish what it still works on for clients that have left long ago.

        What a stopped or locked-out backend does late, it does before the next step: at which
        moment it would slip in is for nobody to know, and the same cycle is to be the same again.
        """
        backend = self.backend
        if self._locks == 0 and backend and backend.alive and not backend.suspended:
            backend.drain()

    def child_of(self, connection: Any, table: str) -> tuple[str, str, str] | None:
        """Return (child table, referring column, referred column) of a restricting reference.

        None when no foreign key with RESTRICT or NO ACTION refers to ``table`` from a table whose
        rows can be copied. The baseline's schema does not change between cycles, so what was
        found once holds.
        """
        if table not in self._children:
            self._children[table] = restricting_child(connection, table)
        return self._children[table]


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
