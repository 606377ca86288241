"""What a command, a block of Python and a session of pytest ask of a guard, and how each begins.

Every entrance admits the database first, which refuses what must not be guarded, and then begins:
what a killed guard left is brought back, what cannot be restored later is refused, and the backup
is taken. What an entrance may be asked is listed here alone.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from harness import registry
from harness.cleanup import Cleanup
from harness.databases import Grade
from harness.databases.engine import Given
from harness.databases.errors import explained
from harness.errors import RestoreError, UsageError
from harness.guard import refusals, waiting
from harness.guard.journal import AtWork, how_to_recover
from harness.guard.leftovers import bring_back
from harness.guard.options import Options
from harness.guard.protocol import Guard, GuardResult
from harness.guard.survivors import Say, Survivors
from harness.guard.target import Target, target_of

BY_DIFFERENCE, NO_CLEANUP = "by_difference", "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """What people may ask of a guard, whichever way they come in."""

    cleanup: Cleanup | str | None = None  # as text: by_difference, none, or a shell's line
    recoveries: Sequence[str] | None = None  # None: the engine's own chain
    policy: str = "hybrid_verified"
    grade: Grade = "exact"
    busy_timeout_ms: int = 1000
    signs: Sequence[str] = ()  # more words that mean production
    i_know: bool = False  # guard also what only looks wrong
    archives: bool = True  # keep what a restore throws away
    wait_s: float = 0  # for the end of another guard
    absent_ok: bool = False  # no database before the tests is a baseline, too
    allow_survivors: bool = False  # that have it open when the tests have ended
    end_survivors: bool = False  # of these tests, and of those of a guard that was killed
    survivors_wait_s: float = 5.0  # for those that have it open


def admit(target: Target, asked: Asked) -> None:
    """Refuse what must not be guarded; nothing is opened or written.

    Raises:
        UsageError: the reason, and the way out.
    """
    waiting.check(asked.wait_s)
    waiting.check(asked.survivors_wait_s, "survivors_wait_s")
    chain_of(target, asked.recoveries)
    with _as_refusal(target):
        refusals.check(target, signs=asked.signs, override=asked.i_know, absent_ok=asked.absent_ok)


def made(
    target: Target,
    asked: Asked,
    *,
    remark: Callable[[str], None],
    in_process: bool = False,
    beside_fixtures: bool = False,
) -> Guard:
    """Put right what a killed guard left, and make the guard, which has not begun yet.

    ``remark`` is told a sentence about what was put right, if anything was, and later at once what
    the guard waits for. ``beside_fixtures``: unless people name it themselves, no recovery is taken
    that keeps its backup in the database itself, as the fixtures for each test do.

    Raises:
        AtWork: another guard is; ``waiting`` says how to wait for its end.
        UsageError: it cannot be guarded as asked; nothing has run.
        RestoreError: what a killed guard left could not be brought back.
    """
    recoveries = chain_of(target, asked.recoveries, in_process=in_process)
    if beside_fixtures and asked.recoveries is None:
        recoveries = tuple(name for name in recoveries if not _changes_database(name))
    try:
        recovered = recover_leftovers(
            target, archives=asked.archives, end_survivors=asked.end_survivors, say=remark
        )
    except RestoreError as error:
        raise RestoreError(
            f"what an earlier guard left: {error}\nnothing was run. Put that right first: "
            f"{how_to_recover(target.address)}"
        ) from error
    if recovered:
        remark(recovered)
    with _as_refusal(target):
        absent = asked.absent_ok and target.is_gone
        if absent:
            recoveries = (target.absence,)
        else:
            if asked.recoveries is None:
                recoveries = target.fitting(recoveries, say=remark)
            _refuse_unfit(target, recoveries)
        if not (absent or asked.i_know):
            target.refuse_in_use(recoveries)
        # the difference of a database to none is the whole of it, which the restore removes
        no_cleanup = absent and asked.cleanup == BY_DIFFERENCE
    survivors = Survivors(
        target,
        allowed=asked.allow_survivors,
        ended=asked.end_survivors,
        wait_s=asked.survivors_wait_s,
        say=remark,
    )
    options = Options(
        policy=asked.policy,
        recoveries=recoveries,
        cleanup=None if no_cleanup else cleanup_of(asked.cleanup, target, recoveries),
        grade=asked.grade,
        busy_timeout_ms=asked.busy_timeout_ms,
        archives=asked.archives,
        recovers=False,
        names_lockers=True,
        survivors=survivors,
    )
    guard = Guard(target, options)
    guard.result.recovered = recovered
    return guard


@contextmanager
def _as_refusal(target: Target) -> Iterator[None]:
    """Raise what the database's own driver says as a reason not to begin."""
    try:
        yield
    except target.engine.Error as error:
        raise UsageError(
            f"{target.address} could not be looked at, so nothing was run: {explained(error)}"
        ) from error


def _refuse_unfit(target: Target, recoveries: Sequence[str]) -> None:
    try:
        target.refuse_unfit(recoveries)
    except UsageError as error:
        if target.journal.exists:  # of another guard, which began meanwhile, and has taken a name
            raise AtWork(str(error)) from None
        raise


def finished(guard: Guard, *, apart: bool) -> GuardResult:
    """Finish a guard; whatever happens is in the result.

    ``apart``: in another process, as other connections of this one hold locks that must stay.
    """
    try:
        return guard.finish_elsewhere() if apart else guard.finish()
    except Exception as error:  # noqa: BLE001 - told as every other reason why it is not proven
        guard.give_up("another process" if apart else "the guard", error)
        return guard.result


def recover_leftovers(
    database: Given | Target,
    *,
    archives: bool = True,
    asked: bool = False,
    end_survivors: bool = False,
    say: Say = lambda _: None,
) -> str | None:
    """Put right what a killed guard left; return a sentence about it, None for nothing to do.

    ``end_survivors``: what its tests have started and that still lives is ended, and ``say`` is
    told whom.

    Raises:
        RestoreError: no backup could be put back; journal and backups are kept.
        UsageError: a guard is at work on the database.
    """
    target = target_of(database)
    was_pending, address = target.journal.exists, target.address
    by = bring_back(
        target,
        archives=archives,
        asked=asked,
        survivors="end" if end_survivors else "refuse",
        say=say,
    )
    if not was_pending:
        return None
    how = "failed" if target.journal.has_failed else "been killed"
    if by == target.absence:
        return f"a guard of {address} had {how}; there is no database again, as before it"
    if by is None:
        return f"a guard of {address} had {how}; the baseline was in place, its files are gone"
    return f"a guard of {address} had {how}; the baseline was brought back by {by}"


def chain_of(
    target: Target, recoveries: Sequence[str] | None, *, in_process: bool = False
) -> tuple[str, ...]:
    """Return the chain that is meant; UsageError for one that cannot be.

    None is the engine's own, which is shorter where the tests run in this process.
    """
    if recoveries is None:
        engine = target.engine
        return engine.recoveries_in_process if in_process else engine.default_recoveries
    chain = tuple(recoveries)
    if not chain:
        raise UsageError("no recovery was named: give at least one")
    if len(set(chain)) < len(chain):
        raise UsageError("--recovery: the same one is named twice")
    for name in chain:
        registry.find("recovery", name)
    return chain


def _changes_database(name: str) -> bool:
    return bool(registry.find("recovery", name).changes_database)


def cleanup_of(
    asked: Cleanup | str | None, target: Target, recoveries: Sequence[str]
) -> Cleanup | None:
    """Make the cleanup that is asked for; ``recoveries`` are those of the guard's chain."""
    if asked == NO_CLEANUP:
        return None
    if not isinstance(asked, str):
        return asked
    try:
        if asked == BY_DIFFERENCE:
            module = importlib.import_module("harness.cleanup.by_difference")
            baseline = target.recovery(recoveries[0], 0).baseline
            made: Cleanup = module.DifferenceCleanup(baseline)
        else:
            made = importlib.import_module("harness.cleanup.given.command").CommandCleanup(asked)
    except ModuleNotFoundError as error:
        raise UsageError(f"--cleanup {asked}: this installation has no such cleanup") from error
    return made
