from pathlib import Path

from harness.analysis.summary import load
from harness.reports.words.reasoning import (
    frontier,
    independence,
    pairs,
    policies,
    tables,
    trusting_against_verified,
)
from tests.reports.measured import measured
from tests.reports.rows import ended
from tests.stored_runs import cycles, make_run


def both(folder: Path, trusting: list[str], verified: list[str], number: int = 100) -> Path:
    """Write a run of one setting under both policies, and one that has no counterpart."""
    names = ("hybrid_trusting", "hybrid_verified")
    conditions = [{"name": f"a/{name}", "policy": name, "cycles": number} for name in names]
    conditions.append({"name": "b", "policy": "hybrid_verified", "demands": "exact"})
    records = cycles(trusting, condition="a/hybrid_trusting")
    records += cycles(verified, condition="a/hybrid_verified")
    records += cycles(["cleaned"], condition="b")
    return make_run(folder / "run", records, conditions=conditions).folder


def test_only_what_differs_in_the_policy_is_a_pair(folder: Path) -> None:
    """One setting under two policies is a pair; another grade or another fault is none."""
    (found,) = pairs(*load(both(folder, ["cleaned"] * 100, ["cleaned"] * 100)))
    assert found.name == "a"
    assert found.whole


def test_a_real_difference_is_named_and_none_is_invented(folder: Path) -> None:
    """30 silent failures against none is better; equal runs show no difference."""
    worse = both(folder, ["dirty_silent"] * 30 + ["cleaned"] * 70, ["cleaned"] * 100)
    (sentence,) = trusting_against_verified(pairs(*load(worse)))
    assert sentence.endswith("silent failures 30 against 0: verifying is better.")
    same = both(folder / "same", ["cleaned"] * 100, ["cleaned"] * 100)
    (sentence,) = trusting_against_verified(pairs(*load(same)))
    assert sentence.endswith("no difference shown.")


def test_what_stopped_early_is_not_compared(folder: Path) -> None:
    """The comparison holds for numbers of cycles fixed beforehand, so others get no word."""
    made = both(folder, ["dirty_silent"] * 30 + ["cleaned"] * 70, ["cleaned"] * 50)
    (sentence,) = trusting_against_verified(pairs(*load(made)))
    assert sentence.endswith("stopped early, so not compared.")
    whole = load(both(folder / "b", ["dirty_silent"] * 30 + ["cleaned"] * 70, ["cleaned"] * 100))
    assert [pair.whole for pair in pairs(*whole)] == [True]
    looked = whole.run | {"looked": True}  # it might have stopped at any cycle
    assert [pair.whole for pair in pairs(whole.summary, looked)] == [False]


def test_policies_stand_side_by_side(folder: Path) -> None:
    """Each condition has its interval, its cycles and its silent failures."""
    summary = load(both(folder, ["dirty_silent"] * 5 + ["cleaned"] * 95, ["cleaned"] * 100)).summary
    table = policies(summary["conditions"])
    assert table.rows[0][:3] == ("a/hybrid_trusting", "hybrid_trusting", "100")
    assert table.rows[0][5:7] == ("0", "5")
    assert "[" in table.rows[0][3]


def test_independence_and_frontier_come_from_the_run(run: Path) -> None:
    """Both are empty where the run says nothing, and its own sentences where it does."""
    before = load(run).summary
    assert frontier(before) == []
    after = load(measured(run)).summary
    assert independence(after)[0] == "one odds ratio fits all"
    assert len(frontier(after)) == 3  # of the curve, of strata, and on their assumption
    assert len(tables(after)) > len(tables(before))


def test_what_failed_both_ways_is_judged_by_its_odds_ratio() -> None:
    """Beside the count to be expected stands whether it differs, weaker for weaker counts."""
    counts = {
        "both": 67, "expected_both": 5.8, "restores_needed": 67, "restores_failed": 67,
        "compared_with": "always",
    }  # fmt: skip
    always = ended("always", restored=540, dirty_known=60)

    def said(failed: int) -> str:
        seen = counts | {"both": failed, "restores_failed": failed}
        one = ended("a disk", cleaned=533, restored=67 - failed, dirty_known=failed)
        told = {"conditions": [one | {"together": seen}, always]}
        return " ".join(independence(told))

    assert "5.8 of 600 cycles would fail both ways; measured 67: they depend on each" in said(67)
    assert "measured 9: not distinguishable from independent, odds ratio between 0." in said(9)
