"""A user's own commands in real runs: faults, determinism, what is said, and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import apsw
import pytest

from harness.errors import MeasurementError
from harness.experiment.cycle.grounds import ground_of
from harness.experiment.cycle.project import OwnApplication
from harness.experiment.cycle.site import Site
from harness.experiment.plan.project_workload import OwnProject
from harness.results.records import CycleRecord
from tests.experiment.own_project import condition, make_project

CHECKOUT = Path(__file__).parents[3]
EXPERIMENT = """
name = "own"
cycles = 50
[defaults]
demands = "rows"
recoveries = ["online_backup"]
[defaults.project]
database = "app.sqlite3"
create = {create}
[[conditions]]
name = "one"
cleanup = {cleanup}
"""
SQL = """["INSERT INTO bots (name) VALUES ('e2e')"]"""


def cycles(folder: Path, number: int, **changes: Any) -> list[CycleRecord]:
    """Run cycles at a site of their own."""
    database = folder / "app.sqlite3"
    if not database.exists():
        make_project(folder)
    (place := folder / f"site-{len(list(folder.iterdir()))}").mkdir()
    site = Site(condition(folder, **changes), 1, database, place)
    try:
        return [site.run(cycle) for cycle in range(number)]
    finally:
        site.close()
        assert list(place.iterdir()) == []


def harness(folder: Path, create: str, cleanup: str) -> list[str]:
    """Write an experiment; return the command that runs it."""
    make_project(folder)
    (folder / "e.toml").write_text(EXPERIMENT.format(create=create, cleanup=cleanup))
    out = str(folder / "out")
    return [sys.executable, "-m", "harness", "run", str(folder / "e.toml"), "--output", out]


def test_commands_make_and_clean(tmp_path: Path) -> None:
    """A cleanup that works is a clean cycle with nothing to say."""
    for record in cycles(tmp_path, 2):
        assert (record.outcome, record.detail) == ("cleaned", "")


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"policy": "restore_only"}, "restored"),
        ({"policy": "hybrid_verified"}, "restored"),
        ({"policy": "hybrid_verified", "recoveries": ["file_copy"]}, "restored"),
        ({"policy": "hybrid_trusting"}, "dirty_silent"),  # the rows are gone, the table is not
        ({"cleanup": ["DELETE FROM bots WHERE name = 'e2e'", "DROP TABLE more"]}, "cleaned"),
    ],
    ids=["always", "verified", "file_copy", "trusted", "dropped"],
)
def test_a_table_that_create_makes_is_measured(
    changes: dict[str, Any], outcome: str, tmp_path: Path
) -> None:
    """A restore takes it away, whoever trusts the cleanup keeps it; no cycle meets another's."""
    create = ["CREATE TABLE more (id)", "INSERT INTO bots (name) VALUES ('e2e')"]
    cleanup = ["DELETE FROM bots WHERE name = 'e2e'"]
    asked = {"project": {"create": create}, "cleanup": cleanup, **changes}
    records = cycles(tmp_path, 3, **asked)
    assert [record.outcome for record in records] == [outcome] * 3, records[0].detail
    said = ["table more added" in record.detail for record in records]
    assert said == [outcome == "dirty_silent"] * 3


def test_what_a_cleanup_of_ones_own_computes_is_counted(tmp_path: Path) -> None:
    """A command that computes for 60 ms, in a process of its own, is in the cleanup's time."""
    burn = (
        "python3 -S -c 'import time\nwhile time.process_time() < 0.06: pass'; python3 -S clean.py"
    )
    (record,) = cycles(tmp_path, 1, cleanup=burn)
    assert (record.outcome, record.detail) == ("cleaned", "")
    assert record.cpu_ms["cycle"] >= record.cpu_ms["cleanup"] >= 55


@pytest.mark.parametrize("fault", ["cleanup_killed", "file_size_limit", "read_only"])
def test_faults_from_outside(fault: str, tmp_path: Path) -> None:
    """Each strikes a real cleanup in a real cycle, and the guard brings the baseline back."""
    setting = {fault: {"rate": 1.0}}
    slow = {"cleanup": "sleep 0.2; python3 -S clean.py"}
    if fault == "file_size_limit":  # a cleanup that writes enough to come to the limit
        slow = {"cleanup": 'head -c 99999 /dev/zero > "$DATABASE_PATH-copy"'}
    records = cycles(tmp_path, 4, faults=setting, **slow)
    struck = [record for record in records if record.faults and record.faults[0].fired]
    assert struck
    assert all(record.outcome == "restored" for record in struck)
    assert all(record.faults[0].surfaced for record in struck)


def test_a_timeout_surfaces_through_a_command(tmp_path: Path) -> None:
    """All that a command says of a lock is its status."""
    (record,) = cycles(tmp_path, 1, faults={"timeout": {"rate": 1.0}})
    assert record.outcome == "restored"
    assert record.faults[0].surfaced


def test_the_same_cycle_is_the_same_record(tmp_path: Path) -> None:
    """At another site, in another folder, timings apart."""

    def run() -> list[CycleRecord]:
        found = cycles(tmp_path, 3, faults={"read_only": {"rate": 0.5}})
        return [record.untimed() for record in found]

    assert run() == run()


def test_output_is_shown_of_failures_and_leftovers_always(tmp_path: Path) -> None:
    """The whole output of a cleanup in a cycle that failed; what was left running in any."""
    line = "echo first words; seq 9; exit 3"
    (record,) = cycles(tmp_path, 1, cleanup=line, policy="cleanup_only")
    assert record.outcome == "dirty_known"
    assert "exit status 3" in record.detail
    assert "first words\n1\n2\n" in record.detail
    (record,) = cycles(tmp_path, 1, cleanup="python3 -S clean.py; sleep 60 &")
    assert record.outcome == "cleaned"
    assert "left 1 process running: sleep; ended" in record.detail


def test_what_cannot_work_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    """File, condition and key in one sentence, status 2, and no results."""
    command = harness(tmp_path, "'echo no seed >&2; exit 4'", "'true'")
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "e.toml: condition 'one': project.create: " in done.stderr
    assert "it said: no seed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_harness_leaves_nothing_running(tmp_path: Path) -> None:
    """After SIGKILL of the run nothing that a cleanup has started goes on."""
    first = "[ -e ready ] || { touch ready; exit 0; }"  # the rehearsal's
    cleanup = f"{first}; setsid sleep 300 & echo $! >> pids; sleep 300"
    command = harness(tmp_path, SQL, f"'{cleanup}'")
    run = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.DEVNULL)
    pids: list[int] = []
    deadline = time.monotonic() + 60
    while not pids and time.monotonic() < deadline:
        assert run.poll() is None
        if (tmp_path / "pids").exists():
            pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        time.sleep(0.02)
    assert pids
    assert all(alive(pid) for pid in pids)
    os.kill(run.pid, signal.SIGKILL)
    run.wait(30)
    while any(alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)]
)
def test_an_interrupt_does_not_wait_for_a_command(number: int, tmp_path: Path) -> None:
    """One that hangs for ten minutes is ended, its cycle is left undone, the status says so."""
    clean = (
        "test $HARNESS_CYCLE != 2 || test -e go || (touch hangs; sleep 500); python3 -S clean.py"
    )
    command = harness(tmp_path, SQL, f"'{clean}'")
    text = (tmp_path / "e.toml").read_text().replace("cycles = 50", "cycles = 4")
    text = text.replace("create =", "timeout_s = 600\ncreate =")
    (tmp_path / "e.toml").write_text(text)
    with subprocess.Popen([*command, "--workers", "1"], cwd=CHECKOUT) as running:
        ends = time.monotonic() + 60
        while not (tmp_path / "hangs").exists() and time.monotonic() < ends:
            time.sleep(0.05)
        running.send_signal(number)
        assert running.wait(60) == 130
    (tmp_path / "go").touch()
    assert (
        subprocess.run([*command, "--resume"], cwd=CHECKOUT, timeout=120, check=False).returncode
        == 0
    )
    stored = apsw.Connection(str(tmp_path / "out" / "cycles.sqlite"))
    told = stored.execute("SELECT cycle, name FROM cycles JOIN outcomes ON code = outcome")
    assert told.fetchall() == [(cycle, "restored") for cycle in range(4)]


@pytest.mark.parametrize("journal_mode", ["delete", "wal"])
def test_pages_are_counted_where_they_are(journal_mode: str, tmp_path: Path) -> None:
    """What create has made counts, whether it stands in the file already or in the -wal alone."""
    database = make_project(tmp_path)
    ground = ground_of(database)(database, tmp_path / "copy.sqlite3")
    application = OwnApplication(ground, OwnProject(condition(tmp_path).project, 1))  # type: ignore[arg-type]  # it has one
    connection = ground.connect()
    connection.pragma("journal_mode", journal_mode)
    page_bytes = connection.pragma("page_size")
    before = application.used_bytes()
    connection.execute("CREATE TABLE big (x); INSERT INTO big VALUES (zeroblob(40000))")
    assert application.used_bytes() - before >= 10 * page_bytes
    assert application.used_bytes() == connection.pragma("page_count") * page_bytes
    connection.close()


EVERY_OTHER = """
import os, sqlite3
connection = sqlite3.connect(os.environ["DATABASE_PATH"], isolation_level=None)
connection.execute("INSERT INTO bots (name) VALUES ('e2e ' || ?)", (os.environ["HARNESS_CYCLE"],))
if int(os.environ["HARNESS_CYCLE"]) % 2:
    connection.execute("DELETE FROM bots WHERE name LIKE 'e2e %'")
connection.close()
"""


@pytest.mark.parametrize("recovery", ["online_backup", "wal_pin"])
def test_what_was_made_and_taken_away_again_is_nothing_to_clean(
    folder: Path, recovery: str
) -> None:
    """A create that leaves every row as it was, in some cycles only, spoils just these cycles."""
    pristine = make_project(folder)
    (folder / "create.py").write_text(EVERY_OTHER)
    changes = {"project": {"create": "python3 -S create.py"}, "recoveries": [recovery]}
    work = folder / "work"
    work.mkdir()
    site = Site(condition(folder, **changes), 1, pristine, work)
    try:
        assert site.run(0).outcome == "cleaned"
        with pytest.raises(MeasurementError, match="left every row as it was"):
            site.run(1)
    finally:
        site.close()
