"""Cycles on a cluster: the rows are those of one machine, whoever dies meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import dask
import psutil
import pytest
from distributed import LocalCluster

from harness.errors import MeasurementError
from harness.experiment.run.cluster import pool as pools
from harness.experiment.run.cluster.where import Where
from harness.experiment.run.place import Baselines
from harness.experiment.run.pool import Task
from harness.experiment.written.configuration import Condition
from tests.experiment.run.cluster.clusters import (
    CHECKOUT,
    Cluster,
    cluster,
    hosts_below,
    wait_until,
)
from tests.experiment.run.runs import Runs

SHORT_LEASE_S = 2.0


def test_a_run_on_a_cluster_is_the_run_of_one_machine(
    runs: Runs, capfd: pytest.CaptureFixture[str]
) -> None:
    """The same rows, timings aside; run.json says who ran them, and nothing is left of it."""
    runs.write(cycles=40)
    assert runs("here", workers=1) == 0
    with dask.config.set({"temporary-directory": str(runs.folder)}):
        made = LocalCluster(
            n_workers=1,
            threads_per_worker=2,
            processes=False,
            protocol="tcp",
            host="127.0.0.1",
            dashboard_address=None,
        )
    with made:
        assert runs("there", workers=None, on=made.scheduler_address) == 0
        assert hosts_of_this_process() == []
    assert runs.rows("there") == runs.rows("here")
    told = json.loads((runs.folder / "there" / "run.json").read_text())
    assert (told["on"], told["workers"]) == (made.scheduler_address, 2)
    (worker,) = told["workers_seen"]
    assert worker["versions"] == told["versions"]
    assert worker["machine"]["cores"] == told["machine"]["cores"]
    assert "Traceback" not in capfd.readouterr().err


def hosts_of_this_process() -> list[psutil.Process]:
    """Those that run cycles for workers in this very process."""
    return [
        process
        for process in psutil.Process().children()
        if "cluster.host import main" in " ".join(process.cmdline())
    ]


@pytest.mark.long
def test_the_rows_do_not_depend_on_who_dies(runs: Runs, folder: Path) -> None:
    """Three workers of which two are killed one after another, one with its host, one comes."""
    runs.write(cycles=300)
    assert runs("here", workers=2) == 0
    with cluster(folder, 3) as made:
        running = Thread(
            target=runs, args=("there", "Slow"), kwargs={"workers": None, "on": made.address}
        )
        running.start()
        for number in range(2):
            runs.wait_for("there", 20 + 100 * number)
            for host in hosts_below(made.workers[number])[: number % 2]:
                host.kill()
            made.workers[number].kill()
            if number == 1:
                made.start()
        running.join(100)
        assert not running.is_alive()
        wait_until(lambda: not hosts_below(*made.workers), 20)
    assert runs.rows("there") == runs.rows("here")


@pytest.mark.long
def test_stopping_early_gives_the_same_cycles(runs: Runs, folder: Path) -> None:
    """And a budget; one worker, and two."""
    runs.write(cycles=100, claims='["reliability >= 0.8"]')
    early = {"stop_when_decided": True, "site": "Quick"}
    runs("here", workers=2, **early)  # type: ignore[arg-type]  # as asked
    with cluster(folder, 1) as made:
        runs("one", workers=None, on=made.address, **early)  # type: ignore[arg-type]  # as asked
        made.start()
        runs("two", workers=None, on=made.address, **early)  # type: ignore[arg-type]  # as asked
    assert len(runs.rows("here")) < 200
    assert runs.rows("one") == runs.rows("two") == runs.rows("here")


def begun(runs: Runs, made: Cluster, name: str) -> subprocess.Popen[str]:
    """Run it from a process of its own, until it has stored something."""
    code = (
        "import sys; from pathlib import Path; from harness.experiment.run.runner import run; "
        "from harness.experiment.run.options import Machinery, RunOptions; "
        "from harness.errors import HarnessError; "
        f"from harness.experiment.run.cluster import pool; pool.LEASE_S = {SHORT_LEASE_S}\n"
        f"options = RunOptions(output=Path({str(runs.folder / name)!r}), on={made.address!r})\n"
        f"machinery = Machinery(site='tests.experiment.sites:Slow', "
        f"work_folder=Path({str(runs.folder)!r}))\n"
        f"try: status = run(Path({str(runs.path)!r}), options, machinery)\n"
        "except HarnessError as error: print(error); status = error.exit_code\n"
        "sys.exit(status)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    runs.wait_for(name, 10)
    return child


@pytest.mark.long
def test_whoever_ends_leaves_nothing_running(runs: Runs, folder: Path) -> None:
    """Ctrl-C and kill -9 of who asks, and the scheduler's death: stored, resumed, nothing left."""
    runs.write(cycles=400)
    assert runs("here", workers=2) == 0
    with cluster(folder, 2) as made:
        child = begun(runs, made, "stopped")
        child.send_signal(signal.SIGINT)
        said, _ = child.communicate(timeout=30)
        assert (child.returncode, "go on with --resume" in said) == (130, True), said
        assert "Traceback" not in said
        wait_until(lambda: not hosts_below(*made.workers), 10)

        child = begun(runs, made, "killed")
        os.kill(child.pid, signal.SIGKILL)
        child.communicate(timeout=30)
        began_s = time.monotonic()
        wait_until(lambda: not hosts_below(*made.workers), 40)
        assert time.monotonic() - began_s < SHORT_LEASE_S + 15
        on = {"workers": None, "on": made.address, "resume": True}
        assert runs("stopped", **on) == 0  # type: ignore[arg-type]  # as asked

        child = begun(runs, made, "lost")
        started = [p for host in hosts_below(*made.workers) for p in [host, *host.children()]]
        made.scheduler.kill()
        said, _ = child.communicate(timeout=60)
        assert child.returncode == 4, said
        assert "the cluster's scheduler is gone; what came in is stored" in said
        assert "Traceback" not in said
        wait_until(lambda: not any(process.is_running() for process in started), 30)
    assert runs("killed", workers=2, resume=True) == 0
    assert runs("lost", workers=2, resume=True) == 0
    for name in ("stopped", "killed", "lost"):
        assert runs.rows(name) == runs.rows("here"), name


@pytest.mark.long
def test_all_workers_gone(runs: Runs, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence after a while; what came in is stored, and resumed where there are some again."""
    monkeypatch.setattr(pools, "WORKERLESS_S", 2.0)
    runs.write(cycles=200)
    with cluster(folder, 1) as made:

        def kill() -> None:
            runs.wait_for("there", 30)
            made.workers[0].kill()

        killing = Thread(target=kill)
        killing.start()
        with pytest.raises(MeasurementError, match="every worker of the cluster has been gone"):
            runs("there", "Slow", workers=None, on=made.address)
        killing.join()
        assert runs.stored("there") >= 30
        made.start(nanny=True)
        assert runs("there", workers=None, on=made.address, resume=True) == 0
    assert runs("here", workers=2) == 0
    assert runs.rows("there") == runs.rows("here")


@pytest.mark.long
def test_the_last_batch_is_not_forgotten(folder: Path) -> None:
    """Nothing is left to hand out, and the only worker dies: what it had is run by the next."""
    condition = Condition.model_validate({"name": "a", "workload": {"size_bytes": 262144}})
    baselines = Baselines(folder, 1)
    cycles = []
    with (
        cluster(folder, 1) as made,
        pools.ClusterPool(Where(made.address), "tests.experiment.sites:Slower", 1, folder) as pool,
    ):
        pool.prepare([condition], baselines)
        for records in pool.run([Task(condition, baselines.of(condition), range(2))]):
            cycles += [record.cycle for record in records]
            if len(made.workers) == 1:
                made.workers[0].kill()
                made.start()
    assert cycles == [0, 1]


DYING = """
import os, pickle, signal, time
from dataclasses import replace
from harness.experiment.run.cluster import hosting, orders
def marks(records):
    return orders.marks([replace(r, {changed}) for r in records])
class Last:
    def dumps(value):
        time.sleep(1)  # what it found is told, and arrives
        os.kill(os.getpid(), signal.SIGKILL)
hosting.marks, hosting.pickle = marks, Last
"""


@pytest.mark.long
@pytest.mark.parametrize("changed", ["", "outcome='dirty_known'"])
def test_a_batch_that_ran_twice_counts_once(runs: Runs, folder: Path, changed: str) -> None:
    """A worker tells what it found and dies before it has answered; another runs it again.

    Where both found the same that is no matter; where not, the cycle is a harness error.
    """
    runs.write(cycles=10)
    assert runs("here", workers=1) == 0
    with cluster(folder, 1, preload=DYING.format(changed=changed)) as made:

        def replace_it() -> None:
            made.workers[0].wait(60)
            made.start()

        coming = Thread(target=replace_it)
        coming.start()
        status = runs("there", workers=None, on=made.address)
        coming.join()
    there, here = runs.rows("there"), runs.rows("here")
    twice = [record for record in there if record.outcome == "harness_error"]
    assert [record.cycle for record in there] == [record.cycle for record in here]
    if changed:
        assert status == 4
        assert twice
        for record in twice:
            assert "ran twice, with two answers that differ: dirty_known" in record.detail
    else:
        assert status == 0
        assert there == here
