"""The time line of one failed cycle: its steps, the faults that struck, what each part said."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.analysis.drawn.colours import SAID
from harness.analysis.drawn.one_cycle import OneCycle, Step, Struck, one_cycle
from harness.analysis.drawn.one_cycle import worst as worst_of
from harness.errors import UsageError
from harness.reports.figures.scale import LinearScale, Tick, fitting
from harness.reports.figures.svg import (
    STRIP_PX,
    axis_strip,
    grid_strip,
    strip,
    strip_bar,
)
from harness.reports.html_parts.markup import Cell, clean, drawn_table
from harness.results.reading import Results
from harness.statistics.digits import milliseconds

TITLE = "One cycle that failed"
ABOUT = (
    "From top to bottom the steps of one cycle, each where it stands on the clock; crosses: faults "
    "that struck in it (where in the step is not kept: they stand at its start); below, what each "
    "part said."
)
NARROWEST_PX = 290.0


def worst(folder: Path, summary: Mapping[str, Any]) -> str:
    """Return the time line of the gravest failure of a run, as HTML; "" where none is stored."""
    try:
        found = worst_of(Results(folder), summary)
    except UsageError:
        return ""  # published without its cycles
    return timeline(folder, *found) if found else ""


def timeline(folder: Path, condition: str, cycle: int) -> str:
    """Return the time line of a stored cycle, as HTML; "" where the cycles are not stored."""
    try:
        told = one_cycle(Results(folder), condition, cycle)
    except UsageError:
        return ""  # published without its cycles
    return drawn(told)


def drawn(told: OneCycle) -> str:
    """Return the time line of a cycle, as HTML."""
    scale = LinearScale(0.0, told.whole_ms)
    ticks = fitting([Tick(scale.at(ms), f"{ms:,.12g} ms") for ms in scale.ticks(4)], NARROWEST_PX)
    headings = (
        Cell("", "step", "name"),
        Cell("", axis_strip("time since the cycle began", ticks), "drawing"),
        Cell("", "took", "figure"),
    )
    head = f"<h3>{clean(told.condition)}, cycle {told.cycle:,}: {clean(SAID[told.outcome])}</h3>"
    rows = [_row(step, told, scale, ticks) for step in told.steps]
    return f'{head}<div class="cycle-line">{drawn_table(headings, rows)}</div>'


def _row(step: Step, told: OneCycle, scale: LinearScale, ticks: list[Tick]) -> tuple[Cell, ...]:
    start, end = scale.at(step.start_ms), scale.at(step.start_ms + (step.took_ms or 0.0))
    body = grid_strip(ticks)
    body += strip_bar(start, end, f"step-bar{' bad' if step.bad else ''}", 12)
    body += "".join(_cross(start, order) for order in range(min(3, len(step.struck))))
    if step.took_ms is None:
        body = ""
    title = f"{told.condition}, cycle {told.cycle}: {step.name}, {milliseconds(step.took_ms)}"
    about = "; ".join([*map(_struck, step.struck), *step.said])
    said = "".join(
        [
            *(f'<span class="why"><b class="cross">✕</b> {clean(_struck(one))}</span>'
              for one in step.struck),
            *(f'<span class="why">{clean(text)}</span>' for text in step.said),
        ]
    )  # fmt: skip
    return (
        Cell("step", clean(step.name), "name"),
        Cell("", strip(title, about, body) + said, "drawing"),
        Cell("took", milliseconds(step.took_ms), "figure"),
    )


def _struck(fault: Struck) -> str:
    heard = "" if fault.surfaced else "; nobody noticed"
    return f"{fault.kind} at {fault.operation}, attempt {fault.attempt}: {fault.evidence}{heard}"


def _cross(at: float, order: int) -> str:
    x, y = 12 * order, STRIP_PX / 2
    return (
        f'<svg x="{100 * at:.4g}%" y="0" overflow="visible"><path d="M{x - 5} {y - 5:g}l10 10m0 -10'
        f'l-10 10" class="struck"/></svg>'
    )
