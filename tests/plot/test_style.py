from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from harness import plot
from harness.analysis.loading import Run
from harness.plot import style
from tests.plot.seen import overlapping, said

_SHARES = st.floats(0, 1)


def test_series_are_told_apart_without_colours() -> None:
    """As many series as there are marks differ in mark, and none shares both colour and line."""
    looks = [style.series(one) for one in range(len(style.MARKERS))]
    assert len({one.marker for one in looks}) == len(looks)
    assert len({(one.colour, one.line) for one in looks}) == len(looks)
    assert len({style.series(one) for one in range(210)}) == 210


def test_colours_differ_in_lightness() -> None:
    """Every colour stands out from white paper: lightness 0 is black and 1 is white."""
    weights = (0.2126, 0.7152, 0.0722)  # of relative luminance (WCAG 2.2)
    for colour in style.COLOURS:
        assert sum(w * c for w, c in zip(weights, to_rgb(colour), strict=True)) < 0.7


@given(st.lists(_SHARES | st.none(), min_size=1))
def test_the_scale_holds_everything(shares: list[float | None]) -> None:
    """Every reliability has a place on the axis, and a better one is never drawn as a worse."""
    shown = style.scale(shares)
    assert 0 < shown.best < shown.worst <= 1
    heights = [shown.height(shown.at(one)) for one in sorted(s for s in shares if s is not None)]
    assert heights == sorted(heights)
    assert all(-1e-9 <= one <= 1 + 1e-9 for one in heights)
    assert shown.at(1.0) == shown.at(None) == shown.best


@pytest.mark.parametrize("worst", [0.9, 0.5, 0.999])
def test_ticks_are_named_twice(worst: float) -> None:
    """A tick says reliability and failures per cycle, on narrow scales and wide ones."""
    _, ax = plt.subplots()
    style.failures_on(ax, ax.yaxis, style.scale([worst, 0.9995]))
    assert "99.9%\n1 in 1,000" in said(ax)
    assert overlapping(ax) == []


def test_better_is_right_and_up() -> None:
    """On both axes the more reliable is where people look for more."""
    _, ax = plt.subplots()
    shown = style.scale([0.9, 0.999])
    style.failures_on(ax, ax.xaxis, shown)
    style.failures_on(ax, ax.yaxis, shown)
    place = ax.transData.transform
    assert (place((0.001, 0.001)) > place((0.1, 0.1))).all()


@pytest.mark.parametrize("kind", ["svg", "pdf"])
@pytest.mark.parametrize("drawn", [plot.curve, plot.reliability, plot.outcomes, plot.needed,
                                   plot.builds])  # fmt: skip
def test_a_figure_is_saved_for_a_paper(
    drawn: Callable[[Run], Axes], kind: str, run: Run, tmp_path: Path
) -> None:
    """As SVG and as PDF, arrows, bands and all."""
    path = tmp_path / f"figure.{kind}"
    drawn(run).figure.savefig(path)
    assert path.read_bytes().startswith({"svg": b"<?xml", "pdf": b"%PDF"}[kind])


def test_rates_grow_upwards() -> None:
    """A tick for each decade, more failures higher up."""
    _, ax = plt.subplots()
    style.rates_up(ax, 1e-4, 1.0, "failed")
    place = ax.transData.transform
    assert place((0, 0.1))[1] > place((0, 0.001))[1]
    assert [one.get_text() for one in ax.get_yticklabels()] == ["0.01%", "0.1%", "1%", "10%",
                                                                "100%"]  # fmt: skip
