"""Whole runs: resumed, interrupted, killed, decided early, and what their status says."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

from harness.experiment.run.place import PREFIX
from tests.experiment.run.runs import Runs


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


def test_killed_whole_and_resumed_gives_the_rows_of_an_unbroken_run(runs: Runs) -> None:
    """SIGKILL of the run in mid-condition; its leftovers are swept by the next."""
    runs.write(cycles=60)
    child = runs.child("killed", "Slow")
    runs.wait_for("killed", 15)
    child.kill()
    child.communicate()
    assert 15 <= runs.stored("killed") < 120
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


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_interrupted_ends_in_order_and_resumes(runs: Runs, number: int) -> None:
    """Ctrl-C: status 130, a word on how to go on, nothing left; then the rows are all there."""
    runs.write(cycles=60)
    child = runs.child("broken", "Slow")
    runs.wait_for("broken", 15)
    child.send_signal(number)
    said, _ = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "go on with --resume" in said
    assert not list(runs.folder.glob(f"{PREFIX}*"))
    assert 15 <= runs.stored("broken") < 120
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
    assert re.search(r"^  harness error +a: noop never fired", runs.said, re.MULTILINE)


def test_a_live_run_is_not_swept(runs: Runs) -> None:
    """Another run starting meanwhile leaves a living run's folder alone."""
    runs.write(cycles=40)
    child = runs.child("living", "Slow")
    runs.wait_for("living", 10)
    assert runs("other", cycles=5) in (0, 4)
    assert child.wait(timeout=60) == 0
    assert child.stdout is not None
    child.stdout.close()
    assert runs.stored("living") == 80
