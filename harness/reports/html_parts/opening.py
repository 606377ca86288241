"""How the HTML report opens: the question, its answer in words, and how cycles ended by policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.reports.html_parts.anchors import Anchors, linked
from harness.reports.html_parts.markup import clean, fold
from harness.reports.words.asked import Answer, Finding, verdicts
from harness.reports.words.outcomes import BAD, CALLED
from harness.reports.words.strength import cycles_of
from harness.reports.words.tally import Tally, tallies

FINDINGS_MOST = 6  # shown without a click
_TILES = ("refused", "dirty_known", "dirty_silent", "baseline_lost", "harness_error")


def answered(summary: Mapping[str, Any], given: Answer, question: str, known: Anchors) -> str:
    """Return question and answer, as HTML; each finding leads to its condition."""
    asked = f'<p class="question">{clean(question)}</p>\n' if question else ""
    said = f'<p class="verdict-line {given.kind}">{clean(given.headline)}</p>\n'
    counted = verdicts(summary)
    if counted and counted not in given.headline:
        said += f"<p>{clean(counted)}</p>\n"
    return f"{asked}{said}{_findings(given, known)}"


def _findings(given: Answer, known: Anchors) -> str:
    listed = [_finding(finding, known) for finding in given.findings]
    if not listed:
        return ""
    first, rest = listed[:FINDINGS_MOST], listed[FINDINGS_MOST:]
    if len(rest) == 1:
        first, rest = listed, []
    more = fold(f"{len(rest):,} more", f'<ul class="findings">{"".join(rest)}</ul>')
    return f'<ul class="findings">{"".join(first)}</ul>{more if rest else ""}'


def _finding(finding: Finding, known: Anchors) -> str:
    head, colon, rest = finding.text.partition(": ")
    said = f"{linked(head, finding.condition, known)}{clean(colon + rest)}"
    return f'<li class="{finding.kind or "plain"}">{said}</li>'


def policies(summary: Mapping[str, Any]) -> str:
    """Return a row of tiles for each policy, then for what stands apart, as HTML."""
    return "\n".join(_row(tally) for tally in tallies(summary))


def _row(tally: Tally) -> str:
    many = f"{tally.conditions:,} condition{'' if tally.conditions == 1 else 's'}"
    about = "; ".join(filter(None, (tally.about, f"{cycles_of(tally.cycles)} in {many}")))
    good = tally.outcomes.get("cleaned", 0), tally.outcomes.get("restored", 0)
    tiles = [
        _tile(good[0], CALLED["cleaned"]),
        _tile(good[1], CALLED["restored"]),
        *(
            _tile(tally.outcomes.get(end, 0), CALLED[end], "bad" if end in BAD else "open")
            for end in _TILES
            if tally.outcomes.get(end) or end != "harness_error"
        ),
    ]
    apart = " apart" if tally.apart else ""
    return (
        f'<div class="policy{apart}"><h3>{clean(tally.name)} <small>{clean(about)}</small></h3>'
        f'<div class="tiles">{"".join(tiles)}</div></div>'
    )


def _tile(number: int, text: str, kind: str = "") -> str:
    shown = kind if number else ""
    return f'<div class="tile {shown}"><strong>{number:,}</strong>{clean(text)}</div>'
