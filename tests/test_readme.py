from pathlib import Path

from harness.analysis.summary import read_summary
from harness.reports.readme import rewritten

ROOT = Path(__file__).resolve().parents[1]
RUNS = (
    "results/failure_scenario",
    "results/summary_claims",
    "results/network",
    "results/shared_cause",
    "results/recovery_cost",
    "results/chinook",
    "results/taskboard",
)


def test_the_readme_says_what_was_measured() -> None:
    """The README's measured tables are those of the published results, to the letter."""
    summaries = {run: read_summary(ROOT / run / "summary.json") for run in RUNS}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    again = "python -m harness.reports.readme README.md " + " ".join(RUNS)
    assert text == rewritten(text, summaries), f"out of date: {again}"
