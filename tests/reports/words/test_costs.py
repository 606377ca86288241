"""What things cost is said where a run can answer nothing else."""

from __future__ import annotations

from typing import Any

from harness.reports.words import costs
from tests.reports.samples import condition


def swept(name: str, size_bytes: int, restore_ms: float | None, **more: Any) -> dict[str, Any]:
    """Return a condition of a sweep over sizes."""
    made = condition(f"{name}/{size_bytes}", claims=[], claimed=None, faults={}, **more)
    made["timings_ms"]["restore"] = {"p50": restore_ms, "count": 3}
    return made | {"sweep": {"of": name, "axes": {"workload.size_bytes": size_bytes}}}


CONDITIONS = [
    swept("copy", 150_999_040, 275.0),
    swept("copy", 2_691_072, 5.0),
    swept("pin", 2_691_072, 0.18),
    swept("pin", 150_999_040, 0.18),
]
SUMMARY = {"rows": [], "conditions": CONDITIONS}


def test_only_where_nothing_else_is_asked() -> None:
    """A run that claims something, in which faults strike, or that has no sizes asks otherwise."""
    assert costs.asked(SUMMARY)
    assert not costs.asked({"rows": [{}], "conditions": CONDITIONS})
    assert not costs.asked({"rows": [], "conditions": [condition("a", claims=[], claimed=None)]})
    struck = [*CONDITIONS, condition("a", faults={"timeout": {}})]
    assert not costs.asked({"rows": [], "conditions": struck})


def test_by_recovery_then_by_size() -> None:
    """Sizes stand in their order below each recovery, spelt in thousands."""
    shown = costs.table(costs.over_size(SUMMARY))
    assert [row[:2] + row[3:4] for row in shown.rows] == [
        ("copy", "2.69 MB", "5.00 ms"), ("copy", "151 MB", "275 ms"),
        ("pin", "2.69 MB", "0.18 ms"), ("pin", "151 MB", "0.18 ms"),
    ]  # fmt: skip


def test_the_sentences() -> None:
    """The range of all, then how each grows, from the medians alone."""
    found = costs.over_size(SUMMARY)
    said = (
        "A restore takes 0.18 ms (pin, 2.69 MB) to 275 ms (copy, 151 MB), each the median of its "
    )
    assert costs.headline(found) == f"{said}cycles."
    assert costs.growth(found)[0] == (
        "copy: restore 5.00 ms at 2.69 MB and 275 ms at 151 MB, 55 times as long for 56 times the "
        "size", "copy/150999040",
    )  # fmt: skip


def test_no_restore_is_no_zero() -> None:
    """Where none was made there is no time and no growth."""
    found = costs.over_size({"conditions": [swept("none", 1000, None), swept("none", 2000, None)]})
    assert costs.headline(found) == "No restore was made."
    assert costs.growth(found) == []
    assert costs.table(found).rows[0][3] == "-"
