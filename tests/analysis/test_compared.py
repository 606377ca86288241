"""What is told of figures that were compared: what differs, and what could have been seen."""

from __future__ import annotations

import math

import pytest

from harness.analysis.compared import Compared, told
from harness.statistics.change import Change

FAR = math.inf


def timing(low: float, ratio: float = 1.0, name: str = "p95 of restore (wall)") -> Compared:
    """Make a timing whose interval of the ratio begins at ``low``."""
    change = Change(1, ratio, ratio - 1, -FAR, FAR, ratio, low, FAR, 0.5, 0.5, 0.95, "blocks")
    return Compared("one", name, change, "1.00 ms -> 1.00 ms", timed=True)


def share(low: float, difference: float = 0.0) -> Compared:
    """Make a share whose interval of the difference begins at ``low``."""
    change = Change(0, 0, difference, low, 1, 1, 0, FAR, 0.5, 0.5, 0.95, "buehler")
    return Compared("one", "reliability", change, "99.9% -> 99.9%", timed=False)


@pytest.mark.parametrize(
    ("compared", "least"),
    [
        (timing(0.8), 0.25),  # a quarter longer, and the interval begins at 1
        (timing(0.8, 1.2), 0.5),  # longer by 20%, which was not enough: half as long again is
        (timing(0.8, 0.5), 0.25),  # shorter by half, of which the other half may be chance
        (timing(0.0), math.inf),
        (share(-0.01), 0.01),
        (share(-0.01, 0.02), 0.03),
    ],
)
def test_how_large_a_change_would_have_been_seen(compared: Compared, least: float) -> None:
    """By how much the figure would have to be worse for its interval to leave out no change."""
    assert compared.least_seen == pytest.approx(least)


def test_what_differs_is_told_and_the_rest_in_a_line() -> None:
    """The worse first, then the better; the others only when all are asked for."""
    figures = [timing(0.5), share(-0.004), timing(1.2, 1.5), timing(0.8, name="p50 of cycle")]
    same = "no difference shown"
    lines = told(figures, [same, same, "worse", "better"], verbose=False)
    assert lines == [
        "one: p95 of restore (wall): 1.00 ms -> 1.00 ms: worse",
        "one: p50 of cycle: 1.00 ms -> 1.00 ms: better",
        "2 measures: no difference shown (could have seen timings longer by 100%, "
        "shares lower by 0.40 points)",
    ]
    every = told(figures, [same, same, "worse", "better"], verbose=True)
    assert (every[:2], every[-1]) == (lines[:2], lines[2])
    assert every[3].endswith(": no difference shown (could have seen shares lower by 0.40 points)")


def test_what_could_have_shown_nothing_is_counted() -> None:
    """A figure that could not have shown even ten times as long says so, alone and in the line."""
    same = ["no difference shown"] * 3
    blind = timing(0.0)
    assert "could have seen none: too few cycles" in blind.sentence("no difference shown")
    line = told([blind, timing(0.8), timing(0.05)], list(same), verbose=False)  # type: ignore[arg-type]  # words
    assert line == [
        "3 measures: no difference shown (could have seen timings longer by 25%; "
        "2 could have shown none: too few cycles)"
    ]
    assert told([], [], verbose=True) == []
