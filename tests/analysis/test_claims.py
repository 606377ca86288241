import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from harness.analysis.claims import MEASURES, VERDICTS, Evidence, evaluate
from harness.outcomes import OUTCOMES
from harness.results.reading import Results
from harness.results.records import CycleRecord
from tests.results.test_reading import MEMORY
from tests.stored_runs import cycle, cycles, make_run, row, struck

SIZE_BYTES = 2_691_072


def evaluated(results: Results, asked: dict[str, Any], **evidence: Any) -> dict[str, Any]:
    """Evaluate a row about a run's condition ``one``."""
    usual = {"demands": "rows", "recoveries": ["file_copy"], "size_bytes": SIZE_BYTES}
    return evaluate(asked, Evidence(results.columns("one"), **(usual | evidence)))


@pytest.fixture
def judged(folder: Path) -> Any:
    """Evaluate a row about these cycles, from a real run's folder."""

    def judge(records: list[CycleRecord], asked: dict[str, Any], **evidence: Any) -> Any:
        return evaluated(make_run(folder / "run", records), asked, **evidence)

    return judge


def test_reliability_is_supported_when_it_is_proven(judged: Any) -> None:
    """3,402 good cycles support 99.9%, with scipy's own Clopper-Pearson interval beside it."""
    said = judged(cycles(["cleaned", "restored"] * 1701), row(at_least=0.999))
    assert said["verdict"] == "supported"
    assert said["estimate"] == said["upper"] == 1
    assert said["lower"] == pytest.approx(beta.ppf(0.025, 3402, 1))
    assert "decided at cycle 3,402" in said["why"]


def test_one_cycle_less_supports_nothing(judged: Any) -> None:
    """3,401 good cycles leave 99.9% undecided."""
    said = judged(cycles(["cleaned"] * 3401), row(at_least=0.999))
    assert said["verdict"] == "undecided"
    assert "too few cycles" in said["why"]


def test_reliability_is_refuted_by_failures(judged: Any) -> None:
    """One dirty cycle in ten refutes 99.9%, and the estimate is the share of good ones."""
    said = judged(cycles((["cleaned"] * 9 + ["dirty_silent"]) * 30), row(at_least=0.999))
    assert (said["verdict"], said["estimate"]) == ("refuted", 0.9)
    assert said["measured"].startswith("90.0% [")


@pytest.mark.parametrize("at_least", [0.5, 1.0])
def test_a_harness_error_supports_nothing(judged: Any, at_least: float) -> None:
    """One spoiled cycle in 4,000 good ones takes the verdict away, and the row says why."""
    said = judged(cycles(["cleaned"] * 4000 + ["harness_error"]), row(at_least=at_least))
    assert said["verdict"] == "undecided"
    assert "harness error in 1 cycle" in said["why"]
    assert said["estimate"] < 1


@pytest.mark.parametrize("measure", ["reliability", "no_restore"])
@pytest.mark.parametrize("at_least", [0.999, 1.0])
def test_harness_errors_refute_nothing(judged: Any, at_least: float, measure: str) -> None:
    """What the instrument spoiled is no failure of the guard, however often."""
    said = judged(cycles(["harness_error"] * 500), row(measure, at_least=at_least))
    assert said["verdict"] == "undecided"


def test_what_is_refuted_beside_a_harness_error_stays_refuted(judged: Any) -> None:
    """Real failures refute, a harness error among them or not."""
    outcomes = ["harness_error"] + ["dirty_known"] * 100
    assert judged(cycles(outcomes), row(at_least=0.999))["verdict"] == "refuted"


def test_a_fault_that_never_fired_supports_nothing(judged: Any) -> None:
    """Good cycles under a fault that never struck prove nothing about it."""
    said = judged(cycles(["cleaned"] * 4000), row(at_least=0.9), not_fired=["timeout"])
    assert said["verdict"] == "undecided"
    assert "timeout never fired" in said["why"]


@pytest.mark.parametrize("missing", [0, 1, 3999])
def test_a_missing_cycle_supports_nothing(judged: Any, missing: int) -> None:
    """What is missing may be what failed: a gap anywhere takes the verdict away."""
    records = [one for one in cycles(["cleaned"] * 4001) if one.cycle != missing]
    said = judged(records, row(at_least=0.999))
    assert said["verdict"] == "undecided"
    assert f"cycle {missing:,} is missing" in said["why"]


def test_order_is_that_of_cycle_number(judged: Any) -> None:
    """Cycles stored with the failing ones last are judged where their number puts them."""
    records = cycles(["dirty_known"] * 40 + ["cleaned"] * 5000)
    said = judged(records[40:] + records[:40], row(at_least=0.999))
    assert said["verdict"] == "refuted"


def test_a_claim_of_all_is_never_supported(judged: Any) -> None:
    """Without a failure in 2,995 cycles, 100% is not refuted, and the bound proven is said."""
    said = judged(cycles(["cleaned"] * 2995), row("data_safety", at_least=1.0))
    assert said["verdict"] == "not refuted"
    assert said["why"] == "at least 99.900% (95%); 0 failures in 2,995"


def test_a_claim_of_all_is_refuted_by_one(judged: Any) -> None:
    """One lost baseline refutes 100%."""
    said = judged(cycles(["cleaned"] * 5000 + ["baseline_lost"]), row("data_safety", at_least=1.0))
    assert (said["verdict"], said["estimate"]) == ("refuted", 5000 / 5001)


@pytest.mark.parametrize(("good", "words"), [(95, "was solved for"), (50, "interval misses")])
def test_a_set_point_is_never_a_verdict(judged: Any, good: int, words: str) -> None:
    """A rate solved for supports nothing, and a run that missed its target says so."""
    outcomes = (["cleaned"] * good + ["dirty_known"] * (100 - good)) * 20
    said = judged(cycles(outcomes), row(at_least=0.95, set_point=True))
    assert said["verdict"] == "set point"
    assert words in said["why"]


def test_a_set_point_says_that_the_instrument_failed(judged: Any) -> None:
    """A harness error is named in a row that has no verdict as well."""
    records = cycles(["cleaned"] * 19 + ["harness_error"])
    assert "harness error" in judged(records, row(set_point=True, at_least=0.95))["why"]


@pytest.mark.parametrize("set_point", [True, False])
def test_what_did_not_run_is_not_measured(judged: Any, set_point: bool) -> None:
    """A condition without cycles has no figures and no verdict, a set point or not."""
    asked = row(at_least=0.9, set_point=set_point)
    for said in (judged([], asked), evaluate(asked, None)):
        assert said["verdict"] == "not measured"
        assert said["estimate"] is said["lower"] is said["upper"] is None


def test_an_unknown_measure_is_not_measured(judged: Any) -> None:
    """A measure that nobody knows measures nothing, and the known ones are named."""
    said = judged(cycles(["cleaned"]), row("happiness", at_least=0.1))
    assert said["verdict"] == "not measured"
    assert "data_safety" in said["why"]


def test_without_a_figure_there_is_no_verdict(judged: Any) -> None:
    """A row that claims no figure is shown and stays open."""
    said = judged(cycles(["cleaned"] * 5000), row())
    assert (said["verdict"], said["confidence"]) == ("no claim", None)


MIXED = [
    cycle(0),
    cycle(1, "restored"),
    cycle(2, "restored", restored_by="online_backup"),
    cycle(3, "dirty_silent", restored_by="file_copy"),  # restored, it said, and was not
    cycle(4, "dirty_silent", cleanup_ok=True, left_behind=1),
    cycle(5, "dirty_known", cleanup_ok=None),
    cycle(6, "dirty_known", cleanup_ok=False, rows=True),  # it said failed, and all was gone
    cycle(7, "baseline_lost"),
]


@pytest.mark.parametrize(
    ("measure", "good", "of"),
    [
        ("reliability", 3, 8),
        ("data_safety", 7, 8),
        ("no_restore", 1, 8),
        ("nothing_left_behind", 7, 8),
        ("restored_clean", 2, 3),
        ("cleanup_reports_truth", 5, 7),
    ],
)
def test_each_measure_counts_what_it_says(judged: Any, measure: str, good: int, of: int) -> None:
    """The shares of eight cycles, counted by hand."""
    said = judged(MIXED, row(measure, at_least=0.5))
    assert said["estimate"] == pytest.approx(good / of)


def test_a_restore_never_needed_proves_nothing_of_restores(judged: Any) -> None:
    """The state after a restore is not measured by cycles that restored nothing."""
    said = judged(cycles(["cleaned"] * 5000), row("restored_clean", at_least=0.98))
    assert said["verdict"] == "not measured"


def test_cleanup_word_is_not_measured_without_cleanup(judged: Any) -> None:
    """No cleanup, no word of it to compare."""
    records = cycles(["restored"] * 10, cleanup_ok=None)
    said = judged(records, row("cleanup_reports_truth", at_least=0.5))
    assert said["verdict"] == "not measured"


def test_backups_under_a_second(judged: Any) -> None:
    """A backup of exactly one second is not under it; p50, p99 and max stand beside the share."""
    records = [cycle(n, timings_ms={"backup": 1000.0 if n == 9 else 1.5}) for n in range(10)]
    said = judged(records, row("backup_under_1s", at_least=1.0))
    assert (said["verdict"], said["estimate"]) == ("refuted", 0.9)
    assert said["measured"].startswith("p50 1.50 ms, p99 1.00 s, max 1.00 s; 90.0%")


def test_a_backup_that_was_not_timed_is_not_under_a_second(judged: Any) -> None:
    """4,000 quick backups support 99%; one that nobody timed takes it away; none is no measure."""
    asked = row("backup_under_1s", at_least=0.99)
    quick = cycles(["cleaned"] * 4000)
    assert judged(quick, asked)["verdict"] == "supported"


@pytest.mark.parametrize(("timed", "verdict"), [(4000, "undecided"), (0, "not measured")])
def test_missing_timings_support_nothing(judged: Any, timed: int, verdict: str) -> None:
    """A timing that is not there is no quick one."""
    records = [cycle(n, timings_ms={"backup": 1.0} if n < timed else {}) for n in range(timed + 1)]
    assert judged(records, row("backup_under_1s", at_least=0.99))["verdict"] == verdict


def test_backup_size_to_the_byte(judged: Any) -> None:
    """One backup a byte short refutes "same size", and the sizes are shown."""
    sizes = [SIZE_BYTES, SIZE_BYTES, SIZE_BYTES - 1]
    records = [cycle(n, backup_bytes=size) for n, size in enumerate(sizes)]
    said = judged(records, row("backup_same_size", at_least=1.0))
    assert said["verdict"] == "refuted"
    assert "2,691,071 to 2,691,072 bytes against 2,691,072" in said["measured"]


@pytest.mark.parametrize("evidence", [{"recoveries": ["wal_pin"]}, {"size_bytes": None}])
def test_no_copy_has_no_size(judged: Any, evidence: dict[str, Any]) -> None:
    """A recovery without a second file is not measured, not of the same size."""
    records = cycles(["cleaned"] * 10, backup_bytes=0)
    said = judged(records, row("backup_same_size", at_least=0.5), **evidence)
    assert said["verdict"] == "not measured"


def test_a_copy_of_no_bytes_is_refuted(judged: Any) -> None:
    """An empty backup of a copying recovery is of another size, not unmeasured."""
    records = cycles(["cleaned"] * 10, backup_bytes=0)
    assert judged(records, row("backup_same_size", at_least=1.0))["verdict"] == "refuted"


@pytest.mark.parametrize(
    ("payload_bytes", "claimed", "verdict"),
    [
        ([640, 655, 670], "661 bytes added", "refuted"),
        ([640, 661, 670], "661 bytes added", "not refuted"),
        ([661, 661, 661], "661 bytes added", "not refuted"),
        ([1661, 1661, 1661], "1,661 bytes", "not refuted"),
        ([640, 655, 670], "a few bytes", "no claim"),
        ([0, 0, 0], "0 bytes", "not measured"),
    ],
)
def test_bytes_added(judged: Any, payload_bytes: list[int], claimed: str, verdict: str) -> None:
    """A figure to the byte is refuted when no cycle shows it, and never supported."""
    records = [
        cycle(n, payload_bytes=size, grown_bytes=4096 * n) for n, size in enumerate(payload_bytes)
    ]
    said = judged(records, row("bytes_added", claimed=claimed))
    assert said["verdict"] == verdict
    if verdict != "not measured":
        median = sorted(payload_bytes)[1]
        assert f"payload {median:,} bytes, file +0 to 8,192 bytes" in said["measured"]


def test_a_note_is_printed_with_the_reason(judged: Any) -> None:
    """What the experiment's author wrote beside a row is kept."""
    said = judged(cycles(["cleaned"]), row(at_least=0.9, note="with its retries"))
    assert said["why"].endswith("; with its retries")
    elsewhere = evaluate(row(condition="", note="see another experiment"), None)
    assert elsewhere["verdict"] == "not measured"
    assert elsewhere["why"].endswith("; see another experiment")


runs = st.lists(
    st.tuples(st.sampled_from(OUTCOMES), st.booleans(), st.integers(0, 1200)), max_size=30
)


@settings(max_examples=30, deadline=None)
@given(runs, st.sampled_from(sorted(MEASURES)), st.sampled_from([None, 0.01, 0.5, 1.0]))
def test_no_doubt_is_ever_supported(
    made: list[tuple[Any, bool, int]], measure: str, at_least: float | None
) -> None:
    """Whatever happened: with an error, an unfired fault, or a gap, nothing is supported."""
    records = [
        cycle(
            number,
            outcome,
            restored_by="file_copy" if flag else None,
            faults=(struck("timeout", fired=flag),),
            timings_ms={"backup": float(ms)} if flag else {},
        )
        for number, (outcome, flag, ms) in enumerate(made)
    ]
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        results = make_run(Path(folder) / "run", records)
        said = evaluated(results, row(measure, at_least=at_least, claimed="661"))
        doubted = evaluated(
            results, row(measure, at_least=at_least, claimed="661"), not_fired=["timeout"]
        )
    assert said["verdict"] in VERDICTS
    assert doubted["verdict"] != "supported"
    if at_least is None or not made or any(outcome == "harness_error" for outcome, *_ in made):
        assert said["verdict"] != "supported"
    if said["estimate"] is not None:
        assert 0 <= said["lower"] <= said["estimate"] <= said["upper"] <= 1
