import re
from typing import Any

import pytest

from harness.reports.figures.curves import curves, series, shares
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, RATES, curve, sample_summary, strata


def _summary(*found: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": [{"name": "strata, any rate", "strata": strata()}],
            "curves": list(found)}  # fmt: skip


def test_every_series_has_its_figure() -> None:
    """All series together, then each; the table has every point."""
    page = curves(sample_summary())
    assert len(figures(page)) == 4
    assert page.count("<tr>") == 3 * len(RATES) + 1
    assert "99.9% holds up to 0.002 and breaks from 0.01 on." in page
    assert curves({"conditions": []}) == ""


def test_one_series_needs_no_overview() -> None:
    """A sweep of one series has one figure, with prediction, band, target and frontier in it."""
    page = curves(_summary(curve("only", 1.0)))
    assert len(figures(page)) == 1
    for kind in ("expected", "area strata", "target", "holds", "breaks"):
        assert f'{kind}"' in page
    bare = curve("only", 4.0) | {"stratified": None, "frontier": None}
    for point in bare["points"]:
        point["predicted"] = None
    for kind in ("expected", "area strata", "holds", "breaks"):
        assert f'{kind}"' not in curves(_summary(bare))


def test_sweeps_of_one_series_stand_side_by_side() -> None:
    """Two sweeps over the same axis have one overview with both, named by their sweeps."""
    found = [curve("x", 1.0) | {"name": name, "series": {}} for name in ("trusting", "verified")]
    page = curves(_summary(*found))
    assert len(figures(page)) == 3
    assert page.count("<h3>") == 1
    assert "trusting</span>" in page
    assert "verified</span>" in page


@pytest.mark.parametrize("holds", [None, *RATES])
@pytest.mark.parametrize("breaks", [None, *RATES])
def test_no_label_touches_another(holds: float | None, breaks: float | None) -> None:
    """Wherever the frontier is, all labels can be read."""
    one = curve("only", 1.0)
    one["frontier"] |= {"holds_to": holds, "breaks_from": breaks}
    for figure in figures(curves(_summary(one))):
        assert faults(figure) == []


@pytest.mark.parametrize(
    "settings",
    [[0, 0.001, 0.01], [1, 2, 3], [0.05], ["copy", "wal_pin", "x" * 90], [0, 0], [-1, 1],
     [True, False], list(range(1, 40)), [f"recovery number {n}" for n in range(30)]],
)  # fmt: skip
def test_any_setting_has_an_axis(settings: list[Any]) -> None:
    """Numbers with and without 0, names and many of them have a place and labels that fit."""
    one = curve("only", 4.0) | {"stratified": None, "frontier": None}
    one["points"] = [dict(one["points"][0], x=x) for x in settings]
    for figure in figures(curves(_summary(one))):
        assert faults(figure) == []
        assert len(re.findall('class="mark', figure)) == len(settings)


def test_points_without_cycles_are_left_out() -> None:
    """A setting that was not measured has a row in the table and no mark."""
    one = curve("only", 4.0) | {"stratified": None}
    one["points"][0] |= {"reliability": None, "lower": None, "upper": None}
    page = curves(_summary(one))
    assert figures(page)[0].count('class="mark') == len(RATES) - 1
    assert page.count("<tr>") == len(RATES) + 1
    for point in one["points"]:
        point["reliability"] = None
    assert curves(_summary(one)) == ""


def test_names() -> None:
    """A series is named by what tells it apart; what is not known is a dash."""
    assert series({"series": {"policy": "p", "size": 3}, "name": "n"}) == "policy p, size 3"
    assert series({"series": {}, "name": "n"}) == "n"
    assert shares({"a": None}, "a", "b", "c") == "-"
    assert shares({"a": 0.999}, "a", "b", "c") == "99.90%"
    assert shares({"a": 0.5, "b": 0.4, "c": 1}, "a", "b", "c") == "50.0% [40.0%, 100%]"


def test_hostile_names_stay_text() -> None:
    """No name of people's makes an element."""
    assert "<b " not in curves(sample_summary(HOSTILE))
