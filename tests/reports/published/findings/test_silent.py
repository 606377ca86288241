from typing import Any

from harness.reports.published.findings.silent import answers_lost, own_projects
from tests.reports.rows import ended, judged, summary


def network(failures: dict[str, int], bursts: int = 0) -> dict[str, dict[str, Any]]:
    """Make the run over the network, with 50 cycles of each kind of fault."""
    conditions, rows = [], []
    for kind, failed in failures.items():
        name = f"{kind}/create/0.2"
        conditions.append(
            ended(name, cleaned=50 - failed, dirty_silent=failed)
            | {"claims": [{"failures": failed, "cycles": 50}]}
        )
        rows.append(
            judged(
                f"{kind}, while creating", "refuted" if failed else "not refuted", condition=name,
                measure="no_silent_leftover", at_least=1.0, claim_number=0, lower=0.9289,
            )
        )  # fmt: skip
    if bursts:
        conditions += [ended("alone", cleaned=150)]
        conditions += [ended("bursts", cleaned=150 - bursts, dirty_known=bursts)]
        rows += [judged("10% lost one by one", "supported", condition="alone", at_least=0.75)]
        rows += [judged("10% lost in bursts of 5", "supported", condition="bursts", at_least=0.75)]
    return {"network": summary(conditions, rows)}


def test_a_kind_that_was_not_seen_is_not_named() -> None:
    """A kind is named with its count where its row is refuted, and not excluded where it is not."""
    assert answers_lost(network({"trickle": 13, "reset_before": 0})) == (
        "While creating (rate 0.2), 1 of 2 kinds of fault, each of which loses an answer once the "
        "backend has done its part, left data behind without a word: trickle in 13 of 50 cycles; "
        "no other was seen to in 50 cycles, which does not exclude 7.1%."
    )
    assert answers_lost(network({"trickle": 0, "reset_before": 0})) == (
        "While creating (rate 0.2), none of 2 kinds of fault was seen to leave data behind without "
        "a word in 50 cycles each, which does not exclude 7.1%."
    )
    assert answers_lost({}) == ""


def test_one_kind_of_another_sort_takes_the_explanation_away() -> None:
    """Lost answers are what they have in common only where no other kind did the same."""
    said = answers_lost(network({"trickle": 13, "reset_before": 1}))
    assert "2 of 2 kinds of fault left data behind without a word: trickle in 13" in said
    assert "loses an answer" not in said


def test_bursts_are_worse_only_where_it_is_shown() -> None:
    """18 of 150 against none are worse, two are no difference shown."""
    strong = answers_lost(network({"trickle": 1}, bursts=18))
    assert "in bursts 18 failures in 150 cycles: 18 dirty and said so; retries do worse" in strong
    weak = answers_lost(network({"trickle": 1}, bursts=2))
    assert weak.endswith("in bursts 2 failures in 150 cycles: 2 dirty and said so; "
                         "no difference shown.")  # fmt: skip


def project(left: int, trusting: int, verified: int) -> dict[str, dict[str, Any]]:
    """Make a run of somebody's project, whose cleanup left something in ``left`` of 150 cycles."""
    unsaid = {"ran": 150, "said_fine": 140, "left": left, "tables": {}}
    conditions = [
        ended(f"careless/{policy}", policy, cleaned=150 - silent, dirty_silent=silent)
        | {"unsaid": unsaid}
        for policy, silent in (
            ("cleanup_only", left), ("hybrid_trusting", trusting), ("hybrid_verified", verified),
        )
    ]  # fmt: skip
    return {"shop": summary(conditions)}


def test_verifying_is_better_only_where_it_is_shown() -> None:
    """Counts stand for themselves; the word goes where the difference goes."""
    assert own_projects(project(131, 126, 0)) == (
        'In shop, "careless", a cleanup said in 140 of 150 cycles that it was fine, and had left '
        "something in 131 of these; restored on a reported failure only, 126 of 150 ended dirty "
        "without a word, and verified 0 of 150 (verifying is better)."
    )
    assert "1 of 150 ended dirty without a word, and verified 0 of 150 (no difference shown)." in (
        own_projects(project(1, 1, 0))
    )
    assert own_projects(project(9, 0, 126)).endswith("verified 126 of 150 (verifying is worse).")


def test_a_cleanup_that_left_nothing_is_not_told_of() -> None:
    """Nor one without a count; where the policies did not run the cleanup alone is told."""
    assert own_projects(project(0, 0, 0)) == own_projects({}) == ""
    runs = project(9, 0, 0)
    del runs["shop"]["conditions"][2]
    assert own_projects(runs).endswith("had left something in 9 of these.")
