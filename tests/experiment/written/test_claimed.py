"""Claims as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import measures
from harness.errors import ConfigurationError
from harness.experiment.written.claimed import (
    MEASURES,
    MIRRORS,
    ROW_MEASURES,
    TIMED,
    Claim,
    checked_confidence,
    confidence_each,
    own_claims,
    parse_claim,
)


@given(st.floats(min_value=1e-6, max_value=1 - 1e-6), st.sampled_from(["", " ", "  "]))
def test_a_claim_survives_being_written(at_least: float, blank: str) -> None:
    """A claim reads the same whatever the blanks, to the last digit."""
    text = f"data_safety{blank}>={blank}{at_least!r}"
    assert parse_claim(text) == Claim("data_safety", at_least)


@given(st.floats(0.01, 0.49), st.floats(0.5, 0.99), st.sampled_from(["", " ", "  "]))
def test_a_claim_of_two_bounds_survives_being_written(
    least: float, most: float, blank: str
) -> None:
    """Both bounds to the last digit, whatever the blanks; as written where it was, else as read."""
    text = f"no_restore in{blank}[{least!r},{blank}{most!r}]"
    claim = parse_claim(text)
    assert claim == Claim("no_restore", least, at_most=most)
    assert str(claim) == f"no_restore in [{least!r}, {most!r}]"
    assert str(Claim("no_restore", 0.9, at_most=0.95)) == "no_restore in [0.9, 0.95]"
    assert parse_claim("no_restore in [0.90, 0.95]").not_failing == 0.05


CONFIDENCES = [0.5, 0, 1, -1, 95, 1e-9, 1 - 1e-12, float("nan"), float("inf"), True, "0.95", None]


@pytest.mark.parametrize("nonsense", CONFIDENCES)
def test_a_nonsense_confidence_is_refused(nonsense: object) -> None:
    """What is no better than a coin, certain, no number, or beyond what can be computed."""
    with pytest.raises(ValueError, match=r"more than 0\.5 .* such as 0\.95; not "):
        checked_confidence(nonsense)


def test_every_confidence_between_is_taken() -> None:
    """From just better than a coin to one error in a thousand million."""
    for good in (0.51, 0.9, 0.95, 0.999999, 1 - 1e-9):
        assert checked_confidence(good) == good


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reliability", "cannot be read"),
        ("reliability > 0.9", "cannot be read"),
        ("relyability >= 0.9", "did you mean 'reliability'?"),
        ("reliability >= 0.9.9", "is no number"),
        ("reliability >= 0", "between 0 and 1"),
        ("reliability >= 1", "exactly 1"),
        ("reliability >= 99.9", "99.9% is 0.999"),
        ("", "cannot be read"),
        ("failures <= 0", "exactly 0"),
        ("failures <= 1e-30", "exactly 0"),
        ("failures <= 1e-99999999999999999999999", "exactly 0"),
        ("failures <= 1e99999999999999999999999", "must be from 0 to 1"),
        ("failure <= 0.1", "did you mean 'failures'?"),
        ("failures >= 0.1", 'write "reliability >= 0.999" or "failures <= 0.001"'),
        ("silent_leftovers >= 0.1", '"no_silent_leftover >= 0.999"'),
        ("reliability <= 0.9", "reliability should be frequent"),
        ("restore_ms <= 50", 'write it like "p99 of restore_ms <= 50"'),
        ("bytes_added >= 0.9", "ask for it in a row"),
        ("no_restore in [0.95, 0.9]", "the first must be the lower"),
        ("no_restore in [0.9, 0.9]", "the first must be the lower"),
        ("no_restore in [0, 0.9]", "both between 0 and 1"),
        ("no_restore in [0.9, 1]", "both between 0 and 1"),
        ("no_restore in [0.9]", "cannot be read"),
        ("no_restore in [0.9, 0.9.9]", "is no number"),
        ("restores in [0.05, 0.1]", 'write "no_restore >= 0.999"'),
        ("no_restor in [0.9, 0.95]", "did you mean 'no_restore'?"),
        ("restore_ms in [1, 2]", 'write it like "p99 of restore_ms <= 50"'),
        ("bytes_added in [0.1, 0.2]", "ask for it in a row"),
        ("p99 of restore <= 50", "did you mean 'restore_ms'?"),
        ("p99 of restore_ms >= 50", "at most so much"),
        ("p99 of restore_ms <= 50ms", "cannot be read"),
        ("p99 of restore_ms <= 0", "a time above 0"),
        ("p99 of restore_ms <= 1e999", "a time above 0"),
        ("p99.9.9 of restore_ms <= 5", "is no number"),
        ("p100 of restore_ms <= 5", "between p0 and p100"),
        ("p0 of restore_ms <= 5", "between p0 and p100"),
        ("p99.9999999999999999999 of restore_ms <= 5", "between p0 and p100"),
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
    assert set(ROW_MEASURES) == set(measures.MEASURES)


@pytest.mark.parametrize(("mirror", "measure"), MIRRORS.items())
def test_what_should_be_rare_is_the_share_without(mirror: str, measure: str) -> None:
    """At most 1 in 1,000 with it is at least 999 in 1,000 without, to the last digit."""
    claim = parse_claim(f"{mirror} <= 0.001")
    assert claim == Claim(measure, 0.999)
    assert str(claim) == f"{mirror} <= 0.001"
    assert parse_claim(f"{mirror}<=1e-4").at_least == 0.9999


@pytest.mark.parametrize("step", TIMED)
def test_a_quantile_is_a_share(step: str) -> None:
    """The p99.9 is at most 50 ms where at least 99.9% take at most 50 ms."""
    claim = parse_claim(f"p99.9  of {step}<= 50")
    assert claim == Claim(step, 0.999, 50.0)
    assert str(claim) == f"p99.9 of {step} <= 50"
    assert str(Claim(step, 0.999, 50.0)) == str(claim)


def test_the_claims_of_a_condition_are_read_from_its_run() -> None:
    """As run.json has them; a condition of an old run may have none."""
    assert own_claims({"claims": ["failures <= 0.1"]}) == [Claim("reliability", 0.9)]
    assert own_claims({}) == own_claims({"claims": None}) == []


@given(st.floats(0.5, 0.999), st.integers(0, 1000))
def test_all_errors_together_are_the_one_allowed(confidence: float, claims: int) -> None:
    """So many verdicts, each wrong with what is left to it, are wrong no more often than one."""
    each = confidence_each(confidence, claims)
    assert max(claims, 1) * (1 - each) == pytest.approx(1 - confidence)
    assert each == confidence or claims > 1
