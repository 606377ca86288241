from typing import Any

import pytest

from harness.analysis.distributions import SHARES
from harness.analysis.drawn.costs import SIZE, costs, sized
from tests.reports.samples import condition, curve


def sweep_of_sizes(name: str = "pin", slower: float = 1.0) -> tuple[dict[str, Any], list[Any]]:
    """Return a curve over three sizes and its conditions, whose restores take ever longer."""
    points, conditions = [], []
    for order, size in enumerate((2_691_072, 26_910_720, 150_999_040), 1):
        one = condition(f"{name}/{size}", 0, 24)
        one["distributions_ms"]["restore"] = {
            "shares": list(SHARES), "values": [slower * order * (1 + share) for share in SHARES],
        }  # fmt: skip
        conditions.append(one)
        points.append({"x": size, "condition": one["name"], "cycles": 24, "failures": 0,
                       "reliability": 1.0, "lower": 0.85, "upper": 1.0})  # fmt: skip
    made = curve("x", 1.0) | {"name": name, "series": {}, "key": SIZE, "label": SIZE,
                              "points": points, "frontier": None, "stratified": None}  # fmt: skip
    return made, conditions


def test_a_line_has_median_and_the_middle_of_the_cycles() -> None:
    """At each size the median, and what nine cycles in ten lie between."""
    made, conditions = sweep_of_sizes()
    [line] = costs({"conditions": conditions, "curves": [made]})
    assert line.name == "pin"
    assert [at.size_bytes for at in line.points] == [2_691_072, 26_910_720, 150_999_040]
    assert [at.median_ms for at in line.points] == [1.5, 3.0, 4.5]
    assert (line.points[0].low_ms, line.points[0].high_ms) == (1.05, 1.95)
    assert line.points[0].cycles == 24


def test_other_sweeps_and_steps_have_no_line() -> None:
    """Only what was swept over the size, and only where the step took place."""
    made, conditions = sweep_of_sizes()
    assert costs({"conditions": conditions, "curves": [made | {"key": "faults.*.rate"}]}) == []
    for one in conditions:
        one["distributions_ms"] = {}
    assert costs({"conditions": conditions, "curves": [made]}) == []
    assert costs({"conditions": []}) == []


@pytest.mark.parametrize(
    ("size", "said"),
    [(2_691_072, "2.69 MB"), (150_999_040, "151 MB"), (9_960_000, "9.96 MB"), (4e9, "4 GB"),
     (4096, "4.1 kB"), (12, "12 B")],
)  # fmt: skip
def test_sizes_for_people(size: float, said: str) -> None:
    """Three digits at most, in the unit that suits."""
    assert sized(size) == said
