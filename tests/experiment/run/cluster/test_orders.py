"""What is said of a cycle, to know it again wherever it ran."""

from __future__ import annotations

from dataclasses import replace

from harness.experiment.run.cluster.orders import marks
from harness.results.records import CycleRecord

RECORD = CycleRecord("a", 7, "cleaned", rows=True, timings_ms={"cycle": 1.0})


def test_timings_are_left_out_and_all_else_is_not() -> None:
    """A mark is the outcome, and a digest of everything that is the same anywhere."""
    (mark,) = marks([RECORD]).values()
    assert mark.startswith("cleaned ")
    assert marks([replace(RECORD, timings_ms={"cycle": 9.0}, cpu_ms={"cycle": 1.0})]) == {"7": mark}
    for other in (
        replace(RECORD, rows=False),
        replace(RECORD, detail="x"),
        replace(RECORD, payload_bytes=1),
    ):
        assert marks([other])["7"] != mark
