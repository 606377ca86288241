"""What a cycle costs beyond the user's own commands in it."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from pathlib import Path

import apsw

from harness.experiment.cycle.site import Site
from harness.experiment.written.configuration import Condition
from harness.processes.command import Command
from harness.processes.context import Context

_LINE = "python3 -c pass"
_CREATE = 'touch "$DATABASE_PATH" && python3 -c pass'
_CYCLES = 120


def measure(folder: Path) -> list[str]:
    """Run cycles of two commands, the same by subprocess, and one by the launcher, turn by turn."""
    database = folder / "app.sqlite3"
    connection = apsw.Connection(str(database))
    connection.pragma("journal_mode", "wal")
    connection.execute("CREATE TABLE bots (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    project = {"database": str(database), "create": _CREATE, "home": str(folder)}
    condition = Condition.model_validate(
        {"name": "speed", "demands": "rows", "cleanup": _LINE, "project": project}
    )
    (folder / "site").mkdir()
    site = Site(condition, 1, database, folder / "site")
    command, context = Command(_LINE, folder, 20.0), Context(database, 0, 0)
    environment = os.environ | {"DATABASE_PATH": str(folder / "other")}
    cycle_ms, plain_ms, launched_ms, single_ms = [], [], [], []
    for number in range(_CYCLES):
        began = time.perf_counter()
        record = site.run(number)
        if record.outcome != "cleaned":
            raise SystemExit(f"cycle {number} did not end clean: {record}: nothing was measured")
        cycled = time.perf_counter()
        for line in (_CREATE, _LINE):
            subprocess.run(line, shell=True, env=environment, capture_output=True, check=True)  # noqa: S602 - as people run it
        plain = time.perf_counter()
        command.run(context)
        launched = time.perf_counter()
        subprocess.run(_LINE, shell=True, capture_output=True, check=True)  # noqa: S602 - as above
        ended = time.perf_counter()
        if number >= 10:  # warm
            cycle_ms.append((cycled - began) * 1000)
            plain_ms.append((plain - cycled) * 1000)
            launched_ms.append((launched - plain) * 1000)
            single_ms.append((ended - launched) * 1000)
    site.close()
    cycle, commands, launched_one, single = map(
        statistics.median, (cycle_ms, plain_ms, launched_ms, single_ms)
    )
    return [
        f"whole cycle of two commands: {cycle:.1f} ms",
        f"its two commands by subprocess.run: {commands:.1f} ms; ratio {cycle / commands:.2f}",
        f"one command: {launched_one:.1f} ms, by subprocess.run {single:.1f} ms; "
        f"ratio {launched_one / single:.2f}",
    ]
