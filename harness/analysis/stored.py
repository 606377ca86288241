"""The summary that lies in a run's folder, read without computing anything: in no time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from harness.analysis.results import SUMMARY
from harness.errors import UsageError
from harness.experiment.store import CYCLES, RUN, check_version


class Stored(NamedTuple):
    """What reports are made from."""

    summary: dict[str, Any]
    run: dict[str, Any]


def read_summary(path: Path) -> dict[str, Any]:
    """Read a summary.json; UsageError when it cannot be read or is of another version."""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    check_version(path, summary)
    if not isinstance(summary.get("conditions"), list) or not isinstance(summary.get("rows"), list):
        raise UsageError(
            f"{path}: holds no conditions or rows, so it is damaged; remove it: it is computed "
            "anew from the cycles"
        )
    return dict(summary)


def fresh(folder: Path) -> dict[str, Any] | None:
    """Return the summary stored in ``folder`` unless something it was made from is newer.

    None also where there is none. UsageError when it cannot be read.
    """
    path = folder / SUMMARY
    if not path.exists():
        return None
    sources = [folder / RUN, folder / CYCLES, folder / f"{CYCLES}-wal"]
    if (folder / CYCLES).exists() and any(
        source.stat().st_mtime_ns >= path.stat().st_mtime_ns
        for source in sources
        if source.exists()
    ):
        return None
    return read_summary(path)
