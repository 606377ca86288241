"""Which kinds of fault a condition plans, and which of them must fire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def planned_kinds(condition: Mapping[str, Any]) -> dict[str, bool]:
    """Return every kind of fault a condition of run.json names, and whether it must fire.

    It must where anything plans it: a rate above 0 of its own or of a cause, or a strike.
    """
    kinds: dict[str, bool] = {}
    for kind, fault in (condition.get("faults") or {}).items():
        kinds[kind] = fault["rate"] != 0
    for cause in (condition.get("causes") or {}).values():
        for kind in cause["faults"]:
            kinds[kind] = kinds.get(kind, False) or cause["rate"] != 0
    for strike in condition.get("strikes") or ():
        kinds[strike["fault"]] = True
    return kinds
