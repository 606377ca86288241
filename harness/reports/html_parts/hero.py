"""The figure that answers what an experiment asks, at the width of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.verdict import combined
from harness.reports.figures import costs, curves, dependence, forest, strata
from harness.reports.html_parts.markup import table
from harness.reports.words import costs as words
from harness.reports.words.answer import TARGET, settings
from harness.reports.words.asked import KINDS, UNNOTICED
from harness.reports.words.tables import Table
from harness.statistics.digits import sure

Summary = Mapping[str, Any]
ROWS_MOST = 12  # conditions in the figure


class Hero(NamedTuple):
    """A figure with its words, and the section that it takes the place of."""

    title: str
    about: str
    inner: str  # HTML; "" where there is none
    instead_of: str = ""


def hero(about: str, summary: Summary) -> Hero:
    """Return the figure for an answer of this kind (`harness.reports.words.asked.Answer`)."""
    if about == "story":
        return Hero("", "", "")  # the story is what there is to see
    found = _KINDS.get(about, _judged)(summary)
    return found if found.inner else _reliability(list(map(by_reliability, summary["conditions"])))


def _reliability(conditions: Sequence[Mapping[str, Any]]) -> Hero:
    """All conditions, or those that fail the most."""
    if len(conditions) > ROWS_MOST:
        most = sorted(conditions, key=_estimate)[:ROWS_MOST]
        return Hero("Where reliability is lowest", forest.ABOUT, forest.forest(most))
    return Hero(forest.TITLE, forest.ABOUT, forest.forest(conditions), "reliability")


def _estimate(condition: Mapping[str, Any]) -> float:
    estimate = condition["reliability"].get("estimate")
    return 2.0 if estimate is None else float(estimate)


def by_reliability(condition: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a condition with the verdict on its reliability alone, which is what is drawn."""
    if condition.get("claims") is None:
        return condition  # an older run's, which claims nothing else
    own = [c["verdict"] for c in condition["claims"] if c["measure"] == "reliability"]
    return {**condition, "verdict": combined(own)}


def _judged(summary: Summary) -> Hero:
    """The conditions of whose reliability something is claimed."""
    every = map(by_reliability, summary["conditions"])
    own = [condition for condition in every if condition.get("verdict") in KINDS]
    return _few("Reliability, where it is claimed", own, summary)


def _target(summary: Summary) -> Hero:
    own = [{**one.condition, "verdict": one.row["verdict"]} for one in settings([summary])]
    return _few(f"Where {sure(TARGET)} is claimed", own, summary)


def _missed(summary: Summary) -> Hero:
    rows = [row for row in summary["rows"] if row["measure"] == UNNOTICED]
    worst = [row for row in rows if row["verdict"] == "refuted"] or rows
    names = {row["condition"] for row in worst}
    own = [condition for condition in summary["conditions"] if condition["name"] in names]
    return _few("Reliability, where faults were missed", own, summary)


def _few(title: str, own: Sequence[Mapping[str, Any]], summary: Summary) -> Hero:
    if len(own) in (0, len(summary["conditions"])) or len(own) > ROWS_MOST:
        return _reliability(list(map(by_reliability, summary["conditions"])))
    return Hero(title, forest.ABOUT, forest.forest(own))


def _cost(summary: Summary) -> Hero:
    shown = Table(*words.table(words.over_size(summary)))
    return Hero(costs.TITLE, costs.ABOUT, costs.hero(summary) + table(shown), "costs")


def _swept(summary: Summary) -> Hero:
    return Hero(curves.TITLE, curves.ABOUT, curves.hero(summary), "curves")


def _strata(summary: Summary) -> Hero:
    return Hero(strata.TITLE, strata.ABOUT, strata.strata(summary), "strata")


def _together(summary: Summary) -> Hero:
    drawn = dependence.dependence(summary)
    return Hero(dependence.TITLE, dependence.ABOUT, drawn, "dependence")


_KINDS: dict[str, Callable[[Summary], Hero]] = {
    "missed": _missed,
    "cost": _cost,
    "target": _target,
    "swept": _swept,
    "strata": _strata,
    "together": _together,
}
