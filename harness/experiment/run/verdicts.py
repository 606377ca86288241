"""The verdict on each claim of a run, and the exit status that says so to a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UnknownName, UsageError
from harness.experiment.run.in_order import InOrder
from harness.experiment.written.claimed import checked_confidence, confidence_each, parse_claim
from harness.experiment.written.document import nearest
from harness.experiment.written.family import Family, family
from harness.outcomes import STATUS
from harness.results.shards import refuse_to_judge
from harness.statistics.digits import percent_interval, sure
from harness.statistics.intervals import called

if TYPE_CHECKING:
    from harness.results.reading import Results

__all__ = ["InOrder", "Verdict", "check", "exit_code", "lines", "of_run"]

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the stored cycles prove of one claim about one condition."""

    condition: str
    judged: Json | None  # an entry of claims in summary.json; None: nothing claimed
    doubts: tuple[str, ...]  # why nothing can be supported: harness errors, gaps
    together: float = 0.95  # the confidence with which it holds together with the others

    def told(self) -> dict[str, Any]:
        """Tell programs what came of it."""
        judged = self.judged or {}
        return {
            "condition": self.condition,
            "claim": judged.get("claim"),
            "verdict": judged.get("verdict"),
            "decided_at_cycle": judged.get("decided_at_cycle"),
            "doubts": list(self.doubts),
        }

    def sentence(self) -> str:
        """One line for people."""
        judged = self.judged
        if judged is None:
            return f"{self.condition}: {'; '.join(self.doubts) or 'nothing claimed'}"
        said = f"{self.condition}: {judged['claim']}: {judged['verdict']}"
        if judged["verdict"] == "not refuted":
            return "; ".join([f"{said}: {judged['why']}", *self.doubts])
        if judged["verdict"] == "not measured":
            why = () if judged["why"] in self.doubts else (judged["why"],)
            return "; ".join([said, *why, *self.doubts])
        at = f" at cycle {judged['decided_at_cycle']:,}" if judged["decided_at_cycle"] else ""
        failures, cycles = judged["failures"], judged["cycles"]
        designed = judged["method"].startswith("stratified")
        counted = f"{cycles:,} cycle{'' if cycles == 1 else 's'}"
        refused = f" ({judged['refused']:,} of them refused)" if judged["refused"] else ""
        words = [
            f"{said}{at} ({judged['method']})",
            # of cycles with a set number of faults the share that failed says nothing by itself
            f"{counted} with a set number of faults"
            if designed
            else f"{failures:,} failure{'' if failures == 1 else 's'}{refused} in {counted}",
            *dict.fromkeys([*self.doubts, *judged["doubts"]]),
        ]
        if judged["at_most"] is not None and not judged["doubts"]:
            words[1] = judged["why"]  # it says what became of each of the bounds
        if cycles:
            bounds = percent_interval(judged["lower"], judged["upper"])
            kind = called(judged["interval_method"])
            words.insert(2, f"{kind} {bounds} at {sure(judged['interval_confidence'])}")
        if judged["next"] and not self.doubts:
            words.append(judged["next"])
        return "; ".join(words)


def of_run(results: Results) -> list[Verdict]:
    """Judge every claim of every condition; a condition without one is only doubted."""
    from harness.analysis.judging import confidence_of  # noqa: PLC0415 - it reads stored runs

    claimed = family(results.experiment, confidence_of(results))
    return _judged(results, claimed, results.conditions)


def check(
    folder: Path,
    *,
    claim: str | None = None,
    condition: str | None = None,
    confidence: float | None = None,
) -> list[Verdict]:
    """Judge a stored run: its own claims, or ``claim`` about every condition or the one named.

    A doubt about the instrument counts wherever in the run it is. UsageError when there is nothing
    to judge: no such condition, no claim, no results.
    """
    from harness.analysis.judging import confidence_of  # noqa: PLC0415 - it reads stored runs
    from harness.results.reading import Results  # noqa: PLC0415 - the same

    results = Results(folder)
    refuse_to_judge(folder, results.run)
    asked = confidence_of(results) if confidence is None else _asked(confidence)
    chosen = _chosen(results.conditions, condition)
    # one of several claims looked at by itself is still one of several
    claimed = family(results.experiment, asked)
    if claim is not None:
        given = parse_claim(claim)
        each = confidence_each(asked, len(chosen))
        claimed = Family({entry["name"]: [given] for entry in chosen}, asked, each)
    judged = _judged(results, claimed, chosen)
    if not any(verdict.judged or verdict.doubts for verdict in judged):
        raise UsageError(f'{folder}: nothing is claimed here; say --claim "reliability >= 0.999"')
    return judged


def lines(judged: Sequence[Verdict]) -> list[str]:
    """Return a line a claim or doubt, and of several verdicts how they hold together."""
    sentences = [
        verdict.sentence() for verdict in judged if verdict.judged is not None or verdict.doubts
    ]
    sharing = [
        verdict
        for verdict in judged
        if verdict.judged is not None and verdict.judged["at_least"] < 1
    ]
    if len(sharing) > 1:
        first = sharing[0]
        sentences.append(
            f"{len(sharing)} verdicts, each at {sure((first.judged or {})['confidence'])}, "
            f"so that all hold at {sure(first.together)}"
        )
    return sentences


def exit_code(judged: Iterable[Verdict]) -> int:
    """4 when the instrument is in doubt, else 1 when any claim is refuted, 3 undecided, else 0."""
    every = list(judged)
    if any(verdict.doubts for verdict in every):
        return STATUS["harness error"]
    from harness.analysis.verdict import combined  # noqa: PLC0415 - slow to import

    word = combined(verdict.judged["verdict"] for verdict in every if verdict.judged is not None)
    return STATUS[word] if word is not None else 0


def _judged(results: Results, claimed: Family, chosen: Sequence[Json]) -> list[Verdict]:
    """Judge claims about the chosen conditions by the stored cycles, in order of cycle number.

    Nothing is supported where there is a harness error, a fault that never fired, or a missing
    cycle: what is missing may be what failed. Of the other conditions only that is told, and not
    of those that were never run.
    """
    from harness.analysis.judging import evidence_of, judged_claims  # noqa: PLC0415 - the same

    verdicts: list[Verdict] = []
    for condition in results.conditions:
        name = str(condition["name"])
        evidence = evidence_of(
            condition, results.columns(name), claimed.confidence, run=results.run
        )
        plain = Verdict(name, None, tuple(evidence.doubts()), claimed.confidence)
        if condition in chosen:
            claims = judged_claims(condition, evidence, claimed, path=False)
            verdicts += [replace(plain, judged=entry) for entry in claims] or [plain]
        elif plain.doubts and evidence.cycles:
            verdicts.append(plain)
    return verdicts


def _chosen(conditions: Sequence[Json], name: str | None) -> Sequence[Json]:
    if name is None:
        return conditions
    named = [condition for condition in conditions if condition["name"] == name]
    if not named:
        known = [str(condition["name"]) for condition in conditions]
        hint = nearest(name, known)
        raise UnknownName(f"no condition is called {name!r}; {hint}known: {', '.join(known)}")
    return named


def _asked(confidence: float) -> float:
    try:
        return checked_confidence(confidence)
    except ValueError as error:
        raise UsageError(f"--confidence {error}") from None
