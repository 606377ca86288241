"""What a worker must have in common with who asks: everything that could change a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.experiment.run import machine

Software = dict[str, str]
REVISION = "revision"


def software() -> Software:
    """Return the versions of this process, and the revision of the harness ("" where none is)."""
    return {**machine.versions(), REVISION: machine.revision() or ""}


def difference(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Say in what ``found`` is not as ``wanted``; "" where it is."""
    return ", ".join(
        f"{name} {found.get(name) or 'unknown'} instead of {version or 'unknown'}"
        for name, version in wanted.items()
        if found.get(name) != version
    )
