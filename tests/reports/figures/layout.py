"""What a figure's texts take up, so that tests can say that none touches another."""

from __future__ import annotations

import re
from html import unescape
from itertools import combinations
from typing import NamedTuple

from harness.reports.figures.scale import width_px

_TEXT = re.compile(r'<text x="([-\d.]+)" y="([-\d.]+)" class="([^"]*)">([^<]*)</text>')
_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
HEIGHT_PX = 10.0


class Label(NamedTuple):
    """One text and the room it takes."""

    text: str
    left: float
    right: float
    baseline: float


def figures(page: str) -> list[str]:
    """Return every figure of its own size on a page."""
    return re.findall(r'<svg class="figure-svg[^"]*".*?</svg>', page, re.DOTALL)


def labels(figure: str) -> list[Label]:
    """Return the texts of a figure."""
    found = []
    for x, y, kind, text in _TEXT.findall(figure):
        said = unescape(text)
        wide, at = width_px(said), float(x)
        left = at - wide / 2 if "middle" in kind else at - wide if "end" in kind else at
        found.append(Label(said, left, left + wide, float(y)))
    return found


def faults(figure: str) -> list[str]:
    """Say which texts touch each other or leave the figure; [] where all is well."""
    box = _BOX.search(figure)
    assert box is not None
    width, height = float(box[1]), float(box[2])
    found = [
        f"{one.text!r} leaves the figure"
        for one in labels(figure)
        if one.left < -1 or one.right > width + 1 or not 8 <= one.baseline <= height
    ]
    return found + [
        f"{one.text!r} touches {other.text!r}"
        for one, other in combinations(labels(figure), 2)
        if abs(one.baseline - other.baseline) < HEIGHT_PX
        and one.left < other.right
        and other.left < one.right
    ]
