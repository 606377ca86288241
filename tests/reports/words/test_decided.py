from pathlib import Path

from harness import registry
from harness.analysis.summary import load
from harness.reports.console import ConsoleReport
from harness.reports.markdown import escape
from harness.reports.words.decided import (
    dependence_sentences,
    frontier_sentences,
    shown,
)
from tests.reports.measured import CURVE, measured


def test_an_older_run_has_none(folder: Path, run: Path) -> None:
    """Without the keys no table is made, and no report fails."""
    summary = load(run).summary
    for one in summary["conditions"]:
        for key in ("claims", "dependence", "strata"):
            one.pop(key, None)
    summary.pop("curves", None)
    summary.pop("dependence", None)
    assert shown(summary) == []
    assert dependence_sentences(summary) == frontier_sentences(summary) == []


def test_everything_that_is_said_is_shown(run: Path) -> None:
    """Claims, dependence, curve and strata each have their table, figures with intervals."""
    tables = {table.title: table for table in shown(load(measured(run)).summary)}
    assert list(tables) == [
        "Claims of each condition",
        "Do cleanup and restore fail independently?",
        "Reliability of rates, hybrid_verified",
        "Reliability of good, at any rate",
    ]
    for table in tables.values():
        assert all(len(row) == len(table.headings) for row in table.rows)
    assert tables["Claims of each condition"].rows[0][2:4] == (
        "100% [99.0%, 100%]", "supported at cycle 339"
    )  # fmt: skip
    row = tables["Do cleanup and restore fail independently?"].rows[0]
    assert row[5] == "17.7 [2.5, no limit]"
    assert tables["Reliability of rates, hybrid_verified"].rows[1][:3] == ("0.01", "1,000", "3")
    # a failure probability of 0.01 [0.005, 0.02] is a reliability of 99% with its ends exchanged
    assert tables["Reliability of good, at any rate"].rows[3] == (
        "0.1", "99.0% [98.0%, 99.50%]", "99.0% [98.8%, 99.10%]"
    )  # fmt: skip


def test_sentences_name_whom_they_are_about(run: Path) -> None:
    """What all say together comes first, each curve and condition by its name."""
    summary = load(measured(run)).summary
    assert dependence_sentences(summary) == [
        "one odds ratio fits all",
        "good: cleanup and restore fail together more often than apart",
    ]
    assert frontier_sentences(summary) == [
        f"rates, hybrid_verified: {CURVE['frontier']['sentence']}",
        "good: 99.9% holds up to a rate of 0.004; no rate tried is shown to break it "
        "(95% confidence).",
        "good: If the same faults always end alike: 99.9% holds up to a rate of 0.009; is broken "
        "from 0.011 on (95% confidence).",
    ]


def test_markdown_and_console_say_them(run: Path) -> None:
    """Both print every verdict and every sentence, the console at any width without colours."""
    folder = measured(run)
    text = registry.find("reports", "markdown")().render(folder)
    for table in shown(load(folder).summary):
        assert f"## {escape(table.title)}" in text
        assert table.about.split(" ", maxsplit=1)[0] in text
    for width in (60, 80, 120):
        printed = ConsoleReport(width=width, colour=False).render(folder)
        plain = "".join(printed.split())
        for word in ("oneoddsratiofitsall", "isbrokenfrom0.1on", "Claimsofeachcondition"):
            assert word in plain
