"""What struck and what came of it: a stacked bar for each kind of fault, with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.figures.svg import sample, strip, strip_bar
from harness.reports.html_parts.markup import Cell, clean, drawn_table, fold

TITLE = "What struck, and what it did"
ABOUT = (
    "Planned: drawn before the cycle began; not all are reached, and one that lasts may fire more "
    "than once. Surfaced: an attempt failed because of it. Masked: it fired and nobody noticed."
)
KEYS = ("planned", "fired", "surfaced", "masked")
_PARTS = ("surfaced", "masked", "other", "waiting")
_LEGEND = {
    "surfaced": "fired and surfaced",
    "masked": "fired, masked",
    "other": "fired, no word of it",
    "waiting": "planned, never reached",
}
FEW = 6  # conditions up to which their list is open


def struck(conditions: Sequence[Mapping[str, Any]]) -> str:
    """Return all conditions together, then each folded, as HTML; "" where no fault was planned."""
    hit = [condition for condition in conditions if condition.get("faults")]
    if not hit:
        return ""
    total: dict[str, dict[str, int]] = {}
    for condition in hit:
        for kind, counts in condition["faults"].items():
            sums = total.setdefault(kind, dict.fromkeys(KEYS, 0))
            for key in KEYS:
                sums[key] += counts[key]
    if len(hit) == 1:
        return _legend() + _table(hit[0]["faults"], hit[0]["name"])
    each = "\n".join(
        fold(_head(condition), _table(condition["faults"], condition["name"])) for condition in hit
    )
    every = _table(total, "all conditions")
    folded = fold(f"{len(hit):,} conditions one by one", each, opened=len(hit) <= FEW)
    return f"{_legend()}<h3>All conditions</h3>{every}{folded}"


def _head(condition: Mapping[str, Any]) -> str:
    counts = condition["faults"].values()
    fired, masked = (sum(count[key] for count in counts) for key in ("fired", "masked"))
    return (
        f"<strong>{clean(condition['name'])}</strong> <span>{fired:,} fired, {masked:,} masked"
        "</span>"
    )


def parts(counts: Mapping[str, int]) -> dict[str, int]:
    """Split a ledger's row into parts that add up: what is not said in it is 0 at least."""
    fired = counts["fired"]
    surfaced = min(counts["surfaced"], fired)
    masked = min(counts["masked"], fired - surfaced)
    return {
        "surfaced": surfaced,
        "masked": masked,
        "other": fired - surfaced - masked,
        "waiting": max(0, counts["planned"] - fired),
    }


def _table(faults: Mapping[str, Mapping[str, int]], where: str) -> str:
    headings = (
        Cell("", "fault", "name"),
        Cell("", "what came of it", "drawing"),
        *(Cell("", key, "figure") for key in KEYS),
    )
    most = max((sum(parts(fault).values()) for fault in faults.values()), default=0)
    rows = [_row(kind, counts, where, most) for kind, counts in sorted(faults.items())]
    return drawn_table(headings, rows)


def _row(kind: str, counts: Mapping[str, int], where: str, most: int) -> tuple[Cell, ...]:
    body, before = "", 0.0
    for part, number in parts(counts).items():
        if number:
            width = number / most
            body += strip_bar(before, before + width, f"ledger {part}", 14)
            before += width
    said = f"{where}, {kind}: " + ", ".join(f"{key} {counts[key]:,}" for key in KEYS)
    return (
        Cell("fault", clean(kind), "name"),
        Cell("", strip(said, "Counts of faults, stacked.", body), "drawing"),
        *(Cell(key, f"{counts[key]:,}", "figure") for key in KEYS),
    )


def _legend() -> str:
    said = "".join(
        f"<span>{sample(f'area ledger {part}')} {clean(_LEGEND[part])}</span>" for part in _PARTS
    )
    return f'<p class="legend">{said}</p>'
