"""For people who were not there: one HTML file that needs nothing else, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from harness.analysis.summary import load
from harness.reports import Report
from harness.reports.figures import curves, dependence, forest, paths, strata, struck, timings
from harness.reports.html_parts.markup import clean, fold, section, table
from harness.reports.html_parts.opening import opening
from harness.reports.html_parts.style import STYLE
from harness.reports.words import tables
from harness.reports.words.page import STYLE as STORY_STYLE
from harness.reports.words.page import page

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>$title</title>
<style>$style</style>
</head>
<body><main>
<h1>$title</h1>
$opening
$contents
$scenarios
$sections
<section id="run">
<h2>The run</h2>
<div class="card"><dl>
$facts</dl></div>
</section>
</main></body>
</html>
""")


class Part(NamedTuple):
    """One section of the page."""

    name: str  # its address within the page
    title: str
    about: str
    inner: str  # HTML; "" where this run has nothing for it


class HtmlReport(Report):
    """One self-contained page."""

    name = "html"
    contract = "One file without scripts or network; light and dark; readable on a phone."

    def render(self, folder: Path) -> str:
        """Return the page about ``folder``; UsageError where there is no run."""
        report, summary = tables.read(folder), load(folder).summary
        facts = dict(report.facts)
        question = facts.pop("question", "")
        parts = [part for part in _parts(report, summary) if part.inner]
        return _PAGE.substitute(
            title=clean(report.title),
            style=STYLE + (STORY_STYLE if report.scenarios else ""),
            opening=opening(summary, question),
            contents=_contents(parts),
            scenarios="\n".join(page(story) for story in report.scenarios),
            sections="\n".join(section(*part) for part in parts),
            facts="".join(
                f"<dt>{clean(name)}</dt><dd>{clean(value)}</dd>\n" for name, value in facts.items()
            ),
        )


def _parts(report: tables.Report, summary: Mapping[str, Any]) -> Iterator[Part]:
    """Give every section in the order in which people ask: is it true, where, why, what then."""
    conditions = summary["conditions"]
    yield _of("claims", report.claims)
    yield Part("verdicts", paths.TITLE, paths.ABOUT, paths.paths(conditions))
    every = report.conditions
    rows = fold("All figures of every condition", table(every)) if every.rows else ""
    drawn = forest.forest(conditions)
    yield Part("reliability", forest.TITLE, forest.ABOUT if drawn else "", drawn + rows)
    yield Part("curves", curves.TITLE, curves.ABOUT, curves.curves(summary))
    yield Part("strata", strata.TITLE, strata.ABOUT, strata.strata(summary))
    yield Part("dependence", dependence.TITLE, dependence.ABOUT, dependence.dependence(summary))
    yield _of("together", report.together)
    yield _of("unsaid", report.silent_cleanups)
    yield _of("failures", report.failures)
    yield Part("struck", struck.TITLE, struck.ABOUT, struck.struck(conditions))
    yield Part("timings", timings.TITLE, timings.ABOUT, timings.timings(conditions))


def _of(name: str, content: tables.Table) -> Part:
    return Part(name, content.title, content.about, table(content) if content.rows else "")


def _contents(parts: list[Part]) -> str:
    named = [*((part.name, part.title) for part in parts), ("run", "The run")]
    links = "".join(f'<li><a href="#{name}">{clean(title)}</a></li>' for name, title in named)
    return f'<nav aria-label="Contents"><ul>{links}</ul></nav>'
