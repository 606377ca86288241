import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.analysis.distributions import SHARES, distributions
from harness.results.reading import TIMINGS
from harness.statistics.timings import in_order


def _ordered(restore_ms: list[float]) -> dict[str, NDArray[np.float64]]:
    return {step: in_order(restore_ms if step == "restore" else []) for step in TIMINGS}


@given(st.lists(st.floats(0, 1e6) | st.just(float("nan")), max_size=60))
def test_every_value_was_measured_and_none_is_below_its_share(restore_ms: list[float]) -> None:
    """Values rise from the smallest measured to the largest, each with its share at or below."""
    found = distributions(_ordered(restore_ms))
    known = sorted(one for one in restore_ms if one == one)
    if not known:
        assert found == {}
        return
    assert list(found) == ["restore"]
    values = found["restore"]["values"]
    assert (values[0], values[-1], values) == (known[0], known[-1], sorted(values))
    for share, value in zip(SHARES, values, strict=True):
        assert value in known
        assert sum(one <= value for one in known) >= share * len(known)
        assert sum(one < value for one in known) <= share * len(known)
