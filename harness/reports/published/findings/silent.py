"""What was left behind without a word: after lost answers, and by cleanups of people's projects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.reports.words.statements import condition_called
from harness.reports.words.strength import counted, fails_more
from harness.statistics.digits import percent

Summary = Mapping[str, Any]
Row = Mapping[str, Any]

# What strikes after the backend has done what it was asked, so that only its answer is lost.
_LOSES_THE_ANSWER = frozenset({"reset_after", "response_cut", "stall_after", "trickle"})


def answers_lost(runs: Mapping[str, Summary]) -> str:
    """Say which network faults left data behind without a word, and what bursts do to retries."""
    summary = runs.get("network")
    if not summary:
        return ""
    groups: dict[str, list[Row]] = {}
    for row in summary["rows"]:
        if row["measure"] == "no_silent_leftover" and row["verdict"] in ("refuted", "not refuted"):
            groups.setdefault(row["claim"].partition(", ")[2], []).append(row)
    said = [_noticed(when, rows, summary) for when, rows in groups.items()]
    return " ".join([*said, *_bursts(summary)])


def _noticed(when: str, rows: Sequence[Row], summary: Summary) -> str:
    """Name the kinds that left something behind without a word, and count the others."""
    silent = {
        str(row["claim"]).partition(", ")[0]: _claim(row, summary)
        for row in rows
        if row["verdict"] == "refuted"
    }
    others = [row for row in rows if row["verdict"] != "refuted"]
    parts = []
    if silent:
        loses = (
            ", each of which loses an answer once the backend has done its part,"
            if silent.keys() <= _LOSES_THE_ANSWER
            else ""
        )
        counts = ", ".join(
            f"{kind} in {claim['failures']:,} of {claim['cycles']:,} cycles"
            for kind, claim in silent.items()
        )
        parts.append(
            f"{len(silent)} of {len(rows)} kinds of fault{loses} left data behind without a word: "
            f"{counts}"
        )
    if others:
        fewest = min(_claim(row, summary)["cycles"] for row in others)
        most = percent(1 - min(row["lower"] for row in others))
        whom = "no other was seen to"
        if not silent:
            whom = (
                f"none of {len(rows)} kinds of fault was seen to leave data behind without a word"
            )
        each = " each" if len(others) > 1 else ""
        parts.append(f"{whom} in {fewest:,} cycles{each}, which does not exclude {most}")
    rates = {_rate(row["condition"]) for row in rows} - {""}
    at = f" (rate {rates.pop()})" if len(rates) == 1 else ""
    return f"{when[:1].upper()}{when[1:]}{at}, {'; '.join(parts)}."


def _rate(condition: str) -> str:
    """Return the rate that a condition of a sweep is named by, or ""."""
    last = condition.rpartition("/")[2]
    return last if last.replace(".", "", 1).isdigit() else ""


def _claim(row: Row, summary: Summary) -> Mapping[str, Any]:
    """Return the claim of the condition that a row is, with its failures and cycles."""
    claims: Sequence[Mapping[str, Any]] = condition_called(summary, row["condition"])["claims"]
    return claims[row["claim_number"]]


def _bursts(summary: Summary) -> Iterator[str]:
    """Compare requests lost in bursts with as many lost one by one."""
    found = {
        how: condition_called(summary, row["condition"])
        for row in summary["rows"]
        for how in ("one by one", "in bursts")
        if how in row["claim"]
    }
    if len(found) < 2:
        return
    alone, bursts = found["one by one"], found["in bursts"]
    word = fails_more(alone, bursts)
    means = {"worse": "retries do worse against bursts", "better": "retries do better there"}
    yield (
        f"With the same share of requests lost, one by one {counted(alone)}, in bursts "
        f"{counted(bursts)}; {means.get(word, word)}."
    )


def own_projects(runs: Mapping[str, Summary]) -> str:
    """Say what a project's own cleanup left behind though it said that it was fine."""
    said = []
    for name, summary in runs.items():
        for condition in summary["conditions"]:
            base, _, policy = condition["name"].rpartition("/")
            counts = condition.get("unsaid")
            if policy == "cleanup_only" and counts and counts["left"]:
                said.append(f'In {name}, "{base}", {_left(condition, summary, base)}.')
    return " ".join(said)


def _left(alone: Mapping[str, Any], summary: Summary, base: str) -> str:
    counts = alone["unsaid"]
    said = (
        f"a cleanup said in {counts['said_fine']:,} of {counts['ran']:,} cycles that it was fine, "
        f"and had left something in {counts['left']:,} of these"
    )
    trusting = condition_called(summary, f"{base}/hybrid_trusting")
    verified = condition_called(summary, f"{base}/hybrid_verified")
    if not trusting or not verified:
        return said
    silent = [
        f"{one['outcomes']['dirty_silent']:,} of {one['cycles']:,}" for one in (trusting, verified)
    ]
    word = fails_more(trusting, verified, "dirty_silent")
    by = {"better": "verifying is better", "worse": "verifying is worse"}.get(word, word)
    return (
        f"{said}; restored on a reported failure only, {silent[0]} ended dirty without a word, "
        f"and verified {silent[1]} ({by})"
    )
