"""What is said of claims where few have room."""

from __future__ import annotations

from pathlib import Path

from harness.analysis.summary import load, write
from harness.reports.console_parts.verdicts import (
    Said,
    chosen,
    claimed,
    conditions,
    headline,
    not_shown,
)
from harness.reports.console_parts.verdicts import stories as told
from tests.stored_runs import cycles, make_run, row

SAID = [Said(word, "", str(n)) for word in ("refuted", "supported") for n in range(3)]


def test_of_each_verdict_the_first_then_the_second() -> None:
    """Ten refuted ones do not hide that one is supported; their order stays."""
    kept = chosen(SAID, lambda some: len(some) <= 3)
    assert kept == [SAID[0], SAID[1], SAID[3]]
    assert chosen(SAID, lambda some: True) == SAID
    assert chosen(SAID, lambda some: False) == []


def test_none_is_shown_after_one_of_its_kind_that_has_no_room() -> None:
    """A short one is not taken out of its turn."""
    kept = chosen(SAID, lambda some: SAID[1] not in some)
    assert kept == [SAID[0], *SAID[3:]]


def test_everything_that_is_claimed_is_counted(run: Path) -> None:
    """Refuted before supported, and beside them what claims nothing."""
    summary = load(run).summary
    said = claimed(summary)
    assert [one.word for one in said] == ["harness error", "refuted", "not measured", "supported"]
    assert (
        headline(summary, said)
        == "3 claims: 1 refuted, 1 not measured, 1 supported; beside that 1 set point"
    )
    assert not_shown(said[:2]) == "1 harness error, 1 refuted"


def test_a_harness_error_is_called_so_once(folder: Path) -> None:
    """The word stands in its own column."""
    conditions = [{"name": "one", "faults": {"timeout": {"rate": 0.1}}}]
    write(made := make_run(folder / "run", cycles(["cleaned"] * 60), conditions=conditions))
    (said,) = claimed(load(made.folder).summary)
    assert said.word == "harness error"
    assert said.text.startswith("one: timeout never fired")


def test_a_conditions_own_claim_says_whose_it_is(folder: Path) -> None:
    """A row has words of its own, a claim needs its condition's name, and what is ahead is said."""
    condition = {"name": "one", "claims": ["reliability >= 0.99"]}
    write(made := make_run(folder / "a", cycles(["cleaned"] * 20), conditions=[condition]))
    (said,) = claimed(load(made.folder).summary)
    assert said.word == "undecided"
    assert said.text.startswith("one: reliability >= 0.99; supported at cycle ")
    rows = [row(at_least=0.5)]
    write(made := make_run(folder / "b", cycles(["cleaned"] * 20), rows=rows))
    (said,) = claimed(load(made.folder).summary)
    assert said.text == "a claim (so much)"
    rows = [row(at_least=0.99)]
    write(made := make_run(folder / "c", cycles(["cleaned"]), conditions=[condition], rows=rows))
    (said,) = claimed(load(made.folder).summary)
    assert said.text.startswith("a claim (so much); supported at cycle ")  # one claim, one name


def test_of_conditions_the_worst_come_first(folder: Path) -> None:
    """What was left in silence before what was told, each kind of end by itself."""
    known = cycles(["cleaned", "dirty_known"], condition="known")
    silent = cycles(["cleaned", "restored", "dirty_silent"], condition="silent")
    names = [{"name": name} for name in ("known", "silent")]
    write(made := make_run(folder / "run", [*known, *silent], conditions=names))
    summary = load(made.folder).summary
    assert [one.text for one in conditions(summary)] == [
        "silent: 3 cycles, 1 dirty without a word",
        "known: 2 cycles, 1 dirty and said so",
    ]
    assert headline(summary, []) == "nothing is claimed"
    assert not_shown(conditions(summary)) == "2 conditions"


def test_stories_say_how_they_ended(stories: Path) -> None:
    """One line each."""
    lines = told(load(stories).summary)
    assert "As in the summary, cycle 0: restored to a clean state" in lines
