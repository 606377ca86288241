"""What a comparison found, and the sentences that say so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

LISTED = 20  # rowids in a sentence, and sentences


@dataclass(slots=True)
class Findings:
    """What a comparison found."""

    rows: bool = True
    exact: bool = True  # what ``rows`` does not look at: sequences, rowids nobody chose
    lost: bool = False
    sentences: list[str] = field(default_factory=list)

    def differ(self, *sentences: str, lost: bool) -> None:
        """Note a difference in content; without a sentence where another one explains it."""
        self.rows = False
        self.lost = self.lost or lost
        self.sentences += sentences

    def inexact(self, sentence: str) -> None:
        """Note a difference that only the grade ``exact`` minds."""
        self.exact = False
        self.sentences.append(sentence)

    def broken(self, sentence: str) -> None:
        """Note that the file is not sound."""
        self.differ(f"structure: {sentence}", lost=True)

    def listed(self) -> tuple[str, ...]:
        """Return the sentences, the first of them only when there are many."""
        return tuple(shortened(self.sentences))


@dataclass(slots=True)
class Doubts:
    """What reading the pages leaves open, so that SQLite has to be asked."""

    whole_file: bool = False  # something that only a check of the whole file can settle
    tables: set[str] = field(default_factory=set)  # whose trees are to be checked
    crooked: list[int] = field(default_factory=list)  # b-tree pages whose space does not add up

    def space(self, *numbers: int) -> None:
        """Note b-tree pages whose free space does not add up."""
        self.crooked += numbers
        self.whole_file = self.whole_file or bool(numbers)


@dataclass(slots=True)
class TreeDifference:
    """Cells of one b-tree that are not the baseline's; rowids, or counts for index trees."""

    added: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    more: int = 0
    fewer: int = 0
    disorder: bool = False

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(
            self.added or self.missing or self.changed or self.more or self.fewer or self.disorder
        )

    @property
    def lost(self) -> bool:
        """Whether something of the baseline is not there any more."""
        return bool(self.missing or self.changed or self.fewer or self.disorder)

    def sentences(self, name: str, unit: str) -> Iterable[str]:
        """Give one sentence a kind of difference."""
        kinds = (("added", self.added), ("missing", self.missing), ("changed", self.changed))
        for kind, rowids in kinds:
            if rowids:
                numbers = ", ".join(shortened([str(rowid) for rowid in rowids]))
                yield f"{name}: {_counted(len(rowids), unit)} {kind} (rowid {numbers})"
        if self.more:
            yield f"{name}: {_counted(self.more, unit)} added"
        if self.fewer:
            yield f"{name}: {_counted(self.fewer, unit)} missing or changed"
        if self.disorder:
            yield f"{name}: {unit} out of order"


def shortened(lines: list[str]) -> list[str]:
    """Keep the first few, and say how many more there are."""
    return lines if len(lines) <= LISTED else [*lines[:LISTED], f"and {len(lines) - LISTED} more"]


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit if count == 1 else {'row': 'rows', 'entry': 'entries'}[unit]}"
