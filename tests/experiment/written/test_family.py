"""What an experiment claims, by its conditions and by its rows, is one family."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.written.claimed import Claim
from harness.experiment.written.configuration import Condition, Experiment
from harness.experiment.written.family import family, is_control, row_claim
from tests.stored_runs import row

OWN = ("failures <= 0.1", "no_restore in [0.9, 0.95]")


def test_a_row_with_a_bound_is_a_claim() -> None:
    """Set points, controls, rows without a bound or a condition claim nothing."""
    assert row_claim(row(at_least=0.999)) == Claim("reliability", 0.999)
    two = Claim("no_restore", 0.9, at_most=0.95)
    assert row_claim(row("no_restore", at_least=0.9, at_most=0.95)) == two
    assert row_claim(row("data_safety", at_least=1)) == Claim("data_safety", 1.0)
    assert row_claim(row("bytes_added", claimed="1,661 bytes")) == Claim(
        "bytes_added", 1.0, figure="1,661 bytes"
    )
    nothing: list[dict[str, Any]] = [
        row(),
        row(at_least=0.9, condition=""),
        row(at_least=0.9, set_point=True),
        row(at_least=0.9, control=True),
        row(at_least=0.9, claim="control: as rows were called before they had the key"),
        row("bytes_added", claimed="a few bytes"),
    ]
    assert [row_claim(one) for one in nothing] == [None] * len(nothing)
    assert not is_control(row(claim="control: and a claim all the same", control=False))


def test_what_a_row_repeats_is_claimed_once() -> None:
    """The same of the same condition shares the error once; 100% and a figure take no share."""
    rows = [
        row(at_least=0.9),
        row(at_least=0.99),
        row(at_least=0.99),
        row("no_restore", at_least=0.9, at_most=0.95),
        row("data_safety", at_least=1.0),
        row("bytes_added", claimed="661 bytes"),
        row(at_least=0.9, condition="two"),
        row(at_least=0.9, condition="gone"),
    ]
    conditions = [{"name": "one", "claims": list(OWN)}, {"name": "two"}]
    found = family({"conditions": conditions, "rows": rows}, 0.95)
    assert [str(claim) for claim in found.claims["one"]] == [
        *OWN, "reliability >= 0.99", "data_safety >= 1", "bytes_added = 661 bytes",
    ]  # fmt: skip
    assert found.each == pytest.approx(1 - 0.05 / 4)  # three of one, one of two
    assert [found.number(one) for one in rows] == [0, 2, 2, 1, 3, 4, 0, None]


def test_what_an_experiment_claims_is_known_before_it_runs() -> None:
    """The level at which a run stops early is the one at which it is judged in the end."""
    conditions = tuple(Condition(name=name, claims=("reliability >= 0.9",)) for name in "abcd")
    assert family(Experiment(name="x", conditions=conditions).to_json(), 0.95).each == 0.9875
    nothing = Experiment(name="x", conditions=(Condition(name="a"),))
    assert family(nothing.to_json(), 0.95).each == 0.95


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.floats(0.6, 0.99))
def test_all_errors_together_are_the_one_allowed(claims: list[int], confidence: float) -> None:
    """Whatever is claimed where, the errors of all verdicts add up to the one allowed."""
    conditions = [{"name": str(n)} for n in range(len(claims))]
    rows = [
        row(at_least=0.9 + at / 100, condition=str(n))
        for n, count in enumerate(claims)
        for at in range(count)
    ]
    found = family({"conditions": conditions, "rows": rows}, confidence)
    spent = sum(len(several) * (1 - found.each) for several in found.claims.values())
    assert spent == pytest.approx(1 - confidence if any(claims) else 0)
