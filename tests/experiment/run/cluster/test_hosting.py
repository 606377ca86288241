"""A host as its Dask worker sees it: it answers, and ends whatever becomes of who asked."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.experiment.run.cluster import hosting
from harness.experiment.run.cluster.orders import Order, Sent, Strange, Terms, Unable
from harness.experiment.run.place import Baselines
from harness.experiment.written.configuration import Condition
from tests.experiment.run.cluster.clusters import wait_until

TERMS = Terms("run", "tests.experiment.sites:Slow", 1, 60.0, 0, 60.0)
CONDITION = Condition.model_validate({"name": "a", "workload": {"size_bytes": 262144}})
PICKLED = pickle.dumps(CONDITION)


@pytest.fixture
def hosted(folder: Path) -> Iterator[hosting.Hosted]:
    """Give one that is ready for cycles."""
    made = hosting.Hosted(TERMS, 1)
    assert made.ready.result(30)["cores"] >= 1
    made.ask("prepare", [Sent(PICKLED, Baselines(folder, 1).fingerprint(CONDITION))]).result(30)
    yield made
    made.end()


@pytest.mark.long
def test_it_answers_and_ends_with_all_that_it_has_started(hosted: hosting.Hosted) -> None:
    """A batch; an error as it was said; and its process, its workers and its folder are gone."""
    answer = hosted.ask("run", Order(1, PICKLED, "a", range(5))).result(30)
    assert len(answer.records) == 5
    with pytest.raises(Unable, match="AttributeError"):
        hosted.ask("nonsense").result(10)
    host = psutil.Process(vars(hosted)["_process"].pid)
    started = host.children(recursive=True)
    assert started
    slow = hosted.ask("run", Order(2, PICKLED, "a", range(100_000)))
    hosted.end()
    wait_until(lambda: not any(process.is_running() for process in [host, *started]), 5)
    with pytest.raises(Strange):
        slow.result(5)
    with pytest.raises(Strange):
        hosted.ask("run", Order(1, PICKLED, "a", range(5))).result(5)


@pytest.mark.long
def test_a_host_that_dies_is_told(hosted: hosting.Hosted) -> None:
    """Whoever waits for its answer is told at once, and nothing of it goes on."""
    slow = hosted.ask("run", Order(2, PICKLED, "a", range(100_000)))
    host = psutil.Process(vars(hosted)["_process"].pid)
    wait_until(lambda: host.children(recursive=True))
    started = host.children(recursive=True)
    os.kill(host.pid, signal.SIGKILL)
    with pytest.raises(Strange, match="has ended"):
        slow.result(10)
    assert hosted.ended
    wait_until(lambda: not any(process.is_running() for process in started), 10)


def test_a_run_that_nobody_asks_for_any_more_is_ended() -> None:
    """The lease runs out: who asked was killed, or is cut off."""
    terms = Terms("unasked", "tests.experiment.sites:Slow", 1, 60.0, 0, 2.0)
    hosting._begin(terms, "tcp://here:1", 1)
    host = psutil.Process(vars(hosting._of("unasked", "tcp://here:1"))["_process"].pid)
    began_s = time.monotonic()
    wait_until(lambda: not host.is_running() or host.status() == psutil.STATUS_ZOMBIE, 20)
    assert time.monotonic() - began_s < 10
    with pytest.raises(Strange, match="tcp://here:1 is not ready"):
        hosting._of("unasked", "tcp://here:1")


def test_a_site_that_is_not_there_is_said() -> None:
    """The worker's installation is another one."""
    hosted = hosting.Hosted(Terms("run", "tests.no_such:Site", 1, 60.0, 0, 60.0), 1)
    with pytest.raises(Unable, match=r"no site of cycles at 'tests\.no_such:Site'"):
        hosted.ready.result(30)
    hosted.end()
