"""A neighbour: another process that uses the same database."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipes import line_of

_PROGRAM = """
import json, sys
import apsw
connections = {}
for line in sys.stdin:
    what, name, argument = json.loads(line)
    try:
        answer = None
        if what == "open":
            connections[name] = apsw.Connection(argument)
        elif what == "run":
            answer = connections[name].execute(argument).fetchall()
        elif what == "checkpoint":
            connections[name].wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        elif what == "close":
            connections.pop(name).close()
        print(json.dumps(["ok", answer]), flush=True)
    except apsw.Error as error:
        print(json.dumps(["error", type(error).__name__]), flush=True)
"""


class Neighbour:
    """Commands to the other process; each returns what SQLite answered there."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, what: str, name: str = "c", argument: str | None = None) -> Any:
        """Return rows; raise RuntimeError named after the other's error."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([what, name, argument]) + "\n")
        self.process.stdin.flush()
        status, answer = json.loads(line_of(self.process))
        if status == "error":
            raise RuntimeError(answer)
        return answer

    def open(self, path: Path, name: str = "c") -> None:
        """Open a connection and read, so that it is really there."""
        self.ask("open", name, str(path))
        self.run("SELECT count(*) FROM sqlite_schema", name)

    def run(self, sql: str, name: str = "c") -> Any:
        """Run SQL."""
        return self.ask("run", name, sql)

    def checkpoint(self, name: str = "c") -> None:
        """Ask for a whole checkpoint."""
        self.ask("checkpoint", name)

    def close(self, name: str = "c") -> None:
        """Close a connection."""
        self.ask("close", name)

    def kill(self) -> None:
        """Kill the process with its connections open."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def neighbour() -> Iterator[Neighbour]:
    """Start another process; it is killed at the end."""
    other = Neighbour()
    yield other
    other.kill()
