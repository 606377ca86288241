"""What follows from a run: sentences made by rules from its verdicts, and none without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.analysis.dependence import reading
from harness.reports.words.answer import JUDGED, Setting, headline, where
from harness.reports.words.reasoning import Pair, frontier
from harness.reports.words.scenario import scenario
from harness.reports.words.shares import share
from harness.reports.words.source_rows import Group
from harness.reports.words.statements import ERROR, condition_called, own_claims, soundness
from harness.reports.words.strength import fails_more
from harness.reports.words.tables import reason

Row = Mapping[str, Any]


def conclusion(
    summary: Mapping[str, Any], groups: Sequence[Group], pairs: Sequence[Pair]
) -> list[str]:
    """Return the sentences that the verdicts allow, the most important first."""
    sentences = [
        *_unsound(summary),
        *_combined(groups, summary),
        *_silent(pairs),
        *_lost(summary),
        *_dependent(summary),
        *frontier(summary),
        *_stories(summary),
        *_listed(_stated(summary), summary),
    ]
    return sentences or ["Nothing is claimed in this run, so nothing follows from it."]


def _unsound(summary: Mapping[str, Any]) -> Iterator[str]:
    for condition in summary["conditions"]:
        sound = soundness(condition)
        if sound.verdict == ERROR:
            yield f"{condition['name']} supports nothing: {sound.why}."


def _combined(groups: Sequence[Group], summary: Mapping[str, Any]) -> Iterator[str]:
    """Say whether the combined figure holds, by its rows alone."""
    found = [
        Setting(row, condition_called(summary, row["condition"]))
        for group in groups
        if group.title == "Combined"
        for row in group.rows
        if row["verdict"] in JUDGED
    ]
    if found:
        figures = ", ".join(sorted({one.row["claimed"] for one in found}))
        yield f"The combined figure ({figures}): {headline(found)} Here {where(found)}"


def _silent(pairs: Sequence[Pair]) -> Iterator[str]:
    """Say of each setting that ran with and without verification what that changed."""
    for pair in pairs:
        trusting, verified = (
            f"{one['outcomes']['dirty_silent']:,} of {one['cycles']:,}"
            for one in (pair.trusting, pair.verified)
        )
        if trusting.startswith("0 ") and verified.startswith("0 "):
            continue
        word = fails_more(pair.trusting, pair.verified, "dirty_silent")
        means = {"better": "verifying is better", "worse": "verifying is worse"}.get(word, word)
        yield (
            f"{pair.name}: {trusting} cycles that trusted the cleanup's report ended dirty without "
            f"a word, and {verified} that verified: {means}."
        )


def _lost(summary: Mapping[str, Any]) -> Iterator[str]:
    """Name what ended worse than dirty: baselines lost, and dirt that the guard called clean."""
    for condition in summary["conditions"]:
        name, policy = condition["name"], condition["policy"]
        called = f"{name} ({policy})" if policy else name
        for outcome, did in (
            ("baseline_lost", "lost content of the baseline"),
            ("dirty_silent", "ended dirty and said that it was fine"),
        ):
            if number := condition["outcomes"].get(outcome, 0):
                yield f"{called} {did} in {number:,} of {condition['cycles']:,} cycles."


def _dependent(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say what all conditions say together, then which of them fail together or apart."""
    common = summary.get("dependence") or {}
    if common.get("sentence"):
        yield f"Cleanup and restore: {common['sentence']}."
    for condition in summary["conditions"]:
        dependence = condition.get("dependence") or {}
        odds = {} if dependence.get("descriptive") else dependence.get("odds_ratio")
        if odds and reading(odds) in ("together", "apart"):
            yield f"{condition['name']}: {dependence['sentence']}."


def _stories(summary: Mapping[str, Any]) -> Iterator[str]:
    """Say how each story ended: one cycle shows that it can happen, not how often."""
    for stored in summary.get("stories") or ():
        story = scenario(stored)
        yield (
            f"{story.title}, cycle {story.cycle:,}: {story.end}; one cycle shows what can happen, "
            "not how often."
        )


def _stated(summary: Mapping[str, Any]) -> list[Row]:
    """Return the rows, then what conditions claim themselves and no row says, in that form."""
    rows = list(summary.get("rows") or ())
    in_rows = {(row["condition"], row.get("claim_number")) for row in rows}
    own: list[Row] = []
    for condition in summary["conditions"]:
        name = condition["name"]
        claims = [
            claim
            for number, claim in enumerate(condition.get("claims") or ())
            if claim in own_claims(condition) and (name, number) not in in_rows
        ]
        if condition.get("claims") is None and condition["claimed"] and not rows:  # an older run's
            claims = [
                {"claim": condition["claimed"], "verdict": condition["verdict"], "why": ""}
                | condition["reliability"]
            ]
        own += [
            {**claim, "claim": f"{name}: {claim['claim']}", "condition": name, "claimed": ""}
            for claim in claims
        ]
    return [*rows, *own]


def _by_verdict(rows: Sequence[Row]) -> defaultdict[str, list[Row]]:
    """Sort rows by their verdict; none of a verdict that no row has."""
    by: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by[row["verdict"]].append(row)
    return by


def _listed(rows: Sequence[Row], summary: Mapping[str, Any]) -> Iterator[str]:
    """Name every claim under its verdict."""
    by = _by_verdict(rows)
    cycles = {condition["name"]: condition["cycles"] for condition in summary["conditions"]}
    for word in ("supported", "refuted"):
        yield from (f"{word.capitalize()}: {_measured(row, cycles)}." for row in by[word])
    for row in by["not refuted"]:
        yield f"Not refuted, which is all that cycles can say of it: {_figure(row)}, {row['why']}."
    for row in by["undecided"]:
        yield f"Undecided: {_figure(row)}, {reason(row)}.".replace(", .", ".")
    for word, heading in (
        ("set point", "Set points, solved for and so proof of nothing"),
        ("control", "Controls, which show that the instrument sees what it must"),
        ("not measured", "Not measured here"),
    ):
        if by[word]:
            yield f"{heading}: {_names(by[word])}."


def _figure(row: Row) -> str:
    claimed = f" ({row['claimed']})" if row["claimed"] not in ("", "-") else ""
    return f"{row['claim']}{claimed}"


def _measured(row: Row, cycles: Mapping[str, int]) -> str:
    """Name a claim with what was measured, its interval and its cycles, {condition: cycles}."""
    measured = row.get("measured") or share(row)
    number = cycles.get(row["condition"])
    return f"{_figure(row)}: {measured}" + ("" if number is None else f" in {number:,} cycles")


def _names(rows: Sequence[Row]) -> str:
    return "; ".join(row["claim"] for row in rows)
