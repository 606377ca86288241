"""Who of a cluster may have cycles: every worker is asked what it is first."""

from __future__ import annotations

import io
from pathlib import Path
from threading import Thread

import pytest
from rich.console import Console

from harness.errors import UsageError
from harness.experiment.run.cluster import crew as crews
from harness.experiment.run.cluster.pool import ClusterPool
from harness.experiment.run.cluster.where import Where
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.place import Baselines
from harness.experiment.run.pool import Task
from harness.experiment.run.runner import run
from harness.experiment.written.configuration import Condition
from tests.experiment.run.cluster.clusters import Cluster, cluster, wait_until
from tests.experiment.run.runs import Runs

LACKING = """
import sys
class None_:
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "harness":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, None_)
"""
OLDER = "import harness.version; harness.version.VERSION = '0.0.9'"
NUMPY = """
from harness.experiment.run import machine
machine.versions = lambda before=machine.versions: before() | {"numpy": "1.26.4"}
"""


def refusal(runs: Runs, at: Cluster) -> str:
    """What is said when a run is refused there, which leaves no folder of results."""
    machinery = Machinery(
        site="tests.experiment.sites:Quick",
        work_folder=runs.folder,
        console=Console(file=io.StringIO()),
    )
    with pytest.raises(UsageError) as refused:
        run(runs.path, RunOptions(output=runs.folder / "no", on=at.address), machinery)
    assert not (runs.folder / "no").exists()
    return str(refused.value)


@pytest.mark.long
def test_workers_that_are_not_as_we_are_get_nothing(
    runs: Runs, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """None there at all, without the package, of another version: a sentence for each."""
    monkeypatch.setattr(crews, "ARRIVING_S", 0.5)
    with cluster(folder) as made:
        assert "has had no worker for 0.5 s" in refusal(runs, made)
        monkeypatch.setattr(crews, "ARRIVING_S", 30.0)
        for preload, said in (
            (LACKING, "has no harness: install reliability-harness[cluster]"),
            (OLDER, "has harness 0.0.9 instead of"),
            (NUMPY, "has numpy 1.26.4 instead of"),
        ):
            made.start(preload=preload)
            sentence = refusal(runs, made)
            assert "worker tcp://127.0.0.1:" in sentence
            assert said in sentence
            made.workers[-1].kill()
            made.workers[-1].wait(10)
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.long
def test_who_comes_later_is_asked_the_same(folder: Path) -> None:
    """One that is as we are gets cycles, one that is not gets none; both are told for run.json."""
    condition = Condition.model_validate({"name": "a", "workload": {"size_bytes": 262144}})
    baselines = Baselines(folder, 1)
    with (
        cluster(folder, 1) as made,
        ClusterPool(Where(made.address), "tests.experiment.sites:Slow", 1, folder) as pool,
    ):
        pool.prepare([condition], baselines)
        seen = len(pool.noted()["workers_seen"])

        def come() -> None:
            made.start(preload=OLDER)
            made.start()
            wait_until(lambda: pool.size == 2 and pool.noted()["workers_refused"])
            pool.stop.set()

        coming = Thread(target=come)
        coming.start()
        task = Task(condition, baselines.of(condition), range(100_000))
        cycles = [record.cycle for records in pool.run([task]) for record in records]
        coming.join()
        told = pool.noted()
    assert seen == 1
    assert len(cycles) == len(set(cycles)) > 0
    assert len(told["workers_seen"]) == 2
    (refused,) = told["workers_refused"]
    assert "has harness 0.0.9 instead of" in refused["why"]
    assert refused["address"] not in {worker["address"] for worker in told["workers_seen"]}
