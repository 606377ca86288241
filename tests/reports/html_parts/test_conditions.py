"""Every condition is there with what failed in it, folded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from harness.analysis.failures import Alike
from harness.reports.html_parts.anchors import anchors
from harness.reports.html_parts.conditions import ALIKE_MOST, Told, conditions
from tests.reports.samples import HOSTILE, claim, condition
from tests.reports.test_html import Page


def shown(every: list[dict[str, Any]], failed: dict[str, list[Alike]] | None = None) -> Page:
    """Return the page's part for these conditions."""
    told = Told({"rows": [], "conditions": every}, failed or {}, Path("runs/one"))
    return Page(conditions(told, anchors(every)))


def alike(cause: str, cycles: int = 3) -> Alike:
    """Return cycles that failed alike."""
    return Alike("dirty_silent", (cause,), 7, (f"{cause} said",), cycles, Counter(users=cycles))


def test_a_condition_has_its_failures() -> None:
    """Cause first, then how many and how they ended, then the command; hostile names are text."""
    page = shown([condition(HOSTILE, 3, claims=[claim([], 10)])], {HOSTILE: [alike("<b>full")]})
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert ids == ["condition-1"]
    assert page.texts["strong"] == ["<b>full"]
    assert "3 cycles: dirty without a word; differed: users in 3" in page.texts["ol"][0]
    assert page.texts["code"][0].startswith("harness replay runs/one --condition ")
    assert "reliability >= 0.999" in page.texts["ul"][0]
    assert not [tag for tag, _ in page.tags if tag == "b"]


def test_many_kinds_are_folded_and_none_is_left_out() -> None:
    """The first few are shown, the others a click away."""
    causes = [f"cause {at}" for at in range(ALIKE_MOST + 3)]
    page = shown([condition("a", 30)], {"a": [alike(cause) for cause in causes]})
    assert page.texts["strong"] == causes
    assert "3 more kinds of failures" in page.texts["summary"]


def test_conditions_of_a_long_sweep_are_behind_one_line() -> None:
    """With their ends counted by kind; short sweeps and single conditions stand for themselves."""
    sweep = [condition(f"s/{at}", 1, 10, sweep={"of": "s", "axes": {}}) for at in range(5)]
    short = [condition(f"t/{at}", sweep={"of": "t", "axes": {}}) for at in range(2)]
    page = shown([*sweep, *short, condition("alone")])
    groups = [given for tag, given in page.tags if given.get("class") == "sweep"]
    assert len(groups) == 1
    assert page.texts["summary"][0] == "s 5 conditions; 5 dirty without a word"
    assert len([1 for _, given in page.tags if given.get("class") == "condition"]) == 8


def test_a_name_that_has_the_policy_says_it_once() -> None:
    """It stands beside the names that do not."""
    page = shown([condition("a/hybrid_verified"), condition("b")])
    assert page.texts["small"] == ["no failure", "hybrid_verified; no failure"]


def test_what_is_not_known_is_said() -> None:
    """A run that was published without its cycles cannot name those that failed."""
    assert "not kept" in shown([condition("a", 3)]).texts["div"][0]
    assert "not run" in shown([condition("a", 0, 0)]).texts["summary"][0]
