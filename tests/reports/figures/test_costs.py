from typing import Any

from harness.reports.figures.costs import cost, hero
from tests.analysis.drawn.test_costs import sweep_of_sizes
from tests.reports.figures.layout import faults, figures


def _summary(hostile: str = "") -> dict[str, Any]:
    made = [sweep_of_sizes(f"pin{hostile}"), sweep_of_sizes("copy", 40.0)]
    return {"conditions": [one for _, some in made for one in some],
            "curves": [curve for curve, _ in made]}  # fmt: skip


def test_a_line_for_each_recovery() -> None:
    """Restore and backup, wide and narrow, each line named at its end with its last median."""
    drawn = figures(cost(_summary()))
    assert len(drawn) == 4
    for one in drawn:
        assert one.count('class="curve s') == 2
        assert one.count("area band") == 2
        assert faults(one) == []
    assert ">4.50 ms</text>" in drawn[0]
    assert ">180 ms</text>" in drawn[0]


def test_both_figures_have_one_axis() -> None:
    """What a backup takes can be compared with what a restore takes by eye."""
    restore, _, backup, _ = figures(cost(_summary()))
    ticks = [[text for text in one.split(">") if " ms</text" in text or " s</text" in text]
             for one in (restore, backup)]  # fmt: skip
    assert [one for one in ticks[0] if "." not in one][:3] == [
        one for one in ticks[1] if "." not in one
    ][:3]


def test_the_hero_is_the_restore() -> None:
    """It is left out where the page shows it elsewhere, and there is none without sizes."""
    assert hero(_summary()) in cost(_summary())
    assert hero(_summary()) not in cost(_summary(), besides=True)
    assert cost({"conditions": []}) == hero({"conditions": []}) == ""


def test_names_stay_text() -> None:
    """No name of people's makes an element."""
    assert "<b " not in cost(_summary("<b onclick=x>"))
