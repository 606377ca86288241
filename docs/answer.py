"""Draw the answer: ``python docs/answer.py RUN...`` writes docs/figures/answer-{light,dark}.svg.

A row for each setting that claims the figure and was judged, in the order of the runs: the
interval of its reliability, and the verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from harness.analysis.summary import read_summary
from harness.plot import forest, style
from harness.reports.words.answer import TARGET, Setting, settings
from harness.reports.words.strength import counted

FIGURES = Path(__file__).parent / "figures"
ROW_IN, REST_IN = 0.31, 1.15
_OKABE_ITO = {"supported": ("#009e73", "o"), "refuted": ("#d55e00", "s")}
INK = {"light": "#1f2328", "dark": "#e6edf3"}
QUIET = {"light": "#59636e", "dark": "#9198a1"}


def drawn(found: list[Setting], theme: str, path: Path) -> None:
    """Draw the settings for a light or a dark page, on no ground of its own."""
    inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    plain: Any = {"svg.hashsalt": theme, "svg.fonttype": "none", "font.size": 9.5}
    plain |= dict.fromkeys(inked, INK[theme])
    with mpl.rc_context(plain):
        size = (style.WIDTH_IN, REST_IN + ROW_IN * len(found))
        figure, ax = plt.subplots(figsize=size, layout="constrained")
        shares = [one.condition["reliability"] for one in found]
        known = [share[end] for share in shares for end in ("estimate", "lower", "upper")]
        scale = style.scale([*known, TARGET])
        for row, one in enumerate(found):
            colour, mark = _OKABE_ITO.get(one.row["verdict"], (QUIET[theme], "D"))
            look = style.Series(colour, mark, "-")
            forest.interval(ax, scale, row, one.condition["reliability"], look)
            ax.annotate(
                f"{one.row['verdict']}: {_briefly(one)}", (1.01, row), va="center", fontsize=8.5,
                xycoords=ax.get_yaxis_transform(), color=colour, annotation_clip=False,
            )  # fmt: skip
        style.failures_on(ax, ax.xaxis, scale)
        ax.tick_params(axis="x", labelsize=7)  # two of them stand close
        ax.grid(axis="x", color="#808080", alpha=0.25, linewidth=0.8)
        forest.rows(ax, [one.name.strip('"') for one in found])
        ax.axvline(1 - TARGET, color=INK[theme], linestyle=":", linewidth=1.3)
        ax.set_title(f"Is {TARGET:.1%} true? Reliability and what it may be", fontsize=10.5)
        nothing = {"Date": None, "Creator": None}
        figure.savefig(path, format="svg", transparent=True, metadata=nothing)
        plt.close(figure)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _briefly(one: Setting) -> str:
    return counted(one.condition).partition(":")[0]


def main(runs: Iterable[str]) -> None:
    """Draw what the summaries of these runs say."""
    found = settings(read_summary(Path(run) / "summary.json") for run in runs)
    for theme in INK:
        drawn(found, theme, FIGURES / f"answer-{theme}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
