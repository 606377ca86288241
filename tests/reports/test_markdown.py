from pathlib import Path

import pytest

from harness import registry
from harness.reports import markdown
from harness.reports.markdown import escape, render_table
from harness.reports.words.tables import Table, read


def test_every_table_keeps_its_columns(run: Path) -> None:
    """Whatever the text holds, each line of a table has as many cells as its headings."""
    report = read(run)
    for table in (report.claims, report.conditions, report.together, report.failures):
        for line in render_table(table, code="replay"):
            bars = line.replace("\\\\", "").replace("\\|", "").count("|")
            assert bars == len(table.headings) + 1


def test_hostile_text_stays_text(run: Path) -> None:
    """No tag and no link comes from a name, a claim or a detail."""
    text = registry.find("reports", "markdown")().render(run)
    assert "alert" in text
    outside_code = "".join(text.split("`` ")[::2])
    assert "<script>" not in outside_code
    assert "[d](e)" not in outside_code


def test_every_story_is_a_table(stories: Path) -> None:
    """Each step has its row with its mark, each table of the cleanup one below it, and the end."""
    text = registry.find("reports", "markdown")().render(stories)
    for told in read(stories).scenarios:
        start = text.index(f"## {told.title}, cycle 0\n")
        rows = [line for line in text[start:].split("\n## ")[0].splitlines() if line[:1] == "|"]
        removals = sum(len(line.removals) for line in told.lines)
        assert len(rows) == 2 + len(told.lines) + removals + 1
        assert told.end in rows[-1]
    assert "| ✗ | Users | 1/2 deleted; users 62: permission denied (1 attempt) |" in text
    assert text.index("## As in the summary") < text.index("## Conditions")


def test_long_text_is_cut() -> None:
    """A cell does not grow without end."""
    assert len(escape("x" * 10_000)) < 500


@pytest.mark.parametrize("size_bytes", [1_500, 4_000, 20_000])
def test_it_stays_below_the_size(
    run: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    """A report that would be too big leaves rows out and says how many."""
    whole = registry.find("reports", "markdown")().render(run)
    monkeypatch.setattr(markdown, "SIZE_MOST_BYTES", size_bytes)
    text = registry.find("reports", "markdown")().render(run)
    assert len(text.encode()) <= size_bytes + 100
    assert (text == whole) == (len(whole.encode()) <= size_bytes)


def test_left_out_rows_are_counted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table that does not fit, the rows that are missing are said."""
    table = Table("many", ("a",), [(str(n),) for n in range(1000)])
    monkeypatch.setattr(markdown, "SIZE_MOST_BYTES", 500)
    text = markdown._added("", table)
    shown = sum(line.startswith("|") for line in text.splitlines()) - 2
    assert f"{1000 - shown:,} more rows" in text
