"""A user's own project in a cycle: its create and test make the test data."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.cleanup.given.project import OwnCleanup
from harness.databases.engines import engine_of
from harness.databases.errors import describe
from harness.errors import MeasurementError
from harness.experiment.cycle.applications import Application
from harness.experiment.cycle.grounds.ground import Ground
from harness.experiment.plan.project_workload import BUSY_MS, OwnProject
from harness.experiment.written.settings import Condition
from harness.processes.context import Context
from harness.processes.terms import Terms
from harness.processes.written import action_of
from harness.steps import Failure, Listener, Step
from harness.workloads import TestData


class OwnApplication(Application):
    """Runs create and test; nothing of it stays connected but what the project itself leaves."""

    _workload: OwnProject

    def __init__(self, ground: Ground, workload: OwnProject) -> None:
        super().__init__(ground, workload)
        self._actions = workload.actions()
        self.terms, self.cleanup_terms = Terms(), Terms()  # of create and test; of the cleanup
        self.context = Context(ground.database, 0, 0, terms=self.terms)
        self._before = ground.written()
        self.at = "create"  # or "test": which of them is, or was, being run

    def begin(self, cycle: int, draw: int) -> None:
        """Note which cycle it is."""
        for terms in (self.terms, self.cleanup_terms):
            terms.notes.clear()
            terms.outputs.clear()
            terms.error = None
        where = Path(os.path.abspath(self._ground.database))
        self.context = Context(where, cycle, draw, terms=self.terms)
        self._before = self._ground.written()

    def create(self, draw: int, listener: Listener, *, patient: bool = False) -> TestData:
        """Run create and test; a failure ends it, and is the harness's unless a fault explains it.

        Raises:
            MeasurementError: not one byte of the database was written, or no command can be run.
        """
        failures: list[Failure] = []
        for place, action in enumerate(self._actions):
            self.at = "test" if place else "create"
            for part in action.parts(self.context, _connect):
                step = Step("create", part.operation, 1)
                listener(step)
                try:
                    part.run()
                except MeasurementError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever a user's code raises
                    reason, code = describe(error)
                    sentence = f"{type(error).__name__}: {error}"
                    failures.append(Failure(step, reason, sentence, code))
                    operations = self._workload.operations() if place else ()
                    return TestData(operations, self._workload.payload_bytes(), tuple(failures))
        if self._ground.written() == self._before:
            raise MeasurementError(
                "create changed nothing in the database, so this cycle has nothing to clean: "
                f"have it write to DATABASE_PATH, {self.context.database.name}"
            )
        return TestData(self._workload.operations(), self._workload.payload_bytes())

    def refuse_unchanged(self, baseline: Path) -> None:
        """Refuse a cycle in which create made nothing, or took away again all it had made.

        SQL and "auto" do the same in every cycle, and were looked at in the rehearsal.

        Raises:
            MeasurementError: not one row, sequence or setting differs from ``baseline``.
        """
        if all(action.steady for action in self._actions):
            return
        ground = self._ground
        differences = ground.engine.differences(ground.database, baseline, busy_timeout_ms=BUSY_MS)
        if differences.clean("exact"):
            raise MeasurementError(
                "create left every row as it was, so this cycle has nothing to clean: "
                f"have it write to DATABASE_PATH, {self.context.database.name}, in every cycle"
            )

    def notes(self, *, failed: bool) -> list[str]:
        """What is to be known of the cycle's commands: of a cycle that failed their output too."""
        terms_of_both = (self.terms, self.cleanup_terms)
        notes = [note for terms in terms_of_both for note in terms.notes]
        return notes + [
            output for terms in terms_of_both for output in terms.outputs if failed and output
        ]

    def leave(self) -> None:
        """Nothing is open."""

    def end(self, *, restored: bool = True) -> bool | None:
        """Nobody can be asked; but no failed cleanup may be the harness's own failure."""
        if self.cleanup_terms.error is not None:
            raise self.cleanup_terms.error
        return None

    def close(self) -> None:
        """Nothing is open."""


def own_cleanup(condition: Condition, application: OwnApplication) -> OwnCleanup:
    """Make the cleanup that is the project's own code."""
    project = condition.project
    assert project is not None  # noqa: S101 - only projects have applications of their own
    action = action_of(condition.cleanup, Path(project.home), timeout_s=project.timeout_s)
    return OwnCleanup(action, lambda: replace(application.context, terms=application.cleanup_terms))


def _connect(database: Path) -> Any:
    return engine_of(database).connect(database, busy_timeout_ms=BUSY_MS)


__all__ = ["OwnApplication", "own_cleanup"]
