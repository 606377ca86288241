"""How the HTML report opens: the question, the verdict in a sentence, the counts that matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from harness.analysis.verdict import combined
from harness.reports.html_parts.markup import clean
from harness.reports.words.answer import TARGET, headline, settings, where
from harness.reports.words.shares import share
from harness.reports.words.statements import ERROR, soundness

_ORDER = ("supported", "not refuted", "refuted", "undecided", "not measured")
_KINDS = {"supported": "good", "not refuted": "good", "refuted": "bad", "undecided": "open"}


def opening(summary: Mapping[str, Any], question: str) -> str:
    """Return the head of the page, as HTML."""
    asked = f'<p class="question">{clean(question)}</p>\n' if question else ""
    kind, said = verdict(summary)
    found = settings([summary])
    answer = " ".join(
        f"<p>{clean(sentence)}</p>"
        for sentence in (f"{TARGET:.1%}: {headline(found)}", f"Here {where(found)}")
        if found
    )
    return f'{asked}<p class="verdict-line {kind}">{clean(said)}</p>\n{answer}{_tiles(summary)}'


def verdict(summary: Mapping[str, Any]) -> tuple[str, str]:
    """Return ("good", "bad", "open" or "", one sentence): what the run comes to is the colour."""
    unsound = [
        condition["name"]
        for condition in summary["conditions"]
        if soundness(condition).verdict == ERROR
    ]
    counts = Counter(_verdicts(summary))
    number = sum(counts.values())
    listed = ", ".join(f"{counts[name]:,} {name}" for name in _ORDER if counts[name])
    if not number:
        said = _without_claims(summary)
    elif len(counts) == 1:
        every = "The claim is" if number == 1 else f"All {number:,} claims are"
        said = f"{every} {next(iter(counts))}."
    else:
        said = f"Of {number:,} claims: {listed}."
    if unsound:
        return "bad", f"This run supports nothing: harness error in {', '.join(unsound)}. {said}"
    return _KINDS.get(combined(counts.elements()) or "", ""), said


def _verdicts(summary: Mapping[str, Any]) -> Iterator[str]:
    """Give the verdict on each claim: of conditions, and of the rows that are claims."""
    for condition in summary["conditions"]:
        yield from (claim["verdict"] for claim in condition.get("claims") or ())
        if condition.get("claims") is None and condition.get("verdict"):  # of an older run
            yield condition["verdict"]


def _without_claims(summary: Mapping[str, Any]) -> str:
    measured = [
        (condition["reliability"]["estimate"], share(condition["reliability"]), condition["name"])
        for condition in summary["conditions"]
        if condition["reliability"].get("estimate") is not None
    ]
    if not measured:
        return "Nothing was measured."
    (_, worst, where), (_, best, _) = min(measured), max(measured)
    if len(measured) == 1:
        return f"Nothing was claimed; the reliability measured is {best}."
    return (
        f"Nothing was claimed; of {len(measured)} conditions the reliability measured is {worst} "
        f"({where}) to {best}."
    )


def _tiles(summary: Mapping[str, Any]) -> str:
    outcomes: Counter[str] = Counter()
    for condition in summary["conditions"]:
        outcomes.update(condition["outcomes"])
    cycles = sum(condition["cycles"] for condition in summary["conditions"])
    tiles = [
        ("", cycles, "cycles"),
        ("", outcomes["refused"], "refused, nothing touched"),
        ("", outcomes["dirty_known"], "failed and said so"),
        ("bad", outcomes["dirty_silent"], "failed and said it was fine"),
        ("bad", outcomes["baseline_lost"], "lost the baseline"),
        ("bad", outcomes["harness_error"], "harness errors"),
    ]
    drawn = "".join(
        f'<div class="tile {kind if number else "good" if kind else ""}">'
        f"<strong>{number:,}</strong>{clean(text)}</div>"
        for kind, number, text in tiles
    )
    return f'<div class="tiles">{drawn}</div>'
