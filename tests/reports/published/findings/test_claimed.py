from typing import Any

from harness.reports.published.findings.claimed import (
    data_safety,
    in_short,
    is_it_true,
    rates,
    refusals,
)
from tests.reports.rows import ended, judged, summary

SET = [
    judged(
        "cleanup, simple operations", "set point", claimed="95%", measured="95.0% [93.6%, 96.2%]"
    ),
    judged(
        "database restore, one attempt", "set point", claimed="98%", measured="97.8% [96%, 99%]"
    ),
]


def claimed(verdict: str, condition: dict[str, Any], **values: Any) -> dict[str, dict[str, Any]]:
    """Make the run that people come for, with its one row."""
    main = judged("combined, verified", verdict, **values)
    return {"summary_claims": summary([condition], [*SET, main])}


def test_the_answer_at_its_own_figures_weakens() -> None:
    """The same row supported, undecided and refuted gives three different sentences."""
    good = ended(cleaned=3500)
    held = is_it_true(claimed("supported", good, decided_at_cycle=3402))
    assert (
        "With rates solved for so that cleanup alone succeeds in 95% (measured 95.0% [93.6%, "
        "96.2%]) and one attempt at a restore in 98% (measured 97.8% [96%, 99%]), it holds with "
        "verification (no failure in 3,500 cycles; supported at cycle 3,402)." in held
    )
    weak = is_it_true(claimed("undecided", ended(cleaned=698, refused=2)))
    assert (
        "99%]), it is not decided with verification "
        "(2 failures in 700 cycles: 2 refused before any test)." in weak
    )
    assert "too few cycles to say" in weak
    bad = is_it_true(claimed("refuted", ended(cleaned=90, dirty_silent=10), decided_at_cycle=9))
    assert "it does not hold with verification (10 failures in 100 cycles: 10 dirty without" in bad
    assert not any("it holds" in one for one in (weak, bad))


def test_runs_are_put_together_and_may_be_missing() -> None:
    """Another run's rows count beside them, also the guard's own; without a run nothing is said."""
    runs = claimed("undecided", ended(cleaned=698, refused=2))
    own = judged("combined, as this guard does it", "supported", decided_at_cycle=3402)
    disk = judged("combined, network, as this guard does it, one disk under all", "undecided")
    far = judged("combined, network", "refuted", condition="far", confidence=0.9875)
    runs["default"] = summary([ended(cleaned=3500)], [own, disk])
    runs["network_999"] = summary([ended("far", restored=80, dirty_known=20)], [far])
    said = is_it_true(runs)
    assert "of 4 settings measured, it holds in 1, does not hold in 1 and is not decided" in said
    assert "As this guard does it, it holds at the same rates (no failure in 3,500 cycles" in said
    assert 'and it is not decided for "network, one disk under all" (no failure in 3,500' in said
    assert 'Elsewhere it does not hold for "network" (20 failures in 100 cycles' in said
    assert "given at 95% or more" in said
    assert is_it_true({}) == ""


def test_refusals_are_no_dirty_ends() -> None:
    """Where every failure is a refusal that is said, and where one more is dirty it is not."""
    one, other = ended("a", cleaned=98, refused=2), ended("b", cleaned=97, refused=2, dirty_known=1)
    rows = [
        judged("first", "undecided", condition="a"),
        judged("other", "undecided", condition="b"),
    ]
    assert refusals({"x": summary([one], rows[:1])}).endswith(
        "In 1 of the 1 settings with any failure each was a refusal."
    )
    assert refusals({"x": summary([one, other], rows)}).endswith(
        "In 1 of the 2 settings with any failure each was a refusal; not in the others: "
        '"other": 2 refused before any test, 1 dirty and said so.'
    )
    assert refusals({"x": summary([ended("a", dirty_known=3)], rows[:1])}) == ""
    assert refusals({}) == ""


def test_one_lost_baseline_weakens_the_sentence() -> None:
    """None lost is not refuted, with what that shows at least; a single one does not hold."""

    def said(verdict: str, **outcomes: int) -> str:
        told = judged("data safety, with a backup", verdict, measure="data_safety", at_least=1.0)
        return data_safety({"x": summary([ended(**outcomes)], [told])})

    assert said("not refuted", cleaned=700) == (
        '"with a backup": that no baseline is ever lost is not refuted, which is all that cycles '
        "can say of it (0 lost in 700 cycles, which shows 99.47% at least)."
    )
    assert said("refuted", cleaned=699, baseline_lost=1) == (
        '"with a backup": that no baseline is ever lost does not hold (1 lost in 700 cycles).'
    )
    assert said("not measured", cleaned=1) == data_safety({}) == ""


def test_a_curve_shows_no_more_than_its_frontier() -> None:
    """A rate that is shown is named, one that is not no longer; other targets are left out."""

    def said(holds: float | None, breaks: float | None, target: float = 0.999) -> str:
        frontier = {
            "target": target, "confidence": 0.95, "holds_to": holds, "breaks_from": breaks,
        }  # fmt: skip
        curve = {"name": "verified", "series": {}, "frontier": frontier}
        return rates({"curves": summary([], curves=[curve])})

    assert said(0.001, 0.0316).endswith(
        "judged at 95%: verified, shown up to 0.001 and broken from 0.0316 on."
    )
    assert said(None, None).endswith("verified, shown nowhere and broken nowhere.")
    assert said(0.001, None, 0.99) == rates({}) == ""


def test_the_answer_in_short_is_as_strong_as_its_rows() -> None:
    """A sentence each: where it holds, as the summary was written, as the guard does it."""
    runs = claimed("undecided", ended(cleaned=698, refused=2))
    assert in_short(runs).endswith(
        "As the summary was written, at its own rates, it is not decided with verification "
        "(2 failures in 700 cycles: 2 refused before any test)."
    )
    own = judged("combined, as this guard does it", "supported", decided_at_cycle=3402)
    runs["default"] = summary([ended(cleaned=3500)], [own])
    assert in_short(runs).endswith(
        "As this guard does it, it holds at the same rates (no failure in 3,500 cycles)."
    )
    assert in_short(runs).startswith("Nothing here refutes it: of 2 settings measured, it holds")
    refuted = claimed("refuted", ended(cleaned=90, dirty_silent=10))
    assert "it does not hold with verification (10 failures in 100 cycles" in in_short(refuted)
    assert in_short({}) == ""
