"""A client of a Dask scheduler: one that is there, or one of this machine's own for trying."""

from __future__ import annotations

import logging
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import dask
from distributed import Client, LocalCluster

from harness.errors import UsageError
from harness.experiment.run.cluster.where import Where
from harness.log import Log

_LOG = Log("run.cluster")
CONNECT_S = 4.0  # until somebody is there
ANSWER_S = 20.0  # until it has answered as a scheduler does: it may be busy
NO_PAGES = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
_TALKERS = ("distributed", "tornado", "asyncio", "bokeh")  # what tells its own log of a cluster


@contextmanager
def connected(place: Where, root: Path) -> Iterator[Client]:
    """Give a client; on this machine, with workers of its own that end with it.

    Args:
        place: whose client.
        root: for what workers of its own write.

    Raises:
        UsageError: nobody answers, or not as a scheduler does.
    """
    with _quiet(), _cluster(place, root) as cluster:
        client = _client(place, cluster)
        try:
            yield client
        finally:
            _close(client)


def _client(place: Where, cluster: LocalCluster | None) -> Client:
    """Connect, within a time that Dask itself does not keep where something else listens."""
    if not place.local:
        _reach(place)
    done: SimpleQueue[Client | Exception] = SimpleQueue()

    def connect() -> None:
        try:
            done.put(
                Client(
                    cluster or place.text, timeout=ANSWER_S, set_as_default=False, name="harness"
                )
            )
        except Exception as error:  # noqa: BLE001 - told to who waits
            done.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        answer = done.get(timeout=ANSWER_S + 1)
    except Empty:
        answer = TimeoutError("no answer")
    if isinstance(answer, Exception):
        raise UsageError(_unanswered(place, answer)) from answer
    return answer


def _reach(place: Where) -> None:
    """Find out soon whether anybody is there; UsageError where nobody is."""
    url = urlsplit(place.text)
    try:
        socket.create_connection((url.hostname or "", url.port or 0), CONNECT_S).close()
    except OSError as error:
        raise UsageError(
            f"--on {place.text}: nobody is there ({error}); has the scheduler been started, and "
            "can this machine reach it?"
        ) from error


def _close(client: Client) -> None:
    """Close, and wait for it no longer than is decent: a scheduler may be gone."""
    closing = threading.Thread(target=client.close, kwargs={"timeout": 2}, daemon=True)
    closing.start()
    closing.join(5)


@contextmanager
def _cluster(place: Where, root: Path) -> Iterator[LocalCluster | None]:
    """Start what `local:N` asks for; it listens on loopback alone."""
    if not place.local:
        yield None
        return
    main = threading.current_thread() is threading.main_thread()
    # a Ctrl-C reaches every process of the terminal, and only this one is to answer it
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        with dask.config.set({"temporary-directory": str(root)}):
            cluster = LocalCluster(
                n_workers=place.local,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs=NO_PAGES,
                memory_limit=0,  # cycles take no memory of the worker's
                silence_logs=logging.CRITICAL,
            )
    except (OSError, RuntimeError) as error:
        raise UsageError(f"--on {place.text}: no worker could be started: {error}") from error
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
    try:
        yield cluster
    finally:
        cluster.close(timeout=10)


def _unanswered(place: Where, error: Exception) -> str:
    """Say who did not answer, and what may be the matter."""
    if isinstance(error, TypeError | ValueError) or "TLS" in str(error):
        return f"--on {place.text}: {error}"
    hint = "is that a Dask scheduler, and not one that wants tls://?"
    if place.text.startswith("tls://"):
        hint = (
            "is that a Dask scheduler, and do ca-file, cert and key below distributed.comm.tls in "
            "Dask's own configuration fit?"
        )
    return (
        f"--on {place.text}: somebody is there and does not answer as a scheduler does, not within "
        f"{ANSWER_S:g} s; {hint}"
    )


class _Telling(logging.Handler):
    """Tell our log what Dask tells its own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it as a detail: what matters to people is said in a sentence of ours."""
        _LOG.debug("%s: %s", record.name, record.getMessage())


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing of Dask's own log reach people but by ours."""
    before: list[tuple[logging.Logger, list[Any], bool]] = []
    for name in _TALKERS:
        logger = logging.getLogger(name)
        before.append((logger, logger.handlers[:], logger.propagate))
        logger.handlers, logger.propagate = [_Telling()], False
    try:
        yield
    finally:
        for logger, handlers, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate


__all__ = ["CONNECT_S", "connected"]
