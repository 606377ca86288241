from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.drawn.labels import apart


@given(st.lists(st.floats(0, 1), max_size=12), st.floats(0.01, 0.3))
def test_labels_keep_apart(wanted: list[float], gap: float) -> None:
    """Labels are a gap apart, or evenly spread where there is no room; order and range stay."""
    placed = apart(wanted, gap)
    real = min(gap, 1 / max(1, len(wanted) - 1))
    ordered = sorted(placed)
    assert all(after - here >= real - 1e-9 for here, after in pairwise(ordered))
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in placed)
    for here, there in zip(wanted, placed, strict=True):
        for other, placed_other in zip(wanted, placed, strict=True):
            assert here >= other or there < placed_other


def test_labels_with_room_stay() -> None:
    """What is far enough apart is not moved."""
    assert apart([0.2, 0.9, 0.5], 0.1) == [0.2, 0.9, 0.5]
