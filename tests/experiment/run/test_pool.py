"""The pool: every cycle comes back, whatever happens to the workers."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from harness.errors import MeasurementError
from harness.experiment.run.pool import WAITING, Pool, Task
from harness.experiment.written.configuration import Condition
from harness.results.records import CycleRecord

A, B = Condition(name="a"), Condition(name="b")


@contextmanager
def pool_of(site: str, folder: Path, workers: int = 2, watchdog_s: float = 60.0) -> Iterator[Pool]:
    """Give a pool at one of the small sites, a baseline beside it."""
    connection = apsw.Connection(str(folder / "pristine"))
    connection.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY)")
    connection.close()
    name = f"tests.experiment.sites:{site}"
    with Pool(name, 1, workers, folder, watchdog_s=watchdog_s) as pool:
        yield pool


def collect(pool: Pool, folder: Path, *cycles: range) -> list[CycleRecord]:
    """Run cycles of one condition; return them in order, timings taken off."""
    tasks = [Task(A, folder / "pristine", one) for one in cycles]
    records = [record for batch in pool.run(tasks) for record in batch]
    return [r.untimed() for r in sorted(records, key=lambda r: r.cycle)]


def process_ids() -> list[int]:
    """Give the ids of the processes that pools have started here."""
    return sorted(process.pid or 0 for process in multiprocessing.active_children())


def test_every_cycle_comes_back_once_whatever_the_workers(folder: Path) -> None:
    """One worker and two give the same records, of exactly the cycles asked for."""
    results = []
    for workers in (1, 2):
        (folder / str(workers)).mkdir()
        with pool_of("Quick", folder / str(workers), workers) as pool:
            results.append(collect(pool, folder / str(workers), range(3, 90), range(200, 205)))
            assert os.getpid() not in process_ids()
            assert len(process_ids()) == workers
    assert results[0] == results[1]
    assert [record.cycle for record in results[0]] == [*range(3, 90), *range(200, 205)]


def test_a_cycle_that_raises_is_a_harness_error(folder: Path) -> None:
    """Its traceback is kept, and the cycles after it run on a new site."""
    with pool_of("Raising", folder, workers=1) as pool:
        records = collect(pool, folder, range(20))
    bad = records[5]
    assert bad.outcome == "harness_error"
    assert "RuntimeError: planted in cycle 5" in bad.detail
    assert "sites.py" in bad.detail
    assert {r.outcome for r in records if r.cycle != 5} <= {"cleaned", "restored"}


def test_a_worker_that_is_killed_costs_its_cycle_and_no_other(folder: Path) -> None:
    """SIGKILL in cycles 7 and 20: these are harness errors, all others are as ever."""
    with pool_of("Leaving", folder) as pool:
        records = collect(pool, folder, range(40))
    bad = [record for record in records if record.outcome == "harness_error"]
    assert [record.cycle for record in bad] == [7, 20]
    assert bad[0].detail == "worker died (signal 9) in this cycle"
    assert [record.cycle for record in records] == list(range(40))


def test_workers_killed_from_outside_lose_no_cycle(folder: Path) -> None:
    """Whenever the kill comes, also between cycles, each cycle comes back exactly once."""
    records, killed = [], 0
    with pool_of("Slow", folder) as pool:
        for batch in pool.run([Task(A, folder / "pristine", range(150))]):
            records += batch
            if len(records) > 30 * (killed + 1) and killed < 3:
                os.kill(process_ids()[-(killed % 2)], signal.SIGKILL)
                killed += 1
    assert killed == 3
    assert sorted(record.cycle for record in records) == list(range(150))
    bad = [record for record in records if record.outcome == "harness_error"]
    assert len(bad) <= 3
    assert all("signal 9" in record.detail for record in bad)


def test_a_worker_killed_while_idle_harms_nothing(folder: Path) -> None:
    """Between two runs of a pool nothing is in flight, and nothing is lost."""
    with pool_of("Quick", folder, workers=1) as pool:
        collect(pool, folder, range(5))
        os.kill(process_ids()[0], signal.SIGKILL)
        records = collect(pool, folder, range(5, 10))
    assert [record.cycle for record in records] == list(range(5, 10))
    assert "harness_error" not in {record.outcome for record in records}


def test_a_hanging_cycle_is_killed_by_the_watchdog(folder: Path) -> None:
    """It is a harness error that says why; the others go on."""
    with pool_of("Hanging", folder, watchdog_s=1.5) as pool:
        records = collect(pool, folder, range(12))
    assert [record.cycle for record in records if record.outcome == "harness_error"] == [3]
    assert "no progress for 1.5 s" in records[3].detail


def test_a_site_that_cannot_be_made_is_said_of_every_cycle(folder: Path) -> None:
    """Not even the first cycle is dropped."""
    with pool_of("Unbuildable", folder, workers=1) as pool:
        records = collect(pool, folder, range(3))
    assert [record.outcome for record in records] == ["harness_error"] * 3
    assert all("planted: no site here" in record.detail for record in records)


def test_a_site_that_cannot_be_imported_is_refused(folder: Path) -> None:
    """Before any worker starts."""
    with pytest.raises(MeasurementError, match="Nobody"), pool_of("Nobody", folder):
        pass


def test_stopping_gives_what_is_under_way_and_no_more(folder: Path) -> None:
    """After stop, run ends soon, and every record given is a whole one."""
    records = []
    with pool_of("Slow", folder) as pool:
        for batch in pool.run([Task(A, folder / "pristine", range(100_000))]):
            records += batch
            if len(records) >= 20:
                pool.stop.set()
    assert 20 <= len(records) < 300
    assert len({record.cycle for record in records}) == len(records)


def test_enough_is_enough(folder: Path) -> None:
    """The same pool runs another condition after one was ended early, with nothing left over."""
    records: list[CycleRecord] = []
    with pool_of("Quick", folder) as pool:
        tasks = [Task(A, folder / "pristine", range(100_000))]
        for batch in pool.run(tasks, lambda _: len(records) >= 20):
            records.extend(batch)
        assert len(records) < 500
        others = [r for batch in pool.run([Task(B, folder / "pristine", range(9))]) for r in batch]
    assert sorted((r.condition, r.cycle) for r in others) == [("b", cycle) for cycle in range(9)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who waits")
def test_cycles_that_wait_are_run_by_more_workers_than_cores(folder: Path) -> None:
    """They give the same records; those that compute keep to the number that was asked for."""
    with pool_of("Slow", folder, workers=1) as pool:
        waiting = collect(pool, folder, range(250))
        assert len(process_ids()) == WAITING
    (folder / "quick").mkdir()
    with pool_of("Quick", folder / "quick", workers=1) as pool:
        assert collect(pool, folder / "quick", range(250)) == waiting
        assert len(process_ids()) == 1


def test_two_conditions_run_side_by_side(folder: Path) -> None:
    """All cycles of both come back, and one that is decided leaves the other going."""
    records: list[CycleRecord] = []
    with pool_of("Quick", folder) as pool:
        tasks = [Task(A, folder / "pristine", range(5000)), Task(B, folder / "pristine", range(60))]
        for batch in pool.run(tasks, lambda name: name == "a" and len(records) >= 10):
            records.extend(batch)
        assert set(pool.spent_s) == {"a", "b"}
    assert sorted(r.cycle for r in records if r.condition == "b") == list(range(60))
    assert 1 <= sum(r.condition == "a" for r in records) < 5000


def test_nothing_is_left_running(folder: Path) -> None:
    """Closing ends workers in the middle of a cycle too."""
    with pool_of("Hanging", folder) as pool:
        run = pool.run([Task(A, folder / "pristine", range(8))])
        next(run)
        ids = process_ids()
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{number}").exists() for number in ids) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [number for number in ids if Path(f"/proc/{number}").exists()]
