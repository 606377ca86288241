from __future__ import annotations

import matplotlib.pyplot as plt

from tests.plot.seen import outside, overlapping


def test_texts_that_cover_each_other_are_seen() -> None:
    """Two texts at one place are found, and two apart are not: the check itself is checked."""
    _, ax = plt.subplots()
    ax.set_axis_off()
    ax.text(0.1, 0.5, "here")
    ax.text(0.6, 0.5, "there")
    assert overlapping(ax) == []
    ax.text(0.12, 0.5, "planted")
    assert overlapping(ax) == [("here", "planted")]


def test_a_text_that_is_cut_off_is_seen() -> None:
    """A text that leaves the figure is found."""
    _, ax = plt.subplots()
    ax.set_axis_off()
    ax.text(0.1, 0.5, "here")
    assert outside(ax) == []
    ax.text(0.9, 0.5, "planted, and much too long for the room there is to the right of it")
    assert len(outside(ax)) == 1
