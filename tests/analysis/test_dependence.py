"""What shadows say of whether cleanup and restore fail together."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analysis import dependence as module
from harness.analysis.dependence import DESCRIPTIVE, common, dependence, reading
from harness.analysis.summary import summarise
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.statistics.dependence import Table
from harness.statistics.lift import lift
from harness.statistics.odds import odds_ratio
from tests.stored_runs import cycle, make_run

SHADOWED = {"name": "one", "shadow": 0.5}
CELLS = ("both", "cleanup_only", "restore_only", "neither")


def believed(shadow: bool | None) -> CycleRecord:
    """Make a cycle whose cleanup was believed."""
    return cycle(0, shadow_ok=shadow)


def needed(*, restored: bool, ended: str = "dirty_known") -> CycleRecord:
    """Make a cycle whose cleanup failed."""
    return cycle(0, "restored" if restored else ended, timings_ms={"restore": 1.0})


def cycles_of(
    both: int, cleanup_only: int, restore_only: int, neither: int, untried: int = 0
) -> list[CycleRecord]:
    """Make so many cycles of each kind, in an order of no kind."""
    made = [
        *[needed(restored=False)] * both,
        *[needed(restored=True)] * cleanup_only,
        *[believed(False)] * restore_only,
        *[believed(True)] * neither,
        *[believed(None)] * untried,
    ]
    random.Random(1).shuffle(made)  # noqa: S311 - nothing secret
    return numbered(made)


def numbered(records: Sequence[CycleRecord]) -> list[CycleRecord]:
    """Number cycles from 0."""
    return [replace(record, cycle=number) for number, record in enumerate(records)]


def said(
    folder: Path, records: Sequence[CycleRecord], confidence: float = 0.95, **settings: Any
) -> dict[str, Any] | None:
    """Store the cycles, read them back, and ask."""
    results = make_run(folder / "run", records, conditions=[SHADOWED | settings])
    return dependence(results.conditions[0], results.columns("one"), confidence)


def surely(folder: Path, records: Sequence[CycleRecord], **settings: Any) -> dict[str, Any]:
    """Say the same where something is said."""
    found = said(folder, records, **settings)
    assert found is not None
    return found


def test_every_kind_of_cycle_is_counted_where_it_belongs(folder: Path) -> None:
    """Restores needed and forced, untried, refused, unseen, errors: one after another."""
    extra = [
        cycle(0, "dirty_known", cleanup_ok=None),  # refused
        cycle(0, "harness_error", shadow_ok=False),
        cycle(0, "harness_error", timings_ms={"restore": 1.0}),
        needed(restored=False, ended="baseline_lost"),
        cycle(0, "dirty_silent", cleanup_ok=True, shadow_ok=True),  # believed, and wrongly
        # it reported a failure, and verification found nothing left
        cycle(0, cleanup_ok=False, shadow_ok=True),
    ]
    found = surely(folder, numbered(cycles_of(3, 17, 5, 60, 70) + extra))
    assert found["cells"] == dict(zip(CELLS, (4, 17, 5, 62), strict=True))
    assert (found["untried"], found["refused"], found["share"]) == (70, 1, 0.5)
    assert found["sentence"].endswith("; counted as believed: 1 that ended dirty unseen")


def test_the_figures_are_those_of_the_table(folder: Path) -> None:
    """Odds ratio, lift and both reliabilities are the statistics' own, at the confidence asked."""
    records = cycles_of(12, 88, 9, 291, 600)
    found = said(folder, records, 0.9)
    assert found is not None
    table = Table(12, 88, 9, 291, 0.5, 600)
    assert found["odds_ratio"] == odds_ratio(table, 0.9)._asdict()
    assert found["lift"] == lift(table, 0.9).ratio._asdict()
    for name in ("predicted", "measured"):
        share = getattr(lift(table, 0.9), name)
        assert list(found[name].values()) == list(share[:3])
    assert found["sentence"].startswith(lift(table, 0.9).sentence())


def test_a_forced_restore_weighs_as_many_as_it_was_drawn_from(folder: Path) -> None:
    """Planted: with the untried left out the reliability predicted is another."""
    found = surely(folder, cycles_of(12, 88, 9, 291, 600))
    failed = 100 / 1000 * (12 / 1000 + 900 / 1000 * 9 / 300)
    assert found["predicted"]["estimate"] == pytest.approx(1 - failed)
    assert found["measured"]["estimate"] == pytest.approx(1 - 12 / 1000)
    ignored = lift(Table(12, 88, 9, 291, 0.5, 0)).predicted.estimate
    assert abs(ignored - (1 - failed)) > 0.005


@pytest.mark.parametrize(
    ("counts", "means", "says"),
    [
        ((40, 60, 20, 380), "together", "odds ratio 13 [6.6, 25]: they fail together more often"),
        ((12, 88, 50, 350), "independent", "nothing here excludes that they fail independently"),
        ((1, 199, 60, 140), "apart", "they fail together less often than by chance"),
        ((9, 20, 0, 300), "together", "odds ratio infinite [26, no upper bound]: they fail toge"),
        ((0, 5, 30, 300), "independent", "odds ratio 0 [0, "),
        ((3, 0, 5, 0), "unknown", "nothing can be said of whether they fail together"),
    ],
)
def test_the_sentence_says_what_the_odds_ratio_means(
    folder: Path, counts: tuple[int, int, int, int], means: str, says: str
) -> None:
    """People read whether they fail together; what has no upper bound says so and is None."""
    found = surely(folder, cycles_of(*counts))
    assert says in found["sentence"]
    assert reading(found["odds_ratio"]) == means
    assert ("no upper bound" in found["sentence"]) == (
        found["odds_ratio"]["upper"] is None and means != "unknown"
    )


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ((0, 0, 0, 0, 0), "no restore was forced"),
        ((5, 20, 0, 0, 0), "no restore was forced"),
        ((0, 0, 3, 20, 40), "no cleanup failed"),
        ((0, 9, 0, 20, 40), "times as often as independence says; no restore failed"),
    ],
)
def test_where_a_row_is_empty_there_is_nothing_to_compare(
    folder: Path, counts: tuple[int, ...], says: str
) -> None:
    """It says what is missing; all figures are JSON all the same."""
    found = surely(folder, cycles_of(*counts))
    assert says in found["sentence"]
    assert found["odds_ratio"]["estimate"] is None
    json.dumps(found, allow_nan=False)


def test_without_shadows_nothing_is_said(folder: Path) -> None:
    """A share of 0, a run from before there were shadows, and a policy without a pair."""
    records = cycles_of(3, 9, 0, 0, 50)
    assert said(folder / "none", records, shadow=0.0) is None
    assert said(folder / "alone", records, policy="cleanup_only") is None
    results = make_run(folder / "older", records)
    condition = {k: v for k, v in results.conditions[0].items() if k != "shadow"}
    assert dependence(condition, results.columns("one"), 0.95) is None
    assert common([{"name": "one"}, {"name": "two", "dependence": None}], 0.95) is None


def test_a_share_of_1_leaves_none_untried(folder: Path) -> None:
    """The cycles are then counted, all of them."""
    assert surely(folder, cycles_of(4, 30, 8, 90), shadow=1.0)["untried"] == 0


def conditions_of(folder: Path, *counts: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    """Make what summary.json has of several conditions."""
    return [
        {"dependence": surely(folder / str(number), cycles_of(*cells))}
        for number, cells in enumerate(counts)
    ]


def test_conditions_that_agree_have_one_odds_ratio(folder: Path) -> None:
    """Neither is it the pooled one: each condition is independent, their sum is not."""
    made = conditions_of(folder, (1, 49, 19, 931), (320, 80, 480, 120), (0, 30, 0, 50))
    found = common([*made, {"dependence": None}], 0.95)
    assert found is not None
    assert (found["agree"], found["strata"]) == (True, 2)
    assert found["common"]["lower"] < 1 < found["common"]["upper"]
    assert found["sentence"].startswith("2 conditions together: odds ratio 1.00 [0.72")
    assert odds_ratio(Table(321, 129, 499, 1051)).lower > 3


def test_conditions_that_disagree_have_none(folder: Path) -> None:
    """No number stands for one that is dependent and one that is not: a sentence says so."""
    made = conditions_of(folder, (30, 10, 10, 150), (10, 90, 30, 290))
    found = common(made, 0.95)
    assert found is not None
    assert (found["common"], found["agree"], found["strata"]) == (None, False, 2)
    assert "the 2 conditions disagree" in found["sentence"]


def test_where_none_says_anything_that_is_said(folder: Path) -> None:
    """Shadows, but no failure of one kind: there is no number, and no disagreement."""
    found = common(conditions_of(folder, (0, 9, 0, 90)), 0.95)
    assert found is not None
    assert (found["common"], found["strata"]) == (None, 0)
    assert found["sentence"].startswith("no condition has both")
    one = common(conditions_of(folder / "more", (9, 9, 9, 90)), 0.95)
    assert one is not None
    assert one["sentence"].startswith("the one condition that says anything: odds ratio")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("believed = sound & ~needed & ran", "believed = sound & ran"),
        ("(needed & restored)", '(needed & ~ended(columns, "dirty_known"))'),
        ("forced = believed &", "forced ="),
        ("(forced & ~worked)", "(believed & ~worked)"),
        ("refused = int((sound & ~needed & ~ran)", "refused = int((sound & ~ran)"),
    ],
)
def test_a_wrong_count_is_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    """Planted defects of the counting give other counts for cycles of every kind."""
    draw = random.Random(3)  # noqa: S311 - nothing secret
    records = [
        cycle(
            number,
            draw.choice(["cleaned", "restored", "dirty_known", "baseline_lost", "harness_error"]),
            cleanup_ok=draw.choice([True, False, None]),
            timings_ms=draw.choice([{}, {"restore": 1.0}]),
            restored_by=None,
            shadow_ok=draw.choice([True, False, None]),
        )
        for number in range(300)
    ]
    results: Results = make_run(folder / "run", records, conditions=[SHADOWED])
    columns = results.columns("one")
    right = module._counted(columns)
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert old in source
    space: dict[str, Any] = {"__name__": "planted"}
    exec(compile(source.replace(old, new), "planted", "exec"), space)  # noqa: S102 - the defect
    assert space["_counted"](columns) != right


def test_where_the_number_of_cycles_was_not_fixed_the_intervals_are_descriptive(
    folder: Path,
) -> None:
    """They hold for numbers fixed beforehand alone, so they are called what they are."""
    records = cycles_of(20, 18, 5, 60)
    for name, run, word in (("a", {}, False), ("b", {"looked": True}, True)):
        made = make_run(folder / name, records, conditions=[SHADOWED], **run)
        found = summarise(made)
        (one,) = found["conditions"]
        assert one["dependence"]["descriptive"] is word
        for told in (one["dependence"]["sentence"], found["dependence"]["sentence"]):
            assert told.endswith(DESCRIPTIVE) is word
            assert "odds ratio 1" in told
            assert ("they fail together more often" in told) is not word  # that would be a verdict
