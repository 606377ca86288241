from pathlib import Path

import pytest

from docs import figures
from tests.docs.pictures import lines, words


@pytest.mark.parametrize("name", figures.FIGURES)
def test_a_figure_is_what_the_functions_give(name: str, folder: Path) -> None:
    """The committed one has the words and the curves that are drawn today."""
    figures.drawn(name, folder / "now.svg")
    now = (folder / "now.svg").read_text(encoding="utf-8")
    kept = (figures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert (words(kept), lines(kept)) == (words(now), lines(now)), "out of date: docs/figures.py"
    assert len(words(now)) > 5


def test_another_curve_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a boundary that supports sooner the curve is another one."""
    real = figures.support_boundary
    monkeypatch.setattr(figures, "support_boundary", lambda *given: real(*given) // 2)
    figures.drawn("cycles_needed", folder / "now.svg")
    kept = (figures.FOLDER / "cycles_needed.svg").read_text(encoding="utf-8")
    assert lines(kept) != lines((folder / "now.svg").read_text(encoding="utf-8"))


def test_what_the_page_says_of_the_figures() -> None:
    """Nine times closer to certainty takes nine times the cycles, one failure twice as many."""
    needed = figures.support_boundary
    assert 8 < needed(0, 1 - 0.001 / 9, 0.95) / needed(0, 0.999, 0.95) < 10
    assert 1.8 < needed(1, 0.999, 0.95) / needed(0, 0.999, 0.95) < 2.2
    assert figures._both(0.05, 0.02, 1) == pytest.approx(0.001)
    assert figures._both(0.05, 0.02, 1.0001) == pytest.approx(0.001, rel=1e-3)
