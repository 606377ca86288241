"""Every interval that is promised holds the truth as often as that, and the page says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.statistics.coverage import JSON, NOT_PROMISED, TABLE, held, kept, table, trials

FOLDER = Path(__file__).resolve().parents[2] / "results" / "coverage"


def stored() -> dict[str, Any]:
    """Read what is published."""
    found: dict[str, Any] = json.loads((FOLDER / JSON).read_text(encoding="utf-8"))
    return found


def close(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows are alike but for a few runs: another machine may round another way."""
    texts = ("interval", "about", "promised")
    alike = [one[key] for key in texts] == [other[key] for key in texts]
    return alike and abs(one["held"] - other["held"]) <= 0.003


def test_what_is_promised_is_kept() -> None:
    """In every published row, in nearly all runs; what is not promised breaks it somewhere."""
    rows = stored()["rows"]
    assert all(kept(row) and row["runs"] >= 900 for row in rows if row["promised"])
    others = {row["interval"]: row for row in rows if not row["promised"] and not kept(row)}
    assert len(others) == len(NOT_PROMISED)


def test_a_broken_promise_is_seen() -> None:
    """92.9% of 1,000 runs are three standard errors less than 95%, and 92.8% are more."""
    assert kept({"held": 0.93, "runs": 1000})
    assert not kept({"held": 0.929, "runs": 1000})


def test_the_published_rows_are_what_is_simulated() -> None:
    """The first and the last trial, drawn again, give their published rows."""
    rows = stored()["rows"]
    every = trials()
    for number in (0, len(every) - 1):
        again = list(held(number, every[number]))
        there = [row for row in rows if row["about"] == every[number].about]
        assert len(again) == len(there)
        assert all(map(close, again, there))


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(trials())))
def test_each_interval_holds_the_truth_as_often_as_promised(number: int) -> None:
    """1,000 runs of each trial, drawn again: the promise is kept, and the page shows it."""
    rows = {(row["interval"], row["about"]): row for row in stored()["rows"]}
    for row in held(number, trials()[number]):
        assert kept(row) or not row["promised"], row
        assert close(row, rows[row["interval"], row["about"]])


def test_the_published_table_shows_the_published_figures() -> None:
    """The page is made of the figures beside it, so that neither can drift alone."""
    assert (FOLDER / TABLE).read_text(encoding="utf-8") == table(stored())
