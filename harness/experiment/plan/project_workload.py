"""A user's own project as a workload: its baseline is a copy of their database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import WorkloadError
from harness.experiment.written.project import AUTO, ProjectSetting
from harness.processes.actions import Action
from harness.processes.written import action_of
from harness.steps import Entity
from harness.workloads import JournalMode, TestData, Workload

if TYPE_CHECKING:
    from harness.test_rows.rows import AutoRows

BUSY_MS = 5000  # that SQL of create and test waits for a lock, as long as most drivers do


class OwnProject(Workload):
    """The workload that a user's project is: its baseline is a copy of their database."""

    name = "project"
    contract = "A user's own database, create and test."
    shapes = ()

    def __init__(self, project: ProjectSetting, seed: int) -> None:
        super().__init__("", seed)
        self.project = project
        self._auto: AutoRows | None = None

    @classmethod
    def build_baseline(
        cls, path: Path, *, size_bytes: int, seed: int, journal_mode: JournalMode
    ) -> None:
        """Refuse: the baseline is a copy."""
        raise WorkloadError("a project's baseline is a copy of its database; it is never built")

    def learn(self, connection: Any) -> None:
        """Think out the rows of ``create = "auto"``; of the user's own code nothing is learned.

        UsageError names the table for which no rows could be thought of.
        """
        project = self.project
        if project.create == AUTO and self._auto is None:
            from harness.test_rows.rows import plan_rows  # noqa: PLC0415 - Faker is slow to import

            self._auto = plan_rows(
                connection, rows=project.rows, tables=project.tables, seed=self.seed
            )

    def create(self, connection: Any, draw: int) -> TestData:
        """Refuse: see ``OwnApplication``, which knows the cycle."""
        raise WorkloadError("a project's test data is made by its application")

    def operations(self) -> Sequence[Entity]:
        """Name the rows of ``create = "auto"``; what the project's own code makes nobody knows."""
        if self.project.create != AUTO:
            return ()
        return self._learned().entities

    def payload_bytes(self) -> int:
        """Count the bytes that ``create = "auto"`` wrote last."""
        return self._auto.payload_bytes if self._auto else 0

    def _learned(self) -> AutoRows:
        if self._auto is None:
            raise WorkloadError(f'create = "{AUTO}": learn the database first')
        return self._auto

    def actions(self) -> list[Action]:
        """What makes the test data: create, then test."""
        project = self.project
        home = Path(project.home)
        written = [project.create, *([project.test] if project.test else [])]
        return [
            self._learned()
            if place == 0 and command == AUTO
            else action_of(command, home, timeout_s=project.timeout_s)
            for place, command in enumerate(written)
        ]
