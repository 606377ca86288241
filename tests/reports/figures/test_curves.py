import re
from typing import Any

import pytest

from harness.reports.figures.curves import curves, hero, shares
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, RATES, curve, sample_summary, share, strata


def _summary(*found: dict[str, Any]) -> dict[str, Any]:
    return {"conditions": [{"name": "strata, any rate", "strata": strata()}],
            "curves": list(found)}  # fmt: skip


def _with(one: dict[str, Any], *counts: tuple[int, int]) -> dict[str, Any]:
    """Return a curve with so many failures in so many cycles at its first points."""
    for point, (failures, cycles) in zip(one["points"], counts, strict=False):
        found = share(failures, cycles)
        point |= {"failures": failures, "cycles": cycles, "reliability": found["estimate"],
                  "lower": found["lower"], "upper": found["upper"]}  # fmt: skip
    return one


def test_every_series_is_drawn_with_the_others_and_with_what_was_foretold() -> None:
    """All series wide and narrow, then each with its prediction; the table has every point."""
    page = curves(sample_summary())
    assert len(figures(page)) == 2 + 3
    assert page.count("<tr>") == 3 * len(RATES) + 1
    assert page.count("99.9% holds up to 0.002 and breaks from 0.01 on.") == 3
    assert curves({"conditions": []}) == hero({"conditions": []}) == ""


def test_what_was_foretold_is_told_apart() -> None:
    """Prediction, band and frontier stand in the series' own figure, and only where known."""
    page = curves(_summary(curve("only", 1.0)))
    for kind in ("foretold", "area strata", "holds", "breaks"):
        assert f'{kind}"' in figures(page)[2]
        assert f'{kind}"' not in figures(page)[0]
    bare = curve("only", 4.0) | {"stratified": None, "frontier": None}
    for point in bare["points"]:
        point["predicted"] = None
    assert len(figures(curves(_summary(bare)))) == 2


def test_a_point_without_a_failure_is_a_bound_and_no_line_goes_through_it() -> None:
    """No mark, but a bar with an arrow at the upper limit; the line begins behind it."""
    one = _with(curve("only", 1.0), (0, 1200))
    drawn = figures(curves(_summary(one)))[0]
    assert len(re.findall('class="mark s0', drawn)) == len(RATES) - 1
    assert drawn.count('class="bound s0"') == 3  # bar, shaft and head
    [through] = re.findall(r'<path d="M([^"]*)" class="curve s0"', drawn)
    assert len(through.split("L")) == len(RATES) - 1


def test_what_was_tried_less_is_never_drawn_as_better() -> None:
    """0 of 1,200 stands above 1 of 5,300: it is not known to fail less often."""
    fewer = _with(curve("trusting", 1.0), (0, 1200))
    more = _with(curve("verified", 1.0), (1, 5300))
    drawn = figures(curves(_summary(fewer, more)))[0]
    [bar] = {float(y) for y in re.findall(r'y1="([\d.]+)" x2="[\d.]+" y2="\1" class="bound', drawn)}
    mark = float(re.findall(r'<path d="M[\d.]+ ([\d.]+)[^"]*" class="mark s1', drawn)[0])
    assert bar < mark  # y grows downwards


def test_all_figures_of_a_run_have_one_axis() -> None:
    """A series that fails often and one that hardly does have the same ticks, in both ways."""
    often = curve("often", 40.0) | {"name": "often", "series": {}}
    rarely = curve("rarely", 0.01) | {"name": "rarely", "series": {}}
    del rarely["points"][:3]
    drawn = figures(curves(_summary(often, rarely)))
    ticks = [re.findall(r">([\d.]+%?)</text>", one) for one in drawn[2:]]
    assert ticks[0] == ticks[1]
    assert "100%" in ticks[1]


def test_nothing_failed_is_a_sentence() -> None:
    """A sweep without a failure has no figure, but what its cycles bound, and its table."""
    one = curve("only", 0.0)
    page = curves(_summary(one))
    assert figures(page) == []
    assert f"Nothing failed at any of {len(RATES)} points, 4,000 cycles each: at most" in page
    assert page.count("<tr>") == len(RATES) + 1


def test_refusals_among_the_failures_are_said() -> None:
    """They count as failures of the series, and how many they are stands below the figure."""
    one = curve("only", 4.0)
    summary = _summary(one)
    assert "refusals" not in curves(summary)
    refused = {"name": one["points"][6]["condition"], "outcomes": {"refused": 12}}
    summary["conditions"].append(refused)
    assert "12 of the failures are refusals before any test" in curves(summary)


def test_unequal_cycles_stand_beside_the_points() -> None:
    """Equal cycles are told once at the name, others at each point that has room."""
    equal = figures(curves(_summary(curve("only", 4.0))))
    assert "4,000 cycles each" in equal[0]
    assert "4,000 each" in equal[1]
    unequal = figures(curves(_summary(_with(curve("only", 4.0), (3, 700)))))[0]
    assert ">3 of 700<" in unequal
    assert "each<" not in unequal


def test_the_hero_is_the_figure_with_the_most_points() -> None:
    """It stands in the page once where it is shown elsewhere."""
    many, few = curve("many", 4.0), curve("few", 4.0) | {"name": "other", "label": "size"}
    del few["points"][3:]
    summary = _summary(few, many)
    assert hero(summary) in curves(summary)
    assert hero(summary) not in curves(summary, besides=True)
    assert len(figures(curves(summary, besides=True))) == len(figures(curves(summary))) - 2
    assert hero(_summary(curve("only", 0.0))) == ""


@pytest.mark.parametrize("holds", [None, *RATES])
@pytest.mark.parametrize("breaks", [None, *RATES])
def test_no_label_touches_another(holds: float | None, breaks: float | None) -> None:
    """Wherever the frontier is, all labels can be read."""
    one = curve("only", 1.0)
    one["frontier"] |= {"holds_to": holds, "breaks_from": breaks}
    for figure in figures(curves(_summary(one))):
        assert faults(figure) == []


def test_six_series_can_be_told_apart() -> None:
    """Six labels beside the lines touch neither each other nor the edge, however they are named."""
    six = [curve(f"policy {n} of_a_rather_long+name", 1.0 + n / 9) for n in range(6)]
    drawn = figures(curves(_summary(*six)))
    assert [faults(one) for one in drawn[:2]] == [[], []]
    assert len(set(re.findall('class="mark s(.)', drawn[0]))) == 6


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


def test_shares_for_people() -> None:
    """With an interval where it is known; what is not known is a dash."""
    assert shares({"a": None}, "a", "b", "c") == "-"
    assert shares({"a": 0.999}, "a", "b", "c") == "99.90%"
    assert shares({"a": 0.5, "b": 0.4, "c": 1}, "a", "b", "c") == "50.0% [40.0%, 100%]"


def test_hostile_names_stay_text() -> None:
    """No name of people's makes an element."""
    assert "<b " not in curves(sample_summary(HOSTILE))
