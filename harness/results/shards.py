"""Shards: runs of a range of the cycles, to be merged into the one run that they are parts of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError

# Keys of run.json.
KEY = "shard"  # {"first": number, "last": number}, of a run of a range of the cycles
OF = "shards"  # what a merged run was made of, a shard each: its range, machine, versions, times


def noted(cycles: range) -> dict[str, Any]:
    """Return what run.json of a shard has to say."""
    return {KEY: {"first": cycles.start, "last": cycles.stop - 1}}


def range_of(run: Mapping[str, Any]) -> range | None:
    """Return the cycles that a shard was asked for; None of a whole run.

    Args:
        run: its run.json.
    """
    shard = run.get(KEY)
    return None if shard is None else range(int(shard["first"]), int(shard["last"]) + 1)


def asked(cycles: range) -> str:
    """Return a range as `harness run --cycles` takes it."""
    return f"{cycles.start}-{cycles.stop - 1}"


def named(cycles: range) -> str:
    """Return a range as people read it."""
    if len(cycles) == 1:
        return f"cycle {cycles.start:,}"
    return f"cycles {cycles.start:,} to {cycles.stop - 1:,}"


def refuse_to_judge(folder: Path, run: Mapping[str, Any]) -> None:
    """Raise UsageError where ``folder`` is a shard: a part of the cycles proves nothing alone."""
    cycles = range_of(run)
    if cycles is not None:
        raise UsageError(
            f"{folder} is a shard, {named(cycles)} of a run, and is judged with all the others, in "
            "order of cycle number: join them with 'harness merge DIR... --output DIR'"
        )


def refuse_to_go_on(folder: Path, run: Mapping[str, Any], asked_for: range | None) -> None:
    """Raise UsageError where a run would go on with other cycles than a shard's own."""
    there = range_of(run)
    if there == asked_for:
        return
    if there is None:
        holds = f"{folder} holds a whole run and no shard"
        advice = "leave the range out to go on with it, or name another folder with --output"
    else:
        holds = f"{folder} holds a shard, {named(there)}"
        advice = f"go on with it by --cycles {asked(there)}, or name another folder with --output"
    raise UsageError(f"{holds}; {advice}")


def merged_from(run: Mapping[str, Any]) -> str:
    """Say of how many shards a run was merged; "" of one that was not."""
    number = len(run.get(OF) or ())
    return f"{number:,} shard{'' if number == 1 else 's'}" if number else ""


def machines(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the different machines of a merged run's shards, in their order; [] of any other."""
    found: list[dict[str, Any]] = []
    for shard in run.get(OF) or ():
        machine = shard.get("machine")
        if machine is not None and machine not in found:
            found.append(machine)
    return found
