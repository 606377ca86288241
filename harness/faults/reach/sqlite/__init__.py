"""How faults reach SQLite files: other connections, an authorizer, a VFS, the files themselves."""

from harness.faults.reach.sqlite.reach import SqliteReach as Reach

__all__ = ["Reach"]
