"""The SQLite engine: what the guard asks of it, each from the file that answers."""

from __future__ import annotations

from harness.databases.sqlite.differences import differences
from harness.databases.sqlite.durable import make_durable
from harness.databases.sqlite.session import connect

__all__ = ["connect", "differences", "make_durable"]
