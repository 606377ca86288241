from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import registry
from harness.errors import MeasurementError
from harness.experiment.cycle.site import DATABASE_NAME, Site
from harness.experiment.written.configuration import Condition
from harness.faults import Planned, Slot
from harness.recovery.wal_pin import WalPin
from harness.results.records import CycleRecord
from tests.distributions import installed

SIZE_BYTES = 80 * 4096


def site(folder: Path, **settings: Any) -> Site:
    """Make a site of a small platform baseline with a condition of these settings."""
    workload = {"size_bytes": SIZE_BYTES} | settings.pop("workload", {})
    condition = Condition.model_validate(
        {"name": "c", "demands": "rows", "workload": workload} | settings
    )
    pristine = folder / "pristine"
    if not pristine.exists():
        registry.find("workloads", "platform").build_baseline(
            pristine, size_bytes=SIZE_BYTES, seed=1, journal_mode=condition.workload.journal_mode
        )
    work = folder / "work"
    work.mkdir(exist_ok=True)
    return Site(condition, 1, pristine, work)


class Pinning(WalPin):
    """A pinning recovery of somebody's own: it is wal_pin under another name."""

    name = "pinning"


@pytest.fixture
def pinning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a distribution that offers it."""
    points = f"[harness.recovery]\npinning = {__name__}:Pinning\n"
    with installed(folder, monkeypatch, "acme", "1.0", points):
        yield


@pytest.mark.usefixtures("pinning")
def test_a_pinning_recovery_is_known_by_what_it_can_do(folder: Path) -> None:
    """A cleanup by difference is given the main file as the baseline, whatever the pin is called.

    A backup beside the database, that it would look for otherwise, is not there.
    """
    here = site(folder, recoveries=["pinning"], cleanup="by_difference")
    record = here.run(0)
    assert (record.outcome, record.cleanup_ok, record.detail) == ("cleaned", True, "")


def test_what_is_out_of_reach_is_kept_with_the_site(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The homes of whoever measures see nothing of it, and nothing of it outlives the site."""
    home = folder / "home"
    monkeypatch.setenv("HARNESS_STATE_DIR", str(home))
    one = site(folder, recoveries=["file_copy"], policy="restore_only")
    assert one.run(0).outcome == "restored"
    assert not home.exists()
    kept = one.database.parent.with_name("work-out-of-reach")
    assert kept.is_dir()
    assert not any(path.name.endswith((".journal", ".backup")) for path in kept.iterdir())
    one.close()
    assert not kept.exists()


def test_every_step_has_the_processors_time(folder: Path) -> None:
    """Each step that took place computed; none computed longer than the cycle it is part of."""
    record = site(folder).run(0)
    assert set(record.cpu_ms) == set(record.timings_ms) >= {"backup", "create", "truth", "cycle"}
    assert all(ms > 0 for ms in record.cpu_ms.values())
    parts_ms = sum(ms for step, ms in record.cpu_ms.items() if step != "cycle")
    assert parts_ms <= record.cpu_ms["cycle"]


@pytest.mark.long
def test_the_size_of_the_database_decides_nothing(tmp_path: Path) -> None:
    """The same faults strike, and every cycle ends alike, on a database ten times as large."""
    faults = {
        kind: {"rate": 0.1, "lasting": {"attempt": 0.5, "phase": 0.5}}
        for kind in ("foreign_key", "timeout", "permission", "io_error", "disk_full")
    }
    ends = []
    for size_bytes in (SIZE_BYTES, 10 * SIZE_BYTES):
        condition = Condition.model_validate(
            {
                "name": "c",
                "demands": "rows",
                "workload": {"size_bytes": size_bytes},
                "recoveries": ["online_backup", "wal_pin"],
                "busy_timeout_ms": 1,
                "faults": faults,
            }
        )
        (place := tmp_path / str(size_bytes)).mkdir()
        pristine = place / "pristine"
        registry.find("workloads", "platform").build_baseline(
            pristine, size_bytes=size_bytes, seed=1, journal_mode="wal"
        )
        (work := place / "work").mkdir()
        here = Site(condition, 1, pristine, work)
        records = [here.run(number) for number in range(60)]
        here.close()
        ends.append(
            [
                (
                    r.outcome,
                    r.cleanup_ok,
                    r.restored_by,
                    [(f.kind, f.phase, f.fired) for f in r.faults],
                )
                for r in records
            ]
        )
    assert ends[0] == ends[1]
    assert {end[0] for end in ends[0]} >= {"cleaned", "restored"}


def timeless(record: CycleRecord) -> CycleRecord:
    """Drop what no two runs share."""
    return record.untimed()


SQL_FAULTS = {
    kind: {"rate": 0.05, "lasting": {"attempt": 0.5, "phase": 0.5}}
    for kind in ("foreign_key", "timeout", "permission")
}


@pytest.mark.parametrize("recovery", ["wal_pin", "file_copy", "online_backup"])
@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
@pytest.mark.parametrize("test_data", ["simple", "complex"])
def test_without_faults_every_cycle_is_clean(
    folder: Path, recovery: str, journal_mode: str, test_data: str
) -> None:
    """Nothing strikes: cleanup removes all, and the next cycle starts from the very same bytes."""
    if (recovery, journal_mode) == ("wal_pin", "delete"):
        pytest.skip("wal_pin needs WAL mode")
    here = site(
        folder,
        recoveries=[recovery],
        workload={"journal_mode": journal_mode, "test_data": test_data},
    )
    for cycle in range(3):
        record = here.run(cycle)
        assert (record.outcome, record.detail) == ("cleaned", "")
        assert record.rows
        assert record.left_behind == 0
        work = folder / "work"
        assert [path.name for path in work.iterdir()] == [DATABASE_NAME]
        assert (work / DATABASE_NAME).read_bytes() == (folder / "pristine").read_bytes()


def test_growth_is_counted_in_whole_pages(folder: Path) -> None:
    """The file's growth by the test data is that of the file: whole pages, none for six rows."""
    assert site(folder).run(0).grown_bytes == 0
    (folder / "second").mkdir()
    grown = site(folder / "second", workload={"test_data": "complex"}).run(0).grown_bytes
    assert grown > 0
    assert grown % 4096 == 0


def test_exact_demands_a_restore(folder: Path) -> None:
    """At grade exact a DELETE is never enough: sequences have moved, so every cycle restores."""
    record = site(folder, demands="exact").run(0)
    assert (record.outcome, record.exact, record.restored_by) == ("restored", True, "wal_pin")


def test_a_cycle_depends_on_its_number_alone(folder: Path) -> None:
    """Any order, any company: the same cycle gives the same record, faults included."""
    one, other = site(folder, faults=SQL_FAULTS), None
    forward = [timeless(one.run(cycle)) for cycle in range(12)]
    (folder / "second").mkdir()
    other = site(folder / "second", faults=SQL_FAULTS)
    backward = [timeless(other.run(cycle)) for cycle in reversed(range(12))]
    assert forward == list(reversed(backward))
    assert any(record.faults for record in forward)


def test_a_record_does_not_tell_where_it_ran(folder: Path) -> None:
    """Details of failures name files, never the worker's own folder: replays must be equal."""
    faults = {"disk_full": {"rate": 1.0, "lasting": "cycle"}}
    record = site(folder, recoveries=["file_copy"], faults=faults).run(0)
    assert record.outcome == "refused"
    assert "No space left on device" in record.detail
    assert str(folder) not in record.detail


def test_the_noop_twin_changes_nothing(folder: Path) -> None:
    """With the noop fault everywhere the records are those of no fault at all."""
    bare = timeless(site(folder).run(3))
    (folder / "twin").mkdir()
    noop = timeless(site(folder / "twin", faults={"noop": {"rate": 1.0}}).run(3))
    assert noop.faults
    assert not any(entry.surfaced for entry in noop.faults)
    assert replace(noop, faults=()) == bare


def first_removal(here: Site, table: str) -> str:
    """Name the cleanup's removal of a row of ``table``, as slots do."""
    return next(e.label for e in reversed(here.shape.operations) if e.table == table)


def test_a_lock_for_the_whole_cycle_is_dirty_and_said(folder: Path) -> None:
    """What nothing can beat is reported: never clean, never silent."""
    here = site(folder, recoveries=["online_backup"], busy_timeout_ms=1)
    slot = Slot("cleanup", first_removal(here, "integrations"), 1)
    record = here.run_planned(0, 1, [Planned("timeout", slot, "cycle", 0.5)])
    assert record.outcome == "dirty_known"
    assert record.faults[0].fired
    assert record.faults[0].surfaced


def test_a_slot_that_never_comes_up_does_not_fire(folder: Path) -> None:
    """A fault planned for a third attempt that is never made is planned and not fired."""
    here = site(folder, policy="cleanup_only")
    slot = Slot("cleanup", first_removal(here, "bots"), 3)
    record = here.run_planned(0, 1, [Planned("foreign_key", slot, "phase", 0.5)])
    assert record.outcome == "cleaned"
    assert not record.faults[0].fired


def test_a_fault_that_cannot_strike_is_a_harness_error(folder: Path) -> None:
    """The injector's own failure raises MeasurementError and never passes for a result."""
    here = site(folder)
    slot = Slot("cleanup", first_removal(here, "bots"), 1)
    here.scene.reach.database = folder / "nowhere"  # planted: the fault cannot reach the database
    with pytest.raises(MeasurementError):
        here.run_planned(0, 1, [Planned("timeout", slot, "phase", 0.5)])


@pytest.mark.long
@pytest.mark.parametrize("policy", ["cleanup_only", "hybrid_trusting", "hybrid_verified"])
def test_many_faulty_cycles_are_never_silently_dirty_when_verified(
    folder: Path, policy: str
) -> None:
    """Hundreds of cycles with many faults: hybrid_verified ends clean or says that it did not."""
    here = site(
        folder,
        policy=policy,
        recoveries=["online_backup", "file_copy"],
        faults=SQL_FAULTS
        | (
            {}
            if policy == "cleanup_only"
            else {
                kind: {"rate": 0.05, "lasting": {"attempt": 0.5, "phase": 0.5}}
                for kind in ("io_error", "disk_full", "backup_missing", "backup_truncated")
            }
        ),
    )
    outcomes = Counter(here.run(cycle).outcome for cycle in range(300))
    assert outcomes["harness_error"] == 0
    assert sum(outcomes.values()) == 300
    if policy == "hybrid_verified":
        assert outcomes["dirty_silent"] == outcomes["baseline_lost"] == 0
