"""Put a table on a terminal so that it fits and no word is broken.

In columns where the longest words have room; else with the first cell of each row on a line of its
own above the others; else cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from harness.reports.words.tables import Table
from harness.terminal import padded, room, styled, wrapped

GAP = "  "
# The styles of a cell by its heading and its text: of its own first line, and of the others.
Look = Callable[[str, str], tuple[str, str]]
Row = Sequence[str]
_INTERVAL = re.compile(r"\[[^][ ]*, [^][ ]*\]")
_STAYS = "\u00a0"  # a blank at which no line ends


def no_look(heading: str, text: str) -> tuple[str, str]:
    """Give no cell a style."""
    return "", ""


def shown(table: Table, width: int, rule: str, look: Look = no_look) -> list[str]:
    """Return a table as lines of at most ``width`` columns.

    Args:
        table: its cells may have lines of their own.
        width: a word that is wider still is not broken.
        rule: the character of the line below the headings.
        look: how each cell looks.
    """
    names = ["" if again else row[0] for again, row in zip(_again(table), table.rows, strict=True)]
    rows = [(name, *row[1:]) for name, row in zip(names, table.rows, strict=True)]
    if found := widths(table, width):
        lines = _head(table, found, rule, look)
        return lines + [line for row in rows for line in _row(table, row, found, look)]
    rest = Table(table.title, table.headings[1:], [row[1:] for row in rows], "", table.figures)
    inside = width - len(GAP)
    gap = next((gap for gap in (GAP, " ") if widths(rest, inside, gap)), GAP)
    found = widths(rest, inside, gap)
    lines = [GAP + line for line in (_head(rest, found, rule, look, gap) if found else [])]
    for name, row in zip(names, rest.rows, strict=True):
        lines += wrapped(_first(table, name, look), width, GAP) if name else []
        cells = _row(rest, row, found, look, gap) if found else _listed(rest, row, inside, look)
        lines += [GAP + line for line in cells]
    return lines


def widths(table: Table, width: int, gap: str = GAP) -> list[int]:
    """Return how wide each column is to be; [] where the longest words have no room together."""
    columns = list(zip(_headings(table), *table.rows, strict=True))
    wanted = [max(room(line) for cell in column for line in cell.split("\n")) for column in columns]
    found = [
        want if heading in table.figures else max(map(_widest_word, column))
        for heading, want, column in zip(table.headings, wanted, columns, strict=True)
    ]
    spare = width - sum(found) - len(gap) * (len(columns) - 1)
    if spare < 0:
        return []
    lacking = [want - has for want, has in zip(wanted, found, strict=True)]
    for column in sorted(range(len(columns)), key=lacking.__getitem__):  # who lacks little gets all
        more = min(lacking[column], spare)
        found[column] += more
        spare -= more
    return found


def _widest_word(text: str) -> int:
    return max(map(room, re.split(r"[ \n]", _whole(text))))


def _whole(text: str) -> str:
    """Let no line end within an interval."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", _STAYS), text)


def _headings(table: Table) -> list[str]:
    """Return the headings, those of figures as narrow as they can be."""
    return [name.replace(" ", "\n") if name in table.figures else name for name in table.headings]


def _again(table: Table) -> Iterator[bool]:
    """Say of each row whether its first cell is the row's before, where a table groups its rows."""
    several = len(table.headings) > 1 and table.headings[1] in ("step", "fault")
    before = None
    for row in table.rows:
        yield several and row[0] == before
        before = row[0]


def _head(table: Table, found: Sequence[int], rule: str, look: Look, gap: str = GAP) -> list[str]:
    bold = no_look if look is no_look else lambda heading, text: ("bold", "bold")
    lines = _row(table, _headings(table), found, bold, gap)
    return [*lines, rule * (sum(found) + len(gap) * (len(found) - 1))]


def _row(table: Table, row: Row, found: Sequence[int], look: Look, gap: str = GAP) -> list[str]:
    """Return the lines of a row in its columns."""
    cells = [
        [
            padded(line, width, right=heading in table.figures)
            for line in _dressed(text, width, look(heading, text))
        ]
        for heading, text, width in zip(table.headings, row, found, strict=True)
    ]
    blank = [" " * width for width in found]
    return [
        gap.join(has or empty for has, empty in zip(line, blank, strict=True)).rstrip()
        for line in zip_longest(*cells, fillvalue="")
    ]


def _dressed(text: str, width: int, styles: tuple[str, str]) -> list[str]:
    """Break a cell into lines, each in its style."""
    return [
        styled(line.replace(_STAYS, " "), styles[min(number, 1)])
        for number, own in enumerate(text.split("\n"))
        for line in wrapped(_whole(own), width)
    ]


def _first(table: Table, name: str, look: Look) -> str:
    """Return the first cell of a row as a line of its own; a figure alone would say nothing."""
    heading = table.headings[0]
    before = f"{heading} " if heading in table.figures else ""
    style = "" if look is no_look else look(heading, name)[0] or "bold"
    return styled(before + name.replace("\n", ", "), style)


def _listed(table: Table, row: Row, width: int, look: Look) -> list[str]:
    """Return the cells of a row one by one, each after its heading."""
    cells = (
        f"{heading} {styled(' '.join(text.split()), look(heading, text)[0])}"
        for heading, text in zip(table.headings, row, strict=True)
    )
    lines = wrapped(_whole("; ".join(cells)), width, GAP)
    return [line.replace(_STAYS, " ") for line in lines]
