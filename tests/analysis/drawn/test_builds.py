import pytest

from harness.analysis.drawn.builds import between, every
from harness.statistics.intervals import clopper_pearson
from tests.reports.samples import condition, strata


def test_so_many_builds_lie_between_two() -> None:
    """One in so many cycles, with the exact interval turned around; a refusal leaves no dirt."""
    one = condition("a", 4, 1000)
    one["outcomes"] |= {"cleaned": 990, "refused": 6, "dirty_silent": 3, "dirty_known": 1}
    [found] = between({"conditions": [one]})
    share = clopper_pearson(4, 1000)
    assert (found.builds, found.dirty, found.silent) == (250, 4, 3)
    assert (found.least, found.most) == (pytest.approx(1 / share.upper),
                                         pytest.approx(1 / share.lower))  # fmt: skip


def test_without_a_dirty_cycle_there_is_a_lower_limit_only() -> None:
    """No number of builds is known then, only what it is at least."""
    [found] = between({"conditions": [condition("a", 0, 1200)]})
    assert found.builds is found.most is None
    assert found.least == pytest.approx(1 / clopper_pearson(0, 1200).upper)
    assert found.at_least


def test_a_limit_is_rounded_down() -> None:
    """A measured number is rounded, a limit never up: 14.06 builds at least are 14."""
    never = between({"conditions": [condition("a", 0, 50), condition("b", 0, 30)]})
    assert [one.said for one in never] == ["14", "8.6"]
    assert [one.least for one in never] == [pytest.approx(14.060, abs=1e-3),
                                            pytest.approx(8.643, abs=1e-3)]  # fmt: skip
    [often] = between({"conditions": [condition("a", 3, 5)]})
    assert often.said == "1.7"


def test_what_says_nothing_of_builds_is_left_out() -> None:
    """No cycles, a set number of faults, an instrument that failed."""
    spoiled = condition("c")
    spoiled["outcomes"]["harness_error"] = 1
    others = [condition("a", 0, 0), condition("b", strata=strata()), spoiled]
    assert between({"conditions": others}) == []


@pytest.mark.parametrize(
    ("builds", "per_day", "said"),
    [(20, 20, "1 day"), (21, 20, "1.1 days"), (1, 20, "1.2 hours"), (5000, 20, "8.2 months"),
     (10, 1, "1.4 weeks"), (1e6, 10, "274 years"), (1, 1000, "0 hours"), (7 * 12, 10, "1.2 weeks"),
     (7, 1, "1 week")],
)  # fmt: skip
def test_a_time_is_said_in_the_largest_unit(builds: float, per_day: float, said: str) -> None:
    """One digit behind the point up to ten of them, none above."""
    assert every(builds, per_day) == said
