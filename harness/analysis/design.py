"""What the cycles of a condition with strata were planned to be, and whether they are that.

What was struck in a cycle follows from its number (`harness.experiment.plan.strata`), and the
ledger has to agree: in an enumerated cycle slot by slot, in a drawn one in how many slots and
that they are slots there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import MeasurementError
from harness.experiment.plan.strata import Numbering, of_each
from harness.experiment.written.designs import StrataSetting
from harness.outcomes import OUTCOMES
from harness.results import ledgers
from harness.results.columns import Columns
from harness.results.ledgers import LedgerEntry

Floats = NDArray[np.float64]
Place = tuple[str, str, str, int]  # kind, phase, operation, attempt


@dataclass(frozen=True, slots=True)
class Design:
    """What the cycles of a condition were planned to be."""

    name: str
    setting: StrataSetting
    kinds: tuple[str, ...]  # of each slot
    rates: Floats  # of each slot, shape (slots,): the condition's own
    numbering: Numbering

    @property
    def rate(self) -> float:
        """The highest of the rates: what the curve is drawn over."""
        return float(self.rates.max())


def designed(condition: Mapping[str, Any]) -> Design | None:
    """Return what was planned; None where there are no strata, or none were allocated yet.

    Args:
        condition: as run.json has it.
    """
    values = condition.get("strata")
    if not values or not values.get("slots"):
        return None
    setting = StrataSetting.model_validate(values)
    kinds, faults = of_each(setting.slots), condition["faults"]
    return Design(
        str(condition["name"]),
        setting,
        tuple(kinds),
        np.array([float(faults[kind]["rate"]) for kind in kinds]),
        Numbering(setting, [faults[kind]["lasting"] for kind in kinds]),
    )


def incomplete(design: Design, columns: Columns) -> str:
    """Say why there can be no estimate; "" where there can, and the ledger agrees.

    Args:
        design: what was planned.
        columns: what was run, in order of cycle number.

    Raises:
        MeasurementError: cycles are stored that were never planned, or had other faults.
    """
    total = design.numbering.total
    numbers = columns["cycle"]
    if len(numbers) and numbers.max() >= total:
        raise MeasurementError(
            f"condition {design.name!r}: cycle {numbers.max():,} is stored, but {total:,} cycles "
            "were planned; run it again into another folder"
        )
    errors = int((columns["outcome"] == OUTCOMES.index("harness_error")).sum())
    if errors:
        return f"no estimate: harness error in {errors:,} cycle{'' if errors == 1 else 's'}"
    if len(numbers) < total:
        return f"no estimate: {total - len(numbers):,} of {total:,} cycles are missing"
    _check(design, columns["faults"].tolist())
    return ""


def _check(design: Design, texts: Sequence[str | None]) -> None:
    """Compare the ledger with the plan; MeasurementError names the first cycle that differs."""
    known = _Known({}, {})
    for cycle, entries in enumerate(ledgers.of_texts(texts)):
        if not _agrees(design, cycle, entries, known):
            raise MeasurementError(
                f"condition {design.name!r}: cycle {cycle} has other faults in its ledger than "
                "were planned, so nothing can be estimated from it; run it again into another "
                "folder"
            )


class _Known(NamedTuple):
    """Which slot of the ledger has which number, as far as enumerated cycles have shown."""

    places: dict[int, Place]
    numbers: dict[Place, int]

    def is_at(self, slot: int, place: Place) -> bool:
        """Whether ``slot`` is there, and no other is; learn it where it is new."""
        mine = self.places.setdefault(slot, place) == place
        return mine and self.numbers.setdefault(place, slot) == slot


def _agrees(design: Design, cycle: int, entries: list[LedgerEntry], known: _Known) -> bool:
    """Whether these entries are what ``cycle`` was planned to have; learn the slots."""
    numbering = design.numbering
    if len(entries) != numbering.struck(cycle):
        return False
    places: list[Place] = [
        (entry.kind, entry.phase, entry.operation, entry.attempt) for entry in entries
    ]
    variant = numbering.variant(cycle)
    if variant is None:
        apart = len(set(places)) == len(places)
        return apart and (not known.numbers or all(place in known.numbers for place in places))
    return all(
        entry.kind == design.kinds[slot] and entry.lasting == held and known.is_at(slot, place)
        for slot, held, place, entry in zip(
            variant.slots, variant.lasting, places, entries, strict=True
        )
    )
