"""Claims and measures in an experiment's file."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from harness.experiment.written.claim_texts import ClaimText, Measure
from harness.experiment.written.claimed import MIRRORS, ROW_MEASURES

CLAIMS, ROWS = TypeAdapter(ClaimText), TypeAdapter(Measure)


@pytest.mark.parametrize(
    "text", ["reliability >= 0.999", "silent_leftovers<=0.001", "p99.9 of restore_ms <= 50"]
)
def test_a_claim_stays_as_it_was_written(text: str) -> None:
    """What can be read is kept to the letter."""
    assert CLAIMS.validate_python(text) == text


def test_a_bad_claim_names_the_nearest() -> None:
    """What cannot be read is refused with the sentence of the claim's own reader."""
    with pytest.raises(ValidationError, match="did you mean 'failures'"):
        CLAIMS.validate_python("failure <= 0.1")


def test_a_row_may_ask_for_every_measure_and_no_other() -> None:
    """Every measure is taken; a mirror, which rows do not have, is refused with what is known."""
    assert [ROWS.validate_python(name) for name in ROW_MEASURES] == list(ROW_MEASURES)
    for name in MIRRORS:
        with pytest.raises(ValidationError, match="nothing measures"):
            ROWS.validate_python(name)
    with pytest.raises(ValidationError, match="did you mean 'reliability'"):
        ROWS.validate_python("relyability")
