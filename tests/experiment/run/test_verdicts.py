"""Verdicts on stored cycles: nothing is supported by what is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.analysis import summary
from harness.errors import MeasurementError, UsageError
from harness.experiment.run import verdicts
from harness.experiment.written.configuration import Condition, Experiment, FaultSetting
from harness.faults.schedule.ledger import LedgerEntry
from harness.results.folder import fingerprint
from harness.results.records import CycleRecord
from harness.results.store import Store
from harness.statistics.anytime import anytime
from harness.statistics.digits import percent_interval
from harness.statistics.sequential import decide
from tests.command_line import Call
from tests.stored_runs import cycle, cycles, make_run

CLAIM = "reliability >= 0.9"


def stored(
    folder: Path,
    cycles: dict[int, str],
    *,
    rate: float = 0.0,
    fired: bool = True,
    looked: bool = False,
) -> Path:
    """Store cycles by number and outcome, all that were planned; return the run's folder."""
    condition = Condition(
        name="a",
        claims=(CLAIM,),
        cycles=len(cycles) or 1,
        faults={"noop": FaultSetting(rate=rate)},
    )
    experiment = Experiment(name="x", seed=1, conditions=(condition,))
    run = {"looked": looked, "version": 1, "seed": 1, "fingerprint": fingerprint(experiment)}
    run |= {"configured": experiment.to_json(), "experiment": experiment.to_json()}
    store = Store.create(folder / "run", run)
    entry = LedgerEntry("noop", "cleanup", "delete bots 1", 1, "phase", fired, False, "")
    store.append(
        CycleRecord("a", cycle, outcome, faults=(entry,))  # type: ignore[arg-type]  # a plain text
        for cycle, outcome in cycles.items()
    )
    store.close()
    return folder / "run"


def test_enough_successes_support(folder: Path) -> None:
    """The verdict, the cycle that decided, and the interval are all said."""
    (one,) = verdicts.check(stored(folder, dict.fromkeys(range(200), "cleaned")))
    at = decide([False] * 200, 0.9).decided_at
    assert verdicts.exit_code([one]) == 0
    assert f"supported at cycle {at}" in one.sentence()
    assert "0 failures in 200 cycles" in one.sentence()
    assert "e-process" in one.sentence()
    assert "Clopper-Pearson interval [98.1%, 100%] at 95%" in one.sentence()


def test_a_run_that_may_stop_has_the_interval_that_may_be_read_anywhere(folder: Path) -> None:
    """Clopper-Pearson's would miss too often beside a verdict that ended the run."""
    run = stored(folder, dict.fromkeys(range(200), "cleaned"), looked=True)
    (one,) = verdicts.check(run)
    bounds = percent_interval(anytime(200, 200).lower, 1)
    assert f"interval valid at any stopping time {bounds} at 95%" in one.sentence()
    assert "Clopper" not in one.sentence()


@pytest.mark.parametrize(
    ("cycles", "options", "doubt"),
    [
        ({}, {}, "nothing was measured"),
        (dict.fromkeys(range(1, 200), "cleaned"), {}, "cycle 0 is missing"),
        ({n: "cleaned" for n in range(200) if n != 77}, {}, "cycle 77 is missing"),
        (
            dict.fromkeys(range(200), "cleaned") | {5: "harness_error"},
            {},
            "harness error in 1 cycle",
        ),
        (dict.fromkeys(range(200), "cleaned"), {"rate": 0.1, "fired": False}, "never fired"),
    ],
)
def test_what_is_missing_supports_nothing(
    folder: Path, cycles: dict[int, str], options: dict, doubt: str
) -> None:
    """Gaps, harness errors, silent faults and empty runs end with 4, however many successes."""
    (one,) = verdicts.check(stored(folder, cycles, **options))
    assert verdicts.exit_code([one]) == 4
    assert doubt in one.sentence()
    assert "supported" not in one.sentence()


def test_refuted_and_undecided_have_their_own_status(folder: Path) -> None:
    """1 for a claim refuted, 3 for too few cycles; refuted counts more, doubt most."""
    (one,) = verdicts.check(stored(folder, dict.fromkeys(range(30), "dirty_silent")))
    assert verdicts.exit_code([one]) == 1
    run = folder / "run"
    (other,) = verdicts.check(run, claim="data_safety >= 0.999")
    assert verdicts.exit_code([other]) == 3
    assert verdicts.exit_code([other, one]) == 1
    assert verdicts.exit_code([other]) == 3
    assert verdicts.exit_code([]) == 0
    (nothing,) = verdicts.check(stored(folder / "2", {}))
    assert verdicts.exit_code([one, nothing, other]) == 4


def test_what_cannot_be_judged_is_a_mistake_of_the_callers(folder: Path) -> None:
    """No such condition, no such confidence, no claim at all."""
    run = stored(folder, {0: "cleaned"})
    with pytest.raises(UsageError, match="no condition is called 'b'"):
        verdicts.check(run, condition="b")
    for nonsense in (95, 0.5, 0, 1, 1e-9, 1 - 1e-12, float("nan")):
        with pytest.raises(UsageError, match=r"--confidence must be more than 0\.5"):
            verdicts.check(run, confidence=nonsense)
    with pytest.raises(UsageError, match="cannot be read"):
        verdicts.check(run, claim="nonsense")
    store = Store.resume(run, Experiment.from_json(Store(run).run["configured"]))
    told = store.run["experiment"]
    told["conditions"][0]["claims"] = []
    store.update_run(experiment=told)
    store.close()
    with pytest.raises(UsageError, match="nothing is claimed here"):
        verdicts.check(run)


@pytest.fixture
def command_line(harness: Call) -> Call:
    """Call the command line, which never prints a traceback."""

    def call(*arguments: object) -> tuple[int, str, str]:
        status, out, error = harness(*arguments)
        assert "Traceback" not in error
        return status, out, error

    return call


def claiming(*claims: str, name: str = "one") -> dict[str, object]:
    """Make a condition that claims this."""
    return {"name": name, "claims": list(claims)}


def test_several_claims_hold_together(folder: Path, command_line: Call) -> None:
    """A line a claim on any measure, each as written and at 98.75%, and a last line that says so.

    The failing restores are refuted, what never took place is not measured, one claim more that
    nothing fails is supported, later than it would be alone.
    """
    records = [
        cycle(n, "restored", timings_ms={"backup": 1.0, "restore": 60.0, "cycle": 70.0})
        for n in range(600)
    ]
    claims = (
        "reliability >= 0.99",
        "silent_leftovers <= 0.01",
        "p99 of restore_ms <= 50",
        "p99.5 of verify_ms <= 5",
    )
    run = make_run(folder / "run", records, conditions=[claiming(*claims)]).folder
    status, out, _ = command_line("check", run)
    at = decide([False] * 600, 0.99, 0.9875).decided_at
    assert at > decide([False] * 600, 0.99).decided_at  # type: ignore[operator]  # both decide
    *each, last = out.splitlines()
    assert status == 1
    assert each[0].startswith(f"one: reliability >= 0.99: supported at cycle {at}")
    assert each[1].startswith(f"one: silent_leftovers <= 0.01: supported at cycle {at}")
    assert each[2].startswith("one: p99 of restore_ms <= 50: refuted at cycle")
    assert each[3] == "one: p99.5 of verify_ms <= 5: not measured; no verify was timed"
    assert last == "4 verdicts, each at 98.7%, so that all hold at 95%"


def test_claims_of_all_conditions_are_one_family(folder: Path) -> None:
    """Two conditions with a claim each share the error, also where one is asked for alone."""
    records = [cycle(n, condition=name) for name in ("one", "two") for n in range(60)]
    conditions = [claiming("reliability >= 0.9", name=name) for name in ("one", "two")]
    run = make_run(folder / "run", records, conditions=conditions).folder
    both = verdicts.check(run)
    assert [one.judged["confidence"] for one in both if one.judged] == [0.975, 0.975]
    assert verdicts.lines(both)[-1] == "2 verdicts, each at 97.5%, so that all hold at 95%"
    (alone,) = verdicts.check(run, condition="two")
    assert alone.judged is not None
    assert alone.judged["confidence"] == 0.975
    assert len(verdicts.lines([alone])) == 1
    asked = verdicts.check(run, claim="data_safety >= 0.9", confidence=0.9)
    assert [one.judged["confidence"] for one in asked if one.judged] == [0.95, 0.95]
    assert verdicts.check(run) == verdicts.of_run(summary.Results(run))


@pytest.mark.parametrize(
    ("outcomes", "claim", "status", "said"),
    [
        ([], "reliability >= 0.5", 4, "not measured; nothing was measured"),
        ([], "backup_same_size >= 0.5", 4, "not measured; nothing was measured"),
        (["harness_error"] * 50, "data_safety >= 0.5", 4, "harness error in 50 cycles"),
        (["cleaned"] * 50, "restored_clean >= 0.5", 3, "not measured; no cycle restored"),
        (["cleaned"] * 50, "p50 of restore_ms <= 5", 3, "not measured; no restore was timed"),
        (["cleaned"] * 50, "p50 of cleanup_ms <= 5", 0, "supported at cycle"),
        (["restored"] * 50, "p50 of cleanup_ms <= 5", 1, "refuted at cycle"),
        (["cleaned"] * 50, "no_restore >= 0.999", 3, "if nothing else fails"),
    ],
)
def test_nothing_is_supported_by_absence(
    folder: Path, outcomes: Sequence[str], claim: str, status: int, said: str
) -> None:
    """Nothing measured at all is 4, a measure without trials in a good run 3, each with why."""
    run = make_run(folder / "run", cycles(outcomes), conditions=[claiming(claim)]).folder
    (one,) = verdicts.check(run)
    assert verdicts.exit_code([one]) == status
    assert said in one.sentence()
    assert (": supported" in one.sentence()) == (status == 0)


def test_a_condition_that_did_not_run_takes_the_success_of_none(
    folder: Path, command_line: Call
) -> None:
    """One condition that is supported beside one without cycles ends with 4."""
    conditions = [claiming("reliability >= 0.5", name=name) for name in ("one", "two")]
    run = make_run(folder / "run", cycles(["cleaned"] * 50), conditions=conditions).folder
    status, out, _ = command_line("check", run)
    assert status == 4
    assert "two: reliability >= 0.5: not measured; nothing was measured" in out


@pytest.mark.parametrize("name", ["run.json", "summary.json"])
def test_a_newer_version_is_named(folder: Path, name: str, command_line: Call) -> None:
    """A run that a newer harness wrote is refused with what to do, by check and by report."""
    results = make_run(folder / "run", cycles(["cleaned"] * 50), conditions=[claiming(CLAIM)])
    summary.write(results)
    path = results.folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 2}))
    verb = "check" if name == "run.json" else "report"
    status, _, error = command_line(verb, results.folder)
    assert status == 2
    assert f"{path}: written by version 2 of the format; this harness reads 1; upgrade" in error


def test_damaged_files_are_named(folder: Path, command_line: Call) -> None:
    """What is damaged is the instrument's fault, a wrong folder the caller's.

    A damaged summary takes nothing from a verdict, which is computed from the cycles.
    """
    results = make_run(folder / "run", cycles(["cleaned"] * 50), conditions=[claiming(CLAIM)])
    run = results.folder
    summary.write(results)
    (run / "summary.json").write_text('{"version": 1, "cond')
    status, out, _ = command_line("check", run)
    assert (status, "supported at cycle" in out) == (0, True)
    status, _, error = command_line("report", run)
    assert (status, "summary.json: cannot be read" in error) == (4, True)
    (run / "cycles.parquet").unlink()
    (run / "cycles.sqlite").write_bytes(b"no database" * 1000)
    status, out, error = command_line("check", run)
    assert (status, out) == (4, "")
    assert "cycles.sqlite: cannot be read" in error
    (run / "run.json").write_text("{")
    status, _, error = command_line("check", run)
    assert (status, "run.json: cannot be read" in error) == (4, True)
    status, _, error = command_line("check", folder)
    assert (status, "is not a run's folder" in error) == (2, True)


def test_a_run_json_without_an_experiment_is_named(folder: Path) -> None:
    """JSON of this version that no run wrote is no run without claims."""
    run = make_run(folder / "run", cycles(["cleaned"])).folder
    for content in ({}, {"experiment": []}, {"experiment": {"conditions": [1]}}):
        (run / "run.json").write_text(json.dumps({"version": 1} | content))
        with pytest.raises(MeasurementError, match="holds no experiment"):
            verdicts.check(run)
    conditions = [claiming(CLAIM)]
    told = {"version": 1, "experiment": {"conditions": conditions, "confidence": "high"}}
    (run / "run.json").write_text(json.dumps(told))
    with pytest.raises(MeasurementError, match=r"run\.json: .*confidence: must be .* not 'high'"):
        verdicts.check(run)


def test_a_published_run_is_judged_the_same(folder: Path, command_line: Call) -> None:
    """Without its database, a run with cycles.parquet gives the same lines and status."""
    outcomes = ["cleaned"] * 300 + ["restored"] * 5 + ["dirty_silent"]
    conditions = [claiming("reliability >= 0.9", "no_restore >= 0.999", "p90 of cycle_ms <= 20")]
    results = make_run(folder / "run", cycles(outcomes), conditions=conditions)
    before = verdicts.check(results.folder)
    summary.write(results)
    (results.folder / "cycles.sqlite").unlink()
    assert verdicts.check(results.folder) == before
    status, out, _ = command_line("check", results.folder)
    assert status == verdicts.exit_code(before)
    assert out.splitlines() == verdicts.lines(before)


def test_an_empty_claim_is_not_the_runs_own(folder: Path, command_line: Call) -> None:
    """--claim "" (a variable that was never set) is refused, not taken for the run's claims."""
    run = make_run(folder / "run", cycles(["cleaned"] * 50), conditions=[claiming(CLAIM)]).folder
    status, _, error = command_line("check", run, "--claim", "")
    assert status == 2
    assert "claim '' cannot be read" in error
