"""What a run says of its claims, a row each, and which of them are shown where few have room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from harness.printable import printable
from harness.reports.words.scenario import scenario
from harness.reports.words.shares import share
from harness.reports.words.statements import (
    ERROR,
    Statement,
    own_claims,
    soundness,
    statements,
    unmeasured,
)
from harness.reports.words.strength import cycles_of, ends

Json = Mapping[str, Any]
# In the order in which they are told.
ORDER = (ERROR, "refuted", "undecided", "not measured", "not refuted", "supported")
_BESIDE = ("set point", "control", "no claim", "not measured")  # what claims nothing is counted
_NOUNS = ("set point", "control", "condition")


class Said(NamedTuple):
    """One thing to say: a verdict with its figures; or, without a word, how a condition ended."""

    word: str
    measured: str
    text: str


def claimed(summary: Json) -> list[Said]:
    """Return the harness errors of a run, then the verdict on each of its claims."""
    errors = [one for one in map(soundness, summary["conditions"]) if one.verdict == ERROR]
    said = [Said(ERROR, "", _doubt(one)) for one in errors]
    said += [Said(one.verdict, one.measured, text) for one, text in _stated(summary) if one.own]
    return sorted(
        (Said(*map(printable, one)) for one in said), key=lambda one: ORDER.index(one.word)
    )


def conditions(summary: Json) -> list[Said]:
    """Return how each condition ended, those first that lost something or left it in silence."""
    worst_first = sorted(summary["conditions"], key=_in_silence, reverse=True)
    return [
        Said("", share(one["reliability"]), printable(f"{one['name']}: {_ended(one)}"))
        for one in worst_first
    ]


def stories(summary: Json) -> list[str]:
    """Say how each cycle ended whose story is kept."""
    told = map(scenario, summary.get("stories") or ())
    return [printable(f"{one.title}, cycle {one.cycle:,}: {one.end}") for one in told]


def headline(summary: Json, said: Sequence[Said]) -> str:
    """Count the claims by their verdicts, and what stands beside them."""
    number = sum(one.word != ERROR for one in said)
    claims = f"{number:,} claim{'' if number == 1 else 's'}" if number else "nothing is claimed"
    verdicts = Counter(one.word for one in said if one.word != ERROR)
    parts = [f"{verdicts[word]:,} {word}" for word in ORDER if verdicts[word]]
    others = Counter(one.verdict for one, _ in _stated(summary) if not one.own)
    beside = [_number(others[word], word) for word in _BESIDE if others[word]]
    said_of_them = f"{claims}: {', '.join(parts)}" if parts else claims
    return f"{said_of_them}; beside that {', '.join(beside)}" if beside else said_of_them


def not_shown(left: Sequence[Said]) -> str:
    """Count what has no room, by verdict."""
    counts = Counter(one.word for one in left)
    if "" in counts:
        return _number(counts[""], "condition")
    return ", ".join(f"{counts[word]:,} {word}" for word in ORDER if counts[word])


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 or of not in _NOUNS else 's'}"


def chosen(said: Sequence[Said], fits: Callable[[Sequence[Said]], bool]) -> list[Said]:
    """Return those that have room: of each verdict the first, then of each the second, ..."""
    words = dict.fromkeys(one.word for one in said)
    of_each = [[n for n, one in enumerate(said) if one.word == word] for word in words]
    kept: list[int] = []
    for turn in zip_longest(*of_each):
        for number in turn:
            if number is None:
                continue
            more = sorted([*kept, number])
            if said[number].word in words and fits([said[n] for n in more]):
                kept = more
            else:  # and none that comes after it
                words.pop(said[number].word, None)
    return [said[n] for n in kept]


def _stated(summary: Json) -> Iterator[tuple[Statement, str]]:
    """Give each statement of a run, and how it is told: by the name that a row has for it."""
    for condition in summary["conditions"]:
        named = dict(_named(condition, summary.get("rows") or ()))
        for one in statements(condition, summary):
            text = named.get(one.claim, one.claim)
            yield one, f"{text}; {one.ahead}" if one.ahead else text
    for one in unmeasured(summary):
        yield one, one.claim


def _named(condition: Json, rows: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Give each claim of a condition's own with its name: a row's, else with the condition's."""
    for number, claim in enumerate(condition.get("claims") or ()):
        about = (condition["name"], number)
        row = next((r for r in rows if (r["condition"], r.get("claim_number")) == about), None)
        if claim in own_claims(condition):
            whose = f"{condition['name']}: {claim['claim']}"
            yield claim["claim"], f"{row['claim']} ({row['claimed']})" if row else whose


def _doubt(one: Statement) -> str:
    """Say what puts a condition in doubt, without the word that stands before it."""
    return f"{one.condition}: {one.why.replace(f'{ERROR}: ', '')}"


def _in_silence(condition: Json) -> float:
    """Return the share of its cycles that nobody was told of, or that lost the baseline."""
    outcomes = condition["outcomes"]
    worst = sum(outcomes.get(end, 0) for end in ("dirty_silent", "baseline_lost"))
    return float(worst / condition["cycles"]) if condition["cycles"] else 0.0


def _ended(condition: Json) -> str:
    return f"{cycles_of(condition['cycles'])}, {ends(condition) or 'all brought back'}"
