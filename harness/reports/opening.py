"""How the HTML report opens: the question, the verdict in a sentence, the counts that matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.reports.markup import clean
from harness.statistics.digits import percent

_ORDER = ("supported", "refuted", "undecided", "not measured", "set point")
_KINDS = {"supported": "good", "refuted": "bad", "undecided": "open"}


def opening(summary: Mapping[str, Any], question: str) -> str:
    """Return the head of the page, as HTML."""
    asked = f'<p class="question">{clean(question)}</p>\n' if question else ""
    kind, said = verdict(summary)
    return f'{asked}<p class="verdict-line {kind}">{clean(said)}</p>\n{_tiles(summary)}'


def verdict(summary: Mapping[str, Any]) -> tuple[str, str]:
    """Return ("good", "bad", "open" or "", one sentence): the worst there is decides the colour."""
    counts = _verdicts(summary)
    judged = [name for name in _ORDER if counts[name]]
    decided = [name for name in judged if name != "set point"]
    number = sum(counts.values())
    if not decided:
        return "", _without_claims(summary)
    worst = next(name for name in ("refuted", "undecided", "not measured", "supported")
                 if name in decided)  # fmt: skip
    if len(judged) == 1:
        every = "The claim is" if number == 1 else f"All {number:,} claims are"
        return _KINDS.get(worst, "open"), f"{every} {worst}."
    listed = ", ".join(f"{counts[name]:,} {name}" for name in judged)
    return _KINDS.get(worst, "open"), f"Of {number:,} claims: {listed}."


def _verdicts(summary: Mapping[str, Any]) -> Counter[str]:
    """Count verdicts: the rows of the claims table, and what is claimed that no row repeats."""
    rows = summary["rows"]
    counts = Counter(row["verdict"] for row in rows)
    told = {(row.get("condition"), row.get("measure"), row["verdict"]) for row in rows}
    for one in summary["conditions"]:
        claims = one.get("claims")
        counts.update(
            claim["verdict"]
            for claim in claims or ()
            if (one["name"], claim["measure"], claim["verdict"]) not in told
        )
        if not rows and not claims and one.get("verdict"):
            counts[one["verdict"]] += 1
    return counts


def _without_claims(summary: Mapping[str, Any]) -> str:
    measured = [
        (one["reliability"]["estimate"], one["name"])
        for one in summary["conditions"]
        if one["reliability"].get("estimate") is not None
    ]
    if not measured:
        return "Nothing was measured."
    (worst, where), (best, _) = min(measured), max(measured)
    if len(measured) == 1:
        return f"Nothing was claimed; the reliability is {percent(best)}."
    return (
        f"Nothing was claimed; of {len(measured)} conditions the reliability is {percent(worst)} "
        f"({where}) to {percent(best)}."
    )


def _tiles(summary: Mapping[str, Any]) -> str:
    outcomes: Counter[str] = Counter()
    for one in summary["conditions"]:
        outcomes.update(one["outcomes"])
    cycles = sum(one["cycles"] for one in summary["conditions"])
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
