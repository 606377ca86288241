"""Two runs of one batch: they count once, and must say the same."""

from __future__ import annotations

from dataclasses import replace

from harness.experiment.run.cluster.agreement import Agreement
from harness.experiment.run.cluster.orders import marks
from harness.results.records import CycleRecord

RECORDS = [CycleRecord("a", number, "cleaned", timings_ms={"cycle": 1.0}) for number in range(3)]


def heard(agreement: Agreement, order: int, worker: str, records: list[CycleRecord]) -> None:
    """A worker has told what it found."""
    agreement.hear((0.0, {"order": order, "worker": worker, "marks": marks(records)}))


def test_the_same_twice_is_believed() -> None:
    """Timings aside; also where an event never came."""
    agreement = Agreement()
    agreement.expect(1)
    heard(agreement, 1, "tcp://a:1", [replace(r, timings_ms={"cycle": 7.0}) for r in RECORDS])
    heard(agreement, 1, "tcp://b:1", RECORDS)
    assert agreement.agreed(1, RECORDS) == RECORDS
    assert agreement.agreed(2, RECORDS) == RECORDS


def test_two_answers_are_a_harness_error_that_says_both() -> None:
    """Only of the cycle in which they differ, whichever of both came back."""
    other = [RECORDS[0], replace(RECORDS[1], outcome="restored"), RECORDS[2]]
    for answer in (RECORDS, other):
        agreement = Agreement()
        agreement.expect(1)
        heard(agreement, 1, "tcp://a:1", other)
        heard(agreement, 1, "tcp://b:1", RECORDS)
        first, second, third = agreement.agreed(1, answer)
        assert (first.outcome, second.outcome, third.outcome) == (
            "cleaned", "harness_error", "cleaned",
        )  # fmt: skip
        for word in ("cleaned ", "restored ", "tcp://a:1", "tcp://b:1"):
            assert word in second.detail


def test_nothing_is_kept_of_what_is_over() -> None:
    """Nor of batches that are none of this run's."""
    agreement = Agreement()
    heard(agreement, 9, "tcp://a:1", RECORDS)
    agreement.expect(1)
    agreement.agreed(1, RECORDS)
    agreement.expect(2)
    agreement.forget(2)
    heard(agreement, 2, "tcp://a:1", RECORDS)
    assert vars(agreement)["_told"] == {}
