"""The answer to what an experiment asks: a sentence and its findings, made from its rows.

What a run was made to find out is seen by what it has: rows that claim that nothing is left
unnoticed, sizes that are swept where nothing strikes, a figure that is claimed, a target over a
rate, cleanup and restore side by side. The first of these that it has is what it answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.verdict import combined
from harness.reports.words import by_strata, costs, joint_failures
from harness.reports.words.answer import TARGET, listed, settings
from harness.reports.words.answer import headline as of_settings
from harness.reports.words.decided import named
from harness.reports.words.scenario import scenario
from harness.reports.words.shares import share
from harness.reports.words.statements import ERROR, condition_called, own_claims, soundness
from harness.reports.words.strength import became, because, cycles_of
from harness.statistics.digits import number, sure

Summary = Mapping[str, Any]
UNNOTICED = "no_silent_leftover"
ORDER = ("supported", "not refuted", "refuted", "undecided", "not measured")
KINDS = {"supported": "good", "not refuted": "good", "refuted": "bad", "undecided": "open"}


class Finding(NamedTuple):
    """One sentence of an answer."""

    text: str
    condition: str = ""  # the one that it is about
    kind: str = ""  # good, bad or open


class Answer(NamedTuple):
    """What a run answers."""

    about: str  # missed, cost, target, strata, claims, swept, together, story or measured
    headline: str
    findings: Sequence[Finding] = ()
    kind: str = ""  # good, bad, open or ""


def answer(summary: Summary) -> Answer:
    """Return what the run answers; what is not soundly measured is said before anything else."""
    found = next(given for kind in _ANSWERS if (given := kind(summary)) is not None)
    unsound = [
        condition["name"]
        for condition in summary["conditions"]
        if soundness(condition).verdict == ERROR
    ]
    if not unsound:
        return found
    said = f"This run supports nothing: harness error in {', '.join(unsound)}. {found.headline}"
    return found._replace(headline=said, kind="bad")


def verdicts(summary: Summary) -> str:
    """Count all claims by their verdict, in one sentence; "" where nothing is claimed."""
    counts = Counter(_verdicts(summary))
    total = sum(counts.values())
    if not total:
        return ""
    if len(counts) == 1:
        every = "The claim is" if total == 1 else f"All {total:,} claims are"
        return f"{every} {next(iter(counts))}."
    return f"Of {total:,} claims: " + ", ".join(
        f"{counts[name]:,} {name}" for name in ORDER if counts[name]
    ) + "."  # fmt: skip


def _verdicts(summary: Summary) -> Iterator[str]:
    """Give the verdict on each claim: of conditions, and of the rows that are claims."""
    for condition in summary["conditions"]:
        yield from (claim["verdict"] for claim in condition.get("claims") or ())
        if condition.get("claims") is None and condition.get("verdict"):  # of an older run
            yield condition["verdict"]


def _missed(summary: Summary) -> Answer | None:
    """Answer which faults are missed, where rows claim that none is."""
    rows = [row for row in summary.get("rows") or () if row["measure"] == UNNOTICED]
    judged = [row for row in rows if row["verdict"] in KINDS]
    if not judged:
        return None
    missed = [row for row in judged if row["verdict"] == "refuted"]
    missed.sort(key=lambda row: row["estimate"])
    findings = [Finding(_left(row, summary), row["condition"], "bad") for row in missed]
    rest = [row for row in judged if row not in missed]
    for count, alike in _by_cycles(rest, summary).items():
        claims = "; ".join(row["claim"] for row in alike)
        findings.append(Finding(f"Never missed in {cycles_of(count)} each: {claims}", "", "open"))
    if not missed:
        text = f"None of {len(judged):,} was seen to be missed, which is no proof that none is."
        return Answer("missed", text, findings, "good")
    text = f"Missed: {len(missed):,} of {len(judged):,} left test data behind without a word."
    return Answer("missed", text, findings, "bad")


def _left(row: Mapping[str, Any], summary: Summary) -> str:
    condition = condition_called(summary, row["condition"])
    silent = condition["outcomes"]["dirty_silent"]
    return f"{row['claim']}: unnoticed in {silent:,} of {cycles_of(condition['cycles'])}"


def _by_cycles(rows: Sequence[Mapping[str, Any]], summary: Summary) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        cycles = condition_called(summary, row["condition"]).get("cycles") or 0
        found.setdefault(cycles, []).append(row)
    return found


def _cost(summary: Summary) -> Answer | None:
    if not costs.asked(summary):
        return None
    found = costs.over_size(summary)
    findings = [Finding(text, condition) for text, condition in costs.growth(found)]
    return Answer("cost", costs.headline(found), findings)


def _target(summary: Summary) -> Answer | None:
    """Answer where the claimed figure holds, setting by setting."""
    found = settings([summary])
    if not found:
        return None
    worst = {"refuted": 0, "undecided": 1, "supported": 2}
    findings = [
        Finding(
            f"{one.name} {became(one.row)}: {because(*one)}",
            one.row["condition"],
            KINDS[one.row["verdict"]],
        )
        for one in sorted(found, key=lambda one: worst[one.row["verdict"]])
    ]
    kind = KINDS.get(combined(one.row["verdict"] for one in found) or "", "")
    return Answer("target", f"{sure(TARGET)}: {of_settings(found)}", findings, kind)


def _by_number(summary: Summary) -> Answer | None:
    """Answer at which rates a target holds, where cycles had a set number of faults."""
    findings = [
        Finding(f"{condition['name']}: {said}", condition["name"])
        for condition in summary["conditions"]
        for said in by_strata.frontiers(condition.get("strata") or {})
    ]
    if not findings:
        return None
    beside = [Finding(f"{named(curve)}: {end['sentence']}", _first(curve))
              for curve, end in _frontiers(summary)]  # fmt: skip
    return Answer("strata", findings[0].text, [*findings[1:], *beside])


def _claims(summary: Summary) -> Answer | None:
    """Answer by the verdicts, each with what was counted."""
    counted = verdicts(summary)
    if not counted:
        return None
    findings = list(_stated(summary))
    order = ("bad", "open", "good", "")
    findings.sort(key=lambda one: order.index(one.kind))
    kind = KINDS.get(combined(_verdicts(summary)) or "", "")
    return Answer("claims", counted, findings, kind)


def _stated(summary: Summary) -> Iterator[Finding]:
    told = set()
    for row in summary.get("rows") or ():
        condition = condition_called(summary, row["condition"])
        if row.get("claim_number") is None or row["verdict"] not in KINDS or not condition:
            continue
        told.add((row["condition"], row["claim_number"]))
        claimed = f" ({row['claimed']})" if row["claimed"] not in ("", "-") else ""
        yield _judged(f"{row['claim']}{claimed}", row, condition)
    for condition in summary["conditions"]:
        for at, claim in enumerate(condition.get("claims") or ()):
            if claim in own_claims(condition) and (condition["name"], at) not in told:
                yield _judged(f"{condition['name']}: {claim['claim']}", claim, condition)


def _judged(said: str, row: Mapping[str, Any], condition: Mapping[str, Any]) -> Finding:
    why = because(row, condition) if row["measure"] == "reliability" else row["why"]
    text = f"{said} {became(row)}: {why}"
    return Finding(text, condition["name"], KINDS.get(row["verdict"], ""))


def _swept(summary: Summary) -> Answer | None:
    """Answer up to which rate a target holds, curve by curve, and by strata."""
    found = _frontiers(summary)
    if not found:
        return None
    findings = [
        Finding(f"{named(curve)}: {end['sentence']}", _first(curve)) for curve, end in found
    ]
    target = sure(found[0][1].get("target") or TARGET)
    holds = [
        f"{named(curve)} up to {number(end['holds_to'])}"
        for curve, end in found
        if isinstance(end.get("holds_to"), int | float)
    ]
    breaks = sum(end.get("breaks_from") is not None for _, end in found)
    of = f"{len(found):,} series" if len(found) > 1 else "the one series"
    shown = f"shown to hold in {listed(holds)}" if holds else f"shown to hold nowhere in {of}"
    broken = f"shown to be broken in {breaks:,} of {of}" if breaks else "nowhere shown to be broken"
    return Answer("swept", f"{target} is {shown}, and {broken}.", findings)


def _frontiers(summary: Summary) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return [
        (curve, curve["frontier"])
        for curve in summary.get("curves") or ()
        if (curve.get("frontier") or {}).get("sentence")
    ]


def _first(curve: Mapping[str, Any]) -> str:
    return next((str(p["condition"]) for p in curve["points"] if p.get("condition")), "")


def _together(summary: Summary) -> Answer | None:
    """Answer whether cleanup and restore fail together: by forced restores, or by shared causes."""
    findings = [
        Finding(f"{condition['name']}: {sentence}", condition["name"])
        for condition in summary["conditions"]
        if (sentence := (condition.get("dependence") or {}).get("sentence"))
    ]
    common = (summary.get("dependence") or {}).get("sentence")
    if findings and common:
        return Answer("together", f"{common[:1].upper()}{common[1:]}.", findings)
    if findings:
        return Answer("together", f"{findings[0].text}.", findings[1:])
    by_need = list(_restores_needed(summary))
    if not by_need:
        return None
    every = sum(one.kind == "bad" for one in by_need)
    text = (
        "Cleanup and restore are shown to depend on each other and to fail together in "
        f"{every:,} of {len(by_need):,} settings."
    )
    return Answer("together", text, by_need)


def _restores_needed(summary: Summary) -> Iterator[Finding]:
    for condition in summary["conditions"]:
        counts = condition.get("together") or {}
        always = condition_called(summary, counts.get("compared_with"))
        if not always or not counts["restores_needed"] or not counts["causes"]:
            continue
        word = joint_failures.against(counts, always)
        text = (
            f"{condition['name']}: {counts['restores_failed']:,} of the "
            f"{counts['restores_needed']:,} restores needed failed, where "
            f"{counts['expected_both']:,.1f} would if independent; {word}"
        )
        yield Finding(text, condition["name"], "bad" if "fail together" in word else "")


def _story(summary: Summary) -> Answer | None:
    stories = [scenario(kept) for kept in summary.get("stories") or ()]
    if not stories:
        return None
    ends = "; ".join(f"{story.title}, cycle {story.cycle:,}: {story.end}" for story in stories)
    text = f"{ends}. One cycle shows what can happen, not how often."
    return Answer("story", text, kind="good" if all(story.clean for story in stories) else "bad")


def _measured(summary: Summary) -> Answer:
    """Answer what was measured where nothing is claimed."""
    measured = [
        (condition["reliability"]["estimate"], share(condition["reliability"]), condition["name"])
        for condition in summary["conditions"]
        if condition["reliability"].get("estimate") is not None
    ]
    if not measured:
        return Answer("measured", "Nothing was measured.")
    (_, worst, where), (_, best, _) = min(measured), max(measured)
    if len(measured) == 1:
        return Answer("measured", f"Nothing was claimed; the reliability measured is {best}.")
    text = (
        f"Nothing was claimed; of {len(measured)} conditions the reliability measured is {worst} "
        f"({where}) to {best}."
    )
    return Answer("measured", text)


_ANSWERS: tuple[Callable[[Summary], Answer | None], ...] = (
    _missed, _cost, _target, _by_number, _claims, _swept, _together, _story, _measured,
)  # fmt: skip
