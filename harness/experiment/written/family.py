"""Everything that an experiment claims: by its conditions and by its rows, judged as one family.

A row of ``[[rows]]`` with a bound is a claim, a set point and a control excepted; one that says the
very same as its condition, or as another row, is that claim and no second one. All claims share the
error that the experiment allows. A claim of 100% takes no share: one failure refutes it for certain
and nothing supports it, so no verdict on it can be wrong by chance.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from harness.experiment.written.claimed import Claim, confidence_each, own_claims

Json = Mapping[str, Any]


class Family(NamedTuple):
    """All claims of an experiment."""

    claims: dict[str, list[Claim]]  # by condition, its own first
    confidence: float  # with which all verdicts hold together
    each: float  # that of each verdict

    def number(self, row: Json) -> int | None:
        """Return which of its condition's claims a row is; None where it is none."""
        claim = row_claim(row)
        claims = self.claims.get(row["condition"], [])
        return claims.index(claim) if claim in claims else None


def family(experiment: Json, confidence: float) -> Family:
    """Return what is claimed in an experiment.

    Args:
        experiment: as run.json has it.
        confidence: with which all verdicts are to hold.
    """
    claims = {condition["name"]: own_claims(condition) for condition in experiment["conditions"]}
    for row in experiment.get("rows") or ():
        claim = row_claim(row)
        mine = claims.get(row["condition"])
        if claim is not None and mine is not None and claim not in mine:
            mine.append(claim)
    sharing = sum(claim.shares_error for several in claims.values() for claim in several)
    return Family(claims, confidence, confidence_each(confidence, sharing))


def row_claim(row: Json) -> Claim | None:
    """Return what a row of run.json claims; None where it claims nothing that can be judged."""
    if not row.get("condition") or row.get("set_point") or is_control(row):
        return None
    if row["measure"] == "bytes_added":  # judged by the figure that it claims, to the byte
        figure = str(row.get("claimed") or "")
        return Claim("bytes_added", 1.0, figure=figure) if re.search(r"\d", figure) else None
    at_least, at_most = row.get("at_least"), row.get("at_most")
    return None if at_least is None else Claim(row["measure"], float(at_least), at_most=at_most)


def is_control(row: Json) -> bool:
    """Whether a row shows that the instrument sees what it must, and claims nothing."""
    known: bool | None = row.get("control")
    # rows stored before they had the key were called so
    return row["claim"].startswith("control") if known is None else known
