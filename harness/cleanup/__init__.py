"""Cleanups: one file each; a cleanup deletes the test data and reports entity by entity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from harness.retry import Retry
from harness.steps import Entity, Failure, Listener

__all__ = ["Cleanup", "CleanupReport", "Connect", "Entity"]


@dataclass(slots=True)
class CleanupReport:
    """What a cleanup says it did."""

    removed: dict[str, int] = field(default_factory=dict)  # table -> entities gone
    wanted: dict[str, int] = field(default_factory=dict)  # table -> entities there were to remove
    failed: list[tuple[Entity, Failure]] = field(default_factory=list)  # last failure of each
    failures: list[Failure] = field(default_factory=list)  # every failed attempt, also retried ones

    @property
    def ok(self) -> bool:
        """Whether the cleanup says that everything is gone."""
        return not self.failed

    def sentences(self) -> list[str]:
        """The summary's form: "Bots: 4/5 deleted; failed: bots 4 (API timeout, 3 attempts)"."""
        lines = []
        for table, wanted in self.wanted.items():
            people = table.replace("_", " ").capitalize()
            line = f"{people}: {self.removed.get(table, 0)}/{wanted} deleted"
            bad = [
                f"{entity.label.split(' ', 1)[1]} ({failure.reason}{_attempts(failure)})"
                for entity, failure in self.failed
                if entity.table == table
            ]
            lines.append(f"{line}; failed: {', '.join(bad)}" if bad else line)
        lines += [
            f"{entity.table.capitalize()}: failed ({failure.reason})"  # a cleanup that raised
            for entity, failure in self.failed
            if entity.table not in self.wanted
        ]
        return lines


def _attempts(failure: Failure) -> str:
    """How often it was tried; nothing of what was never tried (attempt 0)."""
    made = failure.step.attempt
    return f", {made} attempt{'' if made == 1 else 's'}" if made else ""


Connect = Callable[[Path], Any]  # opens a connection of the engine's own kind


class Cleanup(ABC):
    """One way to delete the test data."""

    name: ClassVar[str]
    contract: ClassVar[str]
    # "sql": made without arguments, works on the database; "http": made with the Service it asks;
    # "baseline": made with the path of a file that holds the baseline, and busy_timeout_ms.
    over: ClassVar[Literal["sql", "http", "baseline"]] = "sql"

    @abstractmethod
    def clean(
        self,
        database: Path,
        entities: Sequence[Entity],
        *,
        connect: Connect,
        retry: Retry,
        listener: Listener,
    ) -> CleanupReport:
        """Delete ``entities`` (in the order they were made) and report; never raise for one."""
