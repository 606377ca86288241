from harness.reports.figures.dependence import dependence, number
from tests.reports.samples import HOSTILE, condition, sample_summary
from tests.reports.samples import dependence as found


def test_everything_of_a_condition_is_there() -> None:
    """The four cells with their sums, both ratios with intervals, both reliabilities, sentences."""
    page = dependence(sample_summary())
    for text in ("cleanup failed", ">4<", ">96<", ">100<", ">19<", ">1,881<", "4.1 [1.2, 12.6]",
                 "3.5 [0.9, ∞]", "3.9 [1.3, 11]", "99.950% [99.90%, 99.980%]",
                 "fail together more often", "4.1 times as often", "1,000"):  # fmt: skip
        assert text in page, text


def test_an_endless_interval_is_an_arrow() -> None:
    """Infinite upper ends are open; finite ones are not."""
    assert dependence(sample_summary()).count("hollow") == 1
    assert number(None) == "∞"


def test_what_is_not_known_is_not_drawn() -> None:
    """No dependence makes no section; ratios without numbers make no row."""
    assert dependence({"conditions": [condition("a"), {"name": "old"}]}) == ""
    none = dict.fromkeys(("estimate", "lower", "upper"))
    bare = found() | {"odds_ratio": none, "lift": None, "predicted": None, "measured": None}
    page = dependence({"conditions": [condition("a", dependence=bare)], "dependence": None})
    assert "<svg" not in page
    assert "cleanup failed" in page


def test_hostile_text_stays_text() -> None:
    """No sentence or name makes an element."""
    assert "<b " not in dependence(sample_summary(HOSTILE))
