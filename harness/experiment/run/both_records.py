"""What is shown of one cycle that was run twice: the stored record, the new one, what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from harness.faults.schedule.ledger import LedgerEntry
from harness.results.records import CycleRecord

LABEL = 18  # columns of a mark and of a field's name
_TIMES = ("timings_ms", "cpu_ms")
_TOLD = ("condition", "cycle")  # in the sentence


def same(stored: CycleRecord | None, new: CycleRecord) -> bool:
    """Whether two records of a cycle are the same, timings apart."""
    return stored is not None and stored.untimed() == new.untimed()


def lines(stored: CycleRecord | None, new: CycleRecord) -> list[str]:
    """Return the cycle field by field, with a mark and both records where they differ."""
    told: list[str] = []
    was: Any
    now: Any
    differ = differing(stored, new) if stored else []
    for name in (field.name for field in fields(CycleRecord) if field.name not in _TOLD):
        was, now = (getattr(record, name, None) for record in (stored, new))
        if name in _TIMES:
            told += _field(name, _times(was or {}, now, known=stored is not None))
        elif name not in differ:
            told += _field(name, ["the same"] if name == "story" and was else _cell(now))
        else:
            was, now = _chapters(was, now) if name == "story" else (_cell(was), _cell(now))
            told += _field(name, [*_column("stored", was), *_column("now", now)], "!")
    return told


def differing(stored: CycleRecord, new: CycleRecord) -> list[str]:
    """Return the names of the fields in which two records differ, timings apart."""
    names = [field.name for field in fields(CycleRecord) if field.name not in _TIMES]
    return [name for name in names if getattr(stored, name) != getattr(new, name)]


def sentence(stored: CycleRecord | None, new: CycleRecord) -> str:
    """Say whether the cycle did the same again, and where it did not, in what it differs."""
    which = f"cycle {new.cycle:,} of {new.condition!r}"
    if stored is None:
        return f"not the same: {which} was not run before; now it ended {new.outcome}"
    if same(stored, new):
        return f"the same: {which} ended {new.outcome} again, and nothing differs but its times"
    if stored.outcome != new.outcome:
        return (
            f"not the same: {which} is stored as {stored.outcome}, and now it ended {new.outcome}"
        )
    differ = ", ".join(differing(stored, new))
    return f"not the same: {which} ended {new.outcome} again, but it differs in: {differ}"


def _field(name: str, values: Sequence[str], mark: str = " ") -> list[str]:
    return [f"{label:<{LABEL}} {value}" for label, value in _beside(f"{mark} {name}", values)]


def _column(label: str, values: Sequence[str]) -> list[str]:
    return [f"{word:<6}  {value}" for word, value in _beside(label, values)]


def _beside(label: str, values: Sequence[str]) -> list[tuple[str, str]]:
    return [("" if number else label, value) for number, value in enumerate(values)]


def _times(was: Mapping[str, float], now: Mapping[str, float], *, known: bool) -> list[str]:
    """Give the time of each step, and before it what is stored."""
    before = {step: f"{was[step]:.3f}" if step in was else "-" for step in {*was, *now}}
    after = {step: f"{now[step]:.3f}" if step in now else "-" for step in {*was, *now}}
    said = [
        f"{step} {f'{before[step]} -> ' if known else ''}{after[step]}" for step in sorted(before)
    ]
    return said or ["-"]


def _cell(value: Any) -> list[str]:
    """Return a value as lines of text; nothing is a dash."""
    if isinstance(value, tuple):
        return [_fault(entry) for entry in value] or ["-"]
    return str(value).strip().splitlines() or ["-"]


def _chapters(stored: str, new: str) -> tuple[list[str], list[str]]:
    """Return of two stories only the chapters in which they differ: they are long."""
    old, now = (json.loads(text) if text else {} for text in (stored, new))
    keys = [key for key in {**old, **now} if old.get(key) != now.get(key)]
    was, is_now = (
        [f"{key}: {json.dumps(story[key])}" for key in keys if key in story] or ["-"]
        for story in (old, now)
    )
    return was, is_now


def _fault(entry: LedgerEntry) -> str:
    fate = "surfaced" if entry.surfaced else "masked" if entry.fired else "did not fire"
    return f"{entry.kind}: {entry.operation} ({entry.attempt}), {entry.lasting}: {fate}"
