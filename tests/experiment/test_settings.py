"""The tables of an experiment: bounds, weights, rates, and what follows from them."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.errors import ConfigurationError
from harness.experiment.settings import (
    MOST_STORIES,
    CauseSetting,
    Condition,
    Experiment,
    FaultSetting,
    Phase,
    SetBy,
    StrikeSetting,
)
from harness.steps import PHASES


@given(
    st.dictionaries(
        st.sampled_from(["attempt", "phase", "cycle"]), st.floats(0.01, 100), min_size=1
    )
)
def test_weights_sum_to_one(weights: dict[str, float]) -> None:
    """Weights are shares, in proportion as written."""
    shares = FaultSetting(rate=0.1, lasting=weights).lasting
    assert sum(shares.values()) == pytest.approx(1)
    first = next(iter(shares))
    assert all(
        shares[key] / shares[first] == pytest.approx(weights[key] / weights[first])
        for key in weights
    )


def test_the_phases_are_those_that_are_announced() -> None:
    """An experiment may name each phase of a cycle, and no other."""
    assert get_args(Phase) == PHASES


@given(st.floats(1, 1e9), st.floats(0, 1e3))
def test_a_calibrated_rate_never_goes_beyond_what_bursts_allow(burst: float, rate: float) -> None:
    """What a calibration tries is capped where a fixed rate would be refused."""
    setting = FaultSetting(rate=SetBy(set_by="x"), burst=burst)
    condition = Condition(name="c", faults={"noop": setting}).resolved({"x": rate})
    assert condition.rates()["noop"] == min(rate, setting.most)
    assert setting.most * (1 + 1 / burst) == pytest.approx(1)
    assert FaultSetting(rate=0.5).most == 1


def test_all_kinds_that_are_to_strike_are_named_once() -> None:
    """By themselves, by a cause or by the script; none at a rate of 0."""
    condition = Condition(
        name="c",
        faults={"noop": FaultSetting(rate=0.1), "io_error": FaultSetting(rate=0)},
        causes={
            "a": CauseSetting(rate=0.1, faults=("disk_full", "noop")),
            "b": CauseSetting(rate=0, faults=("permission",)),
        },
        strikes=(StrikeSetting(fault="timeout", on="bots"),),
    )
    assert condition.kinds() == ("noop", "disk_full", "timeout")
    assert condition.rates() == {"noop": 0.1, "io_error": 0}
    assert Condition(name="c").kinds() == ()


def test_more_cycles_than_stories_are_refused_however_they_are_asked_for() -> None:
    """Asking for more cycles on the command line does not get round the bound."""
    experiment = Experiment(name="x", conditions=(Condition(name="told", story=True, cycles=5),))
    assert experiment.with_cycles(MOST_STORIES).conditions[0].cycles == MOST_STORIES
    with pytest.raises(ConfigurationError, match="'told': story: 1001 cycles are too many"):
        experiment.with_cycles(MOST_STORIES + 1)


@pytest.mark.parametrize(
    ("key", "value"),
    [("story", "true"), ("story", 1), ("strikes", {}), ("causes", []), ("connection", "open")],
)
def test_values_of_another_type_are_not_bent(key: str, value: object) -> None:
    """A word is no truth value and a table no list."""
    with pytest.raises(ValidationError):
        Condition.model_validate({"name": "c", key: value})
