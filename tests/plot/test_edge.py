from __future__ import annotations

import matplotlib.pyplot as plt

from harness.plot.edge import Ending, names
from tests.plot.seen import outside, overlapping, said


def test_lines_that_end_alike_have_labels_apart() -> None:
    """Six of them at the top of a logarithmic axis are named without touching or leaving it."""
    _, ax = plt.subplots(figsize=(9, 5), layout="constrained")
    ax.set_yscale("log")
    ax.set_ylim(1e-4, 1)
    names(ax, [Ending(1.0, 0.9, f"number {n}\n1,200 cycles each", "black") for n in range(6)])
    assert all(f"number {n}" in said(ax) for n in range(6))
    assert overlapping(ax) == []
    assert outside(ax) == []


def test_a_label_stands_at_the_height_of_its_line() -> None:
    """With room it is not moved."""
    _, ax = plt.subplots()
    ax.set_ylim(0, 10)
    names(ax, [Ending(1.0, 5.0, "middle", "black"), Ending(1.0, 2.0, "low", "black")])
    heights = {one.get_text(): one.xyann[1] for one in ax.texts}
    assert (round(heights["middle"], 6), round(heights["low"], 6)) == (0.5, 0.2)
    names(ax, [])
    assert len(ax.texts) == 2
