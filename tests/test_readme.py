from pathlib import Path

import pytest

from harness import registry
from harness.analysis.summary import read_summary
from harness.reports.published.readme import rewritten
from harness.reports.published.said import by_hand
from harness.statistics.sequential import support_boundary

ROOT = Path(__file__).resolve().parents[1]
RUNS = (
    "results/failure_scenario",
    "results/summary_claims",
    "results/network_999",
    "results/network",
    "results/curves",
    "results/independence",
    "results/rare_faults",
    "results/shared_cause",
    "results/recovery_cost",
    "results/chinook",
    "results/taskboard",
)


LATER = "results/network_999"  # its run is not published yet


def test_the_readme_says_what_was_measured() -> None:
    """The README's sentences and tables of results are the published runs', to the letter."""
    runs = [run for run in RUNS if run != LATER or (ROOT / run).exists()]
    summaries = {run: read_summary(ROOT / run / "summary.json") for run in runs}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    again = "python -m harness.reports.published.readme README.md " + " ".join(runs)
    assert text == rewritten(text, summaries), f"out of date: {again}"


def measured_part() -> str:
    """The README's part on what was measured."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return text[text.index("\n## Measured\n") : text.index("\n## Use\n")]


def test_no_result_is_written_by_hand() -> None:
    """What reads like a result, a figure or how often, stands in a block made from rows."""
    assert by_hand(measured_part()) == []


@pytest.mark.parametrize(
    "line",
    [
        "Where their faults are drawn apart they do: the sum predicts 99.88%.",
        "A cleanup that forgets a table reports success in 131 of 150 cycles.",
        "That leaves the database dirty nearly every time.",
        "The cleanup could delete three bots of five.",
        "With verification the baseline always comes back.",
    ],
)
def test_a_result_written_by_hand_is_found(line: str) -> None:
    """A sentence of a result planted before, between or after the blocks is named."""
    part = measured_part()
    for at in ("<!-- said: begin -->", "<!-- measured: begin -->", "How to read it:"):
        assert by_hand(part.replace(at, f"{line}\n\n{at}", 1)) == [line]
    inside = part.replace("<!-- said: end -->", f"{line}\n<!-- said: end -->")
    assert by_hand(inside) == []  # there the other test finds it


def test_cycles_that_a_verdict_takes() -> None:
    """The numbers of cycles that the README says a verdict takes are those that it takes."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    none, one = (support_boundary(failures, 0.999, 0.95) for failures in (0, 1))
    twelve = support_boundary(0, 0.999, 1 - 0.05 / 12)
    assert f"{none:,} for 99.9% where nothing fails, {one:,} with one failure" in text
    assert f"99.9% take {twelve:,} cycles each" in text


def test_the_summary_rewritten_is_what_was_measured() -> None:
    """The published page of the summary is what the published run gives, to the letter."""
    run = ROOT / "results" / "summary_claims"
    page = registry.find("reports", "summary")().render(run)
    again = "harness report results/summary_claims --format summary --output "
    assert (run / "summary.md").read_text(encoding="utf-8") == page, f"out of date: {again}..."
