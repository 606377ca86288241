"""A small project of somebody's own: a database, and an experiment on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from harness.experiment.written.configuration import Condition

CREATE = ("INSERT INTO bots (name) VALUES ('e2e ' || :cycle)",)
CLEAN = """
import os, sqlite3
connection = sqlite3.connect(os.environ["DATABASE_PATH"], 0.1)
with connection:
    connection.execute("DELETE FROM bots WHERE name LIKE 'e2e %'")
connection.close()
"""
COMMAND = "python3 -S clean.py"


def make_project(folder: Path) -> Path:
    """Write database and cleanup script; return the database's path."""
    database = folder / "app.sqlite3"
    connection = apsw.Connection(str(database))
    connection.pragma("journal_mode", "wal")
    connection.execute(
        "CREATE TABLE bots (id INTEGER PRIMARY KEY, name TEXT UNIQUE);"
        "INSERT INTO bots (name) VALUES ('Marvin'), ('Bender')"
    )
    connection.close()
    (folder / "clean.py").write_text(CLEAN)
    return database


def condition(folder: Path, **changes: Any) -> Condition:
    """Return a condition on that project; keys of [project] go by ``project``."""
    project = {
        "database": "app.sqlite3",
        "create": CREATE,
        "home": str(folder),
        **changes.pop("project", {}),
    }
    values = {
        "name": "own",
        "demands": "rows",
        "recoveries": ["online_backup"],
        "cleanup": COMMAND,
        "project": project,
        **changes,
    }
    return Condition.model_validate(values)
