import pytest

from harness.reports.words.strength import (
    became,
    because,
    counted,
    depends,
    ends,
    fails_more,
    fixed,
)
from tests.reports.rows import ended, judged


def test_ends_are_told_apart() -> None:
    """Refused, dirty and silent ends never make one number; what did not happen is not said."""
    one = ended(cleaned=690, refused=3, dirty_known=2, dirty_silent=4, baseline_lost=1)
    assert counted(one) == (
        "10 failures in 700 cycles: 3 refused before any test, 2 dirty and said so, "
        "4 dirty without a word, 1 baseline lost"
    )
    assert counted(ended(cleaned=1, restored=1)) == "no failure in 2 cycles"
    assert counted(ended(refused=1)) == "1 failure in 1 cycle: 1 refused before any test"
    assert ends(ended(harness_error=2)) == "2 spoiled by the harness"


def test_an_older_run_does_not_tell_refused_from_dirty() -> None:
    """Where one word stands for both, and a backup could be refused, both are said."""
    older = ended(dirty_known=5)
    del older["outcomes"]["refused"]
    assert ends(older) == "5 dirty or refused, and said so"
    assert ends(older | {"policy": "cleanup_only"}) == "5 dirty and said so"


def test_a_weaker_verdict_is_a_weaker_word() -> None:
    """Supported holds, at its cycle; undecided says what it would take; refuted does not hold."""
    one = ended(cleaned=100)
    strong = judged("a", "supported", decided_at_cycle=90)
    assert (became(strong), because(strong, one)) == (
        "holds", "no failure in 100 cycles; supported at cycle 90",
    )  # fmt: skip
    weak = judged("a", "undecided", next="supported at cycle 3,402 if nothing else fails")
    assert became(weak) == "is not decided"
    assert because(weak, one) == (
        "no failure in 100 cycles; supported at cycle 3,402 if nothing else fails"
    )
    lost = judged("a", "refuted", decided_at_cycle=9)
    assert became(lost) == "does not hold"
    assert because(lost, ended(refused=2, cleaned=8)).endswith("; refuted at cycle 9")
    assert "all that cycles can say" in became(judged("a", "not refuted"))


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [
        (0.3126, 2.926, "not distinguishable from independent, odds ratio between 0.31 and 3.0"),
        (20.1, 79.2, "they depend on each other and fail together, odds ratio between 20 and 80"),
        (1.001, None, "they depend on each other and fail together, odds ratio of 1.0 or more"),
        (0.1, 0.999, "they depend on each other and fail apart, odds ratio between 0.10 and 1.00"),
        (0.9, None, "not distinguishable from independent, odds ratio of 0.90 or more"),
        (1.0, 2.0, "not distinguishable from independent, odds ratio between 1.0 and 2.0"),
        (0.0, None, "nothing can be said of whether they depend on each other"),
    ],
)
def test_dependence_is_said_only_where_the_interval_excludes_1(
    lower: float, upper: float | None, said: str
) -> None:
    """The word follows from the interval, whose ends are rounded outwards."""
    assert depends({"lower": lower, "upper": upper}) == said


def test_what_is_descriptive_concludes_nothing() -> None:
    """Where cycles were not fixed beforehand the ratio is given and no word; {} gives neither."""
    said = depends({"lower": 20.0, "upper": 80.0}, descriptive=True)
    assert said.startswith("odds ratio between 20 and 80, descriptive")
    assert "depend" not in said
    assert depends({}) == "nothing can be said of whether they depend on each other"


def test_worse_is_said_only_where_it_is_shown() -> None:
    """Few failures against none show no difference, many do; one end alone can be compared."""
    none = ended(cleaned=150)
    assert fails_more(none, ended(cleaned=148, dirty_known=2)) == "no difference shown"
    many = ended(cleaned=120, dirty_known=30)
    assert fails_more(none, many) == "worse"
    assert fails_more(many, none) == "better"
    assert fails_more(none, many, "dirty_silent") == "no difference shown"


def test_what_may_have_stopped_early_is_not_compared() -> None:
    """A number of cycles that the outcomes decided has no such test."""
    early = ended(cleaned=120, dirty_known=30)
    early["reliability"]["method"] = "e_process"
    assert not fixed(early)
    assert fails_more(ended(cleaned=150), early) == "may have stopped early, so not compared"
