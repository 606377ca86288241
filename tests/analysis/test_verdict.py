"""One verdict: every way to ask for it gives the same, whatever a run holds."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import registry
from harness.analysis import summary
from harness.analysis.judging import evidence_of
from harness.analysis.verdict import combined, judge, of_run
from harness.errors import UsageError
from harness.experiment.run import verdicts
from harness.experiment.written.claimed import Claim, parse_claim
from harness.outcomes import OUTCOMES, STATUS
from harness.reports.published.readme import readme_table
from harness.reports.words.asked import answer
from harness.results.reading import Results
from harness.results.records import CycleRecord
from harness.statistics.anytime import anytime
from harness.statistics.digits import percent
from harness.statistics.intervals import clopper_pearson
from harness.statistics.sequential import decide, support_boundary
from tests import forked
from tests.results.test_reading import MEMORY
from tests.stored_runs import cycles, make_run, row, struck

GOOD, BAD = ["cleaned"], ["dirty_known"]


def judged(folder: Path, records: list[CycleRecord], claim: Claim | str, each: float = 0.95) -> Any:
    """Judge a claim about stored cycles of the condition ``one``."""
    results = make_run(folder / "run", records)
    evidence = evidence_of(results.conditions[0], results.columns("one"), 0.95)
    return judge(parse_claim(claim) if isinstance(claim, str) else claim, evidence, each)


def restoring(share: float, number: int) -> list[CycleRecord]:
    """Make cycles of which this share, evenly spread, needed no restore."""
    words = ["cleaned" if int((n + 1) * share) > int(n * share) else "restored"
             for n in range(number)]  # fmt: skip
    return cycles(words)


BETWEEN = "no_restore in [0.90, 0.95]"


@pytest.mark.parametrize(
    ("share", "verdict", "sides"),
    [
        (0.925, "supported", ("supported", "supported")),
        (0.99, "refuted", ("supported", "refuted")),
        (0.80, "refuted", ("refuted", "supported")),
    ],
)
def test_two_bounds_are_two_claims(
    folder: Path, share: float, verdict: str, sides: tuple[str, str]
) -> None:
    """Supported only when both are, refuted when one is, each at half of the error."""
    records = restoring(share, 8000)
    found = judged(folder, records, BETWEEN, 0.9)
    failed = np.array([one.outcome != "cleaned" for one in records])
    least, most = decide(failed, 0.90, 0.95), decide(~failed, 0.05, 0.95)
    assert (least.verdict, most.verdict) == sides
    at = [least.decided_at, most.decided_at]
    if verdict == "refuted":
        at = [one.decided_at for one in (least, most) if one.verdict == "refuted"]
    assert (found.verdict, found.decided_at) == (verdict, max(one for one in at if one))
    assert f"; at least 90.0%: {sides[0]} at cycle {least.decided_at:,}" in found.why
    assert f"; at most 95.0%: {sides[1]} at cycle {most.decided_at:,}" in found.why


def test_one_bound_alone_decides_nothing(folder: Path) -> None:
    """At least 90% is supported long before at most 95% can be; no cycle is named for both."""
    found = judged(folder, cycles(GOOD * 40 + ["restored"] * 4), BETWEEN)
    assert (found.verdict, found.next) == ("undecided", None)


def test_a_cycle_is_named_at_the_confidence_of_the_verdict(folder: Path) -> None:
    """One of twelve claims of 99.9% takes 6,026 cycles where nothing fails, not 3,402."""
    found = judged(folder, cycles(GOOD * 50), "reliability >= 0.999", 1 - 0.05 / 12)
    assert found.next == "supported at cycle 6,026 if nothing else fails"
    assert "too few cycles to decide (at 99.58%)" in found.why


@pytest.mark.parametrize(("failures", "number"), [(2, 700), (4, 400), (71, 300)])
def test_no_support_is_promised_where_refutation_is_likelier(
    folder: Path, failures: int, number: int
) -> None:
    """Where more failed than is claimed, the run ends refuted if it goes on like this."""
    share = {700: 0.999, 400: 0.999, 300: 0.8}[number]
    words = BAD * failures + GOOD * (number - failures)
    shuffled = np.random.default_rng(1).permutation(words).tolist()
    found = judged(folder, cycles(shuffled), f"reliability >= {share}", 0.9979)
    assert (found.verdict, found.next) == ("undecided", None)
    assert "more than claimed" in found.why


def test_all_is_refuted_or_not_refuted(folder: Path) -> None:
    """100% takes the first failure to be refuted, and never an undecided word without a doubt."""
    claim = Claim("data_safety", 1.0)
    good = judged(folder / "a", cycles(GOOD * 2995), claim)
    assert (good.verdict, good.next) == ("not refuted", None)
    assert good.why == "at least 99.900% (95%); 0 failures in 2,995"
    bad = judged(folder / "b", cycles([*GOOD * 7, "baseline_lost", *GOOD]), claim)
    assert (bad.verdict, bad.decided_at) == ("refuted", 8)
    spoiled = judged(folder / "c", cycles([*GOOD * 7, "harness_error"]), claim)
    assert (spoiled.verdict, spoiled.doubts) == ("undecided", ("harness error in 1 cycle",))


def test_what_several_come_to() -> None:
    """One refuted refutes; an open one leaves it open; 100% alone is not refuted."""
    assert combined([]) is None
    assert combined(["supported", "not refuted"]) == "supported"
    assert combined(["not refuted"]) == "not refuted"
    assert combined(["supported", "not measured"]) == "undecided"
    assert combined(["supported", "undecided", "refuted"]) == "refuted"
    doubted = {"doubts": ["harness error in 1 cycle"], "claims": []}
    sound = {"doubts": [], "claims": [{"verdict": "refuted"}]}
    assert of_run([sound]) == "refuted"
    assert of_run([sound, doubted]) == "harness error"


# Every way to ask.

words = st.lists(st.sampled_from([*OUTCOMES, *GOOD * 30]), max_size=60) | st.builds(
    lambda word, number, rest: [word] * number + rest,
    st.sampled_from(["cleaned", "restored", "dirty_known"]),
    st.integers(1, 120),
    st.lists(st.sampled_from(OUTCOMES[:3]), max_size=3),
)
bounds = st.sampled_from([{}, {"at_least": 0.5}, {"at_least": 0.9}, {"at_least": 1.0},
                          {"at_least": 0.5, "at_most": 0.9}])  # fmt: skip
rows = st.builds(
    lambda measure, condition, bound, kind: row(
        measure, claimed="661 bytes", condition=condition,
        **({} if measure == "bytes_added" else bound), **kind,
    ),
    st.sampled_from(["reliability", "no_restore", "data_safety", "restored_clean", "bytes_added"]),
    st.sampled_from(["one", "two", ""]),
    bounds,
    st.sampled_from([{}, {}, {"set_point": True}, {"control": True}]),
)  # fmt: skip
claims = st.lists(
    st.sampled_from(
        ["reliability >= 0.9", "no_restore in [0.5, 0.9]", "p90 of backup_ms <= 1000",
         "p50 of restore_ms <= 5", "silent_leftovers <= 0.2"]
    ),
    max_size=2,
)  # fmt: skip


runs = st.tuples(words, words, claims, claims, st.lists(rows, max_size=4), st.booleans())


def made(folder: Path, told: Any) -> tuple[Results, dict[str, Any]]:
    """Store a run of two conditions, with a fault in the second that may never have fired.

    Return it, and its summary as it is stored.
    """
    one, two, own, other, asked, fires = told
    records = cycles(one, condition="one")
    records += cycles(two, condition="two", faults=(struck("timeout", fired=fires),))
    conditions: list[dict[str, Any]] = [
        {"name": "one", "claims": own},
        {"name": "two", "claims": other, "faults": {"timeout": {"rate": 0.5}}},
    ]
    named = [each | {"claim": f"row {number}"} for number, each in enumerate(asked)]
    results = make_run(folder / "run", records, conditions=conditions, rows=named)
    summary.write(results)
    return results, json.loads((results.folder / "summary.json").read_text())


def rendered(name: str, folder: Path) -> str:
    """Render a report."""
    text: str = registry.find("reports", name)().render(folder)
    return text


def checked(folder: Path) -> int | None:
    """Return the status that `check` ends with; None where it finds nothing to judge."""
    try:
        return verdicts.exit_code(verdicts.check(folder))
    except UsageError:
        return None


def status_of_junit(text: str) -> int:
    """Return the status that the JUnit file means: its worst case decides."""
    cases = list(ET.fromstring(text).iter("testcase"))  # noqa: S314 - our own
    if any(case.find("error") is not None for case in cases):
        return 4
    failures = {one.get("type") for case in cases for one in case.iter("failure")}
    return 1 if "refuted" in failures else 3 if failures else 0


def status_of_annotations(text: str) -> int:
    """Return the status that the annotations mean."""
    if "title=harness error%3A" in text or "title=harness error: " in text:
        return 4
    return 1 if "::error" in text else 3 if "::warning" in text else 0


@settings(max_examples=15, deadline=None)
@given(runs)
def test_every_way_to_ask_gives_one_verdict(told: Any) -> None:
    """run, check, summary, page, JUnit, annotations and tables agree, claim by claim."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        results, stored = made(Path(folder), told)
        run = verdicts.of_run(results)
        status = verdicts.exit_code(run)  # what `run` ends with
        by_check = checked(results.folder)
        formats = ("junit", "github", "console", "markdown", "html", "summary", "brief")
        pages = {name: rendered(name, results.folder) for name in formats}
    claimed = any(entry.judged for entry in run)
    assert by_check == (status if claimed or status else None)
    assert status == STATUS.get(stored["verdict"], 0)
    assert status_of_junit(pages["junit"]) == status
    assert status_of_annotations(pages["github"]) == status
    assert f"exit status  {status}: " in pages["brief"]
    kind = answer(stored).kind
    assert kind == {0: "good" if claimed else "", 1: "bad", 3: "open", 4: "bad"}[status]
    # claim by claim: check, summary, and the row that says the same
    entries = {
        (condition["name"], number): entry
        for condition in stored["conditions"]
        for number, entry in enumerate(condition["claims"])
    }
    assert [entry["verdict"] for entry in entries.values()] == [
        entry.judged["verdict"] for entry in run if entry.judged
    ]
    keys = ("verdict", "decided_at_cycle", "next", "estimate", "lower", "upper")
    for row_ in stored["rows"]:
        number = row_["claim_number"]
        if number is None:
            assert row_["verdict"] in ("set point", "control", "no claim", "not measured")
            continue
        entry = entries[row_["condition"], number]
        if row_["verdict"] == "not measured":
            assert entry["verdict"] == "not measured"
            continue
        assert {key: row_[key] for key in keys} == {key: entry[key] for key in keys}
        assert row_["confidence"] == entry["confidence"]
        assert entry["why"] in row_["why"]
    shown = readme_table(stored) if stored["rows"] else ""
    for row_ in stored["rows"]:
        line = next(at for at in shown.splitlines() if at.startswith(f"| {row_['claim']} |"))
        assert f"| {row_['verdict']} |" in line
        assert f"| {row_['verdict']} |" in next(
            at for at in pages["markdown"].splitlines() if at.startswith(f"| {row_['claim']} |")
        )
        assert re.search(rf"{row_['claim']}\b", pages["console"])
        assert f'badge {row_["verdict"].replace(" ", "-")}"' in pages["html"]


@settings(max_examples=15, deadline=None)
@given(runs)
def test_shares_lie_within_their_bounds_everywhere(told: Any) -> None:
    """0 <= lower <= estimate <= upper <= 1 wherever summary.json has the three of them."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        _, stored = made(Path(folder), told)
    found = list(shares(stored))
    assert len(found) >= 4  # two of each condition at least
    for lower, estimate, upper in found:
        assert 0 <= lower <= upper <= 1
        assert estimate is None or lower <= estimate <= upper


def shares(value: Any) -> Any:
    """Give every (lower, estimate, upper) in JSON, but for ratios, which know no upper end."""
    if isinstance(value, list):
        for one in value:
            yield from shares(one)
    if not isinstance(value, dict):
        return
    if {"lower", "estimate", "upper"} <= set(value) and value["lower"] is not None:
        yield value["lower"], value["estimate"], value["upper"]
    if "predicted_lower" in value and value["predicted_lower"] is not None:
        yield value["predicted_lower"], value["predicted"], value["predicted_upper"]
    for key, one in value.items():
        if key not in ("odds_ratio", "lift", "common"):
            yield from shares(one)


def test_the_action_ends_as_the_run_did(folder: Path) -> None:
    """A refuted row, and a harness error where nothing is claimed, fail the check that CI runs."""
    refuted = make_run(folder / "a", cycles(BAD * 30), rows=[row(at_least=0.99)])
    spoiled = make_run(folder / "b", cycles(["harness_error"]))
    unfired = make_run(
        folder / "c",
        [*cycles(GOOD * 60), *cycles(GOOD * 60, condition="two")],
        conditions=[{"name": "one", "claims": ["reliability >= 0.9"]},
                    {"name": "two", "faults": {"timeout": {"rate": 0.5}}}],
    )  # fmt: skip
    for results, status in ((refuted, 1), (spoiled, 4), (unfired, 4)):
        for words in (["check", results.folder], ["check", results.folder, "--condition", "one"]):
            done = forked.run(words)
            assert done.returncode == status, done.stdout + done.stderr


def test_a_row_waits_at_the_same_level_as_its_run(folder: Path) -> None:
    """The cycle that a row names is where the same run, gone on with, is supported."""
    asked = [row(at_least=0.9), row("no_restore", at_least=0.95)]
    results = make_run(folder / "a", cycles(GOOD * 20), rows=asked)
    at = support_boundary(0, 0.9, 0.975)
    (first, _) = summary.summarise(results)["rows"]
    assert first["next"] == f"supported at cycle {at:,} if nothing else fails"
    for number, verdict in ((at - 1, "undecided"), (at, "supported")):
        longer = make_run(folder / str(number), cycles(GOOD * number), rows=asked)
        assert summary.summarise(longer)["rows"][0]["verdict"] == verdict


@pytest.mark.parametrize(("run", "planned"), [({"looked": True}, 300), ({}, 301)])
def test_what_may_have_ended_by_what_it_showed_has_an_interval_for_that(
    folder: Path, run: dict[str, bool], planned: int
) -> None:
    """Stopped when decided, or before the plan's end: every interval is valid at any time."""
    words = ["cleaned"] * 297 + ["dirty_known"] * 3
    rows = [row(at_least=0.9), row("data_safety", at_least=1.0)]
    made = make_run(
        folder / "run",
        cycles(words),
        conditions=[{"name": "one", "cycles": planned, "claims": ["reliability >= 0.9"]}],
        rows=rows,
        **run,
    )
    found = summary.summarise(made)
    (one,), (told, never) = found["conditions"], found["rows"]
    bounds = anytime(297, 300)
    for share in (one["reliability"], one["claims"][0], told):
        assert (share["lower"], share["upper"]) == (bounds.lower, bounds.upper)
    assert one["reliability"]["method"] == told["interval_method"] == bounds.method
    assert never["verdict"] == "not refuted"
    one_sided = percent(anytime(300, 300, 0.95, "lower").lower, "ROUND_FLOOR")
    assert f"at least {one_sided} (95%)" in never["why"]
    for name in ("console", "markdown", "html"):
        text = registry.find("reports", name)().render(made.folder)
        assert "valid at any stopping time" in " ".join(text.split()), name
    settled = make_run(folder / "fixed", cycles(words), rows=rows)
    told, _ = summary.summarise(settled)["rows"]
    assert told["interval_method"] == clopper_pearson(297, 300).method
    assert told["lower"] == clopper_pearson(297, 300).lower > bounds.lower
