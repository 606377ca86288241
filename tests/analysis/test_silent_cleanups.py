"""Counting what cleanups left behind though they said that they were fine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.analysis.summary import summarise
from harness.results.records import CycleRecord
from tests.stored_runs import cycle, make_run

PROJECT = {"database": "app.sqlite3"}
SEEN = (
    "shop_customer: 1 row added (rowid 51); sequence shop_order: 100 -> 101; a: b: 2 rows missing"
)


def counted(folder: Path, records: list[CycleRecord], **changes: Any) -> Any:
    """Store cycles of one condition and return what is counted of them."""
    condition = {"name": "one", "project": PROJECT, "cleanup": "clean.sh", **changes}
    run = make_run(folder / "run", records, conditions=[condition])
    return summarise(run)["conditions"][0]["unsaid"]


def test_every_kind_of_cycle(folder: Path) -> None:
    """A cleanup that said it failed, one that was right and one that never ran are told apart."""
    records = [
        cycle(0, "cleaned", cleanup_ok=True),
        cycle(1, "dirty_silent", cleanup_ok=True, detail=SEEN),
        cycle(2, "dirty_silent", cleanup_ok=True, detail="shop_customer: 2 rows changed (rowid 1)"),
        cycle(3, "restored", cleanup_ok=True),
        cycle(4, "restored", cleanup_ok=False),
        cycle(5, "dirty_known", cleanup_ok=False, detail="shop_order: 1 row added (rowid 1)"),
        cycle(6, "dirty_known", cleanup_ok=None),
        cycle(7, "harness_error", cleanup_ok=True, detail=SEEN),
    ]
    assert counted(folder, records, demands="rows") == {
        "ran": 6,
        "said_fine": 4,
        "left": 3,
        "tables": {"shop_customer": 2, "a: b": 1},
    }


def test_a_sequence_counts_where_it_is_demanded(folder: Path) -> None:
    """By the grade "exact" a sequence that moved on is something left; by "rows" it is not."""
    records = [cycle(0, "dirty_silent", cleanup_ok=True, detail=SEEN)]
    found = counted(folder, records, demands="exact")
    assert "sequence shop_order" in found["tables"]


@pytest.mark.parametrize(
    "changes", [{"project": None}, {"cleanup": "none"}], ids=["the platform", "no cleanup"]
)
def test_nothing_to_count(changes: dict[str, Any], folder: Path) -> None:
    """The platform's own cleanups and conditions without any have no such count."""
    assert counted(folder, [cycle(0, "restored", cleanup_ok=None)], **changes) is None


def test_never_run(folder: Path) -> None:
    """A condition in which no cleanup ran says nothing, and so says no 0 either."""
    assert counted(folder, [cycle(0, "dirty_known", cleanup_ok=None)]) is None
