from __future__ import annotations

import pytest

from harness.analysis.loading import Run
from harness.errors import UsageError
from harness.plot import cost
from tests.analysis.drawn.test_costs import sweep_of_sizes
from tests.plot.seen import lines, outside, overlapping, said


@pytest.fixture
def sized(run: Run) -> Run:
    """A run whose sweeps are over the size of the database."""
    made = [sweep_of_sizes("pin"), sweep_of_sizes("copy", 40.0)]
    run.summary["conditions"] = [one for _, some in made for one in some]
    run.summary["curves"] = [curve for curve, _ in made]
    return run


def test_a_line_for_each_recovery(sized: Run) -> None:
    """Medians over the sizes, shaded the middle of the cycles, named at the end."""
    ax = cost(sized)
    [pin] = lines(ax, marker="o")
    assert list(pin.get_xdata()) == [2_691_072, 26_910_720, 150_999_040]
    assert list(pin.get_ydata()) == [1.5, 3.0, 4.5]
    assert len(ax.collections) == 2
    assert "copy\n180 ms" in said(ax)
    assert "26.9 MB" in said(ax)
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_without_sizes_it_is_said(run: Run) -> None:
    """With what to write into the experiment."""
    with pytest.raises(UsageError, match=r"workload\.size_bytes"):
        cost(run)
