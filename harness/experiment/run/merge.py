"""Join shards of one run into what one run would have been: ``harness merge``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.errors import UsageError
from harness.experiment.run import concluding, verdicts
from harness.experiment.run.same_baseline import BEGUN_IN
from harness.experiment.written.configuration import Experiment
from harness.results import again, settled, shards
from harness.results.folder import CYCLES, RUN, locked, refuse_used, write_run
from harness.results.merging import alike, joining
from harness.results.merging import part as parts_of
from harness.results.merging.part import Part

_WHERE = ("on", "workers_seen", "workers_refused")  # of one that ran on a cluster
_OF_EACH = ("machine", "versions", "revision", "workers", "started", "finished", "wall_s")


def merge(folders: Sequence[Path], output: Path, console: Console) -> int:
    """Merge the shards in ``folders`` into a run in ``output``, judge it, return its exit status.

    Nothing is written unless all of them are parts of one run, and together all of it.

    Raises:
        UsageError: they are not, one is not finished, or ``output`` holds results.
        MeasurementError: one is damaged, or the run cannot be written.
    """
    _refuse_used(output)
    alike.refuse_twice(folders)
    parts = [parts_of.opened(folder) for folder in folders]
    alike.refuse_others(parts)
    alike.refuse_revisions(parts)
    alike.refuse_gaps(parts)
    for part in parts:
        parts_of.check(part)
    _write(parts, output)
    console.out(_sentence(parts, output), highlight=False)
    judged = concluding.concluded(output, console)
    return verdicts.exit_code(judged)


def _refuse_used(output: Path) -> None:
    """Raise UsageError where results are, or what a merge that was killed has left."""
    anew = f"to merge anew remove {output}, or name another folder with --output"
    if (output / CYCLES).exists() and not (output / RUN).exists():
        raise UsageError(
            f"{output} holds a {CYCLES} without its {RUN}, as a merge that was killed leaves it; "
            f"{anew}"
        )
    refuse_used(output, f"'harness report' reads them; {anew}")


def _write(parts: Sequence[Part], output: Path) -> None:
    """Write cycles and run.json; a folder that was made for them goes where they cannot be."""
    made = not output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = locked(output)
    except OSError as error:
        raise UsageError(f"{output} cannot be made: {error}; name another with --output") from error
    try:
        joining.join(parts, output)
        write_run(output, _run(parts, output))
    except BaseException:
        with contextlib.suppress(OSError):
            (output / CYCLES).unlink(missing_ok=True)  # without its run.json it is none
            if made:
                output.rmdir()
        raise
    finally:
        os.close(lock)


def _run(parts: Sequence[Part], output: Path) -> dict[str, Any]:
    """Return run.json of the merged run: what one run would have said, and which shards it has."""
    ordered = sorted(parts, key=lambda part: (part.range.start, part.range.stop))
    first, runs = ordered[0].run, [part.run for part in ordered]
    of_each: list[dict[str, Any]] = []
    for entry in (entry for part in ordered for entry in _shards(part)):
        if entry not in of_each:  # a merged run may be named beside its own shards
            of_each.append(entry)
    totals = alike.totals(parts)
    kept = {
        key: value for key, value in first.items() if key not in (shards.KEY, shards.OF, *_WHERE)
    }
    more: dict[str, Any] = {key: _ended(first[key], totals) for key in ("experiment", "configured")}
    walls = [run.get("wall_s_by_condition") or {} for run in runs]
    return {
        **kept,
        **more,
        "machine": _common([entry.get("machine") or {} for entry in of_each]),
        "revision": next((run["revision"] for run in runs if run.get("revision")), None),
        "workers": sum(int(run.get("workers") or 0) for run in runs),
        BEGUN_IN: _begun_in(parts, output),
        "started": min(str(run.get("started") or run["finished"]) for run in runs),
        "finished": max(str(run["finished"]) for run in runs),
        # a whole run was judged, and its report was there to be looked at before others were added
        "looked": any(map(settled.looked, runs))
        or (len(parts) > 1 and any(part.whole for part in parts)),
        "wall_s": sum(float(run.get("wall_s") or 0) for run in runs),
        "wall_s_by_condition": {
            name: sum(wall.get(name, 0.0) for wall in walls) for name in totals
        },
        **_again(runs),
        shards.OF: of_each,
    }


def _shards(part: Part) -> list[dict[str, Any]]:
    """Return what run.json says of one part; of a merged run what it says of its own."""
    before = list(part.run.get(shards.OF) or ())
    first = max((entry["cycles"][1] + 1 for entry in before), default=part.range.start)
    if first >= part.range.stop and before:
        return before
    told = {key: part.run.get(key) for key in _OF_EACH}
    told |= {key: part.run[key] for key in _WHERE if key in part.run}
    name = part.folder.resolve().name
    return [*before, {"folder": name, "cycles": [first, part.range.stop - 1], **told}]


def _ended(stored: Mapping[str, Any], totals: Mapping[str, int]) -> dict[str, Any]:
    """Return a stored experiment with the cycles of the merged run, and without a budget."""
    conditions = [
        one if one.get("strata") is not None else {**one, "cycles": totals[one["name"]]}
        for one in stored["conditions"]
    ]
    plain = [totals[one["name"]] for one in conditions if one.get("strata") is None]
    cycles = max(plain) if plain else stored["cycles"]
    return {**stored, "cycles": cycles, "budget": None, "conditions": conditions}


def _common(machines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what is the same of all machines; of the rest each value there is, in one text."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for machine in machines for key in machine):
        values = list(dict.fromkeys(machine.get(key) for machine in machines))
        found[key] = values[0] if len(values) == 1 else " or ".join(map(str, values))
    return found


def _begun_in(parts: Sequence[Part], output: Path) -> str:
    """Say from where the paths of a project lead to it: where a shard was begun, else here."""
    homes = [
        Path(os.path.normpath(part.folder.resolve() / part.run[BEGUN_IN]))
        for part in parts
        if BEGUN_IN in part.run
    ]
    projects = [
        condition.project
        for condition in Experiment.from_json(parts[0].run["experiment"]).conditions
        if condition.project is not None
    ]
    at = next(
        (home for home in homes if all((home / p.path).exists() for p in projects)), Path.cwd()
    )
    return os.path.relpath(at, output.resolve())


def _again(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return which cycles were run again in any of the parts; {} where none was."""
    both: dict[str, set[int]] = {}
    for run in runs:
        for name, cycles in again.told(run).items():
            both.setdefault(name, set()).update(cycles)
    entries = [{"condition": name, "cycles": sorted(cycles)} for name, cycles in both.items()]
    return {again.KEY: entries} if entries else {}


def _sentence(parts: Sequence[Part], output: Path) -> str:
    totals = alike.totals(parts)
    longest = range(max(totals.values()))
    number = len(parts)
    return (
        f"merged {number:,} shard{'' if number == 1 else 's'} into {output}: "
        f"{shards.named(longest)} of {len(totals):,} condition{'' if len(totals) == 1 else 's'}"
    )
