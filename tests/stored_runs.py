"""Small runs in real files, for tests of what reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.experiment.written.configuration import Experiment
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.run_checks import SUM
from harness.results.store import Store
from harness.results.stored_summary import SOURCES


def cycle(number: int, outcome: str = "cleaned", **values: Any) -> CycleRecord:
    """Make a cycle of the condition called ``one`` that says of itself what its outcome means."""
    clean = outcome in ("cleaned", "restored")
    usual: dict[str, Any] = {
        "condition": "one",
        "rows": clean,
        "exact": outcome == "restored",
        "says_clean": clean or outcome == "dirty_silent",
        "cleanup_ok": outcome == "cleaned",
        "restored_by": "file_copy" if outcome == "restored" else None,
        "backup_bytes": 2_691_072,
        "payload_bytes": 640,
        "grown_bytes": 8192,
        "timings_ms": {"backup": 1.5, "cleanup": 2.0, "cycle": 10.0},
    }
    return CycleRecord(cycle=number, outcome=outcome, **(usual | values))  # type: ignore[arg-type]  # an outcome's name


def cycles(outcomes: Iterable[str], **values: Any) -> list[CycleRecord]:
    """Make cycles numbered from 0 with these outcomes."""
    return [cycle(number, outcome, **values) for number, outcome in enumerate(outcomes)]


def struck(kind: str, *, fired: bool = True, surfaced: bool = True) -> LedgerEntry:
    """Make an entry of the ledger."""
    return LedgerEntry(
        kind, "cleanup", "delete bots 1", 1, "attempt", fired, surfaced, "it said so"
    )


def make_run(
    folder: Path,
    records: Sequence[CycleRecord] = (),
    *,
    conditions: Sequence[Mapping[str, Any]] = ({"name": "one"},),
    rows: Sequence[Mapping[str, Any]] = (),
    **run: Any,
) -> Results:
    """Write a run of ``records`` to ``folder``: run.json and cycles.sqlite, and open it."""
    usual = {"demands": "rows", "policy": "hybrid_verified", "recoveries": ["file_copy"]}
    stored = Counter(record.condition for record in records)
    experiment = Experiment.from_json(
        {
            "name": "made",
            "seed": run.get("seed", 7),
            # as many cycles as there are: unless a test says so, no run ended before its plan
            "conditions": [
                {**usual, "cycles": stored[condition["name"]] or 1, **condition}
                for condition in conditions
            ],
            "rows": list(rows),
        }
    )
    content = {"version": 1, "seed": 7, "experiment": experiment.to_json()} | run
    store = Store.create(folder, content)
    store.append(records)
    store.close()
    return Results(folder)


def row(measure: str = "reliability", **values: Any) -> dict[str, Any]:
    """Make a row of the claims table about the condition called ``one``."""
    return {
        "claim": "a claim", "claimed": "so much", "condition": "one", "measure": measure,
    } | values  # fmt: skip


def unsealed(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Drop from a summary what it has only once it was written: sums of its sources and its own."""
    return {key: value for key, value in summary.items() if key not in (SOURCES, SUM)}
