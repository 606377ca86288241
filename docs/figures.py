"""Draw the figures of docs/statistics.md: ``python docs/figures.py`` writes docs/figures/*.svg.

Each is computed by the functions that also judge, and looks as those of ``harness.plot``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from harness.plot import style
from harness.plot.edge import Ending, names
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import log_e_refute, log_e_support, support_boundary

FOLDER = Path(__file__).parent / "figures"
HEIGHT_IN = 4.2
CONFIDENCE = 0.95
SEED = 10  # of the two runs that are made up to show how an e-process goes


def cycles_needed(ax: Axes) -> None:
    """Draw the cycle at which a claim is supported, by claim, for some numbers of failures."""
    failing = np.logspace(-1, -4, 13)
    endings = []
    for order, failures in enumerate((0, 1, 2, 5)):
        look = style.series(order)
        needed = [support_boundary(failures, 1 - share, CONFIDENCE) for share in failing]
        ax.plot(failing, needed, color=look.colour, marker=look.marker, ls=look.line)
        text = f"{_failures(failures)}: {needed[-1]:,}"
        endings.append(Ending(failing[-1], needed[-1], text, look.colour))
    ax.set(xscale="log", yscale="log", xlabel="claim", ylabel="cycles until it is supported")
    ax.set_xticks([0.1, 0.01, 0.001, 0.0001], ["90%", "99%", "99.9%", "99.99%"])
    ax.yaxis.set_major_formatter(_whole)
    ax.invert_xaxis()
    names(ax, endings)


def _failures(number: int) -> str:
    return f"{number} failure{'' if number == 1 else 's'}"


def _whole(number: float, _: int | None) -> str:
    return f"{number:,.0f}"


def e_process(ax: Axes) -> None:
    """Draw both e-processes of a run that keeps 99% and of one that does not."""
    draw = np.random.Generator(np.random.Philox(SEED))
    cycles = np.arange(1, 1501)
    for order, (rate, name) in enumerate(((0.002, "fails 1 in 500"), (0.03, "fails 3 in 100"))):
        failures = np.cumsum(draw.random(cycles.size) < rate)
        support = log_e_support(failures, cycles, 0.99) / np.log(10)
        refute = log_e_refute(failures, cycles, 0.99) / np.log(10)
        colour = style.series(order).colour
        ax.plot(cycles, support, color=colour, label=f"{name}: for the claim")
        ax.plot(cycles, refute, color=colour, ls="--", label=f"{name}: against it")
    ax.axhline(np.log10(1 / (1 - CONFIDENCE)), color="black", ls=":", label="decided at 95%")
    ax.set(xlabel="cycle", ylabel="e-value, as a power of ten", ylim=(-4, 6))


def intervals(ax: Axes) -> None:
    """Draw the lower bound of a share by number of cycles, for some numbers of failures."""
    cycles = np.unique(np.logspace(1.2, 4.5, 40).astype(int))
    endings = []
    for order, failures in enumerate((0, 1, 5)):
        look = style.series(order)
        bounds = [clopper_pearson(int(n) - failures, int(n), CONFIDENCE).lower for n in cycles]
        ax.plot(cycles, 1 - np.array(bounds), color=look.colour, ls=look.line)
        endings.append(Ending(cycles[-1], 1 - bounds[-1], _failures(failures), look.colour))
    ax.set(xscale="log", yscale="log", xlabel="cycles", ylabel="shown at least (95%)")
    ax.set_yticks([0.1, 0.01, 0.001, 0.0001], ["90%", "99%", "99.9%", "99.99%"])
    ax.xaxis.set_major_formatter(_whole)
    ax.invert_yaxis()
    names(ax, endings)


def together(ax: Axes) -> None:
    """Draw how often both fail, by odds ratio, for shares that fail by themselves."""
    ratios = np.logspace(-1, 3, 60)
    for order, (cleanup, restore) in enumerate(((0.05, 0.02), (0.4, 0.02), (0.05, 0.001))):
        both = [_both(cleanup, restore, ratio) for ratio in ratios]
        look = style.series(order)
        name = f"cleanup fails {100 * cleanup:g}%, restore {100 * restore:g}%"
        ax.plot(ratios, both, color=look.colour, ls=look.line, label=name)
        ax.plot([1], [cleanup * restore], color=look.colour, marker=look.marker)
    ax.axvline(1, color="black", ls=":")
    ax.set(xscale="log", yscale="log", xlabel="odds ratio (1: independent)", ylabel="both fail")
    ax.xaxis.set_major_formatter(lambda ratio, _: f"{ratio:,.10g}")
    ax.set_yticks([0.1, 0.01, 0.001, 0.0001], ["1 in 10", "1 in 100", "1 in 1,000", "1 in 10,000"])


def _both(one: float, other: float, ratio: float) -> float:
    """Return the chance of both, from the chance of each and the odds ratio of the table."""
    if ratio == 1:
        return one * other
    a, b = ratio - 1, 1 + (one + other) * (ratio - 1)
    return float((b - np.sqrt(b * b - 4 * a * ratio * one * other)) / (2 * a))


FIGURES: dict[str, Callable[[Axes], None]] = {
    "cycles_needed": cycles_needed,
    "e_process": e_process,
    "intervals": intervals,
    "together": together,
}


def drawn(name: str, path: Path) -> None:
    """Draw one figure into a file, the same bytes each time."""
    plain = {"svg.hashsalt": name, "svg.fonttype": "none", "font.size": 10}
    with mpl.rc_context(plain):
        figure, ax = plt.subplots(figsize=(style.WIDTH_IN, HEIGHT_IN), layout="constrained")
        FIGURES[name](ax)
        ax.minorticks_off()
        ax.grid(color="#dddddd", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(frameon=False)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def main(names: Iterable[str]) -> None:
    """Draw those that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    for name in names or FIGURES:
        drawn(name, FOLDER / f"{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
