"""Curves of what was swept: which conditions make one, its points, and what it says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

from harness.analysis.curves import curves
from harness.analysis.summary import summarise
from harness.experiment.written.configuration import load
from harness.results.records import CycleRecord
from harness.statistics.dependence import Table
from harness.statistics.prediction import Count, from_forced_restores
from tests.stored_runs import cycle, make_run, struck

SWEPT = """
name = "swept"
cycles = 100
[defaults]
recoveries = ["file_copy"]
faults.timeout = { phases = ["restore"] }
[[conditions]]
name = "rising"
each = { policy = ["restore_only", "hybrid_verified"], "faults.*.rate" = [0.1, 0.01] }
"""

# (cleaned, restored, dirty) of 100 cycles: of a sweep over which it falls, and of restores alone
FALLING = {
    "rising/hybrid_verified/0.01": (80, 20, 0),
    "rising/hybrid_verified/0.1": (30, 60, 10),
    "rising/restore_only/0.01": (0, 95, 5),
    "rising/restore_only/0.1": (0, 80, 20),
}


def told(name: str, counts: tuple[int, int, int], fired: bool = True) -> list[CycleRecord]:
    """Make the cycles of one condition; who restores says how long it took."""
    words = [w for w, n in zip(("cleaned", "restored", "dirty_known"), counts, strict=True)
             for _ in range(n)]  # fmt: skip
    took = {"cleaned": {}, "restored": {"restore": 1.0}, "dirty_known": {"restore": 9.0}}
    more: dict[str, Any] = {"condition": name, "faults": (struck("timeout", fired=fired),)}
    if "restore_only" in name:
        more["cleanup_ok"] = None
    return [cycle(n, word, timings_ms=took[word], **more) for n, word in enumerate(words)]


def summary_of(
    folder: Path, text: str, counts: dict[str, tuple[int, int, int]], silent: str = ""
) -> dict[str, Any]:
    """Load an experiment, store such cycles as its run, and summarise that."""
    folder.joinpath("e.toml").write_text(text)
    conditions = load(folder / "e.toml").to_json()["conditions"]
    records = [one for name, n in counts.items() for one in told(name, n, name != silent)]
    return summarise(make_run(folder / "run", records, conditions=conditions))


def test_a_series_for_each_value_of_the_other_axis(tmp_path: Path) -> None:
    """Points in ascending order of the rate, with the shares of the conditions they are."""
    summary = summary_of(tmp_path, SWEPT, FALLING)
    restoring, hybrid = summary["curves"]
    assert [c["series"] for c in (restoring, hybrid)] == [
        {"policy": "restore_only"},
        {"policy": "hybrid_verified"},
    ]
    assert (hybrid["name"], hybrid["key"]) == ("rising", "faults.*.rate")
    assert hybrid["label"] == "fault rate of each slot"
    measured = {one["name"]: one["reliability"] for one in summary["conditions"]}
    for point, x in zip(hybrid["points"], (0.01, 0.1), strict=True):
        assert (point["x"], point["condition"]) == (x, f"rising/hybrid_verified/{x}")
        shares = measured[point["condition"]]
        assert (point["reliability"], point["lower"], point["upper"]) == (
            shares["estimate"], shares["lower"], shares["upper"],
        )  # fmt: skip
    assert [(p["cycles"], p["failures"]) for p in hybrid["points"]] == [(100, 0), (100, 10)]
    assert hybrid["left_out"] == []
    json.dumps(summary["curves"], allow_nan=False)


def test_independence_predicts_from_where_every_cycle_restores(tmp_path: Path) -> None:
    """1 - P(cleanup failed) P(restore failed), at the same rate; nothing where no cleanup is."""
    restoring, hybrid = summary_of(tmp_path, SWEPT, FALLING)["curves"]
    low, high = hybrid["points"]
    assert low["predicted"] == pytest.approx(1 - 0.2 * 0.05)
    assert high["predicted"] == pytest.approx(1 - 0.7 * 0.2)
    for point in (low, high):
        assert point["predicted_lower"] < point["predicted"] < point["predicted_upper"] < 1
    assert [point["predicted"] for point in restoring["points"]] == [None, None]


def upper_end(failed: int, tried: int, error: float) -> float:
    """Give the upper end of the Clopper-Pearson interval, straight from its definition."""
    return float(beta.ppf(1 - error / 2, failed + 1, tried - failed))


def test_the_prediction_by_hand(tmp_path: Path) -> None:
    """20 of 100 cleanups, 5 of 100 restores, no backup refused: ends at a third of the error."""
    low = summary_of(tmp_path, SWEPT, FALLING)["curves"][1]["points"][0]
    assert low["predicted"] == pytest.approx(0.99)
    error = 0.05 / 3
    worst = upper_end(20, 100, error) * upper_end(5, 100, error)
    best = (1 - upper_end(80, 100, error)) * (1 - upper_end(95, 100, error))
    assert low["predicted_lower"] == pytest.approx((1 - upper_end(0, 100, error)) * (1 - worst))
    assert low["predicted_upper"] == pytest.approx(1 - best)
    assert [round(low[f"predicted_{end}"], 4) for end in ("lower", "upper")] == [0.915, 0.9986]


def test_restores_forced_in_its_own_cycles_predict_better(tmp_path: Path) -> None:
    """What the condition's own shadow restores predict comes first, refusals as measured."""
    summary = summary_of(tmp_path, SWEPT, FALLING)
    settings = json.loads((tmp_path / "run/run.json").read_text())["experiment"]["conditions"]
    cells = {"both": 4, "cleanup_only": 16, "restore_only": 2, "neither": 58}
    own = {
        "predicted": {"estimate": 0.9}, "cells": cells, "share": 1.0, "untried": 0, "unseen": 7
    }  # fmt: skip
    counts = {"together": {"recovery_only": 10}, "dependence": own}
    measured = [one | counts for one in summary["conditions"]]
    point = curves(settings, measured, 0.95, {})[1]["points"][0]
    expected = from_forced_restores(Table(**cells), Count(10, 100), Count(7, 100))
    assert [point[f"predicted{end}"] for end in ("", "_lower", "_upper")] == list(expected[:3])


def test_what_ended_when_it_was_decided_predicts_without_bounds(tmp_path: Path) -> None:
    """Its counts are no sample of a fixed size, here or where every cycle restores."""
    summary = summary_of(tmp_path, SWEPT, FALLING)
    settings = json.loads((tmp_path / "run/run.json").read_text())["experiment"]["conditions"]
    longer = {"rising/restore_only/0.01": {"cycles": 101}}
    for run, more in (({"looked": True}, {}), ({}, longer)):
        changed = [one | more.get(one["name"], {}) for one in settings]
        point = curves(changed, summary["conditions"], 0.95, run)[1]["points"][0]
        assert point["predicted"] == pytest.approx(0.99)
        assert (point["predicted_lower"], point["predicted_upper"]) == (None, None)


def test_what_is_no_reliability_is_left_out_and_said(tmp_path: Path) -> None:
    """A fault that never fired and a harness error: no point, and nothing shown beyond it."""
    name = "rising/hybrid_verified/0.01"
    hybrid = summary_of(tmp_path, SWEPT, FALLING, silent=name)["curves"][1]
    assert [point["x"] for point in hybrid["points"]] == [0.1]
    why = "harness error: timeout never fired"
    assert hybrid["left_out"] == [{"condition": name, "why": why}]
    assert (hybrid["frontier"]["holds_to"], hybrid["frontier"]["breaks_from"]) == (None, 0.1)

    one, two = ({"name": f"s/{x}", "cycles": 9000, "sweep": {"of": "s", "axes": {"n": x}}}
                for x in (1, 2))  # fmt: skip
    clean = {"cycles": 9000, "outcomes": {"cleaned": 9000, "restored": 0}, "doubts": []}
    shares = {"estimate": 1.0, "lower": 0.999, "upper": 1.0}
    good = [clean | {"name": each["name"], "reliability": shares} for each in (one, two)]
    assert curves([one, two], good, 0.95, {})[0]["frontier"]["holds_to"] == 2
    planted = {"doubts": ["harness error in 1 cycle"]}
    (curve,) = curves([one, two], [good[0] | planted, good[1]], 0.95, {})
    assert curve["left_out"][0]["why"] == "harness error in 1 cycle"
    assert curve["frontier"]["holds_to"] is None


def test_cycles_that_ended_early_are_not_taken_for_a_fixed_number(tmp_path: Path) -> None:
    """As many clean cycles as show it when planned show nothing when more were planned."""
    settings = [
        {"name": f"s/{x}", "cycles": 4500, "sweep": {"of": "s", "axes": {"n": x}}} for x in (1, 2)
    ]
    measured = [
        {"name": f"s/{x}", "cycles": 4500, "doubts": [],
         "outcomes": {"cleaned": 4500, "restored": 0},
         "reliability": {"estimate": 1.0, "lower": 0.999, "upper": 1.0}} for x in (1, 2)
    ]  # fmt: skip
    assert curves(settings, measured, 0.95, {})[0]["frontier"]["holds_to"] == 2
    longer = [one | {"cycles": 9000} for one in settings]
    assert curves(longer, measured, 0.95, {})[0]["frontier"]["holds_to"] is None


STRATA = """
[[conditions]]
name = "by number of faults"
faults.timeout.rate = 0.05
strata = { cycles = 100 }
"""


def test_strata_are_no_point_but_are_named(tmp_path: Path) -> None:
    """Their share of failures is of cycles chosen to fail; the condition is named instead."""
    summary = summary_of(tmp_path, SWEPT + STRATA, FALLING | {"by number of faults": (50, 0, 50)})
    restoring, hybrid = summary["curves"]
    assert hybrid["stratified"] == "by number of faults"
    assert restoring["stratified"] is None
    swept = SWEPT.replace("each =", "strata = { cycles = 100 }\neach =")
    tmp_path.joinpath("swept").mkdir()
    assert summary_of(tmp_path / "swept", swept, FALLING)["curves"] == []


@pytest.mark.parametrize(
    ("each", "key", "label"),
    [
        ("policy = ['restore_only', 'hybrid_verified']", None, None),
        ("'faults.*.rate' = [0.1]", None, None),
        ("'workload.size_bytes' = [8192, 16384]", "workload.size_bytes", "workload.size_bytes"),
        ("'busy_timeout_ms' = [1, 2], 'faults.timeout.rate' = [0.1, 0.2]",
         "faults.timeout.rate", "rate of timeout at each slot"),
        ("'causes.*.rate' = [0.1, 0.2]", "causes.*.rate", "rate of each cause in a cycle"),
        ("'causes.disk.rate' = [0.1, 0.2]", "causes.disk.rate",
         "rate of the cause disk in a cycle"),
    ],
)  # fmt: skip
def test_the_axis_to_draw_over(
    tmp_path: Path, each: str, key: str | None, label: str | None
) -> None:
    """Numbers, a rate before other numbers, at least two of them; else there is no curve."""
    text = SWEPT[: SWEPT.index("each")].replace("timeout = {", "timeout = { rate = 0.1,")
    cause = "causes.disk = { rate = 0.1, faults = ['disk_full'] }\n" if "causes" in each else ""
    tmp_path.joinpath("e.toml").write_text(f"{text}{cause}each = {{ {each} }}\n")
    settings = load(tmp_path / "e.toml").to_json()["conditions"]
    records = [
        one | {"cycles": 9, "outcomes": {"cleaned": 9, "restored": 0},
               "reliability": {"estimate": 1.0, "lower": 0.9, "upper": 1.0},
               "doubts": []}
        for one in settings
    ]  # fmt: skip
    found = curves(settings, records, 0.95, {})
    assert {(curve["key"], curve["label"]) for curve in found} == ({(key, label)} if key else set())


def test_the_target_is_what_the_conditions_claim(tmp_path: Path) -> None:
    """A claim on reliability sets it; without one it is 99.9%, and the sentence says which."""
    plain = summary_of(tmp_path, SWEPT, FALLING)["curves"][1]["frontier"]
    assert (plain["target"], plain["confidence"]) == (0.999, 0.95)
    claiming = SWEPT.replace("[[cond", 'claims = ["failures <= 0.5", "data_safety >= 0.9"]\n[[cond')
    tmp_path.joinpath("claiming").mkdir()
    frontier = summary_of(tmp_path / "claiming", claiming, FALLING)["curves"][1]["frontier"]
    assert (frontier["target"], frontier["holds_to"]) == (0.5, 0.1)
    assert frontier["sentence"] == "50% is shown at every fault rate of this sweep, up to 0.1"


def test_runs_without_a_sweep_have_no_curves(tmp_path: Path) -> None:
    """Also those stored before sweeps were noted."""
    assert summarise(make_run(tmp_path / "run", [cycle(0)]))["curves"] == []
    assert curves([{"name": "one"}], [{"name": "one", "cycles": 1}], 0.95, {}) == []


def test_two_conditions_at_one_place_are_one_point() -> None:
    """Two tables of one name and the same axes: the second is left out, and said to be."""
    settings = [
        {"name": name, "cycles": 9, "sweep": {"of": "s", "axes": {"n": x}}}
        for name, x in (("s/1", 1), ("s/2", 2), ("s/1.0", 1.0))
    ]
    measured = [
        {"name": one["name"], "cycles": 9, "outcomes": {"cleaned": 9, "restored": 0}, "doubts": [],
         "reliability": {"estimate": 1.0, "lower": 0.7, "upper": 1.0}} for one in settings
    ]  # fmt: skip
    (curve,) = curves(settings, measured, 0.95, {})
    assert [point["condition"] for point in curve["points"]] == ["s/1", "s/2"]
    assert curve["left_out"] == [{"condition": "s/1.0", "why": "stands where s/1 does"}]
