"""Cycles as tasks of a Dask cluster: batches go out, records come in, whoever dies meanwhile.

Dask places batches, and runs those of a worker that died elsewhere. Here it is only said which
workers may have any, how large a batch is, and what becomes of one that nobody answers for.
"""

from __future__ import annotations

import pickle
import queue
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from harness.errors import MeasurementError, UsageError
from harness.experiment.run.cluster.agreement import Agreement
from harness.experiment.run.cluster.batches import Sizes
from harness.experiment.run.cluster.connecting import connected
from harness.experiment.run.cluster.crew import Crew
from harness.experiment.run.cluster.hosting import Call
from harness.experiment.run.cluster.orders import TOPIC, Answer, Order, Sent, Strange, Terms
from harness.experiment.run.cluster.where import Where
from harness.experiment.run.place import Baselines
from harness.experiment.run.pool import STOP_S, Source, Task, find_site
from harness.experiment.run.workers import Lost
from harness.experiment.written.configuration import Condition
from harness.log import Log
from harness.results.records import CycleRecord

_LOG = Log("run.cluster")

IN_FLIGHT = 2  # batches for each that may run at once: one runs, one waits beside it
LEASE_S = 15.0
WORKERLESS_S = 60.0  # for somebody to come, once every worker has gone
FETCH_S = 20.0  # for an answer that is there; then the batch runs again
FAILURES = 10  # in a row, for each batch that may run at once
_LOOK_S = 0.25


@dataclass(eq=False, slots=True)
class _Flight:
    """A batch under way."""

    order: Order
    workers: frozenset[str]  # who may run it


class ClusterPool:
    """Workers of a Dask cluster, with the surface of `Pool`; a context manager.

    Args:
        place: a scheduler, or workers to be started here.
        site: "module:Class" of the Site, imported where cycles run.
        seed: the experiment's.
        root: a folder of this machine's, where baselines are built.
        watchdog_s: a cycle that takes longer is killed with its process.
        room_bytes: of the largest baseline.

    UsageError on entering where nobody answers.
    """

    def __init__(
        self,
        place: Where,
        site: str,
        seed: int,
        root: Path,
        *,
        watchdog_s: float = 60.0,
        room_bytes: int = 0,
    ) -> None:
        find_site(site)
        self.place, self.root = place, root
        self.stop = threading.Event()
        self.spent_s: defaultdict[str, float] = defaultdict(float)
        self._terms = Terms(uuid.uuid4().hex, site, seed, watchdog_s, room_bytes, LEASE_S)
        self._stack = ExitStack()
        self._sizes, self._agreement = Sizes(), Agreement()
        self._orders = self._failures = 0
        self._client: Client
        self._crew: Crew
        self._conditions: dict[str, bytes] = {}

    def __enter__(self) -> ClusterPool:
        """Connect."""
        self._client = self._stack.enter_context(connected(self.place, self.root))
        self._crew = Crew(self._client, self._terms)
        self._stack.callback(self._crew.dismiss)
        self._client.subscribe_topic(TOPIC + self._terms.run, self._agreement.hear)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing running on the cluster."""
        self.close()

    def close(self) -> None:
        """Leave nothing running on the cluster."""
        self._stack.close()

    @property
    def size(self) -> int:
        """How many batches may run at once."""
        return self._crew.threads

    def prepare(self, conditions: Iterable[Condition], baselines: Baselines) -> None:
        """Make every worker ready; UsageError names what is wrong with one.

        Those that come later are made ready as they come; what is wrong with one of them is noted.
        """
        wanted: dict[Path, tuple[Sent, Path]] = {}
        for condition in conditions:
            pristine = baselines.of(condition)
            name = "" if condition.project is None else pristine.name
            sent = Sent(_pickled(condition), baselines.fingerprint(condition), name)
            wanted.setdefault(Path(condition.name), (sent, pristine))
        try:
            there = self._crew.wait_for_workers(self.stop)
            self._crew.keep()
            self._crew.make_ready(there, list(wanted.values()))
        except OSError as error:
            raise UsageError(
                f"--on {self.place.text}: the scheduler went away before any cycle had run: {error}"
            ) from error

    def noted(self, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return for run.json where cycles ran, and who was not let run any."""
        seen = {worker["address"]: worker for worker in (before or {}).get("workers_seen") or ()}
        seen |= self._crew.seen
        return {
            "on": self.place.text,
            "workers_seen": [worker for _, worker in sorted(seen.items())],
            "workers_refused": [
                {"address": address, "why": why}
                for address, why in sorted(self._crew.refused.items())
            ],
        }

    def run(
        self, tasks: Iterable[Task], enough: Callable[[str], bool] = lambda condition: False
    ) -> Iterator[list[CycleRecord]]:
        """Run every cycle of ``tasks``, as `Pool.run` does.

        MeasurementError when the scheduler is lost, every worker has gone, or batches fail again
        and again: what was given before counts.
        """
        tasks = list(tasks)
        self._sizes.begin(tasks)
        running = _Running(Source(tasks, deque(), enough), enough)
        stopped_s = 0.0
        try:
            while True:
                if not self.stop.is_set():
                    self._hand_out(running)
                if not running.flights and (self.stop.is_set() or running.ended):
                    return
                yield from self._collect(running)
                self._watch(running)
                if self.stop.is_set():
                    stopped_s = stopped_s or time.monotonic()
                    if time.monotonic() - stopped_s > STOP_S:
                        return
        finally:
            self._drop(running, list(running.flights))

    def _hand_out(self, running: _Running) -> None:
        """Have as many batches under way as are of use, and no more."""
        ready = self._crew.ready()
        while ready and len(running.flights) < IN_FLIGHT * self.size:
            order = running.again.popleft() if running.again else self._next(running)
            if order is None:
                running.over = True
                return
            if running.enough(order.name):
                continue
            self._agreement.expect(order.number)
            future = self._client.submit(
                pickle.loads,  # known to the scheduler as well, which need not have this package
                _pickled(Call(self._terms.run, order)),
                key=f"harness-{self._terms.run}-{order.number}-{uuid.uuid4().hex[:8]}",
                pure=False,
                workers=ready,
            )
            running.flights[future] = _Flight(order, frozenset(ready))
            future.add_done_callback(running.arrived.put)

    def _next(self, running: _Running) -> Order | None:
        task = running.source.take(self._sizes.now(self.size), lambda _: True)
        if task is None:
            return None
        name = task.condition.name
        self._sizes.taken(name, len(task.cycles))
        self._orders += 1
        return Order(self._orders, _pickled(task.condition), name, task.cycles)

    def _collect(self, running: _Running) -> Iterator[list[CycleRecord]]:
        """Take the answers that are there, or wait a moment for one."""
        try:
            future = running.arrived.get(timeout=_LOOK_S)
        except queue.Empty:
            return
        flight = running.flights.pop(future, None)
        if flight is None:
            return
        answer = self._answer(future, flight, running)
        if answer is None:
            return
        self._failures = 0
        order = flight.order
        self._sizes.learn(order.name, len(order.cycles), answer.took_s)
        self.spent_s[order.name] += answer.spent_s
        yield self._agreement.agreed(order.number, answer.records)

    def _answer(self, future: Future[Any], flight: _Flight, running: _Running) -> Answer | None:
        """Fetch an answer; None where the batch has to run again."""
        try:
            answer: Answer = pickle.loads(future.result(timeout=FETCH_S))  # noqa: S301 - of our own code
        except Exception as error:  # noqa: BLE001 - whatever a task raises comes here
            self._crew.check()
            self._again(error, flight, running)
            return None
        return answer

    def _again(self, error: Exception, flight: _Flight, running: _Running) -> None:
        """Have a batch run again whose worker failed; MeasurementError where that is in vain."""
        _LOG.info("batch %d runs again: %s", flight.order.number, error)
        self._failures += 1
        lost = isinstance(error, Strange | KilledWorker | OSError | TimeoutError)
        if not (lost or type(error).__name__ in _LOST) or self._failures > FAILURES * max(
            1, self.size
        ):
            raise MeasurementError(f"a batch of cycles failed on the cluster: {error}") from error
        running.again.append(flight.order)

    def _watch(self, running: _Running) -> None:
        """See to what nobody answers for, and what nobody wants any more."""
        now = time.monotonic()
        if now - running.looked_s < _LOOK_S:
            return
        running.looked_s = now
        self._crew.check()
        ready = set(self._crew.ready())
        if ready or self._crew.coming:
            running.workerless_s = now
        elif now - running.workerless_s > WORKERLESS_S:
            raise Lost(f"every worker of the cluster has been gone for {WORKERLESS_S:g} s")
        unwanted = [f for f, flight in running.flights.items() if running.enough(flight.order.name)]
        self._drop(running, unwanted)
        orphans = [f for f, flight in running.flights.items() if not flight.workers & ready]
        running.again.extend(running.flights[future].order for future in orphans)
        self._drop(running, orphans)

    def _drop(self, running: _Running, futures: list[Future[Any]]) -> None:
        """Take batches back."""
        for future in futures:
            flight = running.flights.pop(future)
            if flight.order not in running.again:
                self._agreement.forget(flight.order.number)
        if futures and self._client.status == "running":
            with suppress(OSError):  # the scheduler is lost: that is said already
                self._client.cancel(futures, asynchronous=False)


class _Running:
    """One call of ``run``."""

    def __init__(self, source: Source, enough: Callable[[str], bool]) -> None:
        self.source, self.enough = source, enough
        self.again: deque[Order] = deque()
        self.flights: dict[Future[Any], _Flight] = {}
        self.arrived: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        self.over = False  # nothing is left of the source
        self.looked_s = 0.0
        self.workerless_s = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether nothing is left to hand out, nor to be run again."""
        return self.over and not self.again


# what Dask raises of tasks whose worker, or whose answer, was lost; each version has its own
_LOST = {"CancelledError", "FutureCancelledError", "FuturesCancelledError", "CommClosedError"}


def _pickled(value: Any) -> bytes:
    return pickle.dumps(value)


__all__ = ["ClusterPool"]
