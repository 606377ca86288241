"""The time line of one stored cycle: its steps, the faults that struck, what each part said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.errors import UsageError
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.reading import Results

STEPS = TIMINGS[:-1]  # the last is the whole cycle
_WORST = ("baseline_lost", "dirty_silent", "dirty_known", "refused")
_FAILED = re.compile(
    r"(?P<operation>[^:;]+): (?P<error>[A-Z]\w*(?:Error|Failed|Expired)\b.*)", re.DOTALL
)
_CLEANING = ("delete", "revert", "purge", "statement", "command")


class Struck(NamedTuple):
    """A fault that fired, as the row's ledger has it."""

    kind: str
    phase: str
    operation: str
    attempt: int
    lasting: str
    fired: bool
    surfaced: bool
    evidence: str


class Step(NamedTuple):
    """One step of the trip."""

    name: str
    start_ms: float
    took_ms: float | None  # None: it did not take place, and something is known of it all the same
    struck: tuple[Struck, ...]  # the faults that fired in it
    said: tuple[str, ...]
    bad: bool


class OneCycle(NamedTuple):
    """One cycle."""

    condition: str
    cycle: int
    outcome: str
    whole_ms: float
    steps: tuple[Step, ...]


def worst(results: Results, summary: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return (condition, cycle) of the failure most worth a look; None where nothing failed.

    The gravest outcome comes first, but a condition that never restores comes last: that it
    fails is no news. Within a condition it is the first such cycle in which a fault fired.
    """
    failed = [
        (condition["policy"] == "cleanup_only", _WORST.index(outcome), order)
        for order, condition in enumerate(summary["conditions"])
        for outcome in _WORST
        if condition["outcomes"].get(outcome)
    ]
    if not failed:
        return None
    _, grave, order = min(failed)
    name = str(summary["conditions"][order]["name"])
    columns = results.some(name, ("cycle", "outcome", "faults"))
    [places] = np.nonzero(columns["outcome"] == OUTCOMES.index(_WORST[grave]))
    struck = [place for place in places if _fired(columns["faults"][place])]
    return name, int(columns["cycle"][(struck or list(places))[0]])


def _fired(faults: str | None) -> list[Struck]:
    entries = [Struck(*entry) for entry in json.loads(faults or "[]")]
    return [entry for entry in entries if entry.fired]


def one_cycle(results: Results, condition: str, cycle: int) -> OneCycle:
    """Return what is stored of a cycle.

    Args:
        results: of the run.
        condition: its name.
        cycle: its number, counted from 0.

    Raises:
        UsageError: there is no such cycle.
    """
    columns = results.columns(condition)
    [places] = np.nonzero(columns["cycle"] == cycle)
    if not len(places):
        raise UsageError(f"{results.folder}: no cycle {cycle} of {condition!r} is stored")
    row = {name: column[places[0]] for name, column in columns.items()}
    policy = next(one["policy"] for one in results.conditions if one["name"] == condition)
    return _told(condition, cycle, policy, row)


def _told(condition: str, cycle: int, policy: str, row: Mapping[str, Any]) -> OneCycle:
    outcome, fired = OUTCOMES[row["outcome"]], _fired(row["faults"])
    failures, differences = _sorted_out(row["detail"], fired, outcome)
    steps, start_ms = [], 0.0
    for name in STEPS:
        took_ms = None if np.isnan(row[f"{name}_ms"]) else float(row[f"{name}_ms"])
        struck = tuple(entry for entry in fired if entry.phase == name)
        failed = failures.get(name, [])
        word, bad = _word(name, row, outcome, differences)
        said = tuple(text for text in (*failed, word) if text)
        unseen = name == "verify" and took_ms is None and outcome != "refused"
        if unseen:
            said = (f"nobody looked: the policy is {policy}",)
        if took_ms is not None or struck or failed or unseen:
            steps.append(Step(name, start_ms, took_ms, struck, said, bad))
        start_ms += took_ms or 0.0
    whole_ms = row["cycle_ms"]
    return OneCycle(
        condition, cycle, outcome, max(start_ms, float(np.nan_to_num(whole_ms))), tuple(steps)
    )


def _word(
    step: str, row: Mapping[str, Any], outcome: str, differences: Sequence[str]
) -> tuple[str, bool]:
    """Return what a part said at its end, and whether that is bad."""
    if step == "backup":
        refused = outcome == "refused"
        taken = f"taken, {row['backup_bytes']:,} bytes" if row["backup_bytes"] else "taken"
        return ("refused: none could be taken, so no test was run" if refused else taken), refused
    if step == "create":
        return f"{row['payload_bytes']:,} bytes written" if row["payload_bytes"] else "", False
    if step == "cleanup":
        failed = row["cleanup_ok"] == 0
        return ("it says: not everything went" if failed else "it says: all gone"), bool(failed)
    if step == "verify":
        asked = "it called for a restore" if _tried(row) else "it called for no restore"
        return ("" if outcome == "refused" else asked), False
    if step == "restore":
        by = row["restored_by"]
        return (f"put back by {by}" if by else "it did not bring the baseline back"), not by
    if step == "truth":
        bad = outcome not in ("cleaned", "restored", "refused")
        found = "; ".join(differences) or "the database is the baseline"
        return f"the guard said {_guards(row)}; what is there: {found}", bad
    return "", False


def _tried(row: Mapping[str, Any]) -> bool:
    return not np.isnan(row["restore_ms"]) or bool(row["restored_by"])


def _guards(row: Mapping[str, Any]) -> str:
    return "clean" if row["says_clean"] else "not clean"


def _sorted_out(
    detail: str, fired: Sequence[Struck], outcome: str
) -> tuple[dict[str, list[str]], list[str]]:
    """Part what was kept into failures, by the step that they belong to, and differences."""
    phases = {entry.operation: entry.phase for entry in fired}
    failures: dict[str, list[str]] = {}
    differences = []
    for sentence, times in _counted(detail.split("; ")):
        failed = _FAILED.match(sentence)
        if failed is None:
            differences.append(sentence)
            continue
        phase = phases.get(failed["operation"]) or _phase(failed["operation"], outcome)
        failures.setdefault(phase, []).append(sentence + (f" ({times} times)" if times > 1 else ""))
    return failures, differences


def _phase(operation: str, outcome: str) -> str:
    if operation.startswith("create"):
        return "create"
    if operation.startswith(_CLEANING):
        return "cleanup"
    return "backup" if outcome == "refused" else "restore"


def _counted(sentences: Iterable[str]) -> list[tuple[str, int]]:
    """Return each sentence once, with how often it was said.

    Sequences, which a cleanup by DELETE never puts back, are told only where nothing else is.
    """
    counts: dict[str, int] = {}
    for sentence in filter(None, map(str.strip, sentences)):
        counts[sentence] = counts.get(sentence, 0) + 1
    other = {text: times for text, times in counts.items() if not text.startswith("sequence ")}
    return list((other or counts).items())
