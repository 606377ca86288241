"""Guard a database while a command runs: what ``harness guard`` and ``harness recover`` do."""

from __future__ import annotations

import importlib
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness import registry
from harness.cleanup import Cleanup
from harness.databases import Grade
from harness.databases.engine import Given
from harness.databases.engines import address_of
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard import by_hand, refusals, telling
from harness.guard.child import Ended, Signals
from harness.guard.journal import how_to_recover
from harness.guard.leftovers import bring_back
from harness.guard.options import Options
from harness.guard.protocol import Guard
from harness.guard.target import Target, pending, target_of
from harness.guard.telling import GUARD_FAILED, Run
from harness.system import processes

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people may ask of a guard around a command."""

    cleanup: Cleanup | None = None
    recoveries: Sequence[str] | None = None  # None: the engine's, beside which others may work
    policy: str = "hybrid_verified"
    grade: Grade = "exact"
    busy_timeout_ms: int = 1000
    signs: Sequence[str] = ()  # more words that mean production
    i_know: bool = False  # guard also what only looks wrong
    no_archive: bool = False  # do not keep what a restore throws away
    json_path: Path | None = None  # where programs are told how it ended
    quiet: bool = False
    verbose: bool = False


def run_guarded(
    database: Given, argv: Sequence[str], wanted: Wanted = Wanted(), *, say: Say, **changes: Any
) -> int:
    """Run ``argv`` with ``database`` guarded; return the status to exit with.

    It is the command's own status; 125 when the database is not proven at its baseline or nothing
    could be backed up (the command is not run then); 126 or 127 when the command cannot be run.

    Args:
        database: as it was given.
        argv: the command.
        wanted: how.
        say: told every line for people.
        changes: what is wanted, by its names, instead of or beside ``wanted``.

    Raises:
        UsageError: what was asked for cannot be done as asked; the command has not run.
    """
    wanted = replace(wanted, **changes)
    target = _checked(database, wanted)
    recoveries = chain_of(target, wanted.recoveries)
    refusals.check(target, signs=wanted.signs, override=wanted.i_know)
    tell = _Teller(say, wanted.json_path, quiet=wanted.quiet, verbose=wanted.verbose)
    with Signals() as signals:
        try:
            recovered = recover_leftovers(target, archives=not wanted.no_archive)
        except RestoreError as error:
            tell.error(f"what a killed guard left: {error}")
            tell.error(f"nothing was run. Put that right first: {how_to_recover(target.address)}")
            return GUARD_FAILED
        if recovered:
            tell.remark(recovered)
        target.refuse_unfit(recoveries)
        if not wanted.i_know:
            target.refuse_in_use(recoveries)
        guard = Guard(
            target,
            Options(
                policy=wanted.policy,
                recoveries=recoveries,
                cleanup=wanted.cleanup,
                grade=wanted.grade,
                busy_timeout_ms=wanted.busy_timeout_ms,
                archives=not wanted.no_archive,
                recovers=False,
            ),
        )
        try:
            guard.begin()
        except BackupError as error:
            tell.error(str(error))
            tell.write(Run(target.address, guard.result, GUARD_FAILED, wanted.grade, recovered))
            return GUARD_FAILED
        return _guarded(guard, argv, signals, tell, recovered)


def recover_leftovers(
    database: Given | Target, *, archives: bool = True, asked: bool = False
) -> str | None:
    """Put right what a killed guard left; return a sentence about it, None for nothing to do.

    Raises:
        RestoreError: no backup could be put back; journal and backups are kept.
        UsageError: a guard is at work on the database.
    """
    target = target_of(database)
    was_pending, address = target.journal.exists, target.address
    by = bring_back(target, archives=archives, asked=asked)
    if not was_pending:
        return None
    if by is None:
        return (
            f"a guard of {address} had been killed; the baseline was in place, its files are gone"
        )
    return f"a guard of {address} had been killed; the baseline was brought back by {by}"


def run_recover(
    database: str | None, *, busy_timeout_ms: int = 1000, discard: bool = False, say: Say
) -> int:
    """Put right what a killed guard left and say what was done: 0, or 125 when it could not be.

    Without a database: say for which there is anything to put right. ``discard``: the database
    stays as it is, and what the guard had backed up becomes archives.

    Raises:
        UsageError: a guard is at work on it, or what stands there is none of a guard's.
    """
    if database is None:
        if discard:
            raise UsageError("--discard is of one database: give --database with it")
        return _list_pending(say)
    target = target_of(database, busy_timeout_ms=busy_timeout_ms)
    if discard:
        say(f"recover: {by_hand.discard(target.address)}")
        return 0
    try:
        done = recover_leftovers(target, asked=True)
    except RestoreError as error:
        say(f"recover: {error}")
        say("recover: the backups are kept. Stop whatever uses the database and run this again.")
        return GUARD_FAILED
    if done is None and not target.is_there:
        raise UsageError(f"--database {target.address}: there is no such file")
    say(f"recover: {done or f'no guard left anything at {target.address}: nothing to do'}")
    return 0


def _list_pending(say: Say) -> int:
    left = list(pending())
    for database in left:
        gone = ", whose folder is gone" if database.folder_is_gone else ""
        what = "a guard is at work" if database.at_work else how_to_recover(database.whole)
        say(f"recover: {database.whole}{gone}: {what}")
    if not left:
        say("recover: nothing is pending, as far as this user's guards have noted")
    return 0


def cleanup_of(
    line: str | None, database: Given | Target, recoveries: Sequence[str] | None
) -> Cleanup | None:
    """Make the cleanup that --cleanup names: by_difference, or a shell's command line."""
    if line is None:
        return None
    try:
        if line == "by_difference":
            module = importlib.import_module("harness.cleanup.by_difference")
            target = target_of(database)
            baseline = target.recovery(chain_of(target, recoveries)[0], 0).baseline
            made: Cleanup = module.DifferenceCleanup(baseline)
        else:
            made = importlib.import_module("harness.cleanup.given.command").CommandCleanup(line)
    except ModuleNotFoundError as error:
        raise UsageError(f"--cleanup {line}: this installation has no such cleanup") from error
    return made


def chain_of(target: Target, recoveries: Sequence[str] | None) -> tuple[str, ...]:
    """Return the chain that is meant; UsageError for one that cannot be.

    None is the engine's own that can be put back while others are connected.
    """
    if recoveries is None:
        return target.engine.recoveries_beside_others
    chain = tuple(recoveries)
    if not chain:
        raise UsageError("no recovery was named: give at least one")
    if len(set(chain)) < len(chain):
        raise UsageError("--recovery: the same one is named twice")
    for name in chain:
        registry.find("recovery", name)
    return chain


def _guarded(
    guard: Guard, argv: Sequence[str], signals: Signals, tell: _Teller, recovered: str | None
) -> int:
    """Run the command and finish, whatever is raised on the way."""
    target, grade = guard.target, guard.options.grade
    others = target.users() | {os.getpid()}
    started = time.perf_counter()
    try:
        ended = signals.run(argv, guard.command_started)
    except BaseException:
        guard.finish()
        tell.told(Run(target.address, guard.result, GUARD_FAILED, grade, recovered))
        raise
    command_ms = 0.0 if ended.why_not_run else (time.perf_counter() - started) * 1000
    guard.finish()
    run = Run(
        target.address,
        guard.result,
        _status(ended, guard),
        grade,
        recovered,
        ended.why_not_run,
        command_ms,
    )
    tell.told(run)
    if stayed := target.users() - others:
        tell.error(
            f"{target.address} is open in process {processes.named(stayed)}, which came with the "
            "command and outlived it: what it writes from now on nobody undoes. End it"
        )
    return run.status


def _status(ended: Ended, guard: Guard) -> int:
    return ended.status if guard.result.says_clean else GUARD_FAILED


def _checked(database: Given, wanted: Wanted) -> Target:
    """Refuse before anything runs what could only fail afterwards; give the database's target."""
    address = address_of(database).absolute()
    target = target_of(address, busy_timeout_ms=wanted.busy_timeout_ms)
    chain_of(target, wanted.recoveries)
    json_path = wanted.json_path
    if json_path is not None:
        if json_path.is_dir():
            raise UsageError(f"--json {json_path}: is a folder; give the path of a file")
        if not os.access(json_path.absolute().parent, os.W_OK):
            raise UsageError(f"--json {json_path}: its folder is not there or not writable")
    return target


class _Teller:
    """Say what there is to say; that nobody listens must never keep the guard from its work."""

    def __init__(self, say: Say, json_path: Path | None, *, quiet: bool, verbose: bool) -> None:
        self._say = say
        self._json_path = json_path
        self._quiet = quiet
        self._verbose = verbose

    def error(self, line: str) -> None:
        with suppress(OSError):
            self._say(f"guard: {line}")

    def remark(self, line: str) -> None:
        if not self._quiet:
            self.error(line)

    def told(self, run: Run) -> None:
        for line in telling.lines(run, verbose=self._verbose):
            self.remark(line)
        for line in telling.errors(run, verbose=self._verbose):
            self.error(line)
        self.write(run)

    def write(self, run: Run) -> None:
        """Write the document whole or not at all."""
        if self._json_path is None:
            return
        text = json.dumps(telling.document(run, verbose=self._verbose), indent=2) + "\n"
        part = self._json_path.with_name(f".{self._json_path.name}.{secrets.token_hex(8)}.part")
        try:
            with part.open("x", encoding="utf-8", errors="surrogatepass") as file:
                file.write(text)
            os.replace(part, self._json_path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            self.error(f"--json {self._json_path}: cannot be written: {error}")
