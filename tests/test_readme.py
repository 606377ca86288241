import re
from pathlib import Path

import pytest

from harness import registry
from harness.reports.published.anew import read_manifest
from harness.reports.published.readme import documents
from harness.reports.published.said import by_hand
from harness.statistics.sequential import support_boundary

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = ROOT / "results" / "published.toml"
PAGE = ROOT / "docs" / "results.md"


def test_the_documents_say_what_was_measured() -> None:
    """README and page have the published runs' sentences and tables, to the letter."""
    manifest = read_manifest(MANIFEST)
    runs, also = (
        [ROOT / "results" / path.name for path in paths if path.exists()]
        for paths in (manifest.quoted, manifest.listed)
    )
    told = documents(ROOT / "README.md", PAGE, runs, also)
    words = [str(run.relative_to(ROOT)) for run in runs]
    words += [f"--also={run.relative_to(ROOT)}" for run in also]
    again = (
        f"python -m harness.reports.published.readme README.md docs/results.md {' '.join(words)}"
    )
    assert [path.name for path, (old, new) in told.items() if old != new] == [], again


def test_the_answer_is_short() -> None:
    """Three sentences at most, and none of the page's other findings."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    said = text.partition("<!-- said: begin -->")[2].partition("<!-- said: end -->")[0]
    plain = re.sub(r"\([^)]*\)", "", " ".join(said.split()))
    assert len(re.findall(r"\.(?= |$)", plain)) <= 3
    assert said.count("**") == 2


def measured_part() -> str:
    """The README's part on what was measured, and the page of results."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    part = text[text.index("\n## Measured\n") : text.index("\n## For you?\n")]
    return part + PAGE.read_text(encoding="utf-8")


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
    for at in ("<!-- said: begin -->", "<!-- measured: begin -->", "## How to read it"):
        assert by_hand(part.replace(at, f"{line}\n\n{at}", 1)) == [line]
    inside = part.replace("<!-- said: end -->", f"{line}\n<!-- said: end -->", 1)
    assert by_hand(inside) == []  # there the other test finds it


# What only a result is: a count of cycles (of 100 it is a rate), what was measured, when decided.
RESULT = re.compile(
    r"\b[\d,]+ of (?!100 |1,000 )[\d,]+ (?:cycles|restores|cleanups|failures)"
    r"|[\d%] (?:was|were) (?:measured|shown)"
    r"|odds ratio (?:of )?\d|(?:supported|refuted|decided) at cycle \d"
    r"|\b(?:[\d,]+|one|two|three|all) claims? (?:is|are|was|were) (?:supported|refuted|undecided)",
    re.IGNORECASE,
)


def results(text: str) -> list[str]:
    """What reads like a result in a document, outside of the blocks that are made from rows."""
    kept = re.sub(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", "", text, flags=re.DOTALL)
    plain = re.sub(r"`[^`]*`|\n#? ?", " ", kept)
    return RESULT.findall(re.sub(r"[^.?]*\?", "", plain))  # a question states nothing


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")),
     *sorted((ROOT / "experiments").rglob("*.toml")),
     *sorted((ROOT / "experiments" / "examples").glob("*/README.md"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)  # fmt: skip
def test_documents_and_experiments_state_no_result(path: Path) -> None:
    """A document asks and explains; counts and verdicts of a run stand in its report alone."""
    assert results(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        "It reports success in 131 of\n# 150 cycles.",
        "The sum predicts 99.88%, and 99.88% was measured.",
        "Two claims are refuted, so the run ends with 1.",
        "One of 24 claims, it is supported at cycle 6,747.",
        "They fail together, odds ratio 38.",
    ],
)
def test_a_result_in_a_document_is_found(line: str) -> None:
    """Each kind, also over a line's end and in a comment; not where it is made or code."""
    assert len(results(f"# A\n\n{line}\n")) == 1
    assert results(f"<!-- said: begin -->\n{line}\n<!-- said: end -->\n") == []
    assert results(f"`{line}`") == []


def test_cycles_that_a_verdict_takes() -> None:
    """The numbers of cycles that the page says a verdict takes are those that it takes."""
    text = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
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
