from pathlib import Path

from harness import registry
from harness.analysis.summary import read_summary
from harness.reports.published.readme import rewritten

ROOT = Path(__file__).resolve().parents[1]
RUNS = (
    "results/failure_scenario",
    "results/summary_claims",
    "results/network",
    "results/curves",
    "results/independence",
    "results/rare_faults",
    "results/shared_cause",
    "results/recovery_cost",
    "results/chinook",
    "results/taskboard",
)


def test_the_readme_says_what_was_measured() -> None:
    """The README's measured tables are those of the published results, to the letter."""
    summaries = {run: read_summary(ROOT / run / "summary.json") for run in RUNS}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    again = "python -m harness.reports.published.readme README.md " + " ".join(RUNS)
    assert text == rewritten(text, summaries), f"out of date: {again}"


def test_the_summary_rewritten_is_what_was_measured() -> None:
    """The published page of the summary is what the published run gives, to the letter."""
    run = ROOT / "results" / "summary_claims"
    page = registry.find("reports", "summary")().render(run)
    again = "harness report results/summary_claims --format summary --output "
    assert (run / "summary.md").read_text(encoding="utf-8") == page, f"out of date: {again}..."
