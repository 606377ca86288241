from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.change import Change, verdict, verdicts
from harness.statistics.change_of_quantile import compare_quantiles


def change(p_higher: float, p_lower: float) -> Change:
    """Make a comparison with these p-values."""
    nan = math.nan
    return Change(nan, nan, nan, nan, nan, nan, nan, nan, p_higher, p_lower, 0.95, "buehler")


def test_holm_by_hand() -> None:
    """Of eight one-sided p-values each is held against the error over those left, in order."""
    changes = [change(0.006, 1), change(1, 0.007), change(0.02, 0.99), change(0.009, 1)]
    # 0.006 * 8 = 0.048 and 0.007 * 7 = 0.049 pass, 0.009 * 6 = 0.054 does not, so 0.02 is not tried
    assert verdicts(changes) == ["worse", "better", *["no difference shown"] * 2]
    assert verdicts(changes, "better")[:2] == ["better", "worse"]
    assert verdicts([]) == []


def holm_by_closure(p_values: Sequence[float], error: float) -> list[bool]:
    """Reject what every set of hypotheses that holds it rejects by Bonferroni: the definition."""
    sets = range(1, 2 ** len(p_values))

    def rejected(members: int) -> bool:
        chosen = [p for at, p in enumerate(p_values) if members >> at & 1]
        return min(chosen) * len(chosen) <= error

    return [all(rejected(s) for s in sets if s >> at & 1) for at in range(len(p_values))]


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=4), st.floats(0.5, 0.99))
def test_verdicts_are_the_closed_test(p_values: list[float], confidence: float) -> None:
    """Holm's words are those of the closed Bonferroni test over every set of hypotheses."""
    found = verdicts([change(p, 1.0) for p in p_values], confidence=confidence)
    both = holm_by_closure([*p_values, *[1.0] * len(p_values)], 1 - confidence)
    assert [word == "worse" for word in found] == both[: len(p_values)]


def test_many_comparisons_of_the_same_are_seldom_called_different() -> None:
    """Sixteen comparisons of the same: Holm's words keep the error, single ones break it."""
    random = np.random.default_rng(8)
    families = [
        [compare_quantiles(random.random(400), random.random(400), 0.5) for _ in range(16)]
        for _ in range(60)
    ]
    nothing = "no difference shown"
    held = sum(any(word != nothing for word in verdicts(f, confidence=0.5)) for f in families)
    single = sum(any(verdict(c, confidence=0.5) != nothing for c in f) for f in families)
    assert held <= 30 < single


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: verdicts([], "bad"), "higher must be worse or better"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: verdict(change(1, 1), confidence=0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()
