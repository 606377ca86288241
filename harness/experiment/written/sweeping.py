"""How ``each`` multiplies a condition: every combination of the values on its axes.

An axis is a dotted key and its values: a list, or { from, to, points } that is spaced here. A "*"
in the key stands for every key that the condition has there: "faults.*.rate" is the rate of every
fault, those of the defaults too.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.experiment.written.document import Keys, Problem, merged, nearest

SPACED = ("from", "to", "points", "scale")  # the keys of an axis that is spaced
SCALES = ("log", "linear")
MOST_POINTS = 100
_EXAMPLE = "{ from = 0.001, to = 0.1, points = 5 }"
_WILD = ("faults", "causes")  # what a wildcard is for
_DIGITS = 3  # of a spaced value, so that names and JSON can be read


class Axis(NamedTuple):
    """One key that is swept, and its values."""

    key: str  # dotted, as written
    values: list[Any]


class _Wrong(ValueError):
    """What is wrong with ``each``, and the key within it."""

    def __init__(self, message: str, keys: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.keys: Keys = tuple(keys)


def multiply(
    written: Any, defaults: dict[str, Any], problems: list[Problem]
) -> tuple[list[Any], list[int]]:
    """Spell out every condition: defaults merged under it, ``each`` multiplied out.

    Returns the conditions and, for each, the index of the [[conditions]] it was written as.
    """
    if not isinstance(written, list) or not all(isinstance(table, dict) for table in written):
        problems.append(Problem(("conditions",), "must be tables: [[conditions]]"))
        return [], []
    conditions: list[Any] = []
    sources: list[int] = []
    for index, condition in enumerate(written):
        base = merged(defaults, {k: v for k, v in condition.items() if k != "each"})
        try:
            many = list(_combinations(base, axes(condition.get("each", {}))))
        except _Wrong as wrong:
            keys = ("conditions", index, "each", *wrong.keys)
            problems.append(Problem(keys, str(wrong), condition.get("name", "")))
            continue
        conditions += many
        sources += [index] * len(many)
    return conditions, sources


def axes(each: Any) -> list[Axis]:
    """Read ``each``: its axes in the order written; ValueError says what is wrong."""
    swept: list[Axis] = []
    for parts, value in _flat(each):
        key = ".".join(parts)
        values = _spaced(value, parts) if isinstance(value, dict) else value
        if not isinstance(values, list) or not values:
            raise _Wrong(f"must be a list of values, not an empty one, or {_EXAMPLE}", parts)
        if any(value in values[:number] for number, value in enumerate(values)):
            raise _Wrong("has a value twice; each makes one condition", parts)
        if any(key == axis.key for axis in swept):
            raise _Wrong("is swept twice; keep one of the two", parts)
        swept.append(Axis(key, values))
    return swept


def spaced(start: float, stop: float, points: int, scale: str = "log") -> list[float]:
    """Return ``points`` values from ``start`` to ``stop``, both as they are.

    Between them the values are rounded to 3 significant digits. Two whole numbers far enough apart
    give whole numbers: a size or a number of attempts can be nothing else.
    """
    shares = [number / (points - 1) for number in range(1, points - 1)]
    if scale == "log":
        inner = [start * (stop / start) ** share for share in shares]
    else:
        inner = [start + (stop - start) * share for share in shares]
    short = [float(f"{value:.{_DIGITS}g}") for value in inner]
    whole = isinstance(start, int) and isinstance(stop, int) and stop - start >= points - 1
    return [start, *(round(value) if whole else value for value in short), stop]


def _combinations(base: dict[str, Any], swept: list[Axis]) -> Iterator[dict[str, Any]]:
    # a wildcard looks at the condition that all other axes have made
    order = sorted(swept, key=lambda axis: "*" in axis.key.split("."))
    for values in itertools.product(*(axis.values for axis in swept)):
        chosen = dict(zip((axis.key for axis in swept), values, strict=True))
        condition, by = base, dict[tuple[str, ...], str]()
        for axis in order:
            for parts in _places(condition, axis.key.split(".")):
                if parts in by:
                    message = f"sets {'.'.join(parts)}, as {by[parts]!r} does; keep one of the two"
                    raise _Wrong(message, axis.key.split("."))
                by[parts] = axis.key
                condition = merged(condition, _nested(parts, chosen[axis.key]))
        if swept and "name" in condition:
            name = "/".join([str(condition["name"]), *map(_label, values)])
            condition = {
                **condition,
                "name": name,
                "sweep": {"of": condition["name"], "axes": chosen},
            }
        yield condition


def _places(condition: Mapping[str, Any], parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Every key of the condition that a dotted key with wildcards stands for."""
    places: list[tuple[tuple[str, ...], Any]] = [((), condition)]
    for depth, part in enumerate(parts):
        if part != "*":
            places = [
                ((*keys, part), table.get(part) if isinstance(table, dict) else None)
                for keys, table in places
            ]
            continue
        tables = [(keys, table) for keys, table in places if isinstance(table, dict)]
        places = [((*keys, name), table[name]) for keys, table in tables for name in table]
        if not places:
            raise _Wrong(_matches_nothing(condition, parts, depth), parts)
    return [keys for keys, _ in places]


def _matches_nothing(condition: Mapping[str, Any], parts: Sequence[str], depth: int) -> str:
    before = ".".join(parts[:depth]) or "such key"
    if isinstance(condition.get(before), list | tuple):
        return f"matches nothing: {before} is a list, and '*' stands for the keys of a table"
    others = [name for name in _WILD if name != before and condition.get(name)]
    hint = "" if before in _WILD else nearest(before, _WILD)
    hint = hint or (f"it has {others[0]}" if others else "")
    nothing = f"matches nothing: the condition has no {before}, of its own or by [defaults]; {hint}"
    return nothing.rstrip("; ")


def _flat(each: Any, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Flatten ``each``: a dotted key of TOML is a table within a table."""
    if not isinstance(each, dict):
        raise _Wrong(f"must map dotted keys to lists of values, or to {_EXAMPLE}")
    for key, value in each.items():
        parts = (*prefix, *key.split("."))
        if isinstance(value, dict) and value and not _is_spaced(value):
            yield from _flat(value, parts)
        else:
            yield parts, value


def _is_spaced(table: Mapping[str, Any]) -> bool:
    """Whether it is { from, to, points }; a cause called "to" would be a table of its own."""
    return any(key in table and not isinstance(table[key], dict | list) for key in SPACED)


def _spaced(table: Mapping[str, Any], parts: tuple[str, ...]) -> list[float]:
    """Check { from, to, points, scale } and space it."""
    for key in table:
        if key not in SPACED:
            hint = nearest(key, SPACED)
            message = f"nobody knows this key; {hint}known: {', '.join(SPACED)}"
            raise _Wrong(message, (*parts, key))
    for key in SPACED[:3]:
        if key not in table:
            raise _Wrong(f"{key} is missing; an axis reads {_EXAMPLE}", parts)
    start, stop, points = (table[key] for key in SPACED[:3])
    scale = table.get("scale", SCALES[0])
    least = 'above 0 (or write scale = "linear")' if scale == "log" else "a number"
    right = {
        "from": (_number(start) and (scale != "log" or start > 0), least),
        "to": (_number(stop) and (not _number(start) or start < stop), f"more than from = {start}"),
        "points": (type(points) is int and 2 <= points <= MOST_POINTS, f"2 to {MOST_POINTS}"),
        "scale": (scale in SCALES, '"log" or "linear"'),
    }
    for key, (is_right, must) in right.items():
        if not is_right:
            raise _Wrong(f"must be {must}, not {table[key]!r}", (*parts, key))
    values = spaced(start, stop, points, scale)
    if sorted(set(values)) != values:
        message = f"gives a value twice: {', '.join(map(_label, values))}; ask for fewer"
        raise _Wrong(message, (*parts, "points"))
    return values


def _number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _nested(parts: Sequence[str], value: Any) -> dict[str, Any]:
    return {parts[0]: _nested(parts[1:], value) if len(parts) > 1 else value}


def _label(value: Any) -> str:
    if isinstance(value, list):
        return "+".join(map(_label, value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
