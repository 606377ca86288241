"""What is shown of one cycle that was run twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.experiment.run.both_records import differing, lines, same, sentence
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.records import CycleRecord

ENTRY = LedgerEntry("noop", "cleanup", "delete bots 1", 1, "phase", True, True, "seen")
ONE = CycleRecord("a", 1, "cleaned", timings_ms={"cycle": 1.0})


def test_timings_make_no_difference() -> None:
    """Both are shown beside each other, and the cycle is the same."""
    other = replace(ONE, timings_ms={"cycle": 2.0, "backup": 0.5}, cpu_ms={"cycle": 1.0})
    assert same(ONE, other)
    shown = lines(ONE, other)
    assert [line.split()[-4:] for line in shown if "cycle " in line] == [
        ["cycle", "1.000", "->", "2.000"],
        ["cycle", "-", "->", "1.000"],
    ]
    assert not [line for line in shown if line.startswith("!")]


@pytest.mark.parametrize(
    ("values", "was", "now"),
    [
        ({"outcome": "restored"}, "cleaned", "restored"),
        ({"faults": (ENTRY,)}, "-", "noop: delete bots 1 (1), phase: surfaced"),
        ({"detail": "x y"}, "-", "x y"),
        ({"story": '{"ended":"dirty"}'}, "-", 'ended: "dirty"'),
    ],
)
def test_anything_else_is_marked(values: dict[str, object], was: str, now: str) -> None:
    """With what is stored and what was found now, one below the other."""
    other = replace(ONE, **values)  # type: ignore[arg-type]  # as the case says
    (name,) = values
    assert not same(ONE, other)
    assert differing(ONE, other) == [name]
    shown = lines(ONE, other)
    (at,) = [number for number, line in enumerate(shown) if line.startswith("!")]
    assert shown[at].split(maxsplit=2) == ["!", name, f"stored  {was}"]
    assert shown[at + 1].split(maxsplit=1) == ["now", now]


def test_of_two_stories_only_what_differs_is_shown() -> None:
    """A chapter that is the same in both is left out; two equal stories are one word."""
    one = replace(ONE, story='{"ended":"cleaned","served":true}')
    shown = "\n".join(lines(one, replace(one, story='{"ended":"dirty","served":true}')))
    assert 'ended: "cleaned"' in shown
    assert 'ended: "dirty"' in shown
    assert "served" not in shown
    assert any(line.split() == ["story", "the", "same"] for line in lines(one, one))


def test_the_sentence() -> None:
    """It says whether the cycle did the same, else how it ended or in what it differs."""
    assert sentence(ONE, ONE) == (
        "the same: cycle 1 of 'a' ended cleaned again, and nothing differs but its times"
    )
    assert sentence(ONE, replace(ONE, outcome="dirty_known", rows=True)) == (
        "not the same: cycle 1 of 'a' is stored as cleaned, and now it ended dirty_known"
    )
    assert sentence(ONE, replace(ONE, rows=True, detail="x")) == (
        "not the same: cycle 1 of 'a' ended cleaned again, but it differs in: rows, detail"
    )
    assert sentence(None, ONE) == (
        "not the same: cycle 1 of 'a' was not run before; now it ended cleaned"
    )


def test_what_was_not_run_is_shown_as_it_is_now() -> None:
    """There is nothing to mark, and it is not the same."""
    assert not same(None, ONE)
    shown = lines(None, ONE)
    assert not [line for line in shown if line.startswith("!") or "->" in line]
    assert any(line.split() == ["outcome", "cleaned"] for line in shown)
