"""What an experiment can name, built-in or from other packages: for people, and as JSON.

One that does not load is listed with the reason: a broken package must not hide the others.
"""

from __future__ import annotations

import difflib
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from harness import extras, registry
from harness.databases import engines
from harness.errors import UnknownName, UsageError

VERSION = 1  # of the JSON
BUILT_IN = "built-in"
ENGINES, MEASURES = "engines", "measures"
KINDS = (*registry.PACKAGES, ENGINES, MEASURES)
_ALSO = {
    "fault": "faults",
    "recoveries": "recovery",
    "cleanups": "cleanup",
    "workload": "workloads",
    "report": "reports",
    "engine": "engines",
    "measure": "measures",
}
_OF_A_PROJECT = "of a project"
# Ways to write ``cleanup`` for a user's own project, beside the names there are.
_OWN_CLEANUPS = (
    ("none", "No cleanup: the recovery alone."),
    ('"COMMAND LINE"', "Their own command, given to the shell."),
    ('"package.module:function"', "Their own function, called with the cycle's context."),
    ('["SQL", "SQL"]', "Their own statements, in order, each tried again after a lock."),
)
_NARROWEST = 40  # columns; what is narrower than that wraps by itself


@dataclass(frozen=True, slots=True)
class Listed:
    """One thing that there is."""

    name: str
    contract: str  # in one sentence; "" where it does not load
    source: str = BUILT_IN  # or the distribution it comes from
    problem: str = ""  # why it cannot be used


def kind_of(written: str) -> str:
    """Return the kind that ``written`` means, singular or plural; UsageError where none."""
    kind = _ALSO.get(written, written)
    if kind not in KINDS:
        near = difflib.get_close_matches(written, [*KINDS, *_ALSO], n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(f"there are no {written!r} to list; {hint}known: {', '.join(KINDS)}")
    return kind


def listed(kind: str) -> list[Listed]:
    """Everything there is of a kind, what is built in first."""
    if kind == ENGINES:
        return list(_engines())
    if kind == MEASURES:
        from harness.analysis.measures import contracts  # noqa: PLC0415 - slow to import

        return [Listed(name, contract) for name, contract in contracts().items()]
    parts = [_built_in(kind, name) for name in sorted(registry.built_in(kind))]
    if kind == "cleanup":
        parts += [Listed(name, contract, _OF_A_PROJECT) for name, contract in _OWN_CLEANUPS]
    return parts + list(_others(kind))


def _built_in(kind: str, name: str) -> Listed:
    try:
        return Listed(name, registry.find(kind, name).contract)
    except Exception as error:  # noqa: BLE001 - a part that this system lacks; the others are there
        why = extras.advice(error) or f"does not load: {type(error).__name__}: {error}"
        return Listed(name, "", problem=why)


def _others(kind: str) -> Iterator[Listed]:
    taken = registry.built_in(kind)
    for point in registry.others(kind):
        source = registry.distribution(point)
        if point.name in taken:
            problem = f"not used: the built-in {point.name} has this name; choose another"
            yield Listed(point.name, "", source, problem)
            continue
        try:
            registry.find(kind, point.name)  # two of one name are each refused
            yield Listed(point.name, registry.load(kind, point).contract, source)
        except UnknownName as error:
            yield Listed(point.name, "", source, str(error))


def _engines() -> Iterator[Listed]:
    for name in engines.built_in():
        try:
            yield Listed(name, engines.named(name).contract)
        except UsageError as error:  # its driver is not installed
            yield Listed(name, "", problem=str(error))
    for point in registry.others("databases"):
        yield Listed(point.name, "", registry.distribution(point))


def as_json(kinds: Sequence[str]) -> str:
    """Write it for programs."""
    document = {"version": VERSION} | {k: [asdict(part) for part in listed(k)] for k in kinds}
    return json.dumps(document, indent=1)


def as_text(kinds: Sequence[str], width: int) -> str:
    """Write it for people, within ``width`` columns."""
    parts = {kind: listed(kind) for kind in kinds}
    longest = max(len(part.name) for ones in parts.values() for part in ones)
    indent = min(longest, width // 3) + 4
    lines: list[str] = []
    for kind, ones in parts.items():
        lines += ["", kind] if lines else [kind]
        for part in ones:
            lines += _wrapped(part, indent, max(width, _NARROWEST))
        if not ones:
            lines.append("  none")
    return "\n".join(lines)


def _wrapped(part: Listed, indent: int, width: int) -> list[str]:
    text = f"CANNOT BE USED: {part.problem}" if part.problem else part.contract
    if part.source != BUILT_IN:
        text += f" ({part.source})"
    name = f"  {part.name}"
    first = name.ljust(indent) if len(name) < indent else name
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=first if len(first) == indent else " " * indent,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
    )
    return lines if len(first) == indent else [name[:width], *lines]


__all__ = ["KINDS", "Listed", "as_json", "as_text", "kind_of", "listed"]
