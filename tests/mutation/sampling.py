"""Which defects are planted: lines drawn at random, so many of each room as it has lines."""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tests.mutation.operators import Mutant, mutants

# What decides that a database is clean, what puts it back, and what is said of it.
ROOMS = ("guard", "recovery", "truth", "databases", "statistics")


class Placed(NamedTuple):
    """A defect and the file that it is planted in."""

    path: str  # within the checkout
    mutant: Mutant

    def __str__(self) -> str:
        """Name it by file, line and kind."""
        return f"{self.path}:{self.mutant.line} {self.mutant.what}"


def sample(root: Path, rooms: tuple[str, ...], size: int, seed: int) -> list[Placed]:
    """Draw defects, at most one a line, in the order in which they are tried.

    Args:
        root: the checkout.
        rooms: names of folders in ``harness``.
        size: how many; fewer where there are not as many lines.
        seed: the same one draws the same defects of the same sources.

    Raises:
        ValueError: a room has no lines that a defect could be planted in.
    """
    drawn, randomly = [], random.Random(seed)  # noqa: S311 - a sample, no secret
    lines = {room: _lines(root, room) for room in rooms}
    for room, count in shares({room: _length(root, room) for room in rooms}, size).items():
        if not lines[room]:
            raise ValueError(f"no line of {root / 'harness' / room} can take a defect")
        of_room = randomly.sample(sorted(lines[room]), min(count, len(lines[room])))
        drawn += [Placed(line[0], randomly.choice(lines[room][line])) for line in of_room]
    randomly.shuffle(drawn)  # so that a run that is ended is a sample as well
    return drawn


def shares(lines: dict[str, int], size: int) -> dict[str, int]:
    """Share out a number by lines, whole numbers that add up (the largest remainders first)."""
    of_all = {name: size * count / sum(lines.values()) for name, count in lines.items()}
    found = {name: int(share) for name, share in of_all.items()}
    by_rest = sorted(of_all, key=lambda name: found[name] - of_all[name])
    for name in by_rest[: size - sum(found.values())]:
        found[name] += 1
    return found


def _files(root: Path, room: str) -> list[Path]:
    return sorted((root / "harness" / room).rglob("*.py"))


def _length(root: Path, room: str) -> int:
    return sum(len(path.read_text("utf-8").splitlines()) for path in _files(root, room))


def _lines(root: Path, room: str) -> dict[tuple[str, int], list[Mutant]]:
    found: defaultdict[tuple[str, int], list[Mutant]] = defaultdict(list)
    for path in _files(root, room):
        for mutant in mutants(path.read_text("utf-8")):
            found[str(path.relative_to(root)), mutant.line].append(mutant)
    return found
