"""How reliable the combination is and why: policies side by side, independence, the frontier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from harness.analysis.together import MAY_DIFFER
from harness.reports.words import joint_failures
from harness.reports.words.decided import dependence_sentences, frontier_sentences, shown
from harness.reports.words.shares import share
from harness.reports.words.statements import condition_called, settings_of
from harness.reports.words.tables import Table
from harness.results.settled import fixed_beforehand
from harness.statistics.change import verdicts
from harness.statistics.change_of_proportion import compare_proportions

Condition = Mapping[str, Any]
TRUSTING, VERIFIED = "hybrid_trusting", "hybrid_verified"


class Pair(NamedTuple):
    """The same setting under both policies."""

    name: str
    trusting: Condition
    verified: Condition
    whole: bool = True  # neither stopped early: only then are their cycles fixed beforehand


def policies(conditions: Sequence[Condition]) -> Table:
    """Return the table of all conditions that have a policy, by what they are judged by."""
    headings = ("condition", "policy", "cycles", "reliability", "restored", "refused",
                "silent failures", "baselines lost")  # fmt: skip
    rows = [
        (
            condition["name"],
            condition["policy"],
            f"{condition['cycles']:,}",
            share(condition["reliability"]),
            *(_count(condition["outcomes"].get(key)) for key in _ENDS),
        )
        for condition in conditions
        if condition["policy"] and condition["cycles"]
    ]
    return Table("Policies side by side", headings, rows, figures=frozenset(headings[2:3] + _RIGHT))


_ENDS = ("restored", "refused", "dirty_silent", "baseline_lost")
_RIGHT = ("restored", "refused", "silent failures", "baselines lost")


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"  # no older run knows how many were refused


def pairs(summary: Mapping[str, Any], run: Mapping[str, Any]) -> list[Pair]:
    """Return the conditions that differ in nothing but trusting or verifying."""
    settings = settings_of(run)
    by_essence: dict[str, dict[str, Condition]] = {}
    for condition in summary["conditions"]:
        setting = settings.get(condition["name"])
        if (
            setting is None
            or condition["policy"] not in (TRUSTING, VERIFIED)
            or not condition["cycles"]
        ):
            continue
        if setting.get("strata") or condition["outcomes"].get("harness_error"):
            continue  # its share of clean cycles is no reliability
        essence = str(sorted((k, str(v)) for k, v in setting.items() if k not in MAY_DIFFER))
        by_essence.setdefault(essence, {})[condition["policy"]] = condition
    return [
        _pair(both[TRUSTING], both[VERIFIED], settings, run)
        for both in by_essence.values()
        if len(both) == 2
    ]


def _pair(
    trusting: Condition,
    verified: Condition,
    settings: Mapping[str, Any],
    run: Mapping[str, Any],
) -> Pair:
    whole = all(
        fixed_beforehand(run, settings[condition["name"]], condition["cycles"])
        for condition in (trusting, verified)
    )
    return Pair(_common(trusting["name"], verified["name"]), trusting, verified, whole)


def trusting_against_verified(compared: Sequence[Pair]) -> list[str]:
    """Return a sentence a pair; the words better and worse all hold together at 95%."""
    whole = [pair for pair in compared if pair.whole]
    changes = [
        compare_proportions(
            _failures(pair.trusting), pair.trusting["cycles"],
            _failures(pair.verified), pair.verified["cycles"],
        )
        for pair in whole
    ]  # fmt: skip
    words = iter(verdicts(changes))
    in_words = {"worse": "verifying is worse", "better": "verifying is better",
            "no difference shown": "no difference shown"}  # fmt: skip
    return [
        f"{pair.name}: trusting the report {_of(pair.trusting)}, verified {_of(pair.verified)}; "
        f"silent failures {_silent(pair.trusting):,} against {_silent(pair.verified):,}: "
        + (in_words[next(words)] if pair.whole else "stopped early, so not compared")
        + "."
        for pair in compared
    ]


def independence(summary: Mapping[str, Any]) -> list[str]:
    """Return what independence predicts against what was measured; [] where nothing says."""
    sentences = dependence_sentences(summary)
    for condition in summary["conditions"]:
        counts = condition.get("together") or {}
        if counts.get("expected_both") is None or not counts.get("restores_needed"):
            continue
        sentences.append(
            f"{condition['name']}: if cleanup and restore failed independently, "
            f"{counts['expected_both']:,.1f} of {condition['cycles']:,} cycles would fail both "
            f"ways; measured {counts['both']:,}: {_against(summary, counts)}; "
            f"reliability {share(condition['reliability'])}."
        )
    return sentences


def _against(summary: Mapping[str, Any], counts: Mapping[str, Any]) -> str:
    return joint_failures.against(counts, condition_called(summary, counts["compared_with"]))


def tables(summary: Mapping[str, Any]) -> list[Table]:
    """Return the tables behind the sentences, those that hold anything."""
    rows = joint_failures.rows(summary["conditions"])
    figures = frozenset(joint_failures.HEADINGS[1:-1])
    made = [policies(summary["conditions"])]
    made.append(
        Table(joint_failures.TITLE, joint_failures.HEADINGS, rows, joint_failures.ABOUT, figures)
    )
    made += [Table(*listed) for listed in shown(summary) if not listed.title.startswith("Claims")]
    return [table for table in made if table.rows]


def frontier(summary: Mapping[str, Any]) -> list[str]:
    """Return up to where 99.9% holds and from where it breaks, for each curve there is."""
    return frontier_sentences(summary)


def _common(first: str, second: str) -> str:
    """Name a pair by what both names begin with."""
    length = next((at for at, two in enumerate(zip(first, second)) if two[0] != two[1]), None)  # noqa: B905 - the shorter one ends it
    begun = first[: len(first) if length is None else length].removesuffix("hybrid_")
    return begun.rstrip("/, ") or f"{first} and {second}"


def _of(condition: Condition) -> str:
    return f"{share(condition['reliability'])} in {condition['cycles']:,} cycles"


def _failures(condition: Condition) -> int:
    return int(
        condition["cycles"] - condition["outcomes"]["cleaned"] - condition["outcomes"]["restored"]
    )


def _silent(condition: Condition) -> int:
    return int(condition["outcomes"]["dirty_silent"])
