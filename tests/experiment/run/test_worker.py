"""What a worker tells its parent, and how many sites it keeps."""

from __future__ import annotations

import multiprocessing
import pickle
import time
from pathlib import Path

import apsw
import pytest

from harness.experiment.run.worker import OPEN_SITES, Bench, Progress
from harness.experiment.written.configuration import Condition
from tests.experiment.sites import Quick, Raising


@pytest.fixture
def pristine(folder: Path) -> Path:
    """Make a baseline."""
    connection = apsw.Connection(str(folder / "pristine"))
    connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY)")
    connection.close()
    return folder / "pristine"


def _begin(path: str, slot: int) -> None:
    Progress(Path(path)).begin(slot, 41)


def test_progress_is_seen_across_processes(folder: Path) -> None:
    """What one process noted, another reads, slot by slot, also after the first has ended."""
    progress = Progress(folder / "progress", 3, create=True)
    assert [progress.in_flight(slot) for slot in range(3)] == [None] * 3
    began = time.monotonic()
    other = multiprocessing.get_context("spawn").Process(
        target=_begin, args=(str(progress.path), 1)
    )
    other.start()
    other.join()
    assert [progress.in_flight(slot) for slot in range(3)] == [None, 41, None]
    assert began <= progress.since_s(1) <= time.monotonic()
    progress.begin(1)
    assert progress.in_flight(1) is None
    progress.close()


def test_few_sites_stay_open(folder: Path, pristine: Path) -> None:
    """A calibration's many rates do not pile up databases; the ones used last stay."""
    bench = Bench(Quick, 1, folder)
    keys = [(pickle.dumps(Condition(name=f"c{n}")), str(pristine)) for n in range(10)]
    for cycle, key in enumerate([*keys, keys[-2]]):
        assert bench.run(key, "c", cycle).outcome in ("cleaned", "restored")
    sites = {path.name for path in folder.glob("site-*")}
    assert sites == {f"site-{n + 1}" for n in range(10 - OPEN_SITES, 10)}
    bench.close()
    assert not list(folder.glob("site-*"))


def test_a_site_that_raised_is_replaced(folder: Path, pristine: Path) -> None:
    """After a raise nobody knows what state it is in."""
    bench = Bench(Raising, 1, folder)
    key = (pickle.dumps(Condition(name="c")), str(pristine))
    assert bench.run(key, "c", 4).outcome == "cleaned"
    record = bench.run(key, "c", 5)
    assert (record.condition, record.cycle, record.outcome) == ("c", 5, "harness_error")
    assert not list(folder.glob("site-*"))
    assert bench.run(key, "c", 6).outcome == "cleaned"
    bench.close()
