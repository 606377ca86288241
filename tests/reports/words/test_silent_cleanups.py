"""The table of what cleanups did not say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness import registry
from harness.analysis.summary import write
from harness.reports.words import silent_cleanups
from tests.stored_runs import cycle, make_run


def row(**counts: Any) -> tuple[str, ...]:
    """Return the row for such counts."""
    known = {"ran": 10, "said_fine": 8, "left": 0, "tables": {}, **counts}
    return silent_cleanups.rows([{"name": "one", "unsaid": known}])[0]


def test_words() -> None:
    """Shares are of the cycles whose cleanup said it was fine; tables stand most often first."""
    assert row() == ("one", "10", "8", "0 (0%)", "-")
    assert row(left=2, tables={"b": 2, "a": 1})[3:] == ("2 (25.0%)", "b in 2, a in 1")
    assert row(left=2)[4] == "found and restored"
    assert row(said_fine=0)[3] == "-"
    assert row(left=7, tables={f"t{n}": 1 for n in range(7)})[4].endswith("t4 in 1 and 2 more")


def test_conditions_without_a_count_have_no_row() -> None:
    """Neither the platform nor a run stored before there was a count makes a row."""
    assert silent_cleanups.rows([{"name": "one", "unsaid": None}, {"name": "old"}]) == []


@pytest.mark.parametrize("name", ["console", "html", "markdown"])
def test_in_every_report(name: str, folder: Path) -> None:
    """People read in each format which table was left behind, and in how many cycles."""
    project = {"name": "one", "project": {"database": "app.sqlite3"}, "cleanup": "clean.sh"}
    detail = "shop_customer: 1 row added (rowid 51)"
    records = [cycle(0, "dirty_silent", cleanup_ok=True, detail=detail)]
    run = make_run(folder / "run", records, conditions=[project])
    write(run)
    text = registry.find("reports", name)().render(run.folder).replace("\\", "")
    assert silent_cleanups.TITLE in text
    assert "shop_customer in 1" in text
