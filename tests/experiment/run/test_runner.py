"""Whole runs: resumed, interrupted, killed, decided early, and what their status says."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.experiment.run.place import PREFIX
from harness.experiment.run.runner import gaps, run
from harness.experiment.written.configuration import load
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

    def __call__(self, name: str, site: str = "Quick", **options: object) -> int:
        """Run it into the folder called ``name``; return the exit status."""
        said = io.StringIO()
        options = {"workers": 2, "work_folder": self.folder, **options}
        try:
            return run(
                self.path,
                output=self.folder / name,
                site=f"tests.experiment.sites:{site}",
                console=Console(file=said, width=200),
                **options,  # type: ignore[arg-type]  # as the caller wants it
            )
        finally:
            self.said = said.getvalue()

    def child(self, name: str, site: str, *, resume: bool = False) -> subprocess.Popen[str]:
        """Run it in a process of its own."""
        code = (
            "import sys; from pathlib import Path; from harness.experiment.run.runner import run; "
            f"sys.exit(run(Path({str(self.path)!r}), output=Path({str(self.folder / name)!r}), "
            f"site='tests.experiment.sites:{site}', workers=2, resume={resume}, "
            f"work_folder=Path({str(self.folder)!r})))"
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
            return [
                replace(r, timings_ms={}) for condition in "ab" for r in store.records(condition)
            ]
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


@pytest.fixture
def runs(folder: Path) -> Runs:
    """Give runs in a folder of their own."""
    return Runs(folder)


def test_rows_are_the_same_for_any_number_of_workers(runs: Runs) -> None:
    """One worker and two store the same, every cycle of every condition, and say seed and rates."""
    assert runs("one", workers=1) == 0
    assert "seed 1" in runs.said
    assert "a: noop at 0.05 a slot" in runs.said
    assert runs("two", workers=2) == 0
    assert runs.rows("one") == runs.rows("two")
    assert [(r.condition, r.cycle) for r in runs.rows("one")] == [
        (condition, cycle) for condition in "ab" for cycle in range(60)
    ]
    assert not list(runs.folder.glob(f"{PREFIX}*"))


def test_run_json_tells_what_ran_where(runs: Runs) -> None:
    """A run's folder holds all there is to know of it, and the reports."""
    runs("one", seed=7)
    told = json.loads((runs.folder / "one" / "run.json").read_text())
    assert told["seed"] == 7
    assert told["experiment"]["seed"] == 7
    assert set(told["versions"]) == {"harness", "python", "apsw", "sqlite", "numpy"}
    assert set(told["machine"]) == {"cpu", "cores", "system", "kernel", "filesystem"}
    assert told["started"] <= told["finished"]
    assert told["wall_s"] > 0
    assert set(told["wall_s_by_condition"]) == {"a", "b"}
    names = {path.name for path in (runs.folder / "one").iterdir()}
    assert names == {"run.json", "cycles.sqlite", "cycles.parquet", "summary.json", "report.html"}


def test_a_used_folder_is_refused_and_left_alone(runs: Runs) -> None:
    """Without --resume nothing is overwritten; with it, nothing is left to do."""
    runs("one")
    before = (runs.folder / "one" / "cycles.sqlite").read_bytes()
    with pytest.raises(UsageError, match="nothing was overwritten"):
        runs("one")
    assert (runs.folder / "one" / "cycles.sqlite").read_bytes() == before
    rows = runs.rows("one")
    assert runs("one", resume=True) == 0
    assert runs.rows("one") == rows


def test_there_must_be_something_to_resume(runs: Runs) -> None:
    """A mistyped --output begins no run of its own: the folder is named, and nothing is made."""
    with pytest.raises(UsageError, match=r"mistyped: is not there, so .* nothing to --resume"):
        runs("mistyped", resume=True)
    assert not (runs.folder / "mistyped").exists()
    (runs.folder / "other").mkdir()
    with pytest.raises(UsageError, match=r"other: holds no run, .* leave --resume out"):
        runs("other", resume=True)
    assert not list((runs.folder / "other").iterdir())
    runs("one")
    (runs.folder / "one" / "cycles.sqlite").unlink()
    with pytest.raises(UsageError, match=r"one: was published without its cycles\.sqlite"):
        runs("one", resume=True)


def test_another_experiments_folder_is_refused(runs: Runs) -> None:
    """--resume into another seed's folder names both."""
    runs("one")
    with pytest.raises(ConfigurationError, match="seed 1, asked for is 'tried' with seed 2"):
        runs("one", resume=True, seed=2)


def test_a_run_goes_on_with_more_cycles(runs: Runs) -> None:
    """Resumed with more cycles, the rows are those of a longer run from the start."""
    runs("one", cycles=30)
    assert runs("one", cycles=60, resume=True) == 0
    runs("two", cycles=60)
    assert runs.rows("one") == runs.rows("two")


def test_killed_whole_and_resumed_gives_the_rows_of_an_unbroken_run(runs: Runs) -> None:
    """SIGKILL of the run in mid-condition; its leftovers are swept by the next."""
    runs.write(cycles=150)
    child = runs.child("killed", "Slow")
    runs.wait_for("killed", 40)
    child.kill()
    child.communicate()
    assert 40 <= runs.stored("killed") < 300
    assert list(runs.folder.glob(f"{PREFIX}*"))
    time.sleep(0.3)  # its workers notice, and are gone
    assert runs("killed", resume=True) == 0
    assert runs("unbroken") == 0
    assert runs.rows("killed") == runs.rows("unbroken")
    assert not list(runs.folder.glob(f"{PREFIX}*"))


def test_workers_end_with_a_killed_run(runs: Runs) -> None:
    """Even one whose cycle hangs does not outlive the run that was killed."""
    child = runs.child("killed", "Hanging")
    deadline = time.monotonic() + 60
    notes: list[Path] = []
    while not (notes and notes[0].read_text()) and time.monotonic() < deadline:
        notes = list(runs.folder.glob(f"{PREFIX}*/worker-*/site-*/hanging"))
        time.sleep(0.02)
    worker = Path("/proc") / notes[0].read_text()
    assert worker.exists()
    child.kill()
    child.wait()
    assert child.stdout is not None
    child.stdout.close()
    while worker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not worker.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_ends_in_order_and_resumes(runs: Runs, number: int) -> None:
    """Ctrl-C: status 130, a word on how to go on, nothing left; then the rows are all there."""
    runs.write(cycles=150)
    child = runs.child("broken", "Slow")
    runs.wait_for("broken", 40)
    child.send_signal(number)
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "go on with --resume" in said
    assert not list(runs.folder.glob(f"{PREFIX}*"))
    assert 40 <= runs.stored("broken") < 300
    assert runs("broken", resume=True) == 0
    assert runs("unbroken") == 0
    assert runs.rows("broken") == runs.rows("unbroken")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_killed_in_mid_run_is_a_harness_error(runs: Runs, workers: int) -> None:
    """The run goes on, loses no cycle, and its status says that the instrument failed."""
    assert runs("one", site="Leaving", workers=workers) == 4
    bad = [r for r in runs.rows("one") if r.outcome == "harness_error"]
    assert [(r.condition, r.cycle) for r in bad] == [
        ("a", 7), ("a", 20), ("b", 7), ("b", 20),
    ]  # fmt: skip
    assert len(runs.rows("one")) == 120
    assert "harness error in 2 cycles" in runs.said


@pytest.mark.parametrize(
    ("claim", "site", "status"),
    [
        ("reliability >= 0.5", "Quick", 0),
        ("reliability >= 0.9999", "Quick", 3),
        ("reliability >= 0.9999", "LateFailures", 1),
        ("data_safety >= 0.5", "LateFailures", 0),
        ("reliability >= 0.5", "Raising", 4),
    ],
)
def test_the_status_says_what_was_proven(runs: Runs, claim: str, site: str, status: int) -> None:
    """0 supported, 1 refuted, 3 undecided, 4 whenever the instrument failed."""
    more = "faults.noop.rate = 0\n"
    runs.write(cycles=120, claims=f'["{claim}"]\nfaults.noop.rate = 0', more=more)
    assert runs("one", site=site) == status


def test_a_fault_that_never_fired_supports_nothing(runs: Runs) -> None:
    """A rate above 0 and no strike is a harness error, whatever the claim."""
    runs.write(claims='["reliability >= 0.5"]')
    assert runs("one", site="Calm") == 4
    assert "harness error: noop never fired" in runs.said


def test_stopping_early_stores_the_same_for_any_number_of_workers(runs: Runs) -> None:
    """Exactly the cycles up to the decision, though the failing cycles end late."""
    runs.write(cycles=4000, claims='["reliability >= 0.9"]')
    for workers in (1, 2):
        runs(str(workers), site="LateFailures", workers=workers, stop_when_decided=True,
             overrides=["conditions.b.cycles=1"])  # fmt: skip
    assert runs.rows("1") == runs.rows("2")
    decided = len([row for row in runs.rows("1") if row.condition == "a"])
    assert f"supported at cycle {decided}" in runs.said.replace(",", "") or re.search(
        rf"decided at cycle {decided}\b", runs.said
    )
    assert decided < 200
    before = runs.rows("1")
    runs("1", site="LateFailures", stop_when_decided=True, resume=True,
         overrides=["conditions.b.cycles=1"])  # fmt: skip
    assert runs.rows("1") == before


def test_calibrations_set_the_rates(runs: Runs) -> None:
    """Rates solved for are said, kept, used, and not solved for again on resuming."""
    more = """faults.noop.rate = {set_by = "half", times = 0.5}
[calibrations.half]
target = 0.5
condition = "b"
"""
    runs.write(more=more)
    seen = []

    def calibrate(experiment: object, measure: Callable[..., list[CycleRecord]]) -> dict:
        seen.append(experiment)
        condition = load(runs.path).conditions[1].resolved({"half": 0.4})
        assert [r.cycle for r in measure(condition, range(10, 50))] == list(range(10, 50))
        return {"half": 0.4}

    assert runs("one", calibrate=calibrate, cycles=30) == 0
    assert "b: noop at 0.2 a slot" in runs.said
    told = json.loads((runs.folder / "one" / "run.json").read_text())
    assert told["rates"] == {"half": 0.4}
    assert told["experiment"]["conditions"][1]["faults"]["noop"]["rate"] == 0.2
    assert runs("one", calibrate=calibrate, cycles=60, resume=True) == 0
    assert len(seen) == 1


def test_what_cannot_be_run_is_refused_before_anything_is_written(runs: Runs) -> None:
    """Bad numbers on the command line leave no folder behind."""
    with pytest.raises(UsageError, match="--cycles 0"):
        runs("one", cycles=0)
    with pytest.raises(UsageError, match="--seed -1"):
        runs("one", seed=-1)
    with pytest.raises(MeasurementError, match="Nobody"):
        runs("one", site="Nobody")
    assert not (runs.folder / "one").exists()


def test_gaps_are_what_is_not_done() -> None:
    """Ranges that are done, and those that are not, are the whole."""
    assert gaps([], 5) == [range(5)]
    assert gaps([range(2), range(3, 4)], 6) == [range(2, 3), range(4, 6)]
    assert gaps([range(9)], 5) == []
    assert gaps([range(1, 3), range(7, 9)], 5) == [range(1), range(3, 5)]


def test_a_live_run_is_not_swept(runs: Runs) -> None:
    """Another run starting meanwhile leaves a living run's folder alone."""
    runs.write(cycles=100)
    child = runs.child("living", "Slow")
    runs.wait_for("living", 10)
    assert runs("other", cycles=5) in (0, 4)
    assert child.wait(timeout=60) == 0
    assert child.stdout is not None
    child.stdout.close()
    assert runs.stored("living") == 200
