"""What a Dask worker is asked to do: make ready, run a batch, and end when nobody asks any more."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import itertools
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import Future
from multiprocessing.connection import Connection
from typing import Any

from harness.experiment.run.cluster import host, software
from harness.experiment.run.cluster.orders import (
    TOPIC,
    Answer,
    Order,
    Sent,
    Strange,
    Terms,
    Unable,
    marks,
)

GRACE_S = 5.0  # for a host to end in good order; then it is killed, and the next one sweeps
_LOOK_S = 0.5


class Hosted:
    """One process that runs cycles, as its Dask worker sees it."""

    def __init__(self, terms: Terms, threads: int) -> None:
        self.terms = terms
        self.renewed_s = time.monotonic()
        ours, theirs = socket.socketpair()
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            self._process = subprocess.Popen(  # noqa: S603 - this very package
                host.start_arguments(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for who asks
            )
        self._socket, self._pipe = ours, Connection(os.dup(ours.fileno()))
        self._sending = threading.Lock()
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Any]] = {0: Future()}
        self._ended = False
        self.ready = self._asked[0]  # the machine, once it is
        self._pipe.send((terms, threads))
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, verb: str, *args: Any) -> Future[Any]:
        """Ask for something; the answer is Strange where the process is no more."""
        answer: Future[Any] = Future()
        with self._sending:
            if self._ended:
                answer.set_exception(Strange("the process that ran cycles here has ended"))
                return answer
            number = next(self._numbers)
            self._asked[number] = answer
            with contextlib.suppress(OSError):  # it has ended: seen when listening
                self._pipe.send((number, verb, args))
        return answer

    def _listen(self) -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                number, value = self._pipe.recv()
                answer = self._asked.pop(number)
                if isinstance(value, Exception):
                    answer.set_exception(value)
                else:
                    answer.set_result(value)
        with self._sending:
            self._ended = True
        for answer in list(self._asked.values()):
            answer.set_exception(Strange("the process that ran cycles here has ended"))
        self._asked.clear()

    @property
    def ended(self) -> bool:
        """Whether nothing can be asked of it any more."""
        return self._ended

    def end(self) -> None:
        """End it and all it has started."""
        with contextlib.suppress(OSError):  # it reads the end, and ends in good order
            self._socket.shutdown(socket.SHUT_WR)
        try:
            self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._socket.close()


_HOSTED: dict[tuple[str, str], Hosted] = {}  # by run, and address of the Dask worker
_LOCK = threading.Lock()
_WATCHING = threading.Event()


async def look() -> software.Software:
    """Say what is installed on this worker."""
    return await asyncio.to_thread(software.software)


async def begin(terms: Terms, dask_worker: Any) -> dict[str, Any]:
    """Start what runs cycles here; return the machine. Unable, or Strange, where it cannot be."""
    return await asyncio.to_thread(_begin, terms, dask_worker.address, dask_worker.state.nthreads)


def _begin(terms: Terms, address: str, threads: int) -> dict[str, Any]:
    end(terms.run, address)
    with _LOCK:
        if not _WATCHING.is_set():
            _WATCHING.set()
            atexit.register(_end_all)
            threading.Thread(target=_watch, daemon=True).start()
    hosted = Hosted(terms, threads)
    _HOSTED[terms.run, address] = hosted
    machine: dict[str, Any] = hosted.ready.result()
    hosted.renewed_s = time.monotonic()  # the lease begins once it can be used
    return machine


async def receive(run: str, name: str, part: bytes, dask_worker: Any) -> None:
    """Take a part of a database."""
    await _asked(run, dask_worker.address, "receive", name, part)


async def prepare(run: str, wanted: list[Sent], dask_worker: Any) -> None:
    """Have every baseline here."""
    await _asked(run, dask_worker.address, "prepare", wanted)


async def _asked(run: str, address: str, verb: str, *args: Any) -> None:
    await asyncio.wrap_future(_of(run, address).ask(verb, *args))


def renew(run: str, dask_worker: Any) -> bool:
    """Note that who asks is alive; return whether all is as it was left."""
    hosted = _HOSTED.get((run, dask_worker.address))
    if hosted is None or hosted.ended:
        return False
    hosted.renewed_s = time.monotonic()
    return True


async def finish(run: str, dask_worker: Any) -> None:
    """End what was started for a run."""
    await asyncio.to_thread(end, run, dask_worker.address)


def end(run: str, address: str) -> None:
    """End what was started for a run by one Dask worker."""
    hosted = _HOSTED.pop((run, address), None)
    if hosted is not None:
        hosted.end()


def run_batch(run: str, order: Order) -> bytes:
    """Run a batch, the task that Dask places; return an Answer, pickled."""
    from distributed import get_worker  # noqa: PLC0415 - of those who ask only some have it

    worker = get_worker()
    try:
        answer: Answer = _of(run, worker.address).ask("run", order).result()
    except Unable as error:
        raise Unable(f"worker {worker.address}: {error}") from None
    told = {"order": order.number, "worker": worker.address, "marks": marks(answer.records)}
    worker.log_event(TOPIC + run, told)
    return pickle.dumps(answer)


def _of(run: str, address: str) -> Hosted:
    try:
        return _HOSTED[run, address]
    except KeyError:
        raise Strange(f"{address} is not ready for this run") from None


def _watch() -> None:
    """End what nobody has asked for any more: who asked was killed, or is cut off."""
    while True:
        time.sleep(_LOOK_S)
        now = time.monotonic()
        for (run, address), hosted in list(_HOSTED.items()):
            if now - hosted.renewed_s > hosted.terms.lease_s:
                end(run, address)


def _end_all() -> None:
    for run, address in list(_HOSTED):
        end(run, address)


class Call:
    """A call that is made where this is unpickled."""

    def __init__(self, run: str, order: Order) -> None:
        self._run, self._order = run, order

    def __reduce__(self) -> tuple[Any, ...]:
        """Make the call."""
        return run_batch, (self._run, self._order)
