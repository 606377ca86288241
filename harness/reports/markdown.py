"""For issues, step summaries and pages: Markdown below the size that GitHub takes."""

from __future__ import annotations

from pathlib import Path

from harness.printable import printable, printable_lines
from harness.reports import Report
from harness.reports.words.page import MARKS
from harness.reports.words.scenario import Scenario
from harness.reports.words.tables import Table, read

SIZE_MOST_BYTES = 1024 * 1024 - 4096  # a step summary over 1 MiB is thrown away whole
CELL_MOST = 400  # characters
_ESCAPED = str.maketrans(
    {"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " ", "<": "&lt;", "&": "&amp;"}
    | {mark: f"\\{mark}" for mark in "`*"}
)


class MarkdownReport(Report):
    """The tables as Markdown."""

    name = "markdown"
    contract = "The same tables as on the console, under 1 MiB."

    def render(self, folder: Path) -> str:
        """Return the report on ``folder``; UsageError where there is no run."""
        report = read(folder)
        facts = "".join(f"- {name}: {escape(value)}\n" for name, value in report.facts)
        text = f"# {escape(report.title)}\n\n{facts}\n"
        for story in report.scenarios:
            text = _added(text, _scenario(story))
        for table in (
            report.claims,
            *report.decided,
            report.conditions,
            report.silent_cleanups,
            report.together,
            report.timings,
            report.faults,
        ):
            text = _added(text, table)
        return _added(text, report.failures, code="replay")


def render_table(table: Table, code: str = "") -> list[str]:
    """Return the lines of a Markdown table; the column headed ``code`` is set as code."""
    rules = ["---:" if heading in table.figures else "---" for heading in table.headings]
    lines = [_line(table.headings), _line(rules)]
    for row in table.rows:
        cells = zip(table.headings, row, strict=True)
        lines.append(_line([_code(c) if h == code else escape(c) for h, c in cells]))
    return lines


def escape(text: str) -> str:
    """Return ``text`` so that it stands in a cell as it is, and not too long."""
    text = printable_lines(text)
    return (
        (text if len(text) <= CELL_MOST else f"{text[:CELL_MOST]}...")
        .translate(_ESCAPED)
        .replace("](", "]\\(")
    )


def escape_sentence(text: str) -> str:
    """Return ``text`` escaped word by word: a cell is cut where it grows too long, this is not."""
    return " ".join(escape(word) for word in text.split())


def _scenario(story: Scenario) -> Table:
    """Return a scenario as a table: a step a row, below the cleanup a row for each table."""
    rows = []
    for state, step, said, removals in story.lines:
        rows.append((MARKS[state], step, said))
        for removal in removals:
            failed = "; ".join(
                f"{entity}: {reason} ({attempts} attempt{'' if attempts == 1 else 's'})"
                for entity, reason, attempts, _ in removal.failed
            )
            counted = f"{removal.tally}; {failed}" if failed else removal.tally
            rows.append((MARKS["bad" if failed else "good"], removal.table, counted))
    rows.append((MARKS["good" if story.clean else "bad"], "End", story.end))
    title = f"{story.title}, cycle {story.cycle:,}"
    return Table(escape(title), (" ", "step", "what happened"), rows, escape(story.took))


def _code(text: str) -> str:
    """Return ``text`` as code; inside it only a bar must still be escaped."""
    plain = printable(" ".join(text.split())).replace("|", "\\|")
    return f"`` {plain} ``" if "`" in plain else f"`{plain}`"


def _line(cells: list[str] | tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _added(text: str, table: Table, code: str = "") -> str:
    """Add a table with as many rows as there is room for, and say how many are left out."""
    if not table.rows:
        return text
    about = table.about.translate(_ESCAPED)
    head = f"## {escape(table.title)}\n\n" + (f"{about}\n\n" if about else "")
    lines = render_table(table, code)
    room = SIZE_MOST_BYTES - len((text + head).encode())
    kept = 0
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept += 1
    left_out = len(lines) - kept
    if kept < 3 <= len(lines):  # not one row fits
        return text
    more = f"\n{left_out:,} more rows are left out here.\n" if left_out else ""
    return text + head + "\n".join(lines[:kept]) + "\n" + more + "\n"
