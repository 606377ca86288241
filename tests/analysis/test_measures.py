"""Which cycles count, which failed, and what a timing that is missing takes away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import registry
from harness.analysis.measures import MEASURES, Evidence, Trials, contracts, trials, untimed
from harness.experiment.written.claimed import MEASURES as CLAIMED
from harness.experiment.written.claimed import TIMED
from harness.outcomes import OUTCOMES, TIMINGS
from harness.recovery.wal_pin import WalPin
from harness.results.records import CycleRecord
from tests.stored_runs import cycle, cycles, make_run


def evidence(folder: Path, records: list[CycleRecord], **values: Any) -> Evidence:
    """Store cycles and return what they say."""
    usual = {"demands": "rows", "recoveries": ["file_copy"], "size_bytes": 2_691_072}
    return Evidence(make_run(folder / "run", records).columns("one"), **(usual | values))


def counts(found: Trials | str) -> tuple[list[bool], list[bool]]:
    """Return which cycles count and which of those failed."""
    assert isinstance(found, Trials)
    return found.counted.tolist(), found.failed[found.counted].tolist()


def test_only_restores_count_for_their_time(folder: Path) -> None:
    """Cycles without a restore say nothing of its time; one of exactly the limit is in time."""
    took_ms = [None, 49.999, 50.0, 50.001, None]
    records = [
        cycle(
            n,
            "restored" if ms else "cleaned",
            timings_ms={"backup": 1.0, "restore": ms} if ms else {},
        )
        for n, ms in enumerate(took_ms)
    ]
    found = trials("restore_ms", 50.0, evidence(folder, records))
    assert counts(found) == ([False, True, True, True, False], [False, False, True])
    assert isinstance(found, Trials)
    assert "max 50.0 ms" in found.shown
    assert not found.doubts


@pytest.mark.parametrize(
    ("step", "values", "doubted"),
    [
        ("backup", {}, True),
        ("truth", {}, True),
        ("cycle", {}, True),
        ("create", {"payload_bytes": 5}, True),
        ("create", {"payload_bytes": 0}, False),
        ("cleanup", {"cleanup_ok": False}, True),
        ("cleanup", {"cleanup_ok": None}, False),
        ("restore", {"restored_by": "file_copy"}, True),
        ("restore", {"restored_by": None}, False),
        ("verify", {}, False),
        ("dispose", {}, False),
    ],
)
def test_a_step_that_took_place_untimed_is_a_doubt(
    folder: Path, step: str, values: dict[str, Any], doubted: bool
) -> None:
    """Where the cycle itself says that the step took place, a missing time could be a slow one."""
    records = [cycle(0, timings_ms={step: 1.0}), cycle(1, timings_ms={}, **values)]
    seen = evidence(folder, records)
    found = trials(f"{step}_ms", 5.0, seen)
    assert isinstance(found, Trials)
    assert found.doubts == ((f"no {step} was timed in 1 cycle",) if doubted else ())
    assert untimed(f"{step}_ms", seen).tolist() == [False, doubted]


def test_shares_have_no_missing_times(folder: Path) -> None:
    """Only a measure of time is doubted for a missing one: that of backups under a second is."""
    seen = evidence(folder, [cycle(0, timings_ms={})])
    told = {name: untimed(name, seen).tolist() for name in CLAIMED}
    assert [name for name, missing in told.items() if missing != [False]] == ["backup_under_1s"]


@pytest.mark.parametrize("name", [*CLAIMED, *TIMED])
def test_no_cycle_is_no_trial(folder: Path, name: str) -> None:
    """Whatever is asked of a condition that did not run: nothing was measured."""
    limit_ms = 5.0 if name in TIMED else None
    assert trials(name, limit_ms, evidence(folder, [])) == "nothing was measured"


@pytest.mark.parametrize("name", [*CLAIMED, *TIMED])
def test_a_measure_looks_at_one_cycle_at_a_time(folder: Path, name: str) -> None:
    """Cycles judged one by one, as when a run stops early, count and fail as all together do."""
    records = [
        cycle(
            n,
            outcome,
            cleanup_ok=[True, False, None][n % 3],
            restored_by=[None, "file_copy"][n % 2],
            left_behind=n % 2,
            backup_bytes=2_691_072 + n % 2,
            timings_ms={}
            if n % 4 == 3
            else dict.fromkeys(("backup", "restore", "cycle"), 900.0 + 90 * n),
        )
        for n, outcome in enumerate(OUTCOMES * 2)
    ]
    whole = evidence(folder, records)
    limit_ms = 1200.0 if name in TIMED else None
    together = trials(name, limit_ms, whole)
    for n in range(len(records)):
        columns = {key: values[n : n + 1] for key, values in whole.columns.items()}
        one = Evidence(columns, whole.demands, whole.recoveries, whole.size_bytes)
        alone = trials(name, limit_ms, one)
        if isinstance(together, str) or not together.counted[n]:
            assert isinstance(alone, str) or not alone.counted[0]
        else:
            assert counts(alone) == ([True], [bool(together.failed[n])])
        assert untimed(name, one)[0] == untimed(name, whole)[n]


def test_an_outcome_nobody_knows_is_a_harness_error(folder: Path) -> None:
    """A code that only a newer version could have written supports nothing."""
    seen = evidence(folder, cycles(["cleaned"] * 3))
    assert seen.doubts() == []
    seen.columns["outcome"][1] = len(OUTCOMES)
    assert seen.harness_errors == 1
    assert seen.doubts() == ["harness error in 1 cycle"]


def test_gaps_and_order(folder: Path) -> None:
    """The cycles before the first missing number are known; the first cycle is number 0."""
    assert evidence(folder / "a", cycles(["cleaned"] * 3)).unbroken == 3
    assert evidence(folder / "b", cycles(["cleaned"] * 3)[1:]).unbroken == 0
    gap = evidence(folder / "c", [cycle(0), cycle(2)])
    assert (gap.unbroken, gap.doubts()) == (1, ["cycle 1 is missing"])


def test_test_data_that_nobody_made_is_a_doubt(folder: Path) -> None:
    """Where tests speak to a backend and none got all its data made, clean means nothing."""
    nothing = cycles(["cleaned"] * 3, payload_bytes=0)
    assert evidence(folder / "a", nothing).doubts() == []
    over_http = evidence(folder / "b", nothing, over_http=True)
    assert over_http.doubts() == ["in no cycle did the tests make all their data"]
    assert evidence(folder / "c", [*nothing, cycle(3)], over_http=True).doubts() == []


# Of each measure and each step: a cycle that failed at it, quick and quiet as it was.
QUICK = dict.fromkeys(TIMINGS, 0.5)
REFUSED = {"timings_ms": {"backup": 0.5, "cycle": 0.5}, "cleanup_ok": None, "backup_bytes": 0}
NOT_RESTORED = {"timings_ms": QUICK, "restored_by": None, "says_clean": False}
FAILURES: dict[str, CycleRecord] = {
    "reliability": cycle(3, "refused", **REFUSED),
    "clean_end": cycle(3, "dirty_known", **NOT_RESTORED),
    "data_safety": cycle(3, "baseline_lost", says_clean=True),
    "no_restore": cycle(3, "refused", **REFUSED),
    "no_silent_leftover": cycle(3, "baseline_lost", says_clean=True),
    "nothing_left_behind": cycle(3, left_behind=1),
    "restored_clean": cycle(3, "dirty_known", **NOT_RESTORED),
    "backup_under_1s": cycle(3, "refused", **REFUSED),
    "backup_same_size": cycle(3, "dirty_known", **(REFUSED | {"backup_bytes": 2_691_072})),
    "cleanup_reports_truth": cycle(3, "dirty_silent", cleanup_ok=True),
    "backup_ms": cycle(3, "refused", **REFUSED),
    "create_ms": cycle(3, "dirty_known", timings_ms=QUICK, payload_bytes=0),
    "cleanup_ms": cycle(3, "dirty_known", timings_ms=QUICK, cleanup_ok=False),
    "verify_ms": cycle(3, "dirty_known", timings_ms=QUICK, says_clean=False),
    "restore_ms": cycle(3, "dirty_known", **NOT_RESTORED),
    "dispose_ms": cycle(3, timings_ms=QUICK, left_behind=1),
    "truth_ms": cycle(3, "harness_error", timings_ms=QUICK),
    "cycle_ms": cycle(3, "refused", **REFUSED),
}


@pytest.mark.parametrize("name", [*CLAIMED, *TIMED])
def test_a_failure_is_never_a_success(folder: Path, name: str) -> None:
    """Beside good cycles, a quick and quiet failure is counted, and counted as one."""
    outcome = "restored" if "restore" in name and name != "no_restore" else "cleaned"
    records = [*cycles([outcome] * 3, timings_ms=QUICK), FAILURES[name]]
    seen = evidence(folder, records, over_http=True)
    found = trials(name, 1.0 if name in TIMED else None, seen)
    assert counts(found) == ([True] * 4, [False, False, False, True])


@pytest.mark.parametrize("name", [*CLAIMED, *TIMED])
def test_the_instruments_failure_is_no_success(folder: Path, name: str) -> None:
    """A harness error that counts at all counts as failed, whatever it says of itself."""
    good = cycle(0, "restored", timings_ms=QUICK)
    spoiled = cycle(1, "harness_error", rows=True, timings_ms=QUICK, cleanup_ok=True)
    found = trials(name, 1.0 if name in TIMED else None, evidence(folder, [good, spoiled]))
    assert isinstance(found, Trials)
    assert found.failed[found.counted].tolist()[-1]


def test_a_cleanup_that_left_something_was_not_in_time(folder: Path) -> None:
    """Also where it said that it was fine: verification had to restore."""
    records = cycles(["restored", "dirty_silent", "cleaned"], cleanup_ok=True, timings_ms=QUICK)
    found = trials("cleanup_ms", 1.0, evidence(folder, records))
    assert counts(found) == ([True] * 3, [True, True, False])


def test_where_no_backup_is_asked_for_none_is_missing(folder: Path) -> None:
    """A policy without a backup has no time and no size of one, and nothing to doubt."""
    seen = evidence(folder, cycles(["cleaned"] * 3, timings_ms={"cycle": 1.0}), backs_up=False)
    for name in ("backup_under_1s", "backup_same_size"):
        assert trials(name, None, seen) == "no cycle took a backup"
    assert untimed("backup_ms", seen).tolist() == [False] * 3


class Pinning(WalPin):
    """A pinning recovery of somebody's own."""

    name = "pinning"


def test_a_recovery_is_asked_whether_it_keeps_a_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of somebody's own that pins has no copy to compare; one not installed cannot be asked."""
    records = cycles(["cleaned"] * 3, backup_bytes=0)
    missing = trials("backup_same_size", None, evidence(folder, records, recoveries=["pinning"]))
    assert isinstance(missing, str)
    assert "cannot be told here: no recovery is called 'pinning'" in missing
    monkeypatch.setattr(registry, "find", lambda package, name: Pinning)
    seen = evidence(folder / "2", records, recoveries=["pinning"])
    assert trials("backup_same_size", None, seen) == (
        "recovery pinning keeps no second file to compare"
    )


def test_what_counts_is_said_of_every_measure() -> None:
    """Each name that can be claimed or asked for in a row says over what and when failed."""
    told = contracts()
    assert set(told) == {*MEASURES, *TIMED}
    assert all(text.startswith("Over ") and "failed: " in text for text in told.values())


def test_every_measure_is_a_share_of_the_cycles(folder: Path) -> None:
    """Each gives two columns of the condition's length, or says why it counts nothing."""
    seen = evidence(folder, cycles(OUTCOMES))
    for measure in MEASURES.values():
        found = measure(seen, {"claimed": "661 bytes"})
        assert isinstance(found, str) or found.counted.shape == found.failed.shape == (7,)
        assert isinstance(found, str) or found.counted.dtype == found.failed.dtype == np.bool_


def test_a_refusal_is_a_clean_end_and_no_success(folder: Path) -> None:
    """It fails reliability, which says how many it was; the database is at its baseline."""
    seen = evidence(folder, cycles(["refused"] * 3 + ["dirty_known", "cleaned", "restored"]))
    reliable, ended = MEASURES["reliability"](seen, {}), MEASURES["clean_end"](seen, {})
    assert not isinstance(reliable, str)
    assert not isinstance(ended, str)
    assert (int(reliable.failed.sum()), reliable.refused) == (4, 3)
    assert (int(ended.failed.sum()), ended.refused) == (1, 0)
