from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.drawn.ends import Ended, alone, heights, kinds, sweeps
from tests.reports.samples import RATES, condition, curve


def _swept() -> dict[str, Any]:
    one = curve("hybrid_verified", 1.0)
    names = [point["condition"] for point in one["points"]]
    conditions = [condition(name, order, 100) for order, name in enumerate(names)]
    return {"conditions": [*conditions, condition("other", 1, 50), condition("none", 0, 0)],
            "curves": [one]}  # fmt: skip


def test_every_point_has_the_outcomes_of_its_condition() -> None:
    """A bar for each point, in the order of the setting, with the counts of that condition."""
    [sweep] = sweeps(_swept())
    [series] = sweep.series
    assert [one.x for one in series.points] == list(RATES)
    assert [one.counts["dirty_silent"] for one in series.points] == list(range(7))
    assert series.points[2].parts() == [("cleaned", 98), ("dirty_silent", 2)]


def test_what_was_not_swept_stands_alone() -> None:
    """Conditions of no sweep are listed, but for those without a cycle."""
    assert [one.condition for one in alone(_swept())] == ["other"]
    assert [one.condition for one in alone({"conditions": [condition("a")]})] == ["a"]


def test_the_legend_has_what_there_is() -> None:
    """Only outcomes that came about, the best first."""
    ended = [Ended(None, "a", 3, {"baseline_lost": 1, "cleaned": 2}),
             Ended(None, "b", 1, {"refused": 1, "restored": 0})]  # fmt: skip
    assert kinds(ended) == ["cleaned", "refused", "baseline_lost"]


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=7))
def test_parts_fill_the_bar(counts: list[int]) -> None:
    """They add up to the whole, none is thinner than seen, and more is never drawn as less."""
    shared = heights(counts, 144.0, 2.5)
    assert sum(shared) == pytest.approx(144.0)
    assert min(shared) >= 2.5 - 1e-9
    largest = counts.index(max(counts))
    assert shared[largest] >= max(shared) - 2.5 * len(counts)
