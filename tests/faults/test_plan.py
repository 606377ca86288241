from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.cleanup import Entity
from harness.faults import Planned, Shape
from harness.faults.plan import Planner

BOTS = tuple(Entity("bots", (("id", number),)) for number in range(10))
SHAPE = Shape(BOTS, True, True, ("online_backup",), 3, frozenset({"bots"}))
FAULTS = {
    "timeout": (0.1, {"attempt": 3.0, "phase": 1.0}),
    "permission": (0.02, {"phase": 1.0}),
    "io_error": (0.2, {"attempt": 1.0, "phase": 1.0, "cycle": 2.0}),
}
CYCLES = 2000
ALPHA = 1e-4  # a right program fails one of these tests once in 10,000 seeds; the seed is fixed


def draws(seed: int = 1, condition: str = "a") -> list[tuple[int, list[Planned]]]:
    """Draw the plans of many cycles."""
    planner = Planner(seed, condition, SHAPE, FAULTS)
    return [planner.draw(cycle) for cycle in range(CYCLES)]


DRAWN = draws()


def test_the_same_in_any_order() -> None:
    """A cycle's plan depends on no cycle drawn before it, and on no planner."""
    planner = Planner(1, "a", SHAPE, dict(reversed(FAULTS.items())))
    for cycle in (1999, 3, 0, 3, 777):
        assert planner.draw(cycle) == DRAWN[cycle]


def test_the_same_in_another_process() -> None:
    """A process of its own, with another hash seed, draws the same."""
    code = (
        "import pickle, sys; from harness.faults.plan import Planner;"
        "planner = Planner(*pickle.load(sys.stdin.buffer));"
        "pickle.dump([planner.draw(c) for c in (5, 4, 1234)], sys.stdout.buffer)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps((1, "a", SHAPE, FAULTS)),
        capture_output=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
    )
    assert pickle.loads(done.stdout) == [DRAWN[c] for c in (5, 4, 1234)]  # noqa: S301 - our own


def test_pinned() -> None:
    """Seeds in published runs stay good: these very draws were made before."""
    number, planned = DRAWN[7]
    assert (number, len(planned)) == (979070557633105850, 8)
    first, *_, last = ((p.kind, *p.slot, p.lasting, round(p.where, 6)) for p in planned)
    assert first == ("io_error", "backup", "online_backup", 1, "attempt", 0.515002)
    assert last == ("timeout", "cleanup", "delete bots 8", 3, "attempt", 0.349643)


def test_different_otherwise() -> None:
    """Another seed, another condition or another cycle draws something else."""
    numbers = [number for number, _ in DRAWN]
    assert len(set(numbers)) == CYCLES
    assert len({repr(planned) for _, planned in DRAWN if planned}) > CYCLES * 0.9
    for other in (draws(seed=2), draws(condition="b")):
        assert not set(numbers) & {number for number, _ in other}
        agreeing = sum(one == two for (_, one), (_, two) in zip(DRAWN, other, strict=True))
        assert agreeing < CYCLES * 0.1


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**63),
    condition=st.text(max_size=20),
    cycle=st.integers(0, 2**40),
    rate=st.floats(0, 1),
)
def test_whatever_is_drawn_is_well_formed(
    seed: int, condition: str, cycle: int, rate: float
) -> None:
    """Each slot is hit at most once, by what its kind may do; again is the same."""
    planner = Planner(seed, condition, SHAPE, {"timeout": (rate, {"phase": 1.0})})
    number, planned = planner.draw(cycle)
    slots = [(p.kind, p.slot) for p in planned]
    assert len(set(slots)) == len(slots)
    assert set(slots) <= set(planner.slots)
    assert {p.lasting for p in planned} <= {"phase"}
    assert all(0 <= p.where < 1 for p in planned)
    assert 0 <= number < 2**62
    assert Planner(seed, condition, SHAPE, {"timeout": (rate, {"phase": 1.0})}).draw(cycle) == (
        number,
        planned,
    )


@pytest.mark.parametrize("kind", list(FAULTS))
def test_hits_come_at_the_rate(kind: str) -> None:
    """The number of hits is binomial with the rate that was asked for."""
    slots = sum(k == kind for k, _ in Planner(1, "a", SHAPE, FAULTS).slots)
    hits = sum(p.kind == kind for _, planned in DRAWN for p in planned)
    assert stats.binomtest(hits, slots * CYCLES, FAULTS[kind][0]).pvalue > ALPHA


def test_every_slot_alike_and_on_its_own() -> None:
    """No slot is favoured, and hits in two slots of a cycle are independent."""
    counts = Counter(p.slot for _, planned in DRAWN for p in planned if p.kind == "timeout")
    assert len(counts) == 30
    assert stats.chisquare(list(counts.values())).pvalue > ALPHA
    both = Counter(
        (slots[0] in hit, slots[1] in hit)
        for slots in [[s for k, s in Planner(1, "a", SHAPE, FAULTS).slots if k == "io_error"]]
        for hit in ({p.slot for p in planned} for _, planned in DRAWN)
    )
    table = [[both[True, True], both[True, False]], [both[False, True], both[False, False]]]
    assert stats.fisher_exact(table).pvalue > ALPHA


def test_the_weights_of_lasting() -> None:
    """How long they last comes in the shares that were asked for, a weight of 0 never."""
    for kind, (_, weights) in FAULTS.items():
        seen = Counter(p.lasting for _, planned in DRAWN for p in planned if p.kind == kind)
        assert set(seen) == set(weights)
        total = sum(seen.values())
        expected = [total * weights[name] / sum(weights.values()) for name in seen]
        if len(seen) > 1:
            assert stats.chisquare(list(seen.values()), expected).pvalue > ALPHA
    never = Planner(1, "a", SHAPE, {"timeout": (1.0, {"attempt": 0.0, "phase": 1.0})})
    assert {p.lasting for p in never.draw(0)[1]} == {"phase"}


def test_where_is_uniform() -> None:
    """Where within the operation it strikes is uniform on [0, 1)."""
    where = [p.where for _, planned in DRAWN for p in planned]
    assert stats.kstest(where, "uniform").pvalue > ALPHA
    assert min(where) >= 0
    assert max(where) < 1


def test_a_rate_of_one_hits_every_slot() -> None:
    """At a rate of 1 nothing is left to chance."""
    planner = Planner(1, "a", SHAPE, {"foreign_key": (1.0, {"attempt": 1.0})})
    assert [(p.kind, p.slot) for p in planner.draw(0)[1]] == planner.slots
    assert len(planner.slots) == 30


def test_a_fault_that_lasts_for_nothing_is_refused() -> None:
    """Weights that name no way to last are a mistake, found before the first cycle."""
    with pytest.raises(ValueError, match="timeout"):
        Planner(1, "a", SHAPE, {"timeout": (0.1, {"attempt": 0.0})})
