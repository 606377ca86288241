"""Guard a database while a command runs: what ``harness guard`` and ``harness recover`` do."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from click import style

from harness.databases.engine import Given
from harness.databases.engines import address_of
from harness.errors import BackupError, RestoreError, UsageError
from harness.guard import telling
from harness.guard.child import SIGNALLED, Ended, Signals
from harness.guard.entrance import Asked, admit, finished, made, recover_leftovers
from harness.guard.journal import how_to_recover
from harness.guard.leftovers import BackupsLost
from harness.guard.protocol import Guard, GuardResult
from harness.guard.result import GUARD_FAILED
from harness.guard.survivors import Say
from harness.guard.target import pending, target_of
from harness.guard.telling import Run
from harness.guard.waiting import Waiting
from harness.log import Log
from harness.printable import printable, printable_lines

_LOG = Log("guard.command")


def run_guarded(
    database: Given,
    argv: Sequence[str],
    asked: Asked = Asked(),  # noqa: B008 - frozen, so one shared default is safe
    *,
    say: Say,
    json_path: Path | None = None,
    quiet: bool = False,
    verbose: bool = False,
    colours: bool = False,
    **changes: Any,
) -> int:
    """Run ``argv`` with ``database`` guarded; return the status to exit with.

    It is the command's own status; 125 when the database is not proven at its baseline or nothing
    could be backed up (the command is not run then); 126 or 127 when the command cannot be run.

    Args:
        database: as it was given.
        argv: the command.
        asked: how to guard it.
        say: told every line for people.
        json_path: where programs are told how it ended.
        quiet: say nothing but errors.
        verbose: say all.
        colours: whether the verdict may be in one.
        changes: what is asked, by its names, instead of or beside ``asked``.

    Raises:
        UsageError: what was asked for cannot be done as asked; the command has not run.
    """
    asked = replace(asked, **changes)
    address = address_of(database).absolute()
    target = target_of(address, busy_timeout_ms=asked.busy_timeout_ms)
    _refuse_unwritable(json_path)
    admit(target, asked)
    tell = _Teller(say, json_path, quiet=quiet, verbose=verbose, colours=colours)
    with Signals() as signals:
        guard: Guard | None = None

        def begin() -> Guard:
            nonlocal guard
            guard = made(target, asked, remark=tell.remark)
            guard.begin()
            return guard

        def pause(seconds: float) -> None:
            time.sleep(seconds)
            if signals.told_to_end:
                raise _ToldToEnd

        try:
            begun = Waiting(asked.wait_s, tell.remark).until_alone(begin, pause)
        except _ToldToEnd:
            name = signal.Signals(signals.told_to_end).name
            why = f"told to end by {name} while waiting: {argv[0]} was not run"
            tell.error(why)
            status = SIGNALLED + signals.told_to_end
            tell.write(Run(target.address, GuardResult(ended="refused"), status, asked.grade, why))
            return status
        except RestoreError as error:
            why = str(error)
            for line in why.splitlines():
                tell.error(line)
            tell.write(Run(target.address, GuardResult(), GUARD_FAILED, asked.grade, why))
            return GUARD_FAILED
        except BackupError as error:
            tell.error(str(error))
            result = guard.result if guard is not None else GuardResult()
            tell.write(Run(target.address, result, GUARD_FAILED, asked.grade))
            return GUARD_FAILED
        return _guarded(begun, argv, signals, tell)


class _ToldToEnd(Exception):
    """A signal came while another guard was waited for."""


def run_recover(
    database: Given | None,
    *,
    busy_timeout_ms: int = 1000,
    discard: bool = False,
    end_survivors: bool = False,
    say: Say,
) -> int:
    """Put right what a killed guard left and say what was done: 0, or 125 when it could not be.

    Without a database: say for which there is anything to put right. ``discard``: the database
    stays as it is, and what the guard had backed up becomes archives. ``end_survivors``: what its
    tests have started and that still lives is ended first.

    Raises:
        UsageError: a guard is at work on it, or what stands there is none of a guard's.
    """
    if discard and end_survivors:
        raise UsageError("--end-survivors goes before bringing back: give it without --discard")
    if database is None:
        if discard or end_survivors:
            option = "--discard" if discard else "--end-survivors"
            raise UsageError(f"{option} is of one database: give --database with it")
        return _list_pending(say)

    def tell(line: str) -> None:
        say(printable_lines(f"recover: {line}"))

    target = target_of(database, busy_timeout_ms=busy_timeout_ms)
    if discard:
        from harness.guard import by_hand  # noqa: PLC0415 - no guard needs it

        tell(by_hand.discard(target.address))
        return 0
    try:
        done = recover_leftovers(
            target,
            asked=True,
            end_survivors=end_survivors,
            say=tell,
        )
    except RestoreError as error:
        tell(str(error))
        if not isinstance(error, BackupsLost):
            tell("the backups are kept. Stop whatever uses the database and run this again.")
        return GUARD_FAILED
    if done is None and not target.is_there:
        what = "file" if isinstance(target.given, os.PathLike) else "database"
        raise UsageError(f"--database {target.address}: there is no such {what}")
    tell(done or f"no guard left anything at {target.address}: nothing to do")
    return 0


def _list_pending(say: Say) -> int:
    left = list(pending())
    for database in left:
        gone = ", whose folder is gone" if database.folder_is_gone else ""
        what = "a guard is at work" if database.at_work else how_to_recover(database.whole)
        say(printable(f"recover: {database.whole}{gone}: {what}"))
    if not left:
        say("recover: nothing is pending, as far as this user's guards have noted")
    return 0


def _guarded(guard: Guard, argv: Sequence[str], signals: Signals, tell: _Teller) -> int:
    """Run the command and finish, whatever is raised on the way."""
    target, grade = guard.target, guard.options.grade
    started = time.perf_counter()
    try:
        _LOG.info("%s is run", argv[0])
        ended = signals.run(argv, guard.command_started)
    except BaseException:
        finished(guard, apart=False)
        tell.told(Run(target.address, guard.result, GUARD_FAILED, grade))
        raise
    _LOG.info("%s ended with status %d", argv[0], ended.status)
    command_ms = 0.0 if ended.why_not_run else (time.perf_counter() - started) * 1000
    finished(guard, apart=False)
    run = Run(
        target.address,
        guard.result,
        _status(ended, guard),
        grade,
        ended.why_not_run,
        command_ms,
    )
    tell.told(run)
    return run.status


def _status(ended: Ended, guard: Guard) -> int:
    return ended.status if guard.result.says_clean else GUARD_FAILED


def _refuse_unwritable(json_path: Path | None) -> None:
    """Refuse before anything runs what could only fail afterwards."""
    if json_path is not None:
        if json_path.is_dir():
            raise UsageError(f"--json {json_path}: is a folder; give the path of a file")
        if not os.access(json_path.absolute().parent, os.W_OK):
            raise UsageError(f"--json {json_path}: its folder is not there or not writable")


class _Teller:
    """Say what there is to say; that nobody listens must never keep the guard from its work."""

    def __init__(
        self, say: Say, json_path: Path | None, *, quiet: bool, verbose: bool, colours: bool
    ) -> None:
        self._say = say
        self._json_path = json_path
        self._quiet = quiet
        self._verbose = verbose
        self._colours = colours

    def error(self, line: str, colour: str | None = None) -> None:
        said = printable(f"guard: {line}")
        with suppress(OSError):
            self._say(style(said, fg=colour, bold=True) if colour and self._colours else said)

    def remark(self, line: str, colour: str | None = None) -> None:
        if not self._quiet:
            self.error(line, colour)

    def told(self, run: Run) -> None:
        """Say all, the verdict last."""
        for line in telling.lines(run, verbose=self._verbose):
            self.remark(line)
        for line in telling.errors(run, verbose=self._verbose):
            self.error(line)
        self.write(run)
        if run.result.says_clean:
            self.remark(telling.verdict(run), "green" if run.proven else "yellow")
        else:
            self.error(telling.verdict(run), "red")

    def write(self, run: Run) -> None:
        """Write the document whole or not at all."""
        if self._json_path is None:
            return
        text = json.dumps(telling.document(run, verbose=self._verbose), indent=2) + "\n"
        part = self._json_path.with_name(f".{self._json_path.name}.{os.urandom(8).hex()}.part")
        try:
            with part.open("x", encoding="utf-8", errors="surrogatepass") as file:
                file.write(text)
            os.replace(part, self._json_path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            self.error(f"--json {self._json_path}: cannot be written: {error}")
