"""A user's own project as a workload."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import WorkloadError
from harness.experiment.plan.project_workload import OwnProject
from tests.experiment.own_project import condition


def test_it_makes_no_baseline_and_knows_no_rows(tmp_path: Path) -> None:
    """Its baseline is a copy, and what the project's own code makes nobody knows."""
    project = condition(tmp_path).project
    assert project is not None
    workload = OwnProject(project, 1)
    with pytest.raises(WorkloadError, match="never built"):
        OwnProject.build_baseline(tmp_path / "x", size_bytes=0, seed=1, journal_mode="wal")
    assert workload.operations() == ()
    assert workload.payload_bytes() == 0
    assert len(workload.actions()) == (2 if project.test else 1)
