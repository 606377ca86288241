import json
import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from scipy.stats import beta

from harness import registry
from harness.analysis.claims import MEASURES
from harness.analysis.summary import load, read_summary, summarise, write
from harness.errors import MeasurementError, UsageError
from harness.experiment.run import verdicts
from harness.outcomes import OUTCOMES, TIMINGS
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.results.store import Store
from tests.stored_runs import cycle, cycles, make_run, row, struck, unsealed

CLAIMED = {"name": "one", "claims": ["reliability >= 0.999"]}


def one_of(results: Results) -> dict[str, Any]:
    """Summarise a run and return its first condition."""
    found: dict[str, Any] = summarise(results)["conditions"][0]
    return found


def test_every_figure_by_hand(folder: Path) -> None:
    """Counts, shares, intervals, quantiles and faults are those of an independent computation."""
    draw = random.Random(5)  # noqa: S311 - nothing secret
    outcomes = draw.choices(OUTCOMES[:5], weights=[50, 30, 5, 4, 1], k=400)
    faults = [
        tuple(
            struck(draw.choice(["timeout", "io_error"]), fired=draw.random() < 0.7,
                   surfaced=draw.random() < 0.5)
            for _ in range(draw.choice([0, 0, 1, 3]))
        )
        for _ in outcomes
    ]  # fmt: skip
    times_ms = [draw.randrange(1, 10**6) / 1000 for _ in outcomes]
    records = [
        cycle(n, outcome, faults=faults[n], timings_ms={"cleanup": times_ms[n], "cycle": 10.0})
        for n, outcome in enumerate(outcomes)
    ]
    said = one_of(make_run(folder / "run", records, wall_s_by_condition={"one": 8.0}))
    counts = Counter(outcomes)
    assert (said["name"], said["policy"], said["cycles"]) == ("one", "hybrid_verified", 400)
    assert said["outcomes"] == {outcome: counts[outcome] for outcome in OUTCOMES}
    good = counts["cleaned"] + counts["restored"]
    assert said["reliability"] == pytest.approx(
        {
            "estimate": good / 400,
            "lower": beta.ppf(0.025, good, 401 - good),
            "upper": beta.ppf(0.975, good + 1, 400 - good),
            "confidence": 0.95,
            "method": "clopper_pearson",
        }
    )
    assert said["data_safety"]["estimate"] == 1 - counts["baseline_lost"] / 400
    assert said["clean"] == {"demands": "rows", "rows": good, "exact": counts["restored"]}
    ordered = sorted(times_ms)
    assert said["timings_ms"]["cleanup"] == {
        "p50": ordered[199], "p95": ordered[379], "p99": ordered[395], "max": ordered[-1],
        "count": 400,
    }  # fmt: skip
    for kind in ("timeout", "io_error"):
        mine = [entry for cycle_faults in faults for entry in cycle_faults if entry.kind == kind]
        assert said["faults"][kind] == {
            "planned": len(mine),
            "fired": sum(e.fired for e in mine),
            "surfaced": sum(e.fired and e.surfaced for e in mine),
            "masked": sum(e.fired and not e.surfaced for e in mine),
        }
    assert said["cycles_per_second"] == 50


def test_what_was_not_timed_is_unknown(folder: Path) -> None:
    """A step that never took place has no quantiles and a count of 0, in valid JSON."""
    results = make_run(folder / "run", cycles(["cleaned"] * 3, timings_ms={}))
    said = one_of(results)
    assert set(said["timings_ms"]) == set(said["cpu_ms"]) == set(TIMINGS)
    for figures in said["timings_ms"].values():
        assert figures == {"p50": None, "p95": None, "p99": None, "max": None, "count": 0}
    assert said["cycles_per_second"] is None
    json.dumps(said, allow_nan=False)


def test_the_processors_time_has_the_same_shape(folder: Path) -> None:
    """Three cycles that computed 1, 2 and 4 ms: their quantiles beside those of the wall."""
    records = cycles(["cleaned"] * 3)
    for record, ms in zip(records, (4.0, 1.0, 2.0), strict=True):
        record.cpu_ms = {"cycle": ms}
    said = one_of(make_run(folder / "run", records))
    assert said["cpu_ms"]["cycle"] == {"p50": 2.0, "p95": 4.0, "p99": 4.0, "max": 4.0, "count": 3}
    assert said["cpu_ms"]["backup"]["count"] == 0
    assert said["timings_ms"]["cycle"]["p50"] == 10.0


def test_without_wall_time_the_speed_is_one_workers(folder: Path) -> None:
    """100 cycles of 10 ms are 100 a second."""
    assert one_of(make_run(folder / "run", cycles(["cleaned"] * 100)))["cycles_per_second"] == 100


def test_an_empty_run_supports_nothing(folder: Path) -> None:
    """No cycle: no estimate, an open interval, no support for the condition or the row."""
    results = make_run(folder / "run", conditions=[CLAIMED], rows=[row(at_least=0.5)])
    summary = write(results)
    said = summary["conditions"][0]
    assert said["reliability"]["estimate"] is None
    assert (said["reliability"]["lower"], said["reliability"]["upper"]) == (0, 1)
    assert (said["verdict"], said["decided_at_cycle"]) == ("undecided", None)
    assert summary["rows"][0]["verdict"] == "not measured"


def test_a_condition_is_supported_where_it_is_decided(folder: Path) -> None:
    """The claim in the experiment's own words, its verdict, and the cycle that decided."""
    results = make_run(folder / "run", cycles(["cleaned"] * 4000), conditions=[CLAIMED])
    said = one_of(results)
    assert said["claimed"] == "reliability >= 0.999"
    assert (said["verdict"], said["decided_at_cycle"]) == ("supported", 3402)


@pytest.mark.parametrize(
    ("records", "condition"),
    [
        (cycles(["cleaned"] * 4000 + ["harness_error"]), {}),
        (cycles(["cleaned"] * 4001)[1:], {}),
        (cycles(["cleaned"] * 7)[:1] + cycles(["cleaned"] * 4001)[2:], {}),
        (cycles(["cleaned"] * 4000), {"faults": {"permission": {"rate": 0.01}}}),
        (
            cycles(["cleaned"] * 4000, faults=(struck("permission", fired=False),)),
            {"faults": {"permission": {"rate": 0.01}}},
        ),
    ],
    ids=["harness error", "no first cycle", "a gap", "never planned", "never fired"],
)
def test_planted_defects_support_nothing(
    folder: Path, records: list[CycleRecord], condition: dict[str, Any]
) -> None:
    """4,000 good cycles with one defect of the instrument leave condition and row undecided."""
    summary = summarise(
        make_run(
            folder / "run", records, conditions=[CLAIMED | condition], rows=[row(at_least=0.999)]
        )
    )
    assert summary["conditions"][0]["verdict"] == "undecided"
    assert summary["rows"][0]["verdict"] == "undecided"


def test_a_fault_at_rate_0_need_not_fire(folder: Path) -> None:
    """A fault whose rate is 0 is no harness error when it never struck."""
    condition = CLAIMED | {"faults": {"permission": {"rate": 0.0}}}
    results = make_run(folder / "run", cycles(["cleaned"] * 4000), conditions=[condition])
    said = one_of(results)
    assert said["verdict"] == "supported"
    assert said["faults"] == {
        "permission": dict.fromkeys(("planned", "fired", "surfaced", "masked"), 0)
    }


@pytest.mark.parametrize(
    ("second", "lost", "verdict", "decided_at"),
    [
        ("data_safety >= 0.999", 0, "supported", 4142),
        ("data_safety >= 0.999", 50, "refuted", None),
        ("data_safety >= 0.99999", 0, "undecided", None),
    ],
)
def test_all_claims_must_hold(
    folder: Path, second: str, lost: int, verdict: str, decided_at: int | None
) -> None:
    """One refuted claim refutes the condition, one undecided leaves it so."""
    records = cycles(["baseline_lost"] * lost + ["cleaned"] * 5000)
    condition = {"name": "one", "claims": ["reliability >= 0.9", second]}
    said = one_of(make_run(folder / "run", records, conditions=[condition]))
    assert said["claimed"] == f"reliability >= 0.9 and {second}"
    assert said["verdict"] == verdict
    if decided_at:
        assert said["decided_at_cycle"] == decided_at


def test_a_row_claims_for_its_condition(folder: Path) -> None:
    """A condition without a claim of its own is judged by its row, but not by a set point."""
    records = cycles(["cleaned"] * 4000)
    real = make_run(folder / "real", records, rows=[row(at_least=0.999)])
    assert one_of(real)["claimed"] == "reliability >= 0.999"
    assert one_of(real)["verdict"] == "supported"
    solved = make_run(folder / "solved", records, rows=[row(at_least=0.95, set_point=True)])
    assert one_of(solved)["claimed"] is one_of(solved)["verdict"] is None


def test_only_set_points_support_nothing(folder: Path) -> None:
    """A table of set points holds no verdict that reads as a success."""
    rows = [row(at_least=0.5, set_point=True)] * 3
    summary = summarise(make_run(folder / "run", cycles(["cleaned"] * 4000), rows=rows))
    assert {one["verdict"] for one in summary["rows"]} == {"set point"}


def test_a_row_of_a_condition_that_is_not_there(folder: Path) -> None:
    """A row about another condition is not measured, and no other condition stands in for it."""
    rows = [row(at_least=0.5, condition="two")]
    conditions = [{"name": "one"}, {"name": "two"}]
    summary = summarise(
        make_run(folder / "run", cycles(["cleaned"] * 4000), conditions=conditions, rows=rows)
    )
    assert summary["rows"][0]["verdict"] == "not measured"
    assert [one["cycles"] for one in summary["conditions"]] == [4000, 0]


def test_the_worst_cycles_are_named(folder: Path) -> None:
    """Lost baselines first, then silent failures, then harness errors; no more than five."""
    outcomes = ["cleaned", "harness_error", "dirty_silent", "dirty_known", "baseline_lost"]
    results = make_run(folder / "run", cycles(outcomes * 3, detail="x" * 500))
    named = one_of(results)["to_replay"]
    assert [one["outcome"] for one in named] == ["baseline_lost"] * 3 + ["dirty_silent"] * 2
    assert [one["cycle"] for one in named[:2]] == [4, 9]
    assert len(named[0]["detail"]) == 300


def test_cycles_parquet_holds_every_cycle(folder: Path) -> None:
    """The file has typed columns with units in their names, and the very same cycles."""
    conditions = [{"name": "one"}, {"name": "two"}]
    records = cycles(["cleaned", "restored", "dirty_silent"], faults=(struck("timeout"),))
    records += cycles(["cleaned"] * 2, condition="two", cleanup_ok=None, timings_ms={})
    results = make_run(folder / "run", records, conditions=conditions)
    write(results)
    table = pyarrow.parquet.read_table(folder / "run" / "cycles.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["backup_ms"] == types["cycle_ms"] == "double"
    assert types["rows"] == types["cleanup_ok"] == "bool"
    assert types["backup_bytes"] == types["cycle"] == "int64"
    read = table.to_pylist()
    assert len(read) == len(records)
    for row_read, record in zip(read, records, strict=True):
        for name in ("condition", "cycle", "outcome", "rows", "cleanup_ok", "restored_by"):
            assert row_read[name] == getattr(record, name)
        for phase in TIMINGS:
            assert row_read[f"{phase}_ms"] == record.timings_ms.get(phase)
        assert json.loads(row_read["faults"] or "[]") == [list(e) for e in record.faults]


def test_written_is_what_was_computed(folder: Path) -> None:
    """summary.json holds exactly the summary, and nothing half written stays behind."""
    results = make_run(folder / "run", cycles(["cleaned"] * 10), rows=[row(at_least=0.9)])
    summary = write(results)
    assert read_summary(results.folder / "summary.json") == summary
    assert unsealed(summary) == summarise(results)
    assert summary["version"] == 1
    names = {path.name for path in results.folder.iterdir()}
    assert names == {"run.json", "cycles.sqlite", "cycles.parquet", "summary.json"}


def test_what_cannot_be_written_is_said(folder: Path) -> None:
    """A summary that cannot be put in its place is an error that names it."""
    results = make_run(folder / "run", cycles(["cleaned"]))
    (results.folder / "summary.json" / "in the way").mkdir(parents=True)
    with pytest.raises(MeasurementError, match=r"summary\.json"):
        write(results)


def test_a_stale_summary_is_not_believed(folder: Path) -> None:
    """After more cycles were stored, reports are made from all of them."""
    results = make_run(folder / "run", cycles(["cleaned"] * 10))
    write(results)
    assert load(results.folder).summary["conditions"][0]["cycles"] == 10
    store = Store(results.folder, write=True)
    store.append([cycle(10, "dirty_silent")])
    store.close()
    os.utime(results.folder / "cycles.sqlite")
    assert load(results.folder).summary["conditions"][0]["outcomes"]["dirty_silent"] == 1


def test_a_published_run_needs_only_its_json(folder: Path) -> None:
    """Summary or cycles.parquet is enough to read a run; without either it is not read."""
    results = make_run(folder / "run", cycles(["cleaned"] * 10))
    summary = write(results)
    (results.folder / "cycles.sqlite").unlink()
    assert load(results.folder).summary == summary
    (results.folder / "summary.json").unlink()
    assert load(results.folder).summary == unsealed(summary)
    (results.folder / "cycles.parquet").unlink()
    with pytest.raises(UsageError, match=r"cycles\.sqlite"):
        load(results.folder)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', "no json"])
def test_another_versions_summary_is_refused(folder: Path, text: str) -> None:
    """A summary that is not of this version is never half understood."""
    (folder / "summary.json").write_text(text)
    with pytest.raises((MeasurementError, UsageError), match=r"summary\.json"):
        read_summary(folder / "summary.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("strikes", [{"fault": "permission"}]),
        ("causes", {"both": {"rate": 0.01, "faults": ["permission"]}}),
    ],
)
def test_a_strike_or_cause_that_never_fired_supports_nothing(
    folder: Path, key: str, value: Any
) -> None:
    """What a strike or a cause plans is counted, and doubted when it never fired."""
    results = make_run(folder / "run", cycles(["cleaned"] * 4000), conditions=[CLAIMED])
    assert one_of(results)["verdict"] == "supported"
    results.run["experiment"]["conditions"][0][key] = value
    said = one_of(results)
    assert said["verdict"] == "undecided"
    assert said["faults"]["permission"]["planned"] == 0
    struck_once = cycles(["cleaned"] * 4000)
    struck_once[7].faults = (struck("permission"),)
    results = make_run(folder / "fired", struck_once, conditions=[CLAIMED])
    results.run["experiment"]["conditions"][0][key] = value
    assert one_of(results)["verdict"] == "supported"


def test_the_first_story_of_each_condition(folder: Path) -> None:
    """A story stands with its cycle's outcome, demands and known timings, and in valid JSON."""
    records = [cycle(0), cycle(1, "restored", story='{"version":1,"ended":"restored"}')]
    (told,) = summarise(make_run(folder / "run", records))["stories"]
    assert told == {
        "condition": "one", "cycle": 1, "outcome": "restored", "demands": "rows", "cleanup": "sql",
        "backup_bytes": 2_691_072, "timings_ms": {"backup": 1.5, "cleanup": 2.0, "cycle": 10.0},
        "story": {"version": 1, "ended": "restored"},
    }  # fmt: skip
    json.dumps(told, allow_nan=False)


@pytest.mark.long
def test_100_000_cycles_take_seconds(folder: Path) -> None:
    """100,000 cycles, a tenth with faults, are summed up in two seconds of processor time."""
    timings_ms = dict.fromkeys(TIMINGS, 1.25)
    twice = (struck("permission"), struck("timeout"))
    records = [
        cycle(n, "cleaned" if n % 10 else "restored", timings_ms=timings_ms,
              faults=() if n % 10 else twice)
        for n in range(100_000)
    ]  # fmt: skip
    rows = [row(measure, at_least=0.999) for measure in MEASURES]
    results = make_run(folder / "run", records, conditions=[CLAIMED], rows=rows)
    one_of(results)  # what is imported late is imported now
    began_s = time.process_time()
    said = one_of(results)
    assert time.process_time() - began_s < 2
    assert (said["cycles"], said["claims"][0]["verdict"]) == (100_000, "supported")


def test_a_refusal_is_told_apart_everywhere(folder: Path) -> None:
    """Row, claim, verdict, console, page and Markdown say how many failures are refusals."""
    records = cycles(["refused"] * 3 + ["dirty_known"] * 2 + ["cleaned"] * 95)
    conditions = [{"name": "one", "claims": ["reliability >= 0.999", "clean_end >= 0.9"]}]
    run = make_run(folder / "run", records, conditions=conditions, rows=[row(at_least=0.999)])
    summary = summarise(run)
    (one,) = summary["conditions"]
    assert one["outcomes"]["refused"] == 3
    assert one["reliability"]["estimate"] == 0.95
    assert one["clean_end"]["estimate"] == 0.98
    assert [claim["refused"] for claim in one["claims"]] == [3, 0]
    assert "5 failures in 100 (3 of them refused" in summary["rows"][0]["why"]
    told, _ = (verdict.sentence() for verdict in verdicts.of_run(run))
    assert "5 failures (3 of them refused) in 100 cycles" in told
    said = {name: registry.find("reports", name)().render(run.folder)
            for name in ("console", "html", "markdown", "json")}  # fmt: skip
    for text in said.values():
        assert "refused" in text
    assert "98.0%" in said["console"]
    assert "98.0%" in said["markdown"]
    assert "98.0%" in said["html"]
    assert json.loads(said["json"])["conditions"][0]["clean_end"]["estimate"] == 0.98
