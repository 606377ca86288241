import re

from hypothesis import given
from hypothesis import strategies as st

from harness.reports.figures.struck import KEYS, parts, struck
from tests.reports.samples import HOSTILE, condition

COUNTS = st.fixed_dictionaries(dict.fromkeys(KEYS, st.integers(0, 1000)))


@given(COUNTS)
def test_parts_add_up(counts: dict[str, int]) -> None:
    """The parts of a bar are never negative and sum to what was planned or, if more, fired."""
    found = parts(counts)
    assert min(found.values()) >= 0
    assert sum(found.values()) == max(counts["planned"], counts["fired"])


def test_a_bar_is_as_long_as_its_numbers() -> None:
    """Widths are in proportion to the counts, with the numbers beside."""
    page = struck([condition("one")])
    widths = {
        part: float(width)
        for width, part in re.findall(
            r'width="([\d.]+)%"[^>]*class="ledger (\w+)"', page[page.index("one, timeout") :]
        )
    }
    assert widths == {"surfaced": 50.0, "masked": 11.11, "other": 5.556, "waiting": 33.33}
    for number in (90, 60, 45, 10):
        assert f"<span>{number}</span>" in page


def test_conditions_are_summed_and_folded() -> None:
    """With several conditions their sum comes first, and each is behind its own line."""
    page = struck([condition("one"), condition("two"), condition("calm", faults={})])
    assert "<span>180</span>" in page
    assert page.index("All conditions") < page.index("<strong>one</strong>")
    assert "85 fired, 10 masked" in page
    assert "calm" not in page
    assert struck([condition("calm", faults={})]) == ""


def test_hostile_names_stay_text() -> None:
    """No fault's or condition's name makes an element."""
    faults = {HOSTILE: dict.fromkeys(KEYS, 1)}
    assert "<b " not in struck([condition(HOSTILE, faults=faults), condition("b", faults=faults)])
