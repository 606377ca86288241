"""The process that runs cycles: its baselines, its batches, and its end."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.errors import UsageError
from harness.experiment.run.cluster.host import Host, start_arguments
from harness.experiment.run.cluster.orders import Order, Sent, Strange, Terms, Unable
from harness.experiment.run.place import Baselines
from harness.experiment.written.configuration import Condition

TERMS = Terms("run", "tests.experiment.sites:Quick", 1, 60.0, 0, 60.0)
CONDITION = Condition.model_validate({"name": "a", "workload": {"size_bytes": 262144}})
PICKLED = pickle.dumps(CONDITION)
ORDER = Order(1, PICKLED, "a", range(3, 20))


@pytest.fixture
def host(folder: Path) -> Iterator[Host]:
    """Give one in a folder of its own."""
    (folder / "host").mkdir()
    made = Host(TERMS, folder / "host")
    yield made
    made.stop()
    made.close()


@pytest.fixture
def sent(folder: Path) -> Sent:
    """What is asked of a host before its first batch: the fingerprint is made elsewhere."""
    (folder / "client").mkdir()
    return Sent(PICKLED, Baselines(folder / "client", 1).fingerprint(CONDITION))


def test_a_batch_runs_on_a_baseline_that_is_the_same_everywhere(host: Host, sent: Sent) -> None:
    """Built here and there from workload and seed; the records are those cycles'."""
    host.prepare([sent])
    answer = host.run(ORDER)
    assert [record.cycle for record in sorted(answer.records, key=lambda r: r.cycle)] == [
        *range(3, 20)
    ]
    assert {record.outcome for record in answer.records} <= {"cleaned", "restored"}
    assert answer.spent_s > 0
    assert answer.took_s > 0


def test_another_baseline_is_refused(host: Host, sent: Sent) -> None:
    """A hash that differs: not one cycle runs."""
    with pytest.raises(Unable, match="'a': the baseline made here is another one"):
        host.prepare([replace(sent, fingerprint="0" * 64)])
    with pytest.raises(Strange, match="no baseline of condition 'a'"):
        host.run(ORDER)


def test_a_database_that_is_sent_arrives_whole(host: Host, sent: Sent, folder: Path) -> None:
    """In parts; what was altered on the way is another baseline."""
    content = next((folder / "client").iterdir()).read_bytes()
    for begin in range(0, len(content), 100_000):
        host.receive("copy-0", content[begin : begin + 100_000])
    host.receive("copy-1", content[:-1])
    host.prepare([replace(sent, file="copy-0")])
    with pytest.raises(Unable, match="another one"):
        host.prepare([replace(sent, file="copy-1")])


def test_a_project_whose_folder_is_not_here(host: Host, sent: Sent, folder: Path) -> None:
    """Its commands could not run: said before any cycle; SQL needs no folder."""
    content = next((folder / "client").iterdir()).read_bytes()
    host.receive("copy-0", content)
    project = {"database": "x.db", "home": "/not/here", "create": "python make.py"}
    own = Condition.model_validate({"name": "own", "project": project})
    with pytest.raises(Unable, match=r"'own': .* /not/here, and that folder is not here"):
        host.prepare([replace(sent, condition=pickle.dumps(own), file="copy-0")])
    rows = own.model_copy(update={"project": own.project.model_copy(update={"create": "auto"})})  # type: ignore[union-attr]  # it has one
    host.prepare([replace(sent, condition=pickle.dumps(rows), file="copy-0")])


def test_nothing_runs_once_it_is_to_end(host: Host, sent: Sent) -> None:
    """Who asks is told to ask elsewhere."""
    host.prepare([sent])
    host.stop()
    with pytest.raises(Strange, match="everything ends here"):
        host.run(ORDER)


def test_it_is_started_without_the_folder_it_is_started_in() -> None:
    """A file there that is called as a module would be taken for it."""
    assert start_arguments(5)[1:3] == ["-P", "-c"]
    assert "" not in start_arguments(5)[4:]


def test_no_room_is_said_before_any_cycle(
    host: Host, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither for what is sent nor for what is built."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free=400_000))
    with pytest.raises(Unable, match="the database that is sent does not fit into"):
        host.receive("copy-0", bytes(262144))
    with pytest.raises(
        UsageError, match=r"'a': workload\.size_bytes: 262144 bytes twice do not fit"
    ):
        host.prepare([sent])


class Usage(NamedTuple):
    """What is free of a disk."""

    free: int
