"""A backend as people write them: one connection to SQLite, open all along; run by python3.

What the environment says makes it behave worse: WAL (it turns that on), LOUD (prints a lot),
DEAF (ignores SIGTERM), DIES (at this request), READS (holds a read transaction open).
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import sqlite3
from typing import Any

database = sqlite3.connect(os.environ["DATABASE_PATH"], isolation_level=None, timeout=5)
if os.environ.get("WAL"):
    database.execute("PRAGMA journal_mode=WAL")
if os.environ.get("DEAF"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    """POST /things makes one, DELETE /things/ID deletes it."""

    protocol_version = "HTTP/1.1"

    def _answer(self, status: int, value: Any) -> None:
        global asked  # noqa: PLW0603 - a script of its own
        asked += 1
        if str(asked) == os.environ.get("DIES"):
            print("it hurts", flush=True)  # noqa: T201 - its output is what is tested
            os._exit(7)
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hold(self) -> None:
        if os.environ.get("READS"):
            database.execute("BEGIN")
            database.execute("SELECT * FROM things").fetchone()

    def do_GET(self) -> None:
        """Count them."""
        self._answer(200, database.execute("SELECT count(*) FROM things").fetchone()[0])

    def do_POST(self) -> None:
        """Make one."""
        if database.in_transaction:
            database.execute("ROLLBACK")
        sql = "INSERT INTO things (name) VALUES ('e2e') RETURNING id"
        (made,) = database.execute(sql).fetchone()
        self._hold()
        self._answer(201, made)

    def do_DELETE(self) -> None:
        """Delete one."""
        if database.in_transaction:
            database.execute("ROLLBACK")
        database.execute("DELETE FROM things WHERE id = ?", (self.path.rpartition("/")[2],))
        self._hold()
        self._answer(200, None)

    def log_message(self, *told: Any) -> None:
        """Print only what was asked for."""
        if os.environ.get("LOUD"):
            print("x" * 100_000, flush=True)  # noqa: T201 - its output is what is tested


server = http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
print(f"listening on {server.server_port}", flush=True)  # noqa: T201 - its output is what is tested
server.serve_forever()
