"""How often the verdicts err, as a published table: ``python -m harness.statistics.error_rates``.

Every figure is computed exactly by the recursion of `simulation`, and one of each rule's beside a
simulation with its seed, which must agree within its own error. A claim of 99.99% needs ten times
the cycles of one of 99.9%, so each claim has a horizon of its own.

Several claims: of m that are all just false, each judged by itself at a confidence of 95%, the
chance that at least one is called supported rises with m. Judged at 1 - 0.05 / m each (Bonferroni)
it stays below 5% whether they depend on each other or not; for claims that fail independently the
chance is exact, 1 - (1 - p)^m.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.statistics.digits import percent
from harness.statistics.publishing import publish
from harness.statistics.simulation import RULES, Judging, error_rates, simulate

VERSION = 1
CONFIDENCE = 0.95
CLAIMS = {0.99: 2_000, 0.999: 20_000, 0.9999: 200_000}  # reliability -> cycles
FAMILY = 5  # claims judged together
RUNS, SEED = 4_000, 20260101  # of the simulation
SIMULATED = ("e_process", "clopper_pearson")  # rules drawn as well, at 0.999
JSON, TABLE = "error_rates.json", "error_rates.md"
_ABOUT = {
    "e_process": "e-process, used for every verdict here",
    "clopper_pearson": "Clopper-Pearson, one-sided, after every cycle",
    "clopper_pearson_two_sided": "Clopper-Pearson, two-sided, after every cycle",
    "wilson": "Wilson, one-sided, after every cycle",
    "wilson_two_sided": "Wilson, two-sided, after every cycle",
}


def at_the_claim(claim: float, cycles: int) -> list[dict[str, Any]]:
    """Give each rule's two errors at the claim itself, where both are at their worst.

    Args:
        claim: the reliability claimed, between 0 and 1.
        cycles: how many at most, looked at after every one.

    Returns:
        A dictionary a rule: rule, claim, cycles, false_supported, false_refuted (shares of runs).

    Raises:
        ValueError: for a claim out of range, or no cycles.
    """
    rows = []
    for rule in RULES:
        ends = error_rates(Judging(rule, claim, CONFIDENCE, cycles), claim)
        rows.append(
            {
                "rule": rule,
                "claim": claim,
                "cycles": cycles,
                "false_supported": ends.supported,
                "false_refuted": ends.refuted,
            }
        )
    return rows


def several(claim: float, cycles: int, claims: int = FAMILY) -> list[dict[str, Any]]:
    """Give the chance that of several just false claims any is called supported.

    Args:
        claim: the reliability claimed by each, between 0 and 1.
        cycles: how many at most, looked at after every one.
        claims: how many are judged together, 1 or more; they fail independently.

    Returns:
        Two dictionaries, judged each at 95% and each at its part of it: claims, claim, cycles,
        confidence_each, any_false_supported, any_false_refuted.

    Raises:
        ValueError: for a claim out of range, no cycles or no claims.
    """
    if claims < 1:
        raise ValueError(f"claims must be 1 or more, not {claims}")
    rows = []
    for each in (CONFIDENCE, 1 - (1 - CONFIDENCE) / claims):
        ends = error_rates(Judging("e_process", claim, each, cycles), claim)
        rows.append(
            {
                "claims": claims,
                "claim": claim,
                "cycles": cycles,
                "confidence_each": each,
                "any_false_supported": 1 - (1 - ends.supported) ** claims,
                "any_false_refuted": 1 - (1 - ends.refuted) ** claims,
            }
        )
    return rows


def drawn(rule: str, claim: float, cycles: int, runs: int = RUNS) -> dict[str, Any]:
    """Draw runs at the claim, with the standard error of each share.

    Args:
        rule: one of `RULES`.
        claim: the reliability claimed, and the true one, between 0 and 1.
        cycles: how many at most.
        runs: how many to draw, 1 or more.

    Returns:
        rule, claim, cycles, runs, seed, false_supported, false_refuted and the standard error of
        either share.

    Raises:
        ValueError: for another rule, a claim out of range, no cycles or no runs.
    """
    ends = simulate(Judging(rule, claim, CONFIDENCE, cycles), claim, runs, SEED)
    shares = {"false_supported": ends.supported, "false_refuted": ends.refuted}
    errors = {f"{key}_error": math.sqrt(p * (1 - p) / runs) for key, p in shares.items()}
    head = {"rule": rule, "claim": claim, "cycles": cycles, "runs": runs, "seed": SEED}
    return head | shares | errors


def computed() -> dict[str, Any]:
    """Compute everything that is published; it takes about a minute."""
    return {
        "version": VERSION,
        "confidence": CONFIDENCE,
        "computed": "exactly, by carrying the probability of each number of failures",
        "exact": [
            rates for claim, cycles in CLAIMS.items() for rates in at_the_claim(claim, cycles)
        ],
        "simulated": [drawn(rule, 0.999, CLAIMS[0.999]) for rule in SIMULATED],
        "several": several(0.999, CLAIMS[0.999]),
    }


def table(published: dict[str, Any]) -> str:
    """Lay out in Markdown what `computed` gives, with a line break at the end."""
    promised = percent(1 - published["confidence"])
    lines = [
        "# How often a verdict is wrong",
        "",
        f"A true reliability that is the claim itself, where both errors are at their worst; "
        f"looked at after every cycle; {promised} is promised. Computed exactly, not sampled.",
        "",
        "| rule | claim | within cycles | false supported | false refuted |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {_ABOUT[rates['rule']]} | {percent(rates['claim'])} | {rates['cycles']:,} | "
        f"{rates['false_supported']:.2%} | {rates['false_refuted']:.2%} |"
        for rates in published["exact"]
    ]
    lines += ["", "The same by random runs, with one standard error:", ""]
    lines += [
        "| rule | claim | runs | seed | false supported | false refuted |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {_ABOUT[rates['rule']]} | {percent(rates['claim'])} | {rates['runs']:,} | "
        f"{rates['seed']} | "
        f"{rates['false_supported']:.2%} ± {rates['false_supported_error']:.2%} | "
        f"{rates['false_refuted']:.2%} ± {rates['false_refuted_error']:.2%} |"
        for rates in published["simulated"]
    ]
    lines += [
        "",
        "Several claims, all at the edge, that any verdict of the e-process is wrong:",
        "",
    ]
    lines += [
        "| claims | each at | any false supported | any false refuted |",
        "| ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {rates['claims']} | {percent(rates['confidence_each'])} | "
        f"{rates['any_false_supported']:.2%} | {rates['any_false_refuted']:.2%} |"
        for rates in published["several"]
    ]
    return "\n".join([*lines, "", "Made by `python -m harness.statistics.error_rates`.", ""])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or write it and the figures into a folder."""
    publish(arguments, "How often the verdicts are wrong.", (JSON, TABLE), computed, table)


if __name__ == "__main__":
    main()
