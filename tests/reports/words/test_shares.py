"""Shares as every report writes them, and what their brackets hold."""

from __future__ import annotations

from harness.reports.words.shares import brackets, number, reliable, share, stated_share


def test_a_share_with_its_interval() -> None:
    """Rounded outwards; without bounds the figure alone, without a figure a dash."""
    assert share({"estimate": 0.9995, "lower": 0.999, "upper": 0.9998}) == (
        "99.950% [99.90%, 99.980%]"
    )
    assert share({"estimate": 0.9995, "lower": None, "upper": 1.0}) == "99.950%"
    assert share({"estimate": None}) == share({}) == "-"


def test_what_should_be_rare_is_told_as_it_is_written() -> None:
    """A claim of at most so much shows the share that failed, its ends exchanged, never inwards."""
    found = {"estimate": 0.99, "lower": 0.98, "upper": 0.995}
    assert stated_share({"claim": "reliability >= 0.9"} | found) == "99.0% [98.0%, 99.50%]"
    assert stated_share({"claim": "failures <= 0.1"} | found) == "1.0% [0.50%, 2.1%]"
    assert reliable({"estimate": 0.25, "lower": 0.125}) == {
        "estimate": 0.75, "lower": None, "upper": 0.875
    }  # fmt: skip


def test_the_brackets_are_named_by_their_methods() -> None:
    """Each kind of interval that is there once, in one order; an unknown one says nothing."""
    assert brackets([None, "of an older run"]) == []
    (said,) = brackets(["e_process", "clopper_pearson", "e_process", None])
    assert said.count("Clopper-Pearson's") == said.count("valid at any stopping time") == 1
    assert said.index("Clopper") < said.index("valid at any")
    assert "strata" not in said
    assert "every cycle a sample" in brackets(["stratified_chernoff"])[0]


def test_numbers_in_three_digits() -> None:
    """Or the word for one that is not known."""
    assert (number(0.012345, "-"), number(None, "no limit")) == ("0.0123", "no limit")
