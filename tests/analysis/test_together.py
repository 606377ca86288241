"""Counting which of cleanup and recovery failed in a cycle, beside an independent count."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import together as module
from harness.analysis.summary import summarise
from harness.analysis.together import CELLS
from harness.outcomes import OUTCOMES
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.stored_runs import cycle, cycles, make_run, struck

RESTORED, FAILED = {"restore": 1.0}, {"restore": 9.0}


def one_of(results: Results, number: int = 0) -> dict[str, Any]:
    """Summarise and return what is said of one condition."""
    found: dict[str, Any] = summarise(results)["conditions"][number]["together"]
    return found


def cell_by_hand(record: CycleRecord) -> str:
    """Say of one cycle which cell it is in, by a list of the cases that there are."""
    if record.outcome == "harness_error":
        return "harness_errors"
    if record.restored_by is not None or "restore" in record.timings_ms:
        return "cleanup_only" if record.outcome == "restored" else "both"
    if record.cleanup_ok is None:
        return "recovery_only"
    if record.cleanup_ok and record.outcome == "cleaned":
        return "neither"
    return "cleanup_only"


def any_cycles(number: int) -> list[CycleRecord]:
    """Make cycles with every combination of what a stored cycle can hold, likely or not."""
    draw = random.Random(11)  # noqa: S311 - nothing secret
    return [
        cycle(
            n,
            draw.choice(OUTCOMES),
            cleanup_ok=draw.choice([True, False, None]),
            restored_by=draw.choice([None, None, "file_copy"]),
            timings_ms=draw.choice([{}, {}, RESTORED]),
        )
        for n in range(number)
    ]


def by_hand(results: Results) -> dict[str, int]:
    """Count the stored cycles of the first condition one by one."""
    store = Store(results.folder)
    records = list(store.records("one"))
    store.close()
    cells = [cell_by_hand(record) for record in records]
    return {cell: cells.count(cell) for cell in (*CELLS, "harness_errors")}


def test_every_cell_by_brute_force(folder: Path) -> None:
    """The counts of 400 cycles of every kind are those of a count cycle by cycle."""
    results = make_run(folder / "run", any_cycles(400))
    said, wanted = one_of(results), by_hand(results)
    assert {cell: said[cell] for cell in wanted} == wanted
    assert min(wanted.values()) > 0
    assert sum(wanted.values()) == 400


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("cleanup & ~recovery).sum", "cleanup).sum"),
        ("recovery & ~cleanup).sum", "recovery).sum"),
        ("timed | named", "named"),
        ('~ended(columns, "restored")', 'ended(columns, "dirty_known")'),
        ("(ran & ~said_ok) | needed", "(ran & ~said_ok)"),
        ('~ended(columns, "harness_error")', "(columns['outcome'] >= 0)"),
    ],
)
def test_a_planted_miscount_is_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    """Each of these slips in the counting gives other counts than the count cycle by cycle."""
    results = make_run(folder / "run", any_cycles(400))
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert old in source
    wrong: dict[str, Any] = {"__name__": "wrong"}
    exec(compile(source.replace(old, new), "wrong", "exec"), wrong)  # noqa: S102 - the module itself, with one slip
    monkeypatch.setattr("harness.analysis.summary.together", wrong["together"])
    said, wanted = one_of(results), by_hand(results)
    assert {cell: said[cell] for cell in wanted} != wanted


def test_each_kind_of_trip(folder: Path) -> None:
    """One cycle of each kind that a guard can make is counted where its definition says."""
    records = [
        cycle(0),  # cleaned
        cycle(1, cleanup_ok=False),  # reported a failure, and nothing was left
        cycle(2, "restored", cleanup_ok=True, timings_ms=RESTORED),  # left something
        cycle(3, "dirty_known", cleanup_ok=None),  # the backup was refused
        cycle(4, "dirty_known", cleanup_ok=False, timings_ms=FAILED),  # the restore failed
        cycle(5, "dirty_silent", restored_by="file_copy", cleanup_ok=False, timings_ms=RESTORED),
        cycle(6, "dirty_silent", cleanup_ok=True),  # a cleanup that was believed
        cycle(7, "harness_error", cleanup_ok=False, timings_ms=FAILED),
    ]
    assert one_of(make_run(folder / "run", records)) == {
        "neither": 1, "cleanup_only": 3, "recovery_only": 1, "both": 2, "harness_errors": 1,
        "restores_needed": 3, "restores_failed": 2, "causes": [],
        "expected_both": None, "compared_with": None,
    }  # fmt: skip


@pytest.mark.parametrize("policy", ["cleanup_only", "restore_only"])
def test_one_alone_is_no_pair(folder: Path, policy: str) -> None:
    """Without a recovery, or without a cleanup, there is nothing to fail together."""
    conditions = [{"name": "one", "policy": policy}]
    assert one_of(make_run(folder / "run", cycles(["cleaned"]), conditions=conditions)) is None


def restoring(failed: int, condition: str) -> list[CycleRecord]:
    """Make 200 cycles that restore every time."""
    outcomes = ["dirty_known"] * failed + ["restored"] * (200 - failed)
    return cycles(outcomes, condition=condition, cleanup_ok=None, timings_ms=RESTORED)


def test_what_independence_would_give(folder: Path) -> None:
    """20 failed cleanups and 2.5% of restores failing would fail together in half a cycle."""
    hybrid = cycles(["cleaned"] * 80 + ["restored"] * 17)
    hybrid += [cycle(n, "dirty_known", cleanup_ok=False, timings_ms=FAILED) for n in (97, 98, 99)]
    faults = {"timeout": {"rate": 0.01}}
    conditions = [
        {"name": "one", "faults": faults},
        {"name": "other rates", "policy": "restore_only", "faults": {"timeout": {"rate": 0.5}}},
        {"name": "restores", "policy": "restore_only", "faults": faults, "cycles": 9},
    ]
    records = hybrid + restoring(100, "other rates") + restoring(5, "restores")
    said = one_of(make_run(folder / "run", records, conditions=conditions))
    assert (said["both"], said["cleanup_only"]) == (3, 17)
    assert said["expected_both"] == pytest.approx(20 * 5 / 200)
    assert said["compared_with"] == "restores"


def test_a_condition_that_never_restored_says_nothing(folder: Path) -> None:
    """Without one restore in the condition to compare with, nothing is expected."""
    conditions = [{"name": "one"}, {"name": "restores", "policy": "restore_only"}]
    said = one_of(make_run(folder / "run", cycles(["cleaned"]), conditions=conditions))
    assert said["expected_both"] is said["compared_with"] is None


def test_causes_are_named() -> None:
    """A shared cause is named where the condition has one."""
    condition = {
        "name": "one", "policy": "hybrid_verified", "demands": "rows",
        "causes": {"full disk": {"rate": 0.1, "faults": ["disk_full"]}},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder) / "run", [cycle(0, faults=(struck("disk_full"),))])
        said = module.together(condition, run.columns("one"))
    assert said is not None
    assert said["causes"] == ["full disk"]


def test_no_cleanup_is_none_that_failed(folder: Path) -> None:
    """A condition that only restores has no cleanup, so none can have failed in every cycle."""
    records = [cycle(0, "restored", cleanup_ok=None, restored_by="file_copy", timings_ms=RESTORED)]
    condition = {"name": "one", "policy": "hybrid_verified", "cleanup": "none"}
    assert one_of(make_run(folder / "run", records, conditions=[condition])) is None
