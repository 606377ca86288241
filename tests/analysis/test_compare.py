from __future__ import annotations

import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from harness.analysis.compare import FINE, WORSE, compare
from harness.errors import UsageError
from harness.statistics.change_of_proportion import compare_proportions
from tests.stored_runs import cycles, make_run

MACHINE = {"cpu": "one", "cores": 2, "system": "Linux", "filesystem": "tmpfs"}


def stored(folder: Path, outcomes: list[str], cycle_ms: float = 10.0, **run: Any) -> Path:
    """Store a run in which every cycle takes about as long, 1% to either side."""
    records = cycles(outcomes)
    for number, record in enumerate(records):
        record.timings_ms = {"cycle": cycle_ms * (0.99 + 0.02 * (number % 101) / 100)}
    make_run(folder, records, **({"machine": MACHINE} | run))
    return folder


GOOD = ["cleaned"] * 400


def test_a_run_is_no_worse_than_itself(folder: Path) -> None:
    """The same outcomes and timings twice: nothing is shown, and the status is fine."""
    lines, status = compare(stored(folder / "a", GOOD), stored(folder / "b", GOOD))
    assert status == FINE
    assert lines[1:] == [
        "3 measures: no difference shown (could have seen timings longer by 1%, "
        "shares lower by 1.4 points)"
    ]
    verbose, status = compare(folder / "a", folder / "b", verbose=True)
    assert status == FINE
    # both runs, reliability, data safety, p95 of the cycle, and all of them again in a line
    assert ["no difference shown" in line for line in verbose] == [False, *[True] * 4]
    assert verbose[-1] == lines[-1]


def test_more_failures_are_worse(folder: Path) -> None:
    """Planted: 40 of 400 silent failures more; the other way round it is better."""
    bad = ["dirty_silent"] * 40 + GOOD[40:]
    one, other = stored(folder / "a", GOOD), stored(folder / "b", bad)
    lines, status = compare(one, other)
    assert (status, lines[1]) == (WORSE, "one: reliability: 100% -> 90.0%: worse")
    lines, status = compare(other, one)
    assert (status, lines[1]) == (FINE, "one: reliability: 90.0% -> 100%: better")


def test_what_got_worse_comes_first(folder: Path) -> None:
    """Before what could not be compared, however much that is."""
    names = [f"{number} before only" for number in range(20)]
    more = [record for name in names for record in cycles(GOOD[:2], condition=name)]
    conditions = [{"name": name} for name in ("one", *names)]
    make_run(folder / "a", [*cycles(GOOD), *more], conditions=conditions)
    make_run(folder / "b", cycles(["dirty_silent"] * 40 + GOOD[40:]))
    lines, status = compare(folder / "a", folder / "b")
    assert status == WORSE
    assert lines[1] == "one: reliability: 100% -> 90.0%: worse"
    assert [line.endswith("not run after") for line in lines[-20:]] == [True] * 20


def test_a_few_failures_more_show_nothing(folder: Path) -> None:
    """What chance alone brings about is not called worse."""
    bad = ["dirty_known"] * 3 + GOOD[3:]
    _, status = compare(stored(folder / "a", GOOD), stored(folder / "b", bad))
    assert status == FINE


def test_slower_is_worse_on_one_machine_only(folder: Path) -> None:
    """Planted: 30% slower; on another machine timings are left out, and it is said.

    A timing is told, and ends with 1 only where that is asked for.
    """
    one, slow = stored(folder / "a", GOOD), stored(folder / "b", GOOD, 13.0)
    lines, status = compare(one, slow)
    assert status == FINE
    assert lines[1] == "one: p95 of cycle (wall): 10.1 ms -> 13.1 ms: worse"
    assert compare(one, slow, fail_on="timings") == (lines, WORSE)
    assert compare(slow, one, fail_on="timings")[1] == FINE
    elsewhere = stored(folder / "c", GOOD, 13.0, machine=MACHINE | {"cpu": "another"})
    lines, status = compare(one, elsewhere)
    assert status == FINE
    assert any("another machine (cpu" in line for line in lines)
    assert not any("p95" in line for line in lines)


def test_other_settings_are_not_compared(folder: Path) -> None:
    """A condition of the same name under other settings is left out by its keys."""
    one = stored(folder / "a", GOOD)
    other = stored(folder / "b", GOOD, conditions=[{"name": "one", "busy_timeout_ms": 7}])
    with pytest.raises(UsageError, match=r"other settings \(busy_timeout_ms\)"):
        compare(one, other)


def test_designed_cycles_are_not_compared(folder: Path) -> None:
    """What failed of cycles with a set number of faults is no share to compare."""
    strata = [{"name": "one", "strata": {"cycles": 100}}]
    one, other = (stored(folder / name, GOOD, conditions=strata) for name in "ab")
    with pytest.raises(UsageError, match="its cycles have a set number of faults"):
        compare(one, other)


def test_a_spoiled_run_says_nothing(folder: Path) -> None:
    """A harness error in either run, or no run at all, is no comparison."""
    one = stored(folder / "a", GOOD)
    spoiled = stored(folder / "b", [*GOOD, "harness_error"])
    with pytest.raises(UsageError, match="1 harness errors"):
        compare(one, spoiled)
    with pytest.raises(UsageError):
        compare(one, folder / "nothing")


def test_a_run_from_before_sweeps_is_compared(folder: Path) -> None:
    """What later versions note of a condition, and changes no cycle, makes it no other one."""
    older = stored(folder / "a", GOOD)
    noted = {"name": "one", "sweep": {"of": "x", "axes": {}}, "shadow": 0.3, "strata": None}
    newer = stored(folder / "b", GOOD, conditions=[noted])
    lines, status = compare(older, newer)
    assert status == FINE
    assert not any("not compared" in line for line in lines)


def test_a_run_that_stopped_early_is_said_to_have(folder: Path) -> None:
    """The intervals are for cycles fixed beforehand, so the words are said to be hints only."""
    lines, _ = compare(stored(folder / "a", GOOD), stored(folder / "b", GOOD, looked=True))
    assert [line for line in lines if "stopped early" in line] == [lines[1]]
    assert lines[1].startswith(str(folder / "b"))
    planned = [{"name": "one", "cycles": len(GOOD) + 1}]  # somebody ended it
    lines, _ = compare(folder / "a", stored(folder / "c", GOOD, conditions=planned))
    assert [line for line in lines if "stopped early" in line] == [lines[1]]


def loaded(folder: Path, times: float, cleanup_ms: float = 2.0) -> Path:
    """Store a run on a machine that is so many times slower, the truth and all."""
    records, draw = cycles(GOOD), random.Random(times)  # noqa: S311 - no secret
    for record in records:
        took_ms = {"cleanup": cleanup_ms, "truth": 1.0}
        drawn = {step: ms * times * draw.uniform(0.9, 1.1) for step, ms in took_ms.items()}
        record.timings_ms = {step: ms * draw.choice([1, 1, 3]) for step, ms in drawn.items()}
        record.cpu_ms = drawn
    make_run(folder, records, machine=MACHINE)
    return folder


def test_a_slower_machine_is_no_slower_code(folder: Path) -> None:
    """Everything takes 1.5 times as long, the truth as well: that is said, and no word given.

    A cleanup that is slower than the machine is called worse, by the processor's time too.
    """
    quiet, busy = loaded(folder / "a", 1.0), loaded(folder / "b", 1.5)
    lines, _ = compare(quiet, busy)
    assert len(lines) == 3
    assert lines[1].startswith("the truth, the same code in both, took 1.5 times as long (p50, wa")
    assert lines[2].startswith("4 measures: no difference shown")
    lines, status = compare(quiet, loaded(folder / "c", 1.5, 3.0), fail_on="timings")
    assert status == WORSE
    assert [line.partition(":")[2].partition(":")[0] for line in lines[2:4]] == [
        " p95 of cleanup (wall)",
        " p50 of cleanup (CPU)",
    ]


def test_a_million_cycles_are_compared_in_little_room() -> None:
    """A condition of a million cycles against 1,200: its share takes no second and few MB."""
    tracemalloc.start()
    found = compare_proportions(12, 1200, 10_000, 1_000_000)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 50_000_000
    assert 0.5 < found.p_higher < 0.6
