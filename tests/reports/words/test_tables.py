import re
import shlex
from pathlib import Path

from harness.analysis.summary import load
from harness.reports.words.tables import Table, explained, read
from tests.stored_runs import cycles, make_run


def test_every_row_of_the_summary_is_in_the_table(run: Path) -> None:
    """The claims table has each evaluated row, in order, with its verdict."""
    rows = load(run).summary["rows"]
    table = read(run).claims
    assert [row[0] for row in table.rows] == [row["claim"] for row in rows]
    verdicts = table.headings.index("verdict")
    assert [row[verdicts] for row in table.rows] == [
        "supported", "refuted", "set point", "not measured",
    ]  # fmt: skip


def test_conditions_say_outcomes_and_both_grades(run: Path) -> None:
    """Counts that are not 0, and how many cycles came back to the sequence, stand together."""
    table = read(run).conditions
    outcomes = table.headings.index("outcomes")
    assert [row[outcomes] for row in table.rows] == [
        "5,000 cleaned (exact 0)", "40 cleaned, 40 dirty without a word (exact 0)", "-",
    ]  # fmt: skip


def test_faults_are_counted(run: Path) -> None:
    """What struck is planned, fired, surfaced and masked, by condition and kind."""
    assert list(read(run).faults.rows) == [("good", "timeout", "5,000", "5,000", "5,000", "0")]


def test_a_failure_has_the_command_that_replays_it(run: Path) -> None:
    """Forty that are alike are one, and the command, as a shell reads it, names the first."""
    (row,) = read(run).failures.rows
    assert "40 cycles" in row[2]
    assert shlex.split(row[-1]) == [
        "harness", "replay", str(run), "--condition", row[0], "--cycle", "1",
    ]  # fmt: skip


def test_only_steps_that_took_place_have_timings(run: Path) -> None:
    """A step without a timing has no line."""
    steps = {row[1] for row in read(run).timings.rows}
    assert steps == {"backup", "cleanup", "cycle"}


def test_whose_time_a_figure_is_stands_beside_it(folder: Path) -> None:
    """Wall-clock time and the processor's are named; a run that kept only the first has no column.

    The figures are the ones that were stored: medians of 2 ms on the wall, of 0.5 ms computed.
    """
    records = cycles(["cleaned"] * 3, timings_ms={"cleanup": 2.0, "cycle": 9.0})
    older = read(make_run(folder / "older", records).folder).timings
    assert older.headings == ("condition", "step", "p50", "p95", "p99", "max", "count")
    assert older.about == "Wall-clock time, which holds what other programs did meanwhile."
    for record in records:
        record.cpu_ms = {"cleanup": 0.5}
    timings = read(make_run(folder / "newer", records).folder).timings
    assert timings.headings[-2:] == ("CPU p50", "count")
    assert timings.about.endswith("CPU p50: what the processor computed of it.")
    assert [(row[1], row[2], row[-2]) for row in timings.rows] == [
        ("cleanup", "2.00 ms", "0.50 ms"), ("cycle", "9.00 ms", "-"),
    ]  # fmt: skip


def test_facts_say_what_it_ran_on(run: Path) -> None:
    """Cycles, machine and versions are there; what run.json does not say is left out."""
    facts = dict(read(run).facts)
    assert facts["cycles"] == "5,080 in 3 conditions"
    assert facts["machine"] == "cpu A & B <C>, cores 2"
    assert "revision" not in facts


def test_no_verdict_is_made_up(run: Path) -> None:
    """A condition without cycles shows no share at all."""
    table = read(run).conditions
    row = dict(zip(table.headings, table.rows[2], strict=True))
    assert row["reliability"] == row["data safety"] == "-"
    assert not re.search(r"supported|refuted", " ".join(row.values()))


def test_a_table_without_a_column() -> None:
    """Taking a column away takes its cells away, and no other."""
    table = Table("t", ("a", "b", "c"), [("1", "2", "3")])
    assert table.without("b") == Table("t", ("a", "c"), [("1", "3")])


def test_rows_judged_at_different_confidences_are_told_so() -> None:
    """One confidence is named, several from the least to the most, and none where none is."""

    def told(*confidences: float | None) -> list[str]:
        return explained([{"verdict": "supported", "confidence": one} for one in confidences])

    assert told(0.95, None) == ["Each verdict is given at 95%, so that all hold together."]
    assert told(0.9958, 0.95) == [
        "Each verdict is given at 95% to 99.58%, as it says, so that all hold together."
    ]
    assert told(None) == []
    (said,) = explained([{"verdict": "not refuted", "confidence": None}])
    assert "at the confidence beside it, each row by itself" in said
