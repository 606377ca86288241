"""The launcher: its keeper ends what runs when the launcher's process is gone, however."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.errors import MeasurementError
from harness.processes.launcher import Launcher
from harness.processes.terms import Terms
from harness.system.cpu import cpu_ns
from tests.processes.test_command import alive

CHECKOUT = Path(__file__).parents[2]
LINE = "setsid sh -c 'echo $$ > away; sleep 300' & sleep 300 & echo $! > here; wait"


def until(said: Path) -> int:
    """Wait for a process to write its number."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if said.exists() and said.read_text().strip():
            return int(said.read_text())
        time.sleep(0.01)
    raise AssertionError(f"{said} was never written")


def gone(pid: int) -> bool:
    """Whether a process ends within a generous time."""
    deadline = time.monotonic() + 30
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not alive(pid)


def test_killed_it_takes_its_command_along(tmp_path: Path) -> None:
    """SIGKILL to whoever runs a command ends all of it, also what left its session."""
    code = (
        "import sys; from pathlib import Path; from harness.processes.launcher import Launcher; "
        "from harness.processes.terms import Terms; Launcher().run(sys.argv[1], "
        "folder=Path(sys.argv[2]), environment={'PATH': '/usr/bin:/bin'}, timeout_s=300, "
        "terms=Terms())"
    )
    process = subprocess.Popen([sys.executable, "-c", code, LINE, str(tmp_path)], cwd=CHECKOUT)
    here, away = until(tmp_path / "here"), until(tmp_path / "away")
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert gone(here)
    assert gone(away)


def test_closing_ends_the_keeper() -> None:
    """After that the next command has a new one."""
    launcher = Launcher()
    environment = {"PATH": "/usr/bin:/bin"}

    def keeper() -> int:
        ended = launcher.run(
            "echo $PPID",
            folder=Path("/"),
            environment=environment,
            timeout_s=20,
            terms=Terms(),
        )
        return int(ended.output)

    one = keeper()
    assert keeper() == one
    launcher.close()
    assert not alive(one)
    assert keeper() != one
    launcher.close()


def test_what_a_command_computes_is_charged(tmp_path: Path) -> None:
    """A command that computes, and one that sleeps: the first is counted, as if it ran here."""
    launcher, environment = Launcher(), {"PATH": "/usr/bin:/bin"}
    burn = f"{sys.executable} -I -S -c 'import time\nwhile time.process_time() < 0.1: pass'"

    def run(line: str) -> tuple[float, float]:
        before_ns = cpu_ns()
        ended = launcher.run(
            line, folder=tmp_path, environment=environment, timeout_s=60, terms=Terms()
        )
        return ended.cpu_s, (cpu_ns() - before_ns) / 1e9

    told_s, counted_s = run(burn)
    assert 0.09 <= told_s <= counted_s
    assert run("sleep 0.05")[0] < 0.05
    launcher.close()


def test_a_dead_keeper_is_the_harness_own_failure() -> None:
    """Nothing was measured; and the next command runs again."""
    launcher = Launcher()

    def run(line: str) -> str:
        return launcher.run(
            line, folder=Path("/"), environment={}, timeout_s=20, terms=Terms()
        ).output

    with pytest.raises(MeasurementError, match="has died"):
        run("kill -KILL $PPID; sleep 1")
    assert run("echo again") == "again\n"
    launcher.close()


def test_a_folder_that_is_not_there() -> None:
    """What cannot be started is said, with the line."""
    launcher = Launcher()
    with pytest.raises(MeasurementError, match="true: cannot be started"):
        launcher.run("true", folder=Path("/no/such"), environment={}, timeout_s=20, terms=Terms())
    launcher.close()
