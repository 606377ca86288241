"""A budget goes to who can be decided with it, whatever the number of workers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.run.sharing import BESIDE, Need, granted
from harness.experiment.run.verdicts import check
from harness.results.store import Store
from harness.statistics.sequential import support_boundary
from tests.experiment.run.runs import Runs

EACH = 1 - 0.05 / 3  # three claims that hold together
TEXT = """
name = "tried"
budget = {budget}
[defaults]
demands = "rows"
recoveries = ["file_copy"]
workload.size_bytes = 262144
[[conditions]]
name = "sure"
claims = ["reliability >= 0.98"]
[[conditions]]
name = "far"
claims = ["reliability >= 0.9999"]
[[conditions]]
name = "own"
cycles = 30
[[conditions]]
name = "unclaimed"
[[conditions]]
name = "near"
claims = ["reliability >= 0.97"]
"""


@pytest.fixture
def shared(runs: Runs) -> Runs:
    """Give runs of five conditions that share 800 cycles."""
    runs.path.write_text(TEXT.format(budget="{ cycles = 800 }"), encoding="utf-8")
    return runs


def told(folder: Path) -> dict[str, Any]:
    """Read what run.json says of the budget."""
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())["budget"]
    return found


def counted(folder: Path) -> dict[str, int]:
    """Count what is stored of each condition: 0 to n-1, and nothing else."""
    store = Store(folder)
    counts = {}
    for name in store.conditions():
        (cycles,) = store.done(name)
        assert cycles.start == 0
        counts[name] = len(cycles)
    store.close()
    return counts


needs = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 800)), max_size=8)


@given(needs, st.integers(0, 1000), st.integers(0, 3))
def test_no_more_is_granted_than_there_is(
    asked: list[tuple[int, int]], left: int, first: int
) -> None:
    """All grants fit, none is in part, and nothing is left over while somebody could be served."""
    every = [Need(*one) for one in asked]
    grants = granted(every, left, first)
    assert sum(grants.values()) <= left
    assert all(0 < every[index].cycles == cycles <= every[index].most for index, cycles in
               grants.items())  # fmt: skip
    fitting = [index for index, need in enumerate(every) if 0 < need.cycles <= min(need.most, left)]
    assert bool(grants) == bool(fitting)
    if fitting and fitting[0] < first:
        assert list(grants) == fitting[:1]
    elif grants:
        least = min(every[index].cycles for index in fitting)
        assert max(grants.values()) <= BESIDE * least
        in_turn = sorted(fitting, key=lambda index: every[index].cycles)
        served = granted([every[index] for index in in_turn], left)
        assert served[0] == least  # as a run asks: who needs least is never passed over


def test_cycles_go_where_they_decide(shared: Runs) -> None:
    """Each claim that the budget can decide ends at its cycle; one that takes more gets a floor."""
    assert shared("one") == 3  # one claim is left open
    got = told(shared.folder / "one")["got"]
    sure, near = (support_boundary(0, claim, EACH) for claim in (0.98, 0.97))
    assert {name: entry["cycles"] for name, entry in got.items()} == {
        "sure": sure, "far": 100, "own": 30, "unclaimed": 100, "near": near,
    }  # fmt: skip
    assert counted(shared.folder / "one") == {name: entry["cycles"] for name, entry in got.items()}
    assert [entry["end"] for entry in got.values()] == [
        "decided", "beyond the budget", "all its cycles", "all its cycles", "decided",
    ]  # fmt: skip
    left = 800 - sum(entry["cycles"] for entry in got.values())
    assert got["far"]["needs"] > left  # or it would have been given
    assert "far: not decided within the budget: 100 cycles ran" in shared.said
    verdicts = {v.condition: v.judged["verdict"] for v in check(shared.folder / "one") if v.judged}
    assert verdicts == {"sure": "supported", "far": "undecided", "near": "supported"}


def test_the_same_for_any_number_of_workers_and_when_resumed(shared: Runs) -> None:
    """Failing cycles end late, and still nothing but their numbers decides; nor does a stop."""
    for workers in (1, 3):
        shared(str(workers), site="LateFailures", workers=workers)
    before = told(shared.folder / "1"), counted(shared.folder / "1")
    assert (told(shared.folder / "3"), counted(shared.folder / "3")) == before
    store = Store(shared.folder / "1", write=True)  # as if it had been stopped in a later round
    store.remove({name: range(kept, before[1][name]) for name, kept in
                  (("sure", 120), ("far", 100), ("near", 70))})  # fmt: skip
    store.close()
    shared("1", site="LateFailures", resume=True)
    assert (told(shared.folder / "1"), counted(shared.folder / "1")) == before


def test_the_named_ones_come_first(shared: Runs) -> None:
    """With cycles for one claim more, the one that is named gets them though it needs more."""
    sure, near = (support_boundary(0, claim, EACH) for claim in (0.98, 0.97))
    least = 100 + 30 + 100  # far, own, unclaimed
    for first, ends in (("[]", ["beyond the budget", "decided"]),
                        ('["sure"]', ["decided", "beyond the budget"])):  # fmt: skip
        budget = f"{{ cycles = {least + 100 + sure}, first = {first} }}"
        shared.path.write_text(TEXT.format(budget=budget), encoding="utf-8")
        shared(first)
        got = told(shared.folder / first)["got"]
        assert [got[name]["end"] for name in ("sure", "near")] == ends
    assert near < sure


def test_a_budget_of_seconds_ends_in_time_and_says_what_it_is(shared: Runs) -> None:
    """Not the same twice, which run.json says; what is stored has no gap."""
    shared.path.write_text(TEXT.format(budget="{ seconds = 1.5 }"), encoding="utf-8")
    assert shared("one", site="Slow") == 3
    found = told(shared.folder / "one")
    assert found["reproducible"] is False
    assert counted(shared.folder / "one")["far"] >= 1


def test_cycles_of_the_command_line_replace_a_budget(shared: Runs) -> None:
    """--cycles N still means N of every condition."""
    shared("one", cycles=12)
    assert set(counted(shared.folder / "one").values()) == {12}
    assert "budget" not in json.loads((shared.folder / "one" / "run.json").read_text())
