"""Where cycles run on SQLite files: a copy of the baseline in a folder, put back page by page."""

from harness.experiment.cycle.grounds.sqlite.ground import SqliteGround as Ground

__all__ = ["Ground"]
