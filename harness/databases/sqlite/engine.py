"""The SQLite engine: what the guard asks of it, each from the file that answers."""

from __future__ import annotations

from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.durable import make_durable
from harness.databases.sqlite.rows import quoted
from harness.databases.sqlite.session import connect

name = "sqlite"
default_recoveries: tuple[str, ...] = ("wal_pin", "online_backup")

__all__ = ["connect", "default_recoveries", "differences", "make_durable", "name", "quoted"]
