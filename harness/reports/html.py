"""For people who were not there: one HTML file that needs nothing else, light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from harness.analysis.summary import load
from harness.reports import Report
from harness.reports.figures import (
    builds,
    costs,
    curves,
    dependence,
    forest,
    needed,
    outcomes,
    paths,
    strata,
    struck,
    timeline,
    timings,
)
from harness.reports.html_parts import conditions, glossary
from harness.reports.html_parts.anchors import anchors
from harness.reports.html_parts.claims import claims
from harness.reports.html_parts.contents import SCRIPT, contents, script_hash
from harness.reports.html_parts.hero import Hero, by_reliability, hero
from harness.reports.html_parts.markup import clean, section, table
from harness.reports.html_parts.opening import answered, policies
from harness.reports.html_parts.style import STYLE
from harness.reports.words import tables
from harness.reports.words.asked import answer
from harness.reports.words.page import STYLE as STORY_STYLE
from harness.reports.words.page import page

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src 'unsafe-inline'; script-src '$hash'">
<title>$title</title>
<style>$style</style>
</head>
<body><div class="frame">
$contents
<main>
$main
</main></div>
<script>$script</script>
</body>
</html>
""")
OPEN_MOST = 8  # rows of a table that is shown without a click
_ENDS = "How cycles ended, by policy"


class Part(NamedTuple):
    """One section of the page."""

    name: str  # its address within the page
    title: str
    about: str
    inner: str  # HTML; "" where this run has nothing for it
    folded: bool = False  # until somebody asks for it


class HtmlReport(Report):
    """One self-contained page."""

    name = "html"
    contract = "One file without network; light and dark; readable on a phone and on paper."

    def render(self, folder: Path) -> str:
        """Return the page about ``folder``; UsageError where there is no run."""
        report, summary = tables.read(folder), load(folder).summary
        shown = hero(answer(summary).about, summary)
        parts = [part for part in _parts(report, summary, folder, shown) if part.inner]
        main, words = glossary.explained(
            "\n".join([_opening(report, summary, shown), *(section(*part) for part in parts)])
        )
        if words:
            parts.append(Part("words", glossary.TITLE, "", _listed(words), True))
            main += section(*parts[-1])
        first = [("answer", shown.title)] if shown.inner else []
        named = [*first, ("ends", _ENDS), *((part.name, part.title) for part in parts)]
        return _PAGE.substitute(
            hash=script_hash(),
            title=clean(report.title),
            style=STYLE + (STORY_STYLE if report.scenarios else ""),
            contents=contents(named),
            main=main,
            script=SCRIPT,
        )


def _opening(report: tables.Report, summary: Mapping[str, Any], shown: Hero) -> str:
    """Give the first screen: question, answer, its figure, and how cycles ended."""
    question = dict(report.facts).get("question", "")
    head = f"<h1>{clean(report.title)}</h1>"
    said = answered(summary, answer(summary), question, anchors(summary["conditions"]))
    ends = section("ends", _ENDS, "", policies(summary))
    stories = [page(story) for story in report.scenarios]
    after = [_shown(shown), ends, *stories] if shown.inner else [*stories, ends]
    return "\n".join([head, said, *after])


def _shown(shown: Hero) -> str:
    if not shown.inner:
        return ""
    drawn = section("answer", shown.title, shown.about, shown.inner)
    return drawn.replace("<section ", '<section class="hero" ', 1)


def _parts(
    report: tables.Report, summary: Mapping[str, Any], folder: Path, shown: Hero
) -> Iterator[Part]:
    """Give every section in the order in which people ask: is it true, where, why, what then."""
    every = summary["conditions"]
    known = anchors(every)
    told = conditions.Told(summary, report.alike, folder)
    yield Part("claims", report.claims.title, report.claims.about,
               claims(summary, report.claims, known))  # fmt: skip
    yield Part("conditions", conditions.TITLE, conditions.ABOUT, conditions.conditions(told, known))
    yield _of("together", report.together)
    yield _of("unsaid", report.silent_cleanups)
    yield Part("verdicts", paths.TITLE, paths.ABOUT, paths.paths(every), True)
    if shown.instead_of != "reliability":
        drawn = forest.forest(list(map(by_reliability, every)))
        yield Part("reliability", forest.TITLE, forest.ABOUT, drawn, True)
    figures = table(report.conditions) if every else ""
    yield Part("figures", "All figures of every condition", report.conditions.about, figures, True)
    yield from _swept(summary, shown)
    yield Part("worst", timeline.TITLE, timeline.ABOUT, timeline.worst(folder, summary), True)
    yield Part("struck", struck.TITLE, struck.ABOUT, struck.struck(every), True)
    yield Part("timings", timings.TITLE, timings.ABOUT, timings.timings(every), True)
    facts = "".join(
        f"<dt>{clean(name)}</dt><dd>{clean(said)}</dd>\n"
        for name, said in report.facts
        if name != "question"
    )
    yield Part("run", "The run", "", _listed(f"<dl>{facts}</dl>"), True)


def _swept(summary: Mapping[str, Any], shown: Hero) -> Iterator[Part]:
    """Give the figures over what was swept, but for the one that the page opens with."""
    instead_of, confidence = shown.instead_of, _confidence(summary)
    besides = instead_of == "curves"
    title = "Each series by itself" if besides else curves.TITLE
    yield Part("curves", title, curves.ABOUT, curves.curves(summary, besides), True)
    if instead_of != "strata":
        yield Part("strata", strata.TITLE, strata.ABOUT, strata.strata(summary), True)
    yield Part("outcomes", outcomes.TITLE, outcomes.ABOUT, outcomes.outcomes(summary), True)
    besides = instead_of == "costs"
    title = "What a backup costs" if besides else costs.TITLE
    yield Part("costs", title, costs.ABOUT, costs.cost(summary, besides), True)
    yield Part("needed", needed.TITLE, needed.ABOUT, needed.needed(summary), True)
    yield Part("builds", builds.TITLE, builds.ABOUT, builds.builds(summary, confidence), True)
    if instead_of != "dependence":
        drawn = dependence.dependence(summary)
        yield Part("dependence", dependence.TITLE, dependence.ABOUT, drawn, True)


def _confidence(summary: Mapping[str, Any]) -> float:
    """Return the confidence of the run's intervals."""
    found = (one["reliability"].get("confidence") for one in summary["conditions"])
    return next((float(one) for one in found if one is not None), 0.95)


def _listed(listed: str) -> str:
    return f'<div class="card">{listed}</div>'


def _of(name: str, content: tables.Table) -> Part:
    inner = table(content) if content.rows else ""
    return Part(name, content.title, content.about, inner, len(content.rows) > OPEN_MOST)
