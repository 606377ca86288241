from harness.reports.figures.foretold import foretells, foretold
from harness.reports.figures.panels import panels
from tests.reports.figures.layout import faults, figures
from tests.reports.samples import HOSTILE, curve, strata


def test_a_series_beside_what_was_foretold() -> None:
    """Independence is dotted, strata are a band, the frontier stands upright with its words."""
    one = curve("only", 1.0)
    shared = panels({"conditions": [{"name": "strata, any rate", "strata": strata()}],
                     "curves": [one]})  # fmt: skip
    page = foretold(2, one, shared)
    [drawn] = figures(page)
    for kind in ("curve expected foretold", "area strata", "mark s2", "holds", "breaks"):
        assert f'class="{kind}' in drawn
    assert "holds to 0.002" in drawn
    assert faults(drawn) == []
    assert "if independent" in page
    assert "stratified" in page


def test_only_what_was_foretold_has_a_figure_of_its_own() -> None:
    """Without a prediction and without strata there is nothing to set beside."""
    one = curve("only", 1.0)
    shared = panels({"conditions": [], "curves": [one]})
    assert foretells(one, shared)
    for point in one["points"]:
        point["predicted"] = None
    assert not foretells(one, shared)
    assert foretells(one, shared._replace(strata={"strata, any rate": strata()}))


def test_what_lies_below_the_axis_is_not_drawn_along_it() -> None:
    """A prediction of hardly any failure leaves the figure: at its edge it would look measured."""
    one = curve("only", 4.0) | {"stratified": None, "frontier": None}
    for point in one["points"]:
        point["predicted"] = 1 - 1e-9
    shared = panels({"conditions": [], "curves": [one]})._replace(low=1e-4)
    assert 'class="curve expected foretold"' not in figures(foretold(0, one, shared))[0]


def test_names_stay_text() -> None:
    """No name of people's makes an element."""
    one = curve("only", 1.0) | {"name": HOSTILE, "series": {HOSTILE: HOSTILE}, "label": HOSTILE}
    assert "<b " not in foretold(0, one, panels({"conditions": [], "curves": [one]}))
