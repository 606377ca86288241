"""The story of one cycle: what happened, step by step, for people who look at a single trip.

It models nothing and judges nothing: it keeps what guard, cleanup and truth have said. It holds
no duration, port or folder, so that the same cycle is the same story wherever it ran.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from harness.cleanup import CleanupReport
from harness.databases import Differences
from harness.guard.protocol import GuardResult
from harness.steps import Entity, Failure
from harness.truth import Judgement

VERSION = 1
SENTENCES_MOST = 20  # of one kind; how many there were is kept beside them
ERROR_MOST = 300  # characters

_FOLDERS = re.compile(r"(?<![\w.:/-])/(?:[^/\s'\"]+/){2,}")  # two or more: /bots/17 is no file
_PORT = re.compile(
    r"((?:127\.0\.0\.1|localhost|\[::1\])['\"]?(?::|, ?)|\bport[ =:]+)\d+", re.IGNORECASE
)


def tell(
    result: GuardResult,
    judgement: Judgement,
    *,
    undone: Sequence[Failure] = (),
    served: bool | None = None,
) -> str:
    """Return the story of a cycle as JSON.

    Args:
        result: the guard's own word.
        judgement: the truth's.
        undone: the tests' own calls that failed in phase create.
        served: whether the backend served the baseline afterwards; None without a backend.
    """
    story = {
        "version": VERSION,
        "cleanup": None if result.report is None else _cleanup(result.report),
        "failures": _by_phase([*undone, *result.failures], result.report),
        "found": _found(result.found),
        "restored_by": result.restored_by,
        "remaining": _found(result.remaining),
        "ended": result.ended,
        "truth": {
            "rows": judgement.rows,
            "exact": judgement.exact,
            "lost": judgement.lost,
            "differences": _first(judgement.differences),
            "left_behind": _first(judgement.left_behind),
        },
        "served": served,
    }
    return as_text(story)


def as_text(story: dict[str, Any]) -> str:
    """Return a story as it is stored."""
    return json.dumps(story, separators=(",", ":"), ensure_ascii=False)


def _cleanup(report: CleanupReport) -> dict[str, Any]:
    """Return table by table what was wanted, what went, and every entity that did not."""
    tables = dict.fromkeys([*report.wanted, *(entity.table for entity, _ in report.failed)])
    return {
        "ok": report.ok,
        "tables": [
            {
                "table": table,
                "wanted": report.wanted.get(table, 0),
                "removed": report.removed.get(table, 0),
                "failed": [
                    {
                        "entity": _named(entity),
                        "reason": failure.reason,
                        "attempts": failure.step.attempt,
                        "error": _tidy(failure.error),
                    }
                    for entity, failure in report.failed
                    if entity.table == table
                ],
            }
            for table in tables
        ],
    }


def _named(entity: Entity) -> str:
    """Return "bots 87" for what was to be deleted, "revert users 3" for what was not."""
    return entity.label.removeprefix("delete ").strip()


def _by_phase(
    failures: Iterable[Failure], report: CleanupReport | None
) -> dict[str, list[dict[str, Any]]]:
    """Return every other failure, an entry an operation: how often, and the last one's words.

    In the cleanup these are the attempts that failed of what went away all the same.
    """
    reported = {entity.label for entity, _ in report.failed} if report else set()
    raised = report is not None and any(not entity.key for entity, _ in report.failed)
    phases: dict[str, dict[str, dict[str, Any]]] = {}
    for step, reason, error, _ in failures:
        if step.phase == "cleanup" and (raised or step.operation in reported):
            continue
        entry = phases.setdefault(step.phase, {}).setdefault(step.operation, {"failed": 0})
        entry["failed"] += 1
        entry |= {"operation": step.operation, "reason": reason, "error": _tidy(error)}
    return {phase: list(operations.values()) for phase, operations in phases.items()}


def _found(differences: Differences | None) -> dict[str, Any] | None:
    """Return how many rows of each table differ, and everything else that does, in sentences."""
    if differences is None:
        return None
    return {
        "tables": {
            name: dict(zip(("added", "missing", "changed"), table.counts, strict=True))
            for name, table in sorted(differences.tables.items())
        },
        "sequences": sorted(differences.sequences),
        "schema": _first([str(thing) for thing in differences.schema]),
        "settings": sorted(differences.settings),
        "unread": {name: _tidy(why) for name, why in sorted(differences.unread.items())},
        "damage": {what: _tidy(how) for what, how in sorted(differences.damage.items())},
    }


def _first(sentences: Sequence[str]) -> dict[str, Any]:
    return {
        "count": len(sentences),
        "first": [_tidy(sentence) for sentence in sentences[:SENTENCES_MOST]],
    }


def _tidy(text: str) -> str:
    """Take folders and ports out of a sentence: they are other ones wherever a cycle is run."""
    return _PORT.sub(r"\1*", _FOLDERS.sub("", text))[:ERROR_MOST]
