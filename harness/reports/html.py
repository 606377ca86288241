"""For people who were not there: one HTML file that needs nothing else, light and dark."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from string import Template

from harness.reports import Report
from harness.reports.page import STYLE, page
from harness.reports.tables import Table, read

INTERVALS = ("measured", "reliability", "data safety")  # columns with an interval in brackets

_STYLE = """
:root { color-scheme: light dark; --page: #f7f8fa; --card: #fff; --ink: #1b2330; --quiet: #5b6675;
  --line: #dfe3e9; --good: #0f7a43; --good-soft: #dff3e7; --bad: #b3261e; --bad-soft: #fbe3e1;
  --open: #8a5a00; --open-soft: #fbefd5; --set: #1d5fa8; --set-soft: #e0edfb; }
@media (prefers-color-scheme: dark) { :root { --page: #11151b; --card: #1a2029; --ink: #e6eaf0;
  --quiet: #9aa6b5; --line: #2d3642; --good: #6fd69c; --good-soft: #153725; --bad: #ff9a90;
  --bad-soft: #4a1d1a; --open: #f0c060; --open-soft: #40310f; --set: #8bbcf5;
  --set-soft: #17314e; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 1.7rem; margin: .5rem 0 .25rem; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 2.2rem 0 .25rem }
p { margin: .1rem 0 .6rem; color: var(--quiet) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem;
  overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line) }
th { color: var(--quiet); font-weight: 600; white-space: nowrap }
tbody tr:last-child > * { border-bottom: 0 }
.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
.measured, .reliability, .data-safety { font-variant-numeric: tabular-nums }
.whole { white-space: nowrap }
.why, .detail { color: var(--quiet) }
.badge { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; white-space: nowrap;
  font-weight: 600; font-size: .85rem; background: var(--line); color: var(--quiet) }
.supported { background: var(--good-soft); color: var(--good) }
.refuted { background: var(--bad-soft); color: var(--bad) }
.undecided { background: var(--open-soft); color: var(--open) }
.set-point { background: var(--set-soft); color: var(--set) }
code { font: .85rem/1.4 ui-monospace, Consolas, monospace; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0;
  padding: .75rem }
dt { color: var(--quiet) }
dd { margin: 0; overflow-wrap: anywhere }
@media (max-width: 44rem) {
  .stack thead { display: none }
  .stack tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line) }
  .stack tbody tr:last-child { border-bottom: 0 }
  .stack td { display: grid; grid-template-columns: 6.5rem 1fr; gap: .5rem; border: 0;
    padding: .12rem .75rem; text-align: left; white-space: normal; overflow-wrap: anywhere }
  .stack td::before { content: attr(data-heading); color: var(--quiet) }
  .stack td:first-child { display: block; font-weight: 600 }
  .stack td:first-child::before { content: none }
  .stack .badge { justify-self: start }
  dl { grid-template-columns: 1fr; gap: 0 }
  dt { margin-top: .4rem }
}
@media print { body { background: none } .card { overflow: visible } }
"""

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
<p>$question</p>
$scenarios
$tables
<h2>The run</h2>
<div class="card"><dl>
$facts</dl></div>
</main></body>
</html>
""")


class HtmlReport(Report):
    """One self-contained page."""

    name = "html"
    contract = "One file without scripts or network; light and dark; readable on a phone."

    def render(self, folder: Path) -> str:
        """Return the page about ``folder``; UsageError where there is no run."""
        report = read(folder)
        facts = dict(report.facts)
        question = facts.pop("question", "")
        tables = (
            report.claims,
            report.conditions,
            report.unsaid,
            report.together,
            report.failures,
            report.timings,
            report.faults,
        )
        return _PAGE.substitute(
            title=escape(report.title),
            style=_STYLE + (STYLE if report.scenarios else ""),
            question=escape(question),
            scenarios="\n".join(page(told) for told in report.scenarios),
            tables="\n".join(_table(table) for table in tables if table.rows),
            facts="".join(
                f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n"
                for name, value in facts.items()
            ),
        )


def _table(table: Table) -> str:
    """Return a table; one with a figure in most columns scrolls on a phone, others stack."""
    stack = "" if 2 * len(table.figures) > len(table.headings) else ' class="stack"'
    head = "".join(f'<th scope="col"{_class(table, h)}>{escape(h)}</th>' for h in table.headings)
    rows = "\n".join(
        "<tr>"
        + "".join(_cell(table, h, cell) for h, cell in zip(table.headings, row, strict=True))
        + "</tr>"
        for row in table.rows
    )
    about = f"<p>{escape(table.about)}</p>\n" if table.about else ""
    return (
        f"<h2>{escape(table.title)}</h2>\n{about}"
        f'<div class="card"><table{stack}>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>"
    )


def _cell(table: Table, heading: str, text: str) -> str:
    inner = escape(text)
    if heading == "verdict" and text != "-":
        kind, at, cycle = text.partition(" at ")
        inner = f'<span class="badge {escape(kind.replace(" ", "-"))}">{escape(kind)}</span>'
        inner = f"<span>{inner}{escape(at + cycle)}</span>"
    elif heading in INTERVALS:
        inner = re.sub(r"\[[^\[\]]*\]", r'<span class="whole">\g<0></span>', inner)
    elif heading == "replay":
        inner = f"<code>{inner}</code>"
    return f'<td data-heading="{escape(heading)}"{_class(table, heading)}><span>{inner}</span></td>'


def _class(table: Table, heading: str) -> str:
    kind = "figure" if heading in table.figures else heading.replace(" ", "-").replace("/", "-")
    return f' class="{escape(kind)}"'
