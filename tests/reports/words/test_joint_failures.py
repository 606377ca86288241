from pathlib import Path
from typing import Any

import pytest

from harness.reports.words.joint_failures import ABOUT, HEADINGS, about, against, rows
from harness.reports.words.tables import read
from tests.reports.rows import ended

COUNTS = {
    "neither": 80, "cleanup_only": 17, "recovery_only": 2, "both": 3, "harness_errors": 1,
    "restores_needed": 18, "restores_failed": 3, "causes": ["full disk"],
    "expected_both": 0.5, "compared_with": "restores",
}  # fmt: skip


def row(**values: Any) -> dict[str, str]:
    """Make the row of one condition of 103 cycles."""
    one = {"name": "one", "cycles": 103, "together": COUNTS | values}
    (cells,) = rows([one])
    return dict(zip(HEADINGS, cells, strict=True))


def test_what_was_counted_is_shown() -> None:
    """Counts with their shares: of the sound cycles, and of the restores that were needed."""
    assert row() == {
        "condition": "one", "cleanup failed": "20 (19.6%)", "backup refused": "2",
        "restore needed": "18", "restore failed": "3 (16.7%)", "both failed": "3",
        "if independent": "0.5", "shared cause": "full disk",
    }  # fmt: skip


@pytest.mark.parametrize("expected", [None, 0.0])
def test_a_restore_never_needed_is_no_zero(expected: float | None) -> None:
    """Where no restore was needed nothing is said of restores, nor of both."""
    never = row(restores_needed=0, restores_failed=0, both=0, expected_both=expected, causes=[])
    for heading in ("restore failed", "both failed", "if independent", "shared cause"):
        assert never[heading] == "-"
    assert never["restore needed"] == "0"


def test_without_a_condition_to_compare_nothing_is_expected() -> None:
    """What cannot be said is a dash."""
    assert row(expected_both=None)["if independent"] == "-"


def test_shadows_say_how_many_are_expected() -> None:
    """Of 100 cycles 20 cleanups and 1 forced restore in 16 failed; 64 were not run again."""
    cells = {"both": 3, "cleanup_only": 17, "restore_only": 1, "neither": 15}
    failed = 0.2 * (0.03 + 0.8 / 16)
    said = {"cells": cells, "untried": 64, "predicted": {"estimate": 1 - failed}}
    one = {"name": "one", "cycles": 103, "together": COUNTS, "dependence": said}
    (cells_shown,) = rows([one])
    assert cells_shown[HEADINGS.index("if independent")] == "1.6"
    assert about([one]).startswith(ABOUT)
    assert "restored in any case" in about([one])


@pytest.mark.parametrize("said", [None, {"cells": {}, "predicted": {"estimate": None}}])
def test_without_forced_restores_nothing_changes(said: dict[str, Any] | None) -> None:
    """A run from before there were shadows, and one in which no restore was forced."""
    one = {"name": "one", "cycles": 103, "together": COUNTS, "dependence": said}
    (cells,) = rows([one])
    assert cells[HEADINGS.index("if independent")] == "0.5"
    assert about([one, {"name": "older"}]) == ABOUT


def test_only_conditions_with_both_that_ran() -> None:
    """No row for one without a pair, from before there was a count, or without a sound cycle."""
    spoiled = COUNTS | {"harness_errors": 5}
    conditions = [
        {"name": "alone", "cycles": 5, "together": None},
        {"name": "older", "cycles": 5},
        {"name": "spoiled", "cycles": 5, "together": spoiled},
    ]
    assert rows(conditions) == []


def test_the_report_has_the_table(run: Path) -> None:
    """Conditions that ran with a cleanup and a recovery are in the report, others are not."""
    assert [cells[0] for cells in read(run).together.rows][:1] == ["good"]
    assert len(read(run).together.rows) == 2


def test_together_is_said_only_where_the_counts_show_it() -> None:
    """All of 67 restores against one in ten depend, nine of 67 do not; refusals are no failures."""
    always = ended("always", restored=540, dirty_known=60, refused=9)

    def said(failed: int, other: dict[str, Any] = always) -> str:
        return against({"restores_needed": 67, "restores_failed": failed}, other)

    assert said(67).startswith("they depend on each other and fail together, odds ratio of 1")
    assert said(9).startswith("not distinguishable from independent, odds ratio between 0.")
    refusing = ended("always", restored=540, refused=60)
    assert said(0, refusing) == "nothing can be said of whether they depend on each other"
    always["reliability"]["method"] = "e_process"
    assert "depend on each other" not in said(67)
