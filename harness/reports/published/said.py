"""The sentences of results on a page, made from the runs, and whatever else reads like one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

from harness.reports.markdown import escape_sentence
from harness.reports.published.findings.claimed import (
    data_safety,
    in_short,
    is_it_true,
    rates,
    refusals,
)
from harness.reports.published.findings.joint import independence, shared_cause
from harness.reports.published.findings.shown import failure_scenario, naive_copy
from harness.reports.published.findings.silent import answers_lost, own_projects
from harness.reports.words.answer import TARGET

BEGIN, END = "<!-- said: begin -->", "<!-- said: end -->"
_WIDTH = 100
_FINDINGS = {
    f"Is {TARGET:.1%} true?": is_it_true,
    "Refusals.": refusals,
    "Up to which fault rate?": rates,
    "Data safety.": data_safety,
    "Lost answers over the network.": answers_lost,
    "Other people's projects.": own_projects,
    "Independence.": independence,
    "A shared cause.": shared_cause,
    "The copy that most scripts make.": naive_copy,
    "The failure scenario.": failure_scenario,
}
# Where Markdown would begin a list or a heading if a line broke there.
_NO_BREAK = re.compile(r" (?=(?:[-+*#>]|\d+[.)]) )")
# What reads like a result: a figure, a count in words, or how often in words.
_RESULT = re.compile(
    r"\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|dozens?|hundreds?|thousands?"
    r"|half|twice|always|nearly every|hardly ever|most of the time)\b",
    re.IGNORECASE,
)


def said_block(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the paragraphs between the markers, for summaries by the path they are found at."""
    runs = {str(summary["experiment"]): summary for summary in summaries.values()}
    paragraphs = [
        _wrapped(f"**{head}** {escape_sentence(text)}")
        for head, finding in _FINDINGS.items()
        if (text := finding(runs))
    ]
    return "\n" + "\n\n".join(paragraphs) + "\n"


def short_block(summaries: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the one paragraph that a README has of them."""
    runs = {str(summary["experiment"]): summary for summary in summaries.values()}
    head, text = next(iter(_FINDINGS)), in_short(runs)
    return "\n" + (_wrapped(f"**{head}** {escape_sentence(text)}") if text else "") + "\n"


def _wrapped(paragraph: str) -> str:
    held = _NO_BREAK.sub("\0", paragraph)
    lines = textwrap.wrap(held, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")


def by_hand(section: str) -> list[str]:
    """Return the lines of a README's section that read like a result and stand in no block.

    Args:
        section: Markdown; what is between a pair of ``<!-- NAME: begin -->`` and ``end`` is made
            from rows and passed over, and so is what is quoted, in code or an address.
    """
    kept = re.sub(r"<!-- (\w+): begin -->.*?<!-- \1: end -->", "", section, flags=re.DOTALL)
    kept = re.sub(r'"[^"]*"|`[^`]*`|\]\([^)]*\)', "", kept)
    return [line for line in kept.splitlines() if _RESULT.search(line)]
