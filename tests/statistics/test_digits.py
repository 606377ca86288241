import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.statistics.digits import milliseconds, number, percent, percent_interval, sure

shares = st.floats(0, 1).filter(lambda share: share in (0, 1) or 1e-12 < share < 1 - 1e-12)


def value(text: str) -> Decimal:
    """Read a percentage back as a share."""
    return Decimal(text.rstrip("%")) / 100


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0%"),
        (1.0, "100%"),
        (0.8, "80.0%"),
        (0.99, "99.0%"),
        (0.999, "99.90%"),
        (0.9999, "99.990%"),
        (0.99947, "99.947%"),
        (0.99999, "99.9990%"),
        (0.00001, "0.0010%"),
        (math.nan, "-"),
    ],
)
def test_percent(share: float, text: str) -> None:
    """99%, 99.9%, 99.99% and 100% are never the same text."""
    assert percent(share) == text


@given(shares)
def test_only_all_is_all(share: float) -> None:
    """No share but 1 prints as 100%, none but 0 as 0%, and none is further off than its digits."""
    printed = value(percent(share))
    assert (printed == 1) == (share == 1)
    assert (printed == 0) == (share == 0)
    distance = min(Decimal(share), 1 - Decimal(share))
    assert abs(printed - Decimal(share)) <= max(distance / 20, Decimal("1e-15"))


@given(shares, shares)
def test_an_interval_rounds_outwards(one: float, other: float) -> None:
    """The interval printed holds the interval measured."""
    lower, upper = sorted((one, other))
    low, high = percent_interval(lower, upper).strip("[]").split(", ")
    assert value(low) <= Decimal(str(lower))
    assert value(high) >= Decimal(str(upper))


@pytest.mark.parametrize(
    ("value_ms", "text"),
    [
        (0.0512, "0.05 ms"),
        (1.5, "1.50 ms"),
        (12.34, "12.3 ms"),
        (123.4, "123 ms"),
        (999.6, "1.00 s"),
        (1234.0, "1.23 s"),
        (123_456.0, "123 s"),
        (0.0, "0.00 ms"),
        (math.nan, "-"),
        (None, "-"),
    ],
)
def test_milliseconds(value_ms: float | None, text: str) -> None:
    """Three digits and the unit that suits them; what is not known is not 0."""
    assert milliseconds(value_ms) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (3364.2, 3, "3,364"),  # 3.36e+03 is for machines
        (1e-5, 3, "0.00001"),
        (0.000178, 3, "0.000178"),
        (0.31622776, 3, "0.316"),
        (0.1, 3, "0.1"),
        (2.0, 3, "2"),
        (1.096, 2, "1.1"),
        (99.96, 3, "100"),
        (0.0, 3, "0"),
        (-0.05, 3, "-0.05"),
        (123456789.0, 3, "123,456,789"),
        (math.inf, 3, "∞"),
        (math.nan, 3, "-"),
    ],
)
def test_a_number_has_no_exponent(value: float, digits: int, text: str) -> None:
    """Rates and factors: the digits that count and no more, whole thousands, no exponent."""
    assert number(value, digits) == text


@given(st.floats(1e-9, 1e9), st.integers(1, 6))
def test_a_number_is_as_near_as_its_digits(value: float, digits: int) -> None:
    """What is printed is within half a unit of the last digit that counts."""
    printed = float(number(value, digits).replace(",", ""))
    assert abs(printed - value) <= 0.5001 * 10 ** (math.floor(math.log10(value)) - digits + 1)


def test_a_confidence_is_never_rounded_up() -> None:
    """Whole percents stay whole; a divided error keeps the digits that tell it apart."""
    said = {0.95: "95%", 0.9: "90%", 0.975: "97.5%", 1 - 0.05 / 3: "98.3%", 1 - 0.05 / 12: "99.58%"}
    assert {share: sure(share) for share in said} == said
    assert sure(0.99999) == "99.999%"
