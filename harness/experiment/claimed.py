"""What an experiment may claim, and how a claim is written: "reliability >= 0.999"."""

from __future__ import annotations

import re
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from harness.errors import ConfigurationError
from harness.experiment.document import nearest

MEASURES = ("reliability", "data_safety")
# What a row may ask for: the keys of harness.analysis.claims.MEASURES, which is slow to import.
ROW_MEASURES = (
    *MEASURES,
    "no_restore",
    "no_silent_leftover",
    "nothing_left_behind",
    "restored_clean",
    "backup_under_1s",
    "backup_same_size",
    "bytes_added",
    "cleanup_reports_truth",
)
_CLAIM = re.compile(r"\s*([A-Za-z_]+)\s*(\S+?)\s*([0-9.eE+-]+)\s*")


class Claim(NamedTuple):
    """A statement about a condition: ``measure`` is at least ``at_least``."""

    measure: str  # one of MEASURES
    at_least: float  # 0 < at_least < 1

    def __str__(self) -> str:
        """Write the claim as people do."""
        return f"{self.measure} >= {self.at_least:g}"


def parse_claim(text: str) -> Claim:
    """Read "reliability >= 0.999"; ConfigurationError says what a claim looks like."""
    found = _CLAIM.fullmatch(text)
    form = f'a claim reads like "reliability >= 0.999" (measures: {", ".join(MEASURES)})'
    if not found or found[2] != ">=":
        raise ConfigurationError(f"claim {text!r} cannot be read; {form}")
    if found[1] not in MEASURES:
        hint = nearest(found[1], MEASURES)
        raise ConfigurationError(f"claim {text!r}: nothing measures {found[1]!r}; {hint}{form}")
    try:
        at_least = float(found[3])
    except ValueError:
        raise ConfigurationError(f"claim {text!r}: {found[3]!r} is no number; {form}") from None
    if not 0 < at_least < 1:
        raise ConfigurationError(
            f"claim {text!r}: the figure must lie between 0 and 1; "
            "no number of cycles can prove a probability of exactly 1"
        )
    return Claim(found[1], at_least)


def _claim(text: str) -> str:
    try:
        parse_claim(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    return text


def _measure(name: str) -> str:
    if name not in ROW_MEASURES:
        hint = nearest(name, ROW_MEASURES)
        raise ValueError(f"nothing measures {name!r}; {hint}known: {', '.join(ROW_MEASURES)}")
    return name


ClaimText = Annotated[str, AfterValidator(_claim)]
Measure = Annotated[str, AfterValidator(_measure)]
