"""Whether cleanup and restore fail independently, from restores forced where none was needed.

The cycles in which a restore was tried say how often it fails where the cleanup has failed. Those
run once more with a restore in any case (`harness.experiment.cycle.shadow`) say how often it fails
where the cleanup was believed, each for as many cycles as it was drawn from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any, Literal

from harness.analysis.together import ended, pairs, tried
from harness.results.columns import Columns
from harness.statistics.common_odds import common_odds_ratio
from harness.statistics.dependence import Ratio, Table, in_two_digits
from harness.statistics.digits import percent
from harness.statistics.intervals import Interval
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio

Reading = Literal["together", "independent", "apart", "unknown"]

DESCRIPTIVE = "descriptive, because the number of cycles was not fixed beforehand"
_SAYS: dict[Reading, str] = {
    "together": "they fail together more often than by chance",
    "independent": "nothing here excludes that they fail independently",
    "apart": "they fail together less often than by chance",
    "unknown": "nothing can be said of whether they fail together",
}


def dependence(
    condition: Mapping[str, Any], columns: Columns, confidence: float, *, fixed: bool = True
) -> dict[str, Any] | None:
    """Return what one condition says; None where no restore was to be forced.

    Args:
        condition: one of run.json.
        columns: its cycles, as Results.columns gives them.
        confidence: of each interval by itself.
        fixed: whether the number of cycles was fixed beforehand; else every interval is called
            descriptive.

    Returns:
        ``cells`` (counts): a restore was tried, and failed (``both``) or not (``cleanup_only``);
        the cleanup was believed, and a restore forced all the same failed (``restore_only``) or
        not (``neither``). ``untried``: believed, and no restore forced; ``refused``: cycles left
        out because no backup could be taken; harness errors are left out as well; ``unseen``:
        believed, though the cycle ended dirty. ``share`` of the believed cycles that was drawn.
        ``odds_ratio`` and ``lift`` (1 is independence), the reliability that independence
        ``predicted`` and the one ``measured`` (shares): None where a figure is not known or has
        no upper bound. ``descriptive``: whether the intervals are. ``sentence`` says it to people.
    """
    share = float(condition.get("shadow") or 0)
    if not share or not pairs(condition):
        return None
    cells, untried, refused, unseen = _counted(columns)
    table = Table(**cells, share=share, untried=untried)
    odds, lifted = odds_ratio(table, confidence), lift(table, confidence)
    sentence = f"{lifted.sentence()}; {_odds(odds, concludes=fixed)}"
    if not table.forced:
        sentence = (
            "no restore was forced where a cleanup was believed, so there is nothing to compare: "
            "run more cycles, or raise shadow"
        )
    elif not table.cleanup_failed:
        sentence = "no cleanup failed, so there is nothing to compare: run more cycles"
    elif not table.restore_failed:
        sentence = f"{lifted.sentence()}; no restore failed, needed or forced"
    if unseen:
        sentence += f"; counted as believed: {unseen:,} that ended dirty unseen"
    if not fixed:
        sentence += f"; {DESCRIPTIVE}"
    return {
        "cells": cells,
        "untried": untried,
        "share": share,
        "refused": refused,
        "unseen": unseen,
        "odds_ratio": _ratio(odds),
        "lift": _ratio(lifted.ratio),
        "predicted": _reliability(lifted.predicted),
        "measured": _reliability(lifted.measured),
        "descriptive": not fixed,
        "sentence": sentence,
    }


def common(conditions: Sequence[Mapping[str, Any]], confidence: float) -> dict[str, Any] | None:
    """Return what all conditions say together of one odds ratio; None where none has shadows.

    Counts are never pooled: each condition is a stratum of its own.

    Args:
        conditions: those of summary.json, each with what ``dependence`` said of it.
        confidence: of the interval.

    Returns:
        ``common``: the odds ratio, None where they disagree or none says anything; ``agree``:
        whether one may stand for all; ``strata``: conditions that say something; ``sentence``.
    """
    known = [condition["dependence"] for condition in conditions if condition.get("dependence")]
    if not known:
        return None
    tables = [
        Table(**entry["cells"], share=entry["share"], untried=entry["untried"]) for entry in known
    ]
    common_ratio = common_odds_ratio(tables, confidence)
    usable = common_ratio.agree and common_ratio.strata > 0
    fixed = not any(entry.get("descriptive") for entry in known)
    sentence = _all_say(
        common_ratio.strata,
        common_ratio.ratio,
        common_ratio.homogeneity,
        agree=common_ratio.agree,
        concludes=fixed,
    )
    if not fixed:
        sentence += f"; {DESCRIPTIVE}"
    return {
        "common": _ratio(common_ratio.ratio) if usable else None,
        "agree": common_ratio.agree,
        "strata": common_ratio.strata,
        "sentence": sentence,
    }


def reading(odds: Mapping[str, Any]) -> Reading:
    """Say what an odds ratio as stored (None for no upper bound) means."""
    if odds["lower"] == 0 and odds["upper"] is None:
        return "unknown"
    if odds["lower"] > 1:
        return "together"
    return "independent" if odds["upper"] is None or odds["upper"] >= 1 else "apart"


def _counted(columns: Columns) -> tuple[dict[str, int], int, int, int]:
    """Count cells, believed and not tried, backups refused, and believed though dirty."""
    sound, restored = ~ended(columns, "harness_error"), ended(columns, "restored")
    needed = tried(columns) & sound
    ran = columns["cleanup_ok"] >= 0
    believed = sound & ~needed & ran
    forced = believed & (columns["shadow_ok"] >= 0)
    worked = columns["shadow_ok"] == 1
    cells = {
        "both": int((needed & ~restored).sum()),
        "cleanup_only": int((needed & restored).sum()),
        "restore_only": int((forced & ~worked).sum()),
        "neither": int((forced & worked).sum()),
    }
    untried = int((believed & ~forced).sum())
    refused = int((sound & ~needed & ~ran).sum())
    return cells, untried, refused, int((believed & ~ended(columns, "cleaned")).sum())


def _odds(odds: Ratio, *, concludes: bool) -> str:
    """Say an odds ratio, its bounds rounded outwards, and where they conclude what it means."""
    means = _SAYS[reading(_ratio(odds))]
    if math.isnan(odds.estimate):
        return means
    low = in_two_digits(odds.lower, ROUND_FLOOR)
    high = "no upper bound"
    if math.isfinite(odds.upper):
        high = in_two_digits(odds.upper, ROUND_CEILING)
    estimate = "infinite"
    if math.isfinite(odds.estimate):
        estimate = in_two_digits(odds.estimate, ROUND_HALF_EVEN)
    said = f"odds ratio {estimate} [{low}, {high}]"
    return f"{said}: {means}" if concludes else said


def _all_say(strata: int, ratio: Ratio, homogeneity: float, *, agree: bool, concludes: bool) -> str:
    if not strata:
        return "no condition has both kinds of failure, so none says whether they come together"
    if not agree:
        chance = "less than 0.1%" if homogeneity < 0.001 else percent(homogeneity)
        return (
            f"the {strata} conditions disagree, so no one odds ratio stands for all "
            f"(with one for all, they would differ so much {chance} of the time)"
        )
    who = "the one condition that says anything" if strata == 1 else f"{strata} conditions together"
    return f"{who}: {_odds(ratio, concludes=concludes)}"


def _ratio(ratio: Ratio) -> dict[str, Any]:
    return {key: _known(value) for key, value in ratio._asdict().items()}


def _reliability(interval: Interval) -> dict[str, float | None]:
    return {key: _known(getattr(interval, key)) for key in ("estimate", "lower", "upper")}


def _known(value: Any) -> Any:
    """JSON knows no infinity, and nothing that is no number."""
    return value if not isinstance(value, float) or math.isfinite(value) else None
