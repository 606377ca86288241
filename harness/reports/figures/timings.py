"""How long each step took, as distributions: one strip a condition, never a bar of a mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.reports.figures.scale import LogScale, Tick, fitting
from harness.reports.figures.svg import (
    axis_strip,
    grid_strip,
    sample,
    strip,
    strip_bar,
    strip_dot,
    strip_line,
)
from harness.reports.html_parts.markup import Cell, clean, drawn_table, fold
from harness.reports.words.tables import CPU, cpu_p50_ms, has_cpu
from harness.statistics.digits import milliseconds, number

TITLE = "How long each step took"
ABOUT = (
    "Each strip is one condition's cycles on a logarithmic axis, the fastest condition first. "
    "Steps are in the order of how far apart their conditions are. These are wall-clock times, "
    "which hold what other programs did meanwhile; CPU p50 is what the processor computed of them."
)
OPEN_MOST = 2  # steps shown without a click where there are many conditions
FEW = 4  # conditions up to which every step is shown
NARROWEST_PX = 290.0
KEYS = ("p50", "p95", "p99", "max")
_BANDS = (
    (0.01, 0.99, "band p99", 6.0),
    (0.05, 0.95, "band p95", 10.0),
    (0.25, 0.75, "band p75", 14.0),
)


def timings(conditions: Sequence[Mapping[str, Any]]) -> str:
    """Return a table of strips for each step that took place, as HTML; "" where none did."""
    steps: dict[str, list[Mapping[str, Any]]] = {}
    for condition in conditions:
        for step, figures in (condition.get("timings_ms") or {}).items():
            if figures.get("count") and figures.get("p50") is not None:
                steps.setdefault(step, []).append(condition)
    if not steps:
        return ""
    ordered = sorted(steps, key=lambda step: -_apart(step, steps[step]))
    shown = len(ordered) if len(conditions) <= FEW else OPEN_MOST
    return _legend() + "\n".join(
        fold(_head(step, steps[step]), _table(step, steps[step]), opened=order < shown)
        for order, step in enumerate(ordered)
    )


def _medians(step: str, conditions: Sequence[Mapping[str, Any]]) -> list[tuple[float, str]]:
    return sorted(
        (condition["timings_ms"][step]["p50"], condition["name"]) for condition in conditions
    )


def _apart(step: str, conditions: Sequence[Mapping[str, Any]]) -> float:
    """Return how many times longer the slowest condition's median is than the fastest's."""
    medians = _medians(step, conditions)
    return medians[-1][0] / medians[0][0] if medians[0][0] > 0 else 1.0


def _head(step: str, conditions: Sequence[Mapping[str, Any]]) -> str:
    medians = _medians(step, conditions)
    (low, fast), (high, slow) = medians[0], medians[-1]
    said = f"median {milliseconds(low)}"
    if len(medians) > 1:
        said = (
            f"medians from {milliseconds(low)} ({clean(fast)}) to "
            f"{milliseconds(high)} ({clean(slow)})"
        )
        if _apart(step, conditions) >= 1.05:
            said += f": {number(_apart(step, conditions))} times"
    return f"<strong>{clean(step)}</strong> <span>{said}</span>"


def _table(step: str, conditions: Sequence[Mapping[str, Any]]) -> str:
    known = [points(condition, step) for condition in conditions]
    scale = LogScale.of(value for timings in known for value in timings.values())
    ticks = fitting(
        [Tick(scale.at(tick), f"{tick:,.12g} ms" if tick < 1000 else f"{tick / 1000:,.12g} s")
         for tick in scale.ticks()],
        NARROWEST_PX,
    )  # fmt: skip
    headings = (
        Cell("", "condition", "name"),
        Cell("", axis_strip(f"duration of {step} on a logarithmic scale", ticks), "drawing"),
        *(Cell("", key, "figure") for key in (*KEYS, *_computed(conditions), "count")),
    )
    fastest_first = sorted(conditions, key=lambda condition: condition["timings_ms"][step]["p50"])
    return drawn_table(
        headings,
        (_row(step, condition, scale, ticks, _computed(conditions)) for condition in fastest_first),
    )


def points(condition: Mapping[str, Any], step: str) -> dict[float, float]:
    """Return {share: ms}: the kept distribution, else the few quantiles that every run has."""
    kept = (condition.get("distributions_ms") or {}).get(step)
    if kept:
        return {
            share: ms
            for share, ms in zip(kept["shares"], kept["values"], strict=True)
            if ms is not None
        }
    figures = condition["timings_ms"][step]
    shares = zip((0.5, 0.95, 0.99, 1.0), KEYS, strict=True)
    return {share: figures[key] for share, key in shares if figures.get(key) is not None}


def _row(
    step: str,
    condition: Mapping[str, Any],
    scale: LogScale,
    ticks: list[Tick],
    computed: Sequence[str],
) -> tuple[Cell, ...]:
    figures = condition["timings_ms"][step]
    said = f"{condition['name']}, {step}: " + ", ".join(
        f"{key} {milliseconds(figures[key])}" for key in KEYS
    )
    at = {share: scale.at(ms) for share, ms in points(condition, step).items()}
    drawing = strip(said, "Quantiles of the durations.", grid_strip(ticks) + _strip(at))
    return (
        Cell("condition", clean(condition["name"]), "name"),
        Cell("", drawing, "drawing"),
        *(Cell(key, milliseconds(figures[key]), "figure") for key in KEYS),
        *(Cell(key, milliseconds(cpu_p50_ms(condition, step)), "figure") for key in computed),
        Cell("count", f"{figures['count']:,}", "figure"),
    )


def _computed(conditions: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the column of the processor's time; none for a run that kept none."""
    return (CPU,) if has_cpu(conditions) else ()


def _strip(at: Mapping[float, float]) -> str:
    """Draw bands, median and maximum; bands begin at the median where no more is known."""
    middle = at[0.5]
    body = ""
    for low, high, kind, thick in _BANDS:
        if high in at:
            body += strip_bar(at.get(low, middle), at[high], kind, thick)
    if 1.0 in at:
        body = strip_line(at.get(0.99, middle), at[1.0], "reach") + body
        body += strip_dot(at[1.0], "stroke slowest empty", 3)
    return body + strip_line(middle, middle, "median", (2, 18))


def _legend() -> str:
    kinds = (
        ("area band p75", "p25 to p75"),
        ("area band p95", "p5 to p95"),
        ("area band p99", "p1 to p99"),
        ("median", "median (upright)"),
        ("reach", "up to the slowest (ring)"),
    )
    said = "".join(f"<span>{sample(kind)} {clean(text)}</span>" for kind, text in kinds)
    return f'<p class="legend">{said}</p>'
