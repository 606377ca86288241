"""How a guarded run ended, told to people in lines and to programs as one JSON document.

Pure functions: nothing here looks at a database or prints.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import registry
from harness.databases import Grade
from harness.databases.engine import Address
from harness.guard import left
from harness.guard.document import VERSION, of
from harness.guard.journal import how_to_recover
from harness.guard.loading import load
from harness.guard.result import GuardResult, Kept
from harness.printable import printed
from harness.steps import Failure
from harness.system.processes import listed

MORE = "--verbose shows them"
ALLOWS = "--allow-survivors (in Python allow_survivors=True)"
_PHASES = ("backup", "cleanup", "verify", "restore", "dispose")  # in the order they are told


@dataclass(frozen=True, slots=True)
class Run:
    """One guarded run: what was asked for and how it went."""

    database: Address
    result: GuardResult
    status: int  # what the guard exits with
    grade: Grade = "exact"
    why_not_run: str = ""  # a sentence; empty when the command ran
    command_ms: float = 0.0

    @property
    def proven(self) -> bool:
        """Whether the last verification found the database to be its baseline."""
        last_found = self.result.remaining or self.result.found
        return self.result.says_clean and last_found is not None and last_found.proves(self.grade)


def lines(run: Run, *, verbose: bool = False, more: str = MORE) -> list[str]:
    """Tell it in a few lines; ``verbose``: with every row that differs, else what shows them."""
    return _backed_up(run.result) + outcome(run, verbose=verbose, more=more)


def outcome(run: Run, *, verbose: bool, more: str) -> list[str]:
    """Tell what came of it, in a few lines, the verdict apart."""
    sentences = []
    if run.result.unprotected:
        sentences.append(
            "nothing is kept out of the tests' reach: what they remove beside the database is gone "
            f"if the guard is killed as well ({run.result.unprotected})"
        )
    sentences += _left(run, verbose, more) + _cleaned(run.result) + _ended(run.result)
    sentences += surviving(run.database, run.result)
    spent = [f"{phase} {_span(ms)}" for phase, ms in _spent(run)]
    return [*sentences, ", ".join(spent)] if spent else sentences


def errors(run: Run, *, verbose: bool = False, more: str = MORE, option: str = ALLOWS) -> list[str]:
    """Tell only what went wrong: why the command did not run, why the database is not proven."""
    sentences = [run.why_not_run] if run.why_not_run else []
    result = run.result
    if not result.says_clean:
        sentences += _reasons(result)
        if result.remaining is not None:
            remaining = left.sentences(result.remaining, verbose=verbose, more=more)
            sentences += ["still different:", *_indented(remaining)] if remaining else []
        sentences += still_open(run.database, result, option)
        sentences += _what_to_do(run)
    if result.undisposed:
        sentences.append("the backup could not be removed; the next guard will try again")
    return sentences


def verdict(run: Run) -> str:
    """Tell the last line: whether the database is its baseline."""
    if not run.result.says_clean:
        return f"{run.database} is NOT proven back at its baseline"
    if run.proven:
        return f"{run.database} is proven back at its baseline"
    return f"{run.database} was not looked at: nothing is proven with this policy"


def not_proven(run: Run, *, more: str = MORE) -> str:
    """Tell as one text that the database is not its baseline, and what to do."""
    return printed([f"{verdict(run)}:", *errors(run, more=more)])


def document(run: Run, *, verbose: bool = False) -> dict[str, Any]:
    """Tell it to programs; ``verbose``: with every row that differs."""
    result = run.result
    return {
        "version": VERSION,
        "database": run.database.whole,
        "status": run.status,
        "ended": result.ended,
        "grade": run.grade,
        "proven": run.proven,
        "recovered": result.recovered,
        "why_not_run": run.why_not_run or None,
        "found": None if result.found is None else of(result.found, rows=verbose),
        "remaining": None if result.remaining is None else of(result.remaining, rows=verbose),
        "cleanup": _report(result),
        "absent": result.absent,
        "backed_up_by": list(result.backed_up_by),
        "restored_by": result.restored_by,
        "archive": None if result.archive is None else _whole(result.archive),
        "backup_bytes": result.backup_bytes,
        "survivors": [survivor._asdict() for survivor in result.survivors],
        "unprotected": result.unprotected or None,
        "undisposed": result.undisposed,
        "timings_ms": {phase: round(ms, 3) for phase, ms in _spent(run)},
        "cpu_ms": {phase: round(ms, 3) for phase, ms in result.cpu_ms.items()},
        "failures": [
            failure.step._asdict()
            | {"reason": failure.reason, "error": failure.error, "code": failure.code}
            for failure in result.failures
        ],
        "by_hand": how_to_recover(run.database) if _is_pending(result) else None,
    }


# For people.


def still_open(
    database: Address | str | Path,
    result: GuardResult,
    option: str = ALLOWS,
) -> list[str]:
    """Say who of the tests has the database open, for which reason it is not proven.

    ``option`` is what allows that.
    """
    open_in = [one.name for one in result.survivors if one.has_it_open]
    if not open_in or result.says_clean:
        return []
    return [
        f"process {listed(open_in)}, started by the tests, still has {database} open and may "
        f"write to it; where that is wanted, say {option}"
    ]


def surviving(database: Address | str | Path, result: GuardResult) -> list[str]:
    """Say who else of the tests lives on: a line for those who have it open, one for others."""
    open_in = [one.name for one in result.survivors if one.has_it_open and result.says_clean]
    others = [one.name for one in result.survivors if not one.has_it_open]
    sentences = []
    if open_in:
        sentences.append(
            f"process {listed(open_in)}, started by the tests, still has {database} open, as "
            "allowed: what it writes from now on nobody undoes"
        )
    if others:
        sentences.append(runs_on(listed(others), database))
    return sentences


def runs_on(names: str, database: object) -> str:
    """Say of processes that live, and have the database not open, what that means."""
    return (
        f"process {names}, started by the tests, still runs, without {database} open: should it "
        "write there later, nobody undoes that"
    )


def _backed_up(result: GuardResult) -> list[str]:
    """Say which recovery it was, and what speaks for it."""
    if result.absent:
        return ["there is no database yet: what the tests make is removed again"]
    return [
        f"backed up by {name}: {registry.find('recovery', name).contract}"
        for name in result.backed_up_by
    ]


def _what_to_do(run: Run) -> list[str]:
    if run.result.lost:
        return [
            "its backup is gone or altered, so no guard can bring it back. Put a copy of your own "
            "back ('harness restore'; with --list it lists what restores have kept), or take "
            f"the database as it is: {how_to_recover(run.database)} --discard"
        ]
    return [
        "journal and backup are left as they are. Stop whatever uses the database, then run:",
        f"  {how_to_recover(run.database)}",
    ]


def _left(run: Run, verbose: bool, more: str) -> list[str]:
    differences = run.result.found
    if differences is None:
        return []
    whose = "left by the tests" if run.result.report is None else "left after the cleanup"
    if differences.whole:
        return [f"{whose}: {differences.whole}"]
    differing = left.sentences(differences, verbose=verbose, more=more)
    return [f"{whose}:", *_indented(differing)] if differing else [f"{whose}: nothing"]


def _cleaned(result: GuardResult) -> list[str]:
    if result.report is None:
        return []
    sentences = result.report.sentences() or [
        "done, by its own word" if result.report.ok else "failed, by its own word"
    ]
    return [f"cleanup: {sentences[0]}", *_indented(sentences[1:])]


def _ended(result: GuardResult) -> list[str]:
    if not result.says_clean:
        return []
    sentences = []
    if result.restored_by is not None:
        how = "it was removed" if result.absent else f"restored by {result.restored_by}"
        sentences += [how, *_indented(_reasons(result))]
        if result.archive is not None:
            sentences += _kept(result.archive)
        elif undone_in_place(result.restored_by):
            sentences.append("what was there was undone in its place, and is not kept")
    elif result.found is not None:
        sentences += [f"put back: {was}" for was in put_back(result)]
        sentences.append("no restore was needed")
    return sentences


def undone_in_place(recovery: str) -> bool:
    """Whether a recovery changes the database itself, so that nothing of it is put aside."""
    known = recovery in registry.names("recovery")
    return known and registry.find("recovery", recovery).changes_database is True


def _kept(archive: Kept) -> list[str]:
    """Say where what was thrown away is, and what its engine says of such a place."""
    if isinstance(archive, os.PathLike):
        return [f"what was there is kept as {archive.name}"]
    about = load(f"{archive.engine.guarding}.archive").about(archive)
    return [f"what was there is kept as {archive}", *_indented(about)]


def put_back(result: GuardResult) -> list[str]:
    """Say which attributes are again what they were, though nothing was restored."""
    if result.found is None or result.remaining is None:
        return []
    return [
        f"{name} {was}"
        for name, (was, _) in sorted(result.found.attributes.items())
        if name not in result.remaining.attributes
    ]


def _reasons(result: GuardResult) -> list[str]:
    """Give what failed on the way in the guard's own steps, the last attempt of each."""
    last_failures = {
        (failure.step.phase, failure.step.operation): failure
        for failure in result.failures
        if failure.step.phase != "cleanup"
    }
    return [
        f"{phase} by {operation} failed: {_why(failure)}"
        for (phase, operation), failure in last_failures.items()
    ]


def _why(failure: Failure) -> str:
    """Say what failed; an error whose kind says it all, once."""
    kind, _, text = failure.error.partition(": ")
    return text if text and kind == failure.reason else f"{failure.reason} ({failure.error})"


def _indented(sentences: list[str]) -> list[str]:
    return [f"  {line}" for line in sentences]


def _span(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def _spent(run: Run) -> list[tuple[str, float]]:
    timings = run.result.timings_ms
    spent = [(phase, timings[phase]) for phase in _PHASES if phase in timings]
    if run.command_ms:
        spent.insert(1 if "backup" in timings else 0, ("command", run.command_ms))
    return spent


def _is_pending(result: GuardResult) -> bool:
    """Whether a journal was left that somebody can recover from."""
    if result.ended == "refused":
        return result.undisposed
    return not result.says_clean and not result.lost


# For programs.


def _whole(archive: Kept) -> str:
    return str(archive) if isinstance(archive, os.PathLike) else archive.whole


def _report(result: GuardResult) -> dict[str, Any] | None:
    report = result.report
    if report is None:
        return None
    return {
        "ok": report.ok,
        "wanted": dict(report.wanted),
        "removed": dict(report.removed),
        "failed": [[entity.label, failure.reason] for entity, failure in report.failed],
        "sentences": report.sentences(),
    }
