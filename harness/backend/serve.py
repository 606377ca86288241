"""Serve the API from this process, on loopback only, until it is told to end.

For people: a line that says where, and Ctrl-C. For a program that started it (attached): the same
in JSON, and commands on standard input. Its end is the end of the backend, so nothing outlives a
program that was killed.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import uvicorn

from harness.backend import HOST
from harness.backend.app import Application
from harness.backend.heads import BoundedHeads
from harness.backend.resources import RESOURCES
from harness.backend.store import Store
from harness.databases.engine import Given
from harness.databases.sqlite.address import path_of
from harness.databases.sqlite.session import connect
from harness.databases.sqlite.stored import names
from harness.errors import UsageError

KEEP_ALIVE_S = 600  # a connection nobody uses; shorter would be a fault that nobody planned
_GRACE_S = 3  # for requests under way when it ends
_QUIET_TURNS = 20  # of the loop: from the kernel's queue to the application takes fewer than ten
_POLL_S = 0.001

Say = Callable[[str], None]


def serve(given: Given, *, port: int, busy_timeout_ms: int, attached: bool, say: Say) -> None:
    """Serve until standard input ends (attached) or a signal comes.

    Raises:
        UsageError: no such file, no database of the platform, the port is taken.
        KeyboardInterrupt: ended by Ctrl-C, in good order.
    """
    if attached and sys.stdin is None:
        raise UsageError("--attached needs a standard input: its end is the end of the backend")
    database = path_of(given)
    _check(database)
    listener = _listen(port)
    store = Store(database, busy_timeout_ms)
    application = Application(store)
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            loop="asyncio",
            http=BoundedHeads,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="critical",  # errors are logged where they are answered, in app.py
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )
    url = f"http://{HOST}:{listener.getsockname()[1]}"

    async def main() -> None:
        if attached:
            commands = _Commands(server, application)
            threading.Thread(target=commands.read, daemon=True).start()
            ready = {"version": 1, "url": url, "port": listener.getsockname()[1]}
            say(json.dumps(ready | {"pid": os.getpid()}))
        else:
            say(f"serving {database} at {url} (API page: {url}/docs); end with Ctrl-C")
        await server.serve(sockets=[listener])

    try:
        asyncio.run(main())
    finally:
        store.close()
        listener.close()


class _Commands:
    """Reads commands from standard input, one a line, and answers with a line of JSON each."""

    def __init__(self, server: uvicorn.Server, application: Application) -> None:
        self._server = server
        self._application = application
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def read(self) -> None:
        """Read until the end; runs in its own thread, for not every file can be waited for."""
        rest = b""
        # os.read holds no lock that the end of the process would wait for
        while data := os.read(sys.stdin.fileno(), 4096):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._loop.call_soon_threadsafe(
                    self._begin, line.strip().decode("utf-8", "replace")
                )
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self._server.should_exit = True

    def _begin(self, command: str) -> None:
        task = self._loop.create_task(self._carry_out(command))
        self._tasks.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self._tasks.discard)

    async def _carry_out(self, command: str) -> None:
        answer: dict[str, object]
        if command == "release":
            await self._quiet()
            self._application.store.close()
            answer = {"released": True}
        elif command == "drain":
            await self._quiet()
            answer = {"drained": True}
        else:
            answer = {"error": f"there is no command {command[:80]!r}; known: release, drain"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    async def _quiet(self) -> None:
        """Wait until no request is under way.

        A request that the kernel already has for us counts: after a stop (SIGSTOP) it may be read
        only after this command was.
        """
        quiet = 0
        while quiet < _QUIET_TURNS:
            await asyncio.sleep(0 if not self._application.under_way else _POLL_S)
            quiet = 0 if self._application.under_way else quiet + 1


def _listen(port: int) -> socket.socket:
    """Take the port on loopback; clients are refused until somebody listens."""
    # asyncio turns Nagle's delay off only where the protocol is named: else 44 ms an answer
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1)  # with this option two may bind one port, but only one may listen
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} of {HOST} is taken: name another, or 0 for any"
            ) from error
        raise UsageError(f"port {port} of {HOST} cannot be had: {error}") from error
    return listener


def _check(database: Path) -> None:
    """Refuse what is no database of the platform."""
    wanted = [resource.table for resource in RESOURCES] + ["api_tokens"]
    try:
        connection = connect(database)
        try:
            there = names(connection)
        finally:
            connection.close()
    except FileNotFoundError as error:
        raise UsageError(f"{database}: there is no such file") from error
    except apsw.NotADBError as error:
        raise UsageError(f"{database} is not a SQLite database") from error
    except apsw.BusyError as error:
        raise UsageError(f"{database} is locked: end whoever holds it, and try again") from error
    except apsw.Error as error:
        raise UsageError(f"{database} cannot be opened as a database: {error}") from error
    missing = [table for table in wanted if table not in there]
    if missing:
        raise UsageError(
            f"{database} is no database of the platform: it lacks {', '.join(missing)}"
        )
