"""The fenced blocks of a page, and the files that it tells its reader to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^\*\*`(?P<file>[^`\n]+)`\*\*\n\n)?^```(?P<kind>[\w{}-]*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block, and the name of the file that stands above it; "" without one."""

    kind: str
    text: str
    file: str
    line: int  # of the page, 1 is the first
    adjoins: bool = False  # nothing stands between it and the block above


def blocks(page: str) -> Iterator[Block]:
    """Return the blocks of a page's Markdown, from top to bottom."""
    end = 0
    for found in _BLOCK.finditer(page):
        line = page.count("\n", 0, found.start()) + 1
        adjoins = end > 0 and not page[end : found.start()].strip()
        yield Block(found["kind"], found["text"], found["file"] or "", line, adjoins)
        end = found.end()


def write_files(page: str, folder: Path) -> None:
    """Write the files of a page; of a name that comes twice the first."""
    for block in blocks(page):
        if block.file and not (folder / block.file).exists():
            (folder / block.file).write_text(block.text, encoding="utf-8")
