"""Verdicts on stored cycles: nothing is supported by what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.experiment import verdicts
from harness.experiment.configuration import Condition, Experiment, FaultSetting
from harness.experiment.records import CycleRecord, LedgerEntry
from harness.experiment.store import Store, fingerprint
from harness.statistics.sequential import decide

CLAIM = "reliability >= 0.9"


def stored(folder: Path, cycles: dict[int, str], *, rate: float = 0.0, fired: bool = True) -> Path:
    """Store cycles by number and outcome; return the run's folder."""
    condition = Condition(name="a", claims=(CLAIM,), faults={"noop": FaultSetting(rate=rate)})
    experiment = Experiment(name="x", conditions=(condition,))
    run = {"version": 1, "seed": 1, "fingerprint": fingerprint(experiment)}
    run |= {"configured": experiment.to_json(), "experiment": experiment.to_json()}
    store = Store.create(folder / "run", run)
    entry = LedgerEntry("noop", "cleanup", "delete bots 1", 1, "phase", fired, False, "")
    store.append(
        CycleRecord("a", cycle, outcome, faults=(entry,))  # type: ignore[arg-type]  # a plain text
        for cycle, outcome in cycles.items()
    )
    store.close()
    return folder / "run"


def test_enough_successes_support(folder: Path) -> None:
    """The verdict, the cycle that decided, and the interval are all said."""
    (one,) = verdicts.check(stored(folder, dict.fromkeys(range(200), "cleaned")))
    at = decide([False] * 200, 0.9).decided_at
    assert one.exit_code == 0
    assert f"supported at cycle {at}" in one.sentence()
    assert "0 failures in 200 cycles" in one.sentence()
    assert "e-process" in one.sentence()
    assert "Clopper-Pearson [98.1725%, 100.0000%] at 0.95" in one.sentence()


@pytest.mark.parametrize(
    ("cycles", "options", "doubt"),
    [
        ({}, {}, "nothing was measured"),
        (dict.fromkeys(range(1, 200), "cleaned"), {}, "cycle 0 is missing"),
        ({n: "cleaned" for n in range(200) if n != 77}, {}, "cycle 77 is missing"),
        (dict.fromkeys(range(200), "cleaned") | {5: "harness_error"}, {}, "1 harness error"),
        (dict.fromkeys(range(200), "cleaned"), {"rate": 0.1, "fired": False}, "never fired"),
    ],
)
def test_what_is_missing_supports_nothing(
    folder: Path, cycles: dict[int, str], options: dict, doubt: str
) -> None:
    """Gaps, harness errors, silent faults and empty runs end with 4, however many successes."""
    (one,) = verdicts.check(stored(folder, cycles, **options))
    assert one.exit_code == 4
    assert doubt in one.sentence()
    assert "supported" not in one.sentence()


def test_refuted_and_undecided_have_their_own_status(folder: Path) -> None:
    """1 for a claim refuted, 3 for too few cycles; refuted counts more, doubt most."""
    (one,) = verdicts.check(stored(folder, dict.fromkeys(range(30), "dirty_silent")))
    assert one.exit_code == 1
    run = folder / "run"
    (other,) = verdicts.check(run, claim="data_safety >= 0.999")
    assert other.exit_code == 3
    assert verdicts.exit_code([other, one]) == 1
    assert verdicts.exit_code([other]) == 3
    assert verdicts.exit_code([]) == 0
    (nothing,) = verdicts.check(stored(folder / "2", {}))
    assert verdicts.exit_code([one, nothing, other]) == 4


def test_what_cannot_be_judged_is_a_mistake_of_the_callers(folder: Path) -> None:
    """No such condition, no such confidence, no claim at all."""
    run = stored(folder, {0: "cleaned"})
    with pytest.raises(UsageError, match="no condition is called 'b'"):
        verdicts.check(run, condition="b")
    with pytest.raises(UsageError, match="--confidence 95"):
        verdicts.check(run, confidence=95)
    with pytest.raises(UsageError, match="cannot be read"):
        verdicts.check(run, claim="nonsense")
    store = Store.resume(run, Experiment.from_json(Store(run).run["configured"]))
    told = store.run["experiment"]
    told["conditions"][0]["claims"] = []
    store.update_run(experiment=told)
    store.close()
    with pytest.raises(UsageError, match="nothing is claimed here"):
        verdicts.check(run)


@settings(max_examples=30, deadline=None)
@given(
    failures=st.lists(st.booleans(), max_size=80),
    order=st.randoms(use_true_random=False),
    size=st.integers(1, 9),
)
def test_the_order_of_completion_decides_nothing(
    tmp_path_factory: pytest.TempPathFactory, failures: list[bool], order: object, size: int
) -> None:
    """In whatever order and batches cycles come in, those let through are the same."""
    run = stored(tmp_path_factory.mktemp("in_order"), {})
    condition = Condition(name="a", claims=("reliability >= 0.6",))
    records = [
        CycleRecord("a", cycle, "dirty_known" if bad else "cleaned")
        for cycle, bad in enumerate(failures)
    ]
    order.shuffle(records)  # type: ignore[attr-defined]  # a Random
    store = Store(run)
    gate = verdicts.InOrder(store, condition, 0.95)
    passed = [r for n in range(0, len(records), size) for r in gate.take(records[n : n + size])]
    store.close()
    decided_at = decide(failures, 0.6).decided_at
    assert [record.cycle for record in passed] == list(range(decided_at or len(failures)))
    assert gate.decided == (decided_at is not None)
