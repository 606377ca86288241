"""Reports: one file a format; they read stored results and statistics, nothing that runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar


class Report(ABC):
    """One format in which people or machines read a run."""

    name: ClassVar[str]
    contract: ClassVar[str]

    @abstractmethod
    def render(self, folder: Path) -> str:
        """Return the report on the run in ``folder``; UsageError where there is no run."""
