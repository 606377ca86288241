"""Which recoveries to name to people: asked of the recoveries themselves."""

from __future__ import annotations

from collections.abc import Callable

from harness import registry
from harness.errors import UnknownName
from harness.recovery import Recovery


def recoveries_that(fit: Callable[[type[Recovery]], bool]) -> list[str]:
    """Name every recovery that fits, controls left out, which nobody should be led to."""
    found = []
    for name in registry.names("recovery"):
        try:
            kind: type[Recovery] = registry.find("recovery", name)
        except UnknownName:  # somebody's that does not load; 'harness list' says so
            continue
        if not kind.control and fit(kind):
            found.append(name)
    return found


def advice(*, journal_mode: str | None = None) -> str:
    """Say which to add: those that work while others are connected, in that mode if it is known."""
    modes = {"wal", "delete"} if journal_mode is None else {journal_mode}
    fitting = recoveries_that(
        lambda kind: not kind.needs_sole_access and modes <= set(kind.journal_modes)
    )
    return f"add {' or '.join(fitting)}"


__all__ = ["advice", "recoveries_that"]
