"""A real pooler before a server: PgBouncer, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from harness.databases.postgresql.server import Server, _as_user, _free_port

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")


@contextmanager
def pooler(server: Server, *, mode: str, ignores: str) -> Iterator[int]:
    """Start one before a server; give its port.

    Args:
        server: that it leads to.
        mode: "session" or "transaction".
        ignores: parameters of a session that it takes and forgets.
    """
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed")
    folder = server.folder / "pooler"
    folder.mkdir(exist_ok=True)
    port = _free_port()
    (folder / "users").write_text('"postgres" ""\n')
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "auth_type": "trust",
        "auth_file": folder / "users",
        "unix_socket_dir": "",
        "pool_mode": mode,
        "ignore_startup_parameters": ignores,
    }
    lines = ["[databases]", f"* = host=127.0.0.1 port={server.port}", "[pgbouncer]"]
    lines += [f"{name} = {value}" for name, value in settings.items()]
    (folder / "ini").write_text("\n".join(lines) + "\n")
    running = subprocess.Popen(
        [*_as_user(server.folder), PROGRAM, "-q", str(folder / "ini")],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _wait_for(port)
        yield port
    finally:
        running.terminate()
        running.wait()


def _wait_for(port: int) -> None:
    for _ in range(100):
        with suppress(psycopg.OperationalError):
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
            return
        time.sleep(0.05)
    raise AssertionError("PgBouncer does not answer")
