"""For people at a terminal: tables with colours there, plain text everywhere else."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from harness.printable import printable
from harness.reports import Report
from harness.reports.words.stage import PLAIN, stage, symbols
from harness.reports.words.tables import Table, read

T = TypeVar("T")
WIDE = 116  # columns from which a verdict's reason has room in the table
ROOMY = 100  # columns from which a share and its interval fit on one line
PLAIN_WIDTH = 120  # columns where there is no terminal to ask
STYLES = {
    "supported": "bold green",
    "refuted": "bold red",
    "undecided": "yellow",
    "not refuted": "green",
    "control": "cyan",
    "no claim": "dim",
    "set point": "cyan",
    "not measured": "dim",
}


class ConsoleReport(Report):
    """The tables for a terminal.

    Left to itself it takes the terminal's width, colours only where standard output is a terminal
    and NO_COLOR is not set, and ASCII alone where standard output can take no more.
    """

    name = "console"
    contract = "Tables for people; colours on a terminal only."

    def __init__(
        self,
        width: int | None = None,
        colour: bool | None = None,
        encoding: str | None = None,
    ) -> None:
        terminal = sys.stdout.isatty()
        self.colour = terminal and "NO_COLOR" not in os.environ if colour is None else colour
        self.symbols = symbols(encoding or sys.stdout.encoding)
        self.width = width or shutil.get_terminal_size((PLAIN_WIDTH, 40)).columns

    def render(self, folder: Path) -> str:
        """Return the report on ``folder``; UsageError where there is no run."""
        report = in_print(read(folder))
        console = Console(
            file=io.StringIO(),
            width=self.width,
            force_terminal=self.colour,
            color_system="standard" if self.colour else None,
            highlight=False,
            legacy_windows=False,
        )
        console.print(Text(report.title, style="bold"))
        for story in report.scenarios:
            console.print(Text(), stage(story, self.width, self.symbols), Text(), sep="\n")
        console.print(_facts(report.facts))
        for part in (
            *_claims(report.claims, self.width),
            *(part for table in report.decided for part in _claims(table, self.width)),
            *_table(_stacked(report.conditions, self.width)),
            *_table(report.silent_cleanups),
            *_table(_apart(report.together, self.width)),
            *_table(report.timings),
            *_table(report.faults),
            *_failures(report.failures),
        ):
            console.print(part, soft_wrap=isinstance(part, Text) and part.no_wrap)
        text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
        text = re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text)).rstrip("\n") + "\n"
        return _ascii(text) if self.symbols is PLAIN else text


def in_print(value: T) -> T:
    """Return a report, or a part of one, with every text in it ``printable``."""
    printed: Any = value
    if isinstance(value, str):
        printed = printable(value)
    elif isinstance(value, list):
        printed = [in_print(item) for item in value]
    elif isinstance(value, tuple):
        parts = [in_print(item) for item in value]
        printed = type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    elif is_dataclass(value) and not isinstance(value, type):
        printed = replace(
            value,
            **{field.name: in_print(getattr(value, field.name)) for field in fields(value)},
        )
    return printed  # type: ignore[no-any-return]  # of the same type


def _ascii(text: str) -> str:
    """Return ``text`` for an output that would fail on anything but ASCII."""
    return text.translate({ord("─"): "-", ord("━"): "-"}).encode("ascii", "replace").decode()


def _facts(facts: list[tuple[str, str]]) -> RenderableType:
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(Text(name), Text(value))
    return grid


def _claims(table: Table, width: int) -> list[RenderableType]:
    """Give the claims table; where it is narrow, the reasons follow below it."""
    if width >= WIDE or not table.rows or "why" not in table.headings:
        return _table(table)
    rows = [(*row[:2], _lines(row[2]), *row[3:]) for row in table.rows]
    reasons: list[RenderableType] = [
        Text.assemble(f"{row[0]}: ", (row[4], "dim"))
        for row in table.rows
        if row[3] not in ("supported", "set point")
    ]
    return [*_table(replace(table, rows=rows).without("why")), *reasons, Text()]


def _stacked(table: Table, width: int) -> Table:
    """Put under each other what belongs together: ten columns are too many for a terminal."""
    rows = []
    for row in table.rows:
        cell = dict(zip(table.headings, row, strict=True))
        shares = [cell["reliability"], f"clean {cell['clean end']}", f"safe {cell['data safety']}"]
        if width < ROOMY:
            shares = [_lines(share) for share in shares]
        verdict = cell["verdict"].replace(" at ", "\nat ")
        rows.append(
            (
                f"{cell['condition']}\n{cell['policy']}\n{cell['cycles/s']} cycles/s",
                f"{cell['cycles']}\n" + _lines(cell["outcomes"]),
                "\n".join(shares),
                verdict if verdict == "-" else f"{verdict}\n{cell['claimed']}",
            )
        )
    headings = ("condition", "cycles", "reliability, clean end, data safety", "verdict")
    return Table(table.title, headings, rows, table.about)


def _apart(table: Table, width: int) -> Table:
    """Where it is narrow, put all about the restore into one column, and both failed in another."""
    if width >= WIDE:
        return table
    rows = []
    for row in table.rows:
        name, cleanup, refused, needed, failed, both, independent, cause = row
        restore = f"needed {needed}\nfailed {failed}\nrefused {refused}"
        rows.append((name, _lines(cleanup), restore, f"{both} / {independent}", cause))
    headings = ("condition", "cleanup failed", "backup and restore",
                "both failed / if independent", "shared cause")  # fmt: skip
    return Table(table.title, headings, rows, table.about)


def _lines(measured: str) -> str:
    """Put each share, interval or count on a line of its own."""
    return re.sub(r"; | (?=[\[(])|, (?=[a-z])", "\n", measured)


def _table(table: Table) -> list[RenderableType]:
    if not table.rows:
        return []
    drawn = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, header_style="bold")
    for heading in table.headings:
        right = heading in table.figures
        drawn.add_column(
            heading.replace(" ", "\n") if right else heading,
            justify="right" if right else "left",
            no_wrap=right,
            overflow="fold",
        )
    before = ""
    for row in table.rows:
        again = row[0] == before and table.headings[1] in ("step", "fault")
        cells = ["" if again else row[0], *row[1:]]
        before = row[0]
        drawn.add_row(*(_cell(h, c) for h, c in zip(table.headings, cells, strict=True)))
    return [_head(table), drawn]


def _head(table: Table) -> Text:
    return Text.assemble(
        "\n", (table.title, "bold"), (f"\n{table.about}", "dim") if table.about else ""
    )


def _cell(heading: str, text: str) -> Text:
    if heading == "verdict" and text != "-":
        found = next((style for verdict, style in STYLES.items() if text.startswith(verdict)), "")
        first, line, rest = text.partition("\n")
        return Text.assemble((first, found), line, (rest, "dim"))
    return Text(text, style="dim" if heading == "why" else "")


def _failures(table: Table) -> list[RenderableType]:
    """Give each failure as plain lines: its command must be copied in one piece."""
    if not table.rows:
        return []
    lines: list[RenderableType] = [_head(table), Text()]
    for condition, outcome, detail, replay in table.rows:
        lines.append(Text.assemble((outcome, "bold red"), f"  {condition}: {detail}"))
        lines.append(Text(f"  {replay}", no_wrap=True, overflow="ignore"))
    return lines
