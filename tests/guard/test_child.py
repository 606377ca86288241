from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.guard.child import Signals
from tests.pipes import line_of

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
RUN = """
import sys
from harness.guard.child import Signals
with Signals() as signals:
    ended = signals.run(sys.argv[1:])
print("ended", ended.status, flush=True)
"""
# Says which signals it gets, says when it is ready, ends by itself at SIGTERM.
LISTENER = """
import signal, sys
def take(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(7)
for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), take)
print("ready", flush=True)
while True:
    signal.pause()
"""


def start(argv: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """Start a process that runs ``argv`` as the guard would, in a group of its own."""
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [PYTHON, "-c", RUN, *argv],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def line(process: subprocess.Popen[str]) -> str:
    """Read the next line that the process says."""
    return line_of(process).strip()


STATUS = {
    "true": (["true"], 0),
    "three": (["sh", "-c", "exit 3"], 3),
    "255": (["sh", "-c", "exit 255"], 255),
    "terminated": (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
    "killed": (["sh", "-c", "kill -KILL $$"], 128 + signal.SIGKILL),
    "not found": (["no-such-command-anywhere"], 127),
    "no such path": (["./no/such/path"], 127),
    "not executable": (["/etc/passwd"], 126),
    "a folder": (["/"], 126),
}


@pytest.mark.parametrize(("argv", "status"), STATUS.values(), ids=STATUS)
def test_the_status_is_a_shells(argv: list[str], status: int) -> None:
    """Every way to end gives the status that a shell gives, and a sentence when it did not run."""
    with Signals() as signals:
        ended = signals.run(argv)
    assert ended.status == status
    assert bool(ended.why_not_run) == (status in (126, 127))
    if ended.why_not_run:
        assert argv[0] in ended.why_not_run


def test_a_script_without_a_first_line_is_the_shells(tmp_path: Path) -> None:
    """What execvp(3) runs is run; an interpreter that is missing is named as what is missing."""
    script = tmp_path / "script"
    script.write_text("exit 5\n")
    script.chmod(0o755)
    with Signals() as signals:
        assert signals.run([str(script)]).status == 5
        script.write_text("#!/no/such/interpreter\n")
        ended = signals.run([str(script)])
    assert (ended.status, "interpreter" in ended.why_not_run) == (127, True)


@pytest.mark.parametrize("name", ["INT", "HUP", "QUIT", "USR1", "USR2"])
def test_signals_are_passed_on(name: str) -> None:
    """A signal sent to the guard alone reaches the command, which decides and goes on."""
    guard = start([PYTHON, "-c", LISTENER])
    assert line(guard) == "ready"
    guard.send_signal(getattr(signal, f"SIG{name}"))
    assert line(guard) == f"got SIG{name}"
    guard.terminate()
    assert line(guard) == "got SIGTERM"
    assert line(guard) == "ended 7"
    assert guard.wait(10) == 0


def test_without_waitid_it_is_waited_for_all_the_same(tmp_path: Path) -> None:
    """Where the system has no waitid (macOS before Python 3.13) status and signals come through."""
    script = tmp_path / "without.py"
    script.write_text("import os\ndel os.waitid\n" + RUN)
    process = subprocess.Popen(
        [PYTHON, str(script), PYTHON, "-c", LISTENER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert line(process) == "ready"
    for name in ("SIGUSR1", "SIGTERM"):
        process.send_signal(getattr(signal, name))
        assert line(process) == f"got {name}"
    assert line(process) == "ended 7"
    assert process.wait(20) == 0
    process.stdout.close()  # type: ignore[union-attr]  # it is a pipe


def test_a_command_that_ignores_signals_is_waited_for() -> None:
    """SIGTERM twice to a command that ignores it ends neither; killed, its status is told."""
    code = (
        "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(os.getpid(), flush=True); signal.pause()"
    )
    guard = start([PYTHON, "-c", code])
    child = int(line(guard))
    guard.terminate()
    guard.terminate()
    with pytest.raises(subprocess.TimeoutExpired):
        guard.wait(0.2)
    os.kill(child, signal.SIGKILL)
    assert line(guard) == f"ended {128 + signal.SIGKILL}"
    assert guard.wait(10) == 0


def test_before_the_command_a_signal_keeps_it_from_starting(tmp_path: Path) -> None:
    """Told to end while the backup is made, the command is not run: 128 + the signal."""
    ran = tmp_path / "ran"
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        ended = signals.run(["touch", str(ran)])
    assert ended.status == 128 + signal.SIGTERM
    assert "SIGTERM" in ended.why_not_run
    assert not ran.exists()


def test_after_the_command_signals_wait() -> None:
    """What comes while the guard restores is held; afterwards signals do what they did before."""
    before = signal.getsignal(signal.SIGINT)
    with Signals() as signals:
        assert signals.run(["true"]).status == 0
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGINT) is before


def test_what_was_ignored_stays_ignored() -> None:
    """Under nohup the command ignores SIGHUP as it would without a guard."""
    code = "import signal; print(signal.getsignal(signal.SIGHUP).name, flush=True)"
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", PYTHON, "-c", RUN, PYTHON, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.split() == ["SIG_IGN", "ended", "0"]


def test_the_command_inherits_the_callers_descriptors_and_not_the_guards(tmp_path: Path) -> None:
    """A pipe given to the guard is the command's too; a file that the guard opened is not."""
    reader, writer = os.pipe()
    code = (
        "import os, sys\n"
        "from harness.guard.child import Signals\n"
        "journal = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "with Signals() as signals:\n"
        "    signals.run(['ls', '-l', '/proc/self/fd'])\n"
    )
    done = subprocess.run(
        [PYTHON, "-c", code, str(tmp_path / "a-journal")],
        cwd=ROOT,
        pass_fds=[writer],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    assert f"pipe:[{os.fstat(writer).st_ino}]" in done.stdout
    assert "a-journal" not in done.stdout
    os.close(writer)
    os.close(reader)


def test_a_grandchild_does_not_hold_the_guard_up() -> None:
    """The guard ends with its command, not with what that left in the background."""
    guard = start(["sh", "-c", "sleep 30 >/dev/null 2>&1 & echo $!"])
    grandchild = int(line(guard))
    assert line(guard) == "ended 0"
    assert guard.wait(10) == 0
    os.kill(grandchild, signal.SIGKILL)


def test_stopped_and_continued() -> None:
    """SIGTSTP to the guard stops the command and the guard; SIGCONT lets both go on."""
    guard = start([PYTHON, "-c", LISTENER])
    assert line(guard) == "ready"
    guard.send_signal(signal.SIGTSTP)
    pid, status = os.waitpid(guard.pid, os.WUNTRACED)
    assert (pid, os.WIFSTOPPED(status)) == (guard.pid, True)
    guard.send_signal(signal.SIGCONT)
    guard.send_signal(signal.SIGUSR1)
    assert line(guard) == "got SIGUSR1"
    guard.terminate()
    assert guard.wait(10) == 0


def test_ctrl_c_at_a_terminal_comes_once() -> None:
    """Typed at a terminal it reaches the command once, from the terminal, and not again by us."""
    pid, terminal = pty.fork()
    if pid == 0:  # the new session's leader, with a terminal
        os.chdir(ROOT)
        os.execv(PYTHON, [PYTHON, "-c", RUN, PYTHON, "-c", LISTENER])  # noqa: S606 - the test's own
    said = b""

    def until(word: bytes) -> None:
        nonlocal said
        deadline = time.monotonic() + 20
        while word not in said and time.monotonic() < deadline:
            said += os.read(terminal, 4096)

    try:
        until(b"ready")
        os.write(terminal, b"\x03")
        until(b"got SIGINT")
        os.kill(pid, signal.SIGTERM)
        until(b"ended 7")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert said.count(b"got SIGINT") == 1
    assert b"ended 7" in said


def test_another_thread_holds_nothing() -> None:
    """Only the main thread has signals; elsewhere the command runs all the same."""
    seen = []

    def work() -> None:
        with Signals() as signals:
            seen.append(signals.run(["true"]).status)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert seen == [0]
