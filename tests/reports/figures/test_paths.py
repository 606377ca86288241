import re

import pytest

from harness.reports.figures.paths import OPEN_MOST, paths
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, claim, condition


def _page(*claims: dict[str, object]) -> str:
    return paths([condition("one", claims=list(claims))])


@pytest.mark.parametrize(
    ("failures_at", "cycles", "at_least"),
    [([], 10, 0.999), ([], 4000, 0.999), ([900, 4100], 5000, 0.999), ([1], 1, 0.999),
     (list(range(3, 400, 4)), 600, 0.5), (list(range(1, 900)), 100_000, 0.99), ([], 50, 0.0),
     ([5], 50, 1.0)],
)  # fmt: skip
def test_every_way_can_be_drawn(failures_at: list[int], cycles: int, at_least: float) -> None:
    """Any path has its figure and no label touches another or leaves it."""
    for figure in figures(_page(claim(failures_at, cycles, at_least))):
        assert faults(figure) == []


def test_it_ends_where_it_was_decided() -> None:
    """A supported claim's mark stands at the edge of what supports; both areas are there."""
    page = _page(claim([], 4000))
    assert "supported-area" in page
    assert "refuted-area" in page
    edge = re.search(r'<path d="M([\d.]+) [\d.]+L[^"]*" class="edge good"', page)
    mark = re.search(r'<path d="M([\d.]+) [^"]*" class="mark s0"', page)
    assert edge is not None
    assert mark is not None
    assert float(mark[1]) + 4 == pytest.approx(float(edge[1]), abs=0.2)  # its left and its middle


def test_what_was_decided_early_is_not_pressed_together() -> None:
    """Long after the verdict the figure stops and says so."""
    assert "cycles, the first 20 of 600" in _page(claim(list(range(3, 400, 4)), 600))


def test_what_comes_next_is_said() -> None:
    """An undecided claim says when it would be supported, a decided one nothing."""
    assert "supported at cycle 6,893 if nothing else fails" in _page(claim([7], 700))
    assert "if nothing else fails" not in _page(claim([], 4000))


def test_many_are_folded_and_all_are_in_the_table() -> None:
    """Beyond the first few figures are behind a click, the refuted come first, none is lost."""
    several = [claim([], 100) for _ in range(OPEN_MOST + 2)] + [claim([1, 2, 3], 10)]
    page = _page(*several)
    assert "3 more verdicts" in page
    assert page.index("badge refuted") < page.index("badge undecided")
    assert len(figures(page)) == len(several)
    assert page.count("<tr>") == len(several) + 1


def test_claims_without_a_path_are_only_said() -> None:
    """A claim that was not measured has its words and no figure; no claims make no section."""
    bare = {"claim": HOSTILE, "verdict": "not measured", "why": HOSTILE}
    page = _page(bare)
    assert figures(page) == []
    assert "not measured" in page
    assert "<b " not in page
    assert paths([condition("a"), {}]) == ""
