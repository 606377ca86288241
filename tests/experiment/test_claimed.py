"""Claims as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import ConfigurationError
from harness.experiment.claimed import MEASURES, ROW_MEASURES, Claim, parse_claim


@given(st.floats(min_value=1e-6, max_value=1 - 1e-6), st.sampled_from(["", " ", "  "]))
def test_a_claim_survives_being_written(at_least: float, blank: str) -> None:
    """A claim reads the same whatever the blanks, to the last digit."""
    text = f"data_safety{blank}>={blank}{at_least!r}"
    assert parse_claim(text) == Claim("data_safety", at_least)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reliability", "cannot be read"),
        ("reliability > 0.9", "cannot be read"),
        ("relyability >= 0.9", "did you mean 'reliability'?"),
        ("reliability >= 0.9.9", "is no number"),
        ("reliability >= 0", "between 0 and 1"),
        ("reliability >= 1", "exactly 1"),
    ],
)
def test_what_is_no_claim_is_refused(text: str, said: str) -> None:
    """Each says what is wrong and names the claim."""
    with pytest.raises(ConfigurationError) as caught:
        parse_claim(text)
    assert said in str(caught.value)
    assert repr(text) in str(caught.value)


def test_what_is_claimed_may_stand_in_a_row() -> None:
    """Every measure of a claim is one of a row's; a claim prints as it is read."""
    assert set(MEASURES) <= set(ROW_MEASURES)
    assert parse_claim(str(Claim("reliability", 0.999))) == Claim("reliability", 0.999)
