"""What a committed figure shows, so that it can be compared with one drawn today."""

from __future__ import annotations

import re


def words(picture: str) -> list[str]:
    """What is written in a figure."""
    return re.findall(r"<text [^>]*>([^<]*)</text>", picture)


def lines(picture: str) -> list[str]:
    """Its curves, to a pixel: more may differ between machines."""
    drawn = re.findall(r' d="([^"]*)"', picture)
    return [re.sub(r"-?\d+(?:\.\d+)?", lambda m: f"{float(m[0]):.0f}", path) for path in drawn]
