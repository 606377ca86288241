"""The time line of one cycle: its steps, the faults that struck, what each part said."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes

from harness.analysis.drawn.colours import SAID
from harness.analysis.drawn.one_cycle import OneCycle, Step, Struck, one_cycle, worst
from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import style
from harness.results.reading import Results
from harness.statistics.digits import milliseconds

_LETTERS = 92  # of a line of text
_LINE_IN = 0.19
_BAD, _GOOD = "#b3261e", style.COLOURS[0]


def timeline(
    run: Run,
    condition: str | None = None,
    cycle: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the steps of one cycle on the clock, with the faults and what each part said.

    A cross is a fault that struck; where in its step is not kept, so it stands at the step's start.

    Args:
        run: from ``harness.load``.
        condition: its name; by default that of the gravest failure.
        cycle: its number, counted from 0; by default that of the gravest failure.
        ax: to draw on; by default a new figure, as high as what is said needs.

    Returns:
        The axes.

    Raises:
        UsageError: there is no such cycle, none failed, or the run has no stored cycles.
    """
    if (condition is None) != (cycle is None):
        raise UsageError("name both a condition and a cycle, or neither for the gravest failure")
    results = Results(run.folder)
    named = (
        worst(results, run.summary) if condition is None or cycle is None else (condition, cycle)
    )
    if named is None:
        raise UsageError(f"{run.folder}: no cycle failed; name a condition and a cycle")
    told = one_cycle(results, *named)
    texts = [_texts(step) for step in told.steps]
    lines = sum(len(text) for text in texts)
    ax = style.axes(ax, 1.2 + 0.42 * len(texts) + _LINE_IN * lines)
    _draw(ax, told, texts)
    return ax


def _texts(step: Step) -> list[str]:
    said = [*(f"\N{MULTIPLICATION X} {_struck(one)}" for one in step.struck), *step.said]
    return [
        line
        for text in said
        for line in textwrap.wrap(text, _LETTERS, subsequent_indent="   ") or [""]
    ]


def _struck(fault: Struck) -> str:
    heard = "" if fault.surfaced else "; nobody noticed"
    return f"{fault.kind} at {fault.operation}, attempt {fault.attempt}: {fault.evidence}{heard}"


def _draw(ax: Axes, told: OneCycle, texts: list[list[str]]) -> None:
    y, names = 0.0, []
    for step, lines in zip(told.steps, texts, strict=True):
        colour = _BAD if step.bad else _GOOD
        if step.took_ms is not None:
            seen_ms = max(step.took_ms, told.whole_ms / 400)
            ax.barh(y, seen_ms, 0.55, step.start_ms, color=colour)
        for order in range(len(step.struck)):
            ax.annotate("\N{MULTIPLICATION X}", (step.start_ms, y), xytext=(9 * order, 0),
                        textcoords="offset points", color=_BAD, ha="center", va="center",
                        fontsize=11, fontweight="bold")  # fmt: skip
        names.append((y, f"{step.name}\n{milliseconds(step.took_ms)}" if step.took_ms is not None
                      else step.name))  # fmt: skip
        for line in lines:
            y += 0.48
            ax.text(0, y, line, fontsize=8, va="center", color=style.QUIET, clip_on=False)
        y += 0.95
    ax.set_ylim(y - 0.4, -0.6)
    ax.set_xlim(0, told.whole_ms * 1.02)
    ax.set_yticks([at for at, _ in names], [name for _, name in names])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("ms since the cycle began")
    ax.set_title(f"{told.condition}, cycle {told.cycle:,}: {SAID[told.outcome]}", fontsize=10.5,
                 loc="left")  # fmt: skip
    style.tidy(ax, "x")
    ax.spines["left"].set_visible(False)
