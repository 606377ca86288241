import math

import pytest

from harness.analysis.drawn.needed import FAILURES, boundaries, needed
from harness.statistics.sequential import log_e_support, support_boundary
from tests.reports.samples import claim, condition


def test_the_boundaries_are_those_that_judge() -> None:
    """At every claim drawn so many failures leave evidence enough at that cycle, not before."""
    enough = math.log(1 / 0.05)
    for line in boundaries(0.95, 0.1, 0.01):
        for allowed, cycles in line.points:
            assert log_e_support(line.failures, cycles, 1 - allowed) >= enough
            assert log_e_support(line.failures, cycles - 1, 1 - allowed) < enough


def test_the_lines_reach_over_every_claim() -> None:
    """From the loosest to the strictest claim, and at 99.9% as in the documentation: 3,402."""
    found = needed({"conditions": [condition("a", claims=[claim([], 100, 0.5)])]})
    none, *_ = found.boundaries
    assert [line.failures for line in found.boundaries] == list(FAILURES)
    assert none.points[0][0] == pytest.approx(0.5)
    assert none.points[-1] == (pytest.approx(0.001), 3402)
    assert found.confidence == 0.95


def test_a_claim_stands_where_it_was_decided() -> None:
    """At its cycle of decision, else at all cycles; what is no single share is left out."""
    decided, open_ = claim([], 4000), claim([1], 500)
    between = claim([], 400, 0.9) | {"at_most": 0.95}
    never = claim([], 400) | {"at_least": 1.0}
    found = needed({"conditions": [condition("a", claims=[decided, open_, between, never])]})
    assert [(one.cycles, one.verdict) for one in found.claims] == [
        (support_boundary(0, 0.999), "supported"), (500, "undecided"),
    ]  # fmt: skip
    assert found.claims[1].failures == 1


def test_the_confidence_is_that_of_the_claims() -> None:
    """Where verdicts share an error the lines are for what each of them has."""
    shared = claim([], 4000) | {"confidence": 0.9975}
    found = needed({"conditions": [condition("a", claims=[shared])]})
    assert found.confidence == 0.9975
    assert found.boundaries[0].points[-1][1] == support_boundary(0, 0.999, 0.9975)
    assert needed({"conditions": []}).confidence == 0.95
