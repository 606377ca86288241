"""Real databases that nobody here wrote: beside the project, or where the experiments have them."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_SHARED = ROOT.parent / "shared" / "databases"
FOLDERS = (_SHARED / "sqlite", _SHARED / "postgres", ROOT / "experiments" / "databases")


def found(name: str) -> Path | None:
    """Return where the database called ``name`` is, or None."""
    return next((path for folder in FOLDERS if (path := folder / name).exists()), None)


def needed(name: str) -> Path:
    """Return where it is, or skip the test and say why."""
    path = found(name)
    if path is None:
        pytest.skip(f"{name} is in none of {', '.join(map(str, FOLDERS))}")
    return path
