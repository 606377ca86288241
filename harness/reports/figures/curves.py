"""Failure rates over what was swept: the series of a sweep in one figure, then what each foretold.

All figures of a run have the same axis of rates, so that they can be compared by eye.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING
from typing import Any

from harness.analysis.drawn.rates import Together, cycles_each, marks, together
from harness.analysis.swept import measured, number, words
from harness.reports.figures.chart import NARROW, WIDE, Named, Size, bound, direct
from harness.reports.figures.foretold import foretells, foretold
from harness.reports.figures.panels import (
    Panels,
    chart_of,
    drawable,
    drawn,
    failed,
    label_of,
    panels,
    series,
    targets,
    told,
)
from harness.reports.figures.svg import figure, key, sample
from harness.reports.html_parts.markup import clean, fold, plain_table
from harness.statistics.digits import percent, percent_interval

TITLE = "Failures over what was swept"
ABOUT = (
    "Each mark is the share of cycles that did not end cleaned or restored (a refusal counts as "
    "well), on a logarithmic axis; shaded is its interval. A bar with an arrow: nothing failed, "
    "and the rate is at most this (the upper limit of the interval); no line goes through it. "
    "Every figure has the same axis of rates."
)
LONGEST = 26  # letters that a name beside its line has room for, in two lines on a phone


def hero(summary: Mapping[str, Any]) -> str:
    """Return the figure with the most to tell of all sweeps, as HTML; "" where nothing failed."""
    found = drawable(summary)
    if not found:
        return ""
    most = max(found, key=lambda group: sum(len(measured(curve)) for curve in group.curves))
    return _together(most, panels(summary))


def curves(summary: Mapping[str, Any], besides: bool = False) -> str:
    """Return the figures of all sweeps with their tables, as HTML; "" where nothing was swept.

    ``besides``: leave out the figure that ``hero`` gives, where the page shows that elsewhere.
    """
    shared = panels(summary)
    shown = hero(summary) if besides else ""
    return "\n".join(
        _sweep(group, shared, shown) for group in together(summary.get("curves") or ())
    )


def _sweep(group: Together, shared: Panels, shown: str) -> str:
    head, table = f"<h3>{clean(group.name)}</h3>", fold("The points as a table", _data(group))
    if not failed(group):
        return f"{head}<p>{clean(_none_failed(group))}</p>{table}"
    shared_one = _together(group, shared)
    alone = "".join(
        foretold(order, curve, shared)
        for order, curve in enumerate(group.curves)
        if foretells(curve, shared)
    )
    beside = f'<div class="multiples">{alone}</div>' if alone else ""
    return f"{head}{'' if shared_one == shown else shared_one}{beside}{table}"


def _none_failed(group: Together) -> str:
    every = [one for curve in group.curves for one in marks(curve)]
    most = max(one.high for one in every)
    each = cycles_each(every)
    cycles = f"{each:,} cycles each" if each else "cycles in the table"
    limit = percent(most, ROUND_CEILING)
    return f"Nothing failed at any of {len(every)} points, {cycles}: at most {limit} do."


def _together(group: Together, shared: Panels) -> str:
    """Draw all series in one figure, for wide screens and for narrow ones."""
    about = f"Failure rates over {label_of(group.curves[0])}. " + " ".join(map(told, group.curves))
    both = "".join(
        figure(group.name, about, size.width, size.height, _body(group, shared, size), kind)
        for size, kind in ((WIDE, "wide"), (NARROW, "narrow"))
    )
    names = _names(group)
    legend = "".join(
        f"<span>{key(order)}{clean(name)}</span>"
        for order, name in enumerate(names)
        if len(name) > LONGEST  # beside its line it is cut short
    )
    said = "".join(
        f"<li>{clean(name)}: {clean(sentence)}</li>"
        for name, curve in zip(names, group.curves, strict=True)
        if (sentence := (curve.get("frontier") or {}).get("sentence"))
    )
    folded = fold("Up to where the target holds, in words", f"<ul>{said}</ul>") if said else ""
    kinds = _kinds(group, shared)
    return f'<figure class="card hero">{both}<p class="legend">{legend}{kinds}</p>{folded}</figure>'


def _names(group: Together) -> list[str]:
    """Name each series as briefly as tells them apart: by its values, else by keys as well."""
    brief = [
        ", ".join(words(value) for value in (curve.get("series") or {}).values())
        or str(curve["name"])
        for curve in group.curves
    ]
    return brief if len(set(brief)) == len(brief) else [series(curve) for curve in group.curves]


def _kinds(group: Together, shared: Panels) -> str:
    every = [one for curve in group.curves for one in marks(curve)]
    said = f"<span>{sample('area band s0')}{shared.interval}</span>"
    if any(one.rate is None for one in every):
        arrow = bound((10.0, 2.0), 0, 12.0)
        shape = f'<svg class="key" aria-hidden="true" width="20" height="16">{arrow}</svg>'
        said += f"<span>{shape}nothing failed: at most this</span>"
    refused = sum(
        shared.refused.get(point.get("condition") or "", 0)
        for curve in group.curves
        for point in curve["points"]
    )
    if refused:
        said += f"<span>{refused:,} of the failures are refusals before any test</span>"
    return said


def _body(group: Together, shared: Panels, size: Size) -> str:
    chart = chart_of(group.curves, shared, size)
    body, labels = chart.frame() + targets(chart, group.curves), []
    for order, (name, curve) in enumerate(zip(_names(group), group.curves, strict=True)):
        shift = min(5.0, 24 / len(group.curves)) * (order - (len(group.curves) - 1) / 2)
        body += drawn(chart, marks(curve), order, shift)
        last = marks(curve)[-1]
        x, y = chart.place(last.x, last.high if last.rate is None else last.rate)
        each = cycles_each(marks(curve))
        said = (
            f"{each:,} cycles each" if each and size is WIDE else f"{each:,} each" if each else ""
        )
        labels.append(Named((x + shift, y), order, name, said))
    return body + direct(size, labels)


def _data(group: Together) -> str:
    headings = ("series", label_of(group.curves[0]), "condition", "cycles", "failures",
                "reliability", "if independent")  # fmt: skip
    rows = [
        (
            series(curve),
            number(point["x"]),
            point.get("condition") or "-",
            f"{point.get('cycles') or 0:,}",
            f"{point.get('failures') or 0:,}",
            shares(point, "reliability", "lower", "upper"),
            shares(point, "predicted", "predicted_lower", "predicted_upper"),
        )
        for curve in group.curves
        for point in curve["points"]
    ]
    return plain_table(headings, rows, stack=True)


def shares(share: Mapping[str, Any], middle: str, low: str, high: str) -> str:
    """Return ``99.9% [99.8%, 99.95%]``, or - where that is not known."""
    if share.get(middle) is None:
        return "-"
    if share.get(low) is None or share.get(high) is None:
        return percent(share[middle])
    return f"{percent(share[middle])} {percent_interval(share[low], share[high])}"
