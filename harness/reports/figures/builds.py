"""One dirty database every so many builds, and how often that is at the reader's build rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.drawn.builds import PER_DAY, Between, between, every
from harness.reports.figures.scale import LogScale, Tick, fitting
from harness.reports.figures.svg import (
    axis_strip,
    grid_strip,
    strip,
    strip_arrow,
    strip_bar,
    strip_dot,
    strip_line,
)
from harness.reports.html_parts.markup import Cell, clean, drawn_table, fold

TITLE = "One dirty database every so many builds"
ABOUT = (
    "Were every build a cycle of the condition, with faults at its rates, so many builds would lie "
    "between one that leaves the database dirty and the next. Dot: measured; bar: its interval. "
    "Where no cycle ended dirty there is no dot: an arrow leads away from the lower limit. A "
    "refusal leaves nothing dirty."
)
NARROWEST_PX = 290.0
FEW = 12  # conditions up to which the table is open
# the same units as harness.analysis.drawn.builds.every
SCRIPT = """
(() => {
  const units = [[365.25, "year"], [30.44, "month"], [7, "week"], [1, "day"], [1 / 24, "hour"]];
  const every = (builds, perDay) => {
    const days = builds / perDay;
    const [size, unit] = units.find(([least]) => days >= least) || units[units.length - 1];
    const number = days / size;
    const said = number >= 9.95 ? Math.round(number).toLocaleString("en-US")
      : (Math.floor(number * 10 + 0.5) / 10).toFixed(1);
    const one = said === "1" || said === "1.0";
    return said.replace(/\\.0$/, "") + " " + unit + (one ? "" : "s");
  };
  document.querySelectorAll(".rate-asked").forEach((asked) => {
    const input = asked.querySelector("input");
    const write = () => {
      const perDay = Number(input.value);
      if (!(perDay > 0)) return;
      document.querySelectorAll("[data-builds]").forEach((cell) => {
        cell.textContent = cell.dataset.said + every(Number(cell.dataset.builds), perDay);
      });
      document.querySelectorAll("[data-per-day]").forEach((said) => {
        said.textContent = perDay.toLocaleString("en-US");
      });
    };
    asked.hidden = false;
    input.addEventListener("input", write);
  });
})();
"""


def builds(summary: Mapping[str, Any], confidence: float = 0.95) -> str:
    """Return a table of strips, and the input for ``SCRIPT``, as HTML; "" where no cycle ran.

    Without the script it tells the times at ``PER_DAY`` builds a day, and the input is hidden.
    """
    shown = between(summary, confidence)
    if not shown:
        return ""
    asked = (
        '<p class="rate-asked" hidden><label for="builds-per-day">Builds a day</label> '
        f'<input id="builds-per-day" type="number" min="1" step="1" value="{PER_DAY}"></p>'
    )
    said = f'<p>Times are at <span data-per-day="">{PER_DAY}</span> builds a day.</p>'
    drawn = _table(shown)
    if len(shown) > FEW:
        drawn = fold(f"{len(shown):,} conditions", drawn)
    return f"{asked}{said}{drawn}"


def _table(shown: Sequence[Between]) -> str:
    known = [end for one in shown for end in (one.least, one.builds)]
    scale = LogScale.of([*known, *(one.most for one in shown if one.builds is not None)])
    ticks = fitting(
        [Tick(0.94 * scale.at(tick), f"{tick:,.12g}") for tick in scale.ticks()], NARROWEST_PX
    )
    headings = (
        Cell("", "condition", "name"),
        Cell("", axis_strip("builds between two dirty databases, logarithmic", ticks), "drawing"),
        Cell("", "one in", "figure wide-figure"),
        Cell("", "or every", "figure wide-figure"),
        Cell("", "dirty of cycles", "figure wide-figure"),
    )
    return drawn_table(headings, (_row(one, scale, ticks) for one in shown))


def _row(one: Between, scale: LogScale, ticks: Sequence[Tick]) -> tuple[Cell, ...]:
    at_least = "at least " if one.at_least else ""
    number = one.number
    said = f"{at_least}{one.said} builds"
    time = (
        f'<span data-builds="{number:.6g}" data-said="{at_least}">'
        f"{at_least}{every(number, PER_DAY)}</span>"
    )
    counted = f"{one.dirty:,} of {one.cycles:,}"
    silent = f", {one.silent:,} of them unsaid" if one.silent else ""
    title = f"{one.condition}: one dirty database in {said}, {counted} cycles{silent}"
    return (
        Cell("condition", clean(one.condition), "name"),
        Cell("", strip(title, "With its interval.", _drawn(one, scale, ticks)), "drawing"),
        Cell("one in", clean(said), "figure wide-figure"),
        Cell("or every", time, "figure wide-figure"),
        Cell("dirty of cycles", clean(counted + silent), "figure wide-figure"),
    )


def _drawn(one: Between, scale: LogScale, ticks: Sequence[Tick]) -> str:
    def at(number: float) -> float:
        return 0.94 * scale.at(number)

    body = grid_strip(ticks)
    if one.builds is None or one.most is None:
        low, high = at(one.least), min(1.0, at(one.least) + 0.08)
        return (
            body + strip_line(low, low, "stroke none", (3, 17))
            + strip_line(low, high, "stroke none") + strip_arrow(high, "stroke none")
        )  # fmt: skip
    kind = "bad" if one.silent else "none"
    return (
        body + strip_bar(at(one.least), at(one.most), f"fill {kind}", 6)
        + strip_dot(at(one.builds), f"fill {kind} ringed")
    )  # fmt: skip
