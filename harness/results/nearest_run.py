"""Which folder of a run was probably meant: said where there is none."""

from __future__ import annotations

import difflib
import shlex
from pathlib import Path

_RUN = "run.json"
_MOST = 5  # folders that are named


def advice(folder: Path) -> str:
    """Return what to type instead of ``folder``, which is no run's; "" where nothing is near."""
    if folder.suffix == ".toml" and folder.is_file():
        return f"; 'harness run {shlex.quote(str(folder))}' makes one of that experiment"
    if (folder.parent / _RUN).exists():
        return f"; did you mean {folder.parent}?"
    inside = _runs(folder)
    if inside:
        return _named(inside)
    beside = {one.name: one for place in (folder.parent, Path("runs")) for one in _runs(place)}
    near = difflib.get_close_matches(folder.name, beside, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {beside[near[0]]}?"
    return _named(sorted(beside.values()))


def _runs(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if (one / _RUN).exists())
    except OSError:
        return []


def _named(runs: list[Path]) -> str:
    if not runs:
        return ""
    more = f" and {len(runs) - _MOST} more" if len(runs) > _MOST else ""
    return f"; there are {', '.join(map(str, runs[:_MOST]))}{more}"


__all__ = ["advice"]
