"""Pieces of HTML: text made safe, tables, badges, what can be folded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from itertools import zip_longest
from typing import NamedTuple

from harness.reports.words.tables import Table

# columns with an interval in brackets
INTERVALS = ("measured", "reliability", "clean end", "data safety")
MANY = 7  # columns from which on a table fits no page beside its contents
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufffe\uffff]"
)


_WITHIN_NAMES = re.compile(r"(<[^>]*>)|([/_])")
_NAMES = ("condition", "claim")


class Cell(NamedTuple):
    """One cell made by hand: ``inner`` is HTML already, ``heading`` is what phones put before."""

    heading: str
    inner: str
    kind: str = ""


def clean(text: object) -> str:
    """Return people's text for HTML, in elements and attributes alike.

    What HTML or UTF-8 cannot hold (control characters, half surrogates) becomes U+FFFD,
    and so does a mark that turns the reading direction around.
    """
    return escape(_UNSEEN.sub("\ufffd", str(text)))


def breakable(inner: str) -> str:
    """Let lines of HTML end within a name, after a slash or an underscore: not within a word."""
    return _WITHIN_NAMES.sub(lambda found: found[1] or f"{found[2]}<wbr>", inner)


def badge(verdict: str | None) -> str:
    """Return a verdict in its colour; nothing where there is none."""
    if not verdict or verdict == "-":
        return "-"
    return f'<span class="badge {clean(verdict.replace(" ", "-"))}">{clean(verdict)}</span>'


def fold(summary: str, inner: str, opened: bool = False) -> str:
    """Return something that opens at a click; both are HTML already."""
    state = " open" if opened else ""
    return f"<details{state}><summary>{summary}</summary>\n{inner}\n</details>"


def section(name: str, title: str, about: str, inner: str, folded: bool = False) -> str:
    """Return a part of the page with its heading; ``inner`` is HTML, the rest text.

    One that is ``folded`` opens at a click; its address is inside, so that a link opens it.
    """
    said = f"<p>{clean(about)}</p>\n" if about else ""
    if folded:
        return (
            f'<details class="folded"><summary><h2>{clean(title)}</h2></summary>\n'
            f'<section id="{name}">\n{said}{inner}\n</section></details>'
        )
    return f'<section id="{name}">\n<h2>{clean(title)}</h2>\n{said}{inner}\n</section>'


def table(content: Table, links: Sequence[str | None] = ()) -> str:
    """Return a table; on a narrow screen each row becomes a block.

    Args:
        content: headings and rows.
        links: for each row the address on the page that it leads to, or None; () for no links.
    """
    head = "".join(f'<th scope="col"{_class(content, h)}>{clean(h)}</th>' for h in content.headings)
    rows = (
        "".join(
            _cell(content, heading, cell, link if at == 0 else None)
            for at, (heading, cell) in enumerate(zip(content.headings, row, strict=True))
        )
        for row, link in zip_longest(content.rows, links[: len(content.rows)])
    )
    kind = "stack many" if len(content.headings) >= MANY else "stack"
    return _card(kind, head, rows, found=bool(links))


def plain_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], stack: bool = False
) -> str:
    """Return a table of figures under text headings; the first column names its row.

    One with many columns had better ``stack`` on a phone.
    """
    head = "".join(
        f'<th scope="col"{"" if order == 0 else _FIGURE}>{clean(heading)}</th>'
        for order, heading in enumerate(headings)
    )
    kind = "small" if not stack else "stack many" if len(headings) >= MANY else "stack"
    return _card(kind, head, (_plain(headings, row) for row in rows))


_FIRST, _FIGURE = ' class="first"', ' class="figure"'


def _plain(headings: Sequence[str], row: Sequence[object]) -> str:
    return "".join(
        f'<td data-heading="{clean(heading)}"{_FIRST if order == 0 else _FIGURE}>'
        f"<span>{clean(cell)}</span></td>"
        for order, (heading, cell) in enumerate(zip(headings, row, strict=True))
    )


def drawn_table(headings: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table with a drawing in each row; on a phone the drawing takes the whole width."""
    head = "".join(
        f'<th scope="col" class="{heading.kind}">{heading.inner}</th>'
        if heading.inner
        else f'<td class="{heading.kind}"></td>'
        for heading in headings
    )
    return _card("drawn", head, ("".join(map(_drawn, row)) for row in rows))


def _drawn(cell: Cell) -> str:
    inner = breakable(cell.inner) if cell.kind == "name" else cell.inner
    inner = inner if cell.kind == "drawing" else f"<span>{inner}</span>"
    return f'<td data-heading="{clean(cell.heading)}" class="{cell.kind}">{inner}</td>'


def _card(kind: str, head: str, rows: Iterable[str], found: bool = False) -> str:
    begin = "<tr data-find>" if found else "<tr>"  # what the filter looks for
    body = "\n".join(f"{begin}{row}</tr>" for row in rows)
    named = f' class="{kind}"' if kind else ""
    card = "card long" if kind == "drawn" else "card"
    return (
        f'<div class="{card}"><table{named}>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(content: Table, heading: str, text: str, link: str | None) -> str:
    inner = breakable(clean(text)) if heading in _NAMES else clean(text)
    inner = f'<a href="#{link}">{inner}</a>' if link else inner
    if heading == "verdict" and text != "-":
        kind, at, cycle = text.partition(" at ")
        inner = f"<span>{badge(kind)}{clean(at + cycle)}</span>"
    elif heading in INTERVALS:
        inner = re.sub(r"\[[^\[\]]*\]", r'<span class="whole">\g<0></span>', inner)
    elif heading == "replay":
        inner = f"<code>{inner}</code>"
    return (
        f'<td data-heading="{clean(heading)}"{_class(content, heading)}><span>{inner}</span></td>'
    )


def _class(content: Table, heading: str) -> str:
    kind = "figure" if heading in content.figures else heading.replace(" ", "-").replace("/", "-")
    return f' class="{clean(kind)}"'
