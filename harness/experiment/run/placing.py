"""Who runs a run's cycles: processes of this machine, or an existing cluster."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from harness.errors import UsageError
from harness.experiment.cycle.rehearsal import commands_s
from harness.experiment.run.cluster.where import Where, refuse_unsent, where
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.place import size_bytes
from harness.experiment.run.pool import Pool
from harness.experiment.run.workers import Workers
from harness.experiment.written.configuration import Experiment


def asked_place(options: RunOptions, experiment: Experiment) -> Where | None:
    """Return the cluster that is asked for, None for this machine; UsageError for neither."""
    if options.on is None:
        if options.send_database:
            raise UsageError("--send-database is about workers elsewhere: say --on as well")
        return None
    if options.workers is not None:
        raise UsageError(
            "--workers is how many processes this machine runs, and --on says that a cluster's "
            "workers do: which one is meant?"
        )
    place = where(options.on)
    refuse_unsent(experiment.conditions, place, send=options.send_database)
    return place


def workers(
    place: Where | None,
    options: RunOptions,
    experiment: Experiment,
    machinery: Machinery,
    root: Path,
) -> AbstractContextManager[Workers]:
    """Return who runs the cycles of ``experiment``, to be entered."""
    watchdog_s = machinery.watchdog_s + commands_s(experiment.conditions)
    if place is None:
        count = options.processes()
        return Pool(machinery.site, experiment.seed, count, root, watchdog_s=watchdog_s)
    # the extra that it needs is not everybody's
    from harness.experiment.run.cluster.pool import ClusterPool  # noqa: PLC0415

    largest = max(map(size_bytes, experiment.conditions))
    return ClusterPool(
        place, machinery.site, experiment.seed, root, watchdog_s=watchdog_s, room_bytes=largest
    )


__all__ = ["asked_place", "workers"]
