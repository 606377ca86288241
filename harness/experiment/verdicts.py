"""The verdict on each claim of a run, and the exit status that says so to a script."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import UnknownName, UsageError
from harness.experiment.claimed import (
    Claim,
    checked_confidence,
    confidence_each,
    own_claims,
    parse_claim,
)
from harness.experiment.document import nearest
from harness.experiment.in_order import InOrder
from harness.experiment.store import RUN

if TYPE_CHECKING:
    from harness.analysis.results import Results
    from harness.experiment.configuration import Experiment

__all__ = ["InOrder", "Verdict", "check", "each", "exit_code", "lines", "of_run"]

REFUTED, UNDECIDED, HARNESS_ERROR = 1, 3, 4


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the stored cycles prove of one claim about one condition."""

    condition: str
    judged: Mapping[str, Any] | None  # an entry of claims in summary.json; None: nothing claimed
    doubts: tuple[str, ...]  # why nothing can be supported: harness errors, gaps
    together: float = 0.95  # the confidence with which it holds together with the others

    @property
    def exit_code(self) -> int:
        """0 supported, 1 refuted, 3 undecided, 4 where the instrument is in doubt."""
        if self.doubts:
            return HARNESS_ERROR
        if self.judged is None or self.judged["verdict"] == "supported":
            return 0
        return REFUTED if self.judged["verdict"] == "refuted" else UNDECIDED

    def sentence(self) -> str:
        """One line for people."""
        one = self.judged
        if one is None:
            return f"{self.condition}: {'; '.join(self.doubts) or 'nothing claimed'}"
        said = f"{self.condition}: {one['claim']}: {one['verdict']}"
        if one["verdict"] == "not measured":
            why = () if one["why"] in self.doubts else (one["why"],)
            return "; ".join([said, *why, *self.doubts])
        at = f" at cycle {one['decided_at_cycle']:,}" if one["decided_at_cycle"] else ""
        failures, cycles = one["failures"], one["cycles"]
        designed = one["method"].startswith("stratified")
        counted = f"{cycles:,} cycle{'' if cycles == 1 else 's'}"
        refused = f" ({one['refused']:,} of them refused)" if one["refused"] else ""
        words = [
            f"{said}{at} ({one['method']})",
            # of cycles with a set number of faults the share that failed says nothing by itself
            f"{counted} with a set number of faults"
            if designed
            else f"{failures:,} failure{'' if failures == 1 else 's'}{refused} in {counted}",
            *dict.fromkeys([*self.doubts, *one["doubts"]]),
        ]
        if cycles:
            bounds = f"[{one['lower']:.4%}, {one['upper']:.4%}]"
            kind = "interval" if designed else "Clopper-Pearson"
            words.insert(2, f"{kind} {bounds} at {one['interval_confidence']:.4g}")
        if one["next"] and not self.doubts:
            words.append(one["next"])
        return "; ".join(words)


def of_run(results: Results) -> list[Verdict]:
    """Judge every claim of every condition; a condition without one is only doubted."""
    conditions = _conditions(results)
    claims = {one["name"]: own_claims(one) for one in conditions}
    family = sum(map(len, claims.values()))
    return _judged(results, conditions, claims, _confidence(results), family)


def check(
    folder: Path,
    *,
    claim: str | None = None,
    condition: str | None = None,
    confidence: float | None = None,
) -> list[Verdict]:
    """Judge a stored run: its own claims, or ``claim`` about every condition or the one named.

    UsageError when there is nothing to judge: no such condition, no claim, no results.
    """
    from harness.analysis.results import Results  # noqa: PLC0415 - it reads stored runs

    results = Results(folder)
    conditions = _conditions(results)
    confidence = _confidence(results) if confidence is None else _asked(confidence)
    chosen = _chosen(conditions, condition)
    given = [] if claim is None else [parse_claim(claim)]
    claims = {one["name"]: given or own_claims(one) for one in chosen}
    claiming = [one for one in chosen if claims[one["name"]]]
    if not claiming:
        raise UsageError(f'{folder}: nothing is claimed here; say --claim "reliability >= 0.999"')
    # one of several claims looked at by itself is still one of several
    family = len(claiming) if given else sum(len(own_claims(one)) for one in conditions)
    return _judged(results, claiming, claims, confidence, family)


def lines(judged: Sequence[Verdict]) -> list[str]:
    """Return a line a claim or doubt, and of several verdicts how they hold together."""
    told = [one.sentence() for one in judged if one.judged is not None or one.doubts]
    verdicts = [one for one in judged if one.judged is not None]
    if len(verdicts) > 1:
        first = verdicts[0]
        alone = _percent((first.judged or {})["confidence"])
        told.append(
            f"{len(verdicts)} verdicts, each at {alone}, "
            f"so that all hold at {_percent(first.together)}"
        )
    return told


def exit_code(judged: Iterable[Verdict]) -> int:
    """4 when the instrument is in doubt, else 1 when any claim is refuted, 3 undecided, else 0."""
    codes = {one.exit_code for one in judged}
    return next((code for code in (HARNESS_ERROR, REFUTED, UNDECIDED) if code in codes), 0)


def each(experiment: Experiment) -> float:
    """Return the confidence of each verdict of an experiment at which all hold together."""
    number = sum(len(condition.claims) for condition in experiment.conditions)
    return confidence_each(experiment.confidence, number)


def _judged(
    results: Results,
    conditions: Sequence[Mapping[str, Any]],
    claims: Mapping[str, Sequence[Claim]],
    confidence: float,
    family: int,
) -> list[Verdict]:
    """Judge claims by the stored cycles, in order of cycle number.

    Nothing is supported where there is a harness error, a fault that never fired, or a missing
    cycle: what is missing may be what failed.
    """
    from harness.analysis.judging import evidence_of, judged_claims  # noqa: PLC0415 - the same

    alone = confidence_each(confidence, family)
    verdicts: list[Verdict] = []
    for one in conditions:
        name = str(one["name"])
        evidence = evidence_of(one, results.columns(name), confidence)
        doubts = tuple(evidence.doubts()) if evidence.cycles else ("nothing was measured",)
        plain = Verdict(name, None, doubts, confidence)
        said = judged_claims(one, evidence, claims[name], alone, confidence, path=False)
        verdicts += [replace(plain, judged=entry) for entry in said] or [plain]
    return verdicts


def _conditions(results: Results) -> list[Mapping[str, Any]]:
    """Return the conditions of run.json; UsageError when it holds none that can be read."""
    experiment = results.run.get("experiment")
    found = experiment.get("conditions") if isinstance(experiment, dict) else None
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and "name" in one for one in found
    ):
        raise UsageError(
            f"{results.folder / RUN}: holds no experiment, so no run wrote it; "
            "put back the run.json that belongs to these cycles"
        )
    return list(found)


def _chosen(conditions: list[Mapping[str, Any]], name: str | None) -> list[Mapping[str, Any]]:
    if name is None:
        return conditions
    found = [one for one in conditions if one["name"] == name]
    if not found:
        known = [str(one["name"]) for one in conditions]
        hint = nearest(name, known)
        raise UnknownName(f"no condition is called {name!r}; {hint}known: {', '.join(known)}")
    return found


def _confidence(results: Results) -> float:
    try:
        return checked_confidence(results.experiment.get("confidence", 0.95))
    except ValueError as error:
        raise UsageError(f"{results.folder / RUN}: confidence {error}") from None


def _asked(confidence: float) -> float:
    try:
        return checked_confidence(confidence)
    except ValueError as error:
        raise UsageError(f"--confidence {error}") from None


def _percent(share: float) -> str:
    return f"{100 * share:.10g}%"
