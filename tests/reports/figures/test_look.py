import re

from harness.analysis.drawn.colours import OUTCOMES, SERIES
from harness.reports.figures.look import RULES, variables


def test_every_colour_is_a_variable_of_both_themes() -> None:
    """Series and outcomes, by the names that the rules use."""
    for theme in ("light", "dark"):
        named = dict(re.findall(r"--([\w-]+): (#\w+);", variables(theme)))
        assert named["s0"] == SERIES[theme][0]
        assert named["dirty-silent"] == OUTCOMES[theme]["dirty_silent"]
        assert len(named) == len(SERIES[theme]) + len(OUTCOMES[theme])


def test_every_outcome_has_a_rule() -> None:
    """No part of a bar is left without its colour."""
    for name in OUTCOMES["light"]:
        assert f".end-{name.replace('_', '-')} {{" in RULES


def test_one_of_two_drawings_is_shown() -> None:
    """A screen has the wide or the narrow one, paper the wide one."""
    assert "(max-width: 44rem) { .figure-svg.wide { display: none } }" in RULES
    assert "(min-width: 44.01rem) { .figure-svg.narrow { display: none } }" in RULES
    assert "@media print { .figure-svg.narrow { display: none } }" in RULES
