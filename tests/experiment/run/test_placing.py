"""Who runs the cycles, as it was asked for."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.experiment.run.cluster.pool import ClusterPool
from harness.experiment.run.cluster.where import Where
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.placing import asked_place, workers
from harness.experiment.run.pool import Pool
from tests.experiment.run.runs import Runs


def test_this_machine_or_a_cluster(runs: Runs) -> None:
    """Nothing is connected before it is entered."""
    here, there = RunOptions(workers=2), RunOptions(on="local:3")
    experiment = here.experiment(runs.path)
    assert asked_place(here, experiment) is None
    assert asked_place(there, experiment) == Where("local:3", 3)
    machinery = Machinery(site="tests.experiment.sites:Quick")
    pool = workers(None, here, experiment, machinery, runs.folder)
    assert isinstance(pool, Pool)
    pool.close()
    far = workers(Where("tcp://a:1"), there, experiment, machinery, runs.folder)
    assert isinstance(far, ClusterPool)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"on": "local:2", "workers": 2}, "--workers is .* and --on"),
        ({"send_database": True}, "--send-database .* --on as well"),
        ({"on": "nonsense"}, "--on nonsense"),
    ],
)
def test_what_contradicts_itself_is_refused(
    runs: Runs, asked: dict[str, object], said: str
) -> None:
    """Before anything is begun."""
    options = RunOptions(**asked)  # type: ignore[arg-type]  # as asked
    with pytest.raises(UsageError, match=said):
        asked_place(options, options.experiment(runs.path))
