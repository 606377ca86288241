"""Which recoveries to name to people: asked of the recoveries themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness import registry
from harness.databases.engines import engine_of
from harness.errors import UnknownName
from harness.recovery import Recovery

_ENGINE = engine_of("a file").name  # of every experiment's database


def recoveries_that(fit: Callable[[type[Recovery]], bool]) -> list[str]:
    """Name every recovery for an experiment that fits; nobody should be led to a control."""
    found = []
    for name in registry.names("recovery"):
        try:
            kind: type[Recovery] = registry.find("recovery", name)
        except UnknownName:  # somebody's that does not load; 'harness list' says so
            continue
        if not kind.control and _ENGINE in kind.engines and fit(kind):
            found.append(name)
    return found


def of_another_engine(names: Sequence[str]) -> str | None:
    """Say which of them know no database such as experiments are on; None where all do."""
    kinds = [registry.find("recovery", name) for name in names]
    others = [kind for kind in kinds if _ENGINE not in kind.engines]
    if not others:
        return None
    named = ", ".join(kind.name for kind in others)
    engines = ", ".join(sorted({engine for kind in others for engine in kind.engines}))
    known = ", ".join(recoveries_that(lambda _: True))
    return f"{named}: for {engines}, and experiments are on {_ENGINE}; choose of {known}"


def advice(*, journal_mode: str | None = None) -> str:
    """Say which to add: those that work while others are connected, in that mode if it is known."""
    modes = {"wal", "delete"} if journal_mode is None else {journal_mode}
    fitting = recoveries_that(
        lambda kind: not kind.needs_sole_access and modes <= set(kind.journal_modes)
    )
    return f"add {' or '.join(fitting)}"


__all__ = ["advice", "of_another_engine", "recoveries_that"]
