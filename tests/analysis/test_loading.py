"""harness.load: a run as tables, each saying what summary.json and the cycles say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.analysis.loading import Run
from harness.analysis.summary import summarise, write
from harness.errors import MeasurementError, UsageError
from harness.outcomes import OUTCOMES
from harness.results.reading import Results
from harness.results.stored_summary import sealed
from harness.statistics.timings import quantile_interval
from tests.analysis.test_curves import FALLING, SWEPT, summary_of
from tests.stored_runs import cycle, cycles, make_run, row, struck, unsealed

RESULTS = Path(__file__).resolve().parents[2] / "results"
PUBLISHED = sorted(path.parent for path in RESULTS.glob("*/cycles.parquet"))
TABLES = ("cycles", "conditions", "timings", "faults", "claims", "rows", "curves")
TWO = ({"name": "one", "claims": ["reliability >= 0.9", "data_safety >= 0.5"]}, {"name": "two"})


def stored(folder: Path) -> Run:
    """Make a run of two conditions, sum it up and load it."""
    made = [
        *cycles(["cleaned"] * 40 + ["dirty_silent", "restored"], faults=(struck("timeout"),)),
        cycle(0, condition="two", faults=(struck("io_error", surfaced=False),)),
    ]
    write(make_run(folder / "run", made, conditions=TWO, rows=[row()]))
    return harness.load(folder / "run")


def test_tables_say_what_the_summary_says(folder: Path) -> None:
    """Every table has a row for each thing the summary tells of, with the same figures."""
    run = stored(folder)
    one, two = run.summary["conditions"]
    assert list(run.conditions["condition"]) == ["one", "two"]
    first = run.conditions.iloc[0]
    assert {name: first[name] for name in OUTCOMES} == one["outcomes"]
    for measure in ("reliability", "data_safety"):
        assert first[measure] == one[measure]["estimate"]
        assert first[f"{measure}_lower"] == one[measure]["lower"]
        assert first[f"{measure}_upper"] == one[measure]["upper"]
    assert first["verdict"] == one["verdict"]
    struck_by = {name: dict(found) for name, found in run.faults.set_index("kind").iterrows()}
    assert struck_by["timeout"] == {"condition": "one"} | one["faults"]["timeout"]
    assert struck_by["io_error"] == {"condition": "two"} | two["faults"]["io_error"]
    assert struck_by["io_error"]["masked"] == 1
    assert [dict(found)["claim"] for _, found in run.claims.iterrows()] == [
        claim["claim"] for claim in one["claims"]
    ]
    assert list(run.rows["claim"]) == ["a claim"]
    assert run.curves.empty
    assert run.dependence == {}


def test_cycles_of_all_conditions_are_one_typed_table(folder: Path) -> None:
    """A row a cycle, conditions in the experiment's order, types fit for grouping and sums."""
    table = stored(folder).cycles
    assert list(table["condition"]) == ["one"] * 42 + ["two"]
    assert list(table["condition"].cat.categories) == ["one", "two"]
    assert list(table["outcome"].cat.categories) == list(OUTCOMES)
    counts = table.groupby("condition", observed=True)["outcome"].value_counts()
    assert counts["one", "cleaned"] == 40
    assert (table["rows"].dtype, table["cleanup_ok"].dtype) == ("bool", "boolean")
    assert table.filter(like="_ms").dtypes.eq("float64").all()
    assert table.filter(like="_bytes").dtypes.eq("int64").all()
    assert table["restored_by"].notna().sum() == 1


def test_cycles_are_the_same_from_either_file(folder: Path) -> None:
    """With only the database, with both, and with only cycles.parquet: the same table."""
    run = stored(folder)
    both = run.cycles
    (run.folder / "cycles.parquet").rename(folder / "aside")
    database = harness.load(run.folder).cycles
    (folder / "aside").rename(run.folder / "cycles.parquet")
    (run.folder / "cycles.sqlite").unlink()
    file = harness.load(run.folder).cycles
    pd.testing.assert_frame_equal(database, both, check_categorical=False)
    pd.testing.assert_frame_equal(file, both, check_categorical=False)


def test_quantiles_have_exact_intervals(folder: Path) -> None:
    """Each quantile lies in its interval, which is the one that harness.statistics gives."""
    made = [cycle(n, timings_ms={"cycle": float(n)}) for n in range(400)]
    write(make_run(folder / "run", made))
    run = harness.load(folder / "run")
    (found,) = (dict(one) for _, one in run.timings.iterrows())  # steps that took place: only one
    assert (found["step"], found["count"], found["max_ms"]) == ("cycle", 400, 399.0)
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        lower, upper = quantile_interval(np.arange(400.0), share, 0.95)
        assert (found[f"{name}_lower_ms"], found[f"{name}_upper_ms"]) == (lower, upper)
        assert lower <= found[f"{name}_ms"] <= upper


def test_what_was_swept_is_columns_and_curves(folder: Path) -> None:
    """Each axis is a column of the conditions; each point of each curve is a row."""
    summary = summary_of(folder, SWEPT, FALLING)
    run = harness.load(folder / "run")
    table = run.conditions.set_index("condition")
    assert set(table["sweep"]) == {"rising"}
    assert table.loc["rising/hybrid_verified/0.1", "faults.*.rate"] == 0.1
    assert table.loc["rising/hybrid_verified/0.1", "policy"] == "hybrid_verified"
    assert table["faults.*.rate"].dtype == "float64"
    points = [point for curve in summary["curves"] for point in curve["points"]]
    assert list(run.curves["reliability"]) == [point["reliability"] for point in points]
    series = ["policy restore_only"] * 2 + ["policy hybrid_verified"] * 2
    assert list(run.curves["series"]) == series
    assert list(run.curves["x"]) == [0.01, 0.1] * 2


def test_tables_without_rows_have_the_same_columns(folder: Path) -> None:
    """A run without claims, curves or cycles has empty tables of the columns of any other."""
    make_run(folder / "run")
    empty, full = harness.load(folder / "run"), stored(folder / "other")
    for name in ("cycles", "claims", "rows", "faults", "timings"):
        table = getattr(empty, name)
        assert table.empty, name
        assert set(table.columns) <= set(getattr(full, name).columns), name
    assert {"curve", "x", "reliability", "predicted"} <= set(empty.curves.columns)
    assert empty.curves["x"].dtype == "float64"
    assert empty.conditions["reliability"].isna().all()


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.name)
def test_published_runs_are_read(path: Path) -> None:
    """Every published run gives every table, and its cycles are those that it counts."""
    run = harness.load(path)
    for name in TABLES:
        assert isinstance(getattr(run, name), pd.DataFrame), name
    assert len(run.cycles) == run.conditions["cycles"].sum() > 0
    by_outcome = run.cycles["outcome"].value_counts()
    assert all(by_outcome[outcome] == run.conditions[outcome].sum() for outcome in OUTCOMES)
    assert "nan" not in run._repr_html_()


def test_an_old_summary_is_computed_anew(folder: Path) -> None:
    """What a summary did not hold when it was written is there, and the stories stay."""
    run = stored(folder)
    path = run.folder / "summary.json"
    summary = json.loads(path.read_text())
    del summary["curves"], summary["conditions"][0]["distributions_ms"]
    older = summary | {"stories": [{"condition": "one"}]}
    path.write_text(json.dumps(sealed(run.folder, older)))
    again = harness.load(run.folder).summary
    assert again == unsealed(run.summary) | {"stories": [{"condition": "one"}]}
    assert json.loads(path.read_text())["stories"] == [{"condition": "one"}]  # nothing is written


def test_a_run_without_its_cycles_still_shows_its_summary(folder: Path) -> None:
    """What was published is shown, timings without intervals; asking for cycles is an error."""
    run = stored(folder)
    for name in ("cycles.sqlite", "cycles.parquet"):
        (run.folder / name).unlink()
    bare = harness.load(run.folder)
    pd.testing.assert_frame_equal(bare.conditions, run.conditions)
    assert list(bare.timings["p50_ms"]) == list(run.timings["p50_ms"])
    assert bare.timings["p50_lower_ms"].isna().all()
    with pytest.raises(UsageError, match=r"cycles\.sqlite and no cycles\.parquet"):
        _ = bare.cycles


def test_what_is_no_run_is_said(folder: Path) -> None:
    """A folder that is none, and one with a damaged file, name the path."""
    with pytest.raises(UsageError, match=r"run\.json"):
        harness.load(folder / "nowhere")
    shutil.copytree(RESULTS / "failure_scenario", folder / "run")
    (folder / "run" / "cycles.parquet").write_bytes(b"PAR1")
    with pytest.raises(MeasurementError, match=r"cycles\.parquet: cannot be read"):
        _ = harness.load(folder / "run").cycles


def test_it_says_what_it_is_in_a_line(folder: Path) -> None:
    """A run shows its name and size, and what it shows in a notebook is escaped."""
    run = stored(folder)
    assert repr(run) == "<Run 'made': 2 conditions, 43 cycles, seed 7>"
    hostile: dict[str, Any] = run.summary | {"experiment": "<script>"}
    page = Run(run.folder, hostile, run.run)._repr_html_()
    assert "<script>" not in page
    assert "43 cycles" in page


def test_the_summary_loaded_is_the_summary_computed(folder: Path) -> None:
    """From a fresh file or anew, the summary is the same."""
    run = stored(folder)
    assert unsealed(run.summary) == json.loads(json.dumps(summarise(Results(run.folder))))
