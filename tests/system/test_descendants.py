"""Descendants are known by an inherited mark, seen on real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.system import descendants as module
from harness.system import processes
from harness.system.descendants import VARIABLE, Mark, Process, descendants, end, marked
from tests.pipes import line_of

SLEEP = ["sleep", "60"]
NEEDS_PROC = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc here")


@contextmanager
def placed() -> Iterator[Mark]:
    """A mark that is set while the block runs."""
    mark = Mark()
    mark.place()
    try:
        yield mark
    finally:
        mark.remove()


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start processes; they are killed at the end."""
    with ExitStack() as stack:

        def started(argv: list[str], **options: object) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(argv, **options)  # type: ignore[call-overload]
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process  # type: ignore[no-any-return]

        yield started


def pids(found: set[Process]) -> set[int]:
    """The numbers alone."""
    return {process.pid for process in found}


def orphan(before: str = "") -> int:
    """Start a process whose parent ends at once; its number."""
    script = f"{before} sleep 60 >/dev/null 2>&1 & echo $!"
    return int(subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a descriptor is the mark")
def test_a_file_that_has_got_the_marks_number_stays_open() -> None:
    """Tests may close what they do not know; whatever is opened next has the number."""
    mark = Mark()
    mark.place()
    number = mark._descriptor
    os.close(number)
    other = os.open(os.devnull, os.O_RDONLY)
    if other != number:
        os.dup2(other, number)
    mark.remove()
    os.fstat(number)
    for descriptor in {number, other}:
        os.close(descriptor)


@NEEDS_PROC
def test_they_are_ended_where_no_handle_of_a_process_is_to_be_had(
    start,  # noqa: ANN001 - see the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A sandbox or an old kernel refuses pidfds: the number does, while the mark is borne."""

    def refused(pid: int, flags: int = 0) -> int:
        raise PermissionError(pid)

    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    with placed() as mark:
        child = start(SLEEP)
        assert pids(end(mark.token, 5)) == {child.pid}


@NEEDS_PROC
def test_whoever_is_older_than_this_process_is_not_asked(
    start,  # noqa: ANN001 - see the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A busy machine has thousands of them, with as many files open each; none can be its own."""
    asked, bears = set[int](), module._bears
    monkeypatch.setattr(module, "_bears", lambda pid, token: asked.add(pid) or bears(pid, token))
    with placed() as mark:
        child = start(SLEEP)
        assert pids(mark.descendants()) == {child.pid}
    assert child.pid in asked
    assert not {1, os.getpid()} & asked


def test_who_was_started_while_the_mark_was_set(start) -> None:  # noqa: ANN001 - see the fixture
    """A child, and an orphan of it; who came before or after is none, nor is this process."""
    before = start(SLEEP)
    with placed() as mark:
        child, lost = start(SLEEP), orphan()
        try:
            assert pids(mark.descendants()) == {child.pid, lost}
            assert marked(mark.token) == {child.pid, lost}
        finally:
            os.kill(lost, signal.SIGKILL)
    after = start(SLEEP)
    found = pids(descendants(mark.token))
    assert child.pid in found
    assert not found & {before.pid, after.pid, os.getpid()}
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert child.pid not in pids(descendants(mark.token))  # nobody has asked yet how it ended


def test_a_cleared_environment_is_seen_by_its_parent(start) -> None:  # noqa: ANN001 - see the fixture
    """For as long as that lives, be it one that is marked or this process; then it is lost."""
    with placed() as mark:
        own = start(SLEEP, env={})
        assert pids(mark.descendants()) == {own.pid}
        assert marked(mark.token) == set()
        shell = start(["sh", "-c", "env -i sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
        below = int(line_of(shell))
        lost = orphan("env -i")
        try:
            while lost in marked(mark.token):
                time.sleep(0.01)  # until it has cleared it
            assert {below, shell.pid, own.pid} == pids(mark.descendants())
            assert {below, shell.pid} == pids(descendants(mark.token))
        finally:
            for pid in (below, lost):
                os.kill(pid, signal.SIGKILL)


def test_who_was_seen_once_stays_a_descendant(start) -> None:  # noqa: ANN001 - see the fixture
    """One that cleared its environment, when its parent has ended; and no longer than it lives."""
    with placed() as mark:
        shell = start(["sh", "-c", "env -i sleep 60 & echo $!; wait"], stdout=subprocess.PIPE)
        below = int(line_of(shell))
        try:
            while mark.descendants() and marked(mark.token) != {shell.pid}:
                time.sleep(0.01)  # until it has cleared it
            shell.kill()
            shell.wait()
            assert pids(mark.descendants()) == {below}
        finally:
            os.kill(below, signal.SIGKILL)
        while processes.started(below):
            time.sleep(0.01)
        assert mark.descendants() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the parent alone tells of a fork")
def test_a_fork_that_executes_nothing_is_marked() -> None:
    """Its environment is the one that its parent began with; what it inherited open tells."""
    with placed() as mark:
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
    try:
        assert marked(mark.token) == {pid}
        assert pids(descendants(mark.token)) == {pid}
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_guard_around_another_knows_what_both_started(start) -> None:  # noqa: ANN001 - see the fixture
    """Each finds its own, and the outer one what the inner one's tests have started too."""
    with placed() as outer:
        first = start(SLEEP)
        with placed() as inner:
            second = start(SLEEP)
            assert marked(inner.token) == {second.pid}
        assert marked(outer.token) == {first.pid, second.pid}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=8))
@settings(max_examples=25)
def test_marks_may_be_removed_in_any_order(steps: list[tuple[int, bool]]) -> None:
    """The environment names exactly those that are set, and is as before when none is."""
    marks, by_now = [Mark() for _ in range(4)], set[int]()
    was = os.environ.get(VARIABLE, "")
    try:
        for which, on in steps:
            if on and which not in by_now:
                marks[which].place()
                by_now.add(which)
            elif not on:
                marks[which].remove()
                by_now.discard(which)
            named = {token for token in os.environ.get(VARIABLE, "").split(",") if token}
            assert named - set(was.split(",")) == {marks[number].token for number in by_now}
    finally:
        for mark in marks:
            mark.remove()
    assert os.environ.get(VARIABLE, "") == was


def test_tests_may_take_the_mark_away() -> None:
    """Who clears the environment or closes what it finds open breaks nothing at the end."""
    mark = Mark()
    mark.place()
    os.environ.pop(VARIABLE)
    with suppress(OSError):
        os.close(mark._descriptor)
    mark.remove()
    assert VARIABLE not in os.environ


def test_only_who_bears_the_mark_is_ended(start) -> None:  # noqa: ANN001 - see the fixture
    """Also one that ignores being asked; a stranger, and an unmarked child of one, go on."""
    stranger = start(SLEEP)
    deaf = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    with placed() as mark:
        listens = start(SLEEP)
        ignores = start(["sh", "-c", deaf], stdout=subprocess.PIPE)
        line_of(ignores)
        unmarked = start(SLEEP, env={})
    ended = pids(end(mark.token, 0.1))
    assert {listens.pid, ignores.pid} <= ended
    assert not ended & {stranger.pid, unmarked.pid, os.getpid()}
    assert listens.wait() == -signal.SIGTERM
    assert ignores.wait() == -signal.SIGKILL
    assert stranger.poll() is unmarked.poll() is None


def test_another_of_the_same_number_is_not_ended(start) -> None:  # noqa: ANN001 - see the fixture
    """The mark is looked for again at the moment of the signal."""
    with placed() as mark:
        child = start(SLEEP)
    stranger = start(SLEEP)
    as_it_was = Process(stranger.pid, processes.started(stranger.pid))
    assert not module._signal(as_it_was, mark.token, signal.SIGKILL)
    earlier = Process(child.pid, processes.started(os.getpid()))
    assert not module._signal(earlier, mark.token, signal.SIGKILL)
    assert stranger.poll() is child.poll() is None


@NEEDS_PROC
def test_the_way_of_other_systems(start, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN001 - see the fixture
    """Elsewhere psutil tells the same of whoever was executed, and who is whose parent."""
    monkeypatch.setattr(module, "sys", SimpleNamespace(platform="darwin"))
    with placed() as mark:
        child, own = start(SLEEP), start(SLEEP, env={})
        assert pids(mark.descendants()) == {child.pid, own.pid}
    assert pids(end(mark.token, 1.0)) == {child.pid}


def test_waiting_ends_with_them_or_with_the_time(start) -> None:  # noqa: ANN001 - see the fixture
    """Who is still there is given back; nobody left is waited for no longer."""
    short, long = start(["sleep", "0.05"]), start(SLEEP)
    both = {Process(one.pid, processes.started(one.pid)) for one in (short, long)}
    began = time.monotonic()
    assert pids(module.await_end(both, 0.3)) == {long.pid}
    assert time.monotonic() - began < 5
    assert module.await_end(set(), 60) == set()
