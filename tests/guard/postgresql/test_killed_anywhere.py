"""Whatever a guard was about when it was killed: its database comes back, and nothing stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from harness.databases.postgresql.server import Server
from tests.guard.postgresql.striking import Case, Countdown, Moment
from tests.small_process import SmallProcess

KILLED = -9
SAMPLE = 61  # of what is asked of a server, every so many: where there is no time for more
# What is done in the database itself is asked piece by piece, and a dump takes longest.
OFTEN = {("template",): 9, ("undo_log",): 17}
SELDOM = 61

# Chain, what the tests do, whether archives are kept, and when at the nth exchange it is killed.
Series = tuple[tuple[str, ...], str, bool, Moment]
EVERYWHERE: list[Series] = [
    (("template",), "kept", True, "sent"),
    (("template",), "nothing", False, "sent"),
    (("undo_log",), "rows", False, "sent"),
]
SAMPLED: list[Series] = [
    (("template",), "kept", False, "sent"),
    (("template",), "kept", True, "before"),
    (("undo_log",), "rows", False, "sent"),
]
BESIDE_A_DUMP: Series = (("undo_log", "dump"), "kept", False, "before")


@pytest.fixture(scope="module")
def points() -> Iterator[list[int]]:
    """Count the points tried, and tell how many at the end (seen with -s)."""
    counted: list[int] = []
    yield counted
    print(f"\nkilled at {sum(counted)} points in {len(counted)} series")  # noqa: T201 - it is asked for


def kill_at_every(
    case: Case, run: Callable[[int], int], bring_back: Callable[[int], int], step: int
) -> int:
    """Kill ``run`` at every ``step``-th exchange until it lives; how often it was killed."""
    nth, killed = step, 0
    while True:
        status = run(nth)
        assert status in (0, KILLED), f"exchange {nth}: the guard failed (its error is above)"
        if status == KILLED:
            killed += 1
            assert bring_back(nth) == 0, f"exchange {nth}: not recovered: {case.wrong()}"
        assert not (wrong := case.wrong()), f"exchange {nth}: {wrong}"
        if status == 0:
            return killed
        nth += step


def guard_killed(server: Server, series: Series, step: int) -> int:
    """Kill a guard all along one series; ``recover`` or, every third time, a guard follows."""
    chain, tests, archives, moment = series
    case = Case(server, chain, tests, archives=archives)
    try:
        return kill_at_every(
            case,
            lambda nth: case.guarded(Countdown(nth, moment)),
            lambda nth: case.recovered(Countdown(0)) if nth % 3 else case.next_guard(),
            step,
        )
    finally:
        case.databases.wipe()


@pytest.mark.parametrize(
    "series", [*SAMPLED, pytest.param(BESIDE_A_DUMP, marks=pytest.mark.long)], ids=str
)
def test_killed_here_and_there(
    postgres_server: Server, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """A guard killed at a sample of what it asks of a server: the exact baseline comes back."""
    step = SELDOM if series is BESIDE_A_DUMP else SAMPLE
    points.append(small_process.run(guard_killed, postgres_server, series, step))
    assert points[-1] >= 2


@pytest.mark.long
@pytest.mark.parametrize("series", EVERYWHERE, ids=str)
def test_killed_anywhere(
    postgres_server: Server, series: Series, points: list[int], small_process: SmallProcess
) -> None:
    """A guard killed at every few of what it asks of a server: exact, nothing left."""
    points.append(small_process.run(guard_killed, postgres_server, series, OFTEN[series[0]]))
    assert points[-1] >= 5


def recover_killed(server: Server, series: Series, step: int) -> int:
    """Kill ``recover`` all along after a guard that was killed after its tests; recover again."""
    chain, tests, archives, moment = series
    case = Case(server, chain, tests, archives=archives)

    def run(nth: int) -> int:
        assert case.guarded(Countdown(0), killed_after_tests=True) == KILLED
        return case.recovered(Countdown(nth, moment))

    try:
        return kill_at_every(case, run, lambda _: case.recovered(Countdown(0)), step)
    finally:
        case.databases.wipe()


def test_recover_killed_here_and_there(
    postgres_server: Server, points: list[int], small_process: SmallProcess
) -> None:
    """``recover`` killed at a sample of what it asks can be run again."""
    series: Series = (("template",), "kept", False, "sent")
    points.append(small_process.run(recover_killed, postgres_server, series, SAMPLE // 2))
    assert points[-1] >= 2


@pytest.mark.long
@pytest.mark.parametrize(("moment", "archives"), [("before", True), ("sent", False)])
def test_recover_killed_anywhere(
    postgres_server: Server,
    archives: bool,
    moment: Moment,
    points: list[int],
    small_process: SmallProcess,
) -> None:
    """``recover`` killed at every fourth thing that it asks of a server can be run again."""
    series: Series = (("template",), "kept", archives, moment)
    points.append(small_process.run(recover_killed, postgres_server, series, 4))
    assert points[-1] >= 5
