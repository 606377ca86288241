"""A platform database behind the real backend and the real proxy, cleaned up by API."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import apsw

from harness.backend.client import Service
from harness.backend.process import Backend
from harness.cleanup import CleanupReport
from harness.cleanup.api import ApiCleanup
from harness.databases.sqlite.session import connect
from harness.faults import Planned, Shape
from harness.faults.reach.scene import Front, Scene, restricted_tables
from harness.faults.schedule.injector import Injector
from harness.faults.wire.proxy import Proxy
from harness.retry import Retry
from harness.steps import Entity
from harness.workloads.platform import Platform
from harness.workloads.platform_parts import baseline

TIMEOUT_MS = 10_000.0  # of a request that nothing is to stop
SIZE_BYTES = 64 * 4096


class Served:
    """The founder's database with two test bots in it, and everything a fault can reach."""

    def __init__(self, database: Path, backend: Backend, proxy: Proxy) -> None:
        self.database, self.backend, self.proxy = database, backend, proxy
        connection = connect(database)
        self.restricted = restricted_tables(connection)
        token = Platform("simple", 1).token(connection)
        self.entities = tuple(_add_bot(connection, name) for name in ("One", "Other"))
        connection.close()
        self.first, self.last = self.entities
        self.scene = Scene(
            database,
            busy_timeout_ms=20,
            size_bytes=SIZE_BYTES,
            backups={},
            front=Front(proxy, backend, token, TIMEOUT_MS),
        )

    def shape(self, *, cleans: bool = True) -> Shape:
        """Say what a cycle may do."""
        calls = ("create bots 1", "create bots 2")
        return Shape(
            self.entities, cleans, True, (), 3, self.restricted, calls, cleans_over_http=True
        )

    def injector(self, *planned: Planned) -> Injector:
        """Make the injector of one cycle."""
        self.scene.start()
        return Injector(self.scene, planned)

    def clean(
        self,
        injector: Injector,
        entities: Sequence[Entity] = (),
        *,
        attempts: int = 3,
        timeout_ms: float = TIMEOUT_MS,
    ) -> CleanupReport:
        """Run the real cleanup by API; it takes the newest entity first."""
        service = Service(self.proxy.url, self.scene.token, timeout_ms)
        return ApiCleanup(service).clean(
            self.database,
            entities or self.entities,
            connect=self.scene.connect,
            retry=Retry(attempts, 0.1),
            listener=injector.listener,
        )

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Read, as somebody who has nothing to do with any fault."""
        connection = connect(self.database)
        try:
            return list(connection.execute(sql, values))
        finally:
            connection.close()

    def scopes(self) -> str:
        """What the token in use may do."""
        ((scopes,),) = self.rows("SELECT scopes FROM api_tokens WHERE token = ?", self.scene.token)
        return str(scopes)

    def left(self) -> list[object]:
        """The test bots that are still there."""
        keys = [entity.key[0][1] for entity in self.entities]
        return [i for (i,) in self.rows("SELECT id FROM bots WHERE id IN (?, ?)", *keys)]

    def settled(self) -> None:
        """Wait until nothing is under way, as a cycle does before the truth judges."""
        self.proxy.settle()
        self.backend.release()


@contextmanager
def serving(folder: Path, baseline: Path, *, started: bool = True) -> Iterator[Served]:
    """Serve a copy of ``baseline``, or only make one; end everything afterwards."""
    database = folder / "served.sqlite3"
    shutil.copyfile(baseline, database)
    backend = Backend(database, busy_timeout_ms=50, log=folder / "backend.log")
    if started:
        backend.start(60)
    proxy = Proxy(backend.port)
    try:
        if started:
            proxy.start()
        yield Served(database, backend, proxy)
    finally:
        proxy.close()
        backend.close()


def make_baseline(path: Path) -> Path:
    """Make a small platform database."""
    baseline.build(path, size_bytes=SIZE_BYTES, seed=1, journal_mode="wal")
    return path


def _add_bot(connection: apsw.Connection, name: str) -> Entity:
    connection.execute(
        "INSERT INTO bots (user_id, name, description, status, is_default, updated_at) "
        "VALUES (1, ?, 'made by a test', 'draft', 0, 0)",
        (name,),
    )
    return Entity("bots", (("id", connection.last_insert_rowid()),))
