import json
from pathlib import Path
from typing import Any

import pytest

from harness.statistics.error_rates import CLAIMS, JSON, TABLE, at_the_claim, several, table

FOLDER = Path(__file__).resolve().parents[2] / "results" / "error_rates"


def stored() -> dict[str, Any]:
    """Read what is published."""
    found: dict[str, Any] = json.loads((FOLDER / JSON).read_text(encoding="utf-8"))
    return found


def _rounded(rows: Any) -> list[dict[str, Any]]:
    """Give rows with every share at ten digits: another machine may add up differently."""
    return [{k: round(v, 10) if isinstance(v, float) else v for k, v in r.items()} for r in rows]


def test_the_published_figures_are_what_is_computed() -> None:
    """The rows of the cheapest claim, computed again, are the published ones to the last digit."""
    again = at_the_claim(0.99, CLAIMS[0.99])
    there = [one for one in stored()["exact"] if one["claim"] == 0.99]
    assert _rounded(there) == _rounded(again)


@pytest.mark.long
def test_the_published_figures_of_the_claim_are_what_is_computed() -> None:
    """So are those of 99.9% within 20,000 cycles, and those of several claims."""
    again = at_the_claim(0.999, CLAIMS[0.999])
    there = [one for one in stored()["exact"] if one["claim"] == 0.999]
    assert _rounded(there) == _rounded(again)
    assert _rounded(stored()["several"]) == _rounded(several(0.999, CLAIMS[0.999]))


def test_the_published_table_shows_the_published_figures() -> None:
    """The page is made of the figures beside it, so that neither can drift alone."""
    assert (FOLDER / TABLE).read_text(encoding="utf-8") == table(stored())


def test_what_is_promised_is_kept_by_the_rule_in_use_alone() -> None:
    """In every published row the e-process errs in at most 5% of runs, naive looking in more."""
    for one in stored()["exact"]:
        errors = (one["false_supported"], one["false_refuted"])
        assert (max(errors) <= 0.05) == (one["rule"] == "e_process"), one


def test_the_simulation_agrees_within_its_own_error() -> None:
    """Random runs give what the recursion gives, within four standard errors."""
    exact = {(one["rule"], one["claim"]): one for one in stored()["exact"]}
    for one in stored()["simulated"]:
        beside = exact[one["rule"], one["claim"]]
        for key in ("false_supported", "false_refuted"):
            assert abs(one[key] - beside[key]) <= 4 * one[f"{key}_error"]


def test_several_claims_err_together_unless_each_is_judged_at_its_part() -> None:
    """Five claims at the edge break the promise at 95% each, and keep it at 99% each."""
    alone, corrected = several(0.9, 200)
    assert max(alone["any_false_supported"], alone["any_false_refuted"]) > 0.05
    assert max(corrected["any_false_supported"], corrected["any_false_refuted"]) <= 0.05
    with pytest.raises(ValueError, match="claims must be 1 or more"):
        several(0.9, 200, claims=0)
