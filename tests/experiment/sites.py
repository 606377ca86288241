"""Small real sites: each cycle works on its own copy of the baseline, and judges it."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import apsw

from harness.databases import Differences
from harness.experiment.cycle.site import Site as RealSite
from harness.experiment.written.configuration import Condition
from harness.faults.schedule.ledger import LedgerEntry
from harness.guard.chain import Chain
from harness.results.records import CycleRecord


class Quick:
    """Adds a row and deletes it; one cycle in 20 has a fault, and ends in a restore."""

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        self.condition, self.seed, self.pristine = condition, seed, pristine
        self.database = folder / "database.sqlite3"
        shutil.copyfile(pristine, self.database)
        self.connection = apsw.Connection(str(self.database))
        self.connection.execute("CREATE TABLE tried (cycle INTEGER)")

    def run(self, cycle: int) -> CycleRecord:
        """Run one cycle."""
        began = time.perf_counter()
        self.connection.execute("INSERT INTO tried VALUES (?)", (cycle,))
        deleted = self.connection.execute("DELETE FROM tried RETURNING cycle").fetchall()
        struck = (cycle * 7919 + self.seed) % 20 == 0
        entry = LedgerEntry("noop", "cleanup", "delete bots 1", 1, "phase", struck, struck, "seen")
        return CycleRecord(
            self.condition.name,
            cycle,
            self.outcome(cycle, struck),
            rows=deleted == [(cycle,)],
            exact=True,
            says_clean=True,
            cleanup_ok=not struck,
            restored_by="file_copy" if struck else None,
            timings_ms={"cycle": (time.perf_counter() - began) * 1000},
            faults=(entry,) if struck else (),
        )

    def outcome(self, cycle: int, struck: bool) -> str:
        """Say how a cycle ends."""
        return "restored" if struck else "cleaned"

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


class LyingVerification(RealSite):
    """The real thing, with a defect planted in its guard: verification never finds anything."""

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        Chain.differences = lambda *_: Differences()  # type: ignore[method-assign]  # in a worker of its own
        super().__init__(condition, seed, pristine, folder)


class Slow(Quick):
    """Five milliseconds a cycle."""

    def run(self, cycle: int) -> CycleRecord:
        """Take time."""
        time.sleep(0.005)
        return super().run(cycle)


class Slower(Quick):
    """A second a cycle: something can happen meanwhile."""

    def run(self, cycle: int) -> CycleRecord:
        """Take time."""
        time.sleep(1)
        return super().run(cycle)


class Calm(Quick):
    """Nothing ever strikes."""

    def run(self, cycle: int) -> CycleRecord:
        """Run one cycle, and strike out what struck."""
        return replace(super().run(cycle), faults=())


class LateFailures(Quick):
    """Fails in one cycle of 50, and is slow there: the case that order of completion gets wrong."""

    def run(self, cycle: int) -> CycleRecord:
        """Be slow where it fails."""
        if cycle % 50 == 3:
            time.sleep(0.02)
        return super().run(cycle)

    def outcome(self, cycle: int, struck: bool) -> str:
        """Fail now and then."""
        return "dirty_known" if cycle % 50 == 3 else "cleaned"


class Raising(Quick):
    """Raises in cycle 5."""

    def run(self, cycle: int) -> CycleRecord:
        """Raise, with the database left open."""
        if cycle == 5:
            raise RuntimeError(f"planted in cycle {cycle}")
        return super().run(cycle)


class Leaving(Quick):
    """Ends its own process by SIGKILL in cycle 7, and once more in 20."""

    def run(self, cycle: int) -> CycleRecord:
        """Die."""
        if cycle in (7, 20):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().run(cycle)


class Hanging(Quick):
    """Never comes back from cycle 3."""

    def run(self, cycle: int) -> CycleRecord:
        """Hang, leaving a note of who does."""
        if cycle == 3:
            self.database.with_name("hanging").write_text(str(os.getpid()))
            time.sleep(3600)
        return super().run(cycle)


class Unbuildable(Quick):
    """Cannot be made."""

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        raise RuntimeError("planted: no site here")


class Idle:
    """Does nothing at all: what is left is what pool and store cost."""

    def __init__(self, condition: Condition, seed: int, pristine: Path, folder: Path) -> None:
        self.name = condition.name

    def run(self, cycle: int) -> CycleRecord:
        """Do nothing."""
        timings_ms = dict.fromkeys(("backup", "create", "cleanup", "verify", "truth", "cycle"), 1.5)
        return CycleRecord(self.name, cycle, "cleaned", True, True, True, timings_ms=timings_ms)

    def close(self) -> None:
        """Close nothing."""
