"""What follows from a run: sentences made by rules from its verdicts, and none without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.analysis.dependence import reading
from harness.reports.words.decided import share
from harness.reports.words.reasoning import Pair, frontier
from harness.reports.words.scenario import scenario
from harness.reports.words.source_rows import Group
from harness.reports.words.statements import ERROR, own_claims, soundness
from harness.reports.words.tables import reason

Row = Mapping[str, Any]


def conclusion(
    summary: Mapping[str, Any],
    found: Sequence[Group],
    pairs: Sequence[Pair],
) -> list[str]:
    """Return the sentences that the verdicts allow, the most important first."""
    sentences = [
        *_unsound(summary),
        *_combined(found),
        *_silent(pairs),
        *_lost(summary),
        *_dependent(summary),
        *frontier(summary),
        *_told(summary),
        *_listed(_stated(summary), summary),
    ]
    return sentences or ["Nothing is claimed in this run, so nothing follows from it."]


def _unsound(summary: Mapping[str, Any]) -> Iterator[str]:
    for one in summary["conditions"]:
        sound = soundness(one)
        if sound.verdict == ERROR:
            yield f"{one['name']} supports nothing: {sound.why}."


def _combined(found: Sequence[Group]) -> Iterator[str]:
    """Say whether the combined figure holds, by its rows alone."""
    rows = [row for group in found if group.title == "Combined" for row in group.rows]
    by = {word: [r for r in rows if r["verdict"] == word] for word in ("supported", "refuted")}
    open_ = [row for row in rows if row["verdict"] == "undecided"]
    if not rows or not (by["supported"] or by["refuted"] or open_):
        return
    figures = sorted({row["claimed"] for row in rows})
    counted = (
        f"The combined figure ({', '.join(figures)}) is supported in {len(by['supported'])}, "
        f"refuted in {len(by['refuted'])} and undecided in {len(open_)} of {len(rows)} settings"
    )
    if by["supported"] and by["refuted"]:
        yield (
            f"{counted}: it is no property of the approach, it depends on the setting. It holds "
            f"for {_names(by['supported'])}; it does not for {_names(by['refuted'])}."
        )
    elif by["refuted"]:
        yield f"{counted}: nowhere in this run is it shown to hold."
    elif by["supported"]:
        yield f"{counted}: nothing in this run refutes it."
    else:
        yield f"{counted}: this run is too short to say."


def _silent(pairs: Sequence[Pair]) -> Iterator[str]:
    """Say what verification changes, where the same setting ran with and without."""
    if not pairs:
        return
    trusting = sum(one.trusting["outcomes"]["dirty_silent"] for one in pairs)
    verified = sum(one.verified["outcomes"]["dirty_silent"] for one in pairs)
    cycles = [sum(p.trusting["cycles"] for p in pairs), sum(p.verified["cycles"] for p in pairs)]
    counted = (
        f"{trusting:,} of {cycles[0]:,} cycles that trusted the cleanup's report ended dirty "
        f"without a word, and {verified:,} of {cycles[1]:,} in the same settings that verified"
    )
    if trusting and not verified:
        yield f"{counted}: verification found here what the report had missed."
    elif trusting or verified:
        yield f"{counted}."


def _lost(summary: Mapping[str, Any]) -> Iterator[str]:
    """Name what ended worse than dirty: baselines lost, and dirt that the guard called clean."""
    for one in summary["conditions"]:
        called = f"{one['name']} ({one['policy']})" if one["policy"] else one["name"]
        for outcome, did in (
            ("baseline_lost", "lost content of the baseline"),
            ("dirty_silent", "ended dirty and said that it was fine"),
        ):
            if number := one["outcomes"].get(outcome, 0):
                yield f"{called} {did} in {number:,} of {one['cycles']:,} cycles."


def _dependent(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say what all conditions say together, then which of them fail together or apart."""
    common = summary.get("dependence") or {}
    if common.get("sentence"):
        yield f"Cleanup and restore: {common['sentence']}."
    for one in summary["conditions"]:
        found = one.get("dependence") or {}
        odds = found.get("odds_ratio")
        if odds and reading(odds) in ("together", "apart"):
            yield f"{one['name']}: {found['sentence']}."


def _told(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say how each story ended: one cycle shows that it can happen, not how often."""
    for kept in summary.get("stories") or ():
        told = scenario(kept)
        yield (
            f"{told.title}, cycle {told.cycle:,}: {told.end}; one cycle shows what can happen, "
            "not how often."
        )


def _stated(summary: Mapping[str, Any]) -> list[Row]:
    """Return the rows, then what conditions claim themselves and no row says, in that form."""
    rows = list(summary.get("rows") or ())
    told = {(row["condition"], row.get("claim_number")) for row in rows}
    found: list[Row] = []
    for one in summary["conditions"]:
        claims = [
            claim
            for number, claim in enumerate(one.get("claims") or ())
            if claim in own_claims(one) and (one["name"], number) not in told
        ]
        if one.get("claims") is None and one["claimed"] and not rows:  # of an older run
            claims = [{"claim": one["claimed"], "verdict": one["verdict"], "why": ""}
                      | one["reliability"]]  # fmt: skip
        found += [
            {**claim, "claim": f"{one['name']}: {claim['claim']}", "condition": one["name"],
             "claimed": ""}
            for claim in claims
        ]  # fmt: skip
    return [*rows, *found]


def _listed(rows: Sequence[Row], summary: Mapping[str, Any]) -> Iterator[str]:
    """Name every claim under its verdict."""
    by: dict[str, list[Row]] = {}
    for row in rows:
        by.setdefault(row["verdict"], []).append(row)
    for word, said in (("supported", "Supported"), ("refuted", "Refuted")):
        if word in by:
            yield from (f"{said}: {_measured(row, summary)}." for row in by[word])
    for row in by.get("not refuted", ()):
        yield f"Not refuted, which is all that cycles can say of it: {_figure(row)}, {row['why']}."
    for row in by.get("undecided", ()):
        yield f"Undecided: {_figure(row)}, {reason(row)}.".replace(", .", ".")
    if "set point" in by:
        yield (f"Set points, solved for and so proof of nothing: {_names(by['set point'])}.")
    if "control" in by:
        yield (
            f"Controls, which show that the instrument sees what it must: {_names(by['control'])}."
        )
    if "not measured" in by:
        yield f"Not measured here: {_names(by['not measured'])}."


def _figure(row: Row) -> str:
    claimed = f" ({row['claimed']})" if row["claimed"] not in ("", "-") else ""
    return f"{row['claim']}{claimed}"


def _measured(row: Row, summary: Mapping[str, Any]) -> str:
    """Name a claim with what was measured, its interval and its cycles."""
    condition = next((c for c in summary["conditions"] if c["name"] == row["condition"]), None)
    measured = row.get("measured") or share(row)
    cycles = f" in {condition['cycles']:,} cycles" if condition else ""
    return f"{_figure(row)}: {measured}{cycles}"


def _names(rows: Sequence[Row]) -> str:
    return "; ".join(row["claim"] for row in rows)
