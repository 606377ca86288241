"""Put a scenario on a terminal: a frame, a mark a step, a bar a table; green, or alarmingly red."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from harness.reports.words.scenario import Line, Removal, Scenario

ROOMY = 104  # columns from which bars and whole words fit
NARROW = 74  # columns below which a failed entity has a line of its own
STEP = 14  # columns of a step's name
BAR = 10  # columns of a bar
COLOURS = {"good": "green", "bad": "bold red", "note": "yellow"}


class Symbols(NamedTuple):
    """The characters drawn with, by what the output can encode."""

    good: str
    bad: str
    note: str
    full: str
    empty: str
    times: str
    rule: str
    clean: box.Box
    dirty: box.Box


FINE = Symbols("✓", "✗", "•", "█", "░", "×", "─", box.ROUNDED, box.HEAVY)  # noqa: RUF001 - a sign of multiplication is meant
PLAIN = Symbols("+", "X", "-", "#", ".", "x", "-", box.ASCII, box.ASCII2)


def symbols(encoding: str | None) -> Symbols:
    """Return what ``encoding`` can take; PLAIN is ASCII alone."""
    drawn = "".join(FINE[:7]) + str(box.ROUNDED) + str(box.HEAVY)
    try:
        drawn.encode(encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return PLAIN
    return FINE


def stage(story: Scenario, width: int, marks: Symbols) -> RenderableType:
    """Return the scenario in a frame of ``width`` columns."""
    colour = "green" if story.clean else "bold red"
    parts: list[RenderableType] = []
    before = ""
    for line in story.lines:
        parts.append(_step(line, marks, again=line.step == before))
        before = line.step
        if line.removals:
            parts.append(_removals(line.removals, width, marks))
    if story.took:
        parts.append(_took(story.took))
    parts += [Text(), _end(story, marks)]
    return Panel(
        Group(*parts),
        box=marks.clean if story.clean else marks.dirty,
        title=Text.assemble((f" {story.title}", "bold"), (f"  cycle {story.cycle:,} ", "dim")),
        title_align="left",
        subtitle=None if story.clean else " !!! !!! !!! ",
        subtitle_align="left",
        border_style=colour,
        padding=(0, 1),
        width=width,
    )


def _step(line: Line, marks: Symbols, *, again: bool) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(width=1)
    grid.add_column(width=STEP, no_wrap=True)
    grid.add_column(overflow="fold")
    colour = COLOURS[line.state]
    grid.add_row(
        Text(getattr(marks, line.state), style=colour),
        Text("" if again else line.step, style="bold"),
        Text(line.said, style="" if line.state == "good" else colour),
    )
    return grid


def _end(story: Scenario, marks: Symbols) -> RenderableType:
    if story.clean:
        return Text(f"{marks.good} {story.end}", style="bold green")
    return Text(f" {marks.bad} {story.end} ", style="bold white on red")


def _took(took: str) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    grid.add_column(width=STEP + 2, no_wrap=True, style="dim")
    grid.add_column(style="dim")
    grid.add_row("  took", took)
    return grid


def _removals(removals: Sequence[Removal], width: int, marks: Symbols) -> RenderableType:
    roomy, narrow = width >= ROOMY, width < NARROW
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=1)
    grid.add_column(no_wrap=not narrow, overflow="fold", style="bold")
    if roomy:
        grid.add_column(no_wrap=True)
    for _ in range(2 if narrow else 4):
        grid.add_column(no_wrap=not narrow, overflow="fold")
    for removal in removals:
        state = "bad" if removal.failed else "good"
        head = [Text(getattr(marks, state), style=COLOURS[state]), Text(removal.table)]
        if roomy:
            head.append(_bar(removal, marks))
        head.append(Text(removal.tally, style="red" if removal.failed else "green"))
        blank = [Text()] * len(head)
        failed = [_failed(undone, marks, roomy=roomy) for undone in removal.failed] or [
            [Text()] * 3
        ]
        for number, cells in enumerate(failed):
            inline = [Text(" ").join(cells)] if narrow else cells
            grid.add_row(*(blank if number else head), *inline)
    return Padding(grid, (0, 0, 0, 2))


def _failed(undone: tuple[str, str, int, str], marks: Symbols, *, roomy: bool) -> list[Text]:
    entity, reason, attempts, _ = undone
    tries = f"{marks.times}{attempts}"
    if roomy:
        tries = f"{attempts} attempt{'' if attempts == 1 else 's'}"
    return [Text(entity), Text(reason, style="bold red"), Text(tries, style="dim")]


def _bar(removal: Removal, marks: Symbols) -> Text:
    done = round(BAR * removal.removed / removal.wanted) if removal.wanted else 0
    if removal.removed < removal.wanted:
        done = min(done, BAR - 1)  # what is not done never looks so
    colour = "red" if removal.failed else "green"
    return Text.assemble((marks.full * done, colour), (marks.empty * (BAR - done), "dim"))
