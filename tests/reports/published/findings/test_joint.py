from typing import Any

from harness.reports.published.findings.joint import independence, shared_cause
from tests.reports.rows import ended, summary


def shadows(lower: float, upper: float, both: int = 5, **values: Any) -> dict[str, dict[str, Any]]:
    """Make the run that asks whether cleanup and restore fail independently."""
    found = {
        "cells": {"both": both, "cleanup_only": 227, "restore_only": 0, "neither": 900},
        "odds_ratio": {"estimate": 1.1, "lower": lower, "upper": upper},
        "predicted": {"estimate": 0.9988, "lower": 0.9979, "upper": 0.9994},
        "measured": {"estimate": 0.99875, "lower": 0.997, "upper": 0.9996},
    } | values
    return {"independence": summary([ended("apart", cleaned=1) | {"dependence": found}])}


def test_independence_weakens_with_its_interval() -> None:
    """Dependence where the interval excludes 1, not distinguishable where it does not."""
    strong = independence(shadows(20.1, 79.2))
    assert '"apart": they depend on each other and fail together, odds ratio between 20' in strong
    weak = independence(shadows(0.313, 2.926))
    assert (
        '"apart": not distinguishable from independent, odds ratio between 0.31 and 3.0 (measured '
        "99.88% [99.70%, 99.960%], if independent 99.88% [99.79%, 99.940%])." in weak
    )
    assert "depend on each other" not in weak
    early = independence(shadows(20.1, 79.2, descriptive=True))
    assert "descriptive" in early
    assert "depend on each other" not in early


def test_without_failures_of_both_kinds_nothing_is_said() -> None:
    """A control whose restores never fail is no answer, and nor is a run that is not there."""
    assert independence(shadows(0.0, 9.0, both=0)) == independence({}) == ""


def caused(failed: int, **always: int) -> dict[str, dict[str, Any]]:
    """Make the run of a shared cause: of 67 restores needed so many failed."""
    counts = {
        "restores_needed": 67, "restores_failed": failed, "expected_both": 5.8,
        "compared_with": "always",
    }  # fmt: skip
    conditions = [ended("a disk", cleaned=1) | {"together": counts}, ended("always", **always)]
    return {"shared_cause": summary(conditions)}


def test_a_shared_cause_is_said_only_where_it_is_shown() -> None:
    """All of 67 against one in ten depend; as many as without a cleanup cannot be told apart."""
    strong = shared_cause(caused(67, restored=540, dirty_known=60))
    assert (
        '"a disk": 67 of the 67 restores needed failed, where 5.8 would if independent; they '
        "depend on each other and fail together, odds ratio of 1" in strong
    )
    weak = shared_cause(caused(9, restored=540, dirty_known=60))
    assert "9 of the 67 restores needed failed" in weak
    assert "; not distinguishable from independent, odds ratio between 0." in weak


def test_a_shared_cause_needs_something_to_compare_with() -> None:
    """Refusals are no failed restores; without a condition that always restores nothing is said."""
    refused = shared_cause(caused(1, restored=540, refused=60))
    assert "not distinguishable" in refused
    alone = caused(67, restored=540, dirty_known=60)
    del alone["shared_cause"]["conditions"][1]
    assert shared_cause(alone) == shared_cause({}) == ""
    early = caused(67, restored=540, dirty_known=60)
    early["shared_cause"]["conditions"][1]["reliability"]["method"] = "e_process"
    assert "depend on each other" not in shared_cause(early)
