"""The tables of an experiment: bounds, weights, rates, and what follows from them."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.errors import ConfigurationError
from harness.experiment.written.settings import (
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


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3).filter(any))
def test_shares_of_lasting_are_taken_as_written(parts: list[int]) -> None:
    """Shares that add up to 1, rounding aside, are kept; those of nothing are left out."""
    written = {
        word: part / sum(parts)
        for word, part in zip(("attempt", "phase", "cycle"), parts, strict=False)
    }
    shares = FaultSetting(rate=0.1, lasting=written).lasting
    assert shares == pytest.approx({word: share for word, share in written.items() if share})


@given(st.dictionaries(st.sampled_from(["attempt", "phase", "cycle"]), st.floats(0, 1), min_size=1))
def test_shares_that_do_not_add_up_are_refused(written: dict[str, float]) -> None:
    """Nothing is scaled in silence: whatever is off by more than rounding is no experiment."""
    if abs(sum(written.values()) - 1) <= 1e-9:
        return
    with pytest.raises(ValidationError, match="must add up to 1"):
        FaultSetting(rate=0.1, lasting=written)


NONSENSE = [0.5, 0.0, 1.0, -1.0, 95.0, 1e-9, 1 - 1e-12, float("nan"), float("inf")]


@pytest.mark.parametrize("confidence", NONSENSE)
def test_nonsense_confidences_are_refused(confidence: float) -> None:
    """No better than a coin, certain, no number, or beyond what can be computed."""
    with pytest.raises(ValidationError, match=r"must be more than 0\.5|finite number"):
        Experiment(name="x", conditions=(Condition(name="c"),), confidence=confidence)


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
