"""What a cycle on a database of somebody's own costs: Northwind, by SQL and by commands.

Northwind is looked for where tests look for real databases; see ``tests.real_databases``.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.databases.sqlite.session import connect
from harness.experiment.cycle.site import Site
from harness.experiment.written.configuration import Condition
from harness.results.records import CycleRecord
from tests.real_databases import found

CUSTOMER = (
    "INSERT INTO Customers (CustomerID, CompanyName) VALUES ('E2E', 'End to End')",
    "INSERT INTO CustomerDemographics (CustomerTypeID) VALUES ('E2E')",
    "INSERT INTO CustomerCustomerDemo (CustomerID, CustomerTypeID) VALUES ('E2E', 'E2E')",
)
ORDER = (  # Orders counts with AUTOINCREMENT: only a restore makes the database the same
    *CUSTOMER,
    "INSERT INTO Orders (CustomerID, OrderDate) VALUES ('E2E', '2026-01-01')",
    'INSERT INTO "Order Details" (OrderID, ProductID) VALUES (last_insert_rowid(), 1)',
)
CLEAN = (
    'DELETE FROM "Order Details" WHERE OrderID IN (SELECT OrderID FROM Orders '
    "WHERE CustomerID = 'E2E')",
    "DELETE FROM Orders WHERE CustomerID = 'E2E'",
    "DELETE FROM CustomerCustomerDemo WHERE CustomerID = 'E2E'",
    "DELETE FROM CustomerDemographics WHERE CustomerTypeID = 'E2E'",
    "DELETE FROM Customers WHERE CustomerID = 'E2E'",
)
PHASES = ("backup", "create", "cleanup", "verify", "restore", "dispose", "truth")
SCRIPT = """import os, sqlite3, sys
connection = sqlite3.connect(os.environ["DATABASE_PATH"])
with connection:
    for sql in sys.argv[1:]:
        connection.execute(sql)
connection.close()
"""
_WARM = 20


def measure(folder: Path, say: Callable[[str], None]) -> None:
    """Measure cycles by SQL, with and without a restore, and cycles by commands."""
    northwind = found("northwind.db")
    if northwind is None:
        say("no northwind.db here: nothing was measured")
        return
    for recovery in ("online_backup", "wal_pin"):
        pristine = folder / f"{recovery}.db"
        shutil.copyfile(northwind, pristine)
        if recovery == "wal_pin":
            connection = connect(pristine)
            connection.pragma("journal_mode", "wal")
            connection.close()
        for ends, create in (("cleaned", CUSTOMER), ("restored", ORDER)):
            _by_sql(folder, pristine, recovery, ends, create, say)
    _by_commands(folder, folder / "online_backup.db", say)


def condition(pristine: Path, **changes: Any) -> Condition:
    """Give a condition that demands everything back, sequences too."""
    project = {"database": pristine.name, "home": str(pristine.parent), **changes.pop("project")}
    return Condition.model_validate(
        {"name": "own", "demands": "exact", "project": project, **changes}
    )


def _by_sql(
    folder: Path,
    pristine: Path,
    recovery: str,
    ends: str,
    create: tuple[str, ...],
    say: Callable[[str], None],
    cycles: int = 400,
) -> None:
    made = condition(pristine, recoveries=[recovery], cleanup=CLEAN, project={"create": create})
    records, each_ms, cpu_ms = _run(folder / f"{recovery}-{ends}", made, pristine, cycles, ends)
    say(
        f"SQL, {recovery}, {ends}: {each_ms:.2f} ms a cycle by the median "
        f"({1000 / each_ms:.0f} a second, a worker), {cpu_ms:.2f} ms of them on a processor"
    )
    parts = {
        phase: statistics.median(times)
        for phase in PHASES
        if (times := [r.timings_ms[phase] for r in records if phase in r.timings_ms])
    }
    say("of it " + ", ".join(f"{phase} {ms:.2f} ms" for phase, ms in parts.items()))
    say(
        f"the rest (the baseline's bytes put back, plan, record): "
        f"{max(0.0, each_ms - sum(parts.values())):.2f} ms"
    )


def _by_commands(folder: Path, pristine: Path, say: Callable[[str], None]) -> None:
    (folder / "run.py").write_text(SCRIPT)
    python = f"{shlex.quote(sys.executable)} -S run.py"
    create, cleanup = (f"{python} {shlex.join(statements)}" for statements in (CUSTOMER, CLEAN))
    made = condition(
        pristine, recoveries=["online_backup"], cleanup=cleanup, project={"create": create}
    )
    _, cycle_ms, _ = _run(folder / "commands", made, pristine, 60, "cleaned")
    own_ms = _by_hand(folder, pristine, (create, cleanup), 60)
    say(
        f"commands: {cycle_ms:.1f} ms a cycle, by hand {own_ms:.1f} ms: "
        f"{cycle_ms / own_ms - 1:.0%} more, or {cycle_ms - own_ms:.1f} ms"
    )


def _by_hand(folder: Path, pristine: Path, lines: tuple[str, ...], rounds: int) -> float:
    """Time the same commands without a harness."""
    database = folder / "by-hand.db"
    shutil.copyfile(pristine, database)
    told = {**os.environ, "DATABASE_PATH": str(database)}
    times_ms = []
    for _ in range(rounds):
        started = time.perf_counter()
        for line in lines:
            subprocess.run(  # noqa: S602 - the harness gives command lines to the shell as well
                line, shell=True, check=True, cwd=folder, env=told, capture_output=True
            )
        times_ms.append((time.perf_counter() - started) * 1000)
    return statistics.median(times_ms)


def _run(
    place: Path, made: Condition, pristine: Path, cycles: int, ends: str
) -> tuple[list[CycleRecord], float, float]:
    """Run cycles on a site of their own; with OWN_PROFILE set, show where the time goes."""
    place.mkdir()
    site = Site(made, 1, pristine, place)
    profile = cProfile.Profile() if "OWN_PROFILE" in os.environ else None
    try:
        for number in range(_WARM):
            site.run(number)
        if profile:
            profile.enable()
        records, times_ms = [], []
        began_s = time.process_time()
        for number in range(_WARM, _WARM + cycles):
            started = time.perf_counter()
            records.append(site.run(number))
            times_ms.append((time.perf_counter() - started) * 1000)
        cpu_ms = (time.process_time() - began_s) * 1000 / cycles
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    finally:
        site.close()
    if {record.outcome for record in records} != {ends}:
        raise SystemExit(f"a cycle did not end {ends}: {records[0].outcome} {records[0].detail}")
    return records, statistics.median(times_ms), cpu_ms
