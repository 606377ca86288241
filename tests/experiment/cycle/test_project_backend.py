from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.errors import ConfigurationError, MeasurementError
from harness.experiment.cycle.project_backend import OwnBackend
from harness.experiment.cycle.site import Site
from harness.experiment.run.options import RunOptions
from harness.experiment.run.runner import run
from harness.experiment.written.configuration import Condition
from harness.experiment.written.project_checks import of_project
from harness.faults import REQUEST, Planned, Slot
from harness.faults.scope_revoked import ScopeRevoked
from harness.results.records import CycleRecord
from tests.processes.test_server import PATIENT_S, START, make_database

HOME = Path(__file__).resolve().parents[2] / "processes"
CODE = f"{sys.executable} requests_of_theirs.py"
FAILING = (
    "connection_refused",
    "reset_before",
    "gateway_error",
    "stall_before",
    "backend_stopped",
    "backend_killed",
)
DONE_ALL_THE_SAME = ("reset_after", "response_cut", "stall_after")

Make = Callable[..., Site]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have their module found by its name, whichever test comes first."""
    monkeypatch.syspath_prepend(str(HOME))


def condition_of(pristine: Path, start: str = START, **settings: Any) -> Condition:
    """A condition of a project with a backend."""
    project = {
        "database": str(pristine),
        "create": "requests_of_theirs:create",
        "home": str(HOME),
        "backend": {"start": start, "requests": 3, "ready_timeout_s": PATIENT_S},
    }
    values: dict[str, Any] = {
        "name": "c",
        "demands": "rows",
        "recoveries": ["online_backup"],
        "cleanup": "requests_of_theirs:clean",
    }
    project |= settings.pop("project", {})
    return Condition.model_validate(values | settings | {"project": project})


@pytest.fixture
def make(folder: Path) -> Iterator[Make]:
    """Make sites, and close them."""
    made: list[Site] = []

    def one(start: str = START, **settings: Any) -> Site:
        pristine = folder / "pristine.sqlite"
        if not pristine.exists():
            make_database(pristine)
        work = folder / f"work-{len(made)}"
        work.mkdir()
        made.append(Site(condition_of(pristine, start, **settings), 1, pristine, work))
        return made[-1]

    yield one
    for site in made:
        site.close()


def struck(site: Site, kind: str, number: int = 2, lasting: str = "attempt") -> CycleRecord:
    """Run a cycle in which ``kind`` strikes one request of the cleanup."""
    return site.run_planned(0, 1, [Planned(kind, Slot("cleanup", REQUEST, number), lasting, 0.3)])


def test_without_faults_every_cycle_is_clean(make: Make) -> None:
    """The living backend stays the same process, and each cycle begins from the baseline."""
    site = make()
    assert isinstance(site._application, OwnBackend)
    pid = site._application.server.pid
    for cycle in range(4):
        record = site.run(cycle)
        assert (record.outcome, record.detail, record.left_behind) == ("cleaned", "", 0)
    assert site._application.server.pid == pid
    assert sorted(path.name for path in site.database.parent.iterdir()) == [
        "baseline-kept",
        "pristine.sqlite",
    ]


def test_commands_reach_it_too(make: Make) -> None:
    """Scripts are told the proxy's address in BACKEND_URL."""
    site = make(project={"create": f"{CODE} create"}, cleanup=f"{CODE} clean")
    assert site.run(0).outcome == "cleaned"
    record = struck(site, "reset_before")
    assert (record.outcome, record.faults[0].surfaced) == ("restored", True), record


def test_a_backend_in_wal_mode_is_judged_as_it_is(make: Make) -> None:
    """WAL mode that it turned on is the baseline's; its -wal and -shm are no leftover."""
    site = make(f"WAL=1 {START}")
    for cycle in range(3):
        record = site.run(cycle)
        assert (record.outcome, record.left_behind) == ("cleaned", 0), record
    assert Path(f"{site.database}-wal").exists()
    assert struck(site, "reset_before").outcome == "restored"
    assert site.run(4).outcome == "cleaned"


def test_what_is_left_is_seen_behind_a_living_backend(make: Make) -> None:
    """Rows that stand in the -wal alone are found by the truth, and gone in the next cycle."""
    site = make(f"WAL=1 {START}", policy="cleanup_only")
    record = struck(site, "reset_before")
    assert (record.outcome, record.rows) == ("dirty_known", False)
    assert "things" in record.detail
    assert site.run(1).outcome == "cleaned"


def test_a_transaction_left_open_is_ended(make: Make) -> None:
    """A reader in the -wal hides nothing: the backend is ended, and started for the next cycle."""
    site = make(f"WAL=1 READS=1 {START}", policy="cleanup_only")
    assert isinstance(site._application, OwnBackend)
    for cycle in range(2):
        record = site.run(cycle)
        assert record.outcome == "cleaned", record
        assert not site._application.server.alive


@pytest.mark.parametrize("kind", FAILING)
def test_a_request_that_fails_is_restored(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each kind strikes the second request, only that; the next cycle knows nothing of it."""
    waits_s = 1.0 if kind in ("stall_before", "backend_stopped") else PATIENT_S
    monkeypatch.setattr("requests_of_theirs.WAITS_S", waits_s)
    site = make()
    record = struck(site, kind)
    entry = record.faults[0]
    assert (entry.fired, entry.surfaced) == (True, True), record
    assert record.cleanup_ok is False
    if kind != "backend_stopped":  # that one may carry it out late
        assert record.outcome == "restored", record
    monkeypatch.setattr("requests_of_theirs.WAITS_S", PATIENT_S)
    assert site.run(1).outcome == "cleaned"


@pytest.mark.parametrize("kind", DONE_ALL_THE_SAME)
def test_an_answer_that_is_lost_is_a_failure_in_name(
    make: Make, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The backend has deleted it: the cleanup says that it failed, and all is clean."""
    monkeypatch.setattr("requests_of_theirs.WAITS_S", 1.0 if "stall" in kind else PATIENT_S)
    record = struck(make(), kind)
    assert (record.outcome, record.cleanup_ok) == ("cleaned", False), record
    assert record.faults[0].surfaced


@pytest.mark.parametrize("kind", ["delay", "trickle"])
def test_what_a_patient_client_never_notices(make: Make, kind: str) -> None:
    """It fires and is masked."""
    record = struck(make(api={"timeout_ms": 20.0}), kind)
    assert (record.outcome, record.cleanup_ok) == ("cleaned", True), record
    assert (record.faults[0].fired, record.faults[0].surfaced) == (True, False)


def test_lasting_for_the_phase_it_strikes_all_that_follow(make: Make) -> None:
    """From the second request on everything is reset, and the phase's end ends it."""
    record = struck(make(), "reset_before", lasting="phase")
    assert record.outcome == "restored"
    assert record.faults[0].evidence.startswith("2 requests; the first: DELETE /things/5")


def test_a_request_that_never_comes_is_not_struck(make: Make) -> None:
    """Its fault did not fire."""
    record = struck(make(), "reset_before", number=4)
    assert (record.outcome, record.faults[0].fired) == ("cleaned", False)


def test_create_is_struck_where_the_experiment_asks(make: Make) -> None:
    """A create that fails by a fault is no harness error; one that fails by itself is."""
    site = make(faults={"reset_before": {"rate": 1.0, "phases": ["create"]}})
    record = site.run(0)
    assert record.outcome in ("cleaned", "restored"), record
    assert {entry.phase for entry in record.faults} == {"create"}
    with pytest.raises(MeasurementError, match="failed though nothing struck it"):
        make(project={"create": f"{CODE} nonsense"}).run(0)


def test_a_death_that_nobody_asked_for(make: Make) -> None:
    """While creating or cleaning: a harness error that says how it ended, and what it said."""
    with pytest.raises(MeasurementError, match=r"(?s)ended with status 7.*it hurts"):
        make(f"DIES=3 {START}").run(0)
    with pytest.raises(MeasurementError, match=r"(?s)died in this cycle.*status 7.*it hurts"):
        make(f"DIES=5 {START}").run(0)


def test_dead_between_cycles_it_is_started_again(make: Make) -> None:
    """A cycle begins with a backend that runs."""
    site = make()
    assert site.run(0).outcome == "cleaned"
    assert isinstance(site._application, OwnBackend)
    server = site._application.server
    before = server.pid
    server.kill()
    assert site.run(1).outcome == "cleaned"
    assert server.pid != before


def test_who_cannot_restore_under_it_is_refused(folder: Path) -> None:
    """Only recoveries that need sole access: a problem at the key recoveries, not with another."""
    pristine = make_database(folder / "pristine.sqlite")
    condition = condition_of(pristine, recoveries=["file_copy"])
    assert [problem.keys for problem in of_project(condition)] == [("recoveries",)]
    assert not list(of_project(condition_of(pristine, recoveries=["file_copy", "online_backup"])))


def test_a_right_of_the_platforms_is_not_taken(make: Make) -> None:
    """scope_revoked says that a project has no such token."""
    assert "a project has none" in str(ScopeRevoked.why_never(make().shape))


@pytest.mark.parametrize(("ready", "wrong"), [("log: (", "regular expression"), ("now", "path")])
def test_ready_must_be_one_of_three(folder: Path, ready: str, wrong: str) -> None:
    """What cannot tell anything is refused with the file."""
    backend = {"start": START, "ready": ready}
    with pytest.raises(ValueError, match=wrong):
        condition_of(folder / "any", project={"backend": backend})


EXPERIMENT = """
name = "theirs"
[defaults]
demands = "rows"
recoveries = ["online_backup"]
cleanup = "requests_of_theirs:clean"
[defaults.project]
database = "{database}"
create = "requests_of_theirs:create"
backend = {{ start = "{start}", requests = 3, ready_timeout_s = 20 }}
[[conditions]]
name = "c"
[conditions.faults.reset_before]
rate = 0.3
[conditions.faults.reset_after]
rate = 0.3
[conditions.faults.connection_refused]
rate = 0.2
"""


def experiment(folder: Path, start: str = START) -> Path:
    """Write an experiment with the code it names beside it."""
    shutil.copy(HOME / "requests_of_theirs.py", folder)
    database = make_database(folder / "theirs.sqlite")
    path = folder / "e.toml"
    path.write_text(EXPERIMENT.format(database=database.name, start=start))
    return path


def test_the_same_cycles_whatever_the_number_of_workers(folder: Path) -> None:
    """One worker or two: each cycle is struck by the same faults and ends the same."""
    path = experiment(folder)
    stored = []
    for workers in (1, 2):
        output = folder / f"out-{workers}"
        run(path, RunOptions(cycles=12, workers=workers, output=output))
        connection = apsw.Connection(str(output / "cycles.sqlite"))
        sql = "SELECT cycle, outcome, flags, faults, detail FROM cycles ORDER BY cycle"
        stored.append(connection.execute(sql).fetchall())
        connection.close()
    assert len(stored[0]) == 12
    assert stored[0] == stored[1]


def test_a_backend_that_cannot_start_is_told_before_anything_runs(folder: Path) -> None:
    """The file's key is named, and what the backend said."""
    path = experiment(folder, "echo no such gem; exit 3")
    with pytest.raises(ConfigurationError, match=r"(?s)project\.backend: .*status 3.*no such gem"):
        run(path, RunOptions(cycles=1, workers=1, output=folder / "out"))


def test_nothing_outlives_a_run_that_was_killed(folder: Path) -> None:
    """After kill -9 of the run itself every backend of its workers ends."""
    marker = f"E2E_MARK={os.getpid()}-{time.monotonic_ns()}"
    path = experiment(folder, f"{marker} {START}")
    command = [sys.executable, "-m", "harness", "run", str(path), "--cycles", "100000"]
    command += ["--workers", "2", "--output", str(folder / "out")]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert eventually(lambda: (folder / "out/cycles.sqlite").exists() and marked(marker))
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert eventually(lambda: not marked(marker))


def eventually(true: Callable[[], Any]) -> bool:
    """Wait for it, in time."""
    ends = time.monotonic() + PATIENT_S
    while not true():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def marked(marker: str) -> list[str]:
    """Which processes have ``marker`` in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in place.read_bytes():
                found.append(place.parent.name)
        except OSError:  # ended meanwhile, or another user's
            continue
    return found
