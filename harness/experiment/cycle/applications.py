"""How a cycle's tests reach the database, and what stays connected while the guard works."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ApiError, BackendError, MeasurementError
from harness.experiment.cycle.grounds.ground import Ground
from harness.steps import Listener
from harness.workloads import TestData, Workload

if TYPE_CHECKING:
    from harness.backend.client import ApiClient, Service
    from harness.backend.process import Backend
    from harness.experiment.written.configuration import Condition
    from harness.faults.wire.proxy import Proxy
    from harness.truth import Judgement

PATIENCE_MS = 10_000.0  # of the harness itself with a backend that nothing was done to
_LATEST = 20  # rows asked for, of each table


class Application(ABC):
    """What the tests of one site work with, cycle after cycle."""

    def __init__(self, ground: Ground, workload: Workload) -> None:
        self._ground, self._workload = ground, workload

    def begin(self, cycle: int, draw: int) -> None:  # noqa: B027 - not every one has something to do
        """Connect before the guard begins, where the application would be running by then."""

    @abstractmethod
    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Create one cycle's test data; ``patient`` where no fault is to strike meanwhile.

        Then a machine that is slow for a moment must not pass for a network that is.
        """

    def used_bytes(self) -> int:
        """Size of the database with all that is committed; nothing is changed by asking."""
        return self._ground.used_bytes()

    @abstractmethod
    def leave(self) -> None:
        """The tests are over; the guard goes to work."""

    @abstractmethod
    def end(self, *, restored: bool = True) -> bool | None:
        """Let go of the database; the guard has finished, and so has every fault.

        ``restored`` says whether the guard put a backup back: then there is more to ask.
        Returns whether the application still showed the baseline before it let go, None where
        nobody can ask it. MeasurementError where it is broken though no fault broke it.
        """

    def judge(self) -> Judgement:
        """Have the truth judge the database, of which nothing is open after ``end``."""
        return self._ground.judge()

    def put_back(self) -> None:
        """Put the baseline back for the next cycle; nobody has written since ``judge``."""
        self._ground.put_back()

    @abstractmethod
    def close(self) -> None:
        """Free everything."""


class Direct(Application):
    """The tests' own connection to the database; ``held`` keeps it open while the guard works."""

    def __init__(self, ground: Ground, workload: Workload, *, held: bool) -> None:
        super().__init__(ground, workload)
        self._held = held
        self._connection: Any = None

    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Create the test data by SQL; nobody listens, for nothing can strike there."""
        self._connection = self._ground.connect()
        return self._workload.create(self._connection, draw)

    def used_bytes(self) -> int:
        """Ask the connection that is open anyway."""
        return self._ground.used_bytes(self._connection)

    def leave(self) -> None:
        """Close the connection, unless it is held."""
        if not self._held:
            self.close()

    def end(self, *, restored: bool = True) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class OverHttp(Application):
    """A backend process behind a proxy; it is connected from before the guard begins to the end.

    The backend lives as long as the site. Between cycles it has no connection open, so that the
    truth can read the file and put the baseline's very bytes back.
    """

    def __init__(
        self, ground: Ground, workload: Workload, condition: Condition, folder: Path
    ) -> None:
        # what speaks HTTP is slow to import, and most sites need none of it
        from harness.backend.client import ApiClient, Service  # noqa: PLC0415
        from harness.backend.process import Backend  # noqa: PLC0415
        from harness.faults.wire.proxy import Proxy  # noqa: PLC0415

        super().__init__(ground, workload)
        connection = ground.connect(read_only=True)
        try:
            token = workload.token(connection)
            self._pages = [
                f"/{table}?after={_last_id(connection, table) - 1}&limit={_LATEST}"
                for table in ("users", "bots", "integrations")
            ]
        finally:
            connection.close()
        self.backend: Backend = Backend(
            ground.database,
            busy_timeout_ms=condition.api.backend_busy_timeout_ms,
            log=folder / "backend.log",
        )
        self.proxy: Proxy | None = None
        self._own: ApiClient | None = None
        try:
            self.backend.start()
            self.proxy = Proxy(self.backend.port)
            self.proxy.start()
            self.service: Service = Service(self.proxy.url, token, condition.api.timeout_ms)
            self._own = ApiClient(Service(self.backend.url, token, PATIENCE_MS))
            self._baseline = self._latest(len(self._pages))
            self._check(self._baseline)
            self.backend.release()
        except BaseException:
            self.close()
            raise

    @staticmethod
    def _check(served: list[Any]) -> None:
        """Refuse to measure against an error: each answer must be a page of one row."""
        for page in served:
            if not isinstance(page, dict) or len(page.get("items", ())) != 1:
                raise MeasurementError(f"the backend does not serve its baseline: {page}")

    def begin(self, cycle: int = 0, draw: int = 0) -> None:
        """Have the backend open its connections."""
        self._ask("/health")

    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Create the test data through the proxy, call by call."""
        from harness.backend.client import ApiClient  # noqa: PLC0415 - see __init__

        timeout_ms = PATIENCE_MS if patient else self.service.timeout_ms
        client = ApiClient(self.service._replace(timeout_ms=timeout_ms))
        try:
            return self._workload.create_over_http(client, draw, listener)
        finally:
            client.close()

    def leave(self) -> None:
        """Stay: a backend does not go away because tests are over."""

    def end(self, *, restored: bool = True) -> bool:
        """Ask the backend once more what it serves, then have it let go of the database.

        Nothing changes under its connections but by a restore, so that only after one every table
        is asked for: a request costs as much as the verification.

        What it is still working on, for a client that gave up long ago, is finished first: it is
        part of how the cycle ends.
        """
        if self.proxy is None:
            raise MeasurementError("the site is closed")
        if not self.proxy.alive:
            raise MeasurementError("the proxy died in this cycle, and no fault asked for it")
        if not self.backend.alive:
            raise MeasurementError("the backend died in this cycle, and no fault asked for it")
        self.proxy.settle()
        if self.proxy.error is not None:  # not before: what is still under way may yet fail
            raise MeasurementError(f"the proxy failed: {self.proxy.error}") from self.proxy.error
        try:
            tables = len(self._pages) if restored else 1
            served = self._latest(tables) == self._baseline[:tables]
            self.backend.release()
        except BackendError as error:
            raise MeasurementError(f"the backend broke in this cycle: {error}") from error
        return served

    def _latest(self, tables: int) -> list[Any]:
        """Ask for the last row of the baseline in so many tables, and all that came after it."""
        return [self._ask(path) for path in self._pages[:tables]]

    def _ask(self, path: str) -> Any:
        """Ask the backend itself, past the proxy; an error of its own is an answer too."""
        if self._own is None:
            raise MeasurementError("the site is closed")
        try:
            return self._own.request("GET", path).json()
        except ApiError as error:
            if error.status == 0:
                raise MeasurementError(f"the backend does not answer: {error}") from error
            return f"{error.status}: {error}"

    def close(self) -> None:
        """End the proxy and the backend; whatever fails, all that can be ended is."""
        with ExitStack() as ending:
            ending.callback(self.backend.close)
            if self.proxy is not None:
                ending.callback(self.proxy.close)
            if self._own is not None:
                ending.callback(self._own.close)


def _last_id(connection: Any, table: str) -> int:
    (last,) = connection.execute(f"SELECT max(id) FROM {table}").fetchone()
    return int(last)
