"""Worker processes that run cycles, and go on when one of them dies.

Every worker has a pipe of its own, and nothing is shared but a page of memory that it writes and
the parent reads. So a worker killed at any instruction, also while it sends, harms nobody else:
no lock is left held, no message of another is cut in two. (A pool with one queue for all, such as
concurrent.futures' or pebble's, is broken by that.)
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import shutil
import signal
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from harness.errors import MeasurementError
from harness.experiment.cycle.forking import QUIET, process_context
from harness.experiment.run.place import Baselines
from harness.experiment.run.worker import Progress, work
from harness.experiment.written.configuration import Condition
from harness.log import Log
from harness.results.records import CycleRecord

_LOG = Log("run.pool")

LONGEST_BATCH = 32  # cycles
BATCH_S = 0.25  # so that results come in a few times a second
STOP_S = 3.0  # for what is under way when somebody has said stop; what takes longer is dropped
BUSY_SHARE, WAITING = 0.5, 2  # who is less at work waits; so many of these have one core
IDLE_DEATHS = 5  # in a row, without a cycle finished between them: something else is wrong


class Site(Protocol):
    """Where cycles of one condition run; one worker has it to itself, in its own folder."""

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        """Prepare."""

    def run(self, cycle: int) -> CycleRecord:
        """Run one cycle; the same number gives the same record, timings aside."""

    def close(self) -> None:
        """Free everything."""


def find_site(name: str) -> type[Site]:
    """Import "module:Class"; MeasurementError when it cannot be imported."""
    module, _, attribute = name.partition(":")
    try:
        site_class: type[Site] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise MeasurementError(f"no site of cycles at {name!r}: {error}") from error
    return site_class


class Task(NamedTuple):
    """Consecutive cycles of one condition, on copies of one pristine baseline."""

    condition: Condition
    pristine: Path
    cycles: range


@dataclass(eq=False)
class _Worker:
    """One process, its pipe, and what it is at."""

    process: BaseProcess
    pipe: Connection
    folder: Path
    task: Task | None = None
    begun_s: float = 0.0
    hung: bool = False


class Pool:
    """``workers`` processes that run cycles at ``site``; a context manager.

    Conditions whose cycles mostly wait, for a network's timeouts, are run by more processes than
    that: ``WAITING`` for one. Which do is measured by their first batch; no result depends on it.

    Args:
        site: "module:Class" of the Site, imported in the workers.
        seed: the experiment's.
        workers: how many processes that are at work, 1 or more.
        root: an existing folder for the workers' own folders.
        watchdog_s: a cycle that takes longer is killed with its worker.

    ``stop`` may be set at any time: no further cycle is handed out, ``run`` gives what is under
    way and ends; what still runs after ``STOP_S`` is killed with its worker and left undone.
    """

    def __init__(
        self, site: str, seed: int, workers: int, root: Path, *, watchdog_s: float = 60.0
    ) -> None:
        find_site(site)
        self.site, self.seed, self.root, self.watchdog_s = site, seed, root, watchdog_s
        self.stop = threading.Event()
        self._context = process_context(site)
        self._progress = Progress(root / "progress", workers * WAITING, create=True)
        self._again: deque[Task] = deque()  # what a dead worker left undone
        self._batch: defaultdict[str, int] = defaultdict(lambda: 1)  # cycles, by condition
        self._waits: dict[str, bool] = {}  # by condition
        self._born = self._idle_deaths = 0
        self.size = workers
        self._workers: list[_Worker | None] = [None] * (workers * WAITING)
        self.spent_s: defaultdict[str, float] = defaultdict(float)  # of workers' time, by condition

    def __enter__(self) -> Pool:
        """Enter: workers start with the first task."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all workers."""
        self.close()

    def run(
        self, tasks: Iterable[Task], enough: Callable[[str], bool] = lambda condition: False
    ) -> Iterator[list[CycleRecord]]:
        """Run every cycle of ``tasks``; give the records as they come in, in any order.

        Tasks are cut into batches when a worker is free; once ``enough`` says so of their
        condition, no more of them are handed out. A cycle that raises, hangs or kills its worker
        comes back as a ``harness_error``. MeasurementError when workers die again and again without
        beginning a cycle.
        """
        self._again.clear()
        source = Source(tasks, self._again, enough)
        stopped_s: float | None = None
        while True:
            if not self.stop.is_set():
                self._hand_out(source)
            busy = [worker for worker in self._workers if worker and worker.task]
            if not busy:
                return
            for worker in self._ready(busy):
                yield from self._collect(worker)
            self._watch(busy)
            if self.stop.is_set():
                stopped_s = stopped_s or time.monotonic()
                if time.monotonic() - stopped_s > STOP_S:
                    self._drop(busy)
                    return

    def processes(self) -> list[int]:
        """Give the numbers of the processes that are workers now."""
        pids = [worker.process.pid for worker in self._workers if worker]
        return [pid for pid in pids if pid is not None]

    def prepare(self, conditions: Iterable[Condition], baselines: Baselines) -> None:
        """Do nothing: workers of this machine find every baseline where it is."""

    def noted(self, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return nothing for run.json: the machine stands there already."""
        return {}

    def close(self) -> None:
        """End all workers, also those in the middle of a cycle, and what they started."""
        for worker in filter(None, self._workers):
            worker.pipe.close()  # an idle worker ends by itself: it reads the end of the pipe
        for worker in filter(None, self._workers):
            worker.process.join(2.0 if worker.task is None else 0)
            _kill(worker)
            worker.process.join()
            _LOG.info("worker of process %s ended: %s", worker.process.pid, _ending(worker))
        self._workers = [None] * len(self._workers)
        self._progress.close()

    def _hand_out(self, source: Source) -> None:
        for slot in range(len(self._workers)):
            worker = self._workers[slot]
            if worker is not None and worker.task is not None:
                continue
            task = source.take(self._batch, self._fits)
            if task is None:
                return
            worker = worker or self._start(slot)
            worker.task, worker.begun_s = task, time.monotonic()
            self._progress.begin(slot)
            asked = task.condition.name not in self._waits  # how busy it is
            _LOG.debug("worker %d gets %s, %s", slot, task.condition.name, _cycles(task.cycles))
            message = (pickle.dumps(task.condition), str(task.pristine), task.cycles, asked)
            with contextlib.suppress(OSError):  # dead: seen when collecting, the task run again
                worker.pipe.send(message)

    def _fits(self, condition: str) -> bool:
        """Whether one more worker may run cycles of a condition now."""
        at_work = sum(
            1 if not self._waits.get(worker.task.condition.name) else 1 / WAITING
            for worker in self._workers
            if worker and worker.task
        )
        return at_work + (1 / WAITING if self._waits.get(condition) else 1) <= self.size

    def _start(self, slot: int) -> _Worker:
        ours, theirs = self._context.Pipe()
        self._born += 1
        folder = self.root / f"worker-{self._born}"
        try:
            folder.mkdir()
        except OSError as error:
            raise MeasurementError(
                f"no worker can be started: {error}; did a cleanup delete the work folder?"
            ) from error
        process = self._context.Process(  # type: ignore[attr-defined]  # each context has its own
            target=work,
            args=(theirs, self.site, self.seed, str(folder), str(self._progress.path), slot),
            name=f"harness worker {slot}",
            daemon=True,
        )
        # The fork server starts with the first worker and must not die of a Ctrl-C meanwhile.
        resource_tracker.ensure_running()  # starting it would unblock the signals again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, QUIET)
        try:
            process.start()
        except (EOFError, OSError) as error:
            raise MeasurementError(f"no worker can be started: {error!r}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        _LOG.info("worker %d started, process %s", slot, process.pid)
        worker = self._workers[slot] = _Worker(process, ours, folder)
        return worker

    def _ready(self, busy: list[_Worker]) -> list[_Worker]:
        """Wait until workers have answered or died, or a moment has passed."""
        by_pipe = {worker.pipe: worker for worker in busy}
        try:
            ready = wait(list(by_pipe), timeout=min(0.5, self.watchdog_s / 4))
        except InterruptedError:
            return []
        return [by_pipe[pipe] for pipe in ready if isinstance(pipe, Connection)]

    def _collect(self, worker: _Worker) -> Iterator[list[CycleRecord]]:
        """Take a worker's answer, or find it dead."""
        try:
            records: list[CycleRecord]
            records, busy = worker.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            yield from self._bury(worker)
            return
        self._idle_deaths = 0
        if worker.task is not None:
            self._learn(worker.task.condition.name, len(records), worker.begun_s, busy)
        worker.task = None
        yield records

    def _learn(self, name: str, cycles: int, begun_s: float, busy: float | None) -> None:
        """Learn of a batch how long a condition's cycles take, and whether they wait."""
        took_s = time.monotonic() - begun_s
        self.spent_s[name] += took_s
        fitting = max(1, min(LONGEST_BATCH, int(BATCH_S / max(took_s / max(1, cycles), 1e-6))))
        # the first one made the site: that is no cycle
        if name in self._batch and name not in self._waits and busy is not None:
            self._waits[name] = busy < BUSY_SHARE
        self._batch[name] = min(fitting, self._batch[name] * 4)

    def _bury(self, worker: _Worker) -> Iterator[list[CycleRecord]]:
        """Account for a dead worker: its cycle in flight failed, its others are run again."""
        slot = self._workers.index(worker)
        _kill(worker)
        worker.process.join()
        worker.pipe.close()
        self._workers[slot] = None
        shutil.rmtree(worker.folder, ignore_errors=True)
        _LOG.info("worker %d, process %s, died: %s", slot, worker.process.pid, _ending(worker))
        task, cycle = worker.task, self._progress.in_flight(slot)
        if task is None:
            return
        if cycle is None or cycle not in task.cycles:
            self._idle_deaths += 1
            if self._idle_deaths >= IDLE_DEATHS:
                raise MeasurementError(
                    f"{IDLE_DEATHS} workers in a row died ({_ending(worker)}) before a cycle began"
                )
            self._again.append(task)
            return
        why = f"worker died ({_ending(worker)}) in this cycle"
        if worker.hung:
            why = f"no progress for {self.watchdog_s:g} s in this cycle: worker killed"
        for part in (range(task.cycles.start, cycle), range(cycle + 1, task.cycles.stop)):
            if part:
                self._again.append(task._replace(cycles=part))
        yield [CycleRecord(task.condition.name, cycle, "harness_error", detail=why)]

    def _drop(self, busy: list[_Worker]) -> None:
        """End workers in the middle of a cycle; nothing is known of that."""
        for worker in busy:
            if worker.task is not None and worker in self._workers:
                worker.task = None
                for _ in self._bury(worker):
                    pass

    def _watch(self, busy: list[_Worker]) -> None:
        """Kill workers whose cycle makes no progress."""
        now = time.monotonic()
        for worker in busy:
            if worker.task is None or worker not in self._workers:
                continue
            since = self._progress.since_s(self._workers.index(worker))
            if now - max(since, worker.begun_s) > self.watchdog_s and not worker.hung:
                worker.hung = True
                _kill(worker)


class Source:
    """Tasks cut to size: first what is to be run again, then the caller's in their order."""

    def __init__(
        self, tasks: Iterable[Task], again: deque[Task], enough: Callable[[str], bool]
    ) -> None:
        self._rest, self._again, self._enough = deque(tasks), again, enough

    def take(self, sizes: Mapping[str, int], fits: Callable[[str], bool]) -> Task | None:
        """Return the next batch, of at most as many cycles as ``sizes`` says, or None.

        What does not fit now is passed over, and comes when it does.
        """
        self._leave_out()
        for tasks in (self._again, self._rest):
            for number, task in enumerate(tasks):
                name = task.condition.name
                if not task.cycles or not fits(name):
                    continue
                size = len(task.cycles) if tasks is self._again else sizes[name]
                tasks[number] = task._replace(cycles=task.cycles[size:])
                return task._replace(cycles=task.cycles[:size])
        return None

    def _leave_out(self) -> None:
        """Drop what is handed out, and what nobody wants any more."""
        for tasks in (self._again, self._rest):
            while tasks and (not tasks[0].cycles or self._enough(tasks[0].condition.name)):
                tasks.popleft()
            for number, task in enumerate(tasks):
                if self._enough(task.condition.name):
                    tasks[number] = task._replace(cycles=task.cycles[:0])


def _kill(worker: _Worker) -> None:
    """Kill the worker and everything it started: it leads its own process group."""
    process: Any = worker.process
    if process.is_alive():  # it may not lead a group yet
        process.kill()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _ending(worker: _Worker) -> str:
    code = worker.process.exitcode or 0
    return f"signal {-code}" if code < 0 else f"exit status {code}"


def _cycles(cycles: range) -> str:
    return f"cycles {cycles.start} to {cycles.stop - 1}"
