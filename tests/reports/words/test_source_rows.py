from pathlib import Path

from harness.analysis.summary import load
from harness.reports.words.source_rows import CONTROLS, NOT_HERE, SOURCE, group_of, groups, stated
from tests.reports.measured import measured
from tests.stored_runs import row

ROOT = Path(__file__).resolve().parents[3]


def test_every_row_is_in_one_group(run: Path) -> None:
    """No row of the claims table is lost or told twice."""
    summary = load(run).summary
    told = [one["claim"] for group in groups(summary) for one in group.rows]
    assert sorted(told) == sorted(one["claim"] for one in summary["rows"])


def test_groups_are_those_of_the_source_document() -> None:
    """The published run fills every group of the source document, each row in its own."""
    found = {group.title: group for group in groups(load(ROOT / "results/summary_claims").summary)}
    assert list(found) == [*SOURCE, CONTROLS]
    assert all(found[title].rows for title in SOURCE)
    combined = [one["claim"] for one in found["Combined"].rows]
    assert all(claim.startswith("combined") for claim in combined)
    assert {one["measure"] for one in found["Data safety"].rows} == {"data_safety"}


def test_what_has_no_row_is_not_left_out() -> None:
    """A run without rows shows each figure of the source document as not measured here."""
    for group in groups({"conditions": [], "rows": []}):
        assert group.rows == []
        assert [one[:3] for one in group.table.rows] == [
            (*figure, NOT_HERE) for figure in SOURCE.get(group.title, ())
        ]


def test_a_group_goes_by_measure_then_by_policy() -> None:
    """A reliability is of the cleanup where nothing restores, and a control is a control."""
    conditions = {"one": {"policy": "cleanup_only"}, "two": {"policy": "hybrid_trusting"}}
    assert group_of(row("reliability", condition="one"), conditions) == "Cleanup"
    assert group_of(row("reliability", condition="two"), conditions) == "Combined"
    assert group_of(row("no_restore", condition="one"), conditions) == "Fast path"
    assert group_of(row("reliability", condition="gone"), conditions) == CONTROLS
    assert group_of(row("data_safety", claim="control: x"), conditions) == CONTROLS


def test_claims_of_conditions_are_rows_as_well(run: Path) -> None:
    """A run without a claims table still has a table of what it claims."""
    summary = load(measured(run)).summary
    table = stated(summary)
    assert [row[4] for row in table.rows] == ["supported", "refuted", "undecided", "not measured"]
    del summary["conditions"][0]["claims"]
    summary["conditions"] = summary["conditions"][:1]
    assert [row[:3] for row in stated(summary).rows] == [
        ("good: reliability >= 0.999", "-", "100% [99.926%, 100%]")
    ]
