"""What a worker must have in common with who asks."""

from __future__ import annotations

from harness.experiment.run.cluster.software import difference, software


def test_the_same_differs_in_nothing() -> None:
    """The revision counts as a version does."""
    here = software()
    assert {"harness", "python", "apsw", "sqlite", "numpy", "revision"} == here.keys()
    assert difference(here, dict(here)) == ""


def test_each_difference_is_said() -> None:
    """A version that is another, and one that is not there; more than was asked for is no harm."""
    wanted = {"harness": "2", "numpy": "2.1", "revision": ""}
    assert difference(wanted, {"harness": "1", "revision": "", "more": "x"}) == (
        "harness 1 instead of 2, numpy unknown instead of 2.1"
    )
    assert difference({"revision": ""}, {"revision": "ab"}) == "revision ab instead of unknown"
