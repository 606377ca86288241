import re

from harness.reports.figures.outcomes import outcomes
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, RATES, condition, curve


def _swept(cycles: int = 4000) -> dict[str, object]:
    one = curve("hybrid_verified", 1.0)
    names = [point["condition"] for point in one["points"]]
    return {"conditions": [condition(name, 3, cycles) for name in names], "curves": [one]}


def test_a_bar_for_each_point() -> None:
    """Each setting has its bar, the best outcome at the foot; numbers stand in the table."""
    page = outcomes(_swept())
    [drawn] = figures(page)
    assert drawn.count("end-cleaned") == drawn.count("end-dirty-silent") == len(RATES)
    feet = re.findall(r'y="([\d.]+)"[^>]*height="([\d.]+)" class="part end-cleaned"', drawn)
    assert {round(float(y) + float(high), 1) for y, high in feet} == {152.0}
    assert faults(drawn) == []
    assert page.count("<tr>") == len(RATES) + 1
    assert "dirty without a word" in page


def test_what_is_rare_is_seen() -> None:
    """Three cycles of a million are a part that can be seen."""
    [drawn] = figures(outcomes(_swept(1_000_000)))
    parts = re.findall(r'height="([\d.]+)" class="part end-dirty-silent"', drawn)
    assert all(float(high) >= 2 for high in parts)


def test_without_a_sweep_each_condition_is_a_strip() -> None:
    """A row each with the counts that are no success, each in a column of its own."""
    refused = condition("b", 0, 10)
    refused["outcomes"] |= {"cleaned": 8, "refused": 2}
    page = outcomes({"conditions": [condition("a", 2, 10), refused]})
    assert figures(page) == []
    assert page.count("<tr>") == 3
    assert "refused before any test" in page
    assert outcomes({"conditions": []}) == ""


def test_names_stay_text() -> None:
    """No name of people's makes an element."""
    assert "<b " not in outcomes({"conditions": [condition(HOSTILE, 1)]})
