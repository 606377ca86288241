from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.summary import load
from harness.reports.words.conclusion import conclusion
from harness.reports.words.reasoning import Pair, pairs
from harness.reports.words.source_rows import groups
from harness.statistics.sequential import support_boundary
from tests.reports.measured import measured
from tests.reports.samples import condition
from tests.stored_runs import cycles, make_run, row

WORDS = (
    "supported", "refuted", "undecided", "not refuted", "set point", "control", "not measured",
)  # fmt: skip


def concluded(summary: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Conclude from a summary."""
    return conclusion(summary, groups(summary), pairs(summary, run))


def made(verdicts: list[str]) -> dict[str, Any]:
    """Make a summary of one condition with a row for each verdict."""
    condition = {
        "name": "one", "policy": "hybrid_verified", "cycles": 100, "claimed": None,
        "outcomes": {"cleaned": 100, "restored": 0, "dirty_silent": 0, "baseline_lost": 0},
        "faults": {},
    }  # fmt: skip
    rows = [
        row(
            claim=f"claim {n}",
            claimed="99.9%",
            measured="99% [98%, 100%]",
            verdict=verdict,
            why="w",
        )
        for n, verdict in enumerate(verdicts)
    ]
    return {"version": 1, "experiment": "x", "conditions": [condition], "rows": rows}


@given(st.lists(st.sampled_from(WORDS), max_size=6))
def test_every_sentence_follows_from_a_verdict(verdicts: list[str]) -> None:
    """Each verdict is told under its own word, and no word is told without its verdict."""
    told = concluded(made(verdicts), {})
    heads = {
        "supported": "Supported: ", "refuted": "Refuted: ", "undecided": "Undecided: ",
        "set point": "Set points", "not measured": "Not measured",
        "not refuted": "Not refuted, ", "control": "Controls, ",
    }  # fmt: skip
    for word, head in heads.items():
        assert any(one.startswith(head) for one in told) == (word in verdicts)
    for number, verdict in enumerate(verdicts):
        assert any(f"claim {number}" in one and one.startswith(heads[verdict]) for one in told)
    whole = " ".join(told)
    judged = {"supported", "refuted", "undecided"} & set(verdicts)
    assert ("The combined figure" in whole) == bool(judged)
    assert ("no property of the approach" in whole) == ({"supported", "refuted"} <= judged)
    assert ("Nowhere is it shown to hold" in whole) == (
        "refuted" in judged and "supported" not in judged
    )
    assert ("Nothing here refutes it" in whole) == (
        "supported" in judged and "refuted" not in judged
    )


def test_nothing_claimed_concludes_nothing() -> None:
    """A run without claims has one sentence, which says so."""
    assert concluded(made([]), {}) == [
        "Nothing is claimed in this run, so nothing follows from it."
    ]


def test_what_it_would_take_is_said(folder: Path) -> None:
    """An open reliability names its cycle, that of the verdict; 100% has none to name.

    Where more failed than is claimed it is refuted in the end, and no cycle supports it.
    """
    rows = [
        row(condition="one", claim="high", claimed="99.9%", at_least=0.999),
        row(condition="one", claim="whole", claimed="100%", at_least=1.0),
        row("no_restore", condition="one", claim="sinking", claimed="99%", at_least=0.99),
    ]
    records = cycles(["cleaned"] * 49 + ["restored"])
    told = concluded(*load(make_run(folder / "run", records, rows=rows).folder))
    at = support_boundary(0, 0.999, 0.975)
    assert at > 3402
    assert (
        "Undecided: high (99.9%), 0 failures in 50: too few cycles to decide (at 97.5%); "
        f"supported at cycle {at:,} if nothing else fails." in told
    )
    assert any("Not refuted" in one and "whole (100%), at least 94.1% (95%)" in one for one in told)
    assert (
        "Undecided: sinking (99%), 1 failure in 50, more than claimed: "
        "too few cycles to decide (at 97.5%)." in told
    )


def test_verification_is_called_better_only_where_it_is_shown() -> None:
    """One silent failure of many against none is no difference shown; many are one, and counted."""
    for failures, word in ((1, "no difference shown"), (60, "verifying is better")):
        trusting = condition("trusting", failures, 400, policy="hybrid_trusting", verdict=None)
        verified = condition("verified", 0, 400, verdict=None)
        summary = {"version": 1, "experiment": "x", "conditions": [trusting, verified], "rows": []}
        told = conclusion(summary, groups(summary), [Pair("both", trusting, verified)])
        assert (
            f"both: {failures} of 400 cycles that trusted the cleanup's report ended dirty without "
            f"a word, and 0 of 400 that verified: {word}." in told
        )
        assert not any("that verified" in one for one in concluded(summary, {}))


def test_figures_come_with_interval_and_cycles(run: Path) -> None:
    """What is supported or refuted stands with what was measured of it."""
    told = concluded(*load(run))
    assert "Supported: combined approach (99.9%): 100% [99.926%, 100%] in 5,000 cycles." in told


def test_the_worst_is_named(folder: Path) -> None:
    """Silent failures, lost baselines and harness errors are said, and only where they are."""
    clean = concluded(*load(make_run(folder / "clean", cycles(["cleaned"] * 5)).folder))
    assert len(clean) == 1
    bad = ["cleaned", "dirty_silent", "baseline_lost", "harness_error"]
    told = concluded(*load(make_run(folder / "bad", cycles(bad)).folder))
    assert "one supports nothing: harness error in 1 cycle." in told
    assert "one (hybrid_verified) lost content of the baseline in 1 of 4 cycles." in told
    assert any("said that it was fine in 1 of 4 cycles" in one for one in told)


def test_claims_of_conditions_conclude_too(run: Path) -> None:
    """Without rows the conditions' claims are listed, with what the next verdict takes."""
    summary, document = load(measured(run))
    summary["rows"] = []
    told = concluded(summary, document)
    assert any(one.startswith("Supported: good: reliability >= 0.99: 100%") for one in told)
    assert any("supported at cycle 6,893 if nothing else fails" in one for one in told)
    assert "Cleanup and restore: one odds ratio fits all." in told
    together = "good: cleanup and restore fail together more often than apart."
    assert together in told
    summary["conditions"][0]["dependence"]["descriptive"] = True
    assert together not in concluded(summary, document)
    summary["conditions"][0]["dependence"]["descriptive"] = False
    assert together in concluded(summary, document)
    ratio = {"estimate": 1.0, "lower": 0.5, "upper": 2.0}
    summary["conditions"][0]["dependence"]["odds_ratio"] = ratio
    assert together not in concluded(summary, document)


def test_a_story_proves_no_rate(stories: Path) -> None:
    """Each story's end is told, and that one cycle says nothing of how often."""
    told = concluded(*load(stories))
    assert sum("not how often" in one for one in told) == len(load(stories).summary["stories"])
