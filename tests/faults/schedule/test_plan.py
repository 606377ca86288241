from __future__ import annotations

import hashlib
import itertools
import math
import pickle
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.faults import REQUEST, Planned, Shape, Slot
from harness.faults.schedule.plan import (
    Cause,
    Chance,
    Planner,
    Scripted,
    most_in_bursts,
    slots_in,
    struck_together,
)
from harness.steps import Entity

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
        "import pickle, sys; from harness.faults.schedule.plan import Planner;"
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


def test_pinned_whole() -> None:
    """What was drawn before there were bursts, causes and scripts is drawn still, to the bit."""

    def digest(planner: Planner) -> str:
        return hashlib.sha256(repr([planner.draw(c) for c in range(500)]).encode()).hexdigest()

    assert digest(Planner(1, "a", SHAPE, FAULTS)) == (
        "11892379abfe3cbabceb2463e3ce1695a76f648c04b7104c861dd3dd0c9be246"
    )
    others = {
        "noop": (0.01, {"attempt": 1.0}),
        "disk_full": Chance(0.05, {"cycle": 1.0}, ("backup", "restore")),
        "foreign_key": (0.03, {"attempt": 1.0, "phase": 1.0}),
    }
    assert digest(Planner(42, "zwei/ü", SHAPE, others)) == (
        "e9f1fc6aceb1cba65a3c293f31235ec50745d12f2f321c6dbd6ecb7704e8be64"
    )
    none = Planner(1, "a", SHAPE, {})
    assert [none.draw(c) for c in (0, 5)] == [(1003661019540614603, []), (1845919431622292755, [])]


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


def test_a_cause_fails_the_storage_of_every_backup() -> None:
    """One disk under all places: each of them is struck, in the phases named."""
    chain = replace(SHAPE, recoveries=("wal_pin", "online_backup", "file_copy"), connected=True)
    groups = struck_together("disk_full", chain, ("backup", "restore"))
    assert [[(slot.phase, slot.operation) for slot in group] for group in groups] == [
        [("backup", "online_backup")],
        [("backup", "file_copy")],
        [("restore", "wal_pin")],
        [("restore", "online_backup")],
        [("restore", "file_copy")],
    ]
    cause = Cause(1.0, ("disk_full",), {"phase": 1.0}, ("backup", "restore"))
    planned = Planner(1, "a", chain, {}, {"disk": cause}).draw(0)[1]
    assert {plan.slot for plan in planned} == {group[0] for group in groups}


def test_a_fault_that_lasts_for_nothing_is_refused() -> None:
    """Weights that name no way to last are a mistake, found before the first cycle."""
    with pytest.raises(ValueError, match="timeout"):
        Planner(1, "a", SHAPE, {"timeout": (0.1, {"attempt": 0.0})})


LINE = Shape(
    BOTS, True, True, ("online_backup",), 3, frozenset({"bots"}), ("create bots 1",) * 8, True
)
REQUESTS = {"create": 8, "cleanup": 30}
BOTH = ("create", "cleanup")


def bursts(rate: float, burst: float, phases: tuple[str, ...] = BOTH) -> Planner:
    """Plan requests that are struck in bursts."""
    chance = Chance(rate, {"attempt": 1.0}, phases, burst)
    return Planner(7, "line", LINE, {"reset_before": chance})


def runs(planner: Planner, phase: str = "cleanup", cycles: int = CYCLES) -> list[np.ndarray]:
    """Which requests of the phase are struck, cycle by cycle."""
    struck = []
    for cycle in range(cycles):
        row = np.zeros(REQUESTS[phase], dtype=bool)
        hits = [p.slot.attempt - 1 for p in planner.draw(cycle)[1] if p.slot.phase == phase]
        row[hits] = True
        struck.append(row)
    return struck


@pytest.mark.parametrize(("rate", "burst"), [(0.1, 5.0), (0.3, 2.0), (0.05, 1.0), (0.8, 4.0)])
def test_bursts_have_the_share_and_the_length_asked_for(rate: float, burst: float) -> None:
    """In the long run ``rate`` of the requests is struck; a run of them is ``burst`` long."""
    rows = runs(bursts(rate, burst))
    # The mean of a stationary chain whose neighbours correlate by r: variance times (1+r)/(1-r).
    correlation = 1 - 1 / burst - rate / (burst * (1 - rate))
    spread = rate * (1 - rate) / (CYCLES * 30) * (1 + abs(correlation)) / (1 - abs(correlation))
    assert np.mean(rows) == pytest.approx(rate, abs=4 * math.sqrt(spread))
    # The first request is as likely struck as any: the channel is found as in the long run.
    first = sum(bool(row[0]) for row in rows)
    assert abs(first - CYCLES * rate) < 4 * math.sqrt(CYCLES * rate * (1 - rate))
    # Each struck request that has a next ends its run with chance 1/burst.
    goes_on = [bool(row[i + 1]) for row in rows for i in range(29) if row[i]]
    expected = 1 - 1 / burst
    sigma = math.sqrt(expected * (1 - expected) / len(goes_on))
    assert np.mean(goes_on) == pytest.approx(expected, abs=4 * sigma)
    # So the runs that begin early enough not to be cut off are as long as asked for, on average.
    if burst <= 2:
        lengths = [
            sum(1 for _ in itertools.takewhile(bool, row[i:]))
            for row in rows
            for i in range(1, 8)
            if row[i] and not row[i - 1]
        ]
        sigma = math.sqrt(burst * (burst - 1) / len(lengths))
        assert np.mean(lengths) == pytest.approx(burst, abs=4 * sigma + 1e-4)


def test_independent_hits_come_in_no_bursts() -> None:
    """The check of runs above tells a channel with bursts from slots drawn one by one."""
    chance = Chance(0.3, {"attempt": 1.0}, ("cleanup",))
    planner = Planner(7, "line", LINE, {"reset_before": chance})
    order = {slot: i for i, (_, slot) in enumerate(planner.slots)}
    rows = []
    for cycle in range(CYCLES):
        row = np.zeros(30, dtype=bool)
        row[[order[p.slot] for p in planner.draw(cycle)[1]]] = True
        rows.append(row)
    goes_on = [bool(row[i + 1]) for row in rows for i in range(29) if row[i]]
    assert np.mean(goes_on) == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / len(goes_on)))


@settings(max_examples=50)
@given(share=st.floats(0.001, 1), burst=st.floats(1, 1e6), cycle=st.integers(0, 2**40))
def test_bursts_are_well_formed(share: float, burst: float, cycle: int) -> None:
    """Each request is struck once at most, for that attempt, at any rate there can be."""
    planner = bursts(share * burst / (burst + 1), burst)
    planned = planner.draw(cycle)[1]
    assert planned == planner.draw(cycle)[1]
    assert len({p.slot for p in planned}) == len(planned)
    assert {(p.kind, p.slot) for p in planned} <= set(planner.slots)
    assert {(p.slot.operation, p.lasting) for p in planned} <= {(REQUEST, "attempt")}
    assert all(0 <= p.where < 1 for p in planned)
    assert Counter(slot.phase for _, slot in planner.slots) == REQUESTS


def test_bursts_in_every_phase_or_only_in_some() -> None:
    """Each phase has a channel of its own; a phase that is not asked for has none."""
    assert {slot.phase for _, slot in bursts(0.5, 2, ("create",)).slots} == {"create"}
    created, cleaned = (runs(bursts(0.3, 2), phase) for phase in BOTH)
    ends = Counter((bool(one[-1]), bool(two[0])) for one, two in zip(created, cleaned, strict=True))
    table = [[ends[True, True], ends[True, False]], [ends[False, True], ends[False, False]]]
    assert stats.fisher_exact(table).pvalue > ALPHA


def test_rates_that_no_channel_has_are_refused() -> None:
    """Struck two times in three is the most for bursts of two; a trace of rounding may pass."""
    assert most_in_bursts(2) == pytest.approx(2 / 3)
    alternating = runs(bursts(0.5, 1), cycles=20)
    assert all(bool(a) is not bool(b) for row in alternating for a, b in itertools.pairwise(row))
    bursts(most_in_bursts(2), 2)
    for rate in (0.67, 1.0):
        with pytest.raises(ValueError, match="reset_before"):
            bursts(rate, 2)
    assert bursts(0.0, 2).slots == []


DISK = Cause(0.1, ("disk_full", "timeout"), {"phase": 1.0}, ("cleanup", "restore"))
ONE = (Scripted("noop", Slot("cleanup", "delete bots 3", 2), "cycle"),)


def test_what_is_new_changes_nothing_of_the_rest() -> None:
    """Causes, bursts and a script come on top of the very same independent draws."""
    line = Planner(1, "a", LINE, {**FAULTS, "reset_before": Chance(0.1, {"attempt": 1.0}, BOTH, 3)})
    bare = Planner(1, "a", LINE, FAULTS)
    more = Planner(1, "a", SHAPE, FAULTS, {"disk": DISK}, ONE)
    most = Planner(1, "a", SHAPE, FAULTS, {"disk": DISK, "a second": DISK}, ONE)
    for cycle in range(200):
        number, planned = DRAWN[cycle]
        assert more.draw(cycle)[0] == line.draw(cycle)[0] == number
        assert more.draw(cycle)[1][: len(planned)] == planned
        alone = bare.draw(cycle)[1]
        assert line.draw(cycle)[1][: len(alone)] == alone
        rest = more.draw(cycle)[1][len(planned) :]
        assert [p for p in most.draw(cycle)[1] if p in rest] == rest


def test_one_cause_strikes_everywhere_in_the_same_cycles() -> None:
    """A cause strikes at its rate; then each fault once in each phase, and else nowhere."""
    planner = Planner(1, "a", SHAPE, {}, {"disk": DISK})
    cycles = [planner.draw(cycle)[1] for cycle in range(CYCLES)]
    struck = [planned for planned in cycles if planned]
    assert stats.binomtest(len(struck), CYCLES, DISK.rate).pvalue > ALPHA
    for planned in struck:
        assert [(p.kind, p.slot.phase) for p in planned] == [
            ("disk_full", "cleanup"),
            ("disk_full", "restore"),
            ("timeout", "cleanup"),
            ("timeout", "restore"),
        ]
        assert {(p.slot.attempt, p.lasting) for p in planned} == {(1, "phase")}
    counts = Counter(planned[2].slot.operation for planned in struck)
    assert stats.chisquare([counts[bot.label] for bot in BOTS]).pvalue > ALPHA
    assert stats.kstest([p.where for planned in struck for p in planned], "uniform").pvalue > ALPHA


def test_two_causes_strike_apart() -> None:
    """Causes are independent of each other, whatever faults they share."""
    planner = Planner(
        1, "a", SHAPE, {}, {name: DISK._replace(rate=0.5, faults=("noop",)) for name in "xy"}
    )
    counts = Counter(len(planner.draw(cycle)[1]) for cycle in range(CYCLES))
    assert stats.chisquare([counts[0], counts[2], counts[4]], [500, 1000, 500]).pvalue > ALPHA


def test_causes_of_rate_0_and_1() -> None:
    """At 0 a cause is not there; at 1 it strikes in every cycle, for a drawn while."""
    assert Planner(1, "a", SHAPE, {}, {"no": DISK._replace(rate=0.0)}).slots == []
    always = DISK._replace(rate=1.0, lasting={"attempt": 1.0, "cycle": 3.0})
    planner = Planner(1, "a", SHAPE, {}, {"yes": always})
    lasting = [{p.lasting for p in planner.draw(cycle)[1]} for cycle in range(CYCLES)]
    assert all(len(one) == 1 for one in lasting)
    counts = Counter(one.pop() for one in lasting)
    assert stats.binomtest(counts["cycle"], CYCLES, 0.75).pvalue > ALPHA
    with pytest.raises(ValueError, match="yes"):
        Planner(1, "a", SHAPE, {}, {"yes": always._replace(lasting={})})


def test_a_script_strikes_in_every_cycle() -> None:
    """Nothing of a script is drawn but where within the operation."""
    planner = Planner(1, "a", SHAPE, {}, None, ONE)
    planned = [planner.draw(cycle)[1] for cycle in range(200)]
    assert {tuple(p[:3] for p in one) for one in planned} == {ONE}
    assert len({one[0].where for one in planned}) == 200
    assert planner.slots == [ONE[0][:2]]


def test_phases_choose_among_the_slots() -> None:
    """A kind strikes in the phases named, else in its own, else wherever it has slots."""
    assert {s.phase for s in slots_in("noop", SHAPE)} == {"cleanup", "backup", "restore"}
    assert {s.phase for s in slots_in("noop", SHAPE, ("restore", "create"))} == {"restore"}
    assert {s.phase for s in slots_in("disk_full", SHAPE)} == {"backup", "restore"}
    assert {s.phase for s in slots_in("disk_full", SHAPE, ("cleanup",))} == {"cleanup"}
    planner = Planner(1, "a", SHAPE, {"noop": Chance(1.0, {"phase": 1.0}, ("restore",))})
    assert {p.slot.phase for p in planner.draw(3)[1]} == {"restore"}
    groups = struck_together("noop", SHAPE, ("restore", "cleanup", "verify", "restore"))
    assert [(len(group), group[0].phase) for group in groups] == [(1, "restore"), (10, "cleanup")]
