"""Runs and cycles as they are stored, for those who test with them."""

from __future__ import annotations

from hypothesis import strategies as st

from harness.experiment.written.configuration import Condition, Experiment
from harness.faults.schedule.ledger import LedgerEntry
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.folder import fingerprint
from harness.results.records import CycleRecord

EXPERIMENT = Experiment(name="stored", conditions=(Condition(name="a"), Condition(name="b")))


def new_run(experiment: Experiment = EXPERIMENT) -> dict[str, object]:
    """Give the least that run.json must hold."""
    return {
        "version": 1,
        "fingerprint": fingerprint(experiment),
        "configured": experiment.to_json(),
        "experiment": experiment.to_json(),
    }


def typical(cycle: int, condition: str = "a") -> CycleRecord:
    """Give a cycle without faults, as most are."""
    timings = {phase: 0.731 + cycle % 100 / 7 for phase in TIMINGS if phase != "restore"}
    return CycleRecord(
        condition, cycle, "cleaned", True, True, True, True, None, 0, 2_691_072, 661, 4096, timings
    )


words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
entries = st.builds(
    LedgerEntry,
    words,
    words,
    words,
    st.integers(1, 9),
    st.sampled_from(["attempt", "phase", "cycle"]),
    st.booleans(),
    st.booleans(),
    words,
)
sizes = st.integers(-(2**62), 2**62)
durations = st.dictionaries(st.sampled_from(TIMINGS), st.integers(0, 10**9)).map(
    lambda us: {phase: us[phase] / 1000 for phase in TIMINGS if phase in us}
)
records = st.builds(
    CycleRecord,
    condition=st.sampled_from(["a", "b", "a/b 'c'"]),
    cycle=st.integers(0, 2**40),
    outcome=st.sampled_from(OUTCOMES),
    rows=st.booleans(),
    exact=st.booleans(),
    says_clean=st.booleans(),
    cleanup_ok=st.none() | st.booleans(),
    restored_by=st.none() | words,
    left_behind=st.integers(0, 9),
    backup_bytes=sizes,
    payload_bytes=sizes,
    grown_bytes=sizes,
    timings_ms=durations,
    cpu_ms=durations,
    faults=st.lists(entries, max_size=3).map(tuple),
    detail=words,
    story=words,
)
