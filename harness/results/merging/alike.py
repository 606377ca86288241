"""Whether folders are parts of one run, and whether they are all of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.experiment.written.configuration import Experiment, differing_keys
from harness.results import shards
from harness.results.merging.part import Part

_FEWEST_NAMED = 3


def refuse_twice(folders: Sequence[Path]) -> None:
    """Raise UsageError where one folder is named twice, however it is written."""
    seen: dict[Path, Path] = {}
    for folder in folders:
        place = folder.resolve()
        if place in seen:
            also = f", also as {seen[place]}" if seen[place] != folder else ""
            raise UsageError(f"{folder} is named twice{also}; name it once")
        seen[place] = folder


def refuse_others(parts: Sequence[Part]) -> None:
    """Raise UsageError where one of the parts is of another run than the first, with what differs.

    That is: another experiment, seed or claim; other rates or designs; other versions; another
    baseline.
    """
    first = parts[0]
    for part in parts[1:]:
        for what, advice, find in _LOOKS:
            one, other = find(first.run), find(part.run)
            if find is _baselines:  # a whole run does not note those that it built
                one, other = (
                    {key: both[key] for key in one if key in other} for both in (one, other)
                )
            differing = differing_keys(one, other)
            if differing:
                more = len(differing) - _FEWEST_NAMED
                raise UsageError(
                    f"{part.folder} is no part of the same run as {first.folder}: {what} "
                    f"({'; '.join(differing[:_FEWEST_NAMED])}"
                    f"{f'; and {more} more' if more > 0 else ''}). {advice}"
                )


def _configured(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked for, but for how many cycles, and where the files lay."""
    values = Experiment.from_json(run.get("configured") or run["experiment"]).to_json()
    del values["cycles"], values["budget"]
    for condition in values["conditions"]:
        if condition["strata"] is None:
            del condition["cycles"]
        if condition["project"] is not None:
            del condition["project"]["home"]
    return {"fingerprint": run.get("fingerprint"), **values}


def _rates(run: Mapping[str, Any]) -> dict[str, Any]:
    return {"rates": run.get("rates")}


def _designs(run: Mapping[str, Any]) -> dict[str, Any]:
    return {one["name"]: one.get("strata") for one in run["experiment"]["conditions"]}


def _versions(run: Mapping[str, Any]) -> dict[str, Any]:
    return {"versions": run.get("versions")}


def _baselines(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: content[:12] for name, content in (run.get("baselines") or {}).items()}


_SAME_RATES = (
    "Let one shard solve for them, and give the others its folder by --rates-of when they are run"
)
_LOOKS = (
    (
        "another experiment",
        "Merge shards of one file, run with the same --seed and --set",
        _configured,
    ),
    ("other versions", "A cycle may end otherwise with them: run it with the same ones", _versions),
    ("other rates", _SAME_RATES, _rates),
    ("other designs of strata", _SAME_RATES, _designs),
    ("another baseline", "Bring the same database to every machine", _baselines),
)


def refuse_revisions(parts: Sequence[Part]) -> None:
    """Raise UsageError where parts were run by other revisions of the source, if both are known."""
    known: dict[str, Path] = {}
    for part in parts:
        if part.run.get("revision"):
            known.setdefault(part.run["revision"], part.folder)
    if len(known) > 1:
        (one, at), (other, there), *_ = known.items()
        raise UsageError(
            f"{there} is no part of the same run as {at}: another revision of the harness "
            f"({one} -> {other}). A cycle may end otherwise with it: run it with the same one"
        )


def totals(parts: Sequence[Part]) -> dict[str, int]:
    """Return how many cycles of each condition the merged run has: up to the last of any part."""
    return {name: max(part.cycles[name].stop for part in parts) for name in parts[0].cycles}


def designed(parts: Sequence[Part]) -> dict[str, int]:
    """Return of each condition with strata how many cycles its design has."""
    return {
        one["name"]: int(one["cycles"])
        for one in parts[0].run["experiment"]["conditions"]
        if one.get("strata") is not None
    }


def refuse_gaps(parts: Sequence[Part]) -> None:
    """Raise UsageError where cycles before the last are in no part, with how to run them.

    Of a condition with strata, where any cycle of its design is in no part.
    """
    wanted = totals(parts) | designed(parts)
    missing: dict[tuple[range, ...], list[str]] = {}
    for name, total in wanted.items():
        gone = tuple(missing_of([part.cycles[name] for part in parts], total))
        if gone:
            missing.setdefault(gone, []).append(name)
    if not missing:
        return
    told = [
        ", ".join(map(shards.named, gone))
        + ("" if len(names) == len(wanted) else f" of {', '.join(map(ascii, names))}")
        for gone, names in missing.items()
    ]
    first = min((one for gone in missing for one in gone), key=lambda one: one.start)
    raise UsageError(
        f"in none of these folders: {'; '.join(told)}. A run is judged in order of cycle number, "
        "and what is missing may be what failed, so nothing was merged. Run them: 'harness run "
        f"EXPERIMENT.toml --cycles {shards.asked(first)} --rates-of {parts[0].folder} --output "
        "DIR', then merge all"
    )


def missing_of(there: Sequence[range], total: int) -> Iterator[range]:
    """Give the cycles of ``range(total)`` that are in none of the ranges, in any order."""
    at = 0
    for cycles in sorted((one for one in there if one), key=lambda one: one.start):
        if cycles.start > at:
            yield range(at, cycles.start)
        at = max(at, cycles.stop)
    if at < total:
        yield range(at, total)
