"""How often intervals hold the truth, published: `python -m harness.statistics.coverage`.

Every interval that reports call neither descriptive nor conditional is promised to hold the truth
in 95% of the runs at least. Here each is put to the test by runs with a known truth
(`harness.statistics.coverage_runs`), by the very functions that reports take it from. A simulated
share has an error of its own: what keeps its promise may fall short by three of its standard
errors. The others stand in a table of their own, to show what their names warn of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from harness.statistics import coverage_runs as runs_of
from harness.statistics.coverage_runs import Draw
from harness.statistics.coverage_strata import strata
from harness.statistics.digits import percent
from harness.statistics.publishing import publish

VERSION = 1
CONFIDENCE = 0.95
RUNS, SEED = 1_000, 20260101
JSON, TABLE = "coverage.json", "coverage.md"
NOT_PROMISED = {"conditional", "Clopper-Pearson"}  # by their names in `coverage_runs`


class Trial(NamedTuple):
    """One way to draw runs, and what its intervals are called."""

    about: str  # what happens in the cycles of a run
    draw: Draw
    called: dict[str, str]  # name in coverage_runs -> what people read


_STOPPED = {
    "anytime": "reliability of a run that stopped when decided",
    "lower bound": "lower bound of a run that stopped when decided",
    "at every look": "reliability, at all of 20 looks at once",
    "Clopper-Pearson": "Clopper-Pearson, descriptive: beside a verdict that stopped the run",
}
_FIXED = {
    "two-sided": "reliability, clean end, data safety: cycles fixed beforehand",
    "lower bound": "lower bound of a claim of 100%: cycles fixed beforehand",
}
_STRATA = {
    "sample": "curve, shares and verdicts by strata",
    "conditional": "curve by strata, conditional: if the same faults always end alike",
}
_PREDICTED = {
    "other restores": "if independent, from a condition that restores every time",
    "forced restores": "if independent, from forced restores",
}
_DEPENDENCE = {
    "odds ratio": "odds ratio of one condition",
    "common odds ratio": "odds ratio of three conditions that agree",
    "lift": "lift",
    "predicted": "reliability that independence predicts, backups apart",
    "measured": "reliability beside it, backups apart",
}
_CHANGE = {"difference": "compare: difference of shares", "ratio": "compare: ratio of shares"}
_TIMED = {
    "quantile": "p95 of independent timings",
    "change of a quantile": "compare: p95 of independent timings",
}


def trials() -> list[Trial]:
    """Return everything that is drawn."""
    few, many = 0.005, 0.03
    chance = "a chance failure in 10,000"
    return [
        *(
            Trial(f"{n:,} cycles, {refused:.1%} refused, {chance}", draw(refused, n), called)
            for refused, n in ((0.0, 300), (few, 300), (many, 1_000))
            for draw, called in ((runs_of.fixed_number, _FIXED),)
        ),
        *(
            Trial(
                f"up to {n:,} cycles, {refused:.1%} refused, {chance}",
                runs_of.stopped(refused, n),
                _STOPPED,
            )
            for refused, n in ((few, 2_000), (many, 1_000))
        ),
        Trial(f"544 cycles, {chance}", strata(runs_of.CHANCE), _STRATA),
        *(
            Trial(f"544 cycles, {share:.1%} refused", strata(share), _STRATA)
            for share in (few, many)
        ),
        Trial(
            f"5 points of 400 cycles, 0.8 to 12% refused, {chance}",
            runs_of.swept(many, 400),
            {"both ends": "frontier of a sweep, all of it"},
        ),
        *(
            Trial(f"{n:,} cycles, {refused:.1%} refused", runs_of.predicted(refused, n), _PREDICTED)
            for refused, n in ((few, 300), (many, 300), (many, 2_000))
        ),
        Trial(
            "1,000 cycles, 3.0% refused, 1.0% believed and dirty",
            runs_of.predicted(many, 1_000, unseen=0.01),
            {"forced restores": _PREDICTED["forced restores"] + ", some dirt unseen"},
        ),
        Trial("400 cycles, failing independently", runs_of.dependence(400, 0.05), _DEPENDENCE),
        Trial("400 cycles, failing together", runs_of.dependence(400, 0.3), _DEPENDENCE),
        Trial(
            f"200 and 300 cycles, 0.5 and 1.0% refused, {chance}",
            runs_of.changed(few, (200, 300)),
            _CHANGE,
        ),
        Trial("200 cycles", runs_of.timed(200, 0.95), _TIMED),
    ]


def held(number: int, trial: Trial, runs: int = RUNS) -> Iterator[dict[str, Any]]:
    """Give how often each interval of one trial holds the truth.

    Args:
        number: of the trial: each has random numbers of its own.
        trial: what is drawn.
        runs: how many, 1 or more.

    Yields:
        interval, about, runs (those with such an interval), held (a share of them), held_error
        (its standard error), promised (whether it is).
    """
    found = trial.draw(np.random.default_rng([SEED, number]), runs)
    for name, called in trial.called.items():
        if name not in found:
            continue
        share, count = float(found[name].mean()), len(found[name])
        yield {
            "interval": called,
            "about": trial.about,
            "runs": count,
            "held": share,
            "held_error": math.sqrt(share * (1 - share) / count),
            "promised": name not in NOT_PROMISED,
        }


def kept(row: dict[str, Any]) -> bool:
    """Whether a promised interval holds as often as promised, but for the simulation's error."""
    leeway = 3 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / row["runs"])
    return bool(row["held"] >= CONFIDENCE - leeway)


def computed() -> dict[str, Any]:
    """Simulate everything that is published; it takes about a minute."""
    rows = [row for number, trial in enumerate(trials()) for row in held(number, trial)]
    return {"version": VERSION, "confidence": CONFIDENCE, "seed": SEED, "rows": rows}


def table(published: dict[str, Any]) -> str:
    """Lay out in Markdown what `computed` gives, with a line break at the end."""
    lines = [
        "# How often an interval holds the truth",
        "",
        f"Runs with a known truth, {RUNS:,} of each kind, seed {published['seed']}. Promised are "
        f"{percent(published['confidence'])} at least; with one standard error of the simulation.",
        "",
        *_rows(row for row in published["rows"] if row["promised"]),
        "",
        "What is called descriptive or conditional promises nothing, and this is why. The "
        "conditional one is shown, and counted here, only by runs that saw nothing against it:",
        "",
        *_rows(row for row in published["rows"] if not row["promised"]),
    ]
    return "\n".join([*lines, "", "Made by `python -m harness.statistics.coverage`.", ""])


def _rows(rows: Iterator[dict[str, Any]]) -> list[str]:
    return [
        "| interval | runs | of | holds the truth |",
        "| --- | ---: | --- | ---: |",
        *(
            f"| {row['interval']} | {row['runs']:,} | {row['about']} | "
            f"{row['held']:.1%} ± {row['held_error']:.1%} |"
            for row in rows
        ),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write it and the figures into a folder."""
    publish(arguments, "How often the intervals hold the truth.", (JSON, TABLE), computed, table)


if __name__ == "__main__":
    main()
