import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reports.figures.scale import (
    FailureScale,
    LinearScale,
    LogScale,
    PlainScale,
    Tick,
    fitting,
    nines,
    width_px,
)

SHARES = st.floats(0, 1)
POSITIVE = st.floats(1e-6, 1e9)


@given(st.lists(SHARES, min_size=1), SHARES, SHARES)
def test_more_reliable_is_never_further_left(known: list[float], one: float, other: float) -> None:
    """The failure scale keeps the order of reliabilities and stays on its axis."""
    scale = FailureScale(known)
    low, high = sorted((one, other))
    assert 0 <= scale.at(low) <= scale.at(high) <= 1


def test_every_nine_has_the_same_room() -> None:
    """90%, 99%, 99.9% and 99.99% are equally far apart, and 100% is beyond them."""
    scale = FailureScale([0.0, 0.99985])
    at = [scale.at(share) for share in (0, 0.9, 0.99, 0.999, 0.9999)]
    rooms = [after - before for before, after in pairwise(at)]
    assert rooms == pytest.approx([rooms[0]] * 4)
    assert rooms[0] > 0.15
    assert at[-1] < scale.at(0.99999) < scale.at(1) == 1


def test_the_failure_axis_begins_where_all_are() -> None:
    """Where everything is above 99% nothing is wasted on what is below."""
    scale = FailureScale([0.995, 0.9999])
    assert scale.ticks()[0] == Tick(0.0, "99%")
    assert [tick.label for tick in FailureScale([0.2]).ticks()] == [
        "0%", "90%", "99%", "99.9%", "100%",
    ]  # fmt: skip
    assert FailureScale([None, math.nan]).ticks()  # nothing known is no reason to fail


def test_nines() -> None:
    """A reliability has as many nines as people count."""
    assert [round(nines(one), 9) for one in (0, 0.9, 0.999)] == [0, 1, 3]
    assert nines(1) == math.inf


@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_a_log_axis_holds_all_values(values: list[float]) -> None:
    """Every value is on the axis in its order, and its ticks are as well."""
    scale = LogScale.of([*values, None, math.nan, 0.0])
    assert scale.low <= min(values) * 1.001
    assert scale.high >= max(values) / 1.001
    at = [scale.at(one) for one in sorted(values)]
    assert at == sorted(at)
    assert len(scale.ticks()) >= 1
    assert all(0 <= scale.at(tick) <= 1 for tick in scale.ticks())


def test_a_log_axis_of_nothing_still_is_one() -> None:
    """No value, and one value only, give an axis with a length."""
    assert LogScale.of([]).ticks()
    same = LogScale(3.0, 3.0)
    assert same.at(3.0) == pytest.approx(0.5)
    assert same.at(0.0) == 0


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(2, 8))
def test_an_even_axis_has_few_round_ticks(low: float, length: float, most: int) -> None:
    """There are never more ticks than asked for and one more, all of them on the axis."""
    scale = LinearScale(low, low + length)
    ticks = scale.ticks(most)
    assert len(ticks) <= most + 1
    slack = length * 1e-6 + 1e-9
    assert all(scale.low - slack <= one <= scale.high + slack for one in ticks)


def test_names_stand_at_equal_distances() -> None:
    """A plain axis gives every value its own place."""
    scale = PlainScale(["a", "b", "a", "c"])
    assert [scale.at(one) for one in "abc"] == pytest.approx([1 / 6, 1 / 2, 5 / 6])


@given(st.lists(st.tuples(st.floats(0, 1), st.text("0123456789.%", max_size=12)), max_size=30))
def test_labels_never_touch(given_ticks: list[tuple[float, str]]) -> None:
    """Of any ticks only labels are kept that have a gap between them; no tick is lost."""
    length = 300.0
    kept = fitting([Tick(*one) for one in given_ticks], length)
    assert len(kept) == len(given_ticks)
    spans = []
    for tick in kept:
        if tick.label:
            wide = width_px(tick.label)
            left = min(max(tick.at * length - wide / 2, 0), length - wide)
            spans.append((left, left + wide))
    assert all(after[0] >= before[1] for before, after in pairwise(sorted(spans)))
