"""The source document's own page, written anew from what was measured.

The document states figures; here each stands beside what a run measured of it, with interval and
cycles. Every sentence of the conclusion follows from a verdict of the run, and what the run has no
condition for is said to be not measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.analysis.summary import load
from harness.reports import Report
from harness.reports.markdown import escape, escape_sentence, render_table
from harness.reports.words import reasoning, source_rows
from harness.reports.words.conclusion import conclusion
from harness.reports.words.page import MARKS
from harness.reports.words.scenario import Scenario, scenario
from harness.reports.words.tables import WALL, Table
from harness.statistics.digits import milliseconds

_LONG = 20  # of tables behind the sentences: rows shown


class SummaryReport(Report):
    """The summary that started it, measured."""

    name = "summary"
    contract = "The source document's summary as Markdown, every figure as it was measured."

    def render(self, folder: Path) -> str:
        """Return the page about ``folder``; UsageError where there is no run."""
        summary, run = load(folder)
        groups = source_rows.groups(summary)
        pairs = reasoning.pairs(summary, run)
        parts = [
            [f"# {escape(summary['experiment'])}: the summary, as measured"],
            _demonstrated(summary, run),
            _performance(summary, groups),
            _scenarios(summary),
            _analysis(summary, pairs),
            ["## Conclusion", *_bullets(conclusion(summary, groups, pairs))],
        ]
        return "\n\n".join(block for part in parts for block in part) + "\n"


def _demonstrated(summary: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    """Say what was really done, in counts."""
    conditions = summary["conditions"]
    cycles = sum(condition["cycles"] for condition in conditions)
    done = {
        step: sum(condition["timings_ms"][step]["count"] for condition in conditions)
        for step in ("backup", "cleanup", "verify", "restore")
    }
    fired: dict[str, int] = {}
    for condition in conditions:
        for kind, counts in condition["faults"].items():
            fired[kind] = fired.get(kind, 0) + counts["fired"]
    ends: dict[str, int] = {}
    for condition in conditions:
        for outcome, number in condition["outcomes"].items():
            ends[outcome] = ends.get(outcome, 0) + number
    struck = {kind: number for kind, number in sorted(fired.items()) if number}
    question = (run.get("experiment") or {}).get("question")
    sentences = [
        f"{_count(cycles, 'cycle')} in {_count(len(conditions), 'condition')}: "
        f"{_count(done['backup'], 'backup')}, {_count(done['cleanup'], 'cleanup')}, "
        f"{_count(done['verify'], 'verification')} and {_count(done['restore'], 'restore')} begun.",
        "Ends, judged by the truth: "
        + ", ".join(f"{name} {number:,}" for name, number in ends.items() if number)
        + ".",
    ]
    if struck:
        listed = ", ".join(f"{kind} {number:,}" for kind, number in struck.items())
        sentences.append(f"Faults that really struck, {sum(struck.values()):,}: {listed}.")
    else:
        sentences.append("No fault struck in this run.")
    head = ["## What was demonstrated"]
    return [*head, *([escape(question)] if question else []), *_bullets(sentences)]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _performance(summary: Mapping[str, Any], groups: Sequence[source_rows.Group]) -> list[str]:
    """Put every figure of the source document beside what was measured of it."""
    parts = ["## Performance results", "In brackets the interval; a set point supports nothing."]
    stated = source_rows.stated(summary)
    if not summary.get("rows") and stated.rows:
        parts += _section(stated)
    for group in groups:
        if group.table.rows:
            parts += _section(group.table)
    steps = _steps(summary["conditions"])
    return [*parts, *(_section(steps) if steps.rows else [])]


def _steps(conditions: Sequence[Mapping[str, Any]]) -> Table:
    """Return how long backup and restore took, by condition."""
    headings = ("condition", "backup p50", "backup p99", "restore p50", "restore p99", "cycles")
    rows = [
        (
            condition["name"],
            *(
                milliseconds(condition["timings_ms"][step][key])
                for step in ("backup", "restore")
                for key in ("p50", "p99")
            ),
            f"{condition['cycles']:,}",
        )
        for condition in conditions
        if condition["timings_ms"]["backup"]["count"]
    ]
    return Table("Time", headings, rows, about=WALL, figures=frozenset(headings[1:]))


def _scenarios(summary: Mapping[str, Any]) -> list[str]:
    """Tell each story that the run kept, as it went."""
    stories = [scenario(story) for story in summary.get("stories") or ()]
    if not stories:
        return ["## Failure scenario", "No cycle of this run kept its story: not measured here."]
    parts = ["## Failure scenario"]
    for story in stories:
        parts += [f"### {escape(story.title)}, cycle {story.cycle:,}", *_told(story)]
    return parts


def _told(story: Scenario) -> Iterator[str]:
    lines = []
    for line in story.lines:
        lines.append(f"{MARKS[line.state]} {line.step}: {line.said}")
        for removal in line.removals:
            causes: dict[str, int] = {}
            for failed in removal.failed:
                causes[failed.reason] = causes.get(failed.reason, 0) + 1
            struck = ", ".join(f"{number} {reason}" for reason, number in causes.items())
            said = (
                f"{removal.removed:,} of {removal.wanted:,} deleted" if removal.wanted else "failed"
            )
            mark = MARKS["bad" if removal.failed else "good"]
            lines.append(f"{mark} {removal.table}: {said}{f' ({struck})' if struck else ''}")
    lines.append(f"{MARKS['good' if story.clean else 'bad']} End: {story.end}")
    yield from _bullets(lines)
    if story.took:
        yield escape(f"Took: {story.took}.")


def _analysis(summary: Mapping[str, Any], pairs: Sequence[reasoning.Pair]) -> list[str]:
    """Say how reliable, under which policy, and whether the two halves fail independently."""
    parts = ["## Reliability analysis"]
    for title, sentences in (
        ("Trusting the report against verifying", reasoning.trusting_against_verified(pairs)),
        ("Independence", reasoning.independence(summary)),
        ("Where 99.9% holds", reasoning.frontier(summary)),
    ):
        said = _bullets(sentences) or [f"{source_rows.NOT_HERE.capitalize()}."]
        parts += [f"### {title}", *said]
    for table in reasoning.tables(summary):
        parts += _section(table)
    return parts


def _section(table: Table) -> list[str]:
    about = [escape_sentence(table.about)] if table.about else []
    shown = table.rows[: _LONG * 5]
    lines = render_table(Table(table.title, table.headings, shown, figures=table.figures))
    left_out = len(table.rows) - len(shown)
    more = [f"{left_out:,} more rows are left out here."] if left_out else []
    return [f"### {escape(table.title)}", *about, "\n".join(lines), *more]


def _bullets(sentences: Sequence[str]) -> list[str]:
    """Return one block with a line a sentence; [] for none."""
    lines = [f"- {escape_sentence(sentence)}" for sentence in sentences]
    return ["\n".join(lines)] if lines else []
