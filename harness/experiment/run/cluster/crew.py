"""The workers of a cluster that take part: each is made ready first, whenever it comes."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distributed import Client

from harness.errors import HarnessError, UsageError
from harness.experiment.run.cluster import hosting
from harness.experiment.run.cluster.orders import Sent, Terms
from harness.experiment.run.cluster.software import REVISION, difference, software
from harness.experiment.run.workers import Lost
from harness.log import Log
from harness.version import VERSION

_LOG = Log("run.cluster")
PART_BYTES = 4 * 1024 * 1024
LOOK_S = 1.0
SILENT_S = 30.0  # a scheduler that has not answered for so long is taken for lost
ARRIVING_S = 10.0  # for the first worker to come


class Crew:
    """Who of the cluster may have cycles of a run.

    Args:
        client: connected.
        terms: of the run.
    """

    def __init__(self, client: Client, terms: Terms) -> None:
        self._client, self._terms = client, terms
        self._wanted: list[tuple[Sent, Path]] = []
        self._software = software()
        self._lock = threading.Lock()
        self._threads: dict[str, int] = {}  # of those that are ready
        self._there: set[str] = set()
        self._busy: set[str] = set()  # being made ready
        self._begun: set[str] = set()  # has a process of this run, ready or not
        self._open = False  # to whoever comes later
        self.refused: dict[str, str] = {}  # why, by address
        self.seen: dict[str, dict[str, Any]] = {}  # for run.json, by address
        self.heard_s = time.monotonic()
        self._over = threading.Event()

    # -- who is there -----------------------------------------------------------------------------

    def ready(self) -> list[str]:
        """Return the addresses of those that may have cycles."""
        with self._lock:
            return sorted(self._threads)

    @property
    def threads(self) -> int:
        """How many batches may run at once."""
        with self._lock:
            return sum(self._threads.values())

    @property
    def coming(self) -> bool:
        """Whether somebody is being made ready."""
        return bool(self._busy)

    def strange(self, address: str) -> None:
        """Give a worker nothing more until it is made ready again."""
        with self._lock:
            self._threads.pop(address, None)

    def wait_for_workers(self, stop: threading.Event) -> list[str]:
        """Wait a little for the first worker; UsageError where none comes."""
        until_s = time.monotonic() + ARRIVING_S
        while not (there := self._look()):
            if stop.wait(0.2):
                raise KeyboardInterrupt
            if time.monotonic() > until_s:
                raise UsageError(
                    f"the scheduler answers, and has had no worker for {ARRIVING_S:g} s: start "
                    "some, as 'dask worker ADDRESS', then run again"
                )
        return there

    def _look(self) -> list[str]:
        there = sorted(self._client.nthreads())
        self.heard_s = time.monotonic()
        with self._lock:
            self._there = set(there)
            for gone in self._threads.keys() - self._there:
                _LOG.info("worker %s is gone", gone)
                del self._threads[gone]
        return there

    # -- made ready -------------------------------------------------------------------------------

    def make_ready(self, addresses: list[str], wanted: list[tuple[Sent, Path]]) -> None:
        """Make the first workers ready, every one; UsageError names what is wrong with whom."""
        self._wanted = wanted
        wrong = self._welcome(addresses)
        self._open = True
        if wrong:
            address, why = next(iter(sorted(wrong.items())))
            more = f" ({len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise UsageError(f"worker {address}: {why}{more}")

    def _welcome(self, addresses: list[str]) -> dict[str, str]:
        """Make workers ready; return what is wrong with whom. Who has gone is no matter."""
        wrong: dict[str, str] = {}

        def going_on(answers: dict[str, Any]) -> list[str]:
            for address, answer in answers.items():
                if isinstance(answer, Exception) and (why := _why(answer)):
                    wrong[address] = why
            return [a for a, answer in answers.items() if not isinstance(answer, Exception)]

        found = self._on(addresses, hosting.look)
        alike = []
        for address in going_on(found):
            if other := difference(self._software, found[address]):
                wrong[address] = (
                    f"has {other}; all must have the same, or their rows would not be one run's"
                )
            else:
                alike.append(address)
        begun = self._on(alike, hosting.begin, self._terms)
        ready = going_on(begun)
        with self._lock:
            self._begun.update(ready)
        for name, part in _parts(self._wanted):
            ready = going_on(self._on(ready, hosting.receive, self._terms.run, name, part))
        sent = [one for one, _ in self._wanted]
        ready = going_on(self._on(ready, hosting.prepare, self._terms.run, sent))
        threads = self._client.nthreads()
        with self._lock:
            for address in ready:
                if address in threads:
                    self._threads[address] = threads[address]
                self.seen[address] = self._told(address, found, begun, threads)
            self.refused.update(wrong)
        for address, why in wrong.items():
            _LOG.info("worker %s gets no cycles: %s", address, why)
            self._on([address], hosting.finish, self._terms.run)
        return wrong

    def _told(
        self, address: str, found: dict[str, Any], begun: dict[str, Any], threads: dict[str, int]
    ) -> dict[str, Any]:
        versions = {name: word for name, word in found[address].items() if name != REVISION}
        return {
            "address": address,
            "threads": threads.get(address, 1),
            "versions": versions,
            "revision": found[address][REVISION] or None,
            "machine": begun[address],
        }

    def _on(self, addresses: list[str], function: Any, *args: Any) -> dict[str, Any]:
        """Call on every one of the workers; an exception stands for its answer."""
        if not addresses:
            return {}
        answers: dict[str, Any] = self._client.run(
            function, *args, workers=addresses, on_error="return"
        )
        return answers

    # -- while the run is on ----------------------------------------------------------------------

    def keep(self) -> None:
        """Look after the workers in a thread of its own until ``dismiss``.

        Also while they are made ready: a large baseline takes longer than their lease.
        """
        threading.Thread(target=self._keep, daemon=True, name="crew of workers").start()

    def _keep(self) -> None:
        renewed_s = 0.0
        while not self._over.wait(LOOK_S):
            try:
                for address in self._look():
                    known = address in self._threads or address in self.refused
                    if self._open and not known:
                        self._welcome_later(address)
                if time.monotonic() - renewed_s > self._terms.lease_s / 5:
                    renewed_s = time.monotonic()
                    with self._lock:
                        begun = sorted(self._begun & self._there)
                    renewed = self._on(begun, hosting.renew, self._terms.run)
                    for address, kept in renewed.items():
                        if kept is not True:
                            self.strange(address)
            except Exception as error:  # noqa: BLE001 - the scheduler is gone: seen by ``heard_s``
                _LOG.debug("the cluster does not answer: %s", error)

    def _welcome_later(self, address: str) -> None:
        """Make one more worker ready, while all the others work on."""
        if address in self._busy:
            return
        self._busy.add(address)

        def welcome() -> None:
            try:
                _LOG.info("worker %s has come", address)
                self._welcome([address])
            except Exception as error:  # noqa: BLE001 - it has gone again; tried anew if it comes
                _LOG.info("worker %s could not be made ready: %s", address, error)
            finally:
                self._busy.discard(address)

        threading.Thread(target=welcome, daemon=True, name="a worker made ready").start()

    def check(self) -> None:
        """Raise Lost where the scheduler is."""
        silent = time.monotonic() - self.heard_s > SILENT_S
        if self._client.status != "running" or silent:
            why = f"has not answered for {SILENT_S:g} s" if silent else "is gone"
            raise Lost(f"the cluster's scheduler {why}")

    def dismiss(self) -> None:
        """End what was started on every worker, as far as anybody answers."""
        self._over.set()
        if self._client.status != "running":
            return
        ending = threading.Thread(target=self._dismiss, daemon=True)
        ending.start()
        ending.join(hosting.GRACE_S + 5)

    def _dismiss(self) -> None:
        try:
            self._on(sorted(self._client.nthreads()), hosting.finish, self._terms.run)
        except Exception as error:  # noqa: BLE001 - then the lease ends it
            _LOG.debug("nobody could be told that the run is over: %s", error)


def _why(error: Exception) -> str:
    """Say what is wrong with a worker; "" where it has only gone."""
    # what failed while it was read there comes as Dask tells it
    if missing := re.search(r"No module named \\?['\"]([\w.]+)", str(error)):
        return (
            f"has no {missing[1]}: install reliability-harness[cluster] {VERSION} there, from the "
            "same constraints"
        )
    if "ImportError" in repr(error) or "AttributeError" in repr(error):
        return f"has another revision of the package: {error}"
    if isinstance(error, OSError):
        return ""
    return str(error) if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"


def _parts(wanted: list[tuple[Sent, Path]]) -> Iterator[tuple[str, bytes]]:
    """Give the databases to be sent, part by part."""
    files = {sent.file: path for sent, path in wanted if sent.file}
    for name, path in files.items():
        with path.open("rb") as file:
            while part := file.read(PART_BYTES):
                yield name, part


__all__ = ["Crew"]
