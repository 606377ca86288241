"""Stopping early: only the order of cycle numbers decides, whatever is claimed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.experiment.run import in_order, verdicts
from harness.experiment.run.in_order import InOrder
from harness.experiment.written.claimed import Claim, parse_claim
from harness.experiment.written.configuration import Condition
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.records import CycleRecord
from harness.results.store import Store
from harness.statistics.sequential import UNREACHABLE, decide, support_boundary
from tests.stored_runs import cycle, cycles, make_run, struck

STATED = {"name": "one", "demands": "rows", "recoveries": ["file_copy"]}


def gate(
    folder: Path,
    claims: Sequence[str],
    stored: Sequence[CycleRecord] = (),
    confidence: float = 0.95,
) -> tuple[Store, InOrder]:
    """Make a run that holds these cycles already, and what stops it."""
    make_run(folder, stored, conditions=[STATED | {"claims": list(claims)}])
    store = Store(folder)
    condition = Condition.model_validate(STATED | {"claims": list(claims)})
    return store, InOrder(store, condition, list(map(parse_claim, claims)), confidence)


def let_through(folder: Path, claims: Sequence[str], records: list[CycleRecord]) -> list[int]:
    """Return the numbers of the cycles that pass until the claims are decided."""
    store, stopping = gate(folder, claims)
    passed = stopping.take(records)
    store.close()
    return [record.cycle for record in passed]


@settings(max_examples=25)
@given(
    failures=st.lists(st.booleans(), max_size=80),
    order=st.randoms(use_true_random=False),
    size=st.integers(1, 9),
)
def test_the_order_of_completion_decides_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    failures: list[bool],
    order: random.Random,
    size: int,
) -> None:
    """In whatever order and batches cycles come in, those let through are the same."""
    store, stopping = gate(tmp_path_factory.mktemp("in_order") / "run", ["reliability >= 0.6"])
    records = cycles("dirty_known" if bad else "cleaned" for bad in failures)
    order.shuffle(records)
    batches = [records[n : n + size] for n in range(0, len(records), size)]
    passed = [record.cycle for batch in batches for record in stopping.take(batch)]
    store.close()
    decided_at = decide(failures, 0.6).decided_at
    assert passed == list(range(decided_at or len(failures)))
    assert stopping.decided == (decided_at is not None)


made = st.tuples(
    st.sampled_from(["cleaned", "restored", "dirty_silent"]), st.booleans(), st.booleans()
)
CLAIMS = ("no_restore >= 0.5", "restored_clean >= 0.6", "p60 of restore_ms <= 50")


@settings(max_examples=25)
@given(st.lists(made, min_size=30, max_size=90), st.integers(0, 40))
def test_a_run_stops_where_its_verdicts_are_decided(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[str, bool, bool]], before: int
) -> None:
    """Shares and timings: the last cycle let through is the one that settles the last claim.

    What is stored then gives every verdict by the ordinary way, at the same level, and one cycle
    less does not; what an earlier run has stored counts as any other.
    """
    records = [
        cycle(
            number,
            outcome,
            restored_by="file_copy" if restored else None,
            timings_ms={"backup": 1.0} | ({"restore": 10.0 if quick else 90.0} if restored else {}),
        )
        for number, (outcome, restored, quick) in enumerate(told)
    ]
    base = tmp_path_factory.mktemp("stops")
    store, stopping = gate(base / "run", CLAIMS, records[:before], 1 - 0.05 / 3)
    passed = len(stopping.take(records[before:]))
    store.close()

    def decided(number: int) -> bool:
        stated = [STATED | {"claims": list(CLAIMS)}]
        folder = make_run(base / str(number), records[:number], conditions=stated).folder
        said = [one.judged for one in verdicts.check(folder)]
        return all(one and one["verdict"] in ("supported", "refuted") for one in said)

    if stopping.decided and passed:
        assert decided(before + passed)
        assert not decided(before + passed - 1)
    elif not stopping.decided:
        assert before + passed >= len(records)
        assert not decided(len(records))


def test_two_bounds_stop_where_both_are_decided(folder: Path) -> None:
    """The lower bound is settled long before the upper: the run goes on until both are."""
    records = cycles((["cleaned"] * 12 + ["restored"]) * 300)
    passed = let_through(folder / "two", ["no_restore in [0.8, 0.97]"], records)
    alone = let_through(folder / "one", ["no_restore >= 0.8"], records)
    failed = [one.outcome != "cleaned" for one in records]
    at = decide([not bad for bad in failed], 0.03, 0.975)
    assert at.decided_at == len(passed) > len(alone)


def test_a_row_that_claims_stops_a_run_like_any_claim(folder: Path) -> None:
    """And one of 100% is waited for by nobody: it could go on for ever."""
    make_run(folder, [], conditions=[STATED])
    condition = Condition.model_validate(STATED)
    claims = [Claim("data_safety", 1.0), Claim("reliability", 0.9)]
    stopping = InOrder(Store(folder), condition, claims, 0.95)
    assert len(stopping.take(cycles(["cleaned"] * 100))) == decide([False] * 100, 0.9).decided_at
    alone = InOrder(Store(folder), condition, claims[:1], 0.95)
    assert len(alone.take(cycles(["cleaned"] * 100))) == 100


def test_a_batch_is_no_boundary(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cycles are judged at once, the same one decides."""
    records = cycles((["cleaned"] * 9 + ["restored"]) * 60)
    claims = ["reliability >= 0.99", "restored_clean >= 0.9"]
    all_at_once = let_through(folder / "a", claims, records)
    monkeypatch.setattr(in_order, "AT_ONCE", 7)
    assert let_through(folder / "b", claims, records) == all_at_once
    assert len(all_at_once) < len(records)


@pytest.mark.parametrize(
    "spoiled",
    [
        cycle(3, "harness_error"),
        cycle(3, timings_ms={}),
        cycle(3, "restored", timings_ms={"backup": 1.0, "cycle": 2.0}),
    ],
    ids=["harness error", "backup not timed", "restore not timed"],
)
def test_a_doubt_stops_nothing(folder: Path, spoiled: CycleRecord) -> None:
    """After a cycle that takes every support away, a run goes on to its end."""
    timings_ms = {"backup": 1.0, "restore": 1.0, "cycle": 2.0}
    records = cycles(["restored"] * 100, timings_ms=timings_ms)
    claims = ["reliability >= 0.5", "p50 of restore_ms <= 5", "backup_under_1s >= 0.5"]
    assert len(let_through(folder / "good", claims, records)) < 100
    records[3] = spoiled
    assert len(let_through(folder / "doubted", claims, records)) == 100


def test_what_is_never_measured_stops_nothing(folder: Path) -> None:
    """A claim about restores, in cycles without any, keeps the run going."""
    claims = ["reliability >= 0.5", "restored_clean >= 0.5"]
    assert len(let_through(folder / "run", claims, cycles(["cleaned"] * 100))) == 100


def test_a_run_goes_on_until_every_fault_has_fired(folder: Path) -> None:
    """A decision waits for a rare fault: a run that stopped before would end as a harness error."""
    stated = STATED | {"claims": ["reliability >= 0.9"], "faults": {"timeout": {"rate": 0.001}}}
    make_run(folder, [], conditions=[stated])
    gates = InOrder(
        Store(folder), Condition.model_validate(stated), [Claim("reliability", 0.9)], 0.95
    )
    plain, late = cycles(["cleaned"] * 200), cycles(["cleaned"], faults=(struck("timeout"),))
    assert len(gates.take(plain)) == 200
    assert not gates.decided
    late[0].cycle = 200
    assert [one.cycle for one in gates.take(late)] == [200]
    assert gates.decided


def test_only_what_is_allowed_decides(folder: Path) -> None:
    """Cycles beyond a share of a budget wait, stored or not, until they are allowed."""
    results = make_run(folder / "run", cycles(["cleaned"] * 60), conditions=[STATED])
    store = Store(results.folder)
    claims = [Claim("reliability", 0.95)]
    gates = InOrder(store, Condition.model_validate(STATED), claims, 0.95, allowed=20)
    support = support_boundary(0, 0.95)
    assert (gates.cycles, gates.needed(), gates.decided) == (20, support - 20, False)
    more = cycles(["cleaned"] * 200)[60:]
    assert gates.take(more) == []
    gates.allow(200)
    assert (gates.cycles, gates.needed(), gates.decided) == (support, 0, True)
    store.close()


def test_what_is_needed_is_the_nearest_verdict_in_cycles(folder: Path) -> None:
    """Of several claims the nearest; where half of the cycles count, twice as many; else none."""
    restored = cycles(["cleaned", "restored"] * 300)
    for one in restored[1::2]:
        one.restored_by = "file_copy"
        one.timings_ms["restore"] = 1.0
    claims = ["reliability >= 0.999", "restored_clean >= 0.99"]
    store, gates = gate(folder / "run", claims, restored)
    missing = support_boundary(0, 0.99) - 300  # of restores
    assert gates.needed() == 2 * missing
    spoiled = cycles(["cleaned"] * 600 + ["harness_error"])[600:]
    gates.take(spoiled)
    assert gates.needed() == UNREACHABLE
    store.close()


def test_designed_cycles_stop_nothing(folder: Path) -> None:
    """Cycles with a set number of faults are judged together, in the end, and never one by one."""
    stated = STATED | {"claims": ["reliability >= 0.5"], "faults": {"noop": {"rate": 0.1}}}
    results = make_run(folder / "run", conditions=[stated])
    store = Store(results.folder)
    condition = Condition.model_validate(stated | {"strata": {}})
    stopping = InOrder(store, condition, [Claim("reliability", 0.5)], 0.95)
    assert len(stopping.take(cycles(["cleaned"] * 100))) == 100
    assert not stopping.decided
    store.close()


whole = st.integers(0, 2**40)
records_made = st.builds(
    CycleRecord,
    condition=st.just("one"),
    cycle=st.just(0),
    outcome=st.sampled_from(OUTCOMES),
    rows=st.booleans(),
    exact=st.booleans(),
    says_clean=st.booleans(),
    cleanup_ok=st.none() | st.booleans(),
    shadow_ok=st.none() | st.booleans(),
    restored_by=st.none() | st.sampled_from(["wal_pin", "file_copy"]),
    left_behind=whole,
    backup_bytes=whole,
    payload_bytes=whole,
    grown_bytes=st.integers(-(2**40), 2**40),
    timings_ms=st.dictionaries(st.sampled_from(TIMINGS), st.floats(0, 1e7)),
    cpu_ms=st.dictionaries(st.sampled_from(TIMINGS), st.floats(0, 1e7)),
)


@settings(max_examples=25)
@given(st.lists(records_made, min_size=1, max_size=6))
def test_columns_are_those_that_will_be_read(
    tmp_path_factory: pytest.TempPathFactory, records: list[CycleRecord]
) -> None:
    """A cycle judged as it ends is judged by the values that are read once it is stored."""
    for number, record in enumerate(records):
        record.cycle = number
    read: dict[str, Any] = make_run(tmp_path_factory.mktemp("columns") / "run", records).columns(
        "one"
    )
    for name, values in in_order.in_columns(records).items():
        if values.dtype == object:
            assert list(values) == list(read[name])
        else:
            np.testing.assert_array_equal(values, read[name])
    assert set(read) - set(in_order.in_columns(records)) == {"faults", "detail"}
