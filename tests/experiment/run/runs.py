"""Runs of a small experiment, with sites that need no guard."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from harness.errors import MeasurementError, UsageError
from harness.experiment.plan.rates import Calibrate, solved
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.runner import run
from harness.results.records import CycleRecord
from harness.results.store import Store

CHECKOUT = Path(__file__).parents[3]
TEXT = """
name = "tried"
cycles = {cycles}
[defaults]
demands = "rows"
recoveries = ["file_copy"]
workload.size_bytes = 262144
[defaults.faults.noop]
rate = 0.05
[[conditions]]
name = "a"
claims = {claims}
[[conditions]]
name = "b"
"""


class Runs:
    """Runs of one experiment file, in folders of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "tried.toml"
        self.said = ""
        self.write()

    def write(self, cycles: int = 60, claims: str = "[]", more: str = "") -> None:
        """Write the experiment file."""
        text = TEXT.format(cycles=cycles, claims=claims) + more
        self.path.write_text(text, encoding="utf-8")

    def __call__(
        self, name: str, site: str = "Quick", calibrate: Calibrate = solved, **options: object
    ) -> int:
        """Run it, with RunOptions, into the folder called ``name``; return the exit status."""
        said = io.StringIO()
        machinery = Machinery(
            site=f"tests.experiment.sites:{site}",
            calibrate=calibrate,
            work_folder=self.folder,
            console=Console(file=said, width=200),
        )
        asked = {"workers": 2, "output": self.folder / name, **options}
        try:
            return run(self.path, RunOptions(**asked), machinery)  # type: ignore[arg-type]  # as asked
        finally:
            self.said = said.getvalue()

    def child(self, name: str, site: str, *, resume: bool = False) -> subprocess.Popen[str]:
        """Run it in a process of its own."""
        code = (
            "import sys; from pathlib import Path; from harness.experiment.run.runner import run; "
            "from harness.experiment.run.options import Machinery, RunOptions; "
            f"options = RunOptions(output=Path({str(self.folder / name)!r}), workers=2, "
            f"resume={resume}); "
            f"machinery = Machinery(site='tests.experiment.sites:{site}', "
            f"work_folder=Path({str(self.folder)!r})); "
            f"sys.exit(run(Path({str(self.path)!r}), options, machinery))"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def rows(self, name: str) -> list[CycleRecord]:
        """Return everything stored, timings taken off."""
        store = Store(self.folder / name)
        try:
            return [r.untimed() for condition in "ab" for r in store.records(condition)]
        finally:
            store.close()

    def stored(self, name: str) -> int:
        """Count what is stored so far."""
        try:
            return len(self.rows(name))
        except (UsageError, MeasurementError):
            return 0  # not even the tables are there yet

    def wait_for(self, name: str, count: int) -> None:
        """Wait until so many cycles are stored."""
        deadline = time.monotonic() + 60
        while self.stored(name) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
