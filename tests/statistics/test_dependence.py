from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR

import pytest

from harness.statistics.common_odds import common_odds_ratio
from harness.statistics.dependence import Table, around, in_two_digits
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio


def test_importing_leaves_scipy_alone() -> None:
    """Commands that judge nothing do not wait for scipy."""
    program = (
        "import sys; from harness.statistics import common_odds, dependence, lift, odds; "
        "sys.exit('scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: Table(-1, 0, 0, 0), "both must be a count of cycles, 0 or more, not -1"),
        (lambda: Table(0, 0, 0, 1.5), "neither must be a count"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: Table(0, 0, 0, 0, 0.5, -3), "untried must be a count"),
        (lambda: Table(0, 0, 0, 0, 0.0), "share must be above 0 and up to 1, not 0.0"),
        (lambda: Table(0, 0, 0, 0, math.nan), "share must be above 0"),
        (lambda: Table(0, 0, 0, 0, 1.0, 5), "untried must be 0 at a share of 1"),
        (lambda: odds_ratio(Table(1, 1, 1, 1), 95), "confidence must lie between 0 and 1, not 95"),
        (lambda: common_odds_ratio([], 1), "confidence must lie between"),
        (lambda: lift(Table(1, 1, 1, 1), 0), "confidence must lie between"),
    ],
)
def test_bad_input_is_refused_in_words(call: Callable[[], object], says: str) -> None:
    """Every input that has no answer raises ValueError with a sentence that names it."""
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    ("ratio", "down", "up"),
    [
        (0.0, "0", "0"), (math.inf, "inf", "inf"), (0.98765, "0.98", "0.99"),
        (3.14159, "3.1", "3.2"), (31.4159, "31", "32"), (1234.5, "1,234", "1,235"),
    ],
)  # fmt: skip
def test_ratios_have_two_digits_rounded_outwards(ratio: float, down: str, up: str) -> None:
    """No bound says more than is known; what is large keeps its whole digits."""
    assert in_two_digits(ratio, ROUND_FLOOR) == down
    assert in_two_digits(ratio, ROUND_CEILING) == up


def test_an_interval_holds_its_estimate() -> None:
    """A bound that passed the estimate is drawn back to it; of no estimate nothing is."""
    assert around(2.0, 2.5, 3.0, 0.1, "squared_scores")[:3] == (2.0, 2.0, 3.0)
    assert around(2.0, 1.0, 1.5, 0.1, "squared_scores")[:3] == (2.0, 1.0, 2.0)
    assert around(math.nan, 1.0, 1.5, 0.1, "squared_scores")[1:3] == (1.0, 1.5)
