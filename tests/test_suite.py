"""What holds for every test: a limit of time, places of its own, signals that arrive."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipes import line_of

ROOT = Path(__file__).resolve().parents[1]
PLANTED = """
import os, signal, subprocess, tempfile, threading, time
import pytest

def test_that_hangs():
    threading.Thread(target=time.sleep, args=(3,), name="beside").start()
    os.read(os.pipe()[0], 1)

@pytest.mark.long
def test_that_takes_long(request):
    assert request.node.get_closest_marker("timeout").args == (300,)

def test_that_writes_in_the_home():
    open(os.path.expanduser("~/left"), "w").close()

def test_that_leaves_a_temporary_file():
    tempfile.mkdtemp(prefix="left")

def test_that_cleans_up():
    os.unlink(tempfile.mkstemp()[1])

@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT", "SIGHUP"])
def test_that_sends(name):
    number = getattr(signal, name)
    with subprocess.Popen(["sleep", "2"]) as process:
        process.send_signal(number)
    assert process.returncode == -number
"""


def test_what_every_test_is_held_to(tmp_path: Path) -> None:
    """One that hangs is ended with all stacks told, one that leaves something fails by name.

    The others go on, and hear the signals that the run was started with ignored.
    """
    planted = tmp_path / "test_planted.py"
    planted.write_text(PLANTED)
    options = [
        *("-p", "tests.conftest", "-p", "no:cacheprovider", "-p", "no:randomly"),
        *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-o", "timeout=1"),
    ]

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(planted)],
        cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=ignore,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "1 failed, 7 passed, 2 errors" in said, said
    assert "Timeout (>1.0s) from pytest-timeout" in said
    assert "Stack of beside" in said
    for at, what in {
        "writes_in_the_home": "home/left",
        "leaves_a_temporary_file": "/left",
    }.items():
        assert f"ERROR at teardown of test_that_{at}" in said
        assert f"{what}" in said.split(f"ERROR at teardown of test_that_{at}")[1]


def test_a_process_that_says_nothing_is_ended() -> None:
    """Who waits for its next line is told which process it was, and goes on."""
    with (
        subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as process,
        pytest.raises(AssertionError, match=r"said nothing within 0\.1 s: \['sleep'"),
    ):
        line_of(process, 0.1)
    assert process.returncode == -signal.SIGKILL


def test_no_test_waits_for_ever_for_a_line() -> None:
    """Lines of other processes are read by ``line_of``."""
    reading = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("*.py")
        if "stdout.readline(" in path.read_text(encoding="utf-8") and path != Path(__file__)
    ]
    assert reading == ["tests/pipes.py"]
