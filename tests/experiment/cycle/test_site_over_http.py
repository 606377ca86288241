"""Whole cycles over real sockets: a backend process, a proxy, and faults of the network."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness import registry
from harness.analysis.summary import load as load_summary
from harness.databases.sqlite.session import connect
from harness.errors import MeasurementError
from harness.experiment.cycle.site import DATABASE_NAME, Site
from harness.experiment.run.options import Machinery, RunOptions
from harness.experiment.run.runner import run
from harness.experiment.written.configuration import load
from harness.faults import Planned, Slot
from tests.experiment.cycle.test_site import SIZE_BYTES, site, timeless

PATIENT = {"timeout_ms": 5000.0, "backend_busy_timeout_ms": 9000}
NETWORK = (
    "connection_refused",
    "reset_before",
    "reset_after",
    "response_cut",
    "stall_before",
    "stall_after",
    "trickle",
    "gateway_error",
)


def over_http(folder: Path, **settings: Any) -> Site:
    """Make a site whose tests and cleanup go through the backend."""
    values = {
        "connection": "backend",
        "cleanup": "api",
        "recoveries": ["online_backup"],
        "api": PATIENT,
        "retry": {"attempts": 2, "first_ms": 1.0},
    }
    return site(folder, **(values | settings))


def test_without_faults_every_cycle_is_clean(folder: Path) -> None:
    """Over HTTP too the cleanup removes all, and the next cycle starts from the same bytes."""
    here = over_http(folder)
    try:
        for cycle in range(3):
            record = here.run(cycle)
            assert (record.outcome, record.detail) == ("cleaned", "")
            assert record.left_behind == 0
            work = folder / "work"
            assert sorted(p.name for p in work.iterdir()) == [DATABASE_NAME, "backend.log"]
            assert (work / DATABASE_NAME).read_bytes() == (folder / "pristine").read_bytes()
    finally:
        here.close()


@pytest.mark.parametrize("kind", NETWORK)
def test_a_fault_at_every_attempt_is_restored(folder: Path, kind: str) -> None:
    """Each kind of network fault, at every attempt, fails the cleanup and is then restored."""
    timeout_ms = 100.0 if kind in ("stall_before", "stall_after", "trickle") else 5000.0
    here = over_http(folder, api=PATIENT | {"timeout_ms": timeout_ms}, demands="exact")
    label = here.shape.operations[-1].label  # the one deleted first
    planned = [Planned(kind, Slot("cleanup", label, a), "attempt", 0.3) for a in (1, 2)]
    try:
        record = here.run_planned(0, 1, planned)
    finally:
        here.close()
    assert record.outcome == "restored", record.detail
    assert not record.cleanup_ok
    assert all(entry.fired and entry.surfaced for entry in record.faults), record.faults


def test_a_lost_answer_to_a_delete_is_forgiven(folder: Path) -> None:
    """Reset after the commit, the second attempt finds nothing there: that is success."""
    here = over_http(folder)
    label = here.shape.operations[-1].label
    try:
        record = here.run_planned(
            0, 1, [Planned("reset_after", Slot("cleanup", label, 1), "attempt", 0.5)]
        )
    finally:
        here.close()
    assert (record.outcome, record.cleanup_ok) == ("cleaned", True)
    assert "204" in record.faults[0].evidence


@pytest.mark.parametrize(
    ("kind", "policy", "outcome"),
    [
        ("reset_after", "hybrid_trusting", "dirty_silent"),
        ("reset_after", "hybrid_verified", "restored"),
        ("reset_before", "hybrid_trusting", "cleaned"),
    ],
)
def test_a_lost_answer_to_a_create_leaves_a_row_nobody_knows(
    folder: Path, kind: str, policy: str, outcome: str
) -> None:
    """The two resets look the same to the tests; after the commit there is a row nobody tracks."""
    here = over_http(folder, policy=policy)
    slot = Slot("create", here.shape.creates[0], 1)
    try:
        record = here.run_planned(0, 1, [Planned(kind, slot, "attempt", 0.5)])
    finally:
        here.close()
    assert record.outcome == outcome
    assert record.faults[0].surfaced


def test_the_same_cycle_is_the_same_record(folder: Path) -> None:
    """Another backend, proxy, port and folder: the same faults and the same record."""
    faults = {kind: {"rate": 0.1} for kind in ("reset_before", "reset_after", "gateway_error")}
    records = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        here = over_http(folder / name, faults=faults)
        try:
            records.append([timeless(here.run(cycle)) for cycle in range(6)])
        finally:
            here.close()
    assert records[0] == records[1]
    assert any(record.faults for record in records[0])


def test_what_dies_unasked_is_never_a_success(folder: Path) -> None:
    """A backend that dies in mid-cycle, by nobody's plan, makes no record at all."""
    here = over_http(folder)
    try:
        assert here.run(0).outcome == "cleaned"
        backend = here.scene.backend
        assert backend is not None
        created = here._application.create

        def create(*given: Any, **more: Any) -> Any:
            data = created(*given, **more)
            backend.kill()
            return data

        here._application.create = create  # type: ignore[method-assign]  # when it dies is the test's
        with pytest.raises(MeasurementError, match="backend died"):
            here.run(1)
    finally:
        here.close()


def test_a_test_that_fails_by_itself_is_no_result(folder: Path) -> None:
    """A creation refused though nothing struck it makes no record, however clean the end."""
    here = over_http(folder)
    try:
        connection = connect(here.database)
        connection.execute(
            "UPDATE api_tokens SET scopes = 'users:read bots:read integrations:read'"
        )
        connection.close()
        with pytest.raises(MeasurementError, match="create users 1 failed though nothing struck"):
            here.run(0)
    finally:
        here.close()


def test_a_strike_that_fails_is_no_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of a fault's own, in the proxy's thread, spoils the very cycle it belongs to."""

    def handle(self: Any, exchange: Any) -> None:
        self.evidence = "about to break"
        raise RuntimeError("planted")

    monkeypatch.setattr(registry.find("faults", "reset_before"), "handle", handle)
    for cycle in range(4):  # a race, should there be one
        place = folder / str(cycle)
        place.mkdir()
        here = over_http(place)
        label = here.shape.operations[-1].label
        planned = [Planned("reset_before", Slot("cleanup", label, 1), "attempt", 0.5)]
        try:
            with pytest.raises(MeasurementError, match="planted"):
                here.run_planned(cycle, cycle, planned)
        finally:
            here.close()


def test_the_failure_scenario(folder: Path) -> None:
    """The scenario that is shown to people is what it says it is, warm or cold, every time."""
    experiment = load(Path(__file__).parents[3] / "experiments" / "failure_scenario.toml")
    (condition,) = experiment.conditions
    for number in range(3):
        place = folder / str(number)
        place.mkdir()
        pristine = place / "pristine"
        registry.find("workloads", "platform").build_baseline(
            pristine, size_bytes=SIZE_BYTES, seed=1, journal_mode="wal"
        )
        here = Site(condition, experiment.seed, pristine, place)
        try:
            record = here.run(0)
        finally:
            here.close()
        assert record.outcome == "restored"
        tables = json.loads(record.story)["cleanup"]["tables"]
        assert [(t["table"], t["removed"], t["wanted"]) for t in tables] == [
            ("integrations", 2, 3),
            ("bots", 3, 5),
            ("users", 1, 2),
        ]
        reasons = [f["reason"] for t in tables for f in t["failed"]]
        assert reasons == [
            "network error",
            "API timeout",
            "foreign-key violation",
            "permission denied",
        ]
        assert all(entry.surfaced for entry in record.faults)


def test_a_backend_killed_by_a_fault_is_survived(folder: Path) -> None:
    """Where the experiment asks for it, the backend dies, the guard restores, the next is fine."""
    here = over_http(folder, api=PATIENT | {"timeout_ms": 2000.0})
    label = here.shape.operations[-1].label
    try:
        killed = Planned("backend_killed", Slot("cleanup", label, 1), "phase", 0.5)
        record = here.run_planned(0, 1, [killed])
        assert record.outcome == "restored", record.detail
        assert record.faults[0].surfaced
        assert here.run(1).outcome == "cleaned"
    finally:
        here.close()


def test_a_stale_backend_is_not_clean(folder: Path) -> None:
    """A copy put back under the backend's open connections is seen as what it is: dirty."""
    here = over_http(folder, recoveries=["naive_copy"], policy="hybrid_trusting")
    label = here.shape.operations[-1].label
    planned = [Planned("reset_before", Slot("cleanup", label, a), "attempt", 0.5) for a in (1, 2)]
    try:
        record = here.run_planned(0, 1, planned)
    finally:
        here.close()
    assert record.says_clean
    assert record.outcome in ("dirty_silent", "baseline_lost")


def test_where_no_data_was_made_nothing_is_supported(folder: Path) -> None:
    """A condition whose tests never made all their data is doubted, however clean it ends."""
    path = folder / "e.toml"
    path.write_text(
        'name = "e"\ncycles = 3\n[[conditions]]\nname = "a"\nconnection = "backend"\n'
        'cleanup = "api"\nrecoveries = ["online_backup"]\nclaims = ["reliability >= 0.1"]\n'
        "[conditions.workload]\nsize_bytes = 327680\n[conditions.faults.connection_refused]\n"
        'rate = 1.0\nphases = ["create"]\n'
    )
    console = Console(file=io.StringIO())
    options = RunOptions(output=folder / "run", workers=1)
    assert run(path, options, Machinery(console=console)) == 4
    printed = " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]  # a StringIO
    assert "in no cycle did the tests make all their data" in printed
    summary = load_summary(folder / "run").summary
    assert summary["conditions"][0]["outcomes"]["cleaned"] == 3
    assert summary["conditions"][0]["verdict"] == "undecided"
