"""One cycle's cleanup by a command of the user's own, with one fault at it."""

from __future__ import annotations

from pathlib import Path

from harness.cleanup import CleanupReport
from harness.cleanup.given.project import OwnCleanup
from harness.databases.sqlite.session import connect
from harness.faults import Shape, Slot
from harness.faults.schedule.injector import Injector
from harness.faults.schedule.ledger import LedgerEntry
from harness.processes.command import Command
from harness.processes.context import Context
from harness.retry import Retry
from harness.steps import Step
from tests.faults.conftest import Stage, plan

# in rollback mode a cleanup writes a -journal from 0 bytes on, in WAL mode a -wal
SQL = "DELETE FROM bots WHERE id > 7; DELETE FROM users WHERE id = 7"
PROGRAM = (
    "import os, sqlite3, time; c = sqlite3.connect(os.environ['DATABASE_PATH']); "
    f"time.sleep({{sleep_s}}); c.executescript('BEGIN; {SQL}; COMMIT'); c.close()"
)
OWN = Shape(
    (), True, True, ("online_backup",), 3, own=(Slot("cleanup", "command", 1),), own_processes=True
)


def program(sleep_s: float = 0.0) -> str:
    """Give the command line of a cleanup that waits before it deletes."""
    return f'python3 -S -c "{PROGRAM.format(sleep_s=sleep_s)}"'


def clean(
    stage: Stage, line: str, kind: str, lasting: str = "attempt", *, where: float = 0.5
) -> tuple[CleanupReport, Injector]:
    """Run the command with a fault of ``kind`` planned for it."""
    injector = stage.injector(plan(kind, "command", lasting, where=where))
    terms = stage.scene.terms
    cleanup = OwnCleanup(
        Command(line, stage.folder, 30.0), lambda: Context(stage.database, 0, 0, terms=terms)
    )
    report = cleanup.clean(
        stage.database,
        (),
        connect=connect,
        retry=Retry(attempts=1),
        listener=injector.listener,
    )
    injector.listener(Step("verify", "differences", 1))
    return report, injector


def entry(injector: Injector, report: CleanupReport) -> LedgerEntry:
    """End the cycle; return what the ledger says of its one fault."""
    (only,) = injector.finish(report.failures)
    assert injector.error is None
    return only


def left(folder: Path) -> list[str]:
    """Name what a cycle left beside the database."""
    return sorted(path.name for path in folder.iterdir())
