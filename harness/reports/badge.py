"""A badge for a README: the claim and what became of it, as a small picture (SVG).

It needs no network and no font of its own: how wide its text is is estimated, and the text is then
told to be as wide as that (``textLength``), whatever font is there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from harness.analysis import verdict
from harness.analysis.summary import load
from harness.reports import Report
from harness.reports.html_parts.markup import clean

# White text on each has a contrast of more than 4.5 to 1 (WCAG 2, level AA).
_COLOURS = {
    "supported": "#0f7a43",
    "not refuted": "#0f7a43",
    "refuted": "#b3261e",
    "undecided": "#8a5a00",
}
_GREY = "#556070"  # nothing is proven: a harness error, or nothing claimed
_HEIGHT_PX, _PAD_PX, _BASE_PX = 20, 6, 14
_MOST = 60  # characters of one side; the title has the rest
_NARROW, _WIDE = "fijlrt|.,:;'!()[]1 -", "mwMW%@\u2265\u2264"
_SHARE = re.compile(r"^(\w+) >= (\d*\.?\d+)$")
_TEXT = "font: 11px Verdana, 'DejaVu Sans', system-ui, sans-serif"


class BadgeReport(Report):
    """Claim and verdict, side by side."""

    name = "badge"
    contract = "A badge (SVG) for a README: the claim, or how many there are, and the verdict."

    def render(self, folder: Path) -> str:
        """Return the picture about ``folder``; UsageError where there is no run."""
        summary = load(folder).summary
        claims = [
            _Claimed(condition["name"], as_people_write(claim["claim"]), claim["verdict"])
            for condition in summary["conditions"]
            for claim in condition.get("claims") or ()
        ]
        became = verdict.of_run(summary["conditions"])
        told = [f"{one.condition}: {one.claim}: {one.verdict}" for one in claims]
        title = "\n".join([f"{summary['experiment']}: {became or 'nothing is claimed'}", *told])
        return _drawn(_label(claims), _message(became, claims), _COLOURS.get(str(became)), title)


class _Claimed(NamedTuple):
    condition: str
    claim: str
    verdict: str


def as_people_write(claim: str) -> str:
    """Return ``reliability >= 0.999`` as ``reliability \u2265 99.9%``, no digit more or less."""
    if match := _SHARE.fullmatch(claim):
        share = Decimal(match[2]) * 100
        return f"{match[1]} \u2265 {share.normalize():f}%"
    return claim.replace(">=", "\u2265").replace("<=", "\u2264")


def _label(claims: Sequence[_Claimed]) -> str:
    """Say what is claimed; where there are several claims, how many."""
    different = dict.fromkeys(one.claim for one in claims)
    if len(different) == 1:
        return next(iter(different))
    return f"{len(claims)} claims" if claims else "reliability"


def _message(became: str | None, claims: Sequence[_Claimed]) -> str:
    """Say what became of all; where that is not so of each, of how many it is."""
    if became is None:
        return "nothing claimed"
    alike = sum(one.verdict == became for one in claims)
    return became if alike in (0, len(claims)) else f"{became}: {alike} of {len(claims)}"


def _drawn(label: str, message: str, colour: str | None, title: str) -> str:
    left, right = _side(label), _side(message)
    width = left.wide + right.wide
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT_PX}" '
        f'viewBox="0 0 {width} {_HEIGHT_PX}" role="img" aria-labelledby="badge-title">\n'
        f'<title id="badge-title">{clean(title)}</title>\n'
        f'<clipPath id="round"><rect width="{width}" height="{_HEIGHT_PX}" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#round)"><rect width="{left.wide}" height="{_HEIGHT_PX}" '
        f'fill="#3b4350"/><rect x="{left.wide}" width="{right.wide}" height="{_HEIGHT_PX}" '
        f'fill="{colour or _GREY}"/></g>\n'
        f'<g fill="#fff" style="{_TEXT}" aria-hidden="true">'
        f"{_text(left, _PAD_PX)}{_text(right, left.wide + _PAD_PX)}</g>\n"
        "</svg>\n"
    )


class _Side(NamedTuple):
    text: str
    long: int  # its text, in pixels
    wide: int  # with what is to the left and right of it


def _side(text: str) -> _Side:
    shown = text if len(text) <= _MOST else f"{text[: _MOST - 1]}\u2026"
    long = round(sum(map(_advance_px, shown)))
    return _Side(shown, long, long + 2 * _PAD_PX)


def _advance_px(character: str) -> float:
    """Estimate how far a character of 11 px moves the next."""
    if character in _NARROW:
        return 4.6
    return 9.5 if character in _WIDE or ord(character) > 0x2FFF else 7.0


def _text(side: _Side, x: int) -> str:
    return f'<text x="{x}" y="{_BASE_PX}" textLength="{side.long}">{clean(side.text)}</text>'


__all__ = ["BadgeReport", "as_people_write"]
