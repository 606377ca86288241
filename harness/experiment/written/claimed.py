"""What an experiment may claim, and how a claim is written.

* a share: "reliability >= 0.999", "no_silent_leftover >= 0.999";
* its mirror, of what should be rare: "silent_leftovers <= 0.001", the same as the second above;
* two bounds: "no_restore in [0.90, 0.95]", at least the one and at most the other;
* a timing: "p99 of restore_ms <= 50", which says that at least 99% of the restores take at most
  50 ms, and so is a share as well.

All of them are judged by the same test. Several claims are judged together: each at a confidence
at which all verdicts hold at once (`confidence_each`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from harness.errors import ConfigurationError
from harness.experiment.written.document import nearest
from harness.outcomes import TIMINGS

# What is claimed to be rare -> the share of cycles without it.
MIRRORS = {
    "failures": "reliability",
    "unclean_ends": "clean_end",
    "baselines_lost": "data_safety",
    "restores": "no_restore",
    "silent_leftovers": "no_silent_leftover",
    "files_left_behind": "nothing_left_behind",
    "restored_dirty": "restored_clean",
    "backups_over_1s": "backup_under_1s",
    "backups_of_other_size": "backup_same_size",
    "wrong_reports": "cleanup_reports_truth",
}
MEASURES = tuple(MIRRORS.values())
# What a row may ask for: the keys of harness.analysis.measures.MEASURES, which is slow to import.
ROW_MEASURES = (*MEASURES, "bytes_added")  # the last is judged by the figure its row claims
# The confidences that can be asked for. Shared among many claims, an error smaller than this one
# would be lost in the rounding of 1 minus itself.
CONFIDENCE_ABOVE, CONFIDENCE_MOST = 0.5, 1 - 1e-9
TIMED = tuple(f"{phase}_ms" for phase in TIMINGS)

_FIGURE = r"\s*([0-9.eE+-]+)\s*"
_SHARE = re.compile(rf"\s*([A-Za-z_][A-Za-z_0-9]*)\s*([<>]=){_FIGURE}")
_BETWEEN = re.compile(rf"\s*([A-Za-z_][A-Za-z_0-9]*)\s+in\s*\[{_FIGURE},{_FIGURE}\]\s*")
_QUANTILE = re.compile(rf"\s*p([0-9.]+)\s+of\s+([A-Za-z_][A-Za-z_0-9]*)\s*([<>]=){_FIGURE}")
_FORM = (
    'a claim reads like "reliability >= 0.999", "silent_leftovers <= 0.001", '
    '"no_restore in [0.90, 0.95]" or "p99 of restore_ms <= 50" '
    f"(at least: {', '.join(MEASURES)}; at most: {', '.join(MIRRORS)}; timings: {', '.join(TIMED)})"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about a condition: a share of its cycles is at least ``at_least``."""

    measure: str  # one of MEASURES, or of TIMED: the share that took at most limit_ms
    at_least: float  # 0 < at_least < 1; of a row of the claims table also 1
    limit_ms: float | None = None  # of a timing
    at_most: float | None = None  # of a claim with two bounds: at_least < at_most < 1
    figure: str = ""  # of bytes_added: what the row claims, to the byte
    written: str = field(default="", compare=False)  # as its author wrote it

    def __str__(self) -> str:
        """Write the claim as people do."""
        if self.written:
            return self.written
        if self.figure:
            return f"{self.measure} = {self.figure}"
        if self.at_most is not None:
            return f"{self.measure} in [{self.at_least:.10g}, {self.at_most:.10g}]"
        if self.limit_ms is not None:
            return f"p{100 * self.at_least:.10g} of {self.measure} <= {self.limit_ms:g}"
        return f"{self.measure} >= {self.at_least:.10g}"

    @property
    def shares_error(self) -> bool:
        """Whether a verdict on it can be wrong by chance; one on 100% cannot."""
        return self.at_least < 1

    @property
    def failing(self) -> float:
        """The share that may fail, by the lower bound; of 0.999 just 0.001."""
        return float(1 - Decimal(str(self.at_least)))

    @property
    def not_failing(self) -> float:
        """The share that must fail, by the upper bound; 0 where there is none."""
        return 0.0 if self.at_most is None else float(1 - Decimal(str(self.at_most)))


def parse_claim(text: str) -> Claim:
    """Read a claim; ConfigurationError says what is wrong and what a claim looks like."""
    if match := _QUANTILE.fullmatch(text):
        return _timing(text, *match.groups())
    if match := _BETWEEN.fullmatch(text):
        return _between(text, *match.groups())
    if match := _SHARE.fullmatch(text):
        return _share(text, *match.groups())
    raise ConfigurationError(f"claim {text!r} cannot be read; {_FORM}")


def own_claims(condition: Mapping[str, Any]) -> list[Claim]:
    """Return what a condition of run.json claims itself."""
    return [parse_claim(text) for text in condition.get("claims") or ()]


def checked_confidence(confidence: Any) -> float:
    """Return a confidence that a verdict can be given at.

    Raises:
        ValueError: it is no number above CONFIDENCE_ABOVE and up to CONFIDENCE_MOST.
    """
    number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    if not number or not CONFIDENCE_ABOVE < confidence <= CONFIDENCE_MOST:
        raise ValueError(
            f"must be more than {CONFIDENCE_ABOVE:g} (no better than a coin) and at most "
            f"{CONFIDENCE_MOST:.10g} (what can be computed), such as 0.95; not {confidence!r}"
        )
    return float(confidence)


def confidence_each(confidence: float, claims: int) -> float:
    """Return the confidence of each of so many verdicts at which all hold together (Bonferroni).

    Holm's steps, which reject more at the same error, do not hold here. A claim may wrongly be
    supported or wrongly be refuted, and exactly one of the two is wrong whatever the truth is: so
    of m claims there are always m true null hypotheses that can be rejected, also after others
    have been, and no step may spend more than 1/m of the error on the next.
    """
    return confidence if claims <= 1 else 1 - (1 - confidence) / claims


def _share(text: str, name: str, sign: str, figure: str) -> Claim:
    known, other = (MEASURES, MIRRORS) if sign == ">=" else (tuple(MIRRORS), MIRRORS.values())
    if name not in known:
        raise ConfigurationError(f"claim {text!r}: {_misnamed(name, known, tuple(other))}")
    value = _number(text, figure)
    if not 0 <= value <= 1:
        raise ConfigurationError(f"claim {text!r}: {figure} must be from 0 to 1; 99.9% is 0.999")
    at_least = value if sign == ">=" or value == 0 else float(1 - Decimal(figure))
    if value in (0, 1) or at_least in (0, 1):
        raise ConfigurationError(
            f"claim {text!r}: the figure must lie between 0 and 1; "
            f"no number of cycles can prove a probability of exactly {1 if sign == '>=' else 0}"
        )
    return Claim(MIRRORS.get(name, name), at_least, written=f"{name} {sign} {figure}")


def _between(text: str, name: str, least: str, most: str) -> Claim:
    if name not in MEASURES:
        raise ConfigurationError(f"claim {text!r}: {_misnamed(name, MEASURES, tuple(MIRRORS))}")
    at_least, at_most = _number(text, least), _number(text, most)
    if not 0 < at_least < at_most < 1:
        raise ConfigurationError(
            f"claim {text!r}: of two bounds the first must be the lower, and both between 0 and 1"
        )
    return Claim(name, at_least, None, at_most, written=f"{name} in [{least}, {most}]")


def _misnamed(name: str, known: tuple[str, ...], other: tuple[str, ...]) -> str:
    """Say why a claim cannot name this with the sign it has."""
    if name == "bytes_added":
        return 'bytes_added is no share; ask for it in a row (measure = "bytes_added")'
    if name in TIMED:
        return f'{name} is a timing; write it like "p99 of {name} <= 50"'
    if name in other:
        pairs = (pair for pair in MIRRORS.items() if name in pair)
        mirror, measure = next(pairs)
        why = "should be rare" if name == mirror else "should be frequent"
        return f'{name} {why}; write "{measure} >= 0.999" or "{mirror} <= 0.001"'
    return f"nothing measures {name!r}; {nearest(name, (*known, *other, *TIMED))}{_FORM}"


def _timing(text: str, rank: str, name: str, sign: str, figure: str) -> Claim:
    if name not in TIMED:
        raise ConfigurationError(
            f"claim {text!r}: {name!r} is not timed; {nearest(name, TIMED)}{_FORM}"
        )
    if sign != "<=":
        raise ConfigurationError(f"claim {text!r}: a timing is claimed to be at most so much: <=")
    percentile, limit_ms = _number(text, rank), _number(text, figure)
    if not 0 < percentile < 100:
        raise ConfigurationError(
            f"claim {text!r}: p{rank} must lie between p0 and p100; "
            "no number of cycles can prove that none takes longer, p99.9 comes near"
        )
    if not 0 < limit_ms < math.inf:
        raise ConfigurationError(f"claim {text!r}: the limit must be a time above 0, in ms")
    at_least = float(Decimal(rank) / 100)
    return Claim(name, at_least, limit_ms, written=f"p{rank} of {name} <= {figure}")


def _number(text: str, figure: str) -> float:
    try:
        return float(figure)
    except ValueError:
        raise ConfigurationError(f"claim {text!r}: {figure!r} is no number; {_FORM}") from None
