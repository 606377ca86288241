"""A process beside a Dask worker that runs cycles for one run; it ends with the worker.

A Dask worker may be a daemon, runs tasks in threads, and must outlive any cycle. So cycles run in
the workers of an ordinary Pool, and that pool in this process, which is started as a program.
"""

from __future__ import annotations

import os
import pickle
import queue
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.experiment.run import machine
from harness.experiment.run.cluster.orders import Answer, Order, Sent, Strange, Terms, Unable
from harness.experiment.run.place import ROOM_FACTOR, Baselines, WorkRoot
from harness.experiment.run.pool import Pool, Task, find_site

STARTING = (  # the path is the worker's, and no folder more
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from harness.experiment.run.cluster.host import main; main(int(sys.argv[1]))"
)


class Host:
    """The pools of one run on one Dask worker, one for each batch at a time."""

    def __init__(self, terms: Terms, root: Path) -> None:
        self._terms, self._root = terms, root
        self._baselines = Baselines(root, terms.seed)
        self._pristines: dict[str, Path] = {}  # by condition
        self._idle: queue.SimpleQueue[Pool] = queue.SimpleQueue()
        self._all: list[Pool] = []
        self._lock = threading.Lock()
        self._ended = False

    def told(self) -> dict[str, Any]:
        """Return the machine that this is."""
        return machine.machine(self._root)

    def receive(self, name: str, part: bytes) -> None:
        """Take a further part of a database that is sent; Unable where it does not fit."""
        if 2 * len(part) > shutil.disk_usage(self._root).free:
            raise Unable(f"the database that is sent does not fit into {self._root.parent}")
        with (self._root / name).open("ab") as file:
            file.write(part)

    def prepare(self, wanted: list[Sent]) -> None:
        """Have every baseline here; Unable where one is another than where it was asked for."""
        from harness.experiment.cycle.grounds import ground_of  # noqa: PLC0415 - the engine is slow

        for sent in wanted:
            condition = pickle.loads(sent.condition)  # noqa: S301 - by who may run code here
            if sent.file:
                pristine = self._root / sent.file
                found = ground_of(pristine).fingerprint(pristine)
            else:
                pristine = self._baselines.of(condition)
                found = self._baselines.fingerprint(condition)
            if found != sent.fingerprint:
                raise Unable(
                    f"condition {condition.name!r}: the baseline made here is another one, so "
                    "other packages are installed than where the run was begun: install both from "
                    "the same constraints"
                )
            home = getattr(condition.project, "home", "")
            if home and not Path(home).is_dir() and _needs_home(condition):
                raise Unable(
                    f"condition {condition.name!r}: its commands and functions are looked for in "
                    f"{home}, and that folder is not here: mount it there, or bring it with the "
                    "worker's image"
                )
            self._pristines[condition.name] = pristine

    def run(self, order: Order) -> Answer:
        """Run one batch; Strange where its baseline is not here, or everything is to end."""
        if order.name not in self._pristines:
            raise Strange(f"no baseline of condition {order.name!r} here")
        condition = pickle.loads(order.condition)  # noqa: S301 - by who may run code here
        pool = self._pool()
        began_s, before_s = time.monotonic(), pool.spent_s[order.name]
        task = Task(condition, self._pristines[order.name], order.cycles)
        records = [record for some in pool.run([task]) for record in some]
        if pool.stop.is_set():
            raise Strange("everything ends here")
        self._idle.put(pool)
        return Answer(records, time.monotonic() - began_s, pool.spent_s[order.name] - before_s)

    def _pool(self) -> Pool:
        with suppress(queue.Empty):
            return self._idle.get_nowait()
        with self._lock:
            if self._ended:
                raise Strange("everything ends here")
            folder = self._root / f"pool-{len(self._all)}"
            folder.mkdir()
            terms = self._terms
            pool = Pool(terms.site, terms.seed, 1, folder, watchdog_s=terms.watchdog_s)
            self._all.append(pool)
            return pool

    def stop(self) -> None:
        """Hand out nothing more; what is under way may still end, as after Ctrl-C."""
        with self._lock:
            self._ended = True
            for pool in self._all:
                pool.stop.set()

    def close(self) -> None:
        """End all that runs cycles."""
        for pool in self._all:
            pool.close()


def _needs_home(condition: Any) -> bool:
    """Whether a project brings anything but SQL."""
    project = condition.project
    cleanup = condition.cleanup if isinstance(condition.cleanup, str) else ""
    ours = project.create == "auto" or not isinstance(project.create, str)
    own_cleanup = " " in cleanup or ":" in cleanup
    return not ours or isinstance(project.test, str) or own_cleanup or project.backend is not None


def main(descriptor: int) -> None:
    """Answer what comes through a socket until it ends; then end everything that runs here."""
    os.set_inheritable(descriptor, False)
    pipe = Connection(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    terms, threads = pipe.recv()
    sending = threading.Lock()

    def answer(number: int, value: Any) -> None:
        with sending, suppress(OSError):
            pipe.send((number, value))

    def do(host: Host, number: int, verb: str, args: tuple[Any, ...]) -> None:
        try:
            value = getattr(host, verb)(*args)
        except HarnessError as error:
            value = error if isinstance(error, Strange) else Unable(str(error))
        except BaseException as error:  # noqa: BLE001 - whatever it is, who asked must know
            value = Unable(f"{type(error).__name__}: {error}")
        answer(number, value)

    room_bytes = terms.room_bytes * ROOM_FACTOR * (threads + 1)
    with ExitStack() as stack:
        try:
            find_site(terms.site)
            root = stack.enter_context(WorkRoot(room_bytes))
            host = Host(terms, root.path)
        except (HarnessError, OSError) as error:
            answer(0, Unable(str(error)))
            return
        stack.callback(host.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        doers = ThreadPoolExecutor(threads + 1)
        answer(0, host.told())
        with suppress(EOFError, OSError):
            while True:
                doers.submit(do, host, *pipe.recv())
        host.stop()
        doers.shutdown()


def start_arguments(descriptor: int) -> list[str]:
    """Return the command line of such a process, whose socket is ``descriptor``."""
    path = [os.path.abspath(place) for place in sys.path]
    return [sys.executable, "-P", "-c", STARTING, str(descriptor), *path]
