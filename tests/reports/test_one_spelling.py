"""One number has one spelling, in every report and on the screen: no digits that say nothing."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from harness import registry
from harness.analysis.compare import compare
from harness.experiment.run import verdicts
from harness.statistics.digits import percent

RESULTS = Path(__file__).resolve().parents[2] / "results"
RUNS = ("recovery_cost", "rare_faults", "summary_claims", "taskboard")
FORMATS = [name for name in registry.names("reports") if name != "json"]  # JSON is for machines
PERCENT = re.compile(r"(?<![\w.])(\d[\d,]*(?:\.\d+)?)%")
EXPONENT = re.compile(r"(?<![\w.#-])\d[\d.]*[eE][+-]?\d+(?![\w.-])")


def misspelt(text: str) -> list[str]:
    """Percentages with digits beyond the two that count, and numbers with an exponent.

    What counts of 98.333% is its distance from 100: 98.3%. An interval is rounded outwards, so its
    ends may be of the next distance.
    """
    wrong = [match[0] for match in EXPONENT.finditer(text)]
    for match in PERCENT.finditer(text):
        figure = match[1].replace(",", "")
        share, digits = float(figure) / 100, len(figure.partition(".")[2])
        if 0 < share < 1 and digits > len(percent(share).partition(".")[2].rstrip("%")):
            wrong.append(match[0])
    return wrong


def read(page: str) -> str:
    """What people read of a page, titles and labels of pictures as well."""
    page = re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
    labels = re.findall(r'(?:title|aria-label|alt)="([^"]*)"', page)
    return html.unescape("\n".join([re.sub(r"<[^>]*>", " ", page), *labels]))


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", FORMATS)
def test_reports(name: str, run: str) -> None:
    """No report spells a number out beyond what it says, nor leaves it to an exponent."""
    text = registry.find("reports", name)().render(RESULTS / run)
    assert text
    assert misspelt(read(text) if name in ("html", "badge") else text) == []


@pytest.mark.parametrize("run", RUNS)
def test_the_screen(run: str) -> None:
    """Nor does `harness check`."""
    verdict = verdicts.check(RESULTS / run, claim="reliability >= 0.99")
    assert misspelt("\n".join(verdicts.lines(verdict))) == []


# the summary's fifteen conditions take six seconds to compare, and the others spell all kinds
@pytest.mark.parametrize(
    "run", [pytest.param(one, marks=[pytest.mark.long] * (one == "summary_claims")) for one in RUNS]
)
def test_a_comparison(run: str) -> None:
    """Nor does `harness compare`."""
    lines, _ = compare(RESULTS / run, RESULTS / run, verbose=True)
    assert misspelt("\n".join(lines)) == []


def test_a_misspelling_is_seen() -> None:
    """Every kind that has been met: the check itself is checked."""
    for wrong in ("98.33333333%", "88.900%", "87.4409%", "50.000%"):
        assert misspelt(f"reliability {wrong} of cycles") == [wrong]
    assert misspelt("3.36e+03 times") == ["3.36e+03"]
    assert misspelt("a rate of 1e-05") == ["1e-05"]
    for right in ("99.9%", "99.9960%", "100%", "12%", "0.0010%", "run 01e6f-3", "1,234"):
        assert misspelt(right) == []
