from typing import Any

from harness.analysis.drawn.ends import Ended, alone, kinds, sweeps
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
