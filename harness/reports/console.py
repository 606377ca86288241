"""For people at a terminal: tables with colours there, plain text everywhere else."""

from __future__ import annotations

import io
import re
import sys
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from shlex import split
from typing import Any, TypeVar

from rich.console import Console

from harness.printable import printable
from harness.reports import Report
from harness.reports.console_parts.layout import GAP, no_look, shown
from harness.reports.words.scenario import Scenario
from harness.reports.words.stage import PLAIN, stage, symbols
from harness.reports.words.tables import Table, read
from harness.terminal import columns, command, in_colour, labelled, styled, wrapped

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
    "harness error": "bold red",
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
        self.colour = in_colour(sys.stdout) if colour is None else colour
        self.symbols = symbols(encoding or sys.stdout.encoding)
        self.width = width or columns(PLAIN_WIDTH)

    def render(self, folder: Path) -> str:
        """Return the report on ``folder``; UsageError where there is no run."""
        report = in_print(read(folder))
        lines = [self._styled(report.title, "bold")]
        for story in report.scenarios:
            lines += ["", *self._staged(story), ""]
        lines += self._facts(report.facts)
        for claims in (report.claims, *report.decided):
            lines += self._claims(claims)
        for table in (
            _stacked(report.conditions, self.width),
            report.silent_cleanups,
            _apart(report.together, self.width),
            report.timings,
            report.faults,
        ):
            lines += self._table(table)
        text = "\n".join([*lines, *self._failures(report.failures)])
        text = re.sub(r"\n{3,}", "\n\n", re.sub(r" +\n", "\n", text)).rstrip("\n") + "\n"
        return _ascii(text) if self.symbols is PLAIN else text

    def _staged(self, story: Scenario) -> list[str]:
        """Return a story in its frame."""
        console = Console(
            file=io.StringIO(),
            width=self.width,
            force_terminal=self.colour,
            color_system="standard" if self.colour else None,
            highlight=False,
            legacy_windows=False,
        )
        console.print(stage(story, self.width, self.symbols))
        text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is a StringIO
        return text.splitlines()

    def _facts(self, facts: list[tuple[str, str]]) -> list[str]:
        beside = {name: partial(wrapped, value) for name, value in facts}
        return labelled(beside, self.width, "dim" if self.colour else "") if beside else []

    def _claims(self, table: Table) -> list[str]:
        """Give the claims table; where it is narrow, the reasons follow below it."""
        if self.width >= WIDE or not table.rows or "why" not in table.headings:
            return self._table(table)
        rows = [(*row[:2], _lines(row[2]), *row[3:]) for row in table.rows]
        reasons = [
            line
            for row in table.rows
            if row[3] not in ("supported", "set point")
            for line in wrapped(f"{row[0]}: {self._styled(row[4], 'dim')}", self.width, GAP)
        ]
        return [*self._table(replace(table, rows=rows).without("why")), "", *reasons, ""]

    def _table(self, table: Table) -> list[str]:
        if not table.rows:
            return []
        look = _look if self.colour else no_look
        return [*self._head(table), "", *shown(table, self.width, self.symbols.rule, look)]

    def _head(self, table: Table) -> list[str]:
        about = wrapped(table.about, self.width) if table.about else []
        return ["", self._styled(table.title, "bold"), *(self._styled(a, "dim") for a in about)]

    def _failures(self, table: Table) -> list[str]:
        """Give each failure as plain lines, and the command that makes it again, to be copied."""
        if not table.rows:
            return []
        lines = [*self._head(table), ""]
        for condition, outcome, detail, replay in table.rows:
            said = f"{self._styled(outcome, 'bold red')}  {condition}: {detail}"
            lines += wrapped(said, self.width, GAP)
            lines += [GAP + line for line in command(split(replay), self.width - len(GAP))]
        return lines

    def _styled(self, text: str, style: str) -> str:
        return styled(text, style) if self.colour else text


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
    return text.encode("ascii", "replace").decode()


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


def _look(heading: str, text: str) -> tuple[str, str]:
    if heading == "verdict":
        found = next((style for verdict, style in STYLES.items() if text.startswith(verdict)), "")
        return found, "dim"
    return ("dim", "dim") if heading == "why" else ("", "")
