"""What is kept of a cycle."""

from __future__ import annotations

import pickle

from harness.results.records import CycleRecord


def test_a_record_claims_nothing_that_it_was_not_told() -> None:
    """Until somebody says otherwise nothing was clean, nothing restored and nobody tried."""
    record = CycleRecord("one", 0, "harness_error")
    assert record.rows is record.exact is record.says_clean is False
    assert record.cleanup_ok is record.restored_by is record.shadow_ok is None


def test_it_travels_from_a_worker_whole() -> None:
    """Pickled and read again it is the same."""
    record = CycleRecord("one", 3, "cleaned", rows=True, timings_ms={"backup": 0.1})
    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - our own
