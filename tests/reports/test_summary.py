from pathlib import Path

import pytest

from harness import registry
from harness.analysis.summary import load
from harness.reports.words.source_rows import NOT_HERE, SOURCE
from tests.reports.measured import measured

RESULTS = Path(__file__).resolve().parents[2] / "results"
PARTS = ("What was demonstrated", "Performance results", "Failure scenario",
         "Reliability analysis", "Conclusion")  # fmt: skip


def rendered(folder: Path) -> str:
    """Render the page."""
    text: str = registry.find("reports", "summary")().render(folder)
    return text


def section(text: str, title: str) -> str:
    """Cut one part out of the page."""
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


@pytest.mark.parametrize(
    "name", sorted(path.parent.name for path in RESULTS.glob("*/summary.json"))
)
def test_every_published_run_has_its_page(name: str) -> None:
    """Each has the parts of the source document in order, and a conclusion that says something."""
    text = rendered(RESULTS / name)
    places = [text.index(f"\n## {part}\n") for part in PARTS]
    assert places == sorted(places)
    assert section(text, "Conclusion").strip().startswith("- ")


def test_the_failure_scenario_is_told_as_the_source_document_does() -> None:
    """Bots, integrations and users, how many of each and what struck, then the restore."""
    told = section(rendered(RESULTS / "failure_scenario"), "Failure scenario")
    for line in (
        "- ✗ Bots: 3 of 5 deleted (1 API timeout, 1 foreign-key violation)",
        "- ✗ Integrations: 2 of 3 deleted (1 network error)",
        "- ✗ Users: 1 of 2 deleted (1 permission denied)",
        "- ✓ End: restored to a clean state",
    ):
        assert line in told.splitlines()


def test_what_was_not_measured_says_so() -> None:
    """A run without rows names every figure of the source document, each not measured here."""
    text = rendered(RESULTS / "failure_scenario")
    figures = sum(len(group) for group in SOURCE.values())
    assert section(text, "Performance results").count(f"| {NOT_HERE} |") == figures


def test_every_row_stands_with_interval_and_cycles() -> None:
    """Each row of the claims table is there with what was measured, its cycles and its verdict."""
    summary = load(RESULTS / "summary_claims").summary
    lines = section(rendered(RESULTS / "summary_claims"), "Performance results").splitlines()
    cycles = {one["name"]: f"{one['cycles']:,}" for one in summary["conditions"]}
    for row in summary["rows"]:
        begun, measured_ = f"| {row['claim']} | {row['claimed']} |", row["measured"]
        (line,) = [one for one in lines if one.startswith(begun.replace("<", "&lt;"))]
        run = cycles.get(row["condition"], "-")  # a row may point to another experiment
        assert f" {measured_} | {run} | " in line
        assert ("not measured here" if run == "-" else row["verdict"]) in line


def test_hostile_text_stays_text(run: Path) -> None:
    """No tag and no link comes from a name or a claim."""
    text = rendered(measured(run))
    assert "alert" in text
    assert "<script>" not in text
    assert "[d](e)" not in text


def test_what_the_run_says_of_independence_and_frontier_is_there(run: Path) -> None:
    """Sentences and tables of dependence and curves, where without them it says not measured."""
    assert section(rendered(run), "Reliability analysis").count("Not measured here.") >= 2
    analysis = section(rendered(measured(run)), "Reliability analysis")
    assert "- one odds ratio fits all" in analysis
    assert "is broken from 0.1 on" in analysis
    assert "### Reliability of rates, hybrid\\_verified" in analysis.replace("_v", "\\_v", 1) or (
        "### Reliability of rates, hybrid_verified" in analysis
    )
