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
from harness.results.folder import RUN
from harness.statistics.digits import sure

if TYPE_CHECKING:
    from harness.results.reading import Results

__all__ = ["InOrder", "Verdict", "check", "exit_code", "lines", "of_run"]

Json = Mapping[str, Any]
# of what a run comes to (harness.analysis.verdict)
STATUS = {"supported": 0, "not refuted": 0, "refuted": 1, "undecided": 3, "harness error": 4}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the stored cycles prove of one claim about one condition."""

    condition: str
    judged: Json | None  # an entry of claims in summary.json; None: nothing claimed
    doubts: tuple[str, ...]  # why nothing can be supported: harness errors, gaps
    together: float = 0.95  # the confidence with which it holds together with the others

    @property
    def exit_code(self) -> int:
        """0 supported, 1 refuted, 3 undecided, 4 where the instrument is in doubt."""
        return exit_code([self])

    def sentence(self) -> str:
        """One line for people."""
        one = self.judged
        if one is None:
            return f"{self.condition}: {'; '.join(self.doubts) or 'nothing claimed'}"
        said = f"{self.condition}: {one['claim']}: {one['verdict']}"
        if one["verdict"] == "not refuted":
            return "; ".join([f"{said}: {one['why']}", *self.doubts])
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
        if one["at_most"] is not None and not one["doubts"]:
            words[1] = one["why"]  # it says what became of each of the bounds
        if cycles:
            bounds = f"[{one['lower']:.4%}, {one['upper']:.4%}]"
            kind = "interval" if designed else "Clopper-Pearson"
            words.insert(2, f"{kind} {bounds} at {one['interval_confidence']:.4g}")
        if one["next"] and not self.doubts:
            words.append(one["next"])
        return "; ".join(words)


def of_run(results: Results) -> list[Verdict]:
    """Judge every claim of every condition; a condition without one is only doubted."""
    from harness.analysis.judging import confidence_of  # noqa: PLC0415 - it reads stored runs

    conditions = _conditions(results)
    found = family(results.experiment, confidence_of(results))
    return _judged(results, conditions, found, conditions)


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
    conditions = _conditions(results)
    asked = confidence_of(results) if confidence is None else _asked(confidence)
    chosen = _chosen(conditions, condition)
    # one of several claims looked at by itself is still one of several
    found = family(results.experiment, asked)
    if claim is not None:
        given = parse_claim(claim)
        each = confidence_each(asked, len(chosen))
        found = Family({one["name"]: [given] for one in chosen}, asked, each)
    judged = _judged(results, conditions, found, chosen)
    if not any(one.judged or one.doubts for one in judged):
        raise UsageError(f'{folder}: nothing is claimed here; say --claim "reliability >= 0.999"')
    return judged


def lines(judged: Sequence[Verdict]) -> list[str]:
    """Return a line a claim or doubt, and of several verdicts how they hold together."""
    told = [one.sentence() for one in judged if one.judged is not None or one.doubts]
    sharing = [one for one in judged if one.judged is not None and one.judged["at_least"] < 1]
    if len(sharing) > 1:
        first = sharing[0]
        told.append(
            f"{len(sharing)} verdicts, each at {sure((first.judged or {})['confidence'])}, "
            f"so that all hold at {sure(first.together)}"
        )
    return told


def exit_code(judged: Iterable[Verdict]) -> int:
    """4 when the instrument is in doubt, else 1 when any claim is refuted, 3 undecided, else 0."""
    every = list(judged)
    if any(one.doubts for one in every):
        return STATUS["harness error"]
    from harness.analysis.verdict import combined  # noqa: PLC0415 - slow to import

    word = combined(one.judged["verdict"] for one in every if one.judged is not None)
    return STATUS[word] if word is not None else 0


def _judged(
    results: Results, conditions: Sequence[Json], found: Family, chosen: Sequence[Json]
) -> list[Verdict]:
    """Judge claims about the chosen conditions by the stored cycles, in order of cycle number.

    Nothing is supported where there is a harness error, a fault that never fired, or a missing
    cycle: what is missing may be what failed. Of the other conditions only that is told, and not
    of those that were never run.
    """
    from harness.analysis.judging import evidence_of, judged_claims  # noqa: PLC0415 - the same

    verdicts: list[Verdict] = []
    for condition in conditions:
        name = str(condition["name"])
        evidence = evidence_of(condition, results.columns(name), found.confidence)
        plain = Verdict(name, None, tuple(evidence.doubts()), found.confidence)
        if condition in chosen:
            said = judged_claims(condition, evidence, found, path=False)
            verdicts += [replace(plain, judged=entry) for entry in said] or [plain]
        elif plain.doubts and evidence.cycles:
            verdicts.append(plain)
    return verdicts


def _conditions(results: Results) -> list[Json]:
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


def _chosen(conditions: list[Json], name: str | None) -> list[Json]:
    if name is None:
        return conditions
    found = [condition for condition in conditions if condition["name"] == name]
    if not found:
        known = [str(condition["name"]) for condition in conditions]
        hint = nearest(name, known)
        raise UnknownName(f"no condition is called {name!r}; {hint}known: {', '.join(known)}")
    return found


def _asked(confidence: float) -> float:
    try:
        return checked_confidence(confidence)
    except ValueError as error:
        raise UsageError(f"--confidence {error}") from None
