"""What the faults of one cycle can reach: the database, its connections, its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.databases.sqlite.rows import quoted
from harness.faults.reach import reach_of
from harness.processes.terms import Terms

if TYPE_CHECKING:
    from harness.backend.process import Backend
    from harness.faults.wire.proxy import Proxy
    from harness.processes.server import Server


class Scene:
    """The surroundings of one worker's database, from which faults reach the guard unseen.

    ``proxy``, ``backend`` and ``token`` are those of a site whose test data is made, or deleted,
    over HTTP. ``reach`` is how the database itself is struck, which is another way for each engine.
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
        self.reach = reach_of(database)
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
    rows = connection.execute(
        'SELECT m.name, f."from", f."to", f.on_delete FROM sqlite_schema m, '
        "pragma_foreign_key_list(m.name) f "
        "WHERE m.type = 'table' AND f.\"table\" = ? COLLATE NOCASE AND f.seq = 0 "
        "AND f.on_delete IN ('RESTRICT', 'NO ACTION') AND NOT EXISTS (SELECT 1 "
        "FROM pragma_foreign_key_list(m.name) more WHERE more.id = f.id AND more.seq > 0) "
        "ORDER BY m.name, f.id, f.seq",
        (table,),
    ).fetchall()
    for child, column, referred, _ in rows:
        if child != table and _can_be_copied(connection, child):
            return child, column, referred or primary_key(connection, table)
    return None


def restricted_tables(connection: Any) -> frozenset[str]:
    """Every table for which ``restricting_child`` finds one."""
    tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    return frozenset(t for t in tables if restricting_child(connection, t) is not None)


def copy_statement(connection: Any, child: str, column: str) -> str:
    """SQL that copies one row of ``child`` with another value in ``column`` and a new key."""
    columns = [
        name
        for name, key in connection.execute("SELECT name, pk FROM pragma_table_info(?)", (child,))
        if not key
    ]
    chosen = ", ".join("?1" if name == column else quoted(name) for name in columns)
    names = ", ".join(quoted(name) for name in columns)
    return f"INSERT INTO {quoted(child)} ({names}) SELECT {chosen} FROM {quoted(child)} LIMIT 1"


def _can_be_copied(connection: Any, table: str) -> bool:
    """Whether a row with a new key can be one more.

    There must be a row; the key must not itself refer to another table; no unique index (as every
    WITHOUT ROWID table has) may forbid it.
    """
    forbidding = connection.execute(
        'SELECT 1 FROM pragma_index_list(?1) WHERE "unique" UNION ALL '
        'SELECT 1 FROM pragma_foreign_key_list(?1) WHERE "from" = ?2 COLLATE NOCASE',
        (table, primary_key(connection, table)),
    )
    row = connection.execute(f"SELECT 1 FROM {quoted(table)} LIMIT 1")
    return forbidding.fetchone() is None and row.fetchone() is not None


def primary_key(connection: Any, table: str) -> str:
    """Name the first column of the primary key, or what SQLite calls a row's number."""
    row = connection.execute(
        "SELECT name FROM pragma_table_info(?) WHERE pk = 1", (table,)
    ).fetchone()
    return str(row[0]) if row else "rowid"
