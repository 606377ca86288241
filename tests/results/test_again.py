"""Cycles whose worker was killed from outside are run again on demand, and the record says so."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import apsw
import pytest

from harness import registry
from harness.errors import UsageError
from harness.experiment.run.place import PREFIX
from harness.results.again import from_outside, sentence, take_away, told
from harness.results.folder import CYCLES
from harness.results.store import Store
from tests.experiment.run.runs import Runs
from tests.stored_runs import cycle, make_run

KILLED = "worker died (signal 9) in this cycle"


@pytest.mark.parametrize(
    ("detail", "outside"),
    [
        (KILLED, True),
        ("worker died (signal 15) in this cycle", True),
        ("worker died (signal 11) in this cycle", False),  # of itself
        ("worker died (exit status 1) in this cycle", False),
        ("no progress for 60 s in this cycle: worker killed", False),
        (f"RuntimeError: {KILLED}", False),
        ("", False),
    ],
)
def test_only_a_kill_is_from_outside(detail: str, outside: bool) -> None:
    """A worker that crashed, ended or hung may have done so because of its cycle."""
    assert from_outside(detail) == outside


def test_a_killed_worker_is_run_again_on_demand(folder: Path) -> None:
    """SIGKILL of a worker in a cycle: 4, also when resumed; with --again the rows are all there."""
    runs = Runs(folder)
    child = runs.child("killed", "Hanging")
    killed: set[str] = set()
    deadline = time.monotonic() + 60
    while child.poll() is None:
        assert time.monotonic() < deadline
        for note in folder.glob(f"{PREFIX}*/worker-*/site-*/hanging"):
            pid = note.read_text()
            if pid and pid not in killed:
                os.kill(int(pid), signal.SIGKILL)
                killed.add(pid)
        time.sleep(0.02)
    assert child.stdout is not None
    child.stdout.close()
    assert (child.returncode, len(killed)) == (4, 2)
    assert runs("killed", resume=True) == 4  # it stays
    assert runs("killed", resume=True, again=True) == 0
    assert "running again 2 cycles" in runs.said
    assert runs("unbroken") == 0
    assert runs.rows("killed") == runs.rows("unbroken")
    run = json.loads((folder / "killed" / "run.json").read_text())
    assert run["again"] == [{"condition": name, "cycles": [3]} for name in "ab"]
    said = registry.find("reports", "markdown")().render(folder / "killed")
    assert "2 cycles run again, whose worker was killed from outside: a 3; b 3" in said
    assert runs("killed", resume=True, again=True) == 0
    assert "none is run again" in runs.said


def test_what_failed_of_itself_stays(folder: Path) -> None:
    """An error of the harness in a cycle is a result: it is not run until it fits."""
    runs = Runs(folder)
    assert runs("one", "Raising") == 4
    rows = runs.rows("one")
    assert runs("one", resume=True, again=True) == 4
    assert runs.rows("one") == rows


def test_again_needs_results(folder: Path) -> None:
    """Alone it would mean nothing."""
    with pytest.raises(UsageError, match="--resume as well"):
        Runs(folder)("one", again=True)


def test_what_is_taken_away_leaves_totals_right(folder: Path) -> None:
    """Rows and stories are gone, the rest is sound, and earlier ones are not forgotten."""
    records = [cycle(0), cycle(1, "harness_error", detail=KILLED, story='{"version": 1}'), cycle(2)]
    results = make_run(folder / "run", records, again=[{"condition": "one", "cycles": [7]}])
    store = Store(results.folder, write=True)
    assert take_away(store) == 1
    assert store.done("one") == [range(1), range(2, 3)]
    assert told(store.run) == {"one": [1, 7]}
    assert sentence(store.run).startswith("2 cycles run again")
    assert take_away(store) == 0
    store.close()
    assert list(results.columns("one")["cycle"]) == [0, 2]
    connection = apsw.Connection(str(results.folder / CYCLES))
    assert connection.execute("SELECT count(*) FROM stories").fetchall() == [(0,)]
    connection.close()
    assert sentence({}) == ""
