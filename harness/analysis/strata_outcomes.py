"""What came of each stratum: of the cycles with a set number of struck slots.

The cycles of an enumerated stratum are a sample as any other's, each of the weight of its set. Who
takes for granted that the same faults always end alike may count it as exact, where every set of
all of them was seen to end alike each time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.analysis.design import Design
from harness.analysis.measures import Evidence, Trials, trials
from harness.results.columns import Columns
from harness.statistics.strata import Stratum, enumerated, weighed
from harness.statistics.struck import conditional_weights

Bools = NDArray[np.bool_]


def strata_of(
    design: Design, columns: Columns, measure: str, *, steady: bool
) -> tuple[list[Stratum], str]:
    """Return what came of each stratum, and which set did not always end alike ("" for none).

    With ``steady``, which takes for granted that the same faults always end alike, the enumerated
    strata are exact; none of them is where any set ended unlike: what made it do so may do so to
    all.
    """
    numbering = design.numbering
    failed = _failed(columns, measure)
    ended = columns["outcome"]
    ran = failed[: numbering.first_sampled].reshape(-1, numbering.repeats)
    first = ended[: numbering.first_sampled].reshape(ran.shape)
    alike = (first == first[:, :1]).all(axis=1)
    unstruck = design.setting.allocated.get("0", 0)  # they come first of the sampled
    at = numbering.first_sampled + unstruck
    alike[0] &= bool((ended[numbering.first_sampled : at] == ended[0]).all())
    sizes = np.array([len(variant.slots) for variant in numbering.variants])
    unsteady = _unlike(design, alike, sizes)
    exact = steady and not unsteady
    strata = []
    for k in range(numbering.enumerated + 1):
        places = np.flatnonzero(sizes == k)
        strata.append(_enumerated(design, k, places, ran[places], exact=exact))
    if unstruck and not exact:
        count = int(ran[0].sum() + failed[numbering.first_sampled : at].sum())
        strata[0] = Stratum(0, numbering.repeats + unstruck, count)
    for k, cycles in sorted((int(k), n) for k, n in design.setting.allocated.items() if k != "0"):
        strata.append(Stratum(k, cycles, int(failed[at : at + cycles].sum())))
        at += cycles
    return strata, unsteady


def _failed(columns: Columns, measure: str) -> Bools:
    """Tell which cycles failed, by the same measure as in any condition; shape (cycles,)."""
    tried = trials(measure, None, Evidence(columns))
    return (
        tried.failed if isinstance(tried, Trials) else np.zeros(len(columns["cycle"]), dtype=bool)
    )


def _unlike(design: Design, alike: Bools, sizes: NDArray[np.int64]) -> str:
    """Say why no enumerated stratum is exact; "" where nothing speaks against it.

    Where a set ended unlike, though it never failed, more than the set has a say in how it ends:
    that it did not fail this time is then no proof that it never does.
    """
    repeats = design.numbering.repeats
    if repeats == 1:
        return "every set was run once, so nothing shows that it always ends alike"
    unsteady = np.flatnonzero(~alike)
    if not len(unsteady):
        return ""
    first = int(unsteady[0]) * repeats
    if first == 0:
        return "cycles with no fault at all did not always end alike"
    return (
        f"cycles {first} to {first + repeats - 1} had the same faults and ended unlike "
        f"({sizes[unsteady[0]]} struck); so did {len(unsteady):,} of {len(alike):,} such repeats"
    )


def _enumerated(
    design: Design, k: int, places: NDArray[np.int64], ran: Bools, *, exact: bool
) -> Stratum:
    """Return an enumerated stratum.

    Args:
        design: what was planned.
        k: how many slots are struck.
        places: of its variants among all, shape (variants,).
        ran: what failed, shape (variants, repeats).
        exact: whether a set always ends as it did here; else its cycles are a sample.
    """
    weights = conditional_weights(design.rates, k).weights
    variants = [design.numbering.variants[place] for place in places]
    shares = np.array([variant.share for variant in variants])
    changed = [
        i > 0 and variant.slots != variants[i - 1].slots for i, variant in enumerate(variants)
    ]
    sets = np.cumsum(changed)  # of each variant, the set that it is of
    if exact:
        failing = np.bincount(sets, weights=shares * ran[:, 0], minlength=len(weights))
        return enumerated(design.rates, k, np.clip(failing, 0, 1))
    repeats = design.numbering.repeats
    return weighed(k, ran.ravel(), np.repeat(weights[sets] * shares / repeats, repeats))
