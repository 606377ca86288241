"""What the contract has to know of an engine: how to make, write and read one of its databases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import pytest

Rows = list[tuple[int, str]]


class Subject(ABC):
    """One engine's databases. Each has a table ``item (id, name)`` whose ids a sequence gives.

    Args:
        folder: an empty one, for whatever the engine keeps in files.
        request: of the test, for fixtures of the engine's own.
    """

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self.folder = folder

    @abstractmethod
    def make(self, name: str = "app_dev") -> str:
        """Make a database with two rows, (1, 'one') and (2, 'two'); how people give its address."""

    @abstractmethod
    def run(self, given: str, statement: str) -> None:
        """Run a statement of SQL as an application would, committed when it returns."""

    @abstractmethod
    def rows(self, given: str) -> Rows:
        """Read the table's rows, by id."""

    @abstractmethod
    def locked(self, given: str) -> BaseException:
        """Meet a lock of another connection's, and give the error that the driver raised."""

    @abstractmethod
    def left(self) -> set[str]:
        """Name everything that stands there beside the databases themselves."""

    def foreign(self) -> str:
        """Make what is no database of this engine's, and give its address."""
        path = self.folder / "foreign_dev"
        path.write_text("three years of work" * 100)
        return str(path)
