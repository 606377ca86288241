"""A run's folder: run.json is whole or the old one, and nobody goes on with another's run."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from harness.errors import ConfigurationError, MeasurementError, UsageError
from harness.experiment.written.configuration import Condition, Experiment
from harness.results.folder import RUN, check_same, read_run, write_run
from tests.results.cycles import EXPERIMENT, new_run


def test_another_experiment_is_told_by_what_differs(folder: Path) -> None:
    """The key that differs is named; more cycles are no difference."""
    write_run(folder, new_run())
    check_same(folder, EXPERIMENT.with_cycles(9))
    changed = Experiment(
        name="stored", conditions=(Condition(name="a", policy="cleanup_only"), Condition(name="b"))
    )
    with pytest.raises(ConfigurationError, match=r"conditions\.0\.policy"):
        check_same(folder, changed)


def test_what_no_run_wrote_is_refused(folder: Path) -> None:
    """Damaged, of a later version, of no version."""
    (folder / RUN).write_text("{")
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_run(folder)
    (folder / RUN).write_text('{"version": 99}')
    with pytest.raises(
        UsageError, match="written by version 99 of the format; this harness reads 1"
    ):
        read_run(folder)
    (folder / RUN).write_text("[]")
    with pytest.raises(UsageError, match="not written by this version"):
        read_run(folder)


def test_run_json_is_replaced_in_one_step(folder: Path) -> None:
    """A write that fails leaves the old run.json whole, and no half one beside it."""
    write_run(folder, new_run())
    before = (folder / RUN).read_bytes()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))  # write(2) then fails with EFBIG
    try:
        with pytest.raises(MeasurementError, match="cannot be written"):
            write_run(folder, {**new_run(), "more": "x" * 5000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (folder / RUN).read_bytes() == before
    assert [path.name for path in folder.iterdir()] == [RUN]
